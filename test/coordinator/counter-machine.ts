import type { Effects, Moment, Ticket } from '../../src/coordinator/effects.ts'
import type { Machine } from '../../src/coordinator/machine.ts'

/** Adds to a named sum, reads it, or waits until somebody wakes all who wait. */
export type CounterEvent =
  | { readonly type: 'add'; readonly ticket: Ticket; readonly name: string; readonly by: number }
  | { readonly type: 'read'; readonly ticket: Ticket; readonly name: string }
  | { readonly type: 'wait'; readonly ticket: Ticket; readonly untilMs: number }
  | { readonly type: 'clear'; readonly name: string }
  | { readonly type: 'break'; readonly ticket: Ticket }

export interface CounterRecord {
  readonly name: string
  /** Null: forgotten. */
  readonly sum: number | null
}

export type CounterReply = number | 'woken'

/** A machine that is as simple as one can be: sums that are remembered, and waits that are not. */
export class CounterMachine implements Machine<CounterEvent, CounterRecord, CounterReply> {
  readonly sums = new Map<string, number>()
  readonly #waits: { readonly ticket: Ticket; readonly untilMs: number }[] = []

  replay({ name, sum }: CounterRecord): void {
    if (sum === null) this.sums.delete(name)
    else this.sums.set(name, sum)
  }

  loaded(): Effects<CounterRecord, CounterReply> {
    return this.#effects([], [])
  }

  tick(now: Moment): Effects<CounterRecord, CounterReply> {
    const due = this.#waits.filter(wait => wait.untilMs <= now.monotonicMs)
    for (const wait of due) this.#waits.splice(this.#waits.indexOf(wait), 1)
    return this.#effects(
      [],
      due.map(({ ticket }) => ({ ticket, reply: 'woken' as const }))
    )
  }

  step(event: CounterEvent): Effects<CounterRecord, CounterReply> {
    switch (event.type) {
      case 'add': {
        const sum = (this.sums.get(event.name) ?? 0) + event.by
        this.sums.set(event.name, sum)
        return this.#effects([{ name: event.name, sum }], [{ ticket: event.ticket, reply: sum }])
      }
      case 'read': {
        const reply = this.sums.get(event.name) ?? 0
        return this.#effects([], [{ ticket: event.ticket, reply }])
      }
      case 'wait':
        this.#waits.push(event)
        return this.#effects([], [])
      case 'clear':
        this.sums.delete(event.name)
        return this.#effects([{ name: event.name, sum: null }], [])
      case 'break':
        throw new Error('a belief was wrong')
      default:
        throw new Error('unknown event')
    }
  }

  #effects(
    records: readonly CounterRecord[],
    replies: Effects<CounterRecord, CounterReply>['replies']
  ): Effects<CounterRecord, CounterReply> {
    const deadlines = this.#waits.map(wait => wait.untilMs)
    const deadlineMs = deadlines.length === 0 ? null : Math.min(...deadlines)
    return { records, replies, deadlineMs, notes: [] }
  }
}

export function encodeCounter({ name, sum }: CounterRecord): { key: Buffer; value: Buffer | null } {
  return { key: Buffer.from(name), value: sum === null ? null : Buffer.from(String(sum)) }
}

/** Names that begin with `#` are somebody else's. */
export function decodeCounter(key: Buffer, value: Buffer | null): CounterRecord | null {
  const name = key.toString()
  return name.startsWith('#') ? null : { name, sum: value === null ? null : Number(value) }
}
