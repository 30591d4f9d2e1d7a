import { expect, test } from 'vitest'
import { buildBatch } from '../../src/record/records.ts'
import { compressions, type Compression } from '../../src/record/batch.ts'
import { errorCode } from '../../src/wire/generated/errors.ts'
import type { ErrorName } from '../../src/wire/generated/errors.ts'
import type { ListOffsetsResponsePartitionResponse } from '../../src/wire/generated/list-offsets.ts'
import type { Partition } from '../../src/partition/partition.ts'
import { DataPlane } from './data-plane.ts'

const startMs = 1_700_000_000_000

/** Appends one batch whose records have these times, ms after `startMs`. */
async function append(
  partition: Partition,
  times: readonly number[],
  compression: Compression = 'none'
): Promise<void> {
  const records = times.map(each => ({
    key: null,
    value: Buffer.from('v'),
    timestampMs: startMs + each
  }))
  const batch = buildBatch({ records, compression })
  const appended = await partition.append(batch, { acks: -1, produceVersion: 9 })
  if (!appended.ok) throw new Error(`${appended.error} ${appended.detail}`)
}

interface AskOptions {
  readonly isolationLevel?: number
  readonly currentLeaderEpoch?: number
}

async function ask(
  plane: DataPlane,
  version: number,
  timestamp: number,
  { isolationLevel = 0, currentLeaderEpoch = -1 }: AskOptions = {}
): Promise<ListOffsetsResponsePartitionResponse> {
  const partitions = [{ partitionIndex: 0, timestamp, currentLeaderEpoch }]
  const topics = [{ name: 'orders', partitions }]
  const response = await plane.call('ListOffsets', version, {
    replicaId: -1,
    isolationLevel,
    topics
  })
  return response.topics[0]!.partitions[0]!
}

/** The offset and the time, ms after `startMs`, for a time to look for. */
async function found(plane: DataPlane, afterMs: number): Promise<number[]> {
  const { offset, timestamp } = await ask(plane, 7, startMs + afterMs)
  return [offset, timestamp < 0 ? timestamp : timestamp - startMs]
}

function failed(error: ErrorName): object {
  return { partitionIndex: 0, errorCode: errorCode(error), timestamp: -1, offset: -1 }
}

test('every version from 1 to 11 knows the end and the start', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders', { leaderEpoch: 3 })
  await append(topic.partitions[0]!, [0, 1, 2])
  await topic.partitions[0]!.deleteRecords(1)
  for (let version = 1; version <= 11; version++) {
    const leaderEpoch = version < 4 ? -1 : 3
    expect(await ask(plane, version, -1)).toEqual({
      partitionIndex: 0,
      errorCode: 0,
      timestamp: -1,
      offset: 3,
      leaderEpoch
    })
    expect(await ask(plane, version, -2)).toMatchObject({ timestamp: -1, offset: 1, leaderEpoch })
  }
})

test('an empty partition starts and ends at 0 in the present epoch', async () => {
  const plane = new DataPlane()
  await plane.addTopic('orders', { leaderEpoch: 3 })
  expect(await ask(plane, 7, -1)).toMatchObject({ offset: 0, leaderEpoch: 3 })
  expect(await ask(plane, 7, -2)).toMatchObject({ offset: 0, leaderEpoch: 3 })
  expect(await ask(plane, 7, -3)).toMatchObject({ errorCode: 0, offset: -1, timestamp: -1 })
  expect(await ask(plane, 7, 0)).toMatchObject({ errorCode: 0, offset: -1, timestamp: -1 })
})

test('special timestamps exist from their version on, tiered storage holds nothing', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders')
  await append(topic.partitions[0]!, [0])
  const since = new Map([
    [-3, 7],
    [-4, 8],
    [-5, 9],
    [-6, 11]
  ])
  for (const [timestamp, version] of since) {
    expect(await ask(plane, version - 1, timestamp)).toMatchObject(failed('UNSUPPORTED_VERSION'))
    const offset = timestamp === -5 || timestamp === -6 ? -1 : 0
    expect(await ask(plane, version, timestamp)).toMatchObject({ errorCode: 0, offset })
  }
  expect(await ask(plane, 11, -7)).toMatchObject(failed('UNSUPPORTED_VERSION'))
})

test('by time it is the first record at or after, compressed or not', async () => {
  for (const compression of compressions) {
    const plane = new DataPlane()
    const partition = (await plane.addTopic('orders')).partitions[0]!
    await append(partition, [0, 10, 10, 20], compression)
    await append(partition, [30, 30, 30], compression)
    await append(partition, [25, 40], compression)
    expect(await found(plane, -5)).toEqual([0, 0])
    expect(await found(plane, 0)).toEqual([0, 0])
    expect(await found(plane, 1)).toEqual([1, 10])
    expect(await found(plane, 10)).toEqual([1, 10])
    expect(await found(plane, 20)).toEqual([3, 20])
    expect(await found(plane, 21)).toEqual([4, 30])
    expect(await found(plane, 30)).toEqual([4, 30])
    expect(await found(plane, 31)).toEqual([8, 40])
    expect(await found(plane, 41)).toEqual([-1, -1])
  }
})

test('a record below the log start is not found, the next one that fits is', async () => {
  const plane = new DataPlane()
  const partition = (await plane.addTopic('orders')).partitions[0]!
  await append(partition, [50, 10, 10])
  await append(partition, [20])
  await append(partition, [50])
  await partition.deleteRecords(1)
  expect(await found(plane, 30)).toEqual([4, 50])
  expect(await found(plane, 0)).toEqual([1, 10])
})

test('a batch that cannot be opened is found as a whole', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders')
  const partition = topic.partitions[0]!
  await append(partition, [0])
  const log = topic.logs[0]!
  const keep = log.append.bind(log)
  log.append = (ownerEpoch, expectedOffset, batches) => {
    for (const { bytes } of batches) bytes.fill(0xff, 61)
    return keep(ownerEpoch, expectedOffset, batches)
  }
  await append(partition, [5, 9], 'lz4')
  expect(await found(plane, 7)).toEqual([1, 9])
})

test('the largest timestamp is that of the first record which has it', async () => {
  const plane = new DataPlane()
  const partition = (await plane.addTopic('orders')).partitions[0]!
  await append(partition, [0, 40, 40, 3])
  await append(partition, [20])
  expect(await ask(plane, 7, -3)).toMatchObject({ offset: 1, timestamp: startMs + 40 })
})

test('the largest timestamp is that of a record which is left, also when the first is gone', async () => {
  const plane = new DataPlane()
  const partition = (await plane.addTopic('orders')).partitions[0]!
  await append(partition, [40, 3])
  await append(partition, [20, 40])
  await append(partition, [40])
  await partition.deleteRecords(1)
  expect(await ask(plane, 7, -3)).toMatchObject({ offset: 3, timestamp: startMs + 40 })
  await partition.deleteRecords(4)
  expect(await ask(plane, 7, -3)).toMatchObject({ offset: 4, timestamp: startMs + 40 })
  await partition.deleteRecords(5)
  expect(await ask(plane, 7, -3)).toMatchObject({ offset: -1, timestamp: -1 })
})

test('the largest timestamp of records without any is that of the first', async () => {
  const plane = new DataPlane()
  const partition = (await plane.addTopic('orders')).partitions[0]!
  expect(await ask(plane, 7, -3)).toMatchObject({ offset: -1, timestamp: -1 })
  const without = -1 - startMs
  await append(partition, [without, without])
  await append(partition, [without])
  expect(await ask(plane, 7, -3)).toMatchObject({ offset: 0, timestamp: -1, leaderEpoch: 0 })
})

test('what is not durable yet is not found', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders', { durability: 'manual' })
  const appended = append(topic.partitions[0]!, [0])
  expect(await ask(plane, 7, -1)).toMatchObject({ offset: 0 })
  expect(await ask(plane, 7, -3)).toMatchObject({ errorCode: 0, offset: -1 })
  expect(await found(plane, 0)).toEqual([-1, -1])
  topic.logs[0]!.sync()
  await appended
  expect(await found(plane, 0)).toEqual([0, 0])
})

test('committed readers find the last stable offset as the end', async () => {
  const plane = new DataPlane()
  const partition = (await plane.addTopic('orders')).partitions[0]!
  await append(partition, [0])
  const records = [{ key: null, value: null, timestampMs: startMs + 10 }]
  const fields = { producerId: 1, producerEpoch: 0, baseSequence: 0, isTransactional: true }
  await partition.append(buildBatch({ records, ...fields }), {
    acks: -1,
    produceVersion: 9,
    isTransactionVerified: true
  })
  expect(await ask(plane, 7, -1)).toMatchObject({ offset: 2 })
  const committed = { isolationLevel: 1 }
  expect(await ask(plane, 7, -1, committed)).toMatchObject({ offset: 1 })
  expect(await ask(plane, 7, startMs + 5, committed)).toMatchObject({ offset: -1 })
})

test('a partition unknown, fenced, forbidden or named twice fails alone', async () => {
  const plane = new DataPlane()
  await plane.addTopic('orders', { leaderEpoch: 2 })
  const codes = async (epoch: number): Promise<unknown> =>
    ask(plane, 7, -1, { currentLeaderEpoch: epoch })
  expect(await codes(1)).toMatchObject(failed('FENCED_LEADER_EPOCH'))
  expect(await codes(3)).toMatchObject(failed('UNKNOWN_LEADER_EPOCH'))
  const response = await plane.call('ListOffsets', 7, {
    replicaId: -1,
    topics: [
      { name: 'nowhere', partitions: [{ partitionIndex: 0, timestamp: -1 }] },
      {
        name: 'orders',
        partitions: [
          { partitionIndex: 0, timestamp: -1 },
          { partitionIndex: 0, timestamp: -2 }
        ]
      }
    ]
  })
  expect(response.topics).toMatchObject([
    { name: 'nowhere', partitions: [failed('UNKNOWN_TOPIC_OR_PARTITION')] },
    { name: 'orders', partitions: [failed('INVALID_REQUEST'), failed('INVALID_REQUEST')] }
  ])
  plane.denied.add('DESCRIBE TOPIC orders')
  expect(await ask(plane, 7, -1)).toMatchObject(failed('TOPIC_AUTHORIZATION_FAILED'))
})
