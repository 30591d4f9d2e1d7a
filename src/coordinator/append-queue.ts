import type { Answered } from './effects.ts'

/** A record as the log takes it. */
export interface EncodedRecord {
  readonly key: Buffer
  readonly value: Buffer | null
}

/** A reply that waits for records. */
interface Held<Reply> extends Answered<Reply> {
  /** Monotonic, ms. */
  readonly sinceMs: number
}

/** Records that become durable together, and the replies that wait for them. */
interface Batch<Reply> {
  readonly records: EncodedRecord[]
  readonly replies: Held<Reply>[]
}

/** What a record adds to a batch beside its key and value, bytes, at most. */
const recordOverhead = 32

/**
 * Keeps replies behind the records that they depend on. One batch is on its way to the log at a
 * time; what is decided meanwhile gathers in the next one, so a slow sync makes larger batches
 * instead of a queue.
 */
export class AppendQueue<Reply> {
  #inFlight: Batch<Reply> | null = null
  #gathering: Batch<Reply> = { records: [], replies: [] }
  #gatheringSize = 0

  /** Whether everything decided so far is durable. */
  get isIdle(): boolean {
    return this.#inFlight === null && this.#gathering.records.length === 0
  }

  /** Bytes of the records that wait for the batch on its way. */
  get gatheringSize(): number {
    return this.#gatheringSize
  }

  /** When the reply was decided that waits for longest, monotonic ms; null when none waits. */
  get heldSinceMs(): number | null {
    const oldest = this.#inFlight?.replies[0] ?? this.#gathering.replies[0]
    return oldest?.sinceMs ?? null
  }

  /**
   * Takes what an event has led to.
   *
   * @param nowMs monotonic
   * @returns the replies that may go at once: those that depend on no record that is still under
   *   way
   */
  add(
    records: readonly EncodedRecord[],
    replies: ReadonlyArray<Answered<Reply>>,
    nowMs: number
  ): ReadonlyArray<Answered<Reply>> {
    if (this.isIdle && records.length === 0) return replies
    for (const record of records) {
      this.#gathering.records.push(record)
      this.#gatheringSize += sizeOf(record)
    }
    const last = this.#gathering.records.length > 0 ? this.#gathering : this.#inFlight
    for (const { ticket, reply } of replies) last?.replies.push({ ticket, reply, sinceMs: nowMs })
    return []
  }

  /** The next batch to append; null while one is on its way, or there is nothing to append. */
  begin(): readonly EncodedRecord[] | null {
    if (this.#inFlight !== null || this.#gathering.records.length === 0) return null
    this.#inFlight = this.#gathering
    this.#gathering = { records: [], replies: [] }
    this.#gatheringSize = 0
    return this.#inFlight.records
  }

  /** The batch that was on its way is durable: its replies may go. */
  finish(): ReadonlyArray<Answered<Reply>> {
    const replies = this.#inFlight?.replies ?? []
    this.#inFlight = null
    return replies
  }

  /** Takes out the replies that have waited since `sinceMs` or longer; their records stay. */
  takeHeldSince(sinceMs: number): ReadonlyArray<Answered<Reply>> {
    const taken: Answered<Reply>[] = []
    for (const batch of [this.#inFlight, this.#gathering]) {
      const replies = batch?.replies ?? []
      // In the order in which they were decided.
      const kept = replies.findIndex(held => held.sinceMs > sinceMs)
      taken.push(...replies.splice(0, kept === -1 ? replies.length : kept))
    }
    return taken
  }
}

/** Bytes that a record takes of a batch, at most. */
function sizeOf({ key, value }: EncodedRecord): number {
  return key.length + (value?.length ?? 0) + recordOverhead
}

/**
 * Cuts records into batches that the log accepts. Every record stands for itself, so a batch more
 * or less after a crash is an event that was half done, and whose reply nobody got.
 *
 * @param sizeMax bytes of a batch's records; a single one that is larger goes alone, and is the
 *   log's to refuse
 */
export function splitBySize(
  records: readonly EncodedRecord[],
  sizeMax: number
): readonly (readonly EncodedRecord[])[] {
  const batches: EncodedRecord[][] = []
  let batch: EncodedRecord[] = []
  let size = 0
  for (const record of records) {
    const recordSize = sizeOf(record)
    if (batch.length > 0 && size + recordSize > sizeMax) {
      batches.push(batch)
      batch = []
      size = 0
    }
    batch.push(record)
    size += recordSize
  }
  if (batch.length > 0) batches.push(batch)
  return batches
}
