import { batchHeaderSize } from '../../record/batch.ts'
import type { LogConfigs } from '../partition-log.ts'
import type { LogContext } from './log-context.ts'
import { ScanWindow } from './log-scan.ts'
import { runAsync, type ReadSteps } from './read-steps.ts'
import { indexedBatch, type SegmentIndexes } from './segment-indexes.ts'
import type { Segment } from './segment.ts'

/** Bytes that are written again at a time. */
const rewriteChunkSize = 1024 * 1024

/**
 * Writes the bytes of a segment from `from` on once more, as they are, so that the next sync has to
 * take them to disk.
 *
 * @throws FileError when the system refuses
 */
export async function rewriteTail(
  context: LogContext,
  segment: Segment,
  from: number
): Promise<void> {
  const buffer = context.buffers.take(rewriteChunkSize)
  segment.log.pin()
  try {
    for (let position = from; position < segment.size;) {
      const piece = buffer.subarray(0, Math.min(rewriteChunkSize, segment.size - position))
      const size = await segment.log.get().read(piece, position)
      if (size === 0) return
      segment.rewrite(piece.subarray(0, size), position)
      position += size
    }
  } finally {
    segment.log.unpin()
    context.buffers.give(buffer)
  }
}

/**
 * Cuts a segment at `position`, where a batch begins, and brings its indexes in line.
 *
 * @throws FileError when the system refuses
 */
export async function cutSegment(
  context: LogContext,
  segment: Segment,
  indexes: SegmentIndexes,
  position: number,
  configs: LogConfigs
): Promise<void> {
  segment.cut(position, indexes)
  const window = new ScanWindow(segment.log, position, context.buffers)
  try {
    await runAsync(acceptAgain(segment, window, position, configs.indexIntervalBytes))
  } finally {
    window.release()
  }
}

function* acceptAgain(
  segment: Segment,
  window: ScanWindow,
  end: number,
  indexIntervalBytes: number
): ReadSteps<void> {
  while (segment.size < end && (yield* window.need(segment.size, batchHeaderSize))) {
    segment.accept(indexedBatch(window.buffer, window.at(segment.size)), indexIntervalBytes)
  }
}
