import { assert } from '../../base/assert.ts'
import { FileError, type Files, type OpenFile } from '../../io/files.ts'
import { openFilesAssumedMax, openFilesMax } from '../../limits.ts'

/**
 * How many files a process may hold open that has so many descriptors: a partition whose file was
 * closed for another's pays for two system calls more with its next batch.
 */
export function openFilesFor(descriptorsMax: number | undefined): number {
  if (descriptorsMax === undefined) return openFilesAssumedMax
  return Math.min(Math.floor(descriptorsMax / 2), openFilesMax)
}

/**
 * Open files of all segments, a bounded number of them. A file is opened at its first use and
 * closed again when it was not used for a while and others need the place; one that is pinned (it
 * has bytes that wait for their sync, or a read under way) stays open, so no sync is ever lost to a
 * closed descriptor.
 */
export class FileCache {
  readonly files: Files
  readonly #openMax: number
  /** In the order in which they were opened or last spared. */
  readonly #open = new Set<CachedFile>()

  constructor(files: Files, openMax: number) {
    this.files = files
    this.#openMax = openMax
  }

  get openCount(): number {
    return this.#open.size
  }

  /** Opens for `file`, and closes others for it. Used by `CachedFile` only. */
  admit(file: CachedFile, create: boolean): OpenFile {
    if (this.#open.size >= this.#openMax) this.#evict(this.#open.size - this.#openMax + 1)
    const opened = this.files.open(file.path, create ? 'create' : 'readWrite')
    this.#open.add(file)
    return opened
  }

  forget(file: CachedFile): void {
    this.#open.delete(file)
  }

  /** Lets go of half of the files, for a process that has run out of descriptors. */
  makeRoom(): void {
    this.#evict(this.#open.size >>> 1)
  }

  /**
   * Second chance: a file that was used since it was last looked at goes to the end of the line.
   */
  #evict(count: number): void {
    let left = count
    let looks = this.#open.size * 2
    for (const file of this.#open) {
      if (left <= 0 || looks-- <= 0) return
      if (file.isPinned || file.takeChance()) {
        this.#open.delete(file)
        this.#open.add(file)
      } else {
        file.close()
        left--
      }
    }
  }
}

/** A file that is open only while somebody needs it. */
export class CachedFile {
  readonly #cache: FileCache
  readonly #path: string
  #file: OpenFile | null = null
  #pins = 0
  #used = false
  #isRetired = false

  constructor(cache: FileCache, path: string) {
    this.#cache = cache
    this.#path = path
  }

  get path(): string {
    return this.#path
  }

  get isPinned(): boolean {
    return this.#pins > 0
  }

  /**
   * The open file; valid until the caller's turn ends, or while it is pinned.
   *
   * @throws FileError EBADF when it was retired, or what the system refuses
   */
  get(): OpenFile {
    this.#used = true
    return (this.#file ??= this.#open(false))
  }

  /** The same, and makes the file when it is missing. */
  create(): OpenFile {
    this.#used = true
    return (this.#file ??= this.#open(true))
  }

  pin(): void {
    this.#pins++
  }

  unpin(): void {
    assert(this.#pins > 0, 'only what is pinned is unpinned')
    this.#pins--
  }

  /** Whether it was used since the last call. */
  takeChance(): boolean {
    const used = this.#used
    this.#used = false
    return used
  }

  close(): void {
    const file = this.#file
    if (file === null) return
    this.#file = null
    this.#cache.forget(this)
    file.close()
  }

  /** Closes for good: whoever still comes is refused. */
  retire(): void {
    this.#isRetired = true
    this.close()
  }

  #open(create: boolean): OpenFile {
    if (this.#isRetired)
      throw new FileError('EBADF', this.#path, `${this.#path} was closed (EBADF)`)
    return this.#cache.admit(this, create)
  }
}
