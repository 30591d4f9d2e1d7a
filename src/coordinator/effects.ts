/** Names one parked request. A shard gives them out; a machine answers each exactly once. */
export type Ticket = number

/**
 * Now, in both of its meanings: deadlines are monotonic, what is written down is wall time (ms
 * since 1970).
 */
export interface Moment {
  readonly monotonicMs: number
  readonly wallMs: number
}

/**
 * What a state machine wants done after an event. It has changed its own state already; the world
 * has not heard of it.
 */
export interface Effects<Record, Reply> {
  /** Append to the internal topic, in this order, before any reply is released. */
  readonly records: readonly Record[]
  readonly replies: ReadonlyArray<Answered<Reply>>
  /** Call `tick` no later than this (monotonic ms); null: nothing waits on time. */
  readonly deadlineMs: number | null
  /** What an operator may want to read in the log of the broker. */
  readonly notes: readonly Note[]
}

export interface Answered<Reply> {
  readonly ticket: Ticket
  readonly reply: Reply
}

export interface Note {
  readonly message: string
  readonly fields: Readonly<{ [name: string]: string | number | null }>
}

/** Effects in the making: one event being decided, at one moment. */
export interface Turn<Record, Reply> {
  readonly now: Moment
  readonly records: Record[]
  readonly replies: Answered<Reply>[]
  readonly notes: Note[]
}

export function beginTurn<Record, Reply>(now: Moment): Turn<Record, Reply> {
  return { now, records: [], replies: [], notes: [] }
}
