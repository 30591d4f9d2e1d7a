import { failure } from '../../src/base/result.ts'
import { Cluster, type PartitionToOpen } from '../../src/cluster/cluster.ts'
import type { NewTopic } from '../../src/cluster/topic-creation.ts'
import { clusterMetadataTopic, clusterMetadataTopicId } from '../../src/cluster/topic-name.ts'
import { parseBrokerConfig, type BrokerConfig } from '../../src/config/broker-config.ts'
import { FileError } from '../../src/io/files.ts'
import { manualClock } from '../../src/io/manual-clock.ts'
import { seededRandom } from '../../src/io/seeded-random.ts'
import { Partition } from '../../src/partition/partition.ts'
import { silentLogger } from '../../src/telemetry/logger.ts'
import { FakeLog } from '../partition/fake-log.ts'
import { topicConfigs } from '../partition/fixture.ts'

export const nodeId = 1

/** A log that refuses writes as a full file system does. */
export class FillingLog extends FakeLog {
  #appendsLeft: number | null = null
  #once = false

  /** Refuses every append after the next `count`; null takes that back. */
  failFrom(count: number | null): void {
    this.#appendsLeft = count
    this.#once = false
  }

  /** Refuses one append after the next `count`. */
  failOnce(count: number): void {
    this.#appendsLeft = count
    this.#once = true
  }

  override append(...args: Parameters<FakeLog['append']>): ReturnType<FakeLog['append']> {
    if (this.#appendsLeft === null) return super.append(...args)
    if (this.#appendsLeft-- > 0) return super.append(...args)
    if (this.#once) this.#appendsLeft = null
    return Promise.resolve(failure('NO_SPACE'))
  }
}

export interface DiskOptions {
  /** `manual`: what is appended to the metadata log is durable when the test says so. */
  readonly metadataDurability?: 'immediate' | 'manual'
}

/**
 * What outlives a cluster: its metadata log and the logs of its partitions. The test may break it.
 */
export class Disk {
  readonly metadataLog: FillingLog
  /** Of those who wait for the cluster. */
  readonly clock = manualClock()
  /** By topic id and partition. */
  readonly logs = new Map<string, FakeLog>()
  /** Every partition that was opened, in order, by each run. */
  readonly opened: PartitionToOpen[] = []
  /** What happened to files, in order. */
  readonly events: string[] = []
  /** Refuses the next opening of partitions, as a full file system does. */
  full = false
  /** How often it was opened: each run has ids of its own. */
  #runs = 0
  /** Clients' topics are refused. */
  isSpaceLow = false
  /** Refuses the next removal. */
  stubborn = false

  constructor({ metadataDurability = 'immediate' }: DiskOptions = {}) {
    this.metadataLog = new FillingLog(metadataDurability)
  }

  /** Opens a cluster over what is on the disk. */
  async open(options: OpenClusterOptions = {}): Promise<Cluster> {
    const metadata = await Partition.open({
      topic: clusterMetadataTopic,
      topicId: clusterMetadataTopicId,
      partition: 0,
      leaderEpoch: 0,
      log: this.metadataLog,
      configs: { ...topicConfigs, maxMessageBytes: 1 << 24 },
      clock: manualClock(),
      ownerEpoch: 0,
      producerIdExpirationMs: 86_400_000
    })
    const cluster = await Cluster.open({
      clusterId: 'c2l4dGVlbi1ieXRlcy1pZA',
      nodeId,
      config: brokerConfig(options.configs),
      clock: this.clock,
      random: seededRandom(++this.#runs),
      logger: silentLogger,
      metadata,
      cleanStart: options.cleanStart ?? true,
      isSpaceLow: () => this.isSpaceLow,
      openPartitions: list => this.#openPartitions(list),
      removePartitions: list => this.#removePartitions(list)
    })
    cluster.setEndpoint('PLAINTEXT', 'broker.test', 9092)
    return cluster
  }

  async #openPartitions(list: readonly PartitionToOpen[]): Promise<readonly Partition[]> {
    if (this.full) {
      this.full = false
      throw new FileError('ENOSPC', '/data', 'no space left on device')
    }
    this.opened.push(...list)
    return Promise.all(list.map(each => this.#openPartition(each)))
  }

  #openPartition(each: PartitionToOpen): Promise<Partition> {
    const key = `${each.topicId}-${each.partition}`
    const log = this.logs.get(key) ?? new FakeLog()
    this.logs.set(key, log)
    this.events.push(`open ${each.topic}-${each.partition}`)
    const own = { clock: manualClock(), ownerEpoch: 0, producerIdExpirationMs: 86_400_000 }
    return Partition.open({ ...each, log, ...own })
  }

  async #removePartitions(list: readonly Partition[]): Promise<void> {
    for (const partition of list) {
      this.events.push(`remove ${partition.topic}-${partition.partition}`)
      this.logs.delete(`${partition.topicId}-${partition.partition}`)
      await partition.close()
    }
    if (!this.stubborn) return
    this.stubborn = false
    throw new FileError('EBUSY', '/data', 'resource busy')
  }
}

export interface OpenClusterOptions {
  readonly configs?: Readonly<Record<string, string>>
  readonly cleanStart?: boolean
}

export function brokerConfig(overrides: Readonly<Record<string, string>> = {}): BrokerConfig {
  const parsed = parseBrokerConfig(overrides, 'memory')
  if (!parsed.ok) throw new Error(parsed.detail ?? parsed.error)
  return parsed.value
}

/** A topic as a client asks for it that says nothing but the name. */
export function newTopic(name: string, rest: Partial<NewTopic> = {}): NewTopic {
  return { name, numPartitions: -1, replicationFactor: -1, assignments: [], configs: [], ...rest }
}

/** Creates one topic and gives its id. */
export async function createTopic(
  cluster: Cluster,
  name: string,
  rest: Partial<NewTopic> = {}
): Promise<string> {
  const plans = await cluster.createTopics([newTopic(name, rest)], { validateOnly: false })
  const plan = plans.get(name)
  if (!plan?.ok) throw new Error(`${name}: ${plan?.error} ${plan?.detail}`)
  return plan.value.topicId
}
