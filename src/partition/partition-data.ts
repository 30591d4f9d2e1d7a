import type { AbortedTransaction } from '../storage/producer-state.ts'
import type { ReadError, RetentionOutcome } from '../storage/partition-log.ts'

// What goes into a partition and what comes out of it.

export type IsolationLevel = 'READ_UNCOMMITTED' | 'READ_COMMITTED'

export interface AppendOptions {
  /** -1, 0 or 1. 0 resolves when the batch is written, the others when it is durable. */
  readonly acks: number
  readonly produceVersion: number
  /** The epoch the client believes in, or -1 when it sends none (KIP-320). */
  readonly currentLeaderEpoch?: number
  /**
   * The transaction coordinator has confirmed that the producer's transaction takes in this
   * partition (KIP-890).
   */
  readonly isTransactionVerified?: boolean
}

/** The end of a transaction in one partition, as its coordinator decided it. */
export interface TransactionEnd {
  readonly producerId: number
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  readonly result: 'commit' | 'abort'
  /** From 2 on every transaction has an epoch of its own (KIP-890). */
  readonly transactionVersion: number
}

export interface OwnRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** The present wall time when left out. */
  readonly timestampMs?: number
}

export interface PartitionReadRequest {
  readonly fromOffset: number
  readonly maxBytes: number
  readonly isolationLevel: IsolationLevel
  /** -1 when the client sends none. */
  readonly currentLeaderEpoch: number
  /** The first batch comes whole even if it exceeds `maxBytes`. */
  readonly minOneBatch: boolean
}

export interface PartitionBounds {
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
}

export interface PartitionRead extends PartitionBounds {
  /**
   * Whole batches, a view that is the reader's until `release`; empty when there is nothing to
   * read.
   */
  readonly bytes: Buffer
  /** Call it exactly once, when nobody looks at `bytes` any more. */
  release(): void
  /**
   * Those that overlap `bytes`, ascending by first offset; null when uncommitted records are read.
   */
  readonly abortedTransactions: readonly AbortedTransaction[] | null
}

/** Where a replayed batch stood. */
export interface ReplayedBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly isTransactional: boolean
  /** Its only record is the marker of a transaction's end. */
  readonly isControl: boolean
}

/** A part of the log that could not be read when the partition was opened. */
export interface Damage {
  readonly error: ReadError
  readonly detail: string | null
}

/** A snapshot of producers that could not be used. */
export interface SnapshotFault {
  readonly offset: number
  readonly detail: string
}

/** What it took to open a partition. */
export interface PartitionOpening {
  /**
   * Null when all that had to be read could be: otherwise nothing is known of earlier producers.
   */
  readonly damage: Damage | null
  /** Bytes of the log that were read to know its producers. */
  readonly sizeRead: number
  /** Newest first. */
  readonly passedOver: readonly SnapshotFault[]
}

/** What is left after retention was applied. */
export interface AppliedRetention extends RetentionOutcome {
  readonly logStartOffset: number
}
