import { unreachable } from '../../base/assert.ts'

/** What a control batch says; null for one that compaction has emptied. */
export type ControlType = 'commit' | 'abort' | 'other' | null

/** A transaction that ended in an abort. */
export interface AbortedRange {
  readonly producerId: number
  readonly firstOffset: number
  /** Offset of the marker. */
  readonly lastOffset: number
}

/** What is looked at of a batch. */
export interface TransactionalBatch {
  readonly producerId: number
  readonly lastOffset: number
  readonly isTransactional: boolean
}

/**
 * Which transactions are open while a log is read from its start to its end, and how they will end
 * (Kafka: `CleanedTransactionMetadata`). It decides when the records of an aborted transaction go,
 * and that a marker stays until no batch of its transaction is left.
 */
export class CleanedTransactions {
  /** Ascending by first offset. */
  readonly #aborted: readonly AbortedRange[]
  #next = 0
  /** Whether a batch was seen, by producer id. */
  readonly #ongoingAborted = new Map<number, { isSeen: boolean }>()
  readonly #ongoingCommitted = new Set<number>()

  constructor(aborted: readonly AbortedRange[]) {
    this.#aborted = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset)
  }

  /** Takes in a batch of records; says whether its transaction was aborted. */
  onBatch(batch: TransactionalBatch): boolean {
    this.#beginUpTo(batch.lastOffset)
    if (!batch.isTransactional) return false
    const aborted = this.#ongoingAborted.get(batch.producerId)
    if (aborted === undefined) {
      this.#ongoingCommitted.add(batch.producerId)
      return false
    }
    aborted.isSeen = true
    return true
  }

  /**
   * Takes in a control batch; says whether no batch of its transaction is left.
   *
   * @param type of its marker
   */
  onControlBatch(batch: TransactionalBatch, type: ControlType): boolean {
    this.#beginUpTo(batch.lastOffset)
    switch (type) {
      case null:
        return true
      case 'abort': {
        const aborted = this.#ongoingAborted.get(batch.producerId)
        this.#ongoingAborted.delete(batch.producerId)
        return aborted?.isSeen !== true
      }
      case 'commit':
        return !this.#ongoingCommitted.delete(batch.producerId)
      case 'other':
        return false
      default:
        return unreachable(type)
    }
  }

  #beginUpTo(offset: number): void {
    for (let aborted = this.#aborted[this.#next]; aborted !== undefined;) {
      if (aborted.firstOffset > offset) return
      if (!this.#ongoingAborted.has(aborted.producerId)) {
        this.#ongoingAborted.set(aborted.producerId, { isSeen: false })
      }
      aborted = this.#aborted[++this.#next]
    }
  }
}
