import { expect, test } from 'vitest'
import { deferred } from '../../../src/base/deferred.ts'
import type { Files } from '../../../src/io/files.ts'
import { memoryFiles } from '../../../src/io/memory-files.ts'
import {
  pooledBuffersSizeMax,
  recentReadSizeMin,
  recentReadsSizeMax,
  recentReadsSizeMin
} from '../../../src/limits.ts'
import { BufferPool } from '../../../src/storage/local/buffer-pool.ts'
import type { LocalLog } from '../../../src/storage/local/local-log.ts'
import { RecentReads } from '../../../src/storage/local/recent-reads.ts'
import type { ReadBatches } from '../../../src/storage/partition-log.ts'
import { batchOf } from '../batches.ts'
import { openOrders, testDirectory } from './directory.ts'
import { faultyFiles } from './faulty-files.ts'

const large = { valueSize: recentReadSizeMin }

async function openLog(files: Files = memoryFiles()): Promise<LocalLog> {
  return (await openOrders(testDirectory(files, '/data', 'os'))).log
}

async function append(log: LocalLog, valueSize: number, leaderEpoch = 0): Promise<Buffer> {
  const batch = batchOf({ baseOffset: log.logEndOffset, valueSize, leaderEpoch })
  const appended = await log.append(1, log.logEndOffset, [batch])
  expect(appended.ok).toBe(true)
  return batch.bytes
}

async function read(log: LocalLog, fromOffset: number, maxSize = 1 << 20): Promise<ReadBatches> {
  const request = { fromOffset, upToOffset: log.logEndOffset, maxSize, minOneBatch: true }
  const result = await log.read(request)
  if (!result.ok) throw new Error(result.error)
  return result.value
}

/** Whether two reads are the same bytes of memory. */
function isShared(one: ReadBatches, other: ReadBatches): boolean {
  return one.bytes.buffer === other.bytes.buffer && one.bytes.byteOffset === other.bytes.byteOffset
}

test('a large read is given to the next reader of the same place, now or later', async () => {
  const log = await openLog()
  const bytes = await append(log, large.valueSize)
  const first = await read(log, 0)
  const second = await read(log, 0)
  expect(isShared(first, second)).toBe(true)
  first.release()
  second.release()
  const third = await read(log, 0)
  expect(isShared(first, third)).toBe(true)
  expect(third.bytes.equals(bytes)).toBe(true)
  third.release()
})

test('consumers on the same way read no file again, neither for batches nor to find them', async () => {
  const files = faultyFiles(memoryFiles())
  const log = await openLog(files)
  let size = 0
  for (let count = 0; count < 6; count++) size = (await append(log, large.valueSize)).length
  for (let offset = 0; offset < 6; offset++) {
    const first = await read(log, offset, size)
    files.forget()
    for (let follower = 0; follower < 9; follower++) {
      const next = await read(log, offset, size)
      expect(isShared(first, next)).toBe(true)
      next.release()
    }
    expect(files.count('read', '.log')).toBe(0)
    first.release()
  }
})

test('consumers who ask at once for a place that is not in memory have it read once', async () => {
  const files = faultyFiles(memoryFiles())
  const before = testDirectory(files, '/data', 'os')
  const { directory, log: written } = await openOrders(before)
  const bytes = await append(written, large.valueSize)
  await append(written, 100)
  await directory.close()
  const { log } = await openOrders(before)
  const first = await read(log, 1)
  first.release()
  files.forget()
  const alone = await read(log, 0, bytes.length)
  const count = files.count('read', '.log')
  alone.release()
  await log.close()

  const again = await openOrders(before)
  const small = await read(again.log, 1)
  small.release()
  files.forget()
  const all = await Promise.all(Array.from({ length: 9 }, () => read(again.log, 0, bytes.length)))
  expect(files.count('read', '.log')).toBe(count)
  for (const each of all) {
    expect(isShared(each, all[0]!)).toBe(true)
    expect(each.bytes.equals(bytes)).toBe(true)
    each.release()
  }
})

test('reads that a truncation overtakes find what is there after it', async () => {
  const files = faultyFiles(memoryFiles())
  const directory = testDirectory(files, '/data', 'os')
  const before = await openOrders(directory)
  const kept = await append(before.log, large.valueSize)
  await append(before.log, 100)
  await before.directory.close()
  const { log } = await openOrders(directory)
  const small = await read(log, 1)
  small.release()
  const gate = deferred<void>()
  files.readGate = gate.promise
  files.forget()
  const reads = [read(log, 0), read(log, 0), read(log, 0)]
  while (files.count('read', '.log') === 0) await Promise.resolve()
  files.readGate = null
  const truncated = await log.truncate(1, 1)
  expect(truncated.ok).toBe(true)
  gate.resolve()
  for (const each of await Promise.all(reads)) {
    expect(each.bytes.equals(kept)).toBe(true)
    each.release()
  }
})

test('small reads are not kept', async () => {
  const log = await openLog()
  await append(log, 100)
  const first = await read(log, 0)
  const second = await read(log, 0)
  expect(isShared(first, second)).toBe(false)
  first.release()
  second.release()
})

test('a reader who wants less gets less of it, and one who can have much more reads', async () => {
  const log = await openLog()
  const one = await append(log, large.valueSize)
  await append(log, large.valueSize)
  const both = await read(log, 0)
  const less = await read(log, 0, one.length)
  expect(isShared(both, less)).toBe(true)
  expect(less.bytes.equals(one)).toBe(true)
  both.release()
  less.release()
  for (let count = 0; count < 3; count++) await append(log, large.valueSize)
  const more = await read(log, 0)
  expect(more.bytes.length).toBe(one.length * 5)
  more.release()
})

test('what was truncated is not read again from memory', async () => {
  const log = await openLog()
  await append(log, large.valueSize)
  const held = await read(log, 0)
  const released = await read(log, 0)
  released.release()
  const truncated = await log.truncate(1, 0)
  expect(truncated.ok).toBe(true)
  const other = await append(log, large.valueSize + 1)
  const fresh = await read(log, 0)
  expect(fresh.bytes.equals(other)).toBe(true)
  fresh.release()
  held.release()
})

test('memory is bounded, and a read that somebody holds stays as it is', async () => {
  const log = await openLog()
  const first = await append(log, 900_000)
  const held = await read(log, 0)
  const count = recentReadsSizeMax / (1 << 20) + 3
  for (let offset = 1; offset <= count; offset++) {
    await append(log, 900_000)
    const each = await read(log, offset)
    each.release()
  }
  expect(held.bytes.equals(first)).toBe(true)
  const newest = await read(log, count)
  const oldest = await read(log, 1)
  const again = await read(log, count)
  expect(isShared(newest, again)).toBe(true)
  expect(isShared(newest, oldest)).toBe(false)
  for (const each of [held, newest, oldest, again]) each.release()
  expect(() => held.release()).toThrow('released once')
})

const pieceSize = 1 << 20
const largestRoom = recentReadsSizeMax / pieceSize

/** A reader who goes through a file in pieces, from one up to another, exclusive. */
function readThrough(
  reads: RecentReads,
  pool: BufferPool,
  source: object,
  from: number,
  to: number
) {
  for (let piece = from; piece < to; piece++) {
    const found = reads.find(source, piece)
    const place = { source, baseOffset: piece, position: piece * pieceSize }
    const batches =
      found === null
        ? reads.batches(place, pool.take(pieceSize), pieceSize)
        : reads.again(found, pieceSize)
    batches.release()
  }
}

test('a lone reader keeps few buffers in use', () => {
  const pool = new BufferPool()
  const reads = new RecentReads(pool)
  readThrough(reads, pool, {}, 0, 3 * largestRoom)
  expect(reads.size).toBe(recentReadsSizeMin)
  expect(pool.keptSize).toBeLessThanOrEqual(pieceSize)
})

test('who comes a little too late for a read opens the largest room, which closes when nobody shares', () => {
  const pool = new BufferPool()
  const reads = new RecentReads(pool)
  const source = {}
  readThrough(reads, pool, source, 0, 10)
  readThrough(reads, pool, source, 0, 1)
  readThrough(reads, pool, source, 10, 10 + largestRoom)
  expect(reads.size).toBeGreaterThan(0.9 * recentReadsSizeMax)
  expect(reads.size).toBeLessThanOrEqual(recentReadsSizeMax)
  readThrough(reads, pool, source, 1000, 1000 + 8 * largestRoom)
  expect(reads.size).toBe(recentReadsSizeMin)
})

test('reads that are shared keep the room open', () => {
  const pool = new BufferPool()
  const reads = new RecentReads(pool)
  const source = {}
  readThrough(reads, pool, source, 0, 10)
  for (let piece = 0; piece < 10 * largestRoom; piece++) {
    readThrough(reads, pool, source, piece + 10, piece + 11)
    readThrough(reads, pool, source, piece, piece + 1)
  }
  expect(reads.size).toBeGreaterThan(0.9 * recentReadsSizeMax)
})

test('who comes later than the largest room would reach opens nothing', () => {
  const pool = new BufferPool()
  const reads = new RecentReads(pool)
  const source = {}
  readThrough(reads, pool, source, 0, largestRoom + 1)
  readThrough(reads, pool, source, 0, 1)
  readThrough(reads, pool, source, 1000, 1010)
  expect(reads.size).toBe(recentReadsSizeMin)
})

test('a source that is gone takes what is remembered of its reads with it', () => {
  const pool = new BufferPool()
  const reads = new RecentReads(pool)
  const source = {}
  readThrough(reads, pool, source, 0, 10)
  reads.forget(source)
  expect(reads.size).toBe(0)
  readThrough(reads, pool, source, 0, 10)
  expect(reads.size).toBe(recentReadsSizeMin)
})

test('what is kept for the next reader counts as memory of the pool', () => {
  const pool = new BufferPool()
  const count = pooledBuffersSizeMax / pieceSize
  const taken = Array.from({ length: count }, () => pool.take(pieceSize))
  for (const buffer of taken) pool.give(buffer)
  expect(pool.keptSize).toBe(pooledBuffersSizeMax)
  const reads = new RecentReads(pool)
  const place = { source: {}, baseOffset: 0, position: 0 }
  const batches = reads.batches(place, Buffer.alloc(pieceSize), pieceSize)
  expect(pool.keptSize + reads.size).toBe(pooledBuffersSizeMax)
  batches.release()
  expect(pool.keptSize + reads.size).toBe(pooledBuffersSizeMax)
})
