import { expect, test } from 'vitest'
import { Cancellation } from '../../src/base/cancellation.ts'
import { manualClock } from '../../src/io/manual-clock.ts'
import type { ManualClock } from '../../src/io/manual-clock.ts'
import { FetchWaiters } from '../../src/partition/fetch-waiters.ts'
import { readOrWait, readPartitions } from '../../src/partition/fetch-reads.ts'
import type { FetchReads, PartitionToRead } from '../../src/partition/fetch-reads.ts'
import type { IsolationLevel, Partition } from '../../src/partition/partition.ts'
import { FakeLog } from './fake-log.ts'
import { clientBatch, openPartition } from './fixture.ts'

const acked = { acks: -1, produceVersion: 9 }
const limits = { minBytes: 1, maxBytes: 1 << 20, isolationLevel: 'READ_UNCOMMITTED' } as const
const never = new Cancellation()

interface Fixture {
  readonly clock: ManualClock
  readonly waiters: FetchWaiters
}

function fixture(): Fixture {
  const clock = manualClock()
  return { clock, waiters: new FetchWaiters(clock) }
}

function at(partition: Partition, fetchOffset: number, maxBytes = 1 << 20): PartitionToRead {
  return { partition, fetchOffset, maxBytes, currentLeaderEpoch: -1 }
}

interface WaitOptions {
  readonly minBytes?: number
  readonly maxBytes?: number
  readonly maxWaitMs?: number
  readonly isolationLevel?: IsolationLevel
  readonly cancellation?: Cancellation
}

/** A fetch under way: `reads` is null while it waits. */
function start(
  { waiters }: Fixture,
  partitions: readonly PartitionToRead[],
  options: WaitOptions = {}
): { reads: FetchReads | null; readonly done: Promise<FetchReads> } {
  const { minBytes = 1, maxBytes = 1 << 20, maxWaitMs = 500 } = options
  const { isolationLevel = 'READ_UNCOMMITTED' } = options
  const limits = { minBytes, maxWaitMs, isolationLevel, maxBytes }
  const done = readOrWait(partitions, limits, waiters, options.cancellation ?? never)
  const fetch: { reads: FetchReads | null; readonly done: Promise<FetchReads> } = {
    reads: null,
    done
  }
  void done.then(reads => (fetch.reads = reads))
  return fetch
}

/** Lets every promise that can go on do so. */
function settle(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

test('a fetch at the end waits, and an append wakes it in the same turn', async () => {
  const at0 = fixture()
  const partition = await openPartition(new FakeLog())
  const fetch = start(at0, [at(partition, 0)])
  await settle()
  expect(fetch.reads).toBe(null)
  expect(at0.waiters.count).toBe(1)
  void partition.append(clientBatch(['a']), acked)
  expect(at0.waiters.count).toBe(0)
  const reads = await fetch.done
  expect(reads.size).toBe(clientBatch(['a']).length)
})

test('a fetch waits until all its partitions together have minBytes', async () => {
  const at0 = fixture()
  const first = await openPartition(new FakeLog())
  const second = await openPartition(new FakeLog())
  const size = clientBatch(['a']).length
  const fetch = start(at0, [at(first, 0), at(second, 0)], { minBytes: 2 * size })
  await settle()
  await first.append(clientBatch(['a']), acked)
  await settle()
  expect(fetch.reads).toBe(null)
  await second.append(clientBatch(['a']), acked)
  expect((await fetch.done).size).toBe(2 * size)
})

test('what a partition may add counts up to its own limit only', async () => {
  const at0 = fixture()
  const partition = await openPartition(new FakeLog())
  const size = clientBatch(['a']).length
  const fetch = start(at0, [at(partition, 0, size)], { minBytes: 2 * size })
  await settle()
  for (let n = 0; n < 4; n++) await partition.append(clientBatch(['a']), acked)
  await settle()
  expect(fetch.reads).toBe(null)
  at0.clock.advance(500)
  expect((await fetch.done).size).toBe(size)
})

test('what is there but fits into no limit as a whole batch is not waited for', async () => {
  const at0 = fixture()
  const first = await openPartition(new FakeLog())
  const second = await openPartition(new FakeLog())
  const size = clientBatch(['a']).length
  for (const partition of [first, first, first, second])
    await partition.append(clientBatch(['a']), acked)
  const almostThree = 3 * size - 1
  const ofOne = start(at0, [at(first, 0, almostThree)], { minBytes: almostThree })
  expect((await ofOne.done).size).toBe(2 * size)
  const ofAll = start(at0, [at(first, 0)], { minBytes: almostThree, maxBytes: almostThree })
  expect((await ofAll.done).size).toBe(2 * size)
  const both = [at(first, 1), at(second, 0, size - 1)]
  expect((await start(at0, both, { minBytes: almostThree }).done).size).toBe(2 * size)
  expect(at0.waiters.count).toBe(0)
})

test('of what does not fit only as much counts as would fit', async () => {
  const at0 = fixture()
  const first = await openPartition(new FakeLog())
  const second = await openPartition(new FakeLog())
  const size = clientBatch(['a']).length
  for (const partition of [first, second]) await partition.append(clientBatch(['a']), acked)
  const fetch = start(at0, [at(first, 0), at(second, 0, size - 1)], { minBytes: 2 * size })
  await settle()
  expect(fetch.reads).toBe(null)
  await first.append(clientBatch(['a']), acked)
  expect((await fetch.done).size).toBe(2 * size)
})

test('bytes found by the first read count, and are read again for the answer', async () => {
  const at0 = fixture()
  const log = new FakeLog()
  const partition = await openPartition(log)
  const size = clientBatch(['a']).length
  await partition.append(clientBatch(['a']), acked)
  const fetch = start(at0, [at(partition, 0)], { minBytes: 2 * size })
  await settle()
  expect(fetch.reads).toBe(null)
  expect(log.buffersOut).toBe(0)
  await partition.append(clientBatch(['a']), acked)
  const reads = await fetch.done
  expect(reads.size).toBe(2 * size)
  reads.release()
  expect(log.buffersOut).toBe(0)
})

test('what comes between the read and the wait is not missed', async () => {
  const { waiters } = fixture()
  const partition = await openPartition(new FakeLog())
  const reads = await readPartitions([at(partition, 0)], limits)
  await partition.append(clientBatch(['a']), acked)
  const wait = { partitions: reads.awaited, minBytes: 1, maxWaitMs: 500, cancellation: never }
  expect(await waiters.wait(wait)).toBe('ready')
  expect(waiters.count).toBe(0)
})

test('a batch counts when it is durable, not when it is written', async () => {
  const at0 = fixture()
  const log = new FakeLog('manual')
  const partition = await openPartition(log)
  const fetch = start(at0, [at(partition, 0)])
  await settle()
  void partition.append(clientBatch(['a']), acked)
  await settle()
  expect(fetch.reads).toBe(null)
  log.sync()
  expect((await fetch.done).size).toBeGreaterThan(0)
})

test('maxWaitMs ends the wait with what there is; 0 does not wait at all', async () => {
  const at0 = fixture()
  const partition = await openPartition(new FakeLog())
  expect((await start(at0, [at(partition, 0)], { maxWaitMs: 0 }).done).size).toBe(0)
  const fetch = start(at0, [at(partition, 0)], { maxWaitMs: 500 })
  await settle()
  at0.clock.advance(499)
  await settle()
  expect(fetch.reads).toBe(null)
  at0.clock.advance(1)
  expect((await fetch.done).size).toBe(0)
})

test('minBytes of 0 and a partition that cannot be read are answered at once', async () => {
  const at0 = fixture()
  const partition = await openPartition(new FakeLog())
  expect((await start(at0, [at(partition, 0)], { minBytes: 0 }).done).size).toBe(0)
  const failed = await start(at0, [at(partition, 0), at(partition, 9)]).done
  expect(failed.hasErrors).toBe(true)
  expect((await start(at0, []).done).results).toEqual([])
})

test('a thousand waiting fetches share one alarm, and idle time costs none', async () => {
  const at0 = fixture()
  const partition = await openPartition(new FakeLog())
  const fetches = Array.from({ length: 1_000 }, (_, n) =>
    start(at0, [at(partition, 0)], {
      maxWaitMs: 500 + (n % 7),
      cancellation: new Cancellation()
    })
  )
  await settle()
  expect(at0.waiters.count).toBe(1_000)
  expect(at0.clock.pendingCount).toBe(1)
  at0.clock.advance(506)
  await Promise.all(fetches.map(each => each.done))
  expect(at0.clock.pendingCount).toBe(0)
})

test('a committed reader sleeps through an open transaction and wakes when it ends', async () => {
  const at0 = fixture()
  const partition = await openPartition(new FakeLog())
  const fields = { producerId: 1, producerEpoch: 0 }
  const transactional = clientBatch(['t'], { ...fields, baseSequence: 0, isTransactional: true })
  const fetch = start(at0, [at(partition, 0)], { isolationLevel: 'READ_COMMITTED' })
  await settle()
  await partition.append(transactional, { ...acked, isTransactionVerified: true })
  await settle()
  expect(fetch.reads).toBe(null)
  const end = { ...fields, coordinatorEpoch: 0, transactionVersion: 0, result: 'commit' } as const
  await partition.endTransaction(end)
  const reads = await fetch.done
  expect(reads.size).toBeGreaterThan(transactional.length)
})

test('the end of a transaction open before the wait wakes whatever minBytes says', async () => {
  const at0 = fixture()
  const partition = await openPartition(new FakeLog())
  const fields = { producerId: 1, producerEpoch: 0 }
  await partition.append(
    clientBatch(['t'.repeat(1_000)], { ...fields, baseSequence: 0, isTransactional: true }),
    { ...acked, isTransactionVerified: true }
  )
  const fetch = start(at0, [at(partition, 0)], {
    isolationLevel: 'READ_COMMITTED',
    minBytes: 1_000
  })
  await settle()
  expect(fetch.reads).toBe(null)
  const end = { ...fields, coordinatorEpoch: 0, transactionVersion: 0, result: 'commit' } as const
  await partition.endTransaction(end)
  expect((await fetch.done).size).toBeGreaterThan(1_000)
})

test('a connection that goes takes its waiting fetch along', async () => {
  const at0 = fixture()
  const partition = await openPartition(new FakeLog())
  const gone = new Cancellation()
  const fetch = start(at0, [at(partition, 0)], { cancellation: gone })
  await settle()
  expect(at0.waiters.count).toBe(1)
  gone.cancel()
  expect(at0.waiters.count).toBe(0)
  await fetch.done
})

test('closing the waiters and closing a partition lets the fetches go on', async () => {
  const at0 = fixture()
  const first = await openPartition(new FakeLog())
  const second = await openPartition(new FakeLog())
  const closed = start(at0, [at(first, 0), at(second, 0)])
  await settle()
  await first.close()
  expect((await closed.done).results).toMatchObject([
    { error: 'NOT_LEADER_OR_FOLLOWER' },
    { ok: true }
  ])
  const parked = start(at0, [at(second, 0)])
  await settle()
  at0.waiters.close()
  await parked.done
  const late = start(at0, [at(second, 0)])
  expect((await late.done).size).toBe(0)
  expect(at0.clock.pendingCount).toBe(0)
})

test('several partitions keep to maxBytes together, the first batch comes whole', async () => {
  const partitions = await Promise.all([
    openPartition(new FakeLog()),
    openPartition(new FakeLog()),
    openPartition(new FakeLog())
  ])
  const size = clientBatch(['a']).length
  for (const each of partitions.slice(1)) {
    await each.append(clientBatch(['a']), acked)
    await each.append(clientBatch(['a']), acked)
  }
  const toRead = partitions.map(each => at(each, 0))
  const sizes = async (maxBytes: number): Promise<number[]> => {
    const reads = await readPartitions(toRead, { ...limits, maxBytes })
    return reads.results.map(each => (each.ok ? each.size / size : -1))
  }
  expect(await sizes(1)).toEqual([0, 1, 0])
  expect(await sizes(3 * size)).toEqual([0, 2, 1])
  expect(await sizes(100 * size)).toEqual([0, 2, 2])
})

test('a read that the log cuts short goes on while there is more to be had', async () => {
  const log = new FakeLog()
  log.readSizeMax = 1 << 20
  const partition = await openPartition(log)
  const batches = Array.from({ length: 5 }, () => clientBatch(['x'.repeat(700_000)]))
  for (const each of batches) await partition.append(each, acked)
  const size = batches[0]!.length
  const read = async (maxBytes: number, minBytes = 1): Promise<number[]> => {
    const reads = await readPartitions([at(partition, 0, maxBytes)], {
      ...limits,
      minBytes,
      maxBytes: 1 << 26
    })
    const [result] = reads.results
    const sizes = result?.ok ? result.pieces.map(each => each.length / size) : []
    reads.release()
    return sizes
  }
  expect(await read(1 << 20)).toEqual([1])
  expect(await read(3_000_000)).toEqual([1, 1, 1, 1])
  expect(await read(1 << 26)).toEqual([1, 1, 1, 1, 1])
  log.readSizeMax = 10
  expect(await read(1 << 20, 1 << 20)).toEqual([1])
  expect(log.buffersOut).toBe(0)
})

test('pieces of one partition list an aborted transaction once', async () => {
  const log = new FakeLog()
  const partition = await openPartition(log)
  const fields = { producerId: 1, producerEpoch: 0 }
  for (const baseSequence of [0, 1, 2]) {
    await partition.append(
      clientBatch(['x'.repeat(700_000)], { ...fields, baseSequence, isTransactional: true }),
      { ...acked, isTransactionVerified: true }
    )
  }
  const end = { ...fields, coordinatorEpoch: 0, transactionVersion: 0, result: 'abort' } as const
  await partition.endTransaction(end)
  log.readSizeMax = 1 << 20
  const reads = await readPartitions([at(partition, 0, 1 << 26)], {
    minBytes: 1,
    maxBytes: 1 << 26,
    isolationLevel: 'READ_COMMITTED'
  })
  expect(reads.results).toMatchObject([
    { highWatermark: 4, abortedTransactions: [{ producerId: 1, firstOffset: 0 }] }
  ])
  expect(reads.results[0]).toHaveProperty('abortedTransactions.length', 1)
  expect(reads.results[0]).toHaveProperty('pieces.length', 3)
})
