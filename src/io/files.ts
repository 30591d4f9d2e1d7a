import { assert } from '../base/assert.ts'

/**
 * The file system as the broker sees it, and the only way to it. Paths are absolute and joined with
 * `/`. `node-files.ts` is the real one, `memory-files.ts` lives in RAM; `test/contract/files.ts`
 * holds them to one contract.
 *
 * Writes at a position go to the page cache at once (`writeSync`: far cheaper than any asynchronous
 * form); what must survive power loss waits for `datasync`. A new or renamed or removed name is
 * durable only after `syncDirectory` of its folder.
 *
 * Every operation throws `FileError` when the system refuses.
 */
export interface Files {
  /** Files and sockets that the process may have open at once; undefined where nobody says. */
  readonly descriptorsMax?: number | undefined
  /**
   * Opens an existing file. `create` makes it if it is missing; `exclusive` refuses if it exists.
   */
  open(path: string, mode: OpenMode): OpenFile
  exists(path: string): boolean
  /** Makes the folder and its missing parents; a folder that exists is fine. */
  makeDirectory(path: string): void
  /** The entries of a folder, sorted by the code units of their names. */
  list(path: string): readonly DirectoryEntry[]
  /** Gives a file or folder another name, in one step; a file that had the name is replaced. */
  rename(from: string, to: string): void
  /** Removes a file. Those who have it open can go on reading and writing it. */
  remove(path: string): void
  /** The same through the thread pool: the system takes its time to free a large file. */
  removeLater(path: string): Promise<void>
  /** Removes a folder and all it holds. */
  removeDirectory(path: string): void
  syncDirectory(path: string): Promise<void>
  /** Bytes that may still be written on the file system of `path`. */
  freeSize(path: string): number
  /** Bytes that the file system of `path` holds in all, free or not. */
  volumeSize(path: string): number
  /**
   * Takes the one lock of an existing folder, or tells who has it: another process, or another
   * broker of this one. The lock ends with the process, however that ends; a stopped process keeps
   * it.
   */
  lock(path: string): DirectoryLock | LockHolder
}

export type OpenMode = 'read' | 'readWrite' | 'create' | 'exclusive'

export interface DirectoryEntry {
  readonly name: string
  readonly kind: 'file' | 'directory' | 'other'
}

export interface DirectoryLock {
  readonly taken: true
  /** Lets the next one in; harmless when it has happened. */
  release(): void
}

export interface LockHolder {
  readonly taken: false
  /**
   * Who has the lock and since when, for people: `process 4711 on thor since
   * 2026-11-22T13:20:00.000Z`.
   */
  readonly holder: string
}

export interface OpenFile {
  readonly path: string
  size(): number
  /**
   * Writes all of `pieces`, one after the other, from `position` on; a gap before it reads as
   * zeros. When it throws, a part of them may be in the file.
   */
  writeSync(pieces: readonly Uint8Array[], position: number): void
  /** The same through the thread pool, for a disk that is slow just now. */
  write(pieces: readonly Uint8Array[], position: number): Promise<void>
  /**
   * Fills `target` from `position` on; the number of bytes read is less than its length only at the
   * end of the file.
   */
  readSync(target: Uint8Array, position: number): number
  read(target: Uint8Array, position: number): Promise<number>
  /** Cuts the file, or makes it larger with zeros. */
  truncate(size: number): void
  /** Resolves when all that was written before the call survives power loss. */
  datasync(): Promise<void>
  /**
   * Lets go of the file once the operations under way have ended; new ones are refused (EBADF).
   * Harmless twice.
   */
  close(): void
}

/**
 * The whole content of a file.
 *
 * @throws FileError when it is not there or cannot be read
 */
export function readWhole(files: Pick<Files, 'open'>, path: string): Buffer {
  const file = files.open(path, 'read')
  try {
    const bytes = Buffer.allocUnsafe(file.size())
    return bytes.subarray(0, file.readSync(bytes, 0))
  } finally {
    file.close()
  }
}

/** Bytes of a file. */
export function fileSize(files: Files, path: string): number {
  const file = files.open(path, 'read')
  try {
    return file.size()
  } finally {
    file.close()
  }
}

/** The same files, but for what `changes` does in another way. */
export function filesWith(files: Files, changes: Partial<Files>): Files {
  return {
    open: (path, mode) => files.open(path, mode),
    exists: path => files.exists(path),
    makeDirectory: path => files.makeDirectory(path),
    list: path => files.list(path),
    rename: (from, to) => files.rename(from, to),
    remove: path => files.remove(path),
    removeLater: path => files.removeLater(path),
    removeDirectory: path => files.removeDirectory(path),
    syncDirectory: path => files.syncDirectory(path),
    freeSize: path => files.freeSize(path),
    volumeSize: path => files.volumeSize(path),
    lock: path => files.lock(path),
    ...changes
  }
}

/**
 * Asserted at every read and write: for Node, a position that is no integer means "where the last
 * call ended".
 *
 * @throws AssertionError
 */
export function assertPosition(position: number): void {
  assert(Number.isSafeInteger(position) && position >= 0, 'a position is a count of bytes')
}

/** What the system refused, with its errno name (`ENOSPC`, `EIO`, `EACCES` …). */
export class FileError extends Error {
  readonly code: string
  readonly path: string
  /** What could not be done, as in `cannot read …`; empty when nothing was tried. */
  readonly verb: string

  constructor(code: string, path: string, message: string, verb = '') {
    super(message)
    this.name = 'FileError'
    this.code = code
    this.path = path
    this.verb = verb
  }
}

const readVerbs: ReadonlySet<string> = new Set(['open', 'list', 'look at', 'read'])

/**
 * Whether a disk did not give back what is on it. What was written is in no doubt then, as it is
 * when a write or a sync fails.
 */
export function isFailedRead(error: unknown): error is FileError {
  return error instanceof FileError && error.code === 'EIO' && readVerbs.has(error.verb)
}
