import type { Result } from '../base/result.ts'
import type { Settled } from '../base/settled.ts'

/**
 * The port of the storage engines: the log of one partition. An engine keeps bytes that it is
 * handed and says when they are safe; offsets, fencing epochs, sequence numbers and every rule of
 * Kafka stay above it. The local engine (`local/`) and one over a database and an object store keep
 * the same contract, `test/contract/partition-log.ts`.
 *
 * Batches are whole record batches (magic 2) whose base offset and partition leader epoch are
 * already stamped.
 */
export interface PartitionLog {
  /**
   * Why nothing of it can be read or written, since it could not be opened; null for all others. A
   * log that is unreadable says nothing of its offsets.
   */
  readonly unreadable: string | null
  /** First offset that may be read. */
  readonly logStartOffset: number
  /** Offset that the next record gets. */
  readonly logEndOffset: number
  /**
   * Everything below is as safe as the durability mode demands: what a consumer may see. Equals
   * `logEndOffset` in the modes `memory` and `os`; in `fsync` it is the synced end.
   */
  readonly durableEndOffset: number
  /** Size of all that is kept, bytes. */
  readonly size: number
  /**
   * Whether there is so little space that records of clients should be refused. The engine itself
   * takes what it is handed as long as it can: records of coordinators have to go on.
   */
  readonly isSpaceLow: boolean
  /**
   * Largest record timestamp kept and the offset of its batch's last record; null for an empty log.
   */
  readonly largestTimestamp: { readonly timestampMs: number; readonly offset: number } | null

  /**
   * Appends batches. The write is ordered before the call returns. The result is there at once when
   * the batches are then as safe as the durability mode demands, and a promise of it otherwise.
   *
   * @param ownerEpoch epoch of the owner that calls; an engine shared by processes refuses an older
   *   one than it knows
   * @param expectedOffset the offset of the first record: must be `logEndOffset`, or nothing is
   *   written
   * @returns FENCED when `ownerEpoch` is old, UNEXPECTED_OFFSET when the end is elsewhere, STORAGE
   *   when the write failed (nothing of it will ever be read), NO_SPACE when the file system is
   *   full
   */
  append(
    ownerEpoch: number,
    expectedOffset: number,
    batches: readonly AppendedBatch[]
  ): Settled<Result<void, AppendError>>

  /**
   * Reads whole batches, beginning with the one that contains `fromOffset` (or the first after it).
   * The first batch is returned even if it alone exceeds `maxSize`, when `minOneBatch` is set.
   *
   * @param upToOffset exclusive; a batch that reaches it or beyond is left out
   * @returns OFFSET_OUT_OF_RANGE outside `logStartOffset … logEndOffset`, CORRUPT when the bytes
   *   fail their checksum, STORAGE when they cannot be read
   */
  read(request: ReadRequest): Promise<Result<ReadBatches, ReadError>>

  /**
   * The first batch that has a record of `timestampMs` or later, among those that reach
   * `fromOffset` (`logStartOffset` if left out) and end before `upToOffset`; null if there is none.
   * The caller opens the batch for the record. When that record turns out to be before
   * `fromOffset`, the search goes on with the offset after the batch.
   */
  batchForTimestamp(
    timestampMs: number,
    upToOffset: number,
    fromOffset?: number
  ): Promise<Result<ReadBatches | null, ReadError>>

  /** The leader epochs of the records from `logStartOffset` on, ascending (KIP-101). */
  readonly leaderEpochs: readonly LeaderEpochStart[]

  /**
   * Raises `logStartOffset`; durable when the promise resolves. Offsets at or below the present
   * start change nothing. Who listens by `beforeStartRises` is waited for first.
   *
   * @returns UNEXPECTED_OFFSET beyond `logEndOffset`
   */
  raiseLogStartOffset(ownerEpoch: number, offset: number): Promise<Result<void, AppendError>>

  /**
   * Gives up what `retention.bytes` and `retention.ms` no longer want, in whole segments from the
   * start of the log: `logStartOffset` rises, durably when the promise resolves, and never beyond
   * the high watermark. Files go `file.delete.delay.ms` later.
   */
  applyRetention(
    ownerEpoch: number,
    moment: RetentionMoment
  ): Promise<Result<RetentionOutcome, AppendError>>

  /** What compaction would do here now; cheap, and nothing is changed. */
  compactionNeed(moment: CompactionMoment): CompactionNeed

  /**
   * Keeps the newest record of each key, as far as `moment` allows and below the active segment
   * (Kafka: `Cleaner`): offsets, order and both ends of the log stay as they are, and reads go on.
   * A crash at any moment leaves what was there or what is to be. One at a time.
   *
   * @returns CORRUPT for records that cannot be read, NO_SPACE and STORAGE as for appends,
   *   INTERRUPTED when it had to give up; then parts of the log may be compacted already
   */
  compact(
    ownerEpoch: number,
    compaction: Compaction
  ): Promise<Result<CompactionOutcome, CompactionError>>

  /**
   * Removes every record at or beyond `offset`; a batch that `offset` is in the middle of goes
   * whole, and an offset below `logStartOffset` stands for that. Nobody may append until the
   * promise has resolved.
   */
  truncate(ownerEpoch: number, offset: number): Promise<Result<void, AppendError>>

  /**
   * Applies changed topic configs (`segment.bytes`, `segment.ms`, `index.interval.bytes`,
   * `flush.*`, retention).
   */
  reconfigure(configs: LogConfigs): void

  /** What the layer above has kept of what it learnt from the log. */
  readonly snapshots: LogSnapshots

  /** Hears of a raised `durableEndOffset`: once, right after each raise. */
  onDurable(listener: () => void): void

  /**
   * Sets who is told of the offset that the log is about to begin at, whatever raises it. Nothing
   * has gone yet, and nothing goes before the promise resolves.
   */
  beforeStartRises(listener: (offset: number) => Promise<void>): void

  /** Finishes what was begun, makes it durable and lets go. */
  close(): Promise<void>
}

/**
 * Blobs beside a log, each at an offset: what the layer above knew when it had read everything
 * below it, so that it need not read that again. They are derived and never the source of truth:
 * any of them may be lost or damaged, and the engine does not look into them.
 */
export interface LogSnapshots {
  /** Newest first; none is of more than the log holds, also after a crash or a truncation. */
  readonly offsets: readonly number[]
  /** As it was found, unchecked; null when it cannot be read. */
  read(offset: number): Promise<Buffer | null>
  /**
   * Keeps `content`, which is true of everything below `offset`; the last few are kept. Resolves
   * when it is durable, or false when it was not kept: the disk is full, or there is a newer one.
   */
  save(offset: number, content: Buffer): Promise<boolean>
}

export interface AppendedBatch {
  /**
   * The whole batch, header included; owned by the caller again once `append` has returned its
   * promise.
   */
  readonly bytes: Buffer
  readonly baseOffset: number
  readonly lastOffset: number
  readonly maxTimestampMs: number
  readonly partitionLeaderEpoch: number
}

export type AppendError = 'FENCED' | 'UNEXPECTED_OFFSET' | 'STORAGE' | 'NO_SPACE'
export type ReadError = 'OFFSET_OUT_OF_RANGE' | 'CORRUPT' | 'STORAGE'

export interface ReadRequest {
  readonly fromOffset: number
  readonly upToOffset: number
  readonly maxSize: number
  readonly minOneBatch: boolean
}

export interface ReadBatches {
  /**
   * Whole batches, one after the other; a view that is the reader's until `release`. Empty when
   * there is nothing.
   */
  readonly bytes: Buffer
  /** Offset of the first record in `bytes`' first batch; `fromOffset` when empty. */
  readonly baseOffset: number
  /**
   * Gives the buffer back to its pool. Call it exactly once, when nobody looks at `bytes` any more.
   */
  release(): void
}

/** What retention is decided by. */
export interface RetentionMoment {
  /** Null while the wall clock cannot be trusted: then only `retention.bytes` counts. */
  readonly wallMs: number | null
  readonly highWatermark: number
}

export interface RetentionOutcome {
  /**
   * The timestamp, ms, that keeps records because it is later than now; null when there is none.
   */
  readonly futureTimestampMs: number | null
}

/** What compaction is decided by. */
export interface CompactionMoment {
  readonly wallMs: number
  /** Nothing at or beyond is touched: Kafka's last stable offset. */
  readonly stableOffset: number
}

export interface CompactionNeed {
  /** Whether the log's configs ask for it. */
  readonly isWanted: boolean
  /** Share of what is new of all that would be compacted. */
  readonly cleanableRatio: number
}

/** The last that a producer wrote, while it is remembered. */
export interface LastRecord {
  /** Null when a marker has come after a change of its epoch. */
  readonly lastDataOffset: number | null
  readonly producerEpoch: number
}

export interface AbortedRecords {
  readonly producerId: number
  readonly firstOffset: number
  /** Offset of the marker. */
  readonly lastOffset: number
}

/** What a compaction needs of the layer above, and may use. */
export interface Compaction extends CompactionMoment {
  /** Memory for keys, bytes. Kafka: log.cleaner.dedupe.buffer.size. */
  readonly dedupeBufferSize: number
  /** Share of it that may be used. Kafka: log.cleaner.io.buffer.load.factor. */
  readonly dedupeLoadFactor: number
  /** Those with records in a range of offsets. */
  abortedRecords(fromOffset: number, upToOffset: number): readonly AbortedRecords[]
  /** The last record of each producer that is remembered now, by producer id. */
  lastRecords(): ReadonlyMap<number, LastRecord>
  /**
   * Nothing is left of the aborted transactions whose markers have these offsets, and the markers
   * may be gone soon. Says whether any of them was known.
   */
  forgetAborted(markerOffsets: ReadonlySet<number>): boolean
  /**
   * Called when so many bytes were read and written. Resolves when it may go on, with false when it
   * is to give up.
   */
  proceed(size: number): Promise<boolean>
}

export interface CompactionOutcome {
  readonly firstDirtyOffset: number
  /** The first offset that the next compaction will take for new. */
  readonly nextDirtyOffset: number
  /** Bytes of the log that were read, and what is left of them. */
  readonly sizeBefore: number
  readonly sizeAfter: number
}

export type CompactionError = AppendError | 'CORRUPT' | 'INTERRUPTED'

export interface LeaderEpochStart {
  readonly leaderEpoch: number
  readonly startOffset: number
}

/** The topic configs that an engine acts upon; meanings and defaults are Kafka's. */
export interface LogConfigs {
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly segmentJitterMs: number
  readonly segmentIndexBytes: number
  readonly indexIntervalBytes: number
  readonly retentionBytes: number
  readonly retentionMs: number
  readonly fileDeleteDelayMs: number
  readonly cleanupPolicy: { readonly delete: boolean; readonly compact: boolean }
  readonly deleteRetentionMs: number
  readonly minCompactionLagMs: number
  readonly maxCompactionLagMs: number
  readonly minCleanableDirtyRatio: number
}
