import type { Settled } from '../base/settled.ts'
import type { Alarm, Clock } from '../io/clock.ts'
import { diskWaitMinMs } from '../limits.ts'

/** Something that a client waits for, in the list of all. */
interface Wait {
  /** Monotonic, ms. */
  readonly untilMs: number
  readonly expire: () => void
  before: Wait | null
  after: Wait | null
}

/**
 * Requests whose clients wait for the disk, which stands where Kafka has replicas (Kafka:
 * `DelayedProduce`, `DelayedDeleteRecords`). When the time of a client is over, only its waiting
 * is: a batch stays where it is and becomes durable with the others, and an idempotent repetition
 * of it is recognised.
 *
 * Nearly every wait ends long before its time, so one must cost next to nothing: it enters a list
 * and leaves it, and the list is gone through only when the one alarm rings.
 */
export class DiskWaits {
  readonly #clock: Clock
  #newest: Wait | null = null
  #alarm: { readonly atMs: number; readonly alarm: Alarm } | null = null

  /** @param clock stands still while this process does: it was not the disk that was slow then */
  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether nobody waits. */
  get isEmpty(): boolean {
    return this.#newest === null
  }

  /**
   * What a client asked for, or `late` when its time is over before that is there.
   *
   * @param timeoutMs from now on; at least `diskWaitMinMs` are waited
   */
  within<T, L>(outcome: Settled<T>, timeoutMs: number, late: L): Settled<T | L> {
    if (!(outcome instanceof Promise)) return outcome
    return new Promise((resolve, reject) => {
      const untilMs = this.#clock.monotonicMs() + Math.max(timeoutMs, diskWaitMinMs)
      const wait = this.#enter(untilMs, () => resolve(late))
      outcome.then(
        result => {
          this.#leave(wait)
          resolve(result)
        },
        (error: unknown) => {
          this.#leave(wait)
          reject(error)
        }
      )
    })
  }

  /** The broker stops: nobody's time is over any more. */
  close(): void {
    this.#alarm?.alarm.cancel()
    this.#alarm = null
  }

  #enter(untilMs: number, expire: () => void): Wait {
    const wait: Wait = { untilMs, expire, before: this.#newest, after: null }
    if (this.#newest !== null) this.#newest.after = wait
    this.#newest = wait
    this.#setAlarm(untilMs)
    return wait
  }

  /** Harmless when it has left before. */
  #leave(wait: Wait): void {
    const { before, after } = wait
    if (this.#newest === wait) this.#newest = before
    if (before?.after === wait) before.after = after
    if (after?.before === wait) after.before = before
  }

  /** An alarm whose wait has ended is let ring: each wait would cost a timer otherwise. */
  #setAlarm(untilMs: number): void {
    if (this.#alarm !== null && this.#alarm.atMs <= untilMs) return
    this.#alarm?.alarm.cancel()
    const delayMs = untilMs - this.#clock.monotonicMs()
    const alarm = this.#clock.schedule(delayMs, () => this.#ring())
    this.#alarm = { atMs: untilMs, alarm }
  }

  #ring(): void {
    this.#alarm = null
    const nowMs = this.#clock.monotonicMs()
    let nextMs = Infinity
    for (let wait = this.#newest; wait !== null; wait = wait.before) {
      if (wait.untilMs > nowMs) {
        nextMs = Math.min(nextMs, wait.untilMs)
        continue
      }
      this.#leave(wait)
      wait.expire()
    }
    if (nextMs < Infinity) this.#setAlarm(nextMs)
  }
}
