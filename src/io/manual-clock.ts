import { assert } from '../base/assert.ts'
import type { Clock } from './clock.ts'

/** A clock that stands still until it is moved. */
export interface ManualClock extends Clock {
  /**
   * Moves both times on and wakes who is due on the way, in the order of their moments; each sees
   * the time it asked for. What they schedule meanwhile counts too.
   */
  advance(delayMs: number): void
  /**
   * Sets the wall time only, as an administrator or a leap would; monotonic time and alarms do not
   * notice.
   */
  setWallMs(wallMs: number): void
  /** Alarms that have neither fired nor been cancelled. */
  readonly pendingCount: number
}

interface Pending {
  readonly atMs: number
  readonly wake: () => void
}

/** @param startMs first wall time, milliseconds since 1970-01-01 UTC; monotonic time starts at 0 */
export function manualClock(startMs = 1_700_000_000_000): ManualClock {
  let monotonicMs = 0
  let wallAheadMs = startMs
  // In the order of scheduling: of two that are due at the same moment, the older one goes first.
  const pending = new Set<Pending>()

  function nextUntil(endMs: number): Pending | null {
    let next: Pending | null = null
    for (const alarm of pending)
      if (alarm.atMs <= endMs && (next === null || alarm.atMs < next.atMs)) next = alarm
    return next
  }

  return {
    monotonicMs: () => monotonicMs,
    wallMs: () => monotonicMs + wallAheadMs,
    schedule(delayMs, wake) {
      const alarm = { atMs: monotonicMs + Math.max(delayMs, 0), wake }
      pending.add(alarm)
      return { cancel: () => void pending.delete(alarm) }
    },
    advance(delayMs) {
      assert(delayMs >= 0, 'monotonic time never goes back')
      const endMs = monotonicMs + delayMs
      for (let due = nextUntil(endMs); due !== null; due = nextUntil(endMs)) {
        pending.delete(due)
        monotonicMs = Math.max(monotonicMs, due.atMs)
        due.wake()
      }
      monotonicMs = Math.max(monotonicMs, endMs)
    },
    setWallMs(wallMs) {
      wallAheadMs = wallMs - monotonicMs
    },
    get pendingCount() {
      return pending.size
    }
  }
}
