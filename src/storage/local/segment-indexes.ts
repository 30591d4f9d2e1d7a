import { assert } from '../../base/assert.ts'
import { FileError, type Files } from '../../io/files.ts'
import {
  batchHeaderSize,
  batchSize,
  lastOffset,
  maxTimestampMs,
  noTimestamp,
  recordCount
} from '../../record/batch.ts'
import { indexReadAtOnceSizeMax } from '../../limits.ts'
import { crc32c } from '../../record/crc32c.ts'
import type { AppendedBatch } from '../partition-log.ts'
import type { BatchTable } from './batch-table.ts'
import type { EntryList } from './entry-list.ts'
import { offsetIndexSuffix, segmentPath, timeIndexSuffix } from './file-names.ts'
import { OffsetIndex } from './offset-index.ts'
import type { Mark } from './sidecar-format.ts'
import { TimeIndex } from './time-index.ts'

/**
 * Both indexes of one segment; derived from its batches, never the source of an answer that was not
 * checked.
 */
export interface SegmentIndexes {
  readonly offsets: OffsetIndex
  readonly times: TimeIndex
  /** Of a segment whose offsets have gaps; null for others. */
  readonly batches: BatchTable | null
}

/** What indexes need to know of a batch. */
export interface IndexedBatch {
  readonly size: number
  readonly lastOffset: number
  readonly maxTimestampMs: number
}

/** What the next index entry will be made of. */
export interface IndexProgress {
  /** -1: no batch has a timestamp. */
  largestTimestampMs: number
  /** The last offset of the first batch that has the largest timestamp. */
  offsetOfLargestTimestamp: number
  /** Bytes since the batch that the last entry names. */
  sizeSinceIndexEntry: number
}

/** Counts and checksums of index entries, as a mark keeps them. */
export interface IndexesWritten {
  readonly offsetIndexCount: number
  readonly timeIndexCount: number
  readonly offsetIndexCrc: number
  readonly timeIndexCrc: number
}

/** What many batches are as one write; asserts that they follow each other. */
export function wholeOf(batches: readonly AppendedBatch[], expectedOffset: number): IndexedBatch {
  let offset = expectedOffset
  let size = 0
  let maxTimestampMs = -1
  for (const batch of batches) {
    assert(batch.baseOffset === offset, 'batches follow each other')
    assert(batch.lastOffset >= batch.baseOffset, 'a batch has offsets')
    assert(batch.bytes.length >= batchHeaderSize, 'a batch has a header')
    offset = batch.lastOffset + 1
    size += batch.bytes.length
    maxTimestampMs = Math.max(maxTimestampMs, batch.maxTimestampMs)
  }
  return { size, lastOffset: offset - 1, maxTimestampMs }
}

export function emptyIndexes(
  baseOffset: number,
  batches: BatchTable | null = null
): SegmentIndexes {
  return { offsets: new OffsetIndex(baseOffset), times: new TimeIndex(baseOffset), batches }
}

/**
 * What indexes need to know of the batch at `at`. One that compaction has emptied has no timestamp:
 * nobody who looks for a time wants to find it.
 */
export function indexedBatch(buffer: Buffer, at: number): IndexedBatch {
  return {
    size: batchSize(buffer, at),
    lastOffset: lastOffset(buffer, at),
    maxTimestampMs: recordCount(buffer, at) > 0 ? maxTimestampMs(buffer, at) : noTimestamp
  }
}

export function noProgress(): IndexProgress {
  return { largestTimestampMs: -1, offsetOfLargestTimestamp: -1, sizeSinceIndexEntry: 0 }
}

/**
 * Takes note of the batch at `position`, with an index entry when one is due (Kafka:
 * `LogSegment.append`).
 */
export function indexBatch(
  indexes: SegmentIndexes,
  progress: IndexProgress,
  position: number,
  batch: IndexedBatch,
  indexIntervalBytes: number
): void {
  if (batch.maxTimestampMs > progress.largestTimestampMs) {
    progress.largestTimestampMs = batch.maxTimestampMs
    progress.offsetOfLargestTimestamp = batch.lastOffset
  }
  if (progress.sizeSinceIndexEntry > indexIntervalBytes) {
    indexes.offsets.append(batch.lastOffset, position)
    indexes.times.append(progress.largestTimestampMs, progress.offsetOfLargestTimestamp)
    progress.sizeSinceIndexEntry = 0
  }
  progress.sizeSinceIndexEntry += batch.size
}

/**
 * Writes the entries that came after `last` to the index files, and cuts off what may stand behind
 * them.
 *
 * @returns what the next mark has to say of them
 * @throws FileError when a file cannot be written
 */
export function writeIndexes(
  files: Files,
  folder: string,
  indexes: SegmentIndexes,
  last: Mark | null
): IndexesWritten {
  const { offsets, times } = indexes
  const written = (suffix: string, entries: EntryList, from: number): number => {
    const path = segmentPath(folder, offsets.baseOffset, suffix)
    return writeEntries(files, path, entries, from)
  }
  return {
    offsetIndexCount: offsets.count,
    timeIndexCount: times.count,
    offsetIndexCrc: written(offsetIndexSuffix, offsets.entries, last?.offsetIndexCount ?? 0),
    timeIndexCrc: written(timeIndexSuffix, times.entries, last?.timeIndexCount ?? 0)
  }
}

/**
 * Reads the index files as far as `marks` vouch for them; of a sparse segment with its table.
 *
 * @returns the indexes and the last mark that they agree with (null: none); null when a file says
 *   something else
 */
export async function readIndexes(
  files: Files,
  folder: string,
  baseOffset: number,
  marks: readonly Mark[],
  batches: BatchTable | null = null
): Promise<SegmentIndexes | null> {
  const indexes = emptyIndexes(baseOffset, batches)
  const last = marks.at(-1)
  if (last === undefined) return indexes
  const offsetsRead = await readEntries(
    files,
    segmentPath(folder, baseOffset, offsetIndexSuffix),
    indexes.offsets.entries,
    last.offsetIndexCount
  )
  const timesRead = await readEntries(
    files,
    segmentPath(folder, baseOffset, timeIndexSuffix),
    indexes.times.entries,
    last.timeIndexCount
  )
  return offsetsRead && timesRead && marksHold(indexes, marks) ? indexes : null
}

function marksHold(indexes: SegmentIndexes, marks: readonly Mark[]): boolean {
  const offsets = indexes.offsets.entries
  const times = indexes.times.entries
  let offsetIndexCount = 0
  let timeIndexCount = 0
  for (const mark of marks) {
    if (mark.offsetIndexCount < offsetIndexCount || mark.timeIndexCount < timeIndexCount)
      return false
    if (entriesCrc(offsets, offsetIndexCount, mark.offsetIndexCount) !== mark.offsetIndexCrc)
      return false
    if (entriesCrc(times, timeIndexCount, mark.timeIndexCount) !== mark.timeIndexCrc) return false
    offsetIndexCount = mark.offsetIndexCount
    timeIndexCount = mark.timeIndexCount
  }
  return true
}

/** The CRC-32C of the entries from `from` up to `to`, exclusive, as a mark keeps it. */
export function entriesCrc(entries: EntryList, from: number, to: number): number {
  return crc32c(entries.bytes, from * entries.entrySize, to * entries.entrySize)
}

function writeEntries(files: Files, path: string, entries: EntryList, from: number): number {
  const file = files.open(path, 'create')
  try {
    file.writeSync([entries.slice(from, entries.count)], from * entries.entrySize)
    if (file.size() > entries.count * entries.entrySize) {
      file.truncate(entries.count * entries.entrySize)
    }
  } finally {
    file.close()
  }
  return entriesCrc(entries, from, entries.count)
}

async function readEntries(
  files: Files,
  path: string,
  entries: EntryList,
  count: number
): Promise<boolean> {
  if (count === 0) return true
  try {
    const file = files.open(path, 'read')
    try {
      const size = count * entries.entrySize
      if (file.size() < size) return false
      const bytes = Buffer.allocUnsafeSlow(size)
      const isSmall = size <= indexReadAtOnceSizeMax
      const read = isSmall ? file.readSync(bytes, 0) : await file.read(bytes, 0)
      if (read < size) return false
      entries.load(bytes)
      return true
    } finally {
      file.close()
    }
  } catch (error) {
    if (error instanceof FileError) return false
    throw error
  }
}
