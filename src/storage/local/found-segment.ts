import type { DirectoryEntry } from '../../io/files.ts'
import {
  cleanedSuffix,
  deletedSuffix,
  logSuffix,
  parseSegmentName,
  segmentPath,
  segmentSuffixes,
  sidecarSuffix,
  temporarySuffix
} from './file-names.ts'
import type { LogContext, LogName } from './log-context.ts'
import { LogDirectoryError } from './log-directory-error.ts'
import { segmentIdentity } from './log-folder.ts'
import { damagedParts, Sidecar, type SidecarContents } from './sidecar.ts'
import type { LogState, SegmentIdentity } from './sidecar-format.ts'

/** Of what an earlier life was about to remove, or had not finished. */
const leftoverSuffixes = [deletedSuffix, temporarySuffix, cleanedSuffix]

/** One segment as it was found on disk. */
export interface FoundSegment {
  readonly baseOffset: number
  /** Of the `.log`; 0 when there is none. */
  readonly fileSize: number
  /** Null when there is no sidecar. */
  readonly contents: SidecarContents | null
}

/**
 * The segments among the entries of a partition's folder, ascending; leftovers of an earlier life
 * are removed.
 *
 * @throws LogDirectoryError when one is another partition's, or a newer version's
 * @throws FileError when something cannot be read
 */
export function findSegments(
  context: LogContext,
  folder: string,
  name: LogName,
  entries: readonly DirectoryEntry[]
): readonly FoundSegment[] {
  const { files } = context
  const baseOffsets = new Set<number>()
  const paths = new Set<string>()
  for (const entry of entries) {
    if (entry.kind !== 'file') continue
    if (leftoverSuffixes.some(suffix => entry.name.endsWith(suffix))) {
      files.remove(`${folder}/${entry.name}`)
      continue
    }
    paths.add(`${folder}/${entry.name}`)
    const baseOffset =
      parseSegmentName(entry.name, logSuffix) ?? parseSegmentName(entry.name, sidecarSuffix)
    if (baseOffset !== null) baseOffsets.add(baseOffset)
  }
  const ascending = [...baseOffsets].sort((a, b) => a - b)
  return ascending.map(baseOffset =>
    look(context, folder, segmentIdentity(context, name, baseOffset), paths)
  )
}

/**
 * What the log last noted, as far as it can be read: notes of a segment follow all those before.
 */
export function newestState(found: readonly FoundSegment[]): LogState | null {
  const last = found.findLast(each => stateOf(each) !== null)
  return last === undefined ? null : stateOf(last)
}

/**
 * Whether what the log last noted can be read, and nothing hides a newer note: then the copies in
 * checkpoint files, which have no checksum, are not asked.
 */
export function isStateSure(found: readonly FoundSegment[]): boolean {
  const contents = found.at(-1)?.contents ?? null
  return contents !== null && contents.state !== null && !contents.stateDamaged
}

/**
 * Removes segments below the log start offset, which a crash kept from being removed, or undid. The
 * note of that offset may be in the page cache only, and goes to the disk before.
 *
 * @returns the others
 * @throws FileError when the system refuses
 */
export async function dropBelowStart(
  context: LogContext,
  folder: string,
  found: readonly FoundSegment[],
  { logStartOffset, isClean }: { readonly logStartOffset: number; readonly isClean: boolean }
): Promise<readonly FoundSegment[]> {
  const kept = found.findLastIndex(({ baseOffset }) => baseOffset <= logStartOffset)
  if (kept <= 0) return found
  if (!isClean) await syncNewestState(context, folder, found)
  for (const { baseOffset } of found.slice(0, kept)) removeSegment(context, folder, baseOffset)
  return found.slice(kept)
}

/**
 * Removes all files of a segment that is not open.
 *
 * @throws FileError when the system refuses
 */
export function removeSegment(
  { files }: Pick<LogContext, 'files'>,
  folder: string,
  baseOffset: number
): void {
  for (const suffix of segmentSuffixes) {
    const path = segmentPath(folder, baseOffset, suffix)
    if (files.exists(path)) files.remove(path)
  }
}

/**
 * Takes what the log last noted to the disk. It is written again first: a sync that failed in an
 * earlier life may have left it in the page cache alone.
 *
 * @throws FileError when the system refuses
 */
async function syncNewestState(
  { files, durability }: LogContext,
  folder: string,
  found: readonly FoundSegment[]
): Promise<void> {
  const newest = found.findLast(each => stateOf(each) !== null)
  if (newest === undefined || durability === 'memory') return
  const file = files.open(segmentPath(folder, newest.baseOffset, sidecarSuffix), 'readWrite')
  try {
    const bytes = Buffer.alloc(file.size())
    file.writeSync([bytes.subarray(0, file.readSync(bytes, 0))], 0)
    await file.datasync()
  } finally {
    file.close()
  }
  await files.syncDirectory(folder)
}

function stateOf(found: FoundSegment): LogState | null {
  return found.contents?.state ?? null
}

function look(
  context: LogContext,
  folder: string,
  expected: SegmentIdentity,
  paths: ReadonlySet<string>
): FoundSegment {
  const { files } = context
  const { baseOffset } = expected
  const logPath = segmentPath(folder, baseOffset, logSuffix)
  const sidecarPath = segmentPath(folder, baseOffset, sidecarSuffix)
  let fileSize = 0
  if (paths.has(logPath)) {
    const file = files.open(logPath, 'read')
    fileSize = file.size()
    file.close()
  }
  const contents = paths.has(sidecarPath) ? Sidecar.read(files, sidecarPath, expected) : null
  if (contents !== null) {
    checkIdentity(sidecarPath, expected, contents)
    reportDamage(context, sidecarPath, contents)
  }
  return { baseOffset, fileSize, contents }
}

/** Tells of parts that do not hold, which recovery does without and writes anew. */
function reportDamage({ logger }: LogContext, path: string, contents: SidecarContents): void {
  const parts = damagedParts(contents)
  if (parts.length > 0) logger.warn('a part of a sidecar is torn or damaged', { path, parts })
}

function checkIdentity(path: string, expected: SegmentIdentity, contents: SidecarContents): void {
  const { identity } = contents
  if (identity === 'damaged') return
  if (identity === 'newer') {
    throw new LogDirectoryError(
      'NEWER_FORMAT',
      `${path} was written by a newer version of odradek; start that version`
    )
  }
  const isOurs =
    identity.clusterId === expected.clusterId &&
    identity.topicId.equals(expected.topicId) &&
    identity.partition === expected.partition &&
    identity.baseOffset === expected.baseOffset
  if (isOurs) return
  throw new LogDirectoryError(
    'FOREIGN',
    `${path} belongs to partition ${identity.partition} of topic id ` +
      `${identity.topicId.toString('base64url')} of cluster ${identity.clusterId}, offset ` +
      `${identity.baseOffset}; move the segment to where it belongs and start again`
  )
}
