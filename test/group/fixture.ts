import { assert } from '../../src/base/assert.ts'
import { success } from '../../src/base/result.ts'
import { parseBrokerConfig } from '../../src/config/broker-config.ts'
import { GroupCoordinator } from '../../src/group/group-coordinator.ts'
import type { ManualClock } from '../../src/io/manual-clock.ts'
import { manualClock } from '../../src/io/manual-clock.ts'
import { seededRandom } from '../../src/io/seeded-random.ts'
import type { Partition } from '../../src/partition/partition.ts'
import { silentLogger } from '../../src/telemetry/logger.ts'
import type { JoinGroupRequest } from '../../src/wire/generated/join-group.ts'
import type { SyncGroupRequest } from '../../src/wire/generated/sync-group.ts'
import { FakeLog } from '../partition/fake-log.ts'
import { openPartition } from '../partition/fixture.ts'

const partitionCount = 3

/** A coordinator over logs in memory, whose disks and clock are in the hands of the test. */
export class GroupBench {
  readonly clock: ManualClock
  readonly logs: readonly FakeLog[]
  /** Partition counts by topic name. */
  readonly topics = new Map([['orders', 2]])
  readonly broken: unknown[] = []
  ensureCount = 0
  #offsetsPartitions: readonly Partition[] = []
  #groups: GroupCoordinator | null = null

  private constructor(durability: 'immediate' | 'manual') {
    this.clock = manualClock()
    this.logs = Array.from({ length: partitionCount }, () => new FakeLog(durability))
  }

  /** A broker that has never had a group; its offsets topic is made when it is needed. */
  static async start(
    options: {
      readonly durability?: 'immediate' | 'manual'
      readonly configs?: Readonly<Record<string, string>>
    } = {}
  ): Promise<GroupBench> {
    const bench = new GroupBench(options.durability ?? 'immediate')
    await bench.restart(options.configs)
    return bench
  }

  get groups(): GroupCoordinator {
    assert(this.#groups !== null, 'the bench has started')
    return this.#groups
  }

  /** Another coordinator over the same logs, which is all it knows. */
  async restart(configs: Readonly<Record<string, string>> = {}): Promise<void> {
    const config = parseBrokerConfig({ 'group.initial.rebalance.delay.ms': '0', ...configs }, 'os')
    assert(config.ok, 'the configs are right')
    this.#groups = new GroupCoordinator({
      offsetsPartition: index => this.#offsetsPartitions[index],
      ensureOffsetsTopic: async () => {
        this.ensureCount++
        this.#offsetsPartitions = await Promise.all(
          this.logs.map(log => openPartition(log, { clock: this.clock }))
        )
        return success(partitionCount)
      },
      topicExists: (topic, partition) => partition < (this.topics.get(topic) ?? 0),
      config: config.value,
      clock: this.clock,
      random: seededRandom(1),
      logger: silentLogger,
      onBroken: error => this.broken.push(error)
    })
    await this.#groups.load()
  }

  /** The disks have everything that was written. */
  sync(): void {
    for (const log of this.logs) log.sync()
  }

  /** Forms a group of one member with an assignment; returns the member's id. */
  async formGroup(groupId: string, topic = 'orders'): Promise<string> {
    const joining = this.groups.join(joinRequest({ groupId, topic }), caller(3))
    await settle()
    this.sync()
    await settle()
    this.clock.advance(0)
    const { memberId, generationId } = await this.settled(joining)
    const syncing = this.groups.sync(
      syncRequest({
        groupId,
        memberId,
        generationId,
        assignments: [{ memberId, assignment: Buffer.from('all') }]
      })
    )
    await this.settled(syncing)
    return memberId
  }

  /** Lets disks do their work until the answer is there. */
  async settled<T>(promise: Promise<T>): Promise<T> {
    await settle()
    this.sync()
    await settle()
    this.sync()
    return promise
  }
}

export function caller(apiVersion: number) {
  return { clientId: 'test', clientHost: '127.0.0.1', apiVersion }
}

export function joinRequest(
  options: Partial<JoinGroupRequest> & { readonly topic?: string } = {}
): JoinGroupRequest {
  const { topic, ...request } = options
  const name = Buffer.from(topic ?? 'orders')
  const subscription = Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 1, 0, name.length]), name])
  return {
    groupId: 'g',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 60_000,
    memberId: '',
    groupInstanceId: null,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.concat([subscription, Buffer.alloc(4, 0xff)]) }],
    reason: null,
    ...request
  }
}

export function syncRequest(request: Partial<SyncGroupRequest>): SyncGroupRequest {
  return {
    groupId: 'g',
    generationId: 1,
    memberId: '',
    groupInstanceId: null,
    protocolType: null,
    protocolName: null,
    assignments: [],
    ...request
  }
}

/** Lets everything happen that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 40; turn++) await Promise.resolve()
}
