import { assert } from '../../base/assert.ts'
import { failure, success, type Failure, type Result } from '../../base/result.ts'
import type { Serial } from '../../base/serial.ts'
import { compactionReadSize } from '../../limits.ts'
import { batchPositions, isControl, lastOffset } from '../../record/batch.ts'
import {
  cleanBatch,
  controlTypeOf,
  transactionalBatch,
  type CleaningRules
} from '../compaction/batch-cleaning.ts'
import {
  cleanableRange,
  wantsCompaction,
  type CleanableRange
} from '../compaction/cleanable-range.ts'
import { CleanedTransactions } from '../compaction/cleaned-transactions.ts'
import { putKeys } from '../compaction/key-collection.ts'
import { KeyOffsets } from '../compaction/key-offsets.ts'
import { groupSegments } from '../compaction/segment-groups.ts'
import type {
  Compaction,
  CompactionError,
  CompactionMoment,
  CompactionNeed,
  CompactionOutcome
} from '../partition-log.ts'
import { CompactedSegment } from './compacted-segment.ts'
import { epochEntries } from './leader-epochs.ts'
import type { LogContext } from './log-context.ts'
import { relativeOffsetMax } from './offset-index.ts'
import { isFileError } from './read-steps.ts'
import { replaceSegments } from './segment-replacement.ts'
import type { SnapshotFiles } from './snapshot-files.ts'
import type { TruncatedLog } from './sparse-truncation.ts'
import type { Segment } from './segment.ts'
import { kindOfRefusal, messageOf } from './write-refusal.ts'

/** What is looked at and changed of a log that is compacted. */
export interface CompactedLog extends TruncatedLog {
  readonly logEndOffset: number
  readonly isOpen: boolean
  readonly snapshots: SnapshotFiles
  /** Segments are taken out of the list by one at a time. */
  readonly structure: Serial
}

/** One run over a log. */
interface Run {
  readonly compaction: Compaction
  readonly rules: Omit<CleaningRules, 'lastRecords'>
  /** Where the log is clean when it has succeeded, and where it was before. */
  readonly nextDirtyOffset: number
  readonly firstDirtyOffset: number
}

interface Sizes {
  before: number
  after: number
}

/** Compacts one log: plans by the pure rules of `storage/compaction`, reads, writes, and swaps. */
export class LogCompaction {
  readonly #context: LogContext
  readonly #log: CompactedLog

  constructor(context: LogContext, log: CompactedLog) {
    this.#context = context
    this.#log = log
  }

  need(moment: CompactionMoment): CompactionNeed {
    const range = this.#range(moment)
    const { cleanupPolicy, minCleanableDirtyRatio } = this.#log.configs
    const isWanted = cleanupPolicy.compact && wantsCompaction(range, minCleanableDirtyRatio)
    return { isWanted, cleanableRatio: range.cleanableRatio }
  }

  async run(compaction: Compaction): Promise<Result<CompactionOutcome, CompactionError>> {
    const range = this.#range(compaction)
    const { firstDirtyOffset, firstUncleanableOffset } = range
    const sizes: Sizes = { before: 0, after: 0 }
    const outcome = (nextDirtyOffset: number): CompactionOutcome => {
      const { before: sizeBefore, after: sizeAfter } = sizes
      return { firstDirtyOffset, nextDirtyOffset, sizeBefore, sizeAfter }
    }
    if (firstUncleanableOffset <= firstDirtyOffset) return success(outcome(firstDirtyOffset))
    const collected = await this.#collectKeys(range, compaction)
    if (!collected.ok) return collected
    const { keys, endOffset } = collected.value
    const rules = {
      nowMs: compaction.wallMs,
      deleteRetentionMs: this.#log.configs.deleteRetentionMs,
      keys,
      latestOffset: endOffset - 1,
      logEndOffset: this.#log.logEndOffset,
      transactions: new CleanedTransactions(compaction.abortedRecords(0, firstUncleanableOffset))
    }
    const run = { compaction, rules, nextDirtyOffset: endOffset, firstDirtyOffset }
    const { segmentBytes, segmentIndexBytes } = this.#log.configs
    const segments = this.#log.segments.all.filter(({ baseOffset }) => baseOffset < endOffset)
    const bounds = { segmentBytes, segmentIndexBytes, relativeOffsetMax }
    const groups = groupSegments(segments, bounds)
    for (const [index, group] of groups.entries()) {
      const cleaned = await this.#cleanGroup(group, run, index === groups.length - 1, sizes)
      if (!cleaned.ok) return cleaned
    }
    return success(outcome(endOffset))
  }

  /** What is not on disk yet stays as it is: what replaces it would be more durable than itself. */
  #range({ wallMs, stableOffset }: CompactionMoment): CleanableRange {
    const { segments, durability, configs, logStartOffset, logEndOffset } = this.#log
    const isOnDisk = this.#context.durability !== 'memory'
    let lastFirstDirtyOffset = -1
    for (const { sidecar } of segments.all) {
      lastFirstDirtyOffset = Math.max(lastFirstDirtyOffset, sidecar.firstDirtyOffset)
    }
    return cleanableRange(segments.all, configs, {
      wallMs,
      logStartOffset,
      logEndOffset,
      stableOffset: isOnDisk ? Math.min(stableOffset, durability.end.offset) : stableOffset,
      lastFirstDirtyOffset
    })
  }

  /**
   * Learns the newest offset of each key that is new. When the memory does not hold all of them,
   * the rest is left to the next compaction, which may begin in the middle of a batch.
   */
  async #collectKeys(
    { firstDirtyOffset, firstUncleanableOffset }: CleanableRange,
    compaction: Compaction
  ): Promise<Result<{ keys: KeyOffsets; endOffset: number }, CompactionError>> {
    const { dedupeBufferSize, dedupeLoadFactor } = compaction
    const keysMax = firstUncleanableOffset - firstDirtyOffset
    const keys = new KeyOffsets(dedupeBufferSize, dedupeLoadFactor, keysMax)
    const aborted = compaction.abortedRecords(firstDirtyOffset, firstUncleanableOffset)
    const transactions = new CleanedTransactions(aborted)
    let endOffset = firstDirtyOffset
    const read = await this.#readBatches(
      firstDirtyOffset,
      firstUncleanableOffset,
      compaction,
      (bytes, at) => {
        if (isControl(bytes, at)) {
          transactions.onControlBatch(transactionalBatch(bytes, at), controlTypeOf(bytes, at))
        } else if (!transactions.onBatch(transactionalBatch(bytes, at))) {
          const put = putKeys(keys, bytes, at, endOffset)
          if (!put.ok) return failure('CORRUPT', put.detail)
          endOffset = put.value
          return endOffset > lastOffset(bytes, at) ? 'next' : 'stop'
        }
        endOffset = lastOffset(bytes, at) + 1
        return 'next'
      }
    )
    if (!read.ok) return read
    if (read.value === 'end') endOffset = firstUncleanableOffset
    assert(endOffset > firstDirtyOffset, 'there is room for one key')
    return success({ keys, endOffset })
  }

  /** Writes what stays of neighbouring segments into one, which takes their place. */
  async #cleanGroup(
    group: readonly Segment[],
    run: Run,
    isLast: boolean,
    sizes: Sizes
  ): Promise<Result<void, CompactionError>> {
    let compacted: CompactedSegment | null = null
    try {
      if (!this.#log.isOpen) return interrupted
      const { owner, baseOffset, createdMs } = group[0]!
      const identity = { ...owner, baseOffset, createdMs, isSparse: true }
      compacted = new CompactedSegment(this.#context, this.#log.folder.path, identity)
      const finishedAborts = new Set<number>()
      const written = await this.#writeGroup(group, run, compacted, finishedAborts)
      if (!written.ok) return written
      const { isChanged } = written.value
      const sizeBefore = group.reduce((sum, { size }) => sum + size, 0)
      sizes.before += sizeBefore
      sizes.after += compacted.size
      const isNeeded = isChanged || group.length > 1 || isLast
      if (!isNeeded && finishedAborts.size === 0) return success(undefined)
      await this.#finish(group, run, compacted, isLast)
      if (!(await run.compaction.proceed(0))) return interrupted
      const swap = compacted
      compacted = null
      return await this.#log.structure.run(() => this.#swap(group, run, swap, finishedAborts))
    } catch (error) {
      return this.#failed(error)
    } finally {
      compacted?.discard()
    }
  }

  async #writeGroup(
    group: readonly Segment[],
    run: Run,
    compacted: CompactedSegment,
    finishedAborts: Set<number>
  ): Promise<Result<{ isChanged: boolean }, CompactionError>> {
    const rules = { ...run.rules, lastRecords: run.compaction.lastRecords() }
    const { baseOffset } = group[0]!
    const { endOffset } = group.at(-1)!
    let kept: Buffer[] = []
    let isChanged = false
    const read = await this.#readBatches(
      Math.max(baseOffset, this.#log.logStartOffset),
      endOffset,
      run.compaction,
      (bytes, at) => {
        const cleaned = cleanBatch(bytes, at, rules)
        if (!cleaned.ok) return failure('CORRUPT', cleaned.detail)
        const { bytes: left, finishedAbortOffset } = cleaned.value
        if (left !== null) kept.push(left)
        // What is rewritten may well have the size that it had.
        isChanged ||= left?.buffer !== bytes.buffer
        if (finishedAbortOffset !== null) finishedAborts.add(finishedAbortOffset)
        return 'next'
      },
      async () => {
        const size = kept.reduce((sum, { length }) => sum + length, 0)
        if (compacted.size + size > relativeOffsetMax) return tooLarge
        await compacted.append(kept, this.#log.configs.indexIntervalBytes)
        kept = []
        return null
      }
    )
    return read.ok ? success({ isChanged }) : read
  }

  #finish(
    group: readonly Segment[],
    run: Run,
    compacted: CompactedSegment,
    isLast: boolean
  ): Promise<void> {
    const { endOffset } = group.at(-1)!
    const { epochs, durability } = this.#log
    // Until the last group is done the log is as dirty as it was.
    const firstDirtyOffset = isLast ? run.nextDirtyOffset : run.firstDirtyOffset
    return compacted.finish({
      endOffset,
      note: durability.note(null),
      journal: [
        ...epochEntries(epochs, compacted.identity.baseOffset, endOffset),
        { kind: 'compaction', firstDirtyOffset }
      ]
    })
  }

  async #swap(
    group: readonly Segment[],
    run: Run,
    compacted: CompactedSegment,
    finishedAborts: ReadonlySet<number>
  ): Promise<Result<void, CompactionError>> {
    const log = this.#log
    const isThere = log.isOpen && group.every(segment => log.segments.has(segment))
    if (!isThere || this.#context.failure !== null) {
      compacted.discard()
      return interrupted
    }
    try {
      if (finishedAborts.size > 0 && run.compaction.forgetAborted(finishedAborts)) {
        // A snapshot that knows of an aborted transaction whose marker is gone would let readers
        // take whatever its producer writes next for aborted.
        await log.snapshots.dropBeyond(Math.min(...finishedAborts))
      }
      await replaceSegments(this.#context, log, group, compacted)
      return success(undefined)
    } catch (error) {
      // Names may have changed already: the next start knows what to make of them.
      if (isFileError(error)) this.#context.fail(error)
      throw error
    }
  }

  /**
   * Reads the batches of a range in pieces.
   *
   * @param visit of each batch; `stop` ends the reading
   * @param onPiece after each piece, while its bytes are still there
   * @returns how it ended
   */
  async #readBatches(
    fromOffset: number,
    upToOffset: number,
    compaction: Compaction,
    visit: (bytes: Buffer, at: number) => 'next' | 'stop' | Failure<CompactionError>,
    onPiece: () => Promise<Failure<CompactionError> | null> = () => Promise.resolve(null)
  ): Promise<Result<'end' | 'stopped', CompactionError>> {
    const bounds = { upToOffset, maxSize: compactionReadSize, minOneBatch: true }
    for (let next = fromOffset; next < upToOffset;) {
      const read = await this.#log.reader.read({ fromOffset: next, ...bounds })
      if (!read.ok) {
        if (read.error === 'OFFSET_OUT_OF_RANGE' || !this.#log.isOpen) return interrupted
        return failure(read.error, read.detail)
      }
      const { bytes } = read.value
      try {
        for (const at of batchPositions(bytes)) {
          const seen = visit(bytes, at)
          if (seen === 'stop') return success('stopped')
          if (seen !== 'next') return seen
          next = lastOffset(bytes, at) + 1
        }
        const fault = await onPiece()
        if (fault !== null) return fault
        // Nothing is left up to the end of the range.
        if (bytes.length === 0) break
      } finally {
        read.value.release()
      }
      if (!(await compaction.proceed(bytes.length)) || !this.#log.isOpen) return interrupted
    }
    return success('end')
  }

  #failed(error: unknown): Failure<CompactionError> {
    if (!isFileError(error)) throw error
    // The folder of a log that was removed meanwhile has another name.
    if (!this.#log.isOpen) return interrupted
    const kind = kindOfRefusal(error)
    if (kind === 'noSpace') return failure('NO_SPACE', messageOf(error))
    if (kind === 'exhausted') return failure('INTERRUPTED', messageOf(error))
    this.#context.fail(error)
    return failure('STORAGE', messageOf(error))
  }
}

const interrupted = failure<CompactionError>('INTERRUPTED', 'the log was closed or has changed')
const tooLarge = failure<CompactionError>('STORAGE', 'the segment would get too large')
