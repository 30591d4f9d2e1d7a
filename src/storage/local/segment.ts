import { assert } from '../../base/assert.ts'
import { FileError, type OpenFile } from '../../io/files.ts'
import { segmentMarkInterval } from '../../limits.ts'
import type { LogConfigs } from '../partition-log.ts'
import { CachedFile } from './file-cache.ts'
import {
  deletedSuffix,
  logSuffix,
  segmentPath,
  segmentSuffixes,
  sidecarSuffix
} from './file-names.ts'
import type { IndexHolder } from './index-cache.ts'
import type { LogContext } from './log-context.ts'
import { offsetIndexEntrySize, relativeOffsetMax } from './offset-index.ts'
import { PositionHints } from './position-hints.ts'
import {
  emptyIndexes,
  indexBatch,
  noProgress,
  writeIndexes,
  type IndexedBatch,
  type IndexProgress,
  type SegmentIndexes
} from './segment-indexes.ts'
import { Sidecar, type SidecarContents, type StateNote } from './sidecar.ts'
import type { JournalEntry, Mark, SegmentIdentity, SegmentOwner } from './sidecar-format.ts'
import { timeIndexEntrySize } from './time-index.ts'
import { withDescriptor } from './with-descriptor.ts'

const noTimestamp = -1

/**
 * One file of a log with its indexes and its sidecar. The file is made when the first byte is
 * written, so an empty segment is a sidecar alone.
 */
export class Segment implements IndexHolder {
  readonly baseOffset: number
  readonly createdMs: number
  /** Whose it is. */
  readonly owner: SegmentOwner
  /** Whether its offsets have gaps: compaction has written it, and nothing is appended. */
  readonly isSparse: boolean
  readonly log: CachedFile
  readonly sidecar: Sidecar
  readonly hints = new PositionHints()
  readonly #context: LogContext
  readonly #folder: string
  readonly #rollJitterMs: number
  #size = 0
  #endOffset: number
  #indexes: SegmentIndexes | null
  #lastMark: Mark | null = null
  #progress: IndexProgress = noProgress()
  #firstBatchTimestampMs = noTimestamp
  #cutCount = 0
  #syncedCutCount = 0
  /** Bytes that a sync has covered. */
  syncedSize = 0
  /** Bytes that were there when the log was opened: what is beyond was written just now. */
  openedSize = 0

  private constructor(
    context: LogContext,
    folder: string,
    identity: SegmentIdentity,
    sidecar: Sidecar,
    configs: LogConfigs
  ) {
    this.#context = context
    this.#folder = folder
    this.baseOffset = identity.baseOffset
    this.createdMs = identity.createdMs
    this.owner = identity
    this.isSparse = identity.isSparse
    this.sidecar = sidecar
    this.log = new CachedFile(context.cache, segmentPath(folder, identity.baseOffset, logSuffix))
    this.#endOffset = identity.baseOffset
    this.#indexes = emptyIndexes(identity.baseOffset)
    this.#rollJitterMs = rollJitter(context, configs)
  }

  /**
   * Begins an empty segment: its sidecar is written.
   *
   * @throws FileError when that fails
   */
  static create(
    context: LogContext,
    folder: string,
    identity: SegmentIdentity,
    configs: LogConfigs,
    note: StateNote,
    journal: readonly JournalEntry[]
  ): Segment {
    const path = segmentPath(folder, identity.baseOffset, sidecarSuffix)
    const sidecar = Sidecar.create(context.cache, path, identity, note, journal)
    return new Segment(context, folder, identity, sidecar, configs)
  }

  /** A segment whose sidecar is sound; `restore` and recovery say what it holds. */
  static reopen(
    context: LogContext,
    folder: string,
    identity: SegmentIdentity,
    configs: LogConfigs,
    contents: SidecarContents,
    isDurable: boolean
  ): Segment {
    const path = segmentPath(folder, identity.baseOffset, sidecarSuffix)
    const sidecar = Sidecar.reopen(context.cache, path, identity, contents, isDurable)
    return new Segment(context, folder, identity, sidecar, configs)
  }

  /** Bytes of batches; the file may have more behind them only while a failed write is cut back. */
  get size(): number {
    return this.#size
  }

  /** The offset after the last batch. */
  get endOffset(): number {
    return this.#endOffset
  }

  get largestTimestampMs(): number {
    return this.#progress.largestTimestampMs
  }

  /** The last offset of the first batch that has the largest timestamp. */
  get offsetOfLargestTimestamp(): number {
    return this.#progress.offsetOfLargestTimestamp
  }

  get lastMark(): Mark | null {
    return this.#lastMark
  }

  /** Null while the indexes of a sealed segment are only on disk. */
  get indexes(): SegmentIndexes | null {
    return this.#indexes
  }

  /**
   * Takes indexes that were read from disk, or made from the batches again because those on disk
   * were in doubt.
   */
  takeIndexes(indexes: SegmentIndexes, origin: 'read' | 'rebuilt'): void {
    this.#indexes = indexes
    this.#context.indexes.touch(this)
    if (origin === 'read') return
    this.dropMarks(null)
    this.writeMark(true)
  }

  /**
   * Goes by what was found of a sparse segment, whose sidecar does not say it; its indexes come
   * later.
   */
  restoreSparse(size: number, endOffset: number): void {
    assert(this.isSparse, 'only a sparse segment ends elsewhere than its last batch')
    this.#size = size
    this.#endOffset = endOffset
  }

  /** Takes indexes that were made from the batches, and what was seen of these meanwhile. */
  takeRebuilt(indexes: SegmentIndexes, progress: IndexProgress): void {
    this.#progress = progress
    this.takeIndexes(indexes, 'rebuilt')
  }

  /** Forgets the marks behind `last`. */
  dropMarks(last: Mark | null): void {
    this.#lastMark = last
    const position = last?.position ?? 0
    this.sidecar.cutJournal(position, Number.MAX_SAFE_INTEGER)
  }

  get indexesSize(): number {
    if (this.#indexes === null) return 0
    const { offsets, times, batches } = this.#indexes
    const tableSize = batches?.entries.capacity ?? 0
    return offsets.entries.capacity + times.entries.capacity + tableSize
  }

  dropIndexes(): void {
    this.#indexes = null
  }

  /** Bytes of the index files, as far as they are written. */
  get offsetIndexSize(): number {
    return (this.#lastMark?.offsetIndexCount ?? 0) * offsetIndexEntrySize
  }

  get timeIndexSize(): number {
    return (this.#lastMark?.timeIndexCount ?? 0) * timeIndexEntrySize
  }

  /** Whether bytes or urgent notes wait for a sync. */
  get isUrgent(): boolean {
    return this.#isLogDirty || this.sidecar.isUrgent
  }

  /** Whether anything waits for a sync. */
  get isDirty(): boolean {
    return this.#isLogDirty || this.sidecar.isDirty
  }

  get #isLogDirty(): boolean {
    return this.syncedSize < this.#size || this.#cutCount > this.#syncedCutCount
  }

  /** Whether so much was appended since the last mark that another is due. */
  get isMarkDue(): boolean {
    return this.#size - (this.#lastMark?.position ?? 0) >= segmentMarkInterval
  }

  /** Whether a batch must go to a new segment (Kafka: `LogSegment.shouldRoll`). */
  shouldRoll(batch: IndexedBatch, configs: LogConfigs, nowMs: number): boolean {
    if (this.#size === 0) return batch.lastOffset - this.baseOffset > relativeOffsetMax
    const indexes = this.#indexes
    assert(indexes !== null, 'the active segment has its indexes')
    const waitedMs =
      this.#firstBatchTimestampMs >= 0
        ? batch.maxTimestampMs - this.#firstBatchTimestampMs
        : nowMs - this.createdMs
    return (
      this.#size > configs.segmentBytes - batch.size ||
      waitedMs > segmentMsMax(configs) - this.#rollJitterMs ||
      indexes.offsets.count >= Math.floor(configs.segmentIndexBytes / offsetIndexEntrySize) ||
      indexes.times.count >= Math.floor(configs.segmentIndexBytes / timeIndexEntrySize) - 1 ||
      batch.lastOffset - this.baseOffset > relativeOffsetMax ||
      this.#size + batch.size > relativeOffsetMax
    )
  }

  /**
   * Puts bytes behind the last batch; they count only once `accept` has said what they are.
   *
   * @throws FileError when they did not all get there; `cutBack` then
   */
  write(pieces: readonly Buffer[]): void {
    this.log.create().writeSync(pieces, this.#size)
  }

  /** Removes what a failed `write` may have left behind the last batch. */
  cutBack(): void {
    this.log.create().truncate(this.#size)
    this.#cutCount++
  }

  /** Takes note of the batch that stands behind the last one. */
  accept(batch: IndexedBatch, indexIntervalBytes: number): void {
    const indexes = this.#indexes
    assert(indexes !== null, 'a segment that grows has its indexes')
    if (this.#size === 0) this.#firstBatchTimestampMs = batch.maxTimestampMs
    indexBatch(indexes, this.#progress, this.#size, batch, indexIntervalBytes)
    this.#size += batch.size
    this.#endOffset = batch.lastOffset + 1
  }

  /** The timestamp of the first batch, ms; -1 when it has none. */
  get firstBatchTimestampMs(): number {
    return this.#firstBatchTimestampMs
  }

  /**
   * Skips damaged bytes that recovery leaves where they are: what is behind them is accepted as
   * usual.
   *
   * @param endOffset the offset that the next batch begins at
   */
  skipDamage(size: number, endOffset: number): void {
    this.#size += size
    this.#progress.sizeSinceIndexEntry += size
    this.#endOffset = endOffset
  }

  /**
   * Cuts the file where a batch begins. What the segment knows goes back to the last mark before;
   * the batches from there on have to be accepted again.
   *
   * @throws FileError when the system refuses
   */
  cut(position: number, indexes: SegmentIndexes): void {
    this.#context.recentReads.forget(this)
    this.log.get().truncate(position)
    this.#cutCount++
    const mark = this.sidecar.marks.findLast(({ position: at }) => at <= position) ?? null
    this.restore(mark, indexes)
    this.syncedSize = Math.min(this.syncedSize, position)
    this.openedSize = Math.min(this.openedSize, position)
  }

  /**
   * Writes bytes again that are there already, so that the next sync takes them to the disk
   * whatever was before.
   */
  rewrite(bytes: Buffer, position: number): void {
    assert(position + bytes.length <= this.#size, 'only what is there is written again')
    this.log.get().writeSync([bytes], position)
  }

  /**
   * Goes back to what a mark says, or to the empty segment; index entries behind it are dropped.
   */
  restore(mark: Mark | null, indexes: SegmentIndexes | null): void {
    this.#size = mark?.position ?? 0
    this.#endOffset = mark?.endOffset ?? this.baseOffset
    this.#progress = mark === null ? noProgress() : progressOf(mark)
    this.#firstBatchTimestampMs = mark?.firstBatchTimestampMs ?? noTimestamp
    this.dropMarks(mark)
    this.#indexes = indexes
    indexes?.offsets.entries.truncate(mark?.offsetIndexCount ?? 0)
    indexes?.times.entries.truncate(mark?.timeIndexCount ?? 0)
    this.hints.clear()
  }

  /**
   * Writes the index entries that came after the last mark, and a mark behind them in the sidecar.
   * Index files are derived, so a failure costs the next start some reading and nothing else.
   *
   * @param isFinal the segment is sealed or closed: the time index gets its last entry, as in Kafka
   */
  writeMark(isFinal: boolean): void {
    const indexes = this.#indexes
    if (indexes === null || this.#size === 0) return
    const { largestTimestampMs, offsetOfLargestTimestamp } = this.#progress
    if (isFinal) indexes.times.append(largestTimestampMs, offsetOfLargestTimestamp)
    if (this.#lastMark?.position === this.#size && !this.#hasNewEntries(indexes)) return
    try {
      const written = writeIndexes(this.#context.files, this.#folder, indexes, this.#lastMark)
      const mark: Mark = {
        kind: 'mark',
        position: this.#size,
        endOffset: this.#endOffset,
        ...written,
        ...this.#progress,
        firstBatchTimestampMs: this.#firstBatchTimestampMs
      }
      this.sidecar.append(mark)
      this.#lastMark = mark
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      this.#context.logger.warn(
        'index files could not be written; a start after a crash takes longer',
        {
          segment: this.log.path,
          error: error.message
        }
      )
    }
  }

  /** Makes durable what was written so far; notes that are not urgent only `withNotes`. */
  async sync(withNotes: boolean): Promise<void> {
    const size = this.#size
    const cutCount = this.#cutCount
    const syncs: Promise<void>[] = []
    if (this.#isLogDirty) syncs.push(this.#syncFile(this.log, file => file.datasync()))
    if (this.sidecar.isUrgent || (withNotes && this.sidecar.isDirty)) {
      syncs.push(this.#syncFile(this.sidecar.file, () => this.sidecar.sync()))
    }
    await Promise.all(syncs)
    this.syncedSize = Math.max(this.syncedSize, Math.min(size, this.#size))
    this.#syncedCutCount = cutCount
  }

  async #syncFile(file: CachedFile, sync: (open: OpenFile) => Promise<void>): Promise<void> {
    file.pin()
    try {
      await sync(await withDescriptor(this.#context, () => file.get()))
    } finally {
      file.unpin()
    }
  }

  /** Gives all files the suffix `.deleted`; returns their new paths. */
  setAside(): readonly string[] {
    this.#context.indexes.forget(this)
    this.close()
    const aside: string[] = []
    for (const suffix of segmentSuffixes) {
      const path = segmentPath(this.#folder, this.baseOffset, suffix)
      if (!this.#context.files.exists(path)) continue
      this.#context.files.rename(path, path + deletedSuffix)
      aside.push(path + deletedSuffix)
    }
    return aside
  }

  /** Closes the files for good; nothing is written. */
  close(): void {
    this.#context.recentReads.forget(this)
    this.log.retire()
    this.sidecar.file.retire()
  }

  #hasNewEntries(indexes: SegmentIndexes): boolean {
    return (
      this.#lastMark?.offsetIndexCount !== indexes.offsets.count ||
      this.#lastMark.timeIndexCount !== indexes.times.count
    )
  }
}

function progressOf(mark: Mark): IndexProgress {
  const { largestTimestampMs, offsetOfLargestTimestamp, sizeSinceIndexEntry } = mark
  return { largestTimestampMs, offsetOfLargestTimestamp, sizeSinceIndexEntry }
}

/** Kafka: `LogConfig.maxSegmentMs`; compaction must get hold of records in time. */
function segmentMsMax({ cleanupPolicy, segmentMs, maxCompactionLagMs }: LogConfigs): number {
  return cleanupPolicy.compact ? Math.min(segmentMs, maxCompactionLagMs) : segmentMs
}

/**
 * Kafka: `LogConfig.randomSegmentJitter`; keeps partitions that were created together from rolling
 * together.
 */
function rollJitter(context: LogContext, configs: LogConfigs): number {
  const bound = Math.min(configs.segmentJitterMs, configs.segmentMs)
  if (bound <= 0) return 0
  return Math.floor((context.random.bytes(4).readUInt32BE() / 0x1_0000_0000) * bound)
}
