import type { LogConfigs } from '../partition-log.ts'

/** What compaction looks at of a segment. */
export interface CleanableSegment {
  readonly baseOffset: number
  /** Bytes of batches. */
  readonly size: number
  /** Wall time of the creation, ms. */
  readonly createdMs: number
  /** Of its records, ms; -1 when none has a timestamp. */
  readonly largestTimestampMs: number
  /** Of its first batch, ms; -1 when it has none. */
  readonly firstBatchTimestampMs: number
}

/** Of a log, at the moment at which it is looked at. */
export interface CleaningMoment {
  readonly wallMs: number
  readonly logStartOffset: number
  readonly logEndOffset: number
  /** Nothing at or beyond is touched: it is not decided yet, or not durable. */
  readonly stableOffset: number
  /** Below which the log was clean after the last compaction; -1 when there was none. */
  readonly lastFirstDirtyOffset: number
}

/** What of a log compaction may touch, and how much it needs it. */
export interface CleanableRange {
  readonly firstDirtyOffset: number
  /** Exclusive; a segment begins here. */
  readonly firstUncleanableOffset: number
  /** Bytes that are new since the last compaction. */
  readonly cleanableSize: number
  /** Share of these of all that would be compacted. */
  readonly cleanableRatio: number
  /** Whether `max.compaction.lag.ms` asks for a compaction whatever the ratio is. */
  readonly isOverdue: boolean
}

/**
 * What compaction may do in a log now (Kafka: `LogCleanerManager.cleanableOffsets`, `LogToClean`).
 *
 * @param segments ascending; the last one is active and never touched
 */
export function cleanableRange(
  segments: readonly CleanableSegment[],
  configs: Pick<LogConfigs, 'minCompactionLagMs' | 'maxCompactionLagMs'>,
  moment: CleaningMoment
): CleanableRange {
  const firstDirtyOffset = dirtyFrom(moment)
  const dirtyIndex = indexAt(segments, firstDirtyOffset)
  const endIndex = uncleanableIndex(segments, dirtyIndex, configs, moment)
  const firstUncleanableOffset = segments[endIndex]?.baseOffset ?? firstDirtyOffset
  let cleanSize = 0
  let cleanableSize = 0
  for (const [index, { baseOffset, size }] of segments.slice(0, endIndex).entries()) {
    // One that is clean up to its middle counts for both, as in Kafka.
    if (baseOffset < firstDirtyOffset) cleanSize += size
    if (index >= dirtyIndex) cleanableSize += size
  }
  const totalSize = cleanSize + cleanableSize
  return {
    firstDirtyOffset,
    firstUncleanableOffset: Math.max(firstDirtyOffset, firstUncleanableOffset),
    cleanableSize,
    cleanableRatio: totalSize === 0 ? 0 : cleanableSize / totalSize,
    isOverdue: isOverdue(segments, dirtyIndex, configs.maxCompactionLagMs, moment.wallMs)
  }
}

/** Whether a log is to be compacted (Kafka: `LogCleanerManager.grabFilthiestCompactedLog`). */
export function wantsCompaction(range: CleanableRange, minCleanableDirtyRatio: number): boolean {
  const { cleanableSize, cleanableRatio, isOverdue: overdue } = range
  return (overdue && cleanableSize > 0) || cleanableRatio > minCleanableDirtyRatio
}

/** A log that was cut or begins later is dirty from its start. */
function dirtyFrom(moment: CleaningMoment): number {
  const { lastFirstDirtyOffset, logStartOffset, logEndOffset } = moment
  const isValid = lastFirstDirtyOffset >= logStartOffset && lastFirstDirtyOffset <= logEndOffset
  return isValid ? lastFirstDirtyOffset : logStartOffset
}

/** The segment that holds `offset`; the first one when all begin behind it. */
function indexAt(segments: readonly CleanableSegment[], offset: number): number {
  const index = segments.findLastIndex(({ baseOffset }) => baseOffset <= offset)
  return Math.max(index, 0)
}

/** The first segment that must not be touched. */
function uncleanableIndex(
  segments: readonly CleanableSegment[],
  dirtyIndex: number,
  { minCompactionLagMs }: Pick<LogConfigs, 'minCompactionLagMs'>,
  { stableOffset, wallMs }: CleaningMoment
): number {
  const active = segments.length - 1
  let end = Math.min(active, indexAt(segments, stableOffset))
  if (minCompactionLagMs <= 0) return Math.max(end, 0)
  for (let index = dirtyIndex; index < end; index++) {
    if (youngestMs(segments, index) > wallMs - minCompactionLagMs) end = index
  }
  return Math.max(end, 0)
}

/**
 * When the youngest record was made, ms. Kafka asks the file system when records have no
 * timestamps; here the next segment tells when this one was sealed.
 */
function youngestMs(segments: readonly CleanableSegment[], index: number): number {
  const { largestTimestampMs, createdMs } = segments[index]!
  if (largestTimestampMs >= 0) return largestTimestampMs
  return segments[index + 1]?.createdMs ?? createdMs
}

function isOverdue(
  segments: readonly CleanableSegment[],
  dirtyIndex: number,
  maxCompactionLagMs: number,
  wallMs: number
): boolean {
  let earliestMs = Infinity
  for (let index = dirtyIndex; index < segments.length - 1; index++) {
    const { firstBatchTimestampMs } = segments[index]!
    if (firstBatchTimestampMs > 0) earliestMs = Math.min(earliestMs, firstBatchTimestampMs)
  }
  return earliestMs < wallMs - maxCompactionLagMs
}
