import { assert } from '../base/assert.ts'
import { failure, success } from '../base/result.ts'
import type { Result } from '../base/result.ts'

/**
 * Batches remembered for each producer, to recognise one that is sent again. Kafka:
 * ProducerStateEntry.
 */
export const rememberedBatchesMax = 5
/** Sequence numbers wrap here, back to 0. */
export const sequenceMax = 0x7fff_ffff
const noSequence = -1

/** What the header of a batch with a producer id says, once its offsets are known. */
export interface SequencedBatch {
  readonly producerId: number
  readonly producerEpoch: number
  /** -1 in batches that coordinators write: they have no sequence. */
  readonly baseSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  readonly lastOffset: number
  /** Largest record timestamp of the batch, ms. */
  readonly maxTimestampMs: number
  /** Set when the topic stamps batches, else -1. */
  readonly logAppendTimeMs: number
  readonly isTransactional: boolean
}

/** The commit or abort marker of a transaction: the only record of its control batch. */
export interface TransactionMarker {
  readonly producerId: number
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  readonly type: 'commit' | 'abort'
  readonly offset: number
  readonly timestampMs: number
}

/** One batch that a producer wrote: enough to answer it again. */
export interface RememberedBatch {
  readonly baseSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly logAppendTimeMs: number
}

/**
 * All that is known of one producer id in one partition. Never changed, only replaced: that makes
 * undoing exact.
 */
export interface ProducerEntry {
  readonly producerId: number
  readonly producerEpoch: number
  /** Epoch of the coordinator that wrote the last marker, or -1. */
  readonly coordinatorEpoch: number
  /** Timestamp of the last batch or marker, ms: what DescribeProducers tells. */
  readonly lastTimestampMs: number
  /** When the broker last heard of it, wall ms: what expiry goes by. */
  readonly seenMs: number
  /** First offset of the transaction that is open, or null. */
  readonly currentTxnFirstOffset: number | null
  /** Oldest first, at most `rememberedBatchesMax`, all of `producerEpoch`. */
  readonly batches: readonly RememberedBatch[]
}

/** A transaction that ended in an abort: consumers that read committed data skip its records. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  /** Offset of the abort marker. */
  readonly lastOffset: number
  /** Last stable offset when the marker was written: no later entry begins below it. */
  readonly lastStableOffset: number
}

/** How to take one `append` or `complete` back. Opaque to callers. */
export interface Applied {
  readonly producerId: number
  readonly previous: ProducerEntry | undefined
  readonly completed: CompletedTransaction | null
  readonly aborted: boolean
}

interface CompletedTransaction {
  readonly firstOffset: number
  readonly lastOffset: number
}

export type ProducerStateError =
  | 'OUT_OF_ORDER_SEQUENCE_NUMBER'
  | 'INVALID_PRODUCER_EPOCH'
  | 'INVALID_TXN_STATE'
  | 'TRANSACTION_COORDINATOR_FENCED'

export interface ProducerStateOptions {
  /** Idle time after which a producer is forgotten, ms. Kafka: producer.id.expiration.ms. */
  readonly producerIdExpirationMs: number
  /** Most producers remembered; the one longest idle and without a transaction goes first. */
  readonly producerCountMax: number
}

/**
 * What one partition knows of its idempotent and transactional producers: epochs, sequences, open
 * and aborted transactions. Pure: it neither writes nor waits. The rules are those of Kafka's
 * ProducerStateManager and ProducerAppendInfo.
 *
 * The order of use is `check`, `append`, write, and `undo` (newest first) if the write fails, so
 * that a consumer woken by the write already finds the transaction open, and a failed batch is not
 * taken for a duplicate later.
 */
export class ProducerState {
  readonly #options: ProducerStateOptions
  /** By producer id, longest idle first: an entry moves to the end whenever it is heard of. */
  readonly #entries = new Map<number, ProducerEntry>()
  /** First offsets of the open transactions by producer id, ascending. */
  readonly #ongoing = new Map<number, number>()
  /** Transactions whose marker is not below the high watermark yet: still unstable for readers. */
  #unreplicated: CompletedTransaction[] = []
  /** Ascending by `lastOffset`. */
  readonly #aborted: AbortedTransaction[] = []

  constructor(options: ProducerStateOptions) {
    assert(options.producerCountMax > 0, 'at least one producer can be remembered')
    this.#options = options
  }

  get producerCount(): number {
    return this.#entries.size
  }

  /** Longest idle first. */
  producers(): Iterable<ProducerEntry> {
    return this.#entries.values()
  }

  /** Aborted transactions that end at or behind the log start offset, ascending by `lastOffset`. */
  get aborted(): readonly AbortedTransaction[] {
    return this.#aborted
  }

  /**
   * Begins with what a snapshot says, in its order. Producers that have been idle for too long by
   * now are left out.
   */
  restore(
    producers: Iterable<ProducerEntry>,
    aborted: readonly AbortedTransaction[],
    nowMs: number
  ): void {
    assert(this.#entries.size === 0, 'a snapshot is where a producer state begins')
    for (const entry of producers) {
      if (this.#isExpired(entry, nowMs)) continue
      const openSince = entry.currentTxnFirstOffset
      this.#makeRoom(nowMs)
      this.#entries.set(entry.producerId, entry)
      if (openSince !== null) this.#ongoing.set(entry.producerId, openSince)
    }
    sortByOffset(this.#ongoing)
    for (const transaction of aborted) this.#aborted.push(transaction)
  }

  producer(producerId: number): ProducerEntry | undefined {
    return this.#entries.get(producerId)
  }

  /**
   * Whether this batch may be written next. Its offsets are not looked at; a batch without a
   * sequence (what a coordinator writes for a producer) is held to its epoch only. A producer that
   * has been idle for too long may begin anew, but what can be told to be a repetition still is.
   *
   * @param mayBeginTransaction the transaction coordinator has confirmed that this partition takes
   *   part (KIP-890)
   * @returns the remembered batch when this one is an exact repetition (answer it like the first
   *   time, write nothing), null when it is to be written; OUT_OF_ORDER_SEQUENCE_NUMBER for a gap,
   *   for an old repetition that is no longer remembered, and for a new epoch that does not begin
   *   at sequence 0; INVALID_PRODUCER_EPOCH for an epoch older than the last; INVALID_TXN_STATE for
   *   a transactional batch outside of an open transaction and the reverse
   */
  check(
    batch: SequencedBatch,
    nowMs: number,
    mayBeginTransaction = false
  ): Result<RememberedBatch | null, ProducerStateError> {
    assert(batch.producerId >= 0, 'only batches with a producer id have a producer state')
    const entry = this.#entries.get(batch.producerId)
    const duplicate = entry === undefined ? null : findDuplicate(entry, batch)
    if (duplicate !== null) return success(duplicate)
    if (entry === undefined || this.#isExpired(entry, nowMs)) {
      // Nothing is known, perhaps because retention took it: any first sequence is accepted.
      if (!batch.isTransactional || mayBeginTransaction) return success(null)
      return failure('INVALID_TXN_STATE', notInTransaction)
    }

    if (batch.producerEpoch < entry.producerEpoch) return staleEpoch(entry)
    const inTransaction =
      entry.currentTxnFirstOffset !== null && entry.producerEpoch === batch.producerEpoch
    if (batch.isTransactional && !inTransaction && !mayBeginTransaction) {
      return failure('INVALID_TXN_STATE', notInTransaction)
    }
    const outOfOrder = sequenceFault(entry, batch)
    if (outOfOrder !== null) return failure('OUT_OF_ORDER_SEQUENCE_NUMBER', outOfOrder)
    if (entry.currentTxnFirstOffset !== null && !batch.isTransactional) {
      return failure(
        'INVALID_TXN_STATE',
        `producer ${batch.producerId} has a transaction open here and sent records outside of it`
      )
    }
    return success(null)
  }

  /**
   * Whether a coordinator may end the producer's transaction with this marker.
   *
   * @param transactionVersion from 2 on (KIP-890) each transaction has its own epoch: an equal one
   *   is a late marker
   */
  checkMarker(
    marker: TransactionMarker,
    transactionVersion: number
  ): Result<null, ProducerStateError> {
    const entry = this.#entries.get(marker.producerId)
    if (entry === undefined) return success(null)
    const lowestEpoch = transactionVersion >= 2 ? entry.producerEpoch + 1 : entry.producerEpoch
    if (marker.producerEpoch < lowestEpoch) return staleEpoch(entry)
    if (marker.coordinatorEpoch < entry.coordinatorEpoch) {
      return failure(
        'TRANSACTION_COORDINATOR_FENCED',
        `coordinator epoch ${marker.coordinatorEpoch} after ${entry.coordinatorEpoch}`
      )
    }
    return success(null)
  }

  /**
   * Takes a batch in, checked before or read from the log. Forgets producers that have been idle
   * for too long.
   */
  append(batch: SequencedBatch, nowMs: number): Applied {
    const previous = this.#entries.get(batch.producerId)
    if (previous === undefined) this.#makeRoom(nowMs)
    const goesOn =
      previous !== undefined &&
      previous.producerEpoch === batch.producerEpoch &&
      !this.#isExpired(previous, nowMs)
    const openSince = previous?.currentTxnFirstOffset ?? null
    const begins = batch.isTransactional && openSince === null
    this.#replace({
      producerId: batch.producerId,
      producerEpoch: batch.producerEpoch,
      coordinatorEpoch: previous?.coordinatorEpoch ?? -1,
      lastTimestampMs: batch.maxTimestampMs,
      seenMs: nowMs,
      currentTxnFirstOffset: begins ? batch.baseOffset : openSince,
      batches: remember(goesOn ? previous.batches : [], batch)
    })
    if (begins) this.#ongoing.set(batch.producerId, batch.baseOffset)
    return { producerId: batch.producerId, previous, completed: null, aborted: false }
  }

  /**
   * Takes a marker in: the producer's transaction is decided, and stable once the high watermark
   * has passed it.
   */
  complete(marker: TransactionMarker, nowMs: number): Applied {
    const previous = this.#entries.get(marker.producerId)
    if (previous === undefined) this.#makeRoom(nowMs)
    const firstOffset = previous?.currentTxnFirstOffset ?? null
    const sameEpoch = previous !== undefined && previous.producerEpoch === marker.producerEpoch
    this.#replace({
      producerId: marker.producerId,
      producerEpoch: marker.producerEpoch,
      coordinatorEpoch: marker.coordinatorEpoch,
      lastTimestampMs: marker.timestampMs,
      seenMs: nowMs,
      currentTxnFirstOffset: null,
      batches: sameEpoch ? previous.batches : []
    })
    if (firstOffset === null) {
      return { producerId: marker.producerId, previous, completed: null, aborted: false }
    }
    this.#ongoing.delete(marker.producerId)
    const completed = { firstOffset, lastOffset: marker.offset }
    this.#unreplicated.push(completed)
    const aborted = marker.type === 'abort'
    if (aborted) {
      this.#aborted.push({
        producerId: marker.producerId,
        firstOffset,
        lastOffset: marker.offset,
        lastStableOffset: this.#firstOngoing() ?? marker.offset + 1
      })
    }
    return { producerId: marker.producerId, previous, completed, aborted }
  }

  /** Takes the newest `append` or `complete` back. Those who left to make room do not return. */
  undo(applied: Applied): void {
    if (applied.previous === undefined) this.#entries.delete(applied.producerId)
    else this.#entries.set(applied.producerId, applied.previous)
    if (applied.completed !== null) {
      this.#unreplicated = this.#unreplicated.filter(each => each !== applied.completed)
      if (applied.aborted) this.#aborted.pop()
    }
    const openSince = applied.previous?.currentTxnFirstOffset ?? null
    if (openSince === null) this.#ongoing.delete(applied.producerId)
    else if (!this.#ongoing.has(applied.producerId)) this.#reopen(applied.producerId, openSince)
  }

  /**
   * First offset that is not decided, or whose decision is not below the high watermark; null if
   * there is none.
   */
  get firstUnstableOffset(): number | null {
    let first = this.#firstOngoing()
    for (const { firstOffset } of this.#unreplicated) {
      if (first === null || firstOffset < first) first = firstOffset
    }
    return first
  }

  /** Markers below the high watermark are what readers of committed data can rely upon. */
  onHighWatermark(highWatermark: number): void {
    if (this.#unreplicated.length === 0) return
    this.#unreplicated = this.#unreplicated.filter(each => each.lastOffset >= highWatermark)
  }

  /** What lies below is gone: aborted transactions that ended there concern nobody. */
  onLogStartOffset(logStartOffset: number): void {
    if (this.#aborted.length === 0) return
    const kept = this.#aborted.findIndex(each => each.lastOffset >= logStartOffset)
    if (kept !== 0) this.#aborted.splice(0, kept === -1 ? this.#aborted.length : kept)
  }

  /**
   * Compaction has left nothing of these aborted transactions, and takes their markers away: a
   * reader that was told of one would wait for its marker in vain.
   *
   * @param markerOffsets of the markers
   * @returns whether any of them was known
   */
  forgetAborted(markerOffsets: ReadonlySet<number>): boolean {
    const count = this.#aborted.length
    for (let index = count - 1; index >= 0; index--) {
      if (markerOffsets.has(this.#aborted[index]!.lastOffset)) this.#aborted.splice(index, 1)
    }
    return this.#aborted.length < count
  }

  get hasAbortedTransactions(): boolean {
    return this.#aborted.length > 0
  }

  /**
   * Aborted transactions with records in `fromOffset` … `upToOffset` (exclusive), ascending by
   * first offset: kafkajs consumes the list from its head.
   */
  abortedTransactions(fromOffset: number, upToOffset: number): readonly AbortedTransaction[] {
    const found: AbortedTransaction[] = []
    for (let at = this.#firstAbortedSince(fromOffset); at < this.#aborted.length; at++) {
      const transaction = this.#aborted[at]!
      if (transaction.firstOffset < upToOffset) found.push(transaction)
      if (transaction.lastStableOffset >= upToOffset) break
    }
    return found.sort((a, b) => a.firstOffset - b.firstOffset)
  }

  #firstAbortedSince(offset: number): number {
    let low = 0
    let high = this.#aborted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#aborted[middle]!.lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  #firstOngoing(): number | null {
    for (const firstOffset of this.#ongoing.values()) return firstOffset
    return null
  }

  /**
   * Puts a transaction back among the open ones, which are kept in the order of their first
   * offsets.
   */
  #reopen(producerId: number, firstOffset: number): void {
    this.#ongoing.set(producerId, firstOffset)
    sortByOffset(this.#ongoing)
  }

  #replace(entry: ProducerEntry): void {
    this.#entries.delete(entry.producerId)
    this.#entries.set(entry.producerId, entry)
  }

  /** Idle for too long. An open transaction holds its producer, whatever time has passed. */
  #isExpired(entry: ProducerEntry, nowMs: number): boolean {
    const idleMs = nowMs - entry.seenMs
    return idleMs >= this.#options.producerIdExpirationMs && entry.currentTxnFirstOffset === null
  }

  /**
   * Before another producer enters: the expired leave, then the longest idle until there is room.
   */
  #makeRoom(nowMs: number): void {
    const expiredMs = nowMs - this.#options.producerIdExpirationMs
    for (const entry of this.#entries.values()) {
      const isFull = this.#entries.size >= this.#options.producerCountMax
      if (!isFull && entry.seenMs > expiredMs) break
      // An open transaction holds its producer: without it the last stable offset would jump.
      if (entry.currentTxnFirstOffset === null) this.#entries.delete(entry.producerId)
    }
  }
}

/** Puts a map from producer ids to offsets into the order of the offsets. */
function sortByOffset(offsets: Map<number, number>): void {
  const ascending = [...offsets].sort((a, b) => a[1] - b[1])
  offsets.clear()
  for (const [producerId, offset] of ascending) offsets.set(producerId, offset)
}

const notInTransaction = 'the batch is transactional and its partition is in no open transaction'

function findDuplicate(entry: ProducerEntry, batch: SequencedBatch): RememberedBatch | null {
  if (entry.producerEpoch !== batch.producerEpoch) return null
  if (batch.baseSequence === noSequence) return null
  for (const remembered of entry.batches) {
    if (remembered.baseSequence !== batch.baseSequence) continue
    if (remembered.lastSequence === batch.lastSequence) return remembered
  }
  return null
}

/** A sentence when the batch does not continue the producer's sequence, null when it does. */
function sequenceFault(entry: ProducerEntry, batch: SequencedBatch): string | null {
  const sequence = batch.baseSequence
  if (sequence === noSequence) return null
  if (batch.producerEpoch !== entry.producerEpoch) {
    if (sequence === 0) return null
    return `producer ${batch.producerId} begins a new epoch at sequence ${sequence}, not at 0`
  }
  const last = entry.batches.at(-1)?.lastSequence ?? noSequence
  const expected = last === sequenceMax ? 0 : last + 1
  if (sequence === expected) return null
  return `producer ${batch.producerId} sent sequence ${sequence} where ${expected} is next`
}

function staleEpoch({
  producerId,
  producerEpoch
}: ProducerEntry): Result<never, 'INVALID_PRODUCER_EPOCH'> {
  const detail = `producer ${producerId} has gone on to epoch ${producerEpoch}`
  return failure('INVALID_PRODUCER_EPOCH', detail)
}

function remember(
  batches: readonly RememberedBatch[],
  batch: SequencedBatch
): readonly RememberedBatch[] {
  const kept = batches.length < rememberedBatchesMax ? batches.slice() : batches.slice(1)
  kept.push({
    baseSequence: batch.baseSequence,
    lastSequence: batch.lastSequence,
    baseOffset: batch.baseOffset,
    lastOffset: batch.lastOffset,
    logAppendTimeMs: batch.logAppendTimeMs
  })
  return kept
}
