/**
 * Time as the broker sees it. Durations and deadlines use monotonic time, record timestamps and
 * retention use wall time; a variable never holds both.
 */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  monotonicMs(): number
  /** Milliseconds since 1970-01-01 UTC, as the machine believes. */
  wallMs(): number
  /** Calls `wake` once, `delayMs` from now or later. The timer never keeps the process alive. */
  schedule(delayMs: number, wake: () => void): Alarm
}

export interface Alarm {
  /** Takes the wake-up back; harmless when it has happened. */
  cancel(): void
}
