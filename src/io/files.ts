/**
 * The file system as the broker sees it, and the only way to it. Paths are absolute and joined with `/`.
 * `node-files.ts` is the real one, `memory-files.ts` lives in RAM; `test/contract/files.ts` holds them to one contract.
 *
 * Writes at a position go to the page cache at once (`writeSync`: far cheaper than any asynchronous form); what
 * must survive power loss waits for `datasync`. A new or renamed or removed name is durable only after
 * `syncDirectory` of its folder.
 *
 * Every operation throws `FileError` when the system refuses.
 */
export interface Files {
  /** Opens an existing file. `create` makes it if it is missing; `exclusive` refuses if it exists. */
  open(path: string, mode: OpenMode): OpenFile
  exists(path: string): boolean
  /** Makes the folder and its missing parents. */
  makeDirectory(path: string): void
  /** Names of the entries, sorted. */
  list(path: string): readonly DirectoryEntry[]
  rename(from: string, to: string): void
  /** Removes a file. */
  remove(path: string): void
  /** Removes a folder and all it holds. */
  removeDirectory(path: string): void
  syncDirectory(path: string): Promise<void>
  /** Bytes that may still be written on the file system of `path`. */
  freeSize(path: string): number
  /**
   * Takes the one lock of a folder; null when another process (or another broker of this one) holds it.
   * The lock ends with the process, however that ends.
   */
  lock(path: string): DirectoryLock | null
}

export type OpenMode = 'read' | 'readWrite' | 'create' | 'exclusive'

export interface DirectoryEntry {
  readonly name: string
  readonly kind: 'file' | 'directory' | 'other'
}

export interface DirectoryLock {
  release(): void
}

export interface OpenFile {
  readonly path: string
  size(): number
  /** Writes all of `pieces`, one after the other, from `position` on. */
  writeSync(pieces: readonly Uint8Array[], position: number): void
  /** The same through the thread pool, for a disk that is slow just now. */
  write(pieces: readonly Uint8Array[], position: number): Promise<void>
  /** Fills `target` from `position` on; the number of bytes read is less than its length only at the end of the file. */
  readSync(target: Uint8Array, position: number): number
  read(target: Uint8Array, position: number): Promise<number>
  truncate(size: number): void
  /** Resolves when all that was written before the call survives power loss. */
  datasync(): Promise<void>
  close(): void
}

/** What the system refused, with its errno name (`ENOSPC`, `EIO`, `EACCES` …). */
export class FileError extends Error {
  readonly code: string
  readonly path: string

  constructor(code: string, path: string, message: string) {
    super(message)
    this.name = 'FileError'
    this.code = code
    this.path = path
  }
}
