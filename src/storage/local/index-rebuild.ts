import {
  baseOffset,
  batchHeaderSize,
  batchSize,
  lastOffset,
  maxTimestampMs
} from '../../record/batch.ts'
import { headerHolds } from './batch-check.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LogContext } from './log-context.ts'
import { findBatch, ScanWindow } from './log-scan.ts'
import { runAsync, type ReadSteps } from './read-steps.ts'
import type { Segment } from './segment.ts'
import {
  emptyIndexes,
  indexBatch,
  noProgress,
  readIndexes,
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
  const read = await readIndexes(context.files, folder, segment.baseOffset, marks)
  if (read !== null) {
    segment.takeIndexes(read, 'read')
    return read
  }
  context.logger.warn('index files are missing or damaged and are made anew', {
    segment: segment.log.path
  })
  const window = new ScanWindow(segment.log, segment.size, context.buffers)
  try {
    const rebuilt = await runAsync(rebuildSteps(segment, window, epochs, indexIntervalBytes))
    segment.takeIndexes(rebuilt, 'rebuilt')
    return rebuilt
  } finally {
    window.release()
  }
}

function* rebuildSteps(
  segment: Segment,
  window: ScanWindow,
  epochs: LeaderEpochs,
  indexIntervalBytes: number
): ReadSteps<SegmentIndexes> {
  const indexes = emptyIndexes(segment.baseOffset)
  const progress = noProgress()
  let position = 0
  let expected = segment.baseOffset
  while (position < segment.size) {
    const holds =
      (yield* window.need(position, batchHeaderSize)) &&
      headerHolds(window.buffer, window.at(position), expected, epochs)
    if (!holds) {
      const found = yield* findBatch(window, {
        from: position + 1,
        to: segment.size,
        minOffset: expected + 1,
        maxOffset: segment.endOffset
      })
      if (found === -1) break
      position = found
      expected = baseOffset(window.buffer, window.at(found))
      continue
    }
    const at = window.at(position)
    const batch = {
      size: batchSize(window.buffer, at),
      lastOffset: lastOffset(window.buffer, at),
      maxTimestampMs: maxTimestampMs(window.buffer, at)
    }
    indexBatch(indexes, progress, position, batch, indexIntervalBytes)
    position += batch.size
    expected = batch.lastOffset + 1
  }
  indexes.times.append(progress.largestTimestampMs, progress.offsetOfLargestTimestamp)
  return indexes
}
