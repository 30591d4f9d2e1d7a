import { assert } from '../base/assert.ts'
import { deferred } from '../base/deferred.ts'
import type { Alarm, Clock } from './clock.ts'

export interface RoundsOptions {
  readonly clock: Clock
  /** Does what there is to do, and says with `next` when there is more. */
  readonly round: () => Promise<void>
  /** A bug of ours: the broker must stop. */
  readonly onFailure: (error: unknown) => void
}

/**
 * Work that comes again from time to time, one round after the other, and lets everybody else have
 * a turn of the event loop in its pauses.
 */
export class Rounds {
  readonly #options: RoundsOptions
  #alarm: Alarm | null = null
  #running: Promise<void> = Promise.resolve()
  #endPause: () => void = () => {}
  #isStopped = false

  constructor(options: RoundsOptions) {
    this.#options = options
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  /** @param delayMs time to the first round */
  start(delayMs: number): void {
    assert(this.#alarm === null && !this.#isStopped, 'rounds are started once')
    this.next(delayMs)
  }

  /** Sets the time to the next round, ms; of no effect when there is to be none. */
  next(delayMs: number): void {
    if (this.#isStopped) return
    const { clock, round, onFailure } = this.#options
    this.#alarm = clock.schedule(delayMs, () => {
      this.#running = round().catch(onFailure)
    })
  }

  /** No further round begins, and pauses end at once; resolves when no round is under way. */
  stop(): Promise<void> {
    this.#isStopped = true
    this.#alarm?.cancel()
    this.#endPause()
    return this.#running
  }

  /** For the round that is under way: waits; false when it has to end. */
  async pause(delayMs = 0): Promise<boolean> {
    if (this.#isStopped) return false
    const pause = deferred<void>()
    this.#endPause = () => pause.resolve()
    this.#alarm = this.#options.clock.schedule(delayMs, this.#endPause)
    await pause.promise
    return !this.#isStopped
  }
}
