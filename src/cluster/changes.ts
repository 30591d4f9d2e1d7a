import { assert } from '../base/assert.ts'
import type { Clock } from '../io/clock.ts'

/** How long somebody waits for a change, and what that one hears when it takes longer. */
export interface Patience<T> {
  /** From now on, ms. */
  readonly waitMs: number
  readonly whenLate: () => T
}

/** A change that has not begun yet. */
interface Waiting {
  begin(): Promise<void>
}

/**
 * Changes of what exists, one after the other, in the order in which they are asked for; one that
 * fails does not stop the next. A disk that stands still holds up all of them, and nobody waits
 * longer than it wants: a change that has begun by then goes on unheard, and one that has not never
 * begins (Kafka: the deadlines of QuorumController's event queue). So what waits is bounded by
 * those who wait.
 */
export class Changes {
  readonly #clock: Clock
  readonly #waiting = new Set<Waiting>()
  #isBusy = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Changes that have not begun. */
  get waitingCount(): number {
    return this.#waiting.size
  }

  /**
   * Resolves or rejects as the task does, once it is its turn, or with `whenLate`.
   *
   * @param patience null: waits as long as it takes
   */
  run<T>(task: () => Promise<T>, patience: Patience<T> | null): Promise<T> {
    return new Promise((resolve, reject) => {
      let stopWaiting: (() => void) | null = null
      const change: Waiting = {
        begin: () =>
          task()
            .then(resolve, reject)
            .finally(() => stopWaiting?.())
      }
      this.#waiting.add(change)
      if (patience !== null) {
        stopWaiting = this.#after(patience.waitMs, () => {
          this.#waiting.delete(change)
          resolve(patience.whenLate())
        })
      }
      this.#beginNext()
    })
  }

  /**
   * Calls `expire` after so many ms of the clock, which may have stood still when its alarm rings:
   * the disk was not slow then.
   *
   * @returns what takes that back
   */
  #after(waitMs: number, expire: () => void): () => void {
    const clock = this.#clock
    const untilMs = clock.monotonicMs() + waitMs
    const ring = (): void => {
      const remainingMs = untilMs - clock.monotonicMs()
      if (remainingMs > 0) alarm = clock.schedule(remainingMs, ring)
      else expire()
    }
    let alarm = clock.schedule(waitMs, ring)
    return () => alarm.cancel()
  }

  #beginNext(): void {
    if (this.#isBusy) return
    const [next] = this.#waiting
    if (next === undefined) return
    this.#waiting.delete(next)
    this.#isBusy = true
    void next.begin().finally(() => {
      assert(this.#isBusy, 'one change is at work')
      this.#isBusy = false
      this.#beginNext()
    })
  }
}
