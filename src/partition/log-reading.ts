import { success } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import { replayReadSize } from '../limits.ts'
import * as batch from '../record/batch.ts'
import type { PartitionLog, ReadBatches, ReadError } from '../storage/partition-log.ts'

/**
 * Visits every batch from `fromOffset` to the `logEndOffset` at the call, in order. The bytes are
 * the visitor's for the time of the call only.
 */
export async function walkLog(
  log: PartitionLog,
  visit: (bytes: Buffer, at: number) => void,
  fromOffset = log.logStartOffset
): Promise<Result<void, ReadError>> {
  const upToOffset = log.logEndOffset
  let offset = fromOffset
  while (offset < upToOffset) {
    const read = await log.read({
      fromOffset: offset,
      upToOffset,
      maxSize: replayReadSize,
      minOneBatch: true
    })
    if (!read.ok) return read
    const { bytes } = read.value
    try {
      for (const at of batch.batchPositions(bytes)) visit(bytes, at)
      const next = endOffsetOf(bytes, offset)
      // A compacted log may end in a gap: there is nothing more to be read.
      if (next === offset) break
      offset = next
    } finally {
      read.value.release()
    }
  }
  return success(undefined)
}

/**
 * Reads whole batches from the one that holds `fromOffset` on. Batches that compaction has emptied
 * are passed over while something follows them below `upToOffset`: kafkajs does not move on by
 * them. At the end they are handed out all the same: Java clients move on by them, and some wait
 * until they have reached the end.
 *
 * @param upToOffset exclusive
 */
export async function readVisible(
  log: PartitionLog,
  request: {
    readonly fromOffset: number
    readonly maxBytes: number
    readonly minOneBatch: boolean
  },
  upToOffset: number
): Promise<Result<ReadBatches, ReadError>> {
  const { minOneBatch } = request
  const maxSize = Math.max(0, request.maxBytes)
  let { fromOffset } = request
  for (;;) {
    const read = await log.read({ fromOffset, upToOffset, maxSize, minOneBatch })
    if (!read.ok || read.value.bytes.length === 0 || holdsRecords(read.value.bytes)) return read
    const next = endOffsetOf(read.value.bytes, fromOffset)
    if (next >= upToOffset) return read
    read.value.release()
    fromOffset = next
  }
}

/** The offset behind the last whole batch in `bytes`, `otherwise` when there is none. */
export function endOffsetOf(bytes: Buffer, otherwise: number): number {
  let endOffset = otherwise
  for (const at of batch.batchPositions(bytes)) endOffset = batch.lastOffset(bytes, at) + 1
  return endOffset
}

function holdsRecords(bytes: Buffer): boolean {
  for (const at of batch.batchPositions(bytes)) if (batch.recordCount(bytes, at) > 0) return true
  return false
}
