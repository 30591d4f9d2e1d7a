import type { Alarm, Clock } from './clock.ts'

/** How many looks there are in the shortest pause that is noticed. */
const looksPerPause = 4

export interface AwakeClockOptions {
  readonly clock: Clock
  /** Shortest time without a look that counts as a pause, ms. */
  readonly pauseMinMs: number
  /** Hears of each pause and how long it was. */
  onPause(pausedMs: number): void
}

/**
 * A clock whose monotonic time stands still while this process does not run: stopped (SIGSTOP, a
 * debugger, a suspended machine) or held up for long. What waits for others to be heard of, such as
 * the sessions of group members, goes by it: while we slept, nobody could be heard.
 *
 * The clock looks at itself several times in the shortest pause that counts, so a longer time
 * between two looks was one; of that, what one look may take is left in.
 */
export class AwakeClock implements Clock {
  readonly #options: AwakeClockOptions
  readonly #intervalMs: number
  #seenMs: number
  #pausedMs = 0
  #alarm: Alarm | null = null

  constructor(options: AwakeClockOptions) {
    this.#options = options
    this.#intervalMs = options.pauseMinMs / looksPerPause
    this.#seenMs = options.clock.monotonicMs()
    this.#lookAgain()
  }

  monotonicMs(): number {
    const nowMs = this.#options.clock.monotonicMs()
    const gapMs = nowMs - this.#seenMs
    this.#seenMs = nowMs
    if (this.#alarm !== null && gapMs >= this.#options.pauseMinMs) {
      this.#pausedMs += gapMs - this.#intervalMs
      this.#options.onPause(gapMs)
    }
    return nowMs - this.#pausedMs
  }

  wallMs(): number {
    return this.#options.clock.wallMs()
  }

  /** Goes by the time that passes for everybody: who wakes too early looks at the clock again. */
  schedule(delayMs: number, wake: () => void): Alarm {
    return this.#options.clock.schedule(delayMs, wake)
  }

  /** Pauses are no longer noticed, and no time is taken for one. */
  stop(): void {
    this.#alarm?.cancel()
    this.#alarm = null
  }

  #lookAgain(): void {
    this.#alarm = this.#options.clock.schedule(this.#intervalMs, () => {
      this.monotonicMs()
      this.#lookAgain()
    })
  }
}
