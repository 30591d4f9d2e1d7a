import { assert } from '../../base/assert.ts'
import type { OpenFile } from '../../io/files.ts'
import { baseOffset } from '../../record/batch.ts'
import type { LogConfigs } from '../partition-log.ts'
import { BatchTable, encodeBatchTable } from './batch-table.ts'
import type { EntryList } from './entry-list.ts'
import {
  batchTableSuffix,
  cleanedSuffix,
  logSuffix,
  offsetIndexSuffix,
  segmentPath,
  segmentSuffixes,
  sidecarSuffix,
  timeIndexSuffix
} from './file-names.ts'
import type { LogContext } from './log-context.ts'
import { isFileError } from './read-steps.ts'
import {
  emptyIndexes,
  entriesCrc,
  indexBatch,
  indexedBatch,
  noProgress,
  type IndexProgress,
  type SegmentIndexes
} from './segment-indexes.ts'
import { Segment } from './segment.ts'
import {
  encodeSidecar,
  sealKey,
  type JournalEntry,
  type Mark,
  type SegmentIdentity
} from './sidecar-format.ts'
import type { StateNote } from './sidecar.ts'

/** What a compacted segment is finished with. */
export interface CompactedEnd {
  /** The offset up to which the segment stands for the log. */
  readonly endOffset: number
  readonly note: StateNote
  /** Leader epochs of its offsets; the end of a compaction. */
  readonly journal: readonly JournalEntry[]
}

/**
 * A segment that compaction writes, under names that a start removes (`segment-swap.ts`). Nothing
 * else may write into the folder under these names.
 */
export class CompactedSegment {
  readonly identity: SegmentIdentity
  readonly #context: LogContext
  readonly #folder: string
  readonly #files: ReadonlyMap<string, OpenFile>
  readonly #indexes: SegmentIndexes
  readonly #batches: BatchTable
  readonly #progress: IndexProgress = noProgress()
  #size = 0
  #firstBatchTimestampMs = -1
  #finished: { readonly mark: Mark; readonly end: CompactedEnd } | null = null

  /** @throws FileError when the files cannot be made */
  constructor(context: LogContext, folder: string, identity: SegmentIdentity) {
    this.identity = identity
    this.#context = context
    this.#folder = folder
    this.#batches = new BatchTable(identity.baseOffset)
    this.#indexes = emptyIndexes(identity.baseOffset, this.#batches)
    const files = new Map<string, OpenFile>()
    this.#files = files
    try {
      for (const suffix of segmentSuffixes) {
        const file = context.files.open(this.#path(suffix), 'create')
        files.set(suffix, file)
        file.truncate(0)
      }
    } catch (error) {
      this.discard()
      throw error
    }
  }

  /** Bytes of batches. */
  get size(): number {
    return this.#size
  }

  /**
   * Writes batches behind those that are there.
   *
   * @throws FileError when the system refuses
   */
  async append(batches: readonly Buffer[], indexIntervalBytes: number): Promise<void> {
    const position = this.#size
    for (const bytes of batches) {
      const batch = indexedBatch(bytes, 0)
      if (this.#batches.count === 0) this.#firstBatchTimestampMs = batch.maxTimestampMs
      this.#batches.append(baseOffset(bytes, 0), this.#size)
      indexBatch(this.#indexes, this.#progress, this.#size, batch, indexIntervalBytes)
      this.#size += bytes.length
    }
    await this.#file(logSuffix).write(batches, position)
  }

  /**
   * Writes what goes with the batches; all of it is synced when the promise resolves, except in the
   * mode `memory`.
   *
   * @throws FileError when the system refuses
   */
  async finish(end: CompactedEnd): Promise<void> {
    const { offsets, times } = this.#indexes
    const { largestTimestampMs, offsetOfLargestTimestamp } = this.#progress
    times.append(largestTimestampMs, offsetOfLargestTimestamp)
    const mark: Mark = {
      kind: 'mark',
      position: this.#size,
      endOffset: end.endOffset,
      offsetIndexCount: offsets.count,
      timeIndexCount: times.count,
      offsetIndexCrc: entriesCrc(offsets.entries, 0, offsets.count),
      timeIndexCrc: entriesCrc(times.entries, 0, times.count),
      ...this.#progress,
      firstBatchTimestampMs: this.#firstBatchTimestampMs
    }
    const key = sealKey(this.identity)
    const { endOffset, note } = end
    this.#writeEntries(offsetIndexSuffix, offsets.entries)
    this.#writeEntries(timeIndexSuffix, times.entries)
    const table = encodeBatchTable(this.#batches, { endOffset, size: this.#size }, key)
    await this.#file(batchTableSuffix).write([table], 0)
    const journal = [...end.journal, mark]
    const pieces = encodeSidecar(this.identity, { sequence: 0, ...note }, journal)
    this.#file(sidecarSuffix).writeSync(pieces, 0)
    if (this.#context.durability !== 'memory') {
      for (const file of this.#files.values()) await file.datasync()
      await this.#context.files.syncDirectory(this.#folder)
    }
    this.#finished = { mark, end }
    this.#close()
  }

  /**
   * The segment as a log knows it, over the files under their final names.
   *
   * @param configs of the log
   */
  open(configs: LogConfigs): Segment {
    assert(this.#finished !== null, 'a segment is opened when it is finished')
    const { mark, end } = this.#finished
    const journal = [...end.journal, mark]
    const contents = {
      identity: this.identity,
      state: { sequence: 0, ...end.note },
      stateDamaged: false,
      paddingDamaged: false,
      journal,
      written: journal,
      journalDamaged: false
    }
    const { identity } = this
    const segment = Segment.reopen(this.#context, this.#folder, identity, configs, contents, true)
    segment.restore(mark, this.#indexes)
    segment.openedSize = segment.size
    segment.syncedSize = segment.size
    return segment
  }

  /** Removes the files; those that are gone do not matter. */
  discard(): void {
    this.#close()
    for (const suffix of segmentSuffixes) {
      try {
        this.#context.files.remove(this.#path(suffix))
      } catch (error) {
        if (!isFileError(error)) throw error
      }
    }
  }

  #writeEntries(suffix: string, entries: EntryList): void {
    this.#file(suffix).writeSync([entries.slice(0, entries.count)], 0)
  }

  #close(): void {
    for (const file of this.#files.values()) file.close()
  }

  #file(suffix: string): OpenFile {
    return this.#files.get(suffix)!
  }

  #path(suffix: string): string {
    return segmentPath(this.#folder, this.identity.baseOffset, suffix) + cleanedSuffix
  }
}
