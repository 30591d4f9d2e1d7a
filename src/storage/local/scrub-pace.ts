import { scrubBackoffMaxMs, scrubLateMaxMs, scrubSlowReadMs } from '../../limits.ts'

/** How the last piece of a scrub went. */
export interface ScrubStep {
  /** Bytes that were read. */
  readonly size: number
  /** How long the read took, ms; it waits for the disk and for the event loop. */
  readonly readMs: number
  /** How much later than it was asked for the pause before it ended, ms. */
  readonly lateMs: number
}

export interface ScrubPace {
  /** How long to wait before the next piece, ms. */
  readonly delayMs: number
  /** How long the pauses have become because others need the machine, ms; 0 while they do not. */
  readonly backoffMs: number
}

/** The pace of a scrub that has just begun. */
export const firstScrubPace: ScrubPace = { delayMs: 0, backoffMs: 0 }

/**
 * How to go on after a piece: at the rate that is allowed, and with pauses that double for as long
 * as the disk or the event loop lets one wait, since then somebody with a client needs them.
 *
 * @param bytesPerSecond the rate that is allowed
 */
export function nextScrubPace(
  { backoffMs }: ScrubPace,
  { size, readMs, lateMs }: ScrubStep,
  bytesPerSecond: number
): ScrubPace {
  const isBusy = readMs > scrubSlowReadMs || lateMs > scrubLateMaxMs
  const longer = Math.min(Math.max(backoffMs * 2, scrubLateMaxMs), scrubBackoffMaxMs)
  const wait = isBusy ? longer : 0
  const atRate = Math.max(0, (size / bytesPerSecond) * 1000 - readMs)
  return { delayMs: Math.max(atRate, wait), backoffMs: wait }
}
