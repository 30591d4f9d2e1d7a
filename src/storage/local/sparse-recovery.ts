import { loadBatchTable, rebuildIndexes } from './index-rebuild.ts'
import type { FoundSegment } from './found-segment.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LogContext } from './log-context.ts'
import type { Segment } from './segment.ts'

export interface SparseRecoveryOptions {
  readonly folder: string
  readonly nextBaseOffset: number
  readonly epochs: LeaderEpochs
  readonly indexIntervalBytes: number
}

/**
 * Opens a segment that compaction has written. It was synced as a whole before it counted, so there
 * is no tail to look for; when sidecar and file do not agree, the disk has lost something.
 *
 * @returns the offset from which on records are missing, null when none are
 * @throws FileError when it cannot be read
 */
export async function openSparse(
  context: LogContext,
  segment: Segment,
  found: FoundSegment,
  options: SparseRecoveryOptions
): Promise<number | null> {
  const mark = segment.sidecar.marks.at(-1)
  if (mark !== undefined && mark.position === found.fileSize) {
    segment.restore(mark, null)
    return null
  }
  const { folder, epochs, indexIntervalBytes } = options
  const endOffset = mark?.endOffset ?? options.nextBaseOffset
  segment.restoreSparse(found.fileSize, endOffset)
  const { table, head } = await loadBatchTable(context, folder, segment)
  const missingOffset = table.truncate(found.fileSize)
  const rebuilt = await rebuildIndexes(context, segment, epochs, table, indexIntervalBytes)
  const isKnown = head !== null || endOffset !== Infinity
  segment.restoreSparse(
    found.fileSize,
    isKnown ? (head?.endOffset ?? endOffset) : rebuilt.endOffset
  )
  segment.takeRebuilt(rebuilt.indexes, rebuilt.progress)
  return missingOffset
}
