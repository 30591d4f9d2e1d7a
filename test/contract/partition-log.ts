import { allSettled } from '../../src/base/settled.ts'
import { describe, expect, test } from 'vitest'
import { batchPositions, batchSize } from '../../src/record/batch.ts'
import { crc32c } from '../../src/record/crc32c.ts'
import type {
  AppendedBatch,
  LogConfigs,
  PartitionLog,
  ReadRequest
} from '../../src/storage/partition-log.ts'
import { batchesOf, batchOf, logConfigs } from '../storage/batches.ts'
import { compactionContract } from './compaction.ts'

/** An engine with one log in it. */
export interface LogUnderTest {
  readonly log: PartitionLog
  /** Closes the log and opens it again. */
  readonly reopen: () => Promise<PartitionLog>
  /** Closes everything and removes what is left of it. */
  readonly dispose: () => Promise<void>
}

export type OpenLogUnderTest = (configs: LogConfigs) => Promise<LogUnderTest>

const owner = 1
const everything = { upToOffset: Number.MAX_SAFE_INTEGER, maxSize: 1024 ** 2, minOneBatch: true }

/** What every implementation of `PartitionLog` keeps. */
export function partitionLogContract(name: string, open: OpenLogUnderTest): void {
  const withLog: WithLog = async (run, configs = {}) => {
    const opened = await open(logConfigs(configs))
    try {
      await run(opened.log, opened)
    } finally {
      await opened.dispose()
    }
  }
  describe(`${name}: appends`, () => appendContract(withLog))
  describe(`${name}: reads`, () => readContract(withLog))
  describe(`${name}: segments`, () => segmentContract(withLog))
  describe(`${name}: timestamps`, () => timestampContract(withLog))
  describe(`${name}: the log start offset`, () => logStartContract(withLog))
  describe(`${name}: retention`, () => retentionContract(withLog))
  describe(`${name}: truncation`, () => truncationContract(withLog))
  describe(`${name}: compaction`, () => compactionContract(withLog))
  describe(`${name}: snapshots`, () => snapshotContract(withLog))
}

type WithLog = (
  run: (log: PartitionLog, opened: LogUnderTest) => Promise<void>,
  configs?: Partial<LogConfigs>
) => Promise<void>

async function appendAll(log: PartitionLog, batches: readonly AppendedBatch[]): Promise<void> {
  const results = await allSettled(
    batches.map(batch => log.append(owner, batch.baseOffset, [batch]))
  )
  expect(results.filter(result => !result.ok)).toEqual([])
}

/** Bytes in a form that a failed comparison can print. */
function digest(bytes: Buffer): string {
  return `${bytes.length} bytes, CRC ${crc32c(bytes, 0, bytes.length).toString(16)}`
}

const nothing = digest(Buffer.alloc(0))

function digestOf(batches: readonly AppendedBatch[]): string {
  return digest(Buffer.concat(batches.map(({ bytes }) => bytes)))
}

function sizeOf(batches: readonly AppendedBatch[]): number {
  return batches.reduce((size, { bytes }) => size + bytes.length, 0)
}

/** Looks at a log, and at the same log after it was closed and opened again. */
async function inBothLives(
  log: PartitionLog,
  { reopen }: LogUnderTest,
  look: (log: PartitionLog) => Promise<void>
): Promise<void> {
  await look(log)
  await look(await reopen())
}

/** What one read brings; the error's name if it fails. */
async function readOnce(log: PartitionLog, request: Partial<ReadRequest>): Promise<string> {
  const result = await log.read({ fromOffset: 0, ...everything, ...request })
  if (!result.ok) return result.error
  const read = digest(result.value.bytes)
  result.value.release()
  return read
}

/** Everything from `fromOffset` on, as a consumer would read it. */
async function readAll(log: PartitionLog, fromOffset: number): Promise<string> {
  const pieces: Buffer[] = []
  for (let offset = fromOffset; offset < log.logEndOffset;) {
    const result = await log.read({ fromOffset: offset, ...everything })
    if (!result.ok) throw new Error(`${result.error} at offset ${offset}`)
    const bytes = Buffer.from(result.value.bytes)
    result.value.release()
    if (bytes.length === 0) throw new Error(`nothing at offset ${offset}`)
    pieces.push(bytes)
    for (const at of batchPositions(bytes)) {
      offset = Number(bytes.readBigInt64BE(at)) + bytes.readInt32BE(at + 23) + 1
    }
  }
  return digest(Buffer.concat(pieces))
}

function appendContract(withLog: WithLog): void {
  test('a new log begins and ends at offset 0', () =>
    withLog(async log => {
      expect([log.logStartOffset, log.logEndOffset, log.durableEndOffset, log.size]).toEqual([
        0, 0, 0, 0
      ])
      expect(log.largestTimestamp).toBeNull()
      expect(log.leaderEpochs).toEqual([])
    }))

  test('the log end offset has moved when append returns, the durable end when it resolves', () =>
    withLog(async log => {
      const batch = batchOf({ baseOffset: 0, count: 3 })
      const appended = log.append(owner, 0, [batch])
      expect(log.logEndOffset).toBe(3)
      expect(await appended).toMatchObject({ ok: true })
      expect(log.durableEndOffset).toBe(3)
      expect(log.size).toBe(batch.bytes.length)
    }))

  test('several batches of one append are stored in their order', () =>
    withLog(async log => {
      const batches = batchesOf([2, 1, 5])
      expect(await log.append(owner, 0, batches)).toMatchObject({ ok: true })
      expect(log.logEndOffset).toBe(8)
      expect(await readOnce(log, {})).toBe(digestOf(batches))
    }))

  test('appends that are not waited for are stored in the order of the calls', () =>
    withLog(async log => {
      const batches = batchesOf(Array.from({ length: 50 }, (_, index) => 1 + (index % 3)))
      await appendAll(log, batches)
      expect(await readAll(log, 0)).toBe(digestOf(batches))
    }))

  test('an append at another offset than the end is UNEXPECTED_OFFSET and stores nothing', () =>
    withLog(async log => {
      await appendAll(log, batchesOf([4]))
      for (const offset of [3, 5]) {
        const refused = await log.append(owner, offset, [batchOf({ baseOffset: offset })])
        expect(refused).toMatchObject({ ok: false, error: 'UNEXPECTED_OFFSET' })
      }
      expect(log.logEndOffset).toBe(4)
    }))

  test('an older owner is FENCED once a newer one has come', () =>
    withLog(async log => {
      await log.append(2, 0, [batchOf({ baseOffset: 0 })])
      const refused = { ok: false, error: 'FENCED' }
      expect(await log.append(1, 1, [batchOf({ baseOffset: 1 })])).toMatchObject(refused)
      expect(await log.raiseLogStartOffset(1, 1)).toMatchObject(refused)
      expect(await log.truncate(1, 0)).toMatchObject(refused)
      expect(await log.append(2, 1, [batchOf({ baseOffset: 1 })])).toMatchObject({ ok: true })
    }))

  test('listeners hear of each raise of the durable end, after it happened', () =>
    withLog(async log => {
      const heard: number[] = []
      log.onDurable(() => heard.push(log.durableEndOffset))
      await log.append(owner, 0, [batchOf({ baseOffset: 0, count: 2 })])
      await log.append(owner, 2, [batchOf({ baseOffset: 2 })])
      expect(heard).toEqual([2, 3])
    }))

  test('the bytes belong to the caller again when append has returned', () =>
    withLog(async log => {
      const batch = batchOf({ baseOffset: 0 })
      const stored = digest(batch.bytes)
      const appended = log.append(owner, 0, [batch])
      batch.bytes.fill(0)
      await appended
      expect(await readOnce(log, {})).toBe(stored)
    }))

  test('offsets, bytes, leader epochs and timestamps survive close and reopen', () =>
    withLog(async (log, { reopen }) => {
      const batches = [
        batchOf({ baseOffset: 0, count: 3, leaderEpoch: 1, timestampMs: 1000 }),
        batchOf({ baseOffset: 3, count: 2, leaderEpoch: 4, timestampMs: 900 })
      ]
      await appendAll(log, batches)
      const again = await reopen()
      expect([again.logStartOffset, again.logEndOffset, again.durableEndOffset]).toEqual([0, 5, 5])
      expect(again.leaderEpochs).toEqual([
        { leaderEpoch: 1, startOffset: 0 },
        { leaderEpoch: 4, startOffset: 3 }
      ])
      expect(again.largestTimestamp).toEqual({ timestampMs: 1002, offset: 2 })
      expect(await readAll(again, 0)).toBe(digestOf(batches))
      await appendAll(again, batchesOf([2], { baseOffset: 5, leaderEpoch: 4 }))
      expect(again.logEndOffset).toBe(7)
    }))
}

function readContract(withLog: WithLog): void {
  test('a read outside of the log is OFFSET_OUT_OF_RANGE, one at its end is empty', () =>
    withLog(async log => {
      await appendAll(log, batchesOf([3]))
      expect(await readOnce(log, { fromOffset: -1 })).toBe('OFFSET_OUT_OF_RANGE')
      expect(await readOnce(log, { fromOffset: 4 })).toBe('OFFSET_OUT_OF_RANGE')
      expect(await readOnce(log, { fromOffset: 3 })).toBe(nothing)
    }))

  test('a read begins with the batch that holds the offset', () =>
    withLog(async log => {
      const batches = batchesOf([3, 4, 2])
      await appendAll(log, batches)
      for (const [fromOffset, first] of [3, 4, 6].map(offset => [offset, 1] as const)) {
        const read = await log.read({ fromOffset, ...everything })
        expect(read.ok && read.value.baseOffset).toBe(3)
        expect(read.ok && digest(read.value.bytes)).toBe(digestOf(batches.slice(first)))
        if (read.ok) read.value.release()
      }
    }))

  test('a read holds whole batches within maxSize, and one larger batch if it is asked for', () =>
    withLog(async log => {
      const batches = batchesOf([1, 1, 1, 1], { valueSize: 1000 })
      await appendAll(log, batches)
      const size = batches[0]!.bytes.length
      const sizesRead = async (maxSize: number, minOneBatch: boolean): Promise<number> =>
        Number.parseInt(await readOnce(log, { maxSize, minOneBatch }))
      expect(await sizesRead(size * 3 - 1, false)).toBe(size * 2)
      expect(await sizesRead(size * 3, false)).toBe(size * 3)
      expect(await sizesRead(size - 1, false)).toBe(0)
      expect(await sizesRead(size - 1, true)).toBe(size)
      expect(await sizesRead(0, true)).toBe(size)
      expect(await sizesRead(0, false)).toBe(0)
    }))

  test('a batch of several MiB is read whole', () =>
    withLog(async log => {
      const batches = [
        batchOf({ baseOffset: 0 }),
        batchOf({ baseOffset: 1, valueSize: 5 * 1024 ** 2 }),
        batchOf({ baseOffset: 2 })
      ]
      await appendAll(log, batches)
      expect(await readOnce(log, { fromOffset: 1, maxSize: 100 })).toBe(digest(batches[1]!.bytes))
      expect(await readAll(log, 0)).toBe(digestOf(batches))
    }))

  test('a batch that reaches upToOffset is left out', () =>
    withLog(async log => {
      const batches = batchesOf([3, 3, 3])
      await appendAll(log, batches)
      expect(await readOnce(log, { upToOffset: 9 })).toBe(digestOf(batches))
      expect(await readOnce(log, { upToOffset: 8 })).toBe(digestOf(batches.slice(0, 2)))
      expect(await readOnce(log, { upToOffset: 6 })).toBe(digestOf(batches.slice(0, 2)))
      expect(await readOnce(log, { fromOffset: 6, upToOffset: 8 })).toBe(nothing)
      expect(await readOnce(log, { upToOffset: 0 })).toBe(nothing)
    }))

  test('bytes stay the reader’s until they are released, whatever is read meanwhile', () =>
    withLog(async log => {
      const batches = batchesOf([1, 1, 1], { valueSize: 2000 })
      await appendAll(log, batches)
      const reads = await Promise.all(
        [0, 1, 2, 0, 1, 2].map(fromOffset => log.read({ fromOffset, ...everything, maxSize: 1 }))
      )
      const bytes = reads.map(read => (read.ok ? digest(read.value.bytes) : read.error))
      expect(bytes).toEqual([...batches, ...batches].map(batch => digest(batch.bytes)))
      for (const read of reads) if (read.ok) read.value.release()
    }))
}

function segmentContract(withLog: WithLog): void {
  test('a log of many segments reads like one, from every offset, also after a reopen', () =>
    withLog(
      async (log, lives) => {
        const batches = batchesOf(Array.from({ length: 60 }, (_, index) => 1 + (index % 4)))
        await appendAll(log, batches)
        await inBothLives(log, lives, async opened => {
          expect(opened.size).toBe(sizeOf(batches))
          for (const [index, batch] of batches.entries()) {
            for (let offset = batch.baseOffset; offset <= batch.lastOffset; offset++) {
              const first = await readOnce(opened, { fromOffset: offset, maxSize: 1 })
              expect(first).toBe(digest(batch.bytes))
            }
            expect(await readAll(opened, batch.baseOffset)).toBe(digestOf(batches.slice(index)))
          }
        })
      },
      { segmentBytes: 500, indexIntervalBytes: 100 }
    ))

  test('changed configs count for the appends that follow', () =>
    withLog(async log => {
      const batches = batchesOf([1, 1, 1, 1], { valueSize: 100 })
      await appendAll(log, batches.slice(0, 2))
      log.reconfigure(logConfigs({ segmentBytes: 100 }))
      await appendAll(log, batches.slice(2))
      expect(await readAll(log, 0)).toBe(digestOf(batches))
    }))
}

/** The base offset of the first batch that `batchForTimestamp` finds. */
async function firstAt(
  log: PartitionLog,
  timestampMs: number,
  upToOffset = log.logEndOffset,
  fromOffset?: number
): Promise<number | null> {
  const found = await log.batchForTimestamp(timestampMs, upToOffset, fromOffset)
  if (!found.ok) throw new Error(found.error)
  if (found.value === null) return null
  const { baseOffset, bytes } = found.value
  expect(batchSize(bytes, 0)).toBe(bytes.length)
  found.value.release()
  return baseOffset
}

function timestampContract(withLog: WithLog): void {
  const timestamps = [100, 300, 200, 300, 500, 400, 500]

  for (const segmentBytes of [150, 100_000]) {
    test(`the first batch at or after a timestamp is found, segment.bytes=${segmentBytes}`, () =>
      withLog(
        async (log, lives) => {
          const batches = timestamps.map((timestampMs, index) =>
            batchOf({ baseOffset: index * 2, count: 2, timestampMs: timestampMs - 1 })
          )
          await appendAll(log, batches)
          await inBothLives(log, lives, async opened => {
            for (const timestampMs of [0, 100, 101, 201, 300, 301, 401, 500, 501]) {
              const expected = batches.find(batch => batch.maxTimestampMs >= timestampMs)
              expect(await firstAt(opened, timestampMs)).toBe(expected?.baseOffset ?? null)
            }
            expect(opened.largestTimestamp).toEqual({ timestampMs: 500, offset: 9 })
          })
        },
        { segmentBytes, indexIntervalBytes: 100 }
      ))
  }

  test('batches that reach upToOffset, or end before fromOffset, are not looked at', () =>
    withLog(async log => {
      const batches = timestamps.map((timestampMs, index) =>
        batchOf({ baseOffset: index * 2, count: 2, timestampMs: timestampMs - 1 })
      )
      await appendAll(log, batches)
      expect(await firstAt(log, 500, 10)).toBe(8)
      expect(await firstAt(log, 500, 9)).toBeNull()
      expect(await firstAt(log, 300, 14, 2)).toBe(2)
      expect(await firstAt(log, 300, 14, 3)).toBe(2)
      expect(await firstAt(log, 300, 14, 4)).toBe(6)
      expect(await firstAt(log, 500, 14, 10)).toBe(12)
      expect(await firstAt(log, 500, 14, 14)).toBeNull()
    }))

  test('records without a timestamp have no largest one', () =>
    withLog(async log => {
      await appendAll(log, batchesOf([2, 2]))
      expect(log.largestTimestamp).toBeNull()
      expect(await firstAt(log, 0)).toBeNull()
    }))
}

function logStartContract(withLog: WithLog): void {
  test('what is below a raised log start offset is out of range, for good', () =>
    withLog(async (log, lives) => {
      const batches = batchesOf([3, 3, 3])
      await appendAll(log, batches)
      expect(await log.raiseLogStartOffset(owner, 4)).toMatchObject({ ok: true })
      await inBothLives(log, lives, async opened => {
        expect(opened.logStartOffset).toBe(4)
        expect(await readOnce(opened, { fromOffset: 3 })).toBe('OFFSET_OUT_OF_RANGE')
        expect(await readOnce(opened, { fromOffset: 4 })).toBe(digestOf(batches.slice(1)))
      })
    }))

  test('it never goes back, and never beyond the end', () =>
    withLog(async log => {
      await appendAll(log, batchesOf([5, 5]))
      await log.raiseLogStartOffset(owner, 6)
      expect(await log.raiseLogStartOffset(owner, 5)).toMatchObject({ ok: true })
      expect(log.logStartOffset).toBe(6)
      const beyond = await log.raiseLogStartOffset(owner, 11)
      expect(beyond).toMatchObject({ ok: false, error: 'UNEXPECTED_OFFSET' })
      expect(log.logStartOffset).toBe(6)
    }))

  test('who listens is waited for before it rises, and hears of nothing else', () =>
    withLog(
      async log => {
        await appendAll(log, batchesOf([5, 5, 5, 5]))
        const heard: number[][] = []
        log.beforeStartRises(async offset => {
          await Promise.resolve()
          heard.push([offset, log.logStartOffset, log.size])
        })
        const sizeBefore = log.size
        const kept = { wallMs: null, highWatermark: 20 }
        expect(await log.applyRetention(owner, kept)).toMatchObject({ ok: true })
        await log.raiseLogStartOffset(owner, 11)
        await log.raiseLogStartOffset(owner, 11)
        await log.raiseLogStartOffset(owner, 21)
        expect(heard).toEqual([[11, 0, sizeBefore]])
        log.reconfigure(logConfigs({ segmentBytes: 300, retentionBytes: 0 }))
        await log.applyRetention(owner, kept)
        expect(heard.slice(1)).toEqual([[20, 11, expect.any(Number)]])
      },
      { segmentBytes: 300 }
    ))

  test('segments wholly below it are given up, and the rest stays as it was', () =>
    withLog(
      async (log, lives) => {
        const batches = batchesOf(Array.from({ length: 20 }, () => 2))
        await appendAll(log, batches)
        await log.raiseLogStartOffset(owner, 21)
        expect(log.size).toBeLessThan(sizeOf(batches) * 0.75)
        await inBothLives(log, lives, async opened => {
          expect([opened.logStartOffset, opened.logEndOffset]).toEqual([21, 40])
          expect(await readAll(opened, 21)).toBe(digestOf(batches.slice(10)))
        })
      },
      { segmentBytes: 300 }
    ))

  test('raised to the end it empties the log, whose offsets go on', () =>
    withLog(async (log, lives) => {
      await appendAll(log, batchesOf([5]))
      await log.raiseLogStartOffset(owner, 5)
      await inBothLives(log, lives, async opened => {
        expect([opened.logStartOffset, opened.logEndOffset, opened.size]).toEqual([5, 5, 0])
        expect(await readOnce(opened, { fromOffset: 5 })).toBe(nothing)
      })
    }))

  test('leader epochs before it are forgotten, the one in force begins with it', () =>
    withLog(async log => {
      await appendAll(log, [
        batchOf({ baseOffset: 0, count: 3, leaderEpoch: 1 }),
        batchOf({ baseOffset: 3, count: 3, leaderEpoch: 2 }),
        batchOf({ baseOffset: 6, count: 3, leaderEpoch: 5 })
      ])
      await log.raiseLogStartOffset(owner, 4)
      expect(log.leaderEpochs).toEqual([
        { leaderEpoch: 2, startOffset: 4 },
        { leaderEpoch: 5, startOffset: 6 }
      ])
    }))
}

function retentionContract(withLog: WithLog): void {
  const oldMs = 1_700_000_000_000
  const retentionMs = 60_000
  /** Twelve batches of two records; the last six are a day younger. */
  const batches = batchesOf(
    Array.from({ length: 12 }, () => 2),
    { timestampMs: oldMs }
  ).map(batch =>
    batch.baseOffset < 12
      ? batch
      : batchOf({ baseOffset: batch.baseOffset, count: 2, timestampMs: oldMs + 86_400_000 })
  )
  const old = { wallMs: oldMs + 80_000, highWatermark: 24 }
  const all = { wallMs: oldMs + 90_000_000, highWatermark: 24 }

  test('retention.ms gives up whole segments of old records, for good', () =>
    withLog(
      async (log, lives) => {
        await appendAll(log, batches)
        const applied = await log.applyRetention(owner, old)
        expect(applied).toMatchObject({ ok: true })
        const start = log.logStartOffset
        expect(start).toBeGreaterThan(4)
        expect(start).toBeLessThanOrEqual(12)
        await inBothLives(log, lives, async opened => {
          expect([opened.logStartOffset, opened.logEndOffset]).toEqual([start, 24])
          expect(opened.size).toBe(sizeOf(batches.slice(start / 2)))
          expect(await readAll(opened, start)).toBe(digestOf(batches.slice(start / 2)))
          expect(await readOnce(opened, { fromOffset: 0 })).toBe('OFFSET_OUT_OF_RANGE')
        })
      },
      { segmentBytes: 300, retentionMs }
    ))

  test('retention.ms also empties the active segment; offsets go on from there', () =>
    withLog(
      async (log, lives) => {
        await appendAll(log, batches)
        expect(await log.applyRetention(owner, all)).toMatchObject({ ok: true })
        expect([log.logStartOffset, log.logEndOffset, log.size]).toEqual([24, 24, 0])
        const next = batchOf({ baseOffset: 24, count: 1 })
        await appendAll(log, [next])
        await inBothLives(log, lives, async opened => {
          expect([opened.logStartOffset, opened.logEndOffset]).toEqual([24, 25])
          expect(await readAll(opened, 24)).toBe(digestOf([next]))
        })
      },
      { retentionMs }
    ))

  test('retention.bytes keeps as many bytes as it says, and less than a segment more', () =>
    withLog(
      async log => {
        await appendAll(log, batches)
        expect(await log.applyRetention(owner, all)).toMatchObject({ ok: true })
        expect(log.size).toBeGreaterThanOrEqual(500)
        expect(log.size).toBeLessThan(800)
      },
      { segmentBytes: 300, retentionBytes: 500, retentionMs: -1 }
    ))

  test('nothing at or beyond the high watermark goes', () =>
    withLog(
      async log => {
        await appendAll(log, batches)
        await log.applyRetention(owner, { ...all, highWatermark: 9 })
        expect(log.logStartOffset).toBeGreaterThan(0)
        expect(log.logStartOffset).toBeLessThanOrEqual(9)
      },
      { segmentBytes: 300, retentionMs }
    ))

  test('without a trusted wall clock only retention.bytes counts', () =>
    withLog(
      async log => {
        await appendAll(log, batches)
        await log.applyRetention(owner, { ...all, wallMs: null })
        expect(log.logStartOffset).toBe(0)
        log.reconfigure(logConfigs({ segmentBytes: 300, retentionBytes: 0 }))
        await log.applyRetention(owner, { ...all, wallMs: null })
        expect([log.logStartOffset, log.size]).toEqual([24, 0])
      },
      { segmentBytes: 300, retentionMs }
    ))

  test('a timestamp in the future keeps its records and is told', () =>
    withLog(
      async log => {
        await appendAll(log, batches)
        const applied = await log.applyRetention(owner, { wallMs: oldMs - 5, highWatermark: 24 })
        expect(applied).toMatchObject({ ok: true, value: { futureTimestampMs: oldMs + 1 } })
        expect(log.logStartOffset).toBe(0)
      },
      { segmentBytes: 300, retentionMs }
    ))

  test('appends during retention are kept', () =>
    withLog(
      async (log, lives) => {
        await appendAll(log, batches)
        const later = batchesOf([1, 1, 1], { baseOffset: 24 })
        const applied = log.applyRetention(owner, all)
        const appended = appendAll(log, later)
        expect(await applied).toMatchObject({ ok: true })
        await appended
        await inBothLives(log, lives, async opened => {
          expect([opened.logStartOffset, opened.logEndOffset]).toEqual([24, 27])
          expect(await readAll(opened, 24)).toBe(digestOf(later))
        })
      },
      { retentionMs }
    ))

  test('reads meanwhile bring what they ask for, or find that it is out of range', () =>
    withLog(
      async (log, { reopen }) => {
        await appendAll(log, batches)
        const opened = await reopen()
        const places = batches.flatMap(({ baseOffset, bytes }) => [
          { baseOffset, found: readOnce(opened, { fromOffset: baseOffset, maxSize: 1 }), bytes }
        ])
        const times = batches.map(({ maxTimestampMs }) =>
          opened.batchForTimestamp(maxTimestampMs, 24)
        )
        expect(await opened.applyRetention(owner, old)).toMatchObject({ ok: true })
        for (const { baseOffset, found, bytes } of places) {
          const outcomes = [digest(bytes)]
          if (baseOffset < opened.logStartOffset) outcomes.push('OFFSET_OUT_OF_RANGE')
          expect(outcomes).toContain(await found)
        }
        for (const found of await Promise.all(times)) {
          expect(found).toMatchObject({ ok: true })
          if (found.ok) found.value?.release()
        }
      },
      { segmentBytes: 300, retentionMs }
    ))

  test('an older owner is FENCED', () =>
    withLog(async log => {
      await log.append(owner + 1, 0, batchesOf([1]))
      expect(await log.applyRetention(owner, all)).toMatchObject({ ok: false, error: 'FENCED' })
    }))
}

function truncationContract(withLog: WithLog): void {
  test('records at and beyond the offset go, and others may take their place', () =>
    withLog(
      async (log, lives) => {
        const batches = batchesOf(
          Array.from({ length: 30 }, () => 2),
          { timestampMs: 1000 }
        )
        await appendAll(log, batches)
        expect(await log.truncate(owner, 20)).toMatchObject({ ok: true })
        expect([log.logEndOffset, log.durableEndOffset]).toEqual([20, 20])
        expect(await readAll(log, 0)).toBe(digestOf(batches.slice(0, 10)))
        expect(await readOnce(log, { fromOffset: 21 })).toBe('OFFSET_OUT_OF_RANGE')
        const others = batchesOf([3, 3, 3], { baseOffset: 20, leaderEpoch: 1, valueSize: 40 })
        await appendAll(log, others)
        await inBothLives(log, lives, async opened => {
          expect(opened.logEndOffset).toBe(29)
          expect(opened.leaderEpochs).toEqual([
            { leaderEpoch: 0, startOffset: 0 },
            { leaderEpoch: 1, startOffset: 20 }
          ])
          const expected = digestOf([...batches.slice(0, 10), ...others])
          expect(await readAll(opened, 0)).toBe(expected)
        })
      },
      { segmentBytes: 400, indexIntervalBytes: 100 }
    ))

  test('a batch that the offset is in the middle of goes whole', () =>
    withLog(async log => {
      await appendAll(log, batchesOf([4, 4, 4]))
      await log.truncate(owner, 6)
      expect(log.logEndOffset).toBe(4)
    }))

  test('at or beyond the end nothing changes, below the start everything goes', () =>
    withLog(async (log, lives) => {
      await appendAll(log, batchesOf([4, 4]))
      await log.truncate(owner, 8)
      expect(log.logEndOffset).toBe(8)
      await log.raiseLogStartOffset(owner, 4)
      await log.truncate(owner, 0)
      await inBothLives(log, lives, async opened => {
        expect([opened.logStartOffset, opened.logEndOffset]).toEqual([4, 4])
      })
    }))

  test('timestamps and leader epochs that went are forgotten', () =>
    withLog(async log => {
      await appendAll(log, [
        batchOf({ baseOffset: 0, timestampMs: 10, leaderEpoch: 1 }),
        batchOf({ baseOffset: 1, timestampMs: 30, leaderEpoch: 2 })
      ])
      await log.truncate(owner, 1)
      expect(log.largestTimestamp).toEqual({ timestampMs: 10, offset: 0 })
      expect(log.leaderEpochs).toEqual([{ leaderEpoch: 1, startOffset: 0 }])
    }))
}

function snapshotOf(offset: number): Buffer {
  return Buffer.from(`what was known at ${offset}`)
}

/** The offsets of the snapshots, and what is in them. */
async function snapshotsOf(
  log: PartitionLog
): Promise<readonly (readonly [number, string | undefined])[]> {
  const found: (readonly [number, string | undefined])[] = []
  for (const offset of log.snapshots.offsets) {
    found.push([offset, (await log.snapshots.read(offset))?.toString()])
  }
  return found
}

function snapshotsAt(...offsets: readonly number[]): readonly (readonly [number, string])[] {
  return offsets.map(offset => [offset, snapshotOf(offset).toString()])
}

function snapshotContract(withLog: WithLog): void {
  test('the last two are kept, newest first', () =>
    withLog(async (log, lives) => {
      expect(log.snapshots.offsets).toEqual([])
      for (const batch of batchesOf([2, 3, 4])) {
        await log.append(owner, batch.baseOffset, [batch])
        expect(await log.snapshots.save(log.logEndOffset, snapshotOf(log.logEndOffset))).toBe(true)
      }
      await inBothLives(log, lives, async opened => {
        expect(await snapshotsOf(opened)).toEqual(snapshotsAt(9, 5))
      })
    }))

  test('saved together they are kept in the order of the calls', () =>
    withLog(async (log, lives) => {
      await appendAll(log, batchesOf([1, 1, 1]))
      const saved = [1, 3, 2].map(offset => log.snapshots.save(offset, snapshotOf(offset)))
      expect(await Promise.all(saved)).toEqual([true, true, false])
      await inBothLives(log, lives, async opened => {
        expect(await snapshotsOf(opened)).toEqual(snapshotsAt(3, 1))
      })
    }))

  test('one that is saved when the log closes is there when it is opened again', () =>
    withLog(async (log, { reopen }) => {
      await appendAll(log, batchesOf([1]))
      const saved = log.snapshots.save(1, snapshotOf(1))
      const opened = await reopen()
      expect(await saved).toBe(true)
      expect(await snapshotsOf(opened)).toEqual(snapshotsAt(1))
    }))

  test('nothing is saved for a log that is closed or never held a record', () =>
    withLog(async log => {
      expect(await log.snapshots.save(0, snapshotOf(0))).toBe(false)
      await appendAll(log, batchesOf([1]))
      await log.close()
      expect(await log.snapshots.save(1, snapshotOf(1))).toBe(false)
    }))

  test('those beyond a truncation are gone, and stay so when the log has grown again', () =>
    withLog(async (log, lives) => {
      await appendAll(log, batchesOf([2, 2, 2]))
      await log.snapshots.save(2, snapshotOf(2))
      await log.snapshots.save(6, snapshotOf(6))
      await log.truncate(owner, 4)
      expect(await snapshotsOf(log)).toEqual(snapshotsAt(2))
      await appendAll(log, batchesOf([2, 2], { baseOffset: 4, leaderEpoch: 1 }))
      await inBothLives(log, lives, async opened => {
        expect(await snapshotsOf(opened)).toEqual(snapshotsAt(2))
      })
    }))

  test('they outlive the records that they are of', () =>
    withLog(async (log, lives) => {
      await appendAll(log, batchesOf([2, 2]))
      await log.snapshots.save(4, snapshotOf(4))
      await log.raiseLogStartOffset(owner, 4)
      await inBothLives(log, lives, async opened => {
        expect(await snapshotsOf(opened)).toEqual(snapshotsAt(4))
      })
    }))
}
