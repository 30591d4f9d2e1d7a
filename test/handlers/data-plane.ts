import { Cancellation } from '../../src/base/cancellation.ts'
import { success } from '../../src/base/result.ts'
import type { Result } from '../../src/base/result.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import type { TopicConfigs } from '../../src/config/topic-configs.ts'
import { handlers } from '../../src/handlers/index.ts'
import { closeConnection, noAnswer } from '../../src/handlers/handler.ts'
import type { RequestContext } from '../../src/handlers/handler.ts'
import { manualClock } from '../../src/io/manual-clock.ts'
import { seededRandom } from '../../src/io/seeded-random.ts'
import { DiskWaits } from '../../src/partition/disk-waits.ts'
import { FetchSessions } from '../../src/partition/fetch-session.ts'
import { FetchWaiters } from '../../src/partition/fetch-waiters.ts'
import { Partition } from '../../src/partition/partition.ts'
import { apis } from '../../src/wire/generated/api-table.ts'
import type { ApiName, Messages } from '../../src/wire/generated/api-table.ts'
import type { ErrorName } from '../../src/wire/generated/errors.ts'
import { Reader } from '../../src/wire/reader.ts'
import { Writer } from '../../src/wire/writer.ts'
import { brokerConfig } from '../cluster/fixture.ts'
import { FakeLog } from '../partition/fake-log.ts'
import { topicConfigs } from '../partition/fixture.ts'

interface TestTopic {
  readonly name: string
  readonly topicId: string
  readonly isInternal: boolean
  readonly partitions: readonly Partition[]
  readonly logs: readonly FakeLog[]
}

export interface TopicOptions {
  readonly partitionCount?: number
  readonly isInternal?: boolean
  readonly leaderEpoch?: number
  readonly durability?: 'immediate' | 'manual'
  readonly configs?: Partial<TopicConfigs>
}

export interface CallOptions {
  readonly clientId?: string
  readonly cancellation?: Cancellation
}

/**
 * Topics with real partitions, and requests that reach their handlers through the wire codecs of
 * their version.
 */
export class DataPlane {
  readonly clock = manualClock()
  readonly config = brokerConfig()
  readonly diskWaits = new DiskWaits(this.clock)
  readonly waiters = new FetchWaiters(this.clock)
  readonly sessions = new FetchSessions({ random: seededRandom(1), countMax: 1000 })
  /** As `READ TOPIC orders`. */
  readonly denied = new Set<string>()
  nextProducerId: () => Promise<Result<number, ErrorName>>
  readonly #topics = new Map<string, TestTopic>()
  #producerIds = 1_000

  constructor() {
    this.nextProducerId = () => Promise.resolve(success(this.#producerIds++))
  }

  async addTopic(name: string, options: TopicOptions = {}): Promise<TestTopic> {
    const logs = Array.from(
      { length: options.partitionCount ?? 1 },
      () => new FakeLog(options.durability)
    )
    const topicId = Buffer.alloc(16, name).toString('base64url')
    const partitions = await Promise.all(
      logs.map((log, partition) =>
        Partition.open({
          topic: name,
          topicId,
          partition,
          leaderEpoch: options.leaderEpoch ?? 0,
          log,
          configs: { ...topicConfigs, ...options.configs },
          clock: this.clock,
          ownerEpoch: 0,
          producerIdExpirationMs: 86_400_000
        })
      )
    )
    const topic = { name, topicId, isInternal: options.isInternal ?? false, partitions, logs }
    this.#topics.set(name, topic)
    return topic
  }

  /**
   * Encodes the request, calls the handler, encodes its answer and reads it as the client would.
   */
  async call<A extends ApiName>(
    api: A,
    version: number,
    request: Messages[A]['requestInit'],
    options: CallOptions = {}
  ): Promise<Messages[A]['readResponse']> {
    const answer = await this.answer(api, version, request, options)
    if (answer === 'noAnswer' || answer === 'closeConnection') throw new Error(answer)
    return answer
  }

  async answer<A extends ApiName>(
    api: A,
    version: number,
    request: Messages[A]['requestInit'],
    options: CallOptions = {}
  ): Promise<Messages[A]['readResponse'] | 'noAnswer' | 'closeConnection'> {
    const definition = apis[api]
    const handler = handlers[api]
    if (handler === undefined) throw new Error(`no handler for ${api}`)
    const writer = new Writer()
    definition.writeRequest(writer, request, version)
    const received = Buffer.concat(writer.takeChunks())
    const releases: (() => void)[] = []
    const context = this.#context(version, options, releases)
    const answer = await handler(context, definition.readRequest(new Reader(received), version))
    if (answer === noAnswer) return 'noAnswer'
    if (answer === closeConnection) return 'closeConnection'
    definition.writeResponse(writer, answer, version)
    const sent = Buffer.concat(writer.takeChunks())
    for (const release of releases) release()
    return definition.readResponse(new Reader(sent), version)
  }

  #context(apiVersion: number, options: CallOptions, releases: (() => void)[]): RequestContext {
    const topics = this.#topics
    const byId = (topicId: string): TestTopic | undefined =>
      [...topics.values()].find(each => each.topicId === topicId)
    const cluster = {
      topic: (name: string) => topics.get(name),
      topicById: byId,
      partition: (name: string, index: number) => topics.get(name)?.partitions[index],
      partitionById: (topicId: string, index: number) => byId(topicId)?.partitions[index],
      nextProducerId: () => this.nextProducerId()
    }
    const used: Partial<RequestContext> = {
      apiVersion,
      clientId: options.clientId ?? 'test',
      // What these handlers use of it is there.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      cluster: cluster as unknown as Cluster,
      config: this.config,
      diskWaits: this.diskWaits,
      fetchSessions: this.sessions,
      fetchWaiters: this.waiters,
      cancellation: options.cancellation ?? new Cancellation(),
      monotonicMs: () => this.clock.monotonicMs(),
      authorize: (operation, resource, name) =>
        !this.denied.has(`${operation} ${resource} ${name}`),
      onAnswered: release => releases.push(release)
    }
    // The rest is for other handlers.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return used as RequestContext
  }
}
