/** Taken before anybody can put another in its place, as the fake timers of test runners do. */
const { setImmediate } = globalThis

/**
 * Calls `run` when every socket that is ready has been read: at the end of this turn of the event
 * loop.
 */
export function atEndOfTurn(run: () => void): void {
  setImmediate(run)
}
