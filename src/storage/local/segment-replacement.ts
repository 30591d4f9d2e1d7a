import type { LogConfigs } from '../partition-log.ts'
import type { CompactedSegment } from './compacted-segment.ts'
import type { LogContext } from './log-context.ts'
import type { LogDurability } from './log-durability.ts'
import type { LogFolder } from './log-folder.ts'
import type { SegmentList } from './segment-list.ts'
import { completeSwap, decideSwap, replaceFiles } from './segment-swap.ts'
import type { Segment } from './segment.ts'

/** What is changed of a log whose segments are replaced. */
export interface ReplacedLog {
  readonly segments: SegmentList
  readonly durability: LogDurability
  readonly folder: LogFolder
  readonly configs: LogConfigs
}

/**
 * Puts a finished segment in the place of those that it was made of. Nobody else may take segments
 * out of the list meanwhile. When it throws, the next start finishes or undoes it.
 *
 * @throws FileError when the system refuses
 */
export async function replaceSegments(
  context: LogContext,
  log: ReplacedLog,
  replaced: readonly Segment[],
  compacted: CompactedSegment
): Promise<Segment> {
  const { segments, durability, configs } = log
  const folder = log.folder.path
  const { baseOffset } = compacted.identity
  await decideSwap(context, folder, baseOffset)
  for (const segment of replaced) durability.forget(segment)
  const aside = replaceFiles(context, folder, baseOffset, replaced)
  const segment = compacted.open(configs)
  segments.replace(replaced, segment)
  context.indexes.touch(segment)
  await completeSwap(context, folder, baseOffset)
  context.remover.removeFilesLater(aside, configs.fileDeleteDelayMs)
  return segment
}
