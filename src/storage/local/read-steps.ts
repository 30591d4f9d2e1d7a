import { FileError } from '../../io/files.ts'
import type { CachedFile } from './file-cache.ts'

/**
 * A read that somebody wants done: fill `target` from `position` on. Answered with the number of
 * bytes.
 */
export interface ReadStep {
  readonly file: CachedFile
  readonly target: Buffer
  readonly position: number
}

/**
 * Work that reads files, written once and run in two ways: at once when the bytes are surely in
 * memory, through the thread pool when they may have to come from a disk.
 */
export type ReadSteps<T> = Generator<ReadStep, T, number>

export function* readInto(file: CachedFile, target: Buffer, position: number): ReadSteps<number> {
  return yield { file, target, position }
}

/** Runs the steps at once. What the file system refuses is thrown into them, as `FileError`. */
export function runSync<T>(steps: ReadSteps<T>): T {
  let next = steps.next()
  while (next.done !== true) {
    const { file, target, position } = next.value
    let size: number
    try {
      size = file.get().readSync(target, position)
    } catch (error) {
      next = steps.throw(error)
      continue
    }
    next = steps.next(size)
  }
  return next.value
}

/** Runs the steps without holding the event loop; each file stays open while it is read. */
export async function runAsync<T>(steps: ReadSteps<T>): Promise<T> {
  let next = steps.next()
  while (next.done !== true) {
    const { file, target, position } = next.value
    let size: number
    file.pin()
    try {
      size = await file.get().read(target, position)
    } catch (error) {
      next = steps.throw(error)
      continue
    } finally {
      file.unpin()
    }
    next = steps.next(size)
  }
  return next.value
}

export function isFileError(error: unknown): error is FileError {
  return error instanceof FileError
}
