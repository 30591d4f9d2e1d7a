import { lastOffset, maxTimestampMs } from '../../src/record/batch.ts'
import { buildBatch } from '../../src/record/records.ts'
import type { AppendedBatch, LogConfigs } from '../../src/storage/partition-log.ts'

/** Kafka's defaults, with what a test wants otherwise. */
export function logConfigs(configs: Partial<LogConfigs> = {}): LogConfigs {
  return {
    segmentBytes: 1024 ** 3,
    segmentMs: 7 * 24 * 3600 * 1000,
    segmentJitterMs: 0,
    segmentIndexBytes: 10 * 1024 ** 2,
    indexIntervalBytes: 4096,
    retentionBytes: -1,
    retentionMs: 7 * 24 * 3600 * 1000,
    fileDeleteDelayMs: 60_000,
    cleanupPolicy: { delete: true, compact: false },
    deleteRetentionMs: 24 * 3600 * 1000,
    minCompactionLagMs: 0,
    maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
    minCleanableDirtyRatio: 0.5,
    ...configs
  }
}

export interface BatchPlan {
  readonly baseOffset: number
  /** Records in the batch; 1 if left out. */
  readonly count?: number
  /** Bytes of each record's value; 10 if left out. */
  readonly valueSize?: number
  /** Of the first record; each later one is a millisecond younger. None if left out. */
  readonly timestampMs?: number
  readonly leaderEpoch?: number
}

/** A batch as the partition hands it to the log: stamped. Its bytes depend on the plan alone. */
export function batchOf(plan: BatchPlan): AppendedBatch {
  const { baseOffset, count = 1, valueSize = 10, timestampMs, leaderEpoch = 0 } = plan
  const records = Array.from({ length: count }, (_, index) => ({
    key: Buffer.from(`key ${baseOffset + index}`),
    value: Buffer.alloc(valueSize, `${baseOffset + index} `),
    ...(timestampMs === undefined ? {} : { timestampMs: timestampMs + index })
  }))
  const bytes = buildBatch({ records, baseOffset, partitionLeaderEpoch: leaderEpoch })
  return {
    bytes,
    baseOffset,
    lastOffset: lastOffset(bytes, 0),
    maxTimestampMs: maxTimestampMs(bytes, 0),
    partitionLeaderEpoch: leaderEpoch
  }
}

/** Batches that follow each other, one for each count of records. */
export function batchesOf(
  counts: readonly number[],
  plan: Partial<BatchPlan> = {}
): readonly AppendedBatch[] {
  let baseOffset = plan.baseOffset ?? 0
  return counts.map(count => {
    const batch = batchOf({ ...plan, baseOffset, count })
    baseOffset += count
    return batch
  })
}
