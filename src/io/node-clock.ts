import { performance } from 'node:perf_hooks'
import type { Clock } from './clock.ts'

/** Longest delay that Node's timers keep, ms; they fire at once when asked for more. */
const delayMsMax = 2 ** 31 - 1

/** The machine's clock, and the only timers of the broker. They never keep the process alive. */
export const nodeClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  schedule(delayMs, wake) {
    let timer: NodeJS.Timeout
    const wait = (remainingMs: number): void => {
      const stepMs = Math.min(Math.max(remainingMs, 0), delayMsMax)
      timer = setTimeout(() => {
        if (remainingMs > stepMs) wait(remainingMs - stepMs)
        else wake()
      }, Math.ceil(stepMs)).unref()
    }
    wait(delayMs)
    return { cancel: () => clearTimeout(timer) }
  }
}
