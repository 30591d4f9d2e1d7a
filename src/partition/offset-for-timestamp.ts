import { failure, success } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import * as batch from '../record/batch.ts'
import { readRecords } from '../record/records.ts'
import type { LeaderEpochStart, PartitionLog, ReadError } from '../storage/partition-log.ts'
import { epochAt } from './leader-epochs.ts'
import { timestampReadSize } from '../limits.ts'

/** A record found by its timestamp. */
export interface TimestampedOffset {
  readonly offset: number
  readonly timestampMs: number
  readonly leaderEpoch: number
}

/** What a reader may see of a log. */
export interface ReaderBounds {
  /** Exclusive. */
  readonly upToOffset: number
  /** Of the partition, at present. */
  readonly leaderEpoch: number
  readonly leaderEpochs: readonly LeaderEpochStart[]
}

const noOffset: TimestampedOffset = { offset: -1, timestampMs: -1, leaderEpoch: -1 }

/**
 * What ListOffsets asks for (Kafka: UnifiedLog.fetchOffsetByTimestamp).
 *
 * @param timestamp ms, or -1 the end, -2 and -4 the start, -3 the record with the largest
 *   timestamp, -5 and -6 what tiered storage holds: nothing here
 * @returns offset and timestamp -1 when no record fits
 */
export async function findOffset(
  log: PartitionLog,
  timestamp: number,
  { upToOffset, leaderEpoch, leaderEpochs }: ReaderBounds
): Promise<Result<TimestampedOffset, ReadError>> {
  switch (timestamp) {
    case -1:
      return success({ offset: upToOffset, timestampMs: -1, leaderEpoch })
    case -2:
    case -4: {
      const offset = log.logStartOffset
      return success({ offset, timestampMs: -1, leaderEpoch: epochAt(leaderEpochs, offset) })
    }
    case -5:
    case -6:
      return success(noOffset)
  }
  const found =
    timestamp === -3
      ? await offsetOfLargestTimestamp(log, upToOffset)
      : await firstOffsetSince(log, timestamp, upToOffset)
  return found.ok ? success(found.value ?? noOffset) : found
}

/**
 * The first record at or after `timestampMs`, from `logStartOffset` up to `upToOffset` (exclusive):
 * also within a batch, and the first of several that share one timestamp. Batches that cannot be
 * opened here (lz4 and zstd without their codec) count with their first offset and their largest
 * timestamp.
 */
async function firstOffsetSince(
  log: PartitionLog,
  timestampMs: number,
  upToOffset: number
): Promise<Result<TimestampedOffset | null, ReadError>> {
  const found = await log.batchForTimestamp(timestampMs, upToOffset)
  if (!found.ok) return found
  if (found.value === null) return success(null)
  let read = found.value
  for (;;) {
    let nextOffset = -1
    try {
      for (const at of batch.batchPositions(read.bytes)) {
        const record = firstRecordSince(read.bytes, at, timestampMs, log.logStartOffset)
        if (record !== null) return success(record)
        nextOffset = batch.lastOffset(read.bytes, at) + 1
      }
    } finally {
      read.release()
    }
    // The batch held the timestamp only below the log's start: what follows may hold it too.
    if (nextOffset < 0 || nextOffset >= upToOffset) return success(null)
    const next = await log.read({
      fromOffset: nextOffset,
      upToOffset,
      maxSize: timestampReadSize,
      minOneBatch: true
    })
    if (!next.ok) return failure(next.error, next.detail)
    read = next.value
  }
}

/**
 * The first record that has the largest timestamp of the log; null for an empty log, and when
 * nothing that is left has it.
 */
async function offsetOfLargestTimestamp(
  log: PartitionLog,
  upToOffset: number
): Promise<Result<TimestampedOffset | null, ReadError>> {
  const largest = log.largestTimestamp
  // Kafka looks at the whole log and then hides what is not visible yet, rather than taking the
  // next largest.
  if (largest !== null && largest.offset >= upToOffset) return success(null)
  // The batch that is known to have it may be gone by DeleteRecords, and others have it as well.
  return firstOffsetSince(log, largest?.timestampMs ?? batch.noTimestamp, upToOffset)
}

function firstRecordSince(
  bytes: Buffer,
  at: number,
  timestampMs: number,
  logStartOffset: number
): TimestampedOffset | null {
  if (batch.maxTimestampMs(bytes, at) < timestampMs) return null
  const leaderEpoch = batch.partitionLeaderEpoch(bytes, at)
  const records = readRecords(bytes, at)
  if (!records.ok) {
    const offset = Math.max(batch.baseOffset(bytes, at), logStartOffset)
    if (offset > batch.lastOffset(bytes, at)) return null
    return { offset, timestampMs: batch.maxTimestampMs(bytes, at), leaderEpoch }
  }
  for (const record of records.value) {
    if (record.timestampMs < timestampMs || record.offset < logStartOffset) continue
    return { offset: record.offset, timestampMs: record.timestampMs, leaderEpoch }
  }
  return null
}
