import type { LogContext } from './log-context.ts'
import type { LogDurability } from './log-durability.ts'
import { rewriteTail } from './segment-repair.ts'
import type { SegmentList } from './segment-list.ts'
import type { Segment } from './segment.ts'

/**
 * After a crash: takes to the disk what recovery found beyond the durable watermark, before anybody
 * is told of it. Those bytes are written again first, since a sync that failed in an earlier life
 * may have left them in the page cache alone, where another sync would pass over them. In the mode
 * `os` too, where nobody waits for it: a watermark beyond what is missing would make damage of it.
 */
export async function settleLog(
  context: LogContext,
  segments: SegmentList,
  durability: LogDurability,
  { logEndOffset, isCut }: { readonly logEndOffset: number; readonly isCut: boolean }
): Promise<void> {
  const { end } = durability
  const isDurable = end.offset >= logEndOffset && !isCut && !durability.hasChanges
  if (isDurable || context.durability === 'memory') return
  for (const segment of segments.all) {
    if (segment.endOffset <= end.offset) continue
    const from = segment === end.segment ? Math.min(end.position, segment.size) : 0
    await rewriteTail(context, segment, from)
    durability.changed(segment)
  }
  durability.namesChanged()
  if (context.durability === 'fsync') await durability.flushed()
  else durability.flushSoon()
}

/** Makes durable what is left to be, notes included; a failed disk takes the directory along. */
export async function syncBeforeClose(
  context: LogContext,
  segments: SegmentList,
  durability: LogDurability,
  active: Segment
): Promise<void> {
  const dirty = segments.all.filter(segment => segment.isDirty)
  if (dirty.length === 0) return
  for (const segment of dirty) durability.changed(segment)
  if (!(await durability.flushed()).ok) return
  try {
    // Notes that were not urgent, and that of the last flush, have no flush to ride with.
    await Promise.all([...new Set([...dirty, active])].map(segment => segment.sync(true)))
  } catch (error) {
    context.fail(error)
  }
}

/** Lets go of the files of a log. */
export function closeSegments(
  context: LogContext,
  segments: SegmentList,
  durability: LogDurability
): void {
  for (const segment of segments.all) {
    durability.forget(segment)
    context.indexes.forget(segment)
    segment.close()
  }
}
