/** What is known of the wall clock; what is old by it is deleted only while `jump` is null. */
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

export interface WallClockBounds {
  /** A wall clock that moves more than this against the monotonic one has jumped, ms. */
  readonly jumpMaxMs: number
  /** How long one that has jumped must go on steadily to be believed, ms. */
  readonly settleMs: number
}

/**
 * Looks at the clocks again. A wall clock that has jumped is not trusted until it has either come
 * back or gone on steadily for a while; slow adjustments between two looks are followed. A jump
 * while the broker is down is not noticed.
 *
 * @param before what the look before returned; null at the first one
 */
export function watchWallClock(
  before: WallClockWatch | null,
  { monotonicMs, wallMs }: ClockReading,
  { jumpMaxMs, settleMs }: WallClockBounds
): WallClockWatch {
  const aheadMs = wallMs - monotonicMs
  const isNear = (otherMs: number): boolean => Math.abs(aheadMs - otherMs) <= jumpMaxMs
  if (before === null || isNear(before.trustedAheadMs)) {
    return { trustedAheadMs: aheadMs, jump: null }
  }
  const { trustedAheadMs, jump } = before
  if (jump === null || !isNear(jump.aheadMs)) {
    return { trustedAheadMs, jump: { aheadMs, seenMs: monotonicMs } }
  }
  if (monotonicMs - jump.seenMs < settleMs) return before
  return { trustedAheadMs: aheadMs, jump: null }
}
