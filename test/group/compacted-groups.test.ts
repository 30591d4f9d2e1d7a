import { expect, onTestFinished, test } from 'vitest'
import { brokerSettings } from '../../src/broker-options.ts'
import { Broker } from '../../src/broker.ts'
import type { Files } from '../../src/io/files.ts'
import { manualClock, type ManualClock } from '../../src/io/manual-clock.ts'
import { memoryFiles } from '../../src/io/memory-files.ts'
import { nodeRandom } from '../../src/io/node-random.ts'
import { seededRandom } from '../../src/io/seeded-random.ts'
import { batchPositions } from '../../src/record/batch.ts'
import { readRecords } from '../../src/record/records.ts'
import { decodeGroupRecord } from '../../src/group/group-records.ts'
import type { GroupRecord } from '../../src/group/group-records.ts'
import { silentLogger, type Logger } from '../../src/telemetry/logger.ts'
import type { ApiName, Messages } from '../../src/wire/generated/api-table.ts'
import { subscription } from '../handlers/group-plane.ts'
import { RawClient } from '../server/raw-client.ts'
import { countingReads } from '../storage/counting-reads.ts'

// A broker whose `__consumer_offsets` is compacted again and again, between its lives and in them:
// what a start makes of what is left has to be what the life before knew.

const minuteMs = 60_000
const tombstonesLiveMs = 10 * minuteMs
const retentionMinutes = 120
const topics = ['orders', 'payments']
const partitionCount = 3

interface Member {
  readonly groupId: string
  readonly memberId: string
  readonly generationId: number
}

/** What a broker has said and done. */
interface Told {
  compactions: number
  /** Bytes of `__consumer_offsets` that its start has read. */
  loadedSize: number
}

class Life {
  readonly clock: ManualClock
  readonly #broker: Broker
  readonly #told: Told
  readonly #client: RawClient

  private constructor(broker: Broker, client: RawClient, clock: ManualClock, told: Told) {
    this.#broker = broker
    this.#client = client
    this.clock = clock
    this.#told = told
  }

  static async start(disk: Files, clock: ManualClock, compacts = true): Promise<Life> {
    const counted = countingReads(disk)
    const told: Told = { compactions: 0, loadedSize: 0 }
    const logger: Logger = {
      ...silentLogger,
      info(message, fields) {
        const isOurs = fields?.['topic'] === '__consumer_offsets'
        if (message === 'a partition was compacted' && isOurs) told.compactions++
      }
    }
    const settings = brokerSettings({
      dataDir: '/data',
      durability: 'os',
      topics: topics.map(name => ({ name, partitions: partitionCount })),
      config: {
        'offsets.topic.num.partitions': 1,
        'connections.max.idle.ms': 1000 * 60 * minuteMs,
        'log.roll.ms': minuteMs,
        'offsets.retention.minutes': retentionMinutes,
        'group.initial.rebalance.delay.ms': 0,
        'group.max.session.timeout.ms': 100 * 60 * minuteMs,
        'log.cleaner.enable': compacts,
        'log.cleaner.min.cleanable.ratio': 0.01,
        'log.cleaner.delete.retention.ms': tombstonesLiveMs
      },
      logger
    })
    const outside = { clock, random: nodeRandom, files: counted.files }
    const broker = await Broker.start(settings, outside)
    onTestFinished(() => broker.close())
    told.loadedSize = counted.bytes('/__consumer_offsets-0/', '.log')
    const client = await RawClient.connect(broker.listeners[0]!.port)
    onTestFinished(() => client.close())
    return new Life(broker, client, clock, told)
  }

  /** Bytes of `__consumer_offsets` that the start has read. */
  get loadedSize(): number {
    return this.#told.loadedSize
  }

  async ask<A extends ApiName>(
    api: A,
    version: number,
    request: Messages[A]['requestInit']
  ): Promise<Messages[A]['readResponse']> {
    const waiting = { isOver: false }
    const answer = this.#client.ask(api, version, request).finally(() => (waiting.isOver = true))
    // A rebalance begins after a delay of nothing, which the clock has to be told of.
    while (!waiting.isOver) await this.advance(0)
    return answer
  }

  /** Lets time pass, and what waits for it happen. */
  async advance(ms: number): Promise<void> {
    this.clock.advance(ms)
    await new Promise(resolve => setImmediate(resolve))
  }

  /** Waits until the topic has been compacted, and has nothing more to be compacted. */
  async compacted(): Promise<void> {
    for (let seen = -1; seen !== this.#told.compactions || seen === 0;) {
      seen = this.#told.compactions
      for (let step = 0; step < 40; step++) await this.advance(1000)
    }
  }

  async stop(): Promise<void> {
    await this.#client.close()
    await this.#broker.close()
  }
}

/** What clients did, and can ask for again. */
class Clients {
  readonly #random = seededRandom(7)
  readonly members = new Map<string, Member>()
  life: Life

  constructor(life: Life) {
    this.life = life
  }

  #below(end: number): number {
    return this.#random.bytes(4).readUInt32BE(0) % end
  }

  async join(groupId: string): Promise<void> {
    const { memberId, generationId, errorCode } = await this.life.ask('JoinGroup', 3, {
      groupId,
      sessionTimeoutMs: 90 * 60 * minuteMs,
      rebalanceTimeoutMs: minuteMs,
      memberId: this.members.get(groupId)?.memberId ?? '',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: subscription }]
    })
    expect(errorCode).toBe(0)
    const member = { groupId, memberId, generationId }
    const assignment = Buffer.from(`all of ${groupId} in ${generationId}`)
    const assignments = [{ memberId, assignment }]
    expect((await this.life.ask('SyncGroup', 3, { ...member, assignments })).errorCode).toBe(0)
    this.members.set(groupId, member)
  }

  async leave(groupId: string): Promise<void> {
    const member = this.members.get(groupId)
    if (member === undefined) return
    this.members.delete(groupId)
    expect((await this.life.ask('LeaveGroup', 2, member)).errorCode).toBe(0)
  }

  async commit(groupId: string, offset: bigint): Promise<void> {
    const { memberId, generationId } = this.members.get(groupId) ?? {
      memberId: '',
      generationId: -1
    }
    const partition = {
      partitionIndex: this.#below(partitionCount),
      committedOffset: offset,
      committedLeaderEpoch: this.#below(4) - 1,
      committedMetadata: this.#below(2) === 0 ? null : `${groupId} was here at ${offset}`
    }
    const name = topics[this.#below(topics.length)]!
    const { topics: answered } = await this.life.ask('OffsetCommit', 8, {
      groupId,
      memberId,
      generationIdOrMemberEpoch: generationId,
      topics: [{ name, partitions: [partition] }]
    })
    expect(answered[0]?.partitions[0]?.errorCode).toBe(0)
  }

  async deleteOffsets(groupId: string): Promise<void> {
    const partitions = [{ partitionIndex: this.#below(partitionCount) }]
    await this.life.ask('OffsetDelete', 0, { groupId, topics: [{ name: 'payments', partitions }] })
  }

  async deleteGroup(groupId: string): Promise<void> {
    await this.leave(groupId)
    await this.life.ask('DeleteGroups', 2, { groupsNames: [groupId] })
  }

  /** Something that clients do, by chance. */
  async act(offset: bigint): Promise<void> {
    await this.life.advance(10_000)
    const groupId = `group ${this.#below(6)}`
    const chance = this.#below(100)
    if (chance < 70) await this.commit(groupId, offset)
    else if (chance < 80) await this.join(groupId)
    else if (chance < 88) await this.leave(groupId)
    else if (chance < 93) await this.deleteOffsets(groupId)
    else if (chance < 97) await this.deleteGroup(groupId)
    else await this.life.advance(this.#below(retentionMinutes) * minuteMs)
  }

  /** All that a client can see of groups, and whether their members are still taken for theirs. */
  async view(): Promise<unknown> {
    const { groups: listed } = await this.life.ask('ListGroups', 4, { statesFilter: [] })
    const ids = listed.map(({ groupId }) => groupId).sort()
    const described = await this.life.ask('DescribeGroups', 5, {
      groups: ids,
      includeAuthorizedOperations: false
    })
    const groups = ids.map(groupId => ({ groupId, topics: null }))
    const fetched = await this.life.ask('OffsetFetch', 8, { groups, requireStable: false })
    const beats: unknown[] = []
    for (const member of this.members.values()) {
      const { errorCode } = await this.life.ask('Heartbeat', 3, member)
      beats.push([member.groupId, member.generationId, errorCode])
    }
    return { described: described.groups, fetched: offsetsOf(fetched), beats }
  }

  /** The records of `__consumer_offsets` that are left. */
  async records(): Promise<readonly GroupRecord[]> {
    const records: GroupRecord[] = []
    for (let fetchOffset = 0; ;) {
      const { responses } = await this.life.ask('Fetch', 11, {
        maxWaitMs: 0,
        minBytes: 0,
        topics: [
          {
            topic: '__consumer_offsets',
            partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }]
          }
        ]
      })
      const { records: bytes } = responses[0]!.partitions[0]!
      if (bytes === null || bytes.length === 0) return records
      for (const at of batchPositions(bytes)) {
        const opened = readRecords(bytes, at)
        if (!opened.ok) throw new Error(opened.error)
        for (const { key, value, offset } of opened.value) {
          fetchOffset = offset + 1
          const record = decodeGroupRecord(key!, value)
          if (record !== null) records.push(record)
        }
      }
    }
  }
}

/** Committed offsets in an order of their own. */
function offsetsOf({ groups }: Messages['OffsetFetch']['readResponse']): readonly unknown[] {
  return groups.map(({ groupId, topics, errorCode }) => ({
    groupId,
    errorCode,
    offsets: topics
      .flatMap(({ name, partitions }) => partitions.map(each => ({ name, ...each })))
      .sort((a, b) => a.name.localeCompare(b.name) || a.partitionIndex - b.partitionIndex)
  }))
}

/** A broker in which clients have done something, and its next life: all that each can see. */
async function restarted(clients: Clients, disk: Files, compacts = true): Promise<void> {
  const before = await clients.view()
  const { life } = clients
  await life.stop()
  clients.life = await Life.start(disk, life.clock, compacts)
  expect(await clients.view()).toEqual(before)
}

test('groups are the same after their topic was compacted, and a start reads less of it', async () => {
  const disk = memoryFiles()
  const clients = new Clients(await Life.start(disk, manualClock(), false))
  for (let step = 0; step < 300; step++) await clients.act(BigInt(step))
  await restarted(clients, disk, false)
  const wholeSize = clients.life.loadedSize
  await restarted(clients, disk)
  await clients.life.compacted()
  await restarted(clients, disk)
  expect(wholeSize).toBeGreaterThan(20_000)
  expect(clients.life.loadedSize).toBeLessThan(wholeSize / 3)
})

test('groups that go on between compactions and lives are the same in each, and expire in the last', async () => {
  const disk = memoryFiles()
  const clients = new Clients(await Life.start(disk, manualClock()))
  for (let life = 0; life < 4; life++) {
    for (let step = 0; step < 100; step++) await clients.act(BigInt(life * 1000 + step))
    await clients.life.compacted()
    await restarted(clients, disk)
  }
  for (const groupId of clients.members.keys()) await clients.leave(groupId)
  for (let step = 0; step < 3 * retentionMinutes; step++) await clients.life.advance(minuteMs)
  expect(await clients.view()).toEqual({ described: [], fetched: [], beats: [] })
})

test('a deleted group stays deleted when its tombstones are gone as well', async () => {
  const disk = memoryFiles()
  const clients = new Clients(await Life.start(disk, manualClock()))
  const goOn = async (): Promise<void> => {
    for (let step = 0; step < 20; step++) {
      await clients.life.advance(10_000)
      await clients.commit('stays', BigInt(step))
    }
    await clients.life.compacted()
  }
  const left = async (): Promise<readonly boolean[]> =>
    (await clients.records())
      .filter(({ groupId }) => groupId === 'goes')
      .map(({ value }) => value === null)
  await clients.join('goes')
  for (let step = 0; step < 20; step++) await clients.commit('goes', 5n)
  await clients.deleteGroup('goes')
  await goOn()
  const tombstones = await left()
  expect(tombstones.length).toBeGreaterThan(2)
  expect(tombstones).toEqual(tombstones.map(() => true))
  await restarted(clients, disk)
  await clients.life.advance(tombstonesLiveMs)
  await goOn()
  expect(await left()).toEqual([])
  await restarted(clients, disk)
  const { groups } = await clients.life.ask('ListGroups', 4, {})
  expect(groups.map(({ groupId }) => groupId)).toEqual(['stays'])
})
