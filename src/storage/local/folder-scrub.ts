import { decodeProducerSnapshot } from '../producer-snapshot.ts'
import {
  formatLeaderEpochCheckpoint,
  formatPartitionMetadata,
  readText,
  writeDerivedText
} from './checkpoint.ts'
import {
  leaderEpochCheckpointName,
  partitionFolderName,
  partitionMetadataName,
  segmentPath,
  snapshotSuffix
} from './file-names.ts'
import type { LocalLog } from './local-log.ts'
import type { LogContext } from './log-context.ts'
import { scrubSidecar } from './segment-scrub.ts'

/**
 * Holds the small files of a partition's folder against what is known in memory: the sidecar of the
 * segment that is being written, Kafka's two text files, which have no checksum, and the snapshots
 * of producers. What does not hold is written again, or removed if it can be done without; a start
 * may need them when something else is damaged, too.
 *
 * @throws FileError when a file cannot be read or written
 */
export async function scrubFolder(context: LogContext, log: LocalLog): Promise<void> {
  const folder = `${context.path}/${partitionFolderName(log.name)}`
  const { active } = log.segments
  if (active === undefined || !context.files.exists(folder)) return
  scrubText(
    context,
    `${folder}/${partitionMetadataName}`,
    formatPartitionMetadata(log.name.topicId)
  )
  if (!log.epochs.hasChanged) {
    const path = `${folder}/${leaderEpochCheckpointName}`
    scrubText(context, path, formatLeaderEpochCheckpoint(log.epochs.starts))
  }
  await scrubSidecar(context, log, active)
  await scrubSnapshots(context, log, folder)
}

/** A file that is not there says nothing wrong. */
function scrubText({ files, logger }: LogContext, path: string, expected: string): void {
  const text = readText(files, path)
  if (text === null || text === expected) return
  logger.warn('a file is damaged on disk and is written anew from memory', { path })
  writeDerivedText(files, path, expected)
}

async function scrubSnapshots(context: LogContext, log: LocalLog, folder: string): Promise<void> {
  const { topicId, partition } = log.name
  for (const offset of log.snapshots.offsets) {
    const bytes = await log.snapshots.read(offset)
    if (!log.isOpen || !log.snapshots.offsets.includes(offset)) return
    const read =
      bytes === null ? null : decodeProducerSnapshot(bytes, { topicId, partition, offset })
    if (read?.ok === true) continue
    context.logger.warn('a snapshot of producers is damaged and is removed', {
      path: segmentPath(folder, offset, snapshotSuffix),
      reason: read?.ok === false ? read.detail : 'it cannot be read'
    })
    await log.snapshots.drop(offset)
  }
}
