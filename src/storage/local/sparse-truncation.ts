import { batchPositions, batchSize, lastOffset } from '../../record/batch.ts'
import { logReadSizeMax } from '../../limits.ts'
import { failure, success, type Result } from '../../base/result.ts'
import type { ReadError } from '../partition-log.ts'
import { CompactedSegment } from './compacted-segment.ts'
import { epochEntries, type LeaderEpochs } from './leader-epochs.ts'
import type { LogContext } from './log-context.ts'
import type { LogReader } from './log-reader.ts'
import { replaceSegments, type ReplacedLog } from './segment-replacement.ts'
import type { Segment } from './segment.ts'

/** What is looked at of a log whose compacted segment is cut. */
export interface TruncatedLog extends ReplacedLog {
  readonly reader: LogReader
  readonly epochs: LeaderEpochs
  readonly logStartOffset: number
}

/**
 * Cuts a segment that compaction has written: it is replaced by one that ends at `endOffset`.
 *
 * @throws FileError when the system refuses
 */
export async function truncateSparse(
  context: LogContext,
  log: TruncatedLog,
  segment: Segment,
  endOffset: number
): Promise<Result<Segment, ReadError>> {
  const { baseOffset, createdMs, owner } = segment
  const identity = { ...owner, baseOffset, createdMs, isSparse: true }
  const compacted = new CompactedSegment(context, log.folder.path, identity)
  let isFinished = false
  try {
    let fromOffset = Math.max(baseOffset, log.logStartOffset)
    while (fromOffset < endOffset) {
      const request = { upToOffset: endOffset, maxSize: logReadSizeMax, minOneBatch: true }
      const read = await log.reader.read({ fromOffset, ...request })
      if (!read.ok) return failure(read.error, read.detail)
      const { bytes } = read.value
      const batches: Buffer[] = []
      for (const at of batchPositions(bytes)) {
        batches.push(bytes.subarray(at, at + batchSize(bytes, at)))
        fromOffset = lastOffset(bytes, at) + 1
      }
      await compacted.append(batches, log.configs.indexIntervalBytes)
      read.value.release()
      if (batches.length === 0) break
    }
    const note = log.durability.note(null)
    const journal = epochEntries(log.epochs, baseOffset, endOffset)
    await compacted.finish({ endOffset, note, journal })
    isFinished = true
  } finally {
    if (!isFinished) compacted.discard()
  }
  return success(await replaceSegments(context, log, [segment], compacted))
}
