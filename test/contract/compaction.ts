import { expect, test } from 'vitest'
import { batchPositions, lastOffset, maxTimestampMs } from '../../src/record/batch.ts'
import { buildBatch, readRecords } from '../../src/record/records.ts'
import type {
  AppendedBatch,
  Compaction,
  LogConfigs,
  PartitionLog
} from '../../src/storage/partition-log.ts'
import type { LogUnderTest } from './partition-log.ts'

type WithLog = (
  run: (log: PartitionLog, opened: LogUnderTest) => Promise<void>,
  configs?: Partial<LogConfigs>
) => Promise<void>

const owner = 1
const nowMs = 1_700_000_000_000
const configs: Partial<LogConfigs> = {
  segmentBytes: 400,
  indexIntervalBytes: 100,
  cleanupPolicy: { delete: false, compact: true }
}

/** Batches of two records each; the keys come again after seven records. */
function keyedBatches(count: number, fromOffset = 0): readonly AppendedBatch[] {
  return Array.from({ length: count }, (_, index) => {
    const baseOffset = fromOffset + 2 * index
    const records = [baseOffset, baseOffset + 1].map(offset => ({
      key: Buffer.from(`key ${offset % 7}`),
      value: Buffer.from(`value ${offset}`),
      timestampMs: nowMs - 100_000 + offset
    }))
    const bytes = buildBatch({ records, baseOffset, partitionLeaderEpoch: 0 })
    const stamped = { baseOffset, lastOffset: lastOffset(bytes, 0), partitionLeaderEpoch: 0 }
    return { bytes, ...stamped, maxTimestampMs: maxTimestampMs(bytes, 0) }
  })
}

function compaction(changes: Partial<Compaction> = {}): Compaction {
  return {
    wallMs: nowMs,
    stableOffset: Number.MAX_SAFE_INTEGER,
    dedupeBufferSize: 4096,
    dedupeLoadFactor: 0.9,
    abortedRecords: () => [],
    lastRecords: () => new Map(),
    forgetAborted: () => false,
    proceed: () => Promise.resolve(true),
    ...changes
  }
}

async function append(log: PartitionLog, batches: readonly AppendedBatch[]): Promise<void> {
  for (const batch of batches) {
    expect(await log.append(owner, batch.baseOffset, [batch])).toMatchObject({ ok: true })
  }
}

/**
 * Fills a log from offset 1 on. That this is its start is durable, and so is what it has sealed:
 * before, compaction lets it be.
 */
async function fill(log: PartitionLog): Promise<void> {
  await append(log, keyedBatches(40))
  expect(await log.raiseLogStartOffset(owner, 1)).toMatchObject({ ok: true })
}

/** The offsets and values of all records. */
async function recordsOf(log: PartitionLog): Promise<ReadonlyMap<number, string>> {
  const found = new Map<number, string>()
  const bounds = { upToOffset: log.logEndOffset, maxSize: 300, minOneBatch: true }
  for (let fromOffset = log.logStartOffset; fromOffset < log.logEndOffset;) {
    const read = await log.read({ fromOffset, ...bounds })
    if (!read.ok) throw new Error(`${read.error} at ${fromOffset}`)
    if (read.value.bytes.length === 0) break
    for (const at of batchPositions(read.value.bytes)) {
      const records = readRecords(read.value.bytes, at)
      if (!records.ok) throw new Error(records.error)
      for (const { offset, value } of records.value) found.set(offset, String(value))
      fromOffset = lastOffset(read.value.bytes, at) + 1
    }
    read.value.release()
  }
  return found
}

function newest(records: ReadonlyMap<number, string>): ReadonlyMap<number, string> {
  const byKey = new Map<number, readonly [number, string]>()
  for (const [offset, value] of records) byKey.set(offset % 7, [offset, value])
  return new Map([...byKey.values()].sort(([a], [b]) => a - b))
}

/** What compaction keeps, on every engine. */
export function compactionContract(withLog: WithLog): void {
  test('the newest record of each key stays at its offset, for good', () =>
    withLog(async (log, { reopen }) => {
      await fill(log)
      const before = await recordsOf(log)
      expect(log.compactionNeed(compaction()).isWanted).toBe(true)
      const compacted = await log.compact(owner, compaction())
      expect(compacted).toMatchObject({ ok: true })
      expect(log.compactionNeed(compaction()).isWanted).toBe(false)
      for (const next of [() => log, reopen]) {
        const opened = await next()
        const after = await recordsOf(opened)
        expect(after.size).toBeLessThan(before.size / 2)
        for (const [offset, value] of after) expect(before.get(offset)).toBe(value)
        expect(newest(after)).toEqual(newest(before))
        expect([opened.logStartOffset, opened.logEndOffset]).toEqual([1, 80])
      }
    }, configs))

  test('what came meanwhile stays, and reads bring what was there or what is', () =>
    withLog(async (log, { reopen }) => {
      await fill(log)
      const before = await recordsOf(log)
      const running = log.compact(owner, compaction())
      const reads = [recordsOf(log), recordsOf(log)]
      await append(log, keyedBatches(3, 80))
      expect(await running).toMatchObject({ ok: true })
      for (const found of await Promise.all(reads)) {
        for (const [offset, value] of found) expect(value).toBe(`value ${offset}`)
        const old = new Map([...found].filter(([offset]) => offset < 80))
        expect(newest(old)).toEqual(newest(before))
      }
      const after = await recordsOf(await reopen())
      for (let offset = 80; offset < 86; offset++) expect(after.get(offset)).toBe(`value ${offset}`)
    }, configs))

  test('nothing at or behind the stable offset is touched', () =>
    withLog(async log => {
      await fill(log)
      await log.compact(owner, compaction({ stableOffset: 30 }))
      const after = await recordsOf(log)
      for (let offset = 30; offset < 80; offset++) expect(after.has(offset)).toBe(true)
      expect(after.size).toBeLessThan(80)
    }, configs))

  test('one that is to give up leaves every record that counts', () =>
    withLog(async (log, { reopen }) => {
      await fill(log)
      const before = await recordsOf(log)
      for (let steps = 0; steps < 12; steps += 3) {
        let left = steps
        const proceed = (): Promise<boolean> => Promise.resolve(left-- > 0)
        const given = await log.compact(owner, compaction({ proceed }))
        expect(given).toMatchObject({ ok: false, error: 'INTERRUPTED' })
        expect(newest(await recordsOf(log))).toEqual(newest(before))
      }
      expect(newest(await recordsOf(await reopen()))).toEqual(newest(before))
    }, configs))

  test('records below a log start offset that is raised meanwhile are out of range', () =>
    withLog(async (log, { reopen }) => {
      await fill(log)
      const running = log.compact(owner, compaction())
      expect(await log.raiseLogStartOffset(owner, 41)).toMatchObject({ ok: true })
      await running
      for (const next of [() => log, reopen]) {
        const opened = await next()
        expect([opened.logStartOffset, opened.logEndOffset]).toEqual([41, 80])
        const after = await recordsOf(opened)
        for (const [offset, value] of after) expect(value).toBe(`value ${offset}`)
        expect(newest(after).size).toBe(7)
      }
    }, configs))

  test('an older owner is FENCED', () =>
    withLog(async log => {
      await log.append(owner + 1, 0, keyedBatches(1))
      const refused = await log.compact(owner, compaction())
      expect(refused).toMatchObject({ ok: false, error: 'FENCED' })
    }, configs))
}
