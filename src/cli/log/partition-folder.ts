import { fileSize, readWhole, type Files } from '../../io/files.ts'
import {
  parseLeaderEpochCheckpoint,
  parsePartitionMetadata,
  readText
} from '../../storage/local/checkpoint.ts'
import { decodeBatchTable, type ReadBatchTable } from '../../storage/local/batch-table.ts'
import {
  batchTableSuffix,
  leaderEpochCheckpointName,
  logSuffix,
  offsetIndexSuffix,
  parsePartitionFolderName,
  parseSegmentName,
  partitionMetadataName,
  segmentPath,
  sidecarSuffix,
  snapshotSuffix,
  timeIndexSuffix,
  type TopicPartition
} from '../../storage/local/file-names.ts'
import { LeaderEpochs } from '../../storage/local/leader-epochs.ts'
import { isFileError } from '../../storage/local/read-steps.ts'
import { Sidecar, type SidecarContents } from '../../storage/local/sidecar.ts'
import {
  sealKey,
  type LogState,
  type SegmentIdentity,
  type SegmentOwner
} from '../../storage/local/sidecar-format.ts'
import type { LeaderEpochStart } from '../../storage/partition-log.ts'

export const txnIndexSuffix = '.txnindex'

/** The files of one segment. */
export interface SegmentFiles {
  readonly baseOffset: number
  readonly logPath: string
  /** Of the `.log`, bytes; null when there is none. */
  readonly size: number | null
  readonly offsetIndexPath: string
  readonly timeIndexPath: string
  /** What compaction has written of the segment; null when it has not written it. */
  readonly batchTable: ReadBatchTable | null
  readonly batchTablePath: string
  readonly sidecarPath: string
  /** Null when there is no sidecar, or the disk does not give it back. */
  readonly sidecar: SidecarContents | null
}

/** What is in the folder of one partition, whoever wrote it. */
export interface PartitionFolder {
  readonly path: string
  /** Null when the folder has not the name of a partition. */
  readonly name: TopicPartition | null
  /** What `partition.metadata` says, which has no checksum. */
  readonly topicId: string | null
  /** What all sidecars agree on; null when there is none, or when they do not. */
  readonly sidecarTopicId: string | null
  /** Ascending. */
  readonly segments: readonly SegmentFiles[]
  /** Offsets in the names of the producer snapshots, ascending. */
  readonly snapshots: readonly number[]
  /** Null when the file is missing; 'damaged' when it is not what Kafka writes. */
  readonly leaderEpochCheckpoint: readonly LeaderEpochStart[] | 'damaged' | null
  /** Whether odradek wrote it: without sidecars nothing says that offsets have no gaps. */
  readonly hasSidecars: boolean
  /** The newest note of what the log promised; null without one. */
  readonly state: LogState | null
  /** Null when nothing but the batches says which epochs there were. */
  readonly epochs: LeaderEpochs | null
}

/**
 * Looks at the folder of a partition.
 *
 * @throws FileError when it cannot be listed
 */
export function readPartitionFolder(files: Files, path: string): PartitionFolder {
  const names = files
    .list(path)
    .filter(({ kind }) => kind === 'file')
    .map(({ name }) => name)
  const offsets = (suffix: string): readonly number[] =>
    names.flatMap(name => parseSegmentName(name, suffix) ?? [])
  const baseOffsets = new Set([...offsets(logSuffix), ...offsets(sidecarSuffix)])
  const someone = someIdentity(files, path, offsets(sidecarSuffix))
  const segments = [...baseOffsets]
    .sort((a, b) => a - b)
    .map(baseOffset => readSegmentFiles(files, path, baseOffset, someone))
  const checkpoint = textOf(files, `${path}/${leaderEpochCheckpointName}`)
  const leaderEpochCheckpoint =
    checkpoint === null ? null : (parseLeaderEpochCheckpoint(checkpoint) ?? 'damaged')
  const metadata = textOf(files, `${path}/${partitionMetadataName}`)
  const withState = segments.findLast(({ sidecar }) => (sidecar?.state ?? null) !== null)
  return {
    path,
    name: parsePartitionFolderName(path.slice(path.lastIndexOf('/') + 1)),
    topicId: metadata === null ? null : parsePartitionMetadata(metadata),
    sidecarTopicId: topicIdOf(segments),
    segments,
    snapshots: offsets(snapshotSuffix),
    leaderEpochCheckpoint,
    hasSidecars: names.some(name => parseSegmentName(name, sidecarSuffix) !== null),
    state: withState?.sidecar?.state ?? null,
    epochs: epochsOf(segments, leaderEpochCheckpoint)
  }
}

/** Whose the sidecars of a folder are, by the first of them that can say so. */
function someIdentity(
  files: Files,
  folder: string,
  baseOffsets: readonly number[]
): SegmentIdentity | null {
  for (const baseOffset of baseOffsets) {
    const path = segmentPath(folder, baseOffset, sidecarSuffix)
    const identity = readable(() => Sidecar.readIdentity(files, path))
    if (identity !== null && typeof identity === 'object') return identity
  }
  return null
}

/**
 * What a sidecar says, read as that of the segment it calls its own, or if it does not say that any
 * more as one of its folder's.
 */
function readSidecar(
  files: Files,
  path: string,
  baseOffset: number,
  someone: SegmentIdentity | null
): SidecarContents | null {
  return readable(() => {
    if (!files.exists(path)) return null
    const identity = Sidecar.readIdentity(files, path)
    const owner = typeof identity === 'object' ? identity : { ...(someone ?? nobody), baseOffset }
    return Sidecar.read(files, path, owner)
  })
}

const nobody: Omit<SegmentOwner, 'baseOffset'> = {
  clusterId: '',
  topicId: Buffer.alloc(16),
  partition: 0
}

function readSegmentFiles(
  files: Files,
  folder: string,
  baseOffset: number,
  someone: SegmentIdentity | null
): SegmentFiles {
  const sidecarPath = segmentPath(folder, baseOffset, sidecarSuffix)
  const logPath = segmentPath(folder, baseOffset, logSuffix)
  const sidecar = readSidecar(files, sidecarPath, baseOffset, someone)
  const batchTablePath = segmentPath(folder, baseOffset, batchTableSuffix)
  return {
    baseOffset,
    logPath,
    size: sizeOf(files, logPath),
    offsetIndexPath: segmentPath(folder, baseOffset, offsetIndexSuffix),
    timeIndexPath: segmentPath(folder, baseOffset, timeIndexSuffix),
    sidecarPath,
    sidecar,
    batchTablePath,
    batchTable: readTable(files, batchTablePath, { ...(someone ?? nobody), baseOffset }, sidecar)
  }
}

/** Null for a segment that compaction has not written. */
function readTable(
  files: Files,
  path: string,
  owner: SegmentOwner,
  sidecar: SidecarContents | null
): ReadBatchTable | null {
  const identity = sidecar?.identity
  const isSparse = typeof identity === 'object' && identity.isSparse
  const bytes = bytesOf(files, path)
  if (bytes === null && !isSparse) return null
  const key = sealKey(typeof identity === 'object' ? identity : owner)
  return decodeBatchTable(bytes ?? Buffer.alloc(0), owner.baseOffset, key)
}

function topicIdOf(segments: readonly SegmentFiles[]): string | null {
  const ids = new Set<string>()
  for (const { sidecar } of segments) {
    if (typeof sidecar?.identity === 'object') {
      ids.add(sidecar.identity.topicId.toString('base64url'))
    }
  }
  const [id] = ids
  return ids.size === 1 && id !== undefined ? id : null
}

/**
 * The leader epochs that the journals name, and the checkpoint where a journal is damaged: what
 * recovery goes by.
 */
function epochsOf(
  segments: readonly SegmentFiles[],
  checkpoint: PartitionFolder['leaderEpochCheckpoint']
): LeaderEpochs | null {
  const starts: LeaderEpochStart[] = []
  let isCertain = true
  for (const { sidecar } of segments) {
    if (sidecar === null || sidecar.journalDamaged) isCertain = false
    for (const entry of sidecar?.journal ?? []) {
      if (entry.kind === 'leaderEpoch') starts.push(entry)
    }
  }
  if (starts.length === 0 && !isCertain) return null
  if (!isCertain && Array.isArray(checkpoint)) starts.push(...checkpoint)
  starts.sort((a, b) => a.startOffset - b.startOffset || a.leaderEpoch - b.leaderEpoch)
  const epochs = new LeaderEpochs()
  for (const { leaderEpoch, startOffset } of starts) {
    if (leaderEpoch > epochs.latest) epochs.assign(leaderEpoch, startOffset)
  }
  return epochs
}

/** The bytes of a file; null when it is not there or cannot be read. */
export function bytesOf(files: Files, path: string): Buffer | null {
  return readable(() => (files.exists(path) ? readWhole(files, path) : null))
}

/** The text of a small file; null when it is not there or cannot be read. */
export function textOf(files: Files, path: string): string | null {
  return readable(() => readText(files, path))
}

function sizeOf(files: Files, path: string): number | null {
  return files.exists(path) ? fileSize(files, path) : null
}

function readable<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (isFileError(error)) return null
    throw error
  }
}
