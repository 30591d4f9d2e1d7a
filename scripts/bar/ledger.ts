import { createHash } from 'node:crypto'

// What was sent and acknowledged, held against what can be read. Every record says in its value who
// sent it and its number; a producer counts its records partition by partition, from 0.

/** One record as it was read. */
export interface ReadRecord {
  readonly offset: number
  readonly value: string
}

/** What can be read of one partition. */
export interface ReadPartition {
  readonly logStartOffset: number
  readonly logEndOffset: number
  /** By rising offset. */
  readonly records: readonly ReadRecord[]
}

export interface Violations {
  /** Acknowledged, and not there. */
  lost: number
  /** Of an idempotent producer, and there more than once. */
  duplicated: number
  /** Behind a record that its producer sent later. */
  reordered: number
  /** Acknowledged at an offset that holds something else. */
  misplaced: number
  /** Not what was sent, or sent by nobody. */
  foreign: number
}

/** A producer's records of one partition that were acknowledged together. */
interface Acknowledged {
  readonly first: number
  readonly count: number
  readonly baseOffset: number
}

interface Account {
  readonly isIdempotent: boolean
  /** Records numbered so far: some of them may never have been acknowledged. */
  numbered: number
  readonly acknowledged: Acknowledged[]
}

export function noViolations(): Violations {
  return { lost: 0, duplicated: 0, reordered: 0, misplaced: 0, foreign: 0 }
}

/** The value of a record: its sender, its number, and text that only they lead to. */
export function valueOf(producer: string, number: number, size: number): string {
  const name = `${producer} ${number} ${size} `
  const filler = createHash('sha1').update(name).digest('hex')
  return (name + filler.repeat(Math.ceil(size / filler.length))).slice(0, name.length + size)
}

/** Whose record a value is; null when nobody sent it like this. */
function senderOf(value: string): { readonly producer: string; readonly number: number } | null {
  const [producer = '', number = '', size = ''] = value.split(' ', 3)
  return value === valueOf(producer, Number(number), Number(size))
    ? { producer, number: Number(number) }
    : null
}

/** Everything that producers sent to some partitions, and what the broker said of it. */
export class Ledger {
  /** By partition (`topic/0`), then by producer. */
  readonly #accounts = new Map<string, Map<string, Account>>()
  #acknowledgedCount = 0

  /** Records that were acknowledged. */
  get acknowledgedCount(): number {
    return this.#acknowledgedCount
  }

  get places(): Iterable<string> {
    return this.#accounts.keys()
  }

  /** Numbers records that are about to be sent; returns the number of the first. */
  number(place: string, producer: string, isIdempotent: boolean, count: number): number {
    const account = this.#account(place, producer, isIdempotent)
    const first = account.numbered
    account.numbered += count
    return first
  }

  acknowledge(place: string, producer: string, records: Acknowledged): void {
    const account = this.#accounts.get(place)?.get(producer)
    if (account === undefined) throw new Error(`${producer} has sent nothing to ${place}`)
    account.acknowledged.push(records)
    this.#acknowledgedCount += records.count
  }

  /** Forgets a partition whose topic is deleted. */
  forget(place: string): void {
    this.#accounts.delete(place)
  }

  /** Holds what was read of a partition against what was sent to it. */
  judge(place: string, read: ReadPartition, found: Violations): void {
    const accounts = this.#accounts.get(place) ?? new Map<string, Account>()
    const offsets = new Map<string, Map<number, number[]>>()
    const sent = read.records.map(({ offset, value }) => ({ offset, sender: senderOf(value) }))
    for (const { offset, sender } of sent) {
      const account = sender === null ? undefined : accounts.get(sender.producer)
      if (sender === null || account === undefined || sender.number >= account.numbered) {
        found.foreign++
        continue
      }
      let numbers = offsets.get(sender.producer)
      if (numbers === undefined) offsets.set(sender.producer, (numbers = new Map()))
      const at = numbers.get(sender.number)
      if (at === undefined) numbers.set(sender.number, [offset])
      else at.push(offset)
    }
    for (const [producer, account] of accounts) {
      judgeProducer(account, offsets.get(producer) ?? new Map<number, number[]>(), read, found)
    }
  }

  #account(place: string, producer: string, isIdempotent: boolean): Account {
    let accounts = this.#accounts.get(place)
    if (accounts === undefined) this.#accounts.set(place, (accounts = new Map()))
    let account = accounts.get(producer)
    if (account === undefined) {
      account = { isIdempotent, numbered: 0, acknowledged: [] }
      accounts.set(producer, account)
    }
    return account
  }
}

/** @param offsets where each number was read, rising */
function judgeProducer(
  { isIdempotent, acknowledged }: Account,
  offsets: ReadonlyMap<number, readonly number[]>,
  { logStartOffset }: ReadPartition,
  found: Violations
): void {
  for (const { first, count, baseOffset } of acknowledged) {
    for (let index = 0; index < count; index++) {
      if (baseOffset + index < logStartOffset) continue
      const at = offsets.get(first + index)
      if (at === undefined) found.lost++
      else if (!at.includes(baseOffset + index)) found.misplaced++
    }
  }
  // Maps keep the order of insertion: the order of the first time each number was read.
  let largest = -1
  for (const [number, at] of offsets) {
    if (number < largest) found.reordered++
    largest = Math.max(largest, number)
    if (isIdempotent) found.duplicated += at.length - 1
  }
}
