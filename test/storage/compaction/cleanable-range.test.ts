import { describe, expect, test } from 'vitest'
import {
  cleanableRange,
  wantsCompaction,
  type CleanableSegment,
  type CleaningMoment
} from '../../../src/storage/compaction/cleanable-range.ts'
import { groupSegments } from '../../../src/storage/compaction/segment-groups.ts'

const configs = { minCompactionLagMs: 0, maxCompactionLagMs: Number.MAX_SAFE_INTEGER }

/** Segments of a hundred bytes and ten offsets, a second younger each. */
function segments(count: number): readonly CleanableSegment[] {
  return Array.from({ length: count }, (_, index) => ({
    baseOffset: index * 10,
    size: 100,
    createdMs: 1000 * index,
    largestTimestampMs: 1000 * (index + 1),
    firstBatchTimestampMs: 1000 * index + 1
  }))
}

function moment(changes: Partial<CleaningMoment> = {}): CleaningMoment {
  return {
    wallMs: 100_000,
    logStartOffset: 0,
    logEndOffset: 50,
    stableOffset: 50,
    lastFirstDirtyOffset: -1,
    ...changes
  }
}

describe('the part of a log that may be compacted', () => {
  test.each([
    ['all but the active segment', {}, {}, [0, 40, 400, 1]],
    ['what is new since the last time', { lastFirstDirtyOffset: 20 }, {}, [20, 40, 200, 0.5]],
    ['nothing in the segment of the stable offset', { stableOffset: 25 }, {}, [0, 20, 200, 1]],
    ['a segment that ends at the stable offset', { stableOffset: 20 }, {}, [0, 20, 200, 1]],
    [
      'the whole log when it was clean beyond its end',
      { lastFirstDirtyOffset: 70 },
      {},
      [0, 40, 400, 1]
    ],
    [
      'from the start of the log on',
      { logStartOffset: 12, lastFirstDirtyOffset: 3 },
      {},
      [12, 40, 300, 300 / 500]
    ],
    [
      'nothing of a log that was clean into its active segment',
      { lastFirstDirtyOffset: 42 },
      {},
      [42, 42, 0, 0]
    ],
    [
      'nothing younger than min.compaction.lag.ms',
      { wallMs: 4000 },
      { minCompactionLagMs: 1000 },
      [0, 30, 300, 1]
    ],
    ['nothing when all is clean', { lastFirstDirtyOffset: 40 }, {}, [40, 40, 0, 0]],
    ['nothing when nothing is stable', { stableOffset: 0 }, {}, [0, 0, 0, 0]]
  ])('is %s', (_, changes, lag, expected) => {
    const range = cleanableRange(segments(5), { ...configs, ...lag }, moment(changes))
    const { firstDirtyOffset, firstUncleanableOffset, cleanableSize, cleanableRatio } = range
    const found = [firstDirtyOffset, firstUncleanableOffset, cleanableSize, cleanableRatio]
    expect(found).toEqual(expected)
  })

  test('is nothing of a log without segments, or with the active one alone', () => {
    for (const count of [0, 1]) {
      const range = cleanableRange(segments(count), configs, moment({ logEndOffset: count * 10 }))
      expect(range).toMatchObject({ firstDirtyOffset: 0, firstUncleanableOffset: 0 })
      expect(wantsCompaction(range, 0)).toBe(false)
    }
  })

  test('is wanted above min.cleanable.dirty.ratio, or after max.compaction.lag.ms', () => {
    const half = moment({ lastFirstDirtyOffset: 20 })
    const range = cleanableRange(segments(5), configs, half)
    expect(wantsCompaction(range, 0.49)).toBe(true)
    expect(wantsCompaction(range, 0.5)).toBe(false)
    const lag = { ...configs, maxCompactionLagMs: 97_998 }
    expect(wantsCompaction(cleanableRange(segments(5), lag, half), 0.9)).toBe(true)
    const longer = { ...configs, maxCompactionLagMs: 97_999 }
    expect(wantsCompaction(cleanableRange(segments(5), longer, half), 0.9)).toBe(false)
  })
})

test('neighbours that fit one segment are compacted into one', () => {
  const bounds = { segmentBytes: 100, segmentIndexBytes: 50, relativeOffsetMax: 1000 }
  const sizes = [
    [40, 10, 10],
    [60, 10, 10],
    [1, 10, 10],
    [150, 10, 10],
    [0, 45, 0],
    [0, 6, 0],
    [0, 0, 51]
  ]
  const list = sizes.map(([size, offsetIndexSize, timeIndexSize], index) => ({
    baseOffset: index * 10,
    endOffset: index * 10 + 10,
    size: size!,
    offsetIndexSize: offsetIndexSize!,
    timeIndexSize: timeIndexSize!
  }))
  const offsets = groupSegments(list, bounds).map(group => group.map(each => each.baseOffset))
  expect(offsets).toEqual([[0, 10], [20], [30], [40], [50], [60]])
  const far = [...list.slice(0, 1), { ...list[2]!, baseOffset: 1000, endOffset: 1002 }]
  expect(groupSegments(far, bounds)).toHaveLength(2)
})
