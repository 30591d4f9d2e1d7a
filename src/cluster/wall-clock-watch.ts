import { wallClockJumpMaxMs, wallClockSettleMs } from '../limits.ts'

/** What is known of the wall clock; time retention trusts it only while `jump` is null. */
export interface WallClockWatch {
  /** How far the wall clock was ahead of the monotonic one when it was last trusted, ms. */
  readonly trustedAheadMs: number
  /** Where the wall clock went to, and at which monotonic time that was seen. */
  readonly jump: { readonly aheadMs: number; readonly seenMs: number } | null
}

export interface ClockReading {
  readonly monotonicMs: number
  readonly wallMs: number
}

/**
 * Looks at the clocks again. A wall clock that moved more than an hour against the monotonic one is
 * not trusted until it has either come back or gone on steadily for `wallClockSettleMs`; slow
 * adjustments between two looks are followed. A jump while the broker is down is not noticed.
 *
 * @param before what the look before returned; null at the first one
 */
export function watchWallClock(
  before: WallClockWatch | null,
  { monotonicMs, wallMs }: ClockReading
): WallClockWatch {
  const aheadMs = wallMs - monotonicMs
  if (before === null || isNear(aheadMs, before.trustedAheadMs)) {
    return { trustedAheadMs: aheadMs, jump: null }
  }
  const { trustedAheadMs, jump } = before
  if (jump === null || !isNear(aheadMs, jump.aheadMs)) {
    return { trustedAheadMs, jump: { aheadMs, seenMs: monotonicMs } }
  }
  if (monotonicMs - jump.seenMs < wallClockSettleMs) return before
  return { trustedAheadMs: aheadMs, jump: null }
}

function isNear(aheadMs: number, otherAheadMs: number): boolean {
  return Math.abs(aheadMs - otherAheadMs) <= wallClockJumpMaxMs
}
