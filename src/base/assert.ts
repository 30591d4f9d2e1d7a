/**
 * A belief that was wrong; like the error of `node:assert`, which takes a start a millisecond to
 * load.
 */
export class AssertionError extends Error {
  readonly code = 'ERR_ASSERTION'

  constructor(message: string) {
    super(message)
    this.name = 'AssertionError'
  }
}

/**
 * States what the program believes. A failed assertion is a bug of ours (or rotten memory), never a
 * client's doing: nobody catches it, and the broker stops.
 *
 * @throws AssertionError naming the broken belief
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

/**
 * Ends a switch over a union: the compiler proves that no case is missing, the run time refuses one
 * that is.
 */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`)
}
