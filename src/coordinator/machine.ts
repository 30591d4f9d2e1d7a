import type { Effects, Moment } from './effects.ts'

/**
 * A coordinator's state, and all of its decisions: pure, so that a run can be printed and replayed.
 * What it decides is in its own state at once; nobody outside hears of it before the records are
 * durable, and if they never are, the machine is thrown away and another one is made from the log.
 */
export interface Machine<Event, Record, Reply> {
  /** Takes over one record of the log, in the order of the log. */
  replay(record: Record): void
  /** The log has been read to its end: from now on time passes. */
  loaded(now: Moment): Effects<Record, Reply>
  /** Something has happened: a request with its ticket, or news from elsewhere. */
  step(event: Event, now: Moment): Effects<Record, Reply>
  /** The deadline of the last effects has come, or an earlier one. */
  tick(now: Moment): Effects<Record, Reply>
}
