import type { Files } from '../../io/files.ts'
import { readText } from '../../storage/local/checkpoint.ts'
import {
  batchTableSuffix,
  cleanShutdownName,
  isDeletedFolderName,
  logSuffix,
  metaPropertiesName,
  offsetIndexSuffix,
  parsePartitionFolderName,
  parseSegmentName,
  parseStrayFolderName,
  sidecarSuffix,
  timeIndexSuffix
} from '../../storage/local/file-names.ts'
import { cleanShutdownText } from '../../storage/local/log-directory-open.ts'
import { parseMetaProperties } from '../../storage/local/meta-properties.ts'
import {
  readPartitionFolder,
  textOf,
  type PartitionFolder,
  type SegmentFiles
} from './partition-folder.ts'

/** What `meta.properties` says, whoever wrote it; null when it is missing or damaged. */
export interface DirectoryIdentity {
  readonly clusterId: string
  readonly nodeId: number
}

/** What a path on the command line turned out to be. */
export interface LogTarget {
  readonly path: string
  readonly kind: 'dataDirectory' | 'partition' | 'segment'
  /** The data directory: the path itself or above it, if it looks like one. */
  readonly directory: string
  readonly identity: DirectoryIdentity | null
  /** What is wrong with `meta.properties`; null when nothing is, or when there is none. */
  readonly identityFault: 'damaged' | 'newer' | null
  /** Whether `meta.properties` is odradek's, sound or not: files of other programs mean less. */
  readonly isOurs: boolean
  /** Whether the last shutdown was in order; false while a broker runs. */
  readonly isClean: boolean
  /** Whether a mark of an orderly shutdown is there that does not count. */
  readonly isMarkDamaged: boolean
  /** Folders of partitions, ascending by name. */
  readonly folders: readonly string[]
  /** Folders that a start has set aside, of partitions that nobody knew. */
  readonly strays: readonly string[]
  /** The one segment that is meant; null for all. */
  readonly baseOffset: number | null
}

/** The path is nothing that can be looked at. */
export class LogTargetError extends Error {
  override readonly name = 'LogTargetError'
}

const segmentSuffixes = [
  logSuffix,
  sidecarSuffix,
  offsetIndexSuffix,
  timeIndexSuffix,
  batchTableSuffix
]

/**
 * Finds out what a path is: a data directory, the folder of a partition, or a file of a segment.
 *
 * @param path absolute
 * @throws LogTargetError when it is none, FileError when it cannot be looked at
 */
export function findTarget(files: Files, path: string): LogTarget {
  if (!files.exists(path)) throw new LogTargetError(`${path} is not there`)
  const slash = path.lastIndexOf('/')
  const parent = path.slice(0, slash)
  const baseOffset = segmentSuffixes
    .map(suffix => parseSegmentName(path.slice(slash + 1), suffix))
    .find(offset => offset !== null)
  if (baseOffset !== undefined && !isFolder(files, path)) {
    const directory = parent.slice(0, parent.lastIndexOf('/'))
    return target(files, {
      path,
      kind: 'segment',
      directory,
      folders: [parent],
      strays: [],
      baseOffset
    })
  }
  if (!isFolder(files, path)) throw new LogTargetError(`${path} is no file of a segment`)
  const entries = files.list(path)
  if (entries.some(({ name }) => isSegmentFile(name))) {
    return target(files, {
      path,
      kind: 'partition',
      directory: parent,
      folders: [path],
      strays: [],
      baseOffset: null
    })
  }
  const folders = entries
    .filter(({ kind, name }) => kind === 'directory' && isPartitionName(name))
    .map(({ name }) => `${path}/${name}`)
  const strays = entries
    .filter(({ kind, name }) => kind === 'directory' && parseStrayFolderName(name) !== null)
    .map(({ name }) => `${path}/${name}`)
  const isDirectory =
    entries.some(({ name }) => name === metaPropertiesName) ||
    folders.some(folder => files.list(folder).some(({ name }) => isSegmentFile(name)))
  if (!isDirectory) {
    throw new LogTargetError(
      `${path} is neither a data directory nor the folder of a partition nor a segment`
    )
  }
  const found = { path, kind: 'dataDirectory', directory: path, folders, strays } as const
  return target(files, { ...found, baseOffset: null })
}

/** The segments of a folder that are meant. */
export function segmentsOf(
  { baseOffset }: LogTarget,
  folder: PartitionFolder
): readonly SegmentFiles[] {
  if (baseOffset === null) return folder.segments
  return folder.segments.filter(segment => segment.baseOffset === baseOffset)
}

/** The folders of a target, one after the other. */
export function* foldersOf(files: Files, { folders }: LogTarget): Generator<PartitionFolder> {
  for (const path of folders) yield readPartitionFolder(files, path)
}

function target(
  files: Files,
  found: Pick<LogTarget, 'path' | 'kind' | 'directory' | 'folders' | 'strays' | 'baseOffset'>
): LogTarget {
  const text = readText(files, `${found.directory}/${metaPropertiesName}`)
  const meta = text === null ? null : parseMetaProperties(text)
  const identityFault = meta === 'damaged' || meta === 'newer' ? meta : null
  const isOurs = meta !== null && meta !== 'foreign'
  const mark = textOf(files, `${found.directory}/${cleanShutdownName}`)
  // Kafka's own says more, and counts whatever it says.
  const isClean = isOurs ? mark === cleanShutdownText : mark !== null
  return {
    ...found,
    isOurs,
    identity: meta === 'foreign' ? foreignIdentity(text!) : typeof meta === 'object' ? meta : null,
    identityFault,
    isClean,
    isMarkDamaged: mark !== null && !isClean
  }
}

/** Apache Kafka's own file has no checksum. */
function foreignIdentity(text: string): DirectoryIdentity | null {
  const clusterId = /^cluster\.id=(.*)$/m.exec(text)?.[1]
  const nodeId = /^(?:node|broker)\.id=(\d+)$/m.exec(text)?.[1]
  if (clusterId === undefined || nodeId === undefined) return null
  return { clusterId, nodeId: Number(nodeId) }
}

function isSegmentFile(name: string): boolean {
  return segmentSuffixes.some(suffix => parseSegmentName(name, suffix) !== null)
}

function isPartitionName(name: string): boolean {
  return parsePartitionFolderName(name) !== null && !isDeletedFolderName(name)
}

function isFolder(files: Files, path: string): boolean {
  const slash = path.lastIndexOf('/')
  const entries = files.list(path.slice(0, slash) || '/')
  return entries.some(({ name, kind }) => name === path.slice(slash + 1) && kind === 'directory')
}
