import { baseOffset, batchHeaderSize, batchSize, lastOffset } from '../../record/batch.ts'
import { expectedOffset, headerHolds } from './batch-check.ts'
import { BatchTable, readBatchTable, type ReadBatchTable } from './batch-table.ts'
import { batchTableSuffix, segmentPath } from './file-names.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LogContext } from './log-context.ts'
import { findBatch, isSound, ScanWindow } from './log-scan.ts'
import { runAsync, type ReadSteps } from './read-steps.ts'
import type { Segment } from './segment.ts'
import {
  emptyIndexes,
  indexBatch,
  indexedBatch,
  noProgress,
  readIndexes,
  type IndexProgress,
  type SegmentIndexes
} from './segment-indexes.ts'

/**
 * Brings the indexes of a sealed segment into memory: from their files, or from the batches when
 * the marks of the sidecar do not vouch for the files.
 *
 * @throws FileError when the segment cannot be read
 */
export async function loadIndexes(
  context: LogContext,
  folder: string,
  segment: Segment,
  epochs: LeaderEpochs,
  indexIntervalBytes: number
): Promise<SegmentIndexes> {
  const { marks } = segment.sidecar
  const batches = segment.isSparse ? (await loadBatchTable(context, folder, segment)).table : null
  const read = await readIndexes(context.files, folder, segment.baseOffset, marks, batches)
  if (read !== null) {
    segment.takeIndexes(read, 'read')
    return read
  }
  context.logger.warn('index files are missing or damaged and are made anew', {
    segment: segment.log.path
  })
  const { indexes } = await rebuildIndexes(context, segment, epochs, batches, indexIntervalBytes)
  segment.takeIndexes(indexes, 'rebuilt')
  return indexes
}

/** Indexes that were made from the batches, and how far they have come. */
export interface RebuiltIndexes {
  readonly indexes: SegmentIndexes
  readonly progress: IndexProgress
  /** The offset after the last batch. */
  readonly endOffset: number
}

/**
 * Makes the indexes of a segment from its batches.
 *
 * @param batches of a sparse segment, else null
 * @throws FileError when the segment cannot be read
 */
export function rebuildIndexes(
  context: LogContext,
  segment: Segment,
  epochs: LeaderEpochs,
  batches: BatchTable | null,
  indexIntervalBytes: number
): Promise<RebuiltIndexes> {
  return withWindow(context, segment, window => {
    const indexes = emptyIndexes(segment.baseOffset, batches)
    return rebuildSteps(segment, window, epochs, indexes, indexIntervalBytes)
  })
}

/**
 * The table of a sparse segment. What the file no longer says of it is read from the batches: their
 * checksums vouch for everything but their offsets, which have to fit in between those around them.
 *
 * @throws FileError when the segment cannot be read
 */
export async function loadBatchTable(
  context: LogContext,
  folder: string,
  segment: Segment
): Promise<Pick<ReadBatchTable, 'table' | 'head'>> {
  const read = await readBatchTable(
    context.files,
    segmentPath(folder, segment.baseOffset, batchTableSuffix),
    segment.owner
  )
  if (read.isWhole) return read
  context.logger.error('the table of a compacted segment is damaged; it is read from the batches', {
    segment: segment.log.path
  })
  const table = await withWindow(context, segment, window =>
    rebuildTable(segment, window, read.table)
  )
  return { table, head: read.head }
}

async function withWindow<T>(
  context: LogContext,
  segment: Segment,
  steps: (window: ScanWindow) => ReadSteps<T>
): Promise<T> {
  const window = new ScanWindow(segment.log, segment.size, context.buffers)
  try {
    return await runAsync(steps(window))
  } finally {
    window.release()
  }
}

/** The sound batches of a segment, and those that `known` has: damaged ones keep their place. */
function* rebuildTable(
  segment: Segment,
  window: ScanWindow,
  known: BatchTable
): ReadSteps<BatchTable> {
  const table = new BatchTable(segment.baseOffset)
  let position = 0
  let minOffset = segment.baseOffset
  for (let index = 0; index <= known.count; index++) {
    const isLast = index === known.count
    const to = isLast ? segment.size : known.positionAt(index)
    const maxOffset = isLast ? segment.endOffset : known.offsetAt(index)
    for (;;) {
      const found = yield* findBatch(window, { from: position, to, minOffset, maxOffset })
      if (found === -1) break
      const at = window.at(found)
      table.append(baseOffset(window.buffer, at), found)
      minOffset = lastOffset(window.buffer, at) + 1
      position = found + batchSize(window.buffer, at)
    }
    if (isLast) break
    table.append(maxOffset, to)
    minOffset = maxOffset + 1
    position = to + 1
    if (!(yield* isSound(window, to, maxOffset))) continue
    minOffset = lastOffset(window.buffer, window.at(to)) + 1
    position = to + batchSize(window.buffer, window.at(to))
  }
  return table
}

function* rebuildSteps(
  segment: Segment,
  window: ScanWindow,
  epochs: LeaderEpochs,
  indexes: SegmentIndexes,
  indexIntervalBytes: number
): ReadSteps<RebuiltIndexes> {
  const { batches } = indexes
  const progress = noProgress()
  let position = 0
  let endOffset = segment.baseOffset
  while (position < segment.size) {
    const expected = expectedOffset(batches, position, endOffset)
    const holds =
      (yield* window.need(position, batchHeaderSize)) &&
      headerHolds(window.buffer, window.at(position), expected, epochs)
    if (!holds) {
      const found = yield* findBatch(window, {
        from: position + 1,
        to: segment.size,
        minOffset: endOffset + 1,
        maxOffset: segment.endOffset
      })
      if (found === -1) break
      position = found
      endOffset = baseOffset(window.buffer, window.at(found))
      continue
    }
    const batch = indexedBatch(window.buffer, window.at(position))
    indexBatch(indexes, progress, position, batch, indexIntervalBytes)
    position += batch.size
    endOffset = batch.lastOffset + 1
  }
  indexes.times.append(progress.largestTimestampMs, progress.offsetOfLargestTimestamp)
  return { indexes, progress, endOffset }
}
