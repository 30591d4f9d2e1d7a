/** What is known at once, or later: a hot path does not wait for what it has. */
export type Settled<T> = T | Promise<T>

/** Goes on with a value as soon as it is there. */
export function whenSettled<T, U>(value: Settled<T>, use: (value: T) => U): Settled<U> {
  return value instanceof Promise ? value.then(use) : use(value)
}

/** Goes on with all values as soon as they are there. */
export function whenAllSettled<T, U>(
  values: readonly Settled<T>[],
  use: (values: readonly T[]) => U
): Settled<U> {
  return areThere(values) ? use(values) : allSettled(values).then(use)
}

/** Waits for all values. */
export function allSettled<T>(values: readonly Settled<T>[]): Promise<readonly T[]> {
  return Promise.all(values)
}

function areThere<T>(values: readonly Settled<T>[]): values is readonly T[] {
  for (const value of values) if (value instanceof Promise) return false
  return true
}
