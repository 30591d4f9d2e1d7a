import type { Files } from '../../io/files.ts'
import {
  formatLeaderEpochCheckpoint,
  formatPartitionMetadata
} from '../../storage/local/checkpoint.ts'
import {
  cleanedSuffix,
  deletedSuffix,
  leaderEpochCheckpointName,
  parseSegmentName,
  partitionMetadataName,
  segmentPath,
  segmentSuffixes,
  snapshotSuffix,
  swapSuffix,
  temporarySuffix
} from '../../storage/local/file-names.ts'
import type { LogBounds } from '../../storage/local/offset-checkpoints.ts'
import type { LeaderEpochStart } from '../../storage/partition-log.ts'
import { fileFinding, type Finding } from './findings.ts'
import type { LogTarget } from './log-target.ts'
import { bytesOf, textOf, txnIndexSuffix, type PartitionFolder } from './partition-folder.ts'
import { decodeProducerSnapshot } from './producer-snapshot.ts'

type Report = (finding: Finding) => void

/**
 * Where a log begins and ends, by its newest note; null when damage may hide that: then checkpoints
 * are asked.
 */
export function notedBounds({ segments }: PartitionFolder): LogBounds | null {
  const sidecar = segments.at(-1)?.sidecar ?? null
  if (sidecar === null || sidecar.state === null || sidecar.stateDamaged) return null
  const { logStartOffset, durableEndOffset: logEndOffset } = sidecar.state
  return { logStartOffset, logEndOffset }
}

/** Checks what belongs to a partition and to none of its segments. */
export function verifyFolder(
  files: Files,
  target: LogTarget,
  folder: PartitionFolder,
  report: Report
): void {
  const first = folder.segments[0]
  const start = folder.state?.logStartOffset
  if (first !== undefined && start !== undefined && start < first.baseOffset) {
    report({
      ...fileFinding('damage', first.logPath, 'MISSING', 'the segment before it is not there'),
      fromOffset: start,
      toOffset: first.baseOffset
    })
  }
  for (const offset of folder.snapshots) {
    const file = segmentPath(folder.path, offset, snapshotSuffix)
    const { fault } = decodeProducerSnapshot(bytesOf(files, file) ?? Buffer.alloc(0))
    if (fault === null) continue
    report(fileFinding('derived', file, 'SNAPSHOT', `${fault}: producers are read from the log`))
  }
  verifyLeaderEpochs(files, target, folder, report)
  verifyMetadata(files, folder, report)
  for (const { name, kind } of files.list(folder.path)) {
    if (kind === 'file') reportStranger(`${folder.path}/${name}`, name, report)
  }
}

function verifyMetadata(files: Files, folder: PartitionFolder, report: Report): void {
  const { sidecarTopicId } = folder
  if (sidecarTopicId === null) return
  const file = `${folder.path}/${partitionMetadataName}`
  if (textOf(files, file) === formatPartitionMetadata(sidecarTopicId)) return
  const meaning = `it does not name the topic id ${sidecarTopicId}, which counts`
  report(fileFinding('derived', file, 'PARTITION_METADATA', meaning))
}

function verifyLeaderEpochs(
  files: Files,
  target: LogTarget,
  { path, leaderEpochCheckpoint, epochs, hasSidecars }: PartitionFolder,
  report: Report
): void {
  const file = `${path}/${leaderEpochCheckpointName}`
  if (leaderEpochCheckpoint === null) return
  const isWritten =
    leaderEpochCheckpoint !== 'damaged' &&
    textOf(files, file) === formatLeaderEpochCheckpoint(leaderEpochCheckpoint)
  if (!isWritten) {
    const meaning = 'it is no checkpoint: what counts is in the sidecars'
    report(fileFinding('derived', file, 'CHECKPOINT', meaning))
    return
  }
  if (epochs === null || !hasSidecars) return
  const agrees = target.isClean
    ? formatLeaderEpochCheckpoint(epochs.starts) ===
      formatLeaderEpochCheckpoint(leaderEpochCheckpoint)
    : mayBeOlder(leaderEpochCheckpoint, epochs.starts)
  if (agrees) return
  const meaning = 'it contradicts the sidecars, which count'
  report(fileFinding('derived', file, 'LEADER_EPOCH', meaning))
}

/**
 * After a crash the checkpoint may be from before epochs that the sidecars know, or know epochs
 * whose records are gone since. What both can know they have to agree on.
 */
function mayBeOlder(
  checkpoint: readonly LeaderEpochStart[],
  known: readonly LeaderEpochStart[]
): boolean {
  const firstKnown = known[0]?.leaderEpoch ?? Infinity
  const lastNoted = checkpoint.at(-1)?.leaderEpoch ?? -1
  const noted = checkpoint.filter(({ leaderEpoch }) => leaderEpoch >= firstKnown)
  const shared = known.filter(({ leaderEpoch }) => leaderEpoch <= lastNoted)
  return formatLeaderEpochCheckpoint(noted) === formatLeaderEpochCheckpoint(shared)
}

const segmentFileSuffixes = [...segmentSuffixes, snapshotSuffix, txnIndexSuffix]

/** What the start after a crash takes away, or brings to its end. */
const leftovers: readonly (readonly [suffix: string, meaning: string])[] = [
  [deletedSuffix, 'it is about to be removed'],
  [temporarySuffix, 'somebody was writing it, and the next start removes it'],
  [cleanedSuffix, 'a compaction was writing it, and the next start removes it'],
  [swapSuffix, 'a compaction is half done, and the next start brings it to its end']
]

function reportStranger(path: string, name: string, report: Report): void {
  if (name === partitionMetadataName || name === leaderEpochCheckpointName) return
  if (segmentFileSuffixes.some(suffix => parseSegmentName(name, suffix) !== null)) return
  const leftover = leftovers.find(([suffix]) => name.endsWith(suffix))
  if (leftover !== undefined) report(fileFinding('note', path, 'LEFTOVER', leftover[1]))
  else report(fileFinding('note', path, 'UNKNOWN', 'it is no file of a log, and not looked at'))
}
