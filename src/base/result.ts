/**
 * What an operation answers when failure is part of the protocol: one element must not fail its
 * neighbours.
 */
export type Result<T, E extends string> = Success<T> | Failure<E>

export interface Success<T> {
  readonly ok: true
  readonly value: T
}

export interface Failure<E extends string> {
  readonly ok: false
  /** The Kafka name of the error, or a name of ours below the handlers. */
  readonly error: E
  /** A sentence for people: what was wrong and what to do. Null when the name says it all. */
  readonly detail: string | null
}

export function success<T>(value: T): Success<T> {
  return { ok: true, value }
}

export function failure<E extends string>(error: E, detail: string | null = null): Failure<E> {
  return { ok: false, error, detail }
}
