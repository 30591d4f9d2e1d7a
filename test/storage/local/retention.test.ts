import { describe, expect, test } from 'vitest'
import { planRetention, type RetainedSegment } from '../../../src/storage/local/retention.ts'

const hourMs = 3_600_000
const nowMs = 1_700_000_000_000
const everything = { retentionBytes: -1, retentionMs: -1 }

/** Segments of 10 records and 100 bytes each, whose youngest records are so old, hours. */
function segmentsAged(...agesInHours: readonly number[]): readonly RetainedSegment[] {
  return agesInHours.map((age, index) => ({
    baseOffset: index * 10,
    endOffset: index * 10 + 10,
    size: 100,
    createdMs: nowMs,
    largestTimestampMs: nowMs - age * hourMs
  }))
}

function startAfter(
  segments: readonly RetainedSegment[],
  configs: Partial<typeof everything>,
  moment: { readonly wallMs?: number | null; readonly highWatermark?: number } = {}
): number | null {
  const plan = planRetention(
    segments,
    { ...everything, ...configs },
    { wallMs: nowMs, highWatermark: 1_000, ...moment }
  )
  expect(plan.logStartOffset === null).toBe(plan.count === 0)
  return plan.logStartOffset
}

describe('retention.ms', () => {
  test.each([
    ['-1 keeps records for ever', [9_999, 9_999], -1, null],
    ['a segment that is exactly as old stays', [5, 1], 5 * hourMs, null],
    ['one millisecond more and it goes', [5, 1], 5 * hourMs - 1, 10],
    ['segments go from the front, as many as are old', [9, 8, 7, 1], 6 * hourMs, 30],
    ['a young segment keeps older ones behind it', [9, 1, 9, 1], 6 * hourMs, 10],
    ['the active segment goes too', [9, 8, 7], 6 * hourMs, 30],
    ['0 gives up what is older than now', [9, 0], 0, 10]
  ])('%s', (_, ages, retentionMs, start) => {
    expect(startAfter(segmentsAged(...ages), { retentionMs })).toBe(start)
  })

  test('nothing is old while the wall clock cannot be trusted; retention.bytes still counts', () => {
    const segments = segmentsAged(9, 9, 9)
    expect(startAfter(segments, { retentionMs: 1 }, { wallMs: null })).toBeNull()
    const both = { retentionMs: 1, retentionBytes: 200 }
    expect(startAfter(segments, both, { wallMs: null })).toBe(10)
  })

  test('a timestamp in the future keeps its segment and all behind it, and is reported', () => {
    const segments = segmentsAged(9, -2, 9)
    const moment = { wallMs: nowMs, highWatermark: 1_000 }
    const configs = { ...everything, retentionMs: hourMs }
    const futureTimestampMs = nowMs + 2 * hourMs
    expect(planRetention(segments, configs, moment)).toEqual({
      count: 1,
      logStartOffset: 10,
      futureTimestampMs
    })
    const later = { ...moment, wallMs: nowMs + 3 * hourMs + 1 }
    expect(planRetention(segments, configs, later)).toMatchObject({
      count: 3,
      futureTimestampMs: null
    })
  })

  test('records without timestamps are as old as the segment behind them', () => {
    const [first, second] = segmentsAged(9, 9)
    const bare = { ...first!, largestTimestampMs: -1, createdMs: nowMs - 9 * hourMs }
    const next = { ...second!, createdMs: nowMs - 3 * hourMs }
    expect(startAfter([bare, next], { retentionMs: 4 * hourMs })).toBeNull()
    expect(startAfter([bare, next], { retentionMs: 2 * hourMs })).toBe(20)
    expect(startAfter([bare], { retentionMs: 1 })).toBeNull()
  })
})

describe('retention.bytes', () => {
  test.each([
    ['-1 sets no bound', -1, null],
    ['a log within the bound stays', 400, null],
    ['a segment stays if the log would be smaller than the bound without it', 301, null],
    ['it goes when the log is still as large as the bound', 300, 10],
    ['several go', 150, 20],
    ['0 keeps nothing', 0, 40]
  ])('%s', (_, retentionBytes, start) => {
    expect(startAfter(segmentsAged(1, 1, 1, 1), { retentionBytes })).toBe(start)
  })

  test('comes first, and retention.ms takes what is left', () => {
    const configs = { retentionBytes: 300, retentionMs: 6 * hourMs }
    expect(startAfter(segmentsAged(1, 9, 9, 1), configs)).toBe(30)
  })
})

describe('the high watermark', () => {
  test('keeps every segment that reaches beyond it', () => {
    const segments = segmentsAged(9, 9, 9)
    for (const configs of [{ retentionMs: 1 }, { retentionBytes: 0 }]) {
      expect(startAfter(segments, configs, { highWatermark: 9 })).toBeNull()
      expect(startAfter(segments, configs, { highWatermark: 10 })).toBe(10)
      expect(startAfter(segments, configs, { highWatermark: 29 })).toBe(20)
      expect(startAfter(segments, configs, { highWatermark: 30 })).toBe(30)
    }
  })
})

test('an active segment without records stays, so that the log knows where it ends', () => {
  const empty = { ...segmentsAged(9)[0]!, endOffset: 0, size: 0, largestTimestampMs: -1 }
  expect(startAfter([empty], { retentionMs: 0, retentionBytes: 0 })).toBeNull()
  const behind = { ...empty, baseOffset: 10, endOffset: 10 }
  expect(startAfter([segmentsAged(9)[0]!, behind], { retentionBytes: 0 })).toBe(10)
  expect(startAfter([], { retentionMs: 0 })).toBeNull()
})

test('offsets that a damaged end has lost belong to the segment before them', () => {
  const [first, second] = segmentsAged(9, 1)
  const damaged = { ...first!, endOffset: 7 }
  expect(startAfter([damaged, second!], { retentionMs: hourMs })).toBe(10)
})
