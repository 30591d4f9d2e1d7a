import type { LogConfigs, RetentionMoment } from '../partition-log.ts'

/** What retention looks at of a segment. */
export interface RetainedSegment {
  readonly baseOffset: number
  /** The offset after the last record. */
  readonly endOffset: number
  /** Bytes of batches. */
  readonly size: number
  /** Wall time of the creation, ms. */
  readonly createdMs: number
  /** Of its records, ms; -1 when none has a timestamp. */
  readonly largestTimestampMs: number
}

export interface RetentionPlan {
  /** How many segments go, from the first one on. */
  readonly count: number
  /** Where the log begins without them; null when none goes. */
  readonly logStartOffset: number | null
  /**
   * The timestamp, ms, that keeps a segment because it is later than now; null when there is none.
   */
  readonly futureTimestampMs: number | null
}

/**
 * Which segments at the start of a log are no longer wanted (Kafka: `UnifiedLog.deleteOldSegments`
 * under the cleanup policy delete). Only whole segments go, none with a record at or beyond the
 * high watermark, and the first one that has to stay keeps all behind it. The active segment goes
 * as well, unless it is empty: the caller rolls it first.
 *
 * A record whose timestamp lies in the future keeps its segment until retention.ms after that
 * moment, as in Kafka: message.timestamp.after.max.ms is what keeps such records out.
 *
 * @param segments ascending; the last one is active
 */
export function planRetention(
  segments: readonly RetainedSegment[],
  configs: Pick<LogConfigs, 'retentionBytes' | 'retentionMs'>,
  { wallMs, highWatermark }: RetentionMoment
): RetentionPlan {
  const deletable = deletableCount(segments, highWatermark)
  let count = countBeyondSize(segments, deletable, configs.retentionBytes)
  let futureTimestampMs: number | null = null
  if (wallMs !== null && configs.retentionMs >= 0) {
    while (count < deletable && ageMs(segments, count, wallMs) > configs.retentionMs) count++
    const keeping = segments[count]?.largestTimestampMs ?? -1
    if (keeping > wallMs) futureTimestampMs = keeping
  }
  const logStartOffset = count === 0 ? null : upperBound(segments, count - 1)
  return { count, logStartOffset, futureTimestampMs }
}

/** Segments that may go at all: not empty, and wholly below the high watermark. */
function deletableCount(segments: readonly RetainedSegment[], highWatermark: number): number {
  let count = 0
  for (const [index, { size }] of segments.entries()) {
    const isEmptyActive = size === 0 && index === segments.length - 1
    if (isEmptyActive || upperBound(segments, index) > highWatermark) break
    count++
  }
  return count
}

/**
 * Segments that go because the log stays as large as `retention.bytes` without them; -1 keeps all.
 */
function countBeyondSize(
  segments: readonly RetainedSegment[],
  deletable: number,
  retentionBytes: number
): number {
  if (retentionBytes < 0) return 0
  let excess = -retentionBytes
  for (const { size } of segments) excess += size
  let count = 0
  while (count < deletable && segments[count]!.size <= excess) {
    excess -= segments[count]!.size
    count++
  }
  return count
}

/**
 * How long ago the youngest record was made, ms. Kafka asks the file system when records have no
 * timestamps. Here the next segment tells when this one was sealed; the active one counts as just
 * written.
 */
function ageMs(segments: readonly RetainedSegment[], index: number, wallMs: number): number {
  const { largestTimestampMs } = segments[index]!
  if (largestTimestampMs >= 0) return wallMs - largestTimestampMs
  return wallMs - (segments[index + 1]?.createdMs ?? wallMs)
}

function upperBound(segments: readonly RetainedSegment[], index: number): number {
  return segments[index + 1]?.baseOffset ?? segments[index]!.endOffset
}
