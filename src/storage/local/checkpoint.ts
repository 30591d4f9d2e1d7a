import { readWhole, type Files } from '../../io/files.ts'
import { crc32c } from '../../record/crc32c.ts'
import type { LeaderEpochStart } from '../partition-log.ts'
import { temporarySuffix, type TopicPartition } from './file-names.ts'

// The small text files of a log directory, in Kafka's format (`CheckpointFile`): a version, the
// number of entries, and one entry a line. Kafka's have no checksum, so none of them is the only
// place of what it says; ours has one behind.

const checkpointVersion = 0

export interface OffsetCheckpoint extends TopicPartition {
  readonly offset: number
}

export function formatOffsetCheckpoint(entries: readonly OffsetCheckpoint[]): string {
  return formatLines(entries.map(entry => `${entry.topic} ${entry.partition} ${entry.offset}`))
}

/**
 * Null when the text is not a checkpoint file, whole and undamaged as far as its format can tell.
 */
export function parseOffsetCheckpoint(text: string): readonly OffsetCheckpoint[] | null {
  return parseLines(text, /^(\S+) (\d{1,10}) (\d{1,16})$/, match => ({
    topic: match[1]!,
    partition: Number(match[2]),
    offset: Number(match[3])
  }))
}

export function formatLeaderEpochCheckpoint(epochs: readonly LeaderEpochStart[]): string {
  return formatLines(epochs.map(epoch => `${epoch.leaderEpoch} ${epoch.startOffset}`))
}

/** Null when the text is not a checkpoint file. */
export function parseLeaderEpochCheckpoint(text: string): readonly LeaderEpochStart[] | null {
  return parseLines(text, /^(\d{1,10}) (\d{1,16})$/, match => ({
    leaderEpoch: Number(match[1]),
    startOffset: Number(match[2])
  }))
}

/** Stands before the checksum of a text, at its end. */
const checksumKey = 'crc32c='

/** The CRC-32C of a text, 8 hexadecimal digits. */
export function textChecksum(text: string): string {
  const bytes = Buffer.from(text)
  return crc32c(bytes, 0, bytes.length).toString(16).padStart(8, '0')
}

/** When a sealed segment was last looked at by the scrub; ours, in the form of Kafka's. */
export interface ScrubCheckpoint extends TopicPartition {
  readonly baseOffset: number
  /** Wall time, ms. */
  readonly scrubbedMs: number
}

export function formatScrubCheckpoint(entries: readonly ScrubCheckpoint[]): string {
  const text = formatLines(
    entries.map(each => `${each.topic} ${each.partition} ${each.baseOffset} ${each.scrubbedMs}`)
  )
  return `${text}${checksumKey}${textChecksum(text)}\n`
}

/** Null when the text is not such a file, or not as it was written. */
export function parseScrubCheckpoint(text: string): readonly ScrubCheckpoint[] | null {
  const checked = text.slice(0, Math.max(text.lastIndexOf(checksumKey), 0))
  if (text !== `${checked}${checksumKey}${textChecksum(checked)}\n`) return null
  return parseLines(checked, /^(\S+) (\d{1,10}) (\d{1,16}) (\d{1,16})$/, match => ({
    topic: match[1]!,
    partition: Number(match[2]),
    baseOffset: Number(match[3]),
    scrubbedMs: Number(match[4])
  }))
}

/** The `partition.metadata` of Kafka (`PartitionMetadata.encode`). */
export function formatPartitionMetadata(topicId: string): string {
  return `version: 0\ntopic_id: ${topicId}`
}

/** The topic id in a `partition.metadata`; null when it is not one. */
export function parsePartitionMetadata(text: string): string | null {
  return /^version: 0\ntopic_id: ([\w-]{22})\s*$/.exec(text)?.[1] ?? null
}

/**
 * The content of a small text file; null when it is not there.
 *
 * @throws FileError when it is there and cannot be read
 */
export function readText(files: Files, path: string): string | null {
  return files.exists(path) ? readWhole(files, path).toString('utf8') : null
}

/**
 * Writes a file that can be made again when it is lost or half written: at once, without a sync.
 */
export function writeDerivedText(files: Files, path: string, text: string): void {
  const file = files.open(path, 'create')
  try {
    const bytes = Buffer.from(text)
    file.writeSync([bytes], 0)
    if (file.size() > bytes.length) file.truncate(bytes.length)
  } finally {
    file.close()
  }
}

/**
 * Replaces the content of a file, durably when the promise resolves: temporary file, sync, rename,
 * sync of the folder. A crash leaves the old content or the new.
 */
export function replaceText(files: Files, path: string, text: string): Promise<void> {
  return replaceFile(files, path, Buffer.from(text))
}

/** The same for bytes. */
export async function replaceFile(files: Files, path: string, bytes: Buffer): Promise<void> {
  const file = files.open(path + temporarySuffix, 'create')
  try {
    file.truncate(0)
    file.writeSync([bytes], 0)
    await file.datasync()
  } finally {
    file.close()
  }
  files.rename(path + temporarySuffix, path)
  await files.syncDirectory(path.slice(0, path.lastIndexOf('/')))
}

function formatLines(lines: readonly string[]): string {
  return `${[checkpointVersion, lines.length, ...lines].join('\n')}\n`
}

function parseLines<T>(
  text: string,
  pattern: RegExp,
  entry: (match: RegExpExecArray) => T
): readonly T[] | null {
  const lines = text.split('\n')
  if (lines[0] !== String(checkpointVersion) || lines.pop() !== '') return null
  if (lines[1] !== String(lines.length - 2)) return null
  const entries: T[] = []
  for (const line of lines.slice(2)) {
    const match = pattern.exec(line)
    if (match === null) return null
    entries.push(entry(match))
  }
  return entries
}
