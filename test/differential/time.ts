import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import { manualClock } from '../../src/io/manual-clock.ts'

/** How time goes on for a broker and for those who talk to it. */
export interface Time {
  /** Lets so much time pass for the broker, ms. */
  pass(ms: number): Promise<void>
  /** Waits, ms, for what comes without time having to pass. */
  rest(ms: number): Promise<void>
  /** Hears of everything that is asked or answered. */
  onTraffic(): void
}

/** Of brokers in a process of their own. */
export const realTime: Time = {
  pass: ms => delay(ms),
  rest: ms => delay(ms),
  onTraffic() {}
}

const stepMs = 10
/** Turns of the event loop in which whatever is due without time passing is done and answered. */
const turnsToArrive = 100

/**
 * Of a broker in this process: its clock goes on in small steps, at most as fast as ours, and only
 * while nobody says anything. However slow the machine is, no session ends between two questions.
 */
export class SteppedTime implements Time {
  readonly clock = manualClock(Date.now())
  readonly #timer = setInterval(() => this.#step(), stepMs)
  #hasTraffic = false
  #isResting = false

  async pass(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
      this.clock.advance(stepMs)
      await nextTurn()
    }
  }

  async rest(ms: number): Promise<void> {
    this.#isResting = true
    await delay(ms)
    // After a pause of the machine there is still to be read what came before it.
    for (let turn = 0; turn < turnsToArrive; turn++) {
      this.clock.advance(0)
      await nextTurn()
    }
    this.#isResting = false
  }

  onTraffic(): void {
    this.#hasTraffic = true
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #step(): void {
    this.clock.advance(this.#hasTraffic || this.#isResting ? 0 : stepMs)
    this.#hasTraffic = false
  }
}
