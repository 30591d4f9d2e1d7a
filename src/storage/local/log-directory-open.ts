import type { DirectoryLock, Files } from '../../io/files.ts'
import { readText } from './checkpoint.ts'
import { cleanShutdownName, metaPropertiesName, temporarySuffix } from './file-names.ts'
import { LogDirectoryError } from './log-directory-error.ts'
import { parseMetaProperties, type MetaProperties } from './meta-properties.ts'
import { isFileError } from './read-steps.ts'

/**
 * What a directory may hold that was never used: things of the file system, and of our first step.
 */
const unusedNames: ReadonlySet<string> = new Set([
  'lost+found',
  '.DS_Store',
  '.lock',
  metaPropertiesName + temporarySuffix
])

export interface LockedDirectory {
  readonly lock: DirectoryLock
  /** Null for a directory that was never used. */
  readonly meta: MetaProperties | null
  readonly cleanStart: boolean
  /** Whether a mark of a clean shutdown is there that nobody wrote so: it does not count. */
  readonly isMarkDamaged: boolean
}

/** What the mark of a clean shutdown holds, in Kafka's form (`CleanShutdownFileHandler`). */
export const cleanShutdownText = '{"version":0}\n'

/**
 * Makes sure that a folder is ours to use: it can be read, nobody else uses it, and what is in it
 * was written by us. The mark of a clean shutdown is taken away, durably, before anybody relies on
 * anything: a crash from here on is one.
 *
 * @throws LogDirectoryError saying what is wrong and what to do
 */
export async function lockDirectory(files: Files, path: string): Promise<LockedDirectory> {
  const isEmpty = await prepareFolder(files, path)
  const lock = attempt(path, () => files.lock(path))
  if (!lock.taken) {
    throw new LogDirectoryError(
      'LOCKED',
      `data directory ${path} is in use by ${lock.holder}; ` +
        'stop that one, or choose another directory'
    )
  }
  try {
    const meta = readMeta(files, path, isEmpty)
    const marker = `${path}/${cleanShutdownName}`
    const mark = readMark(files, marker)
    const cleanStart = meta === null || mark === cleanShutdownText
    const isMarkDamaged = mark !== null && mark !== cleanShutdownText
    if (files.exists(marker)) files.remove(marker)
    // Also when it is not there: who removed it may have been killed before that was durable.
    if (meta !== null) await files.syncDirectory(path)
    return { lock, meta, cleanStart, isMarkDamaged }
  } catch (error) {
    lock.release()
    throw isFileError(error) ? unreadable(path, error.message) : error
  }
}

/** Null when there is none; empty when the disk does not give it back. */
function readMark(files: Files, path: string): string | null {
  try {
    return readText(files, path)
  } catch (error) {
    if (isFileError(error)) return ''
    throw error
  }
}

/**
 * Makes the folder when it is missing, durably; says whether nothing is in it. Done before locking,
 * which may leave a file.
 */
async function prepareFolder(files: Files, path: string): Promise<boolean> {
  try {
    const missing: string[] = []
    for (let above = path; above !== '' && !files.exists(above); above = parentOf(above)) {
      missing.push(above)
    }
    files.makeDirectory(path)
    if (!files.exists(`${path}/${metaPropertiesName}`)) await syncNames(files, path, missing)
    return files.list(path).every(({ name }) => unusedNames.has(name))
  } catch (error) {
    if (!isFileError(error)) throw error
    if (error.code === 'ENOTDIR' || error.code === 'EEXIST') {
      throw new LogDirectoryError(
        'NOT_A_DIRECTORY',
        `data directory ${path} is not a directory; move the file away, or choose another path`
      )
    }
    throw unreadable(path, error.message)
  }
}

/**
 * Makes the name of a new directory durable, and those of the folders above it: who made them may
 * have been killed before they were. What was not made just now may be closed to us, or of a file
 * system that syncs no folders; whoever made that will have seen to it. A disk that fails is no
 * place to begin on.
 */
async function syncNames(files: Files, path: string, made: readonly string[]): Promise<void> {
  const syncs: Promise<void>[] = []
  for (let name = path; name !== ''; name = parentOf(name)) syncs.push(syncName(name))
  await Promise.all(syncs)

  async function syncName(name: string): Promise<void> {
    try {
      await files.syncDirectory(parentOf(name) || '/')
    } catch (error) {
      if (!isFileError(error) || error.code === 'EIO' || made.includes(name)) throw error
    }
  }
}

/** Empty for what is right below the root. */
function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

function readMeta(files: Files, path: string, isEmpty: boolean): MetaProperties | null {
  const file = `${path}/${metaPropertiesName}`
  const text = readText(files, file)
  if (text === null) {
    if (isEmpty) return null
    throw new LogDirectoryError(
      'FOREIGN',
      `data directory ${path} is not empty and has no ${metaPropertiesName}: ` +
        'is the volume mounted? choose an empty directory, or restore the file'
    )
  }
  const meta = parseMetaProperties(text)
  switch (meta) {
    case 'foreign':
      throw new LogDirectoryError(
        'FOREIGN',
        `data directory ${path} belongs to another program (${file}); choose another directory`
      )
    case 'newer':
      throw new LogDirectoryError(
        'NEWER_FORMAT',
        `data directory ${path} was written by a newer version of odradek; start that version`
      )
    case 'damaged':
      throw new LogDirectoryError(
        'UNREADABLE',
        `${file} is damaged: its checksum does not match; restore it from a backup`
      )
    default:
      return meta
  }
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw isFileError(error) ? unreadable(path, error.message) : error
  }
}

function unreadable(path: string, reason: string): LogDirectoryError {
  return new LogDirectoryError(
    'UNREADABLE',
    `data directory ${path} cannot be used: ${reason}; check its owner, permissions and disk`
  )
}
