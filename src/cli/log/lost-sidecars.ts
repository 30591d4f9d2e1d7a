import { clusterMetadataTopic } from '../../cluster/topic-name.ts'
import type { Files } from '../../io/files.ts'
import { memoryFiles } from '../../io/memory-files.ts'
import { noPartitionLeaderEpoch, baseOffset, partitionLeaderEpoch } from '../../record/batch.ts'
import { decodeBatchTable } from '../../storage/local/batch-table.ts'
import { parseOffsetCheckpoint } from '../../storage/local/checkpoint.ts'
import { logStartCheckpointName } from '../../storage/local/file-names.ts'
import { epochEntries, LeaderEpochs } from '../../storage/local/leader-epochs.ts'
import {
  encodeSidecar,
  sealKey,
  type LogState,
  type SegmentIdentity
} from '../../storage/local/sidecar-format.ts'
import { ClaimedEpochs } from './claimed-epochs.ts'
import { LogTargetError, type LogTarget } from './log-target.ts'
import { bytesOf, textOf, type PartitionFolder, type SegmentFiles } from './partition-folder.ts'
import { readOnlyFiles } from './read-only-files.ts'
import { nextBaseOffset, scanSegment } from './segment-scan.ts'
import { topicIdIn } from './metadata-topics.ts'

// A partition whose sidecars are gone: copied without them, or lost. A start would write them anew,
// too, but nothing tells it what was promised: it would take a damaged batch for a torn tail, and
// cut everything off behind it. A repair takes all that is in the files for promised.

/** A sidecar that is missing, as it is to be. */
export interface LostSidecar {
  readonly baseOffset: number
  readonly path: string
  readonly bytes: Buffer
}

/**
 * The sidecars that a partition of a data directory of ours has lost. What they say follows from
 * the batches, from Kafka's checkpoints and from the sidecars that are left.
 *
 * @param createdMs when the segments are said to be made, wall time
 * @throws LogTargetError when the folder is none of odradek's
 */
export function lostSidecars(
  files: Files,
  target: LogTarget,
  folder: PartitionFolder,
  createdMs: number
): readonly LostSidecar[] {
  if (folder.segments.every(({ sidecar }) => sidecar !== null)) return []
  const owner = {
    clusterId: target.identity!.clusterId,
    topicId: Buffer.from(topicIdOf(files, target, folder), 'base64url'),
    partition: folder.name!.partition
  }
  const segments = folder.segments.map(segment => withTable(files, segment, owner))
  const whole = { ...folder, segments, epochs: epochsOf(files, { ...folder, segments }) }
  const state = stateOf(files, target, whole)
  return segments
    .filter(({ sidecar }) => sidecar === null)
    .map(segment => {
      const isSparse = segment.batchTable !== null
      const identity: SegmentIdentity = {
        ...owner,
        baseOffset: segment.baseOffset,
        createdMs,
        isSparse
      }
      return sidecarOf(segment, identity, state, whole)
    })
}

/** The same files, with sidecars that are not written yet. */
export function withSidecars(files: Files, sidecars: readonly LostSidecar[]): Files {
  const added = memoryFiles()
  const paths = new Set(sidecars.map(({ path }) => path))
  for (const { path, bytes } of sidecars) {
    added.makeDirectory(path.slice(0, path.lastIndexOf('/')))
    const file = added.open(path, 'create')
    file.writeSync([bytes], 0)
    file.close()
  }
  return {
    ...readOnlyFiles(files),
    open: (path, mode) => (paths.has(path) ? added : files).open(path, mode),
    exists: path => paths.has(path) || files.exists(path),
    list: path => [
      ...files.list(path),
      ...(added.exists(path) ? added.list(path) : []).filter(({ kind }) => kind === 'file')
    ]
  }
}

/**
 * The topic that the folder belongs to: by the sidecars that are left, or else by the metadata log.
 * `partition.metadata` has no checksum, but a folder that names another topic is one of those that
 * a start sets aside.
 */
function topicIdOf(files: Files, target: LogTarget, folder: PartitionFolder): string {
  if (folder.sidecarTopicId !== null) return folder.sidecarTopicId
  const { topic } = folder.name!
  const hasMetadata = files.exists(`${target.directory}/${clusterMetadataTopic}-0`)
  const known = hasMetadata ? topicIdIn(files, target.directory, topic) : folder.topicId
  if (known === null) {
    throw new LogTargetError(
      `${folder.path} has no sidecars, and ${target.directory} knows no topic ${topic}: create ` +
        'it, and take the folder over from another place with odradek log import'
    )
  }
  if (folder.topicId === null || folder.topicId === known) return known
  throw new LogTargetError(
    `${folder.path} belongs to a topic with the id ${folder.topicId}, and ${topic} has the id ` +
      `${known}: move the folder out of the data directory, and take it over with odradek log ` +
      'import'
  )
}

function withTable(
  files: Files,
  segment: SegmentFiles,
  owner: Omit<SegmentIdentity, 'baseOffset' | 'createdMs' | 'isSparse'>
): SegmentFiles {
  const { baseOffset: first, batchTablePath, sidecar } = segment
  if (sidecar !== null || segment.batchTable === null) return segment
  const bytes = bytesOf(files, batchTablePath) ?? Buffer.alloc(0)
  const key = sealKey({ ...owner, baseOffset: first })
  return { ...segment, batchTable: decodeBatchTable(bytes, first, key) }
}

/** By the checkpoint, and behind it by what the batches agree on. */
function epochsOf(files: Files, folder: PartitionFolder): LeaderEpochs {
  const { leaderEpochCheckpoint, epochs: left } = folder
  const claimed = new ClaimedEpochs()
  for (const segment of folder.segments) {
    const loose = { ...folder, hasSidecars: false, epochs: null }
    scanSegment(files, loose, segment, (buffer, at) => {
      const leaderEpoch = partitionLeaderEpoch(buffer, at)
      if (leaderEpoch !== noPartitionLeaderEpoch) claimed.add(leaderEpoch, baseOffset(buffer, at))
    })
  }
  const known = Array.isArray(leaderEpochCheckpoint) ? leaderEpochCheckpoint : (left?.starts ?? [])
  const epochs = new LeaderEpochs()
  for (const { leaderEpoch, startOffset } of [...known, ...claimed.believed()]) {
    if (leaderEpoch > epochs.latest) epochs.assign(leaderEpoch, startOffset)
  }
  return epochs
}

/** Everything in the files counts as promised. */
function stateOf(
  files: Files,
  target: LogTarget,
  folder: PartitionFolder
): Omit<LogState, 'sequence'> {
  const firstOffset = folder.segments[0]?.baseOffset ?? 0
  let end = { offset: firstOffset, position: 0 }
  for (const segment of folder.segments) {
    const strict = scanSegment(files, { ...folder, hasSidecars: true }, segment, () => {})
    const hasGaps = strict.damage.some(({ fault }) => fault === 'BASE_OFFSET')
    if (hasGaps && segment.batchTable === null) refuseGaps(files, folder, segment)
    const last = strict.damage.at(-1)
    const position = last?.toPosition === strict.size ? last.fromPosition : strict.size
    end = { offset: strict.endOffset, position }
  }
  const noted = folder.state
  return {
    logStartOffset:
      noted?.logStartOffset ?? Math.max(firstOffset, noteOfStart(files, target, folder)),
    durableEndOffset: Math.max(noted?.durableEndOffset ?? 0, end.offset),
    durablePosition: (noted?.durableEndOffset ?? 0) > end.offset ? 0 : end.position
  }
}

/** Offsets that are left out while every batch is sound are no damage, but compaction. */
function refuseGaps(files: Files, folder: PartitionFolder, segment: SegmentFiles): void {
  const loose = scanSegment(files, { ...folder, hasSidecars: false }, segment, () => {})
  if (loose.damage.length > 0) return
  throw new LogTargetError(
    `${segment.logPath} leaves offsets out: compaction has written it, and without its sidecar ` +
      'and table nothing says which batches there were. Move the folder out of the data ' +
      'directory, and take it over with odradek log import'
  )
}

/** After an orderly shutdown; 0 where nothing is noted. */
function noteOfStart(files: Files, target: LogTarget, { name }: PartitionFolder): number {
  if (!target.isClean) return 0
  const text = textOf(files, `${target.directory}/${logStartCheckpointName}`)
  const entries = parseOffsetCheckpoint(text ?? '') ?? []
  const entry = entries.find(
    ({ topic, partition }) => topic === name?.topic && partition === name.partition
  )
  return entry?.offset ?? 0
}

function sidecarOf(
  segment: SegmentFiles,
  identity: SegmentIdentity,
  state: Omit<LogState, 'sequence'>,
  folder: PartitionFolder
): LostSidecar {
  const next = nextBaseOffset(folder, segment)
  const isLast = next === Infinity
  const entries = epochEntries(folder.epochs ?? { starts: [] }, segment.baseOffset, next)
  const durablePosition = isLast ? state.durablePosition : 0
  const pieces = encodeSidecar(identity, { ...state, sequence: 0, durablePosition }, entries)
  return {
    baseOffset: segment.baseOffset,
    path: segment.sidecarPath,
    bytes: Buffer.concat(pieces)
  }
}
