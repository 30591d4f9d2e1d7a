import { expect, test } from 'vitest'
import * as fc from 'fast-check'
import type { Result } from '../../src/base/result.ts'
import { Partition } from '../../src/partition/partition.ts'
import type { IsolationLevel, PartitionRead } from '../../src/partition/partition.ts'
import * as batch from '../../src/record/batch.ts'
import { buildBatch } from '../../src/record/records.ts'
import type { ErrorName } from '../../src/wire/generated/errors.ts'
import { FakeLog } from './fake-log.ts'
import { clientBatch, openPartition } from './fixture.ts'

const acked = { acks: -1, produceVersion: 9 }

interface ReadOptions {
  readonly maxBytes?: number
  readonly isolationLevel?: IsolationLevel
  readonly minOneBatch?: boolean
  readonly currentLeaderEpoch?: number
}

function read(
  partition: Partition,
  fromOffset: number,
  options: ReadOptions = {}
): Promise<Result<PartitionRead, ErrorName>> {
  return partition.read({
    fromOffset,
    maxBytes: 1 << 20,
    isolationLevel: 'READ_UNCOMMITTED',
    minOneBatch: true,
    currentLeaderEpoch: -1,
    ...options
  })
}

/** First and last offset of each batch read. */
async function ranges(
  partition: Partition,
  fromOffset: number,
  options: ReadOptions = {}
): Promise<number[][]> {
  const result = await read(partition, fromOffset, options)
  if (!result.ok) throw new Error(result.error)
  const { bytes } = result.value
  const found = [...batch.batchPositions(bytes)].map(at => [
    batch.baseOffset(bytes, at),
    batch.lastOffset(bytes, at)
  ])
  result.value.release()
  return found
}

/**
 * Puts a batch into the log behind the partition's back, as a compaction or an earlier broker would
 * have left it.
 */
function put(log: FakeLog, bytes: Buffer, baseOffset: number, lastOffset: number): void {
  batch.stampOffsets(bytes, 0, baseOffset, 0)
  log.logEndOffset = baseOffset
  void log.append(0, baseOffset, [
    { bytes, baseOffset, lastOffset, maxTimestampMs: 0, partitionLeaderEpoch: 0 }
  ])
}

/** What compaction leaves of a batch of five records. */
function emptiedBatch(): Buffer {
  return buildBatch({ records: [], lastOffsetDelta: 4, deleteHorizonMs: 1 })
}

function firstOfTransaction(producerId: number): Buffer {
  const fields = { producerId, producerEpoch: 0, baseSequence: 0 }
  return clientBatch(['t'], { ...fields, isTransactional: true })
}

test('a read begins with the batch that contains the offset, all are whole', async () => {
  const partition = await openPartition(new FakeLog())
  await partition.append(clientBatch(['a', 'b', 'c']), acked)
  await partition.append(clientBatch(['d', 'e']), acked)
  expect(await ranges(partition, 1)).toEqual([
    [0, 2],
    [3, 4]
  ])
  expect(await ranges(partition, 4)).toEqual([[3, 4]])
  const size = clientBatch(['a', 'b', 'c']).length
  expect(await ranges(partition, 0, { maxBytes: size + 10 })).toEqual([[0, 2]])
})

test('the first batch is whole beyond maxBytes, unless one was already given', async () => {
  const partition = await openPartition(new FakeLog())
  await partition.append(clientBatch(['a'.repeat(500)]), acked)
  expect(await ranges(partition, 0, { maxBytes: 10 })).toEqual([[0, 0]])
  expect(await ranges(partition, 0, { maxBytes: 10, minOneBatch: false })).toEqual([])
})

test('offsets outside of the log are OFFSET_OUT_OF_RANGE, the end is empty', async () => {
  const log = new FakeLog()
  const partition = await openPartition(log)
  for (const value of ['a', 'b', 'c']) await partition.append(clientBatch([value]), acked)
  await partition.deleteRecords(1)
  expect(await read(partition, 0)).toMatchObject({ error: 'OFFSET_OUT_OF_RANGE' })
  expect(await read(partition, 4)).toMatchObject({ error: 'OFFSET_OUT_OF_RANGE' })
  expect(await read(partition, -1)).toMatchObject({ error: 'OFFSET_OUT_OF_RANGE' })
  expect(await read(partition, 3)).toMatchObject({
    ok: true,
    value: { highWatermark: 3, lastStableOffset: 3, logStartOffset: 1 }
  })
  expect(await ranges(partition, 3)).toEqual([])
  expect(await ranges(partition, 1)).toEqual([
    [1, 1],
    [2, 2]
  ])
})

test('nothing beyond the high watermark is read, and asking there is no error', async () => {
  const log = new FakeLog('manual')
  const partition = await openPartition(log)
  const first = partition.append(clientBatch(['a']), acked)
  log.sync()
  await first
  const second = partition.append(clientBatch(['b']), acked)
  expect(await ranges(partition, 0)).toEqual([[0, 0]])
  expect(await ranges(partition, 1)).toEqual([])
  expect(await ranges(partition, 2)).toEqual([])
  log.sync()
  await second
  expect(await ranges(partition, 1)).toEqual([[1, 1]])
})

test('a reader of another leader epoch is refused', async () => {
  const partition = await openPartition(new FakeLog(), { leaderEpoch: 3 })
  expect(await read(partition, 0, { currentLeaderEpoch: 2 })).toMatchObject({
    error: 'FENCED_LEADER_EPOCH'
  })
  expect(await read(partition, 0, { currentLeaderEpoch: 4 })).toMatchObject({
    error: 'UNKNOWN_LEADER_EPOCH'
  })
})

test('rotten bytes are CORRUPT_MESSAGE at their offset, what is before them is read', async () => {
  const log = new FakeLog()
  const partition = await openPartition(log)
  await partition.append(clientBatch(['a']), acked)
  await partition.append(clientBatch(['b']), acked)
  log.corruptFrom = 1
  expect(await ranges(partition, 0)).toEqual([[0, 0]])
  expect(await read(partition, 1)).toMatchObject({ error: 'CORRUPT_MESSAGE' })
})

test('batches emptied by compaction are passed over while records follow', async () => {
  const log = new FakeLog()
  put(log, emptiedBatch(), 0, 4)
  put(log, emptiedBatch(), 5, 9)
  put(log, clientBatch(['a']), 10, 10)
  put(log, emptiedBatch(), 11, 15)
  const partition = await openPartition(log)
  const size = emptiedBatch().length
  expect(await ranges(partition, 0, { maxBytes: size })).toEqual([[10, 10]])
  expect(await ranges(partition, 11)).toEqual([[11, 15]])
  expect(log.buffersOut).toBe(0)
})

test('committed readers stop at an open transaction, and hear of aborted ones', async () => {
  const log = new FakeLog('manual')
  const partition = await openPartition(log)
  const verified = { ...acked, isTransactionVerified: true }
  const end = { producerEpoch: 0, coordinatorEpoch: 0, transactionVersion: 0 }
  void partition.append(clientBatch(['plain']), acked)
  void partition.append(firstOfTransaction(1), verified)
  void partition.append(firstOfTransaction(2), verified)
  log.sync()
  expect([partition.highWatermark, partition.lastStableOffset]).toEqual([3, 1])
  const committed = { isolationLevel: 'READ_COMMITTED' } as const
  expect(await ranges(partition, 0, committed)).toEqual([[0, 0]])
  expect(await ranges(partition, 1, committed)).toEqual([])
  expect(await ranges(partition, 1)).toEqual([
    [1, 1],
    [2, 2]
  ])

  const aborted = partition.endTransaction({ ...end, producerId: 2, result: 'abort' })
  log.sync()
  expect(await aborted).toMatchObject({ ok: true, value: { baseOffset: 3 } })
  expect(partition.lastStableOffset).toBe(1)
  const done = partition.endTransaction({ ...end, producerId: 1, result: 'abort' })
  expect(partition.lastStableOffset).toBe(1)
  log.sync()
  await done
  expect(partition.lastStableOffset).toBe(5)

  const result = await read(partition, 0, committed)
  if (!result.ok) throw new Error(result.error)
  expect(result.value.abortedTransactions).toMatchObject([
    { producerId: 1, firstOffset: 1 },
    { producerId: 2, firstOffset: 2 }
  ])
  const reopened = await openPartition(log)
  const again = await read(reopened, 4, committed)
  expect(again).toMatchObject({
    value: { abortedTransactions: [{ producerId: 1, firstOffset: 1 }] }
  })
})

test('an open transaction is open again after the log was opened anew', async () => {
  const log = new FakeLog()
  const partition = await openPartition(log)
  const records = clientBatch(['t'], {
    producerId: 1,
    producerEpoch: 0,
    baseSequence: 0,
    isTransactional: true
  })
  await partition.append(records, { ...acked, isTransactionVerified: true })
  await partition.append(clientBatch(['plain']), acked)
  const reopened = await openPartition(log)
  expect([reopened.highWatermark, reopened.lastStableOffset]).toEqual([2, 0])
})

test('a marker that fails to be written leaves its transaction open', async () => {
  const log = new FakeLog()
  const partition = await openPartition(log)
  const fields = { producerId: 1, producerEpoch: 0 }
  await partition.append(
    clientBatch(['t'], { ...fields, baseSequence: 0, isTransactional: true }),
    { ...acked, isTransactionVerified: true }
  )
  log.failNext = 'STORAGE'
  const end = { ...fields, coordinatorEpoch: 0, transactionVersion: 0, result: 'abort' } as const
  expect(await partition.endTransaction(end)).toMatchObject({ error: 'KAFKA_STORAGE_ERROR' })
  expect(partition.lastStableOffset).toBe(0)
  expect(await partition.endTransaction(end)).toMatchObject({ ok: true })
  expect(partition.lastStableOffset).toBe(2)
})

test('records are deleted up to the high watermark, below the start nothing is', async () => {
  const log = new FakeLog('manual')
  const partition = await openPartition(log)
  for (const value of ['a', 'b', 'c']) void partition.append(clientBatch([value]), acked)
  log.sync()
  void partition.append(clientBatch(['d']), acked)
  expect(await partition.deleteRecords(4)).toMatchObject({ error: 'OFFSET_OUT_OF_RANGE' })
  expect(await partition.deleteRecords(-2)).toMatchObject({ error: 'OFFSET_OUT_OF_RANGE' })
  expect(await partition.deleteRecords(2)).toMatchObject({ value: { logStartOffset: 2 } })
  expect(await partition.deleteRecords(1)).toMatchObject({ value: { logStartOffset: 2 } })
  expect(await partition.deleteRecords(-1)).toMatchObject({ value: { logStartOffset: 3 } })
})

test('a topic that is only compacted keeps its records: POLICY_VIOLATION', async () => {
  const partition = await openPartition(new FakeLog(), {
    configs: { cleanupPolicy: { delete: false, compact: true } }
  })
  expect(await partition.deleteRecords(0)).toMatchObject({ error: 'POLICY_VIOLATION' })
})

test('the present epoch ends with the log, older ones before, unknown ones are -1', async () => {
  const log = new FakeLog()
  const first = await openPartition(log, { leaderEpoch: 2 })
  await first.append(clientBatch(['a', 'b']), acked)
  const second = await openPartition(log, { leaderEpoch: 5 })
  const ends = (leaderEpoch: number): unknown => {
    const end = second.endOffsetForEpoch(leaderEpoch, -1)
    return end.ok ? [end.value.leaderEpoch, end.value.endOffset] : end.error
  }
  expect(ends(5)).toEqual([5, 2])
  await second.append(clientBatch(['c']), acked)
  expect([0, 2, 3, 5, 6, -1].map(ends)).toEqual([
    [0, 0],
    [2, 2],
    [2, 2],
    [5, 3],
    [-1, -1],
    [-1, -1]
  ])
  expect(second.endOffsetForEpoch(2, 4)).toMatchObject({ error: 'FENCED_LEADER_EPOCH' })
})

test('random appends, syncs and failures never take back what consumers saw', async () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('append' as const), count: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ type: fc.constant('sync' as const), count: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ type: fc.constant('fail' as const), count: fc.constant(0) }),
    fc.record({ type: fc.constant('delete' as const), count: fc.integer({ min: 0, max: 20 }) })
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async steps => {
      const log = new FakeLog('manual')
      const partition = await openPartition(log)
      const model: { values: string[]; durable: number; start: number } = {
        values: [],
        durable: 0,
        start: 0
      }
      let name = 0
      let inFlight: number[] = []
      for (const { type, count } of steps) {
        if (type === 'append') {
          const values = Array.from({ length: count }, () => `${name++}`)
          void partition.append(clientBatch(values), acked)
          model.values.push(...values)
          inFlight.push(model.values.length)
        } else if (type === 'sync') {
          log.sync(count)
          model.durable = inFlight[Math.min(count, inFlight.length) - 1] ?? model.durable
          inFlight = inFlight.slice(count)
        } else if (type === 'fail') {
          log.fail()
          model.values.length = model.durable
          inFlight = []
        } else if (count <= model.durable) {
          await partition.deleteRecords(count)
          model.start = Math.max(model.start, count)
        }
        expect(partition.highWatermark).toBe(model.durable)
        expect(partition.logEndOffset).toBe(model.values.length)
        const found = await ranges(partition, model.start)
        const seen = found.at(-1)
        expect(seen === undefined ? model.start : seen[1]! + 1).toBe(model.durable)
      }
      const replayed: string[] = []
      await partition.replay(records => {
        for (const { offset, value } of records) {
          if (offset >= model.start) replayed.push(String(value))
        }
      })
      expect(replayed).toEqual(model.values.slice(model.start))
      expect(log.buffersOut).toBe(0)
    }),
    { numRuns: 100 }
  )
})
