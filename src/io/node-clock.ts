import type { Clock } from './clock.ts'

/** Longest delay that Node's timers keep, ms; they fire at once when asked for more. */
const delayMsMax = 2 ** 31 - 1

/** Where this clock begins: small numbers keep more digits behind the point. */
const origin = process.hrtime()

/**
 * Milliseconds since `origin`. `performance.now` says the same, but its module takes a start a
 * millisecond to load.
 */
function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return (seconds - origin[0]) * 1e3 + (nanoseconds - origin[1]) / 1e6
}

/** The machine's clock, and the only timers of the broker. They never keep the process alive. */
export const nodeClock: Clock = {
  monotonicMs,
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
