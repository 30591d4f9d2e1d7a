import type { Files } from '../../io/files.ts'
import {
  formatOffsetCheckpoint,
  parseOffsetCheckpoint,
  parseScrubCheckpoint
} from '../../storage/local/checkpoint.ts'
import {
  cleanShutdownName,
  isDeletedFolderName,
  logStartCheckpointName,
  lostAndFoundName,
  metaPropertiesName,
  parseStrayFolderName,
  parsePartitionFolderName,
  partitionFolderName,
  recoveryPointCheckpointName,
  scrubCheckpointName
} from '../../storage/local/file-names.ts'
import type { LogBounds } from '../../storage/local/offset-checkpoints.ts'
import { savedBytesHold, savedLinesHold } from '../../storage/local/saved-bytes.ts'
import { fileFinding, type Finding } from './findings.ts'
import type { LogTarget } from './log-target.ts'
import { bytesOf, textOf } from './partition-folder.ts'

type Report = (finding: Finding) => void

/**
 * Checks what belongs to a data directory and to none of its partitions.
 *
 * @param noted what the partitions note, by folder; null for what is not sure
 */
export function verifyDirectory(
  files: Files,
  target: LogTarget,
  noted: ReadonlyMap<string, LogBounds | null>,
  report: Report
): void {
  const { directory, identityFault, isMarkDamaged } = target
  if (identityFault !== null) {
    const meaning =
      identityFault === 'damaged'
        ? 'its checksum does not hold, and the broker does not start: restore it from a backup'
        : 'a newer version of odradek wrote it'
    const file = `${directory}/${metaPropertiesName}`
    report(fileFinding('damage', file, identityFault.toUpperCase(), meaning))
  }
  if (isMarkDamaged) {
    const meaning = 'it does not count: the next start checks everything as after a crash'
    report(fileFinding('derived', `${directory}/${cleanShutdownName}`, 'CLEAN_SHUTDOWN', meaning))
  }
  verifyCheckpoint(files, target, logStartCheckpointName, report, folder => {
    return noted.get(folder)?.logStartOffset ?? null
  })
  verifyCheckpoint(files, target, recoveryPointCheckpointName, report, folder => {
    return noted.get(folder)?.logEndOffset ?? null
  })
  const scrubs = textOf(files, `${directory}/${scrubCheckpointName}`)
  if (scrubs !== null && parseScrubCheckpoint(scrubs) === null) {
    const meaning = 'its checksum does not hold: the scrub looks at everything again'
    report(fileFinding('derived', `${directory}/${scrubCheckpointName}`, 'CHECKPOINT', meaning))
  }
  verifyLostAndFound(files, `${directory}/${lostAndFoundName}`, report)
  if (target.isOurs) reportStrangers(files, directory, report)
}

/** @param expected what a partition notes itself; null when that is not sure */
function verifyCheckpoint(
  files: Files,
  target: LogTarget,
  name: string,
  report: Report,
  expected: (folder: string) => number | null
): void {
  const { directory, isOurs, isClean } = target
  const file = `${directory}/${name}`
  const text = textOf(files, file)
  if (text === null) return
  if (isOurs && !isClean) {
    report(fileFinding('note', file, 'LEFTOVER', 'nobody reads it, and the next start removes it'))
    return
  }
  const entries = parseOffsetCheckpoint(text)
  if (entries === null || (isOurs && formatOffsetCheckpoint(entries) !== text)) {
    const meaning = 'it is no checkpoint: the broker goes without it'
    report(fileFinding('derived', file, 'CHECKPOINT', meaning))
    return
  }
  const there = new Set(target.folders.map(path => path.slice(path.lastIndexOf('/') + 1)))
  const named = new Set<string>()
  for (const entry of entries) {
    const folder = partitionFolderName(entry)
    named.add(folder)
    const found = expected(folder)
    if (!there.has(folder) && entry.offset > 0) {
      report(fileFinding('note', file, 'NO_FOLDER', `it names ${folder}, which has no folder`))
    } else if (isOurs && found !== null && found !== entry.offset) {
      const meaning = `it says ${entry.offset} of ${folder}, and the log ${found}, which counts`
      report(fileFinding('derived', file, 'CHECKPOINT', meaning))
    }
  }
  for (const folder of there) {
    if (!isOurs || named.has(folder) || expected(folder) === null) continue
    report(fileFinding('derived', file, 'CHECKPOINT', `it does not name ${folder}`))
  }
}

/** What recovery has cut off and repairs have taken out, kept for people. */
function verifyLostAndFound(files: Files, folder: string, report: Report): void {
  if (!files.exists(folder)) return
  for (const { name, kind } of files.list(folder)) {
    if (kind !== 'file') continue
    const path = `${folder}/${name}`
    const bytes = bytesOf(files, path) ?? Buffer.alloc(0)
    const holds = name.endsWith('.jsonl') ? savedLinesHold(bytes) : savedBytesHold(name, bytes)
    if (holds === true) continue
    if (holds === null) report(fileFinding('note', path, 'UNKNOWN', 'it has no checksum'))
    else report(fileFinding('damage', path, 'SAVED', 'these are not the bytes that were kept here'))
  }
}

const ownNames: ReadonlySet<string> = new Set([
  cleanShutdownName,
  logStartCheckpointName,
  recoveryPointCheckpointName,
  metaPropertiesName,
  scrubCheckpointName,
  lostAndFoundName,
  'lost+found',
  '.DS_Store',
  '.lock'
])

function reportStrangers(files: Files, directory: string, report: Report): void {
  for (const { name } of files.list(directory)) {
    const path = `${directory}/${name}`
    if (ownNames.has(name) || parsePartitionFolderName(name) !== null) continue
    if (isDeletedFolderName(name)) {
      const meaning =
        'of a deleted partition or an import that was ended; the next start removes it'
      report(fileFinding('note', path, 'LEFTOVER', meaning))
    } else if (parseStrayFolderName(name) !== null) {
      const meaning = 'no topic owns it, and no start removes it: look at it, and remove it'
      report(fileFinding('note', path, 'STRAY', meaning))
    } else report(fileFinding('note', path, 'UNKNOWN', 'it is no file of odradek’s'))
  }
}
