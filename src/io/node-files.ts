// By their names: a bundle looks each function of a whole module up anew at every call.
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fdatasync,
  fstatSync,
  fsync,
  ftruncateSync,
  mkdirSync,
  openSync,
  read,
  readFileSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  unlink,
  unlinkSync,
  writeSync,
  writev,
  writevSync
} from 'node:fs'
import { getSystemErrorMap } from 'node:util'
import { lockDirectory } from './node-directory-lock.ts'
import {
  FileError,
  assertPosition,
  type DirectoryEntry,
  type Files,
  type OpenFile,
  type OpenMode
} from './files.ts'

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR } = constants

const openFlags: Readonly<Record<OpenMode, number>> = {
  read: O_RDONLY,
  readWrite: O_RDWR,
  create: O_RDWR | O_CREAT,
  exclusive: O_RDWR | O_CREAT | O_EXCL
}

/** The machine's file system. */
export function nodeFiles(): Files {
  return realFiles
}

const realFiles: Files = {
  get descriptorsMax() {
    return descriptorLimit()
  },
  open: (path, mode) =>
    attempt('open', path, () => new NodeFile(path, openSync(path, openFlags[mode], 0o644))),
  exists: path => existsSync(path),
  makeDirectory(path) {
    attempt('make the folder', path, () => mkdirSync(path, { recursive: true }))
  },
  list: path => attempt('list', path, () => readEntries(path)),
  rename(from, to) {
    attempt(`rename to ${to}`, from, () => renameSync(from, to))
  },
  remove(path) {
    attempt('remove', path, () => unlinkSync(path))
  },
  async removeLater(path) {
    try {
      await callback<void>(done => unlink(path, error => done(error, undefined)))
    } catch (error) {
      throw fileError('remove', path, error)
    }
  },
  removeDirectory(path) {
    attempt('remove the folder', path, () => {
      // rmSync takes files too; opening with a trailing slash does not.
      accessSync(`${path}/`)
      rmSync(path, { recursive: true })
    })
  },
  syncDirectory,
  freeSize: path =>
    attempt('look at the file system of', path, () => {
      const { bavail, bsize } = statfsSync(path)
      return bavail * bsize
    }),
  volumeSize: path =>
    attempt('look at the file system of', path, () => {
      const { blocks, bsize } = statfsSync(path)
      return blocks * bsize
    }),
  lock: path => attempt('lock the folder', path, () => lockDirectory(path))
}

/** What Linux says of this process. Node raises the bound when it starts, as far as it may. */
function descriptorLimit(): number | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    const limits = readFileSync('/proc/self/limits', 'latin1')
    const [, count] = /^Max open files +(\d+|unlimited)/m.exec(limits) ?? []
    return count === 'unlimited' ? Infinity : count === undefined ? undefined : Number(count)
  } catch {
    return undefined
  }
}

class NodeFile implements OpenFile {
  readonly path: string
  /** Null once `close` was called. */
  #descriptor: number | null
  /**
   * Asynchronous operations that still use the descriptor: closing it under them could hand it to
   * another file.
   */
  #operationCount = 0
  #closing: number | null = null

  constructor(path: string, descriptor: number) {
    this.path = path
    this.#descriptor = descriptor
  }

  size(): number {
    return attempt('look at', this.path, () => fstatSync(this.#open()).size)
  }

  writeSync(pieces: readonly Uint8Array[], position: number): void {
    assertPosition(position)
    attempt('write', this.path, () => {
      const descriptor = this.#open()
      const size = sizeOf(pieces)
      let written = 0
      while (written < size) {
        const rest = written === 0 ? pieces : after(pieces, written)
        const more = writeNow(descriptor, rest, position + written)
        if (more === 0) throw takesNoMore(this.path)
        written += more
      }
    })
  }

  async write(pieces: readonly Uint8Array[], position: number): Promise<void> {
    assertPosition(position)
    await this.#use('write', async descriptor => {
      const size = sizeOf(pieces)
      let written = 0
      while (written < size) {
        const rest = written === 0 ? pieces : after(pieces, written)
        const more = await writeLater(descriptor, rest, position + written)
        if (more === 0) throw takesNoMore(this.path)
        written += more
      }
    })
  }

  readSync(target: Uint8Array, position: number): number {
    assertPosition(position)
    return attempt('read', this.path, () => {
      const descriptor = this.#open()
      let size = 0
      while (size < target.length) {
        const more = readSync(descriptor, target, size, target.length - size, position + size)
        if (more === 0) break
        size += more
      }
      return size
    })
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    assertPosition(position)
    return this.#use('read', async descriptor => {
      let size = 0
      while (size < target.length) {
        const more = await readLater(descriptor, target, size, position + size)
        if (more === 0) break
        size += more
      }
      return size
    })
  }

  truncate(size: number): void {
    attempt('set the size of', this.path, () => ftruncateSync(this.#open(), size))
  }

  async datasync(): Promise<void> {
    await this.#use('sync', descriptor =>
      callback<void>(done => fdatasync(descriptor, error => done(error, undefined)))
    )
  }

  close(): void {
    if (this.#descriptor === null) return
    this.#closing = this.#descriptor
    this.#descriptor = null
    this.#closeWhenIdle()
  }

  #open(): number {
    if (this.#descriptor === null)
      throw new FileError('EBADF', this.path, `${this.path} is closed (EBADF)`)
    return this.#descriptor
  }

  async #use<T>(verb: string, operation: (descriptor: number) => Promise<T>): Promise<T> {
    const descriptor = this.#open()
    this.#operationCount++
    try {
      return await operation(descriptor)
    } catch (error) {
      throw fileError(verb, this.path, error)
    } finally {
      this.#operationCount--
      this.#closeWhenIdle()
    }
  }

  #closeWhenIdle(): void {
    if (this.#closing === null || this.#operationCount > 0) return
    const descriptor = this.#closing
    this.#closing = null
    attempt('close', this.path, () => closeSync(descriptor))
  }
}

function readEntries(path: string): readonly DirectoryEntry[] {
  const entries = readdirSync(path, { withFileTypes: true }).map((entry): DirectoryEntry => ({
    name: entry.name,
    kind: entry.isFile() ? 'file' : entry.isDirectory() ? 'directory' : 'other'
  }))
  return entries.sort((one, other) => (one.name < other.name ? -1 : 1))
}

async function syncDirectory(path: string): Promise<void> {
  // Windows keeps names durable by itself and lets nobody open a folder.
  if (process.platform === 'win32') return
  const descriptor = attempt('sync', path, () => openSync(path, O_RDONLY))
  try {
    await callback<void>(done => fsync(descriptor, error => done(error, undefined)))
  } catch (error) {
    throw fileError('sync', path, error)
  } finally {
    attempt('close', path, () => closeSync(descriptor))
  }
}

function sizeOf(pieces: readonly Uint8Array[]): number {
  let size = 0
  for (const piece of pieces) size += piece.length
  return size
}

/**
 * What is left of `pieces` after their first `written` bytes: the system may take fewer than it was
 * given.
 */
function after(pieces: readonly Uint8Array[], written: number): readonly Uint8Array[] {
  let skipped = 0
  for (let index = 0; index < pieces.length; index++) {
    const piece = pieces[index]!
    if (skipped + piece.length > written)
      return [piece.subarray(written - skipped), ...pieces.slice(index + 1)]
    skipped += piece.length
  }
  return []
}

function takesNoMore(path: string): FileError {
  return new FileError('EIO', path, `cannot write ${path}: the system takes no more bytes (EIO)`)
}

/** One plain write is a little cheaper than a vector of one. */
function writeNow(descriptor: number, pieces: readonly Uint8Array[], position: number): number {
  return pieces.length === 1
    ? writeSync(descriptor, pieces[0]!, 0, pieces[0]!.length, position)
    : writevSync(descriptor, pieces, position)
}

function writeLater(
  descriptor: number,
  pieces: readonly Uint8Array[],
  position: number
): Promise<number> {
  return callback(done => writev(descriptor, pieces, position, done))
}

function readLater(
  descriptor: number,
  target: Uint8Array,
  from: number,
  position: number
): Promise<number> {
  return callback(done => read(descriptor, target, from, target.length - from, position, done))
}

/** A promise of what a callback gets: `fs.promises` would want its own kind of handle. */
function callback<T>(start: (done: (error: Error | null, value: T) => void) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    start((error, value) => (error === null ? resolve(value) : reject(error)))
  })
}

function attempt<T>(verb: string, path: string, operation: () => T): T {
  try {
    return operation()
  } catch (error) {
    throw fileError(verb, path, error)
  }
}

/** Errors of the system become `FileError`; anything else is a bug and stays what it is. */
function fileError(verb: string, path: string, error: unknown): unknown {
  if (error instanceof FileError || !(error instanceof Error)) return error
  const { code, errno } = error as NodeJS.ErrnoException
  if (code === undefined || errno === undefined) return error
  const reason = getSystemErrorMap().get(errno)?.[1]
  const message = `cannot ${verb} ${path}: ${reason ?? error.message} (${code})`
  return new FileError(code, path, message, verb)
}
