import type { DirectoryEntry } from '../../io/files.ts'
import { readBatchTable } from './batch-table.ts'
import {
  batchTableSuffix,
  cleanedSuffix,
  parseSegmentName,
  segmentPath,
  segmentSuffixes,
  sidecarSuffix,
  swapSuffix
} from './file-names.ts'
import type { LogContext, LogName } from './log-context.ts'
import { segmentIdentity } from './log-folder.ts'
import { Sidecar } from './sidecar.ts'
import type { Segment } from './segment.ts'

// How a segment that compaction has written takes the place of those that it was made of, so that
// a crash at any moment leaves either them or it (Kafka: `UnifiedLog.replaceSegments` and
// `LogLoader`):
//
//   1. All its files are there as `.cleaned`, synced, and so are their names.
//   2. Its sidecar gets the suffix `.swap`, durably. That decides: before, a start removes what is
//      `.cleaned`, from here on it finishes the swap.
//   3. The files of the others become `.deleted`, and those of the new one, but for its sidecar,
//      get their names: durably.
//   4. The sidecar gets its name, durably. Only then may what is `.deleted` go.

const dataSuffixes = segmentSuffixes.filter(suffix => suffix !== sidecarSuffix)

/**
 * Step 2.
 *
 * @throws FileError when the system refuses
 */
export async function decideSwap(
  context: LogContext,
  folder: string,
  baseOffset: number
): Promise<void> {
  const path = segmentPath(folder, baseOffset, sidecarSuffix)
  context.files.rename(path + cleanedSuffix, path + swapSuffix)
  await syncNames(context, folder)
}

/**
 * Step 3, in one turn: nobody sees a half of it.
 *
 * @returns the paths of what is to be removed after step 4
 * @throws FileError when the system refuses
 */
export function replaceFiles(
  context: LogContext,
  folder: string,
  baseOffset: number,
  replaced: readonly Segment[]
): readonly string[] {
  const aside = replaced.flatMap(segment => segment.setAside())
  takeNames(context, folder, baseOffset)
  return aside
}

/**
 * Step 4, and the sync of step 3 before it.
 *
 * @throws FileError when the system refuses
 */
export async function completeSwap(
  context: LogContext,
  folder: string,
  baseOffset: number
): Promise<void> {
  await syncNames(context, folder)
  const path = segmentPath(folder, baseOffset, sidecarSuffix)
  context.files.rename(path + swapSuffix, path)
  await syncNames(context, folder)
}

/**
 * Finishes the swaps that a crash has interrupted after they were decided, at the start of a log.
 *
 * @param entries what the folder holds
 * @returns whether there was one: the folder holds something else now
 * @throws FileError when the system refuses
 */
export async function finishSwaps(
  context: LogContext,
  folder: string,
  name: LogName,
  entries: readonly DirectoryEntry[]
): Promise<boolean> {
  let isFinished = false
  for (const { name: fileName } of entries) {
    const baseOffset = parseSegmentName(fileName, sidecarSuffix + swapSuffix)
    if (baseOffset === null) continue
    const endOffset = await endOfSwapped(context, folder, name, baseOffset)
    context.logger.info('a compaction that was interrupted is finished', {
      topic: name.topic,
      partition: name.partition,
      fromOffset: baseOffset,
      toOffset: endOffset
    })
    takeNames(context, folder, baseOffset)
    removeWithin(context, folder, baseOffset, endOffset)
    await completeSwap(context, folder, baseOffset)
    isFinished = true
  }
  return isFinished
}

/** Gives the files of the new segment their names, over those that may still be there. */
function takeNames({ files }: LogContext, folder: string, baseOffset: number): void {
  for (const suffix of dataSuffixes) {
    const path = segmentPath(folder, baseOffset, suffix)
    if (files.exists(path + cleanedSuffix)) files.rename(path + cleanedSuffix, path)
  }
}

/** Removes the segments that the one at `baseOffset` stands for. */
function removeWithin(
  { files }: LogContext,
  folder: string,
  baseOffset: number,
  endOffset: number
): void {
  for (const { name } of files.list(folder)) {
    const suffix = segmentSuffixes.find(each => name.endsWith(each))
    const offset = suffix === undefined ? null : parseSegmentName(name, suffix)
    if (offset !== null && offset > baseOffset && offset < endOffset) {
      files.remove(`${folder}/${name}`)
    }
  }
}

/** Where the new segment ends, by its sidecar, or by its table when the sidecar is damaged. */
async function endOfSwapped(
  context: LogContext,
  folder: string,
  name: LogName,
  baseOffset: number
): Promise<number> {
  const { files } = context
  const owner = segmentIdentity(context, name, baseOffset)
  const sidecarPath = segmentPath(folder, baseOffset, sidecarSuffix) + swapSuffix
  const { journal } = Sidecar.read(files, sidecarPath, owner)
  const mark = journal.findLast(entry => entry.kind === 'mark')
  if (mark !== undefined) return mark.endOffset
  const tablePath = segmentPath(folder, baseOffset, batchTableSuffix)
  const path = files.exists(tablePath + cleanedSuffix) ? tablePath + cleanedSuffix : tablePath
  const { head } = await readBatchTable(files, path, owner)
  return head?.endOffset ?? baseOffset + 1
}

async function syncNames({ files, durability }: LogContext, folder: string): Promise<void> {
  if (durability !== 'memory') await files.syncDirectory(folder)
}
