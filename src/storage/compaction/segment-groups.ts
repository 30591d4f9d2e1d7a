/** What is looked at of a segment that is compacted together with its neighbours. */
export interface GroupedSegment {
  readonly baseOffset: number
  /** The offset after the last record. */
  readonly endOffset: number
  /** Bytes of batches. */
  readonly size: number
  /** Bytes of its index files. */
  readonly offsetIndexSize: number
  readonly timeIndexSize: number
}

export interface GroupBounds {
  /** Kafka: segment.bytes and segment.index.bytes. */
  readonly segmentBytes: number
  readonly segmentIndexBytes: number
  /** How far offsets of one segment may lie apart. */
  readonly relativeOffsetMax: number
}

/**
 * Puts neighbours together that fit one segment as they are, so that segments do not get smaller
 * with every compaction (Kafka: `Cleaner.groupSegmentsBySize`). A segment that is too large by
 * itself is a group of its own.
 */
export function groupSegments<S extends GroupedSegment>(
  segments: readonly S[],
  bounds: GroupBounds
): readonly (readonly S[])[] {
  const groups: S[][] = []
  let sizes = { log: 0, offsetIndex: 0, timeIndex: 0 }
  for (const segment of segments) {
    const { size, offsetIndexSize, timeIndexSize, endOffset } = segment
    const group = groups.at(-1)
    const together = {
      log: sizes.log + size,
      offsetIndex: sizes.offsetIndex + offsetIndexSize,
      timeIndex: sizes.timeIndex + timeIndexSize
    }
    const fits =
      group !== undefined &&
      together.log <= bounds.segmentBytes &&
      together.offsetIndex <= bounds.segmentIndexBytes &&
      together.timeIndex <= bounds.segmentIndexBytes &&
      endOffset - 1 - group[0]!.baseOffset <= bounds.relativeOffsetMax
    if (fits) {
      group.push(segment)
      sizes = together
    } else {
      groups.push([segment])
      sizes = { log: size, offsetIndex: offsetIndexSize, timeIndex: timeIndexSize }
    }
  }
  return groups
}
