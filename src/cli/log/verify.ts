import type { Files } from '../../io/files.ts'
import { parseOffsetCheckpoint } from '../../storage/local/checkpoint.ts'
import {
  leaderEpochCheckpointName,
  logStartCheckpointName,
  metaPropertiesName,
  partitionFolderName,
  partitionMetadataName,
  recoveryPointCheckpointName,
  segmentPath,
  snapshotSuffix
} from '../../storage/local/file-names.ts'
import { fileFinding, type Finding } from './findings.ts'
import { foldersOf, segmentsOf, type LogTarget } from './log-target.ts'
import { bytesOf, textOf, type PartitionFolder } from './partition-folder.ts'
import { decodeProducerSnapshot } from './producer-snapshot.ts'
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
  if (target.kind === 'dataDirectory') verifyDirectory(files, target, report)
  for (const folder of foldersOf(files, target)) {
    totals.partitions++
    const endOffsetMin = promisedEnd(files, target, folder)
    for (const segment of segmentsOf(target, folder)) {
      totals.segments++
      const scan = await verifySegment({ files, target, folder, segment, endOffsetMin, report })
      totals.batches += scan.batchCount
      totals.records += scan.recordCount
      totals.bytes += scan.size
    }
    if (target.kind !== 'segment') verifyFolder(files, target, folder, report)
  }
  return totals
}

/**
 * The offset that the log must reach: what its newest note says was on disk, and after an orderly
 * shutdown the checkpoint.
 */
export function promisedEnd(files: Files, target: LogTarget, folder: PartitionFolder): number {
  const noted = folder.state?.durableEndOffset ?? 0
  if (!target.isClean || folder.name === null) return noted
  const text = textOf(files, `${target.directory}/${recoveryPointCheckpointName}`)
  const { topic, partition } = folder.name
  const entry = parseOffsetCheckpoint(text ?? '')?.find(
    each => each.topic === topic && each.partition === partition
  )
  return Math.max(noted, entry?.offset ?? 0)
}

function verifyDirectory(
  files: Files,
  target: LogTarget,
  report: (finding: Finding) => void
): void {
  const { directory, identityFault } = target
  if (identityFault !== null) {
    const meaning =
      identityFault === 'damaged'
        ? 'its checksum does not hold, and the broker does not start: restore it from a backup'
        : 'a newer version of odradek wrote it'
    const file = `${directory}/${metaPropertiesName}`
    report(fileFinding('damage', file, identityFault.toUpperCase(), meaning))
  }
  const folders = new Set(target.folders)
  for (const name of [recoveryPointCheckpointName, logStartCheckpointName]) {
    const file = `${directory}/${name}`
    const text = textOf(files, file)
    if (text === null) continue
    const entries = parseOffsetCheckpoint(text)
    if (entries === null) {
      const meaning = 'it is no checkpoint: the broker goes without it'
      report(fileFinding('derived', file, 'CHECKPOINT', meaning))
      continue
    }
    for (const entry of entries) {
      if (entry.offset === 0 || folders.has(`${directory}/${partitionFolderName(entry)}`)) continue
      const meaning = `it names ${partitionFolderName(entry)}, which has no folder`
      report(fileFinding('note', file, 'NO_FOLDER', meaning))
    }
  }
}

function verifyFolder(
  files: Files,
  target: LogTarget,
  folder: PartitionFolder,
  report: (finding: Finding) => void
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
  verifyLeaderEpochs(target, folder, report)
  if (folder.sidecarTopicId !== null && folder.topicId !== folder.sidecarTopicId) {
    const file = `${folder.path}/${partitionMetadataName}`
    const meaning = `it does not name the topic id ${folder.sidecarTopicId}, which counts`
    report(fileFinding('derived', file, 'PARTITION_METADATA', meaning))
  }
}

/** After a crash the checkpoint may be older than the journals: then it may only know less. */
function verifyLeaderEpochs(
  target: LogTarget,
  { path, leaderEpochCheckpoint, epochs, hasSidecars }: PartitionFolder,
  report: (finding: Finding) => void
): void {
  const file = `${path}/${leaderEpochCheckpointName}`
  if (leaderEpochCheckpoint === 'damaged') {
    const meaning = 'it is no checkpoint: what counts is in the sidecars'
    report(fileFinding('derived', file, 'CHECKPOINT', meaning))
    return
  }
  if (leaderEpochCheckpoint === null || epochs === null || !hasSidecars) return
  const known = new Map(epochs.starts.map(start => [start.leaderEpoch, start.startOffset]))
  const contradicts = leaderEpochCheckpoint.some(({ leaderEpoch, startOffset }) => {
    const noted = known.get(leaderEpoch)
    return noted === undefined ? target.isClean : noted !== startOffset
  })
  if (!contradicts) return
  const meaning = 'it contradicts the sidecars, which count'
  report(fileFinding('derived', file, 'LEADER_EPOCH', meaning))
}
