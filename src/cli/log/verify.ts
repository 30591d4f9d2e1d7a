import type { Files } from '../../io/files.ts'
import { parseOffsetCheckpoint } from '../../storage/local/checkpoint.ts'
import { partitionFolderName, recoveryPointCheckpointName } from '../../storage/local/file-names.ts'
import type { LogBounds } from '../../storage/local/offset-checkpoints.ts'
import type { Finding } from './findings.ts'
import { foldersOf, segmentsOf, type LogTarget } from './log-target.ts'
import { textOf, type PartitionFolder } from './partition-folder.ts'
import { verifyDirectory } from './verify-directory.ts'
import { notedBounds, verifyFolder } from './verify-folder.ts'
import { verifySegment } from './verify-segment.ts'

/** What was looked at. */
export interface VerifyTotals {
  partitions: number
  segments: number
  batches: number
  records: number
  bytes: number
}

/**
 * Checks all that can be checked of a log without changing anything: batches, what sidecars and
 * checkpoints say of them, and indexes.
 *
 * @throws FileError when a folder or a segment cannot be opened
 */
export async function verifyLog(
  files: Files,
  target: LogTarget,
  report: (finding: Finding) => void
): Promise<VerifyTotals> {
  const totals: VerifyTotals = { partitions: 0, segments: 0, batches: 0, records: 0, bytes: 0 }
  const noted = new Map<string, LogBounds | null>()
  for (const { folder, whole } of everyFolder(files, target)) {
    totals.partitions++
    const endOffsetMin = promisedEnd(files, whole, folder)
    for (const segment of segmentsOf(target, folder)) {
      totals.segments++
      const scan = await verifySegment({
        files,
        target: whole,
        folder,
        segment,
        endOffsetMin,
        report
      })
      totals.batches += scan.batchCount
      totals.records += scan.recordCount
      totals.bytes += scan.size
    }
    if (target.kind !== 'segment') verifyFolder(files, whole, folder, report)
    if (folder.name !== null) noted.set(partitionFolderName(folder.name), notedBounds(folder))
  }
  if (target.kind === 'dataDirectory') verifyDirectory(files, target, noted, report)
  return totals
}

/** The folders of partitions, and those set aside, which no shutdown has put in order. */
function* everyFolder(
  files: Files,
  target: LogTarget
): Generator<{ readonly folder: PartitionFolder; readonly whole: LogTarget }> {
  for (const folder of foldersOf(files, target)) yield { folder, whole: target }
  const whole = { ...target, folders: target.strays, isClean: false }
  for (const folder of foldersOf(files, whole)) yield { folder, whole }
}

/**
 * The offset that the log must reach: what its newest note says was on disk, and after an orderly
 * shutdown the checkpoint if that note cannot be read.
 */
export function promisedEnd(files: Files, target: LogTarget, folder: PartitionFolder): number {
  const noted = folder.state?.durableEndOffset ?? 0
  if (!target.isClean || folder.name === null || notedBounds(folder) !== null) return noted
  const text = textOf(files, `${target.directory}/${recoveryPointCheckpointName}`)
  const { topic, partition } = folder.name
  const entry = parseOffsetCheckpoint(text ?? '')?.find(
    each => each.topic === topic && each.partition === partition
  )
  return Math.max(noted, entry?.offset ?? 0)
}
