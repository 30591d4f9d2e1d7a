import { describe, expect, test } from 'vitest'
import { watchWallClock, type WallClockWatch } from '../../src/base/wall-clock-watch.ts'
import { wallClockBounds, wallClockJumpMaxMs, wallClockSettleMs } from '../../src/limits.ts'

const startMs = 1_700_000_000_000
const yearMs = 365 * 24 * 3_600_000

/** Looks at the clocks in turn; says each time whether the wall clock is trusted. */
function looks(...readings: ReadonlyArray<readonly [number, number]>): readonly boolean[] {
  let watch: WallClockWatch | null = null
  return readings.map(([monotonicMs, wallAheadMs]) => {
    const wallMs = startMs + monotonicMs + wallAheadMs
    watch = watchWallClock(watch, { monotonicMs, wallMs }, wallClockBounds)
    return watch.jump === null
  })
}

describe('the wall clock', () => {
  test('is believed at the first look, and while it goes like the monotonic one', () => {
    expect(looks([0, 0], [60_000, 0], [yearMs, 3_000])).toEqual([true, true, true])
  })

  test.each([10 * yearMs, wallClockJumpMaxMs + 1, -wallClockJumpMaxMs - 1, -10 * yearMs])(
    'is not believed after a jump of %d ms, until it has gone on steadily for an hour',
    jumpMs => {
      const settled = 1_000 + wallClockSettleMs
      const seen = looks([0, 0], [1_000, jumpMs], [settled - 1, jumpMs], [settled, jumpMs])
      expect(seen).toEqual([true, false, false, true])
    }
  )

  test('is believed again at once when it comes back', () => {
    expect(looks([0, 0], [1_000, yearMs], [2_000, 5])).toEqual([true, false, true])
  })

  test('has to go on for an hour after the last of several jumps', () => {
    const again = wallClockSettleMs - 1
    const seen = looks(
      [0, 0],
      [1_000, yearMs],
      [again, 2 * yearMs],
      [again + wallClockSettleMs - 1, 2 * yearMs],
      [again + wallClockSettleMs, 2 * yearMs]
    )
    expect(seen).toEqual([true, false, false, false, true])
  })

  test('may be adjusted by up to an hour at a time', () => {
    const step = wallClockJumpMaxMs
    expect(looks([0, 0], [1_000, step], [2_000, 2 * step])).toEqual([true, true, true])
  })
})
