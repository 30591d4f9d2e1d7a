import type { Files } from '../../io/files.ts'
import { walkBatches, type BatchWalk, type DamagedBytes } from '../../storage/local/batch-walk.ts'
import { BufferPool } from '../../storage/local/buffer-pool.ts'
import { CachedFile, FileCache } from '../../storage/local/file-cache.ts'
import { ScanWindow } from '../../storage/local/log-scan.ts'
import { runSync } from '../../storage/local/read-steps.ts'
import type { PartitionFolder, SegmentFiles } from './partition-folder.ts'

export interface SegmentScan {
  /** The offset after the last sound batch. */
  readonly endOffset: number
  /** Bytes that were looked at. */
  readonly size: number
  readonly damage: readonly DamagedBytes[]
}

/**
 * Reads a segment from its first byte to its last, as it is at this moment, and hands over every
 * sound batch.
 *
 * @throws FileError when the file cannot be opened
 */
export function scanSegment(
  files: Files,
  folder: PartitionFolder,
  segment: SegmentFiles,
  onBatch: BatchWalk['onBatch'],
  onDamage: BatchWalk['onDamage'] = () => {}
): SegmentScan {
  const size = segment.size ?? 0
  const { batchTable } = segment
  const damage: DamagedBytes[] = []
  const file = new CachedFile(new FileCache(files, 1), segment.logPath)
  const window = new ScanWindow(file, size, new BufferPool())
  try {
    const endOffset = runSync(
      walkBatches(window, {
        baseOffset: segment.baseOffset,
        size,
        endOffset: nextBaseOffset(folder, segment),
        isContiguous: folder.hasSidecars && batchTable === null,
        batches: batchTable?.isWhole === true ? batchTable.table : null,
        epochs: folder.epochs,
        newEpochsFrom: folder.state?.durableEndOffset ?? 0,
        onBatch,
        onDamage: found => {
          damage.push(found)
          onDamage(found)
        }
      })
    )
    return { endOffset, size, damage }
  } finally {
    window.release()
    file.close()
  }
}

/** The offsets that the table of a compacted segment counts behind the end of its file. */
export function lostOfTable(
  { batchTable, baseOffset }: SegmentFiles,
  { size, damage }: SegmentScan
): { readonly fromOffset: number; readonly toOffset: number } | null {
  const reachesEnd = damage.some(({ toPosition }) => toPosition === size)
  if (batchTable === null || batchTable.head === null || reachesEnd) return null
  if (batchTable.head.size <= size) return null
  const { table, head } = batchTable
  let first = baseOffset
  for (let index = table.count - 1; index >= 0 && table.positionAt(index) >= size; index--) {
    first = table.offsetAt(index)
  }
  return { fromOffset: first, toOffset: head.endOffset }
}

/** Where the segment behind this one begins; Infinity for the last one. */
export function nextBaseOffset(folder: PartitionFolder, segment: SegmentFiles): number {
  const index = folder.segments.indexOf(segment)
  return folder.segments[index + 1]?.baseOffset ?? Infinity
}
