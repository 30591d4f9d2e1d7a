import { expect, test } from 'vitest'
import { Cancellation } from '../../src/base/cancellation.ts'
import type { Partition } from '../../src/partition/partition.ts'
import * as batch from '../../src/record/batch.ts'
import { buildBatch } from '../../src/record/records.ts'
import { errorCode } from '../../src/wire/generated/errors.ts'
import type { ErrorName } from '../../src/wire/generated/errors.ts'
import type {
  FetchRequestInit,
  FetchResponse,
  FetchResponsePartitionData
} from '../../src/wire/generated/fetch.ts'
import { clientBatch } from '../partition/fixture.ts'
import { DataPlane } from './data-plane.ts'

type Asked = readonly [topic: Named, partition: number, fetchOffset: number]

interface Named {
  readonly name: string
  readonly topicId: string
}

/**
 * One topic entry for each partition asked for, as clients that shuffle their partitions send them.
 */
function request(
  asked: readonly Asked[],
  options: Partial<FetchRequestInit> = {}
): FetchRequestInit {
  return {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 1 << 20,
    topics: asked.map(([{ name, topicId }, partition, fetchOffset]) => ({
      topic: name,
      topicId,
      partitions: [{ partition, fetchOffset, partitionMaxBytes: 1 << 20 }]
    })),
    ...options
  }
}

function partitionsOf(response: FetchResponse): readonly FetchResponsePartitionData[] {
  return response.responses.flatMap(each => each.partitions)
}

/** First and last offset of each batch. */
function ranges({ records }: FetchResponsePartitionData): number[][] {
  if (records === null) throw new Error('records are never null')
  return [...batch.batchPositions(records)].map(at => [
    batch.baseOffset(records, at),
    batch.lastOffset(records, at)
  ])
}

async function append(partition: Partition, ...batches: readonly string[][]): Promise<void> {
  for (const values of batches) {
    const appended = await partition.append(clientBatch(values), { acks: -1, produceVersion: 9 })
    if (!appended.ok) throw new Error(appended.error)
  }
}

function failed(error: ErrorName): object {
  return { errorCode: errorCode(error), highWatermark: -1, records: Buffer.alloc(0) }
}

const unknown = { name: 'nowhere', topicId: Buffer.alloc(16, 9).toString('base64url') }

test('every version from 4 to 18 answers with whole batches and the offsets', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders')
  await append(topic.partitions[0]!, ['a', 'b'], ['c'])
  await topic.partitions[0]!.deleteRecords(1)
  for (let version = 4; version <= 18; version++) {
    const response = await plane.call('Fetch', version, request([[topic, 0, 1]]))
    const [found] = partitionsOf(response)
    expect(response.responses[0]).toMatchObject(
      version < 13 ? { topic: 'orders' } : { topicId: topic.topicId }
    )
    expect(found).toMatchObject({
      partitionIndex: 0,
      errorCode: 0,
      highWatermark: 3,
      lastStableOffset: 3,
      logStartOffset: version < 5 ? -1 : 1,
      abortedTransactions: null,
      preferredReadReplica: -1
    })
    expect(ranges(found!)).toEqual([
      [0, 1],
      [2, 2]
    ])
  }
  expect(topic.logs[0]!.buffersOut).toBe(0)
})

test('topics named twice keep their order, neighbours share an entry', async () => {
  const plane = new DataPlane()
  const orders = await plane.addTopic('orders', { partitionCount: 3 })
  const users = await plane.addTopic('users')
  const response = await plane.call(
    'Fetch',
    11,
    request([
      [orders, 2, 0],
      [orders, 0, 0],
      [users, 0, 0],
      [orders, 1, 0]
    ])
  )
  expect(
    response.responses.map(each => [each.topic, each.partitions.map(part => part.partitionIndex)])
  ).toEqual([
    ['orders', [2, 0]],
    ['users', [0]],
    ['orders', [1]]
  ])
})

test('partitions that fail have empty records and -1, the others are answered', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders', { leaderEpoch: 2, partitionCount: 2 })
  const secret = await plane.addTopic('secret')
  plane.denied.add('READ TOPIC secret')
  await append(topic.partitions[0]!, ['a'])
  const init = request([
    [topic, 0, 0],
    [topic, 2, 0],
    [topic, 1, 9],
    [secret, 0, 0],
    [unknown, 0, 0]
  ])
  const byName = partitionsOf(await plane.call('Fetch', 12, init))
  expect(byName).toMatchObject([
    { errorCode: 0, highWatermark: 1 },
    failed('UNKNOWN_TOPIC_OR_PARTITION'),
    failed('OFFSET_OUT_OF_RANGE'),
    failed('TOPIC_AUTHORIZATION_FAILED'),
    failed('UNKNOWN_TOPIC_OR_PARTITION')
  ])
  const aborted = byName.map(each => each.abortedTransactions)
  expect(aborted, 'null where a log was looked into').toEqual([null, [], null, [], []])
  const byId = partitionsOf(await plane.call('Fetch', 13, init))
  expect(byId.at(-1)).toMatchObject(failed('UNKNOWN_TOPIC_ID'))
})

test('of a partition asked for twice the last request counts, in the place of the first', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders', { partitionCount: 2 })
  await append(topic.partitions[0]!, ['a'], ['b'])
  const init = request([
    [topic, 0, 0],
    [topic, 1, 0],
    [topic, 0, 1]
  ])
  const found = partitionsOf(await plane.call('Fetch', 12, init))
  expect(found.map(each => [each.partitionIndex, ranges(each)])).toEqual([
    [0, [[1, 1]]],
    [1, []]
  ])
})

test('a client of another leader epoch is fenced', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders', { leaderEpoch: 2 })
  const asked = (currentLeaderEpoch: number): FetchRequestInit =>
    request([], {
      topics: [
        {
          topic: 'orders',
          topicId: topic.topicId,
          partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 10, currentLeaderEpoch }]
        }
      ]
    })
  const codes = await Promise.all(
    [1, 2, 3, -2].map(async epoch => partitionsOf(await plane.call('Fetch', 12, asked(epoch)))[0])
  )
  expect(codes).toMatchObject([
    failed('FENCED_LEADER_EPOCH'),
    { errorCode: 0 },
    failed('UNKNOWN_LEADER_EPOCH'),
    { errorCode: 0 }
  ])
})

test('maxBytes bounds the whole answer, the first batch is whole in any case', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders', { partitionCount: 2 })
  for (const partition of topic.partitions) await append(partition, ['a'], ['b'])
  const size = clientBatch(['a']).length
  const init = request(
    [
      [topic, 0, 0],
      [topic, 1, 0]
    ],
    { maxBytes: 1 }
  )
  const counts = async (maxBytes: number): Promise<number[]> => {
    const response = await plane.call('Fetch', 11, { ...init, maxBytes })
    return partitionsOf(response).map(each => ranges(each).length)
  }
  expect(await counts(1)).toEqual([1, 0])
  expect(await counts(2 * size)).toEqual([2, 0])
  expect(await counts(3 * size)).toEqual([2, 1])
})

test('a fetch at the end waits for minBytes, or for maxWaitMs', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders')
  const partition = topic.partitions[0]!
  const woken = plane.call('Fetch', 11, request([[topic, 0, 0]], { maxWaitMs: 500 }))
  await new Promise(resolve => setImmediate(resolve))
  await append(partition, ['a'])
  expect(ranges(partitionsOf(await woken)[0]!)).toEqual([[0, 0]])

  const expired = plane.call('Fetch', 11, request([[topic, 0, 1]], { maxWaitMs: 500 }))
  await new Promise(resolve => setImmediate(resolve))
  plane.clock.advance(500)
  expect(partitionsOf(await expired)).toMatchObject([{ errorCode: 0, highWatermark: 1 }])
})

test('an error of a read ends the wait at once, a topic that is not there does not', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders', { partitionCount: 2 })
  const options = { maxWaitMs: 500 }
  const response = await plane.call(
    'Fetch',
    11,
    request(
      [
        [topic, 0, 0],
        [topic, 1, 5]
      ],
      options
    )
  )
  expect(partitionsOf(response)[1]).toMatchObject(failed('OFFSET_OUT_OF_RANGE'))
  const alone = await plane.call('Fetch', 11, request([[unknown, 0, 0]], options))
  expect(partitionsOf(alone)).toMatchObject([failed('UNKNOWN_TOPIC_OR_PARTITION')])

  const mixed = plane.call(
    'Fetch',
    11,
    request(
      [
        [topic, 0, 0],
        [unknown, 0, 0]
      ],
      options
    )
  )
  await new Promise(resolve => setImmediate(resolve))
  expect(plane.waiters.count).toBe(1)
  plane.clock.advance(500)
  expect(partitionsOf(await mixed)).toHaveLength(2)
})

test('the wait ends with the connection', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders')
  const gone = new Cancellation()
  const waiting = plane.answer('Fetch', 11, request([[topic, 0, 0]], { maxWaitMs: 500 }), {
    cancellation: gone
  })
  await new Promise(resolve => setImmediate(resolve))
  gone.cancel()
  expect(plane.waiters.count).toBe(0)
  await waiting
  expect(topic.logs[0]!.buffersOut).toBe(0)
})

test('committed readers get the aborted transactions of what they read, ascending', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders')
  const partition = topic.partitions[0]!
  for (const producerId of [1, 2]) {
    const fields = { producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true }
    await partition.append(clientBatch(['t'], fields), {
      acks: -1,
      produceVersion: 9,
      isTransactionVerified: true
    })
  }
  const committed = { isolationLevel: 1 }
  const [open] = partitionsOf(await plane.call('Fetch', 11, request([[topic, 0, 0]], committed)))
  expect(open).toMatchObject({ highWatermark: 2, lastStableOffset: 0, abortedTransactions: [] })
  expect(ranges(open!)).toEqual([])
  for (const producerId of [2, 1]) {
    await partition.endTransaction({
      producerId,
      producerEpoch: 0,
      coordinatorEpoch: 0,
      transactionVersion: 0,
      result: 'abort'
    })
  }
  const [ended] = partitionsOf(await plane.call('Fetch', 11, request([[topic, 0, 0]], committed)))
  expect(ended!.abortedTransactions).toEqual([
    { producerId: 1, firstOffset: 0 },
    { producerId: 2, firstOffset: 1 }
  ])
  expect(ranges(ended!)).toHaveLength(4)
})

test('zstd batches go out in every version, as from Apache Kafka 4 (kafka-python 2.0 asks in 4)', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders')
  const records = [{ key: null, value: Buffer.from('a') }]
  const zstd = buildBatch({ records, compression: 'zstd' })
  const partition = topic.partitions[0]!
  expect(await partition.append(zstd, { acks: -1, produceVersion: 9 })).toMatchObject({ ok: true })
  for (const version of [4, 9, 10]) {
    const [answer] = partitionsOf(await plane.call('Fetch', version, request([[topic, 0, 0]])))
    expect(ranges(answer!)).toEqual([[0, 0]])
  }
})

test('KAFKA_STORAGE_ERROR is NOT_LEADER_OR_FOLLOWER below version 6', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders')
  await append(topic.partitions[0]!, ['a'])
  topic.logs[0]!.read = () => Promise.resolve({ ok: false, error: 'STORAGE', detail: null })
  const [old] = partitionsOf(await plane.call('Fetch', 5, request([[topic, 0, 0]])))
  expect(old).toMatchObject(failed('NOT_LEADER_OR_FOLLOWER'))
  const [present] = partitionsOf(await plane.call('Fetch', 6, request([[topic, 0, 0]])))
  expect(present).toMatchObject(failed('KAFKA_STORAGE_ERROR'))
})

test('replicas are refused: nobody follows this broker', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders')
  await append(topic.partitions[0]!, ['a'])
  const old = await plane.call('Fetch', 14, request([[topic, 0, 0]], { replicaId: 2 }))
  const replicaState = { replicaId: 2 }
  const present = await plane.call('Fetch', 15, request([[topic, 0, 0]], { replicaState }))
  for (const response of [old, present]) {
    expect(partitionsOf(response)).toMatchObject([failed('NOT_LEADER_OR_FOLLOWER')])
  }
})

test('a session names its partitions once and hears only of news, by name and by id', async () => {
  for (const version of [7, 12, 13, 18]) {
    const plane = new DataPlane()
    const topic = await plane.addTopic('orders', { partitionCount: 2 })
    const full = await plane.call(
      'Fetch',
      version,
      request(
        [
          [topic, 0, 0],
          [topic, 1, 0]
        ],
        { sessionEpoch: 0 }
      )
    )
    expect(partitionsOf(full)).toHaveLength(2)
    const { sessionId } = full
    expect(sessionId).toBeGreaterThan(0)
    const quiet = await plane.call('Fetch', version, request([], { sessionId, sessionEpoch: 1 }))
    expect(quiet).toMatchObject({ sessionId, errorCode: 0, responses: [] })
    await append(topic.partitions[1]!, ['a'])
    const news = await plane.call('Fetch', version, request([], { sessionId, sessionEpoch: 2 }))
    expect(partitionsOf(news)).toMatchObject([{ partitionIndex: 1, highWatermark: 1 }])
    const forgottenTopicsData = [{ topic: 'orders', topicId: topic.topicId, partitions: [1] }]
    const forgot = await plane.call(
      'Fetch',
      version,
      request([], { sessionId, sessionEpoch: 3, forgottenTopicsData })
    )
    expect(forgot.responses).toEqual([])
    await append(topic.partitions[1]!, ['b'])
    const silent = await plane.call('Fetch', version, request([], { sessionId, sessionEpoch: 4 }))
    expect(silent.responses).toEqual([])
  }
})

test('a session error is the error of the whole answer', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders')
  const lost = await plane.call('Fetch', 12, request([], { sessionId: 7, sessionEpoch: 1 }))
  expect(lost).toMatchObject({
    errorCode: errorCode('FETCH_SESSION_ID_NOT_FOUND'),
    sessionId: 0,
    responses: []
  })
  const { sessionId } = await plane.call('Fetch', 12, request([[topic, 0, 0]], { sessionEpoch: 0 }))
  const wrong = await plane.call('Fetch', 12, request([], { sessionId, sessionEpoch: 5 }))
  expect(wrong.errorCode).toBe(errorCode('INVALID_FETCH_SESSION_EPOCH'))
  const mixed = await plane.call('Fetch', 13, request([], { sessionId, sessionEpoch: 1 }))
  expect(mixed.errorCode).toBe(errorCode('FETCH_SESSION_TOPIC_ID_ERROR'))
})
