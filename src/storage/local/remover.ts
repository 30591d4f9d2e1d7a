import type { Alarm, Clock } from '../../io/clock.ts'
import type { Files } from '../../io/files.ts'
import { removalPieceSize } from '../../limits.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { isFileError } from './read-steps.ts'

export interface RemoverOptions {
  readonly files: Files
  readonly clock: Clock
  readonly logger: Logger
  /** Whether the disk is nearly full: it needs the space now, and no delay counts. */
  isSpaceLow(): boolean
}

/**
 * Removes files and folders some time after they got a name that says so. What is left when the
 * broker stops is removed by the next start.
 */
export class Remover {
  readonly #options: RemoverOptions
  readonly #alarms = new Set<Alarm>()

  constructor(options: RemoverOptions) {
    this.#options = options
  }

  removeFilesLater(paths: readonly string[], delayMs: number): void {
    this.#later(delayMs, () => {
      for (const [index, path] of paths.entries()) {
        if (this.#shorten(path)) {
          this.removeFilesLater(paths.slice(index), 0)
          return
        }
        this.#attempt(path, () => this.#options.files.remove(path))
      }
    })
  }

  /** Removes a folder file by file, one in a turn of the event loop. */
  removeFolderLater(path: string, delayMs: number): void {
    const { files } = this.#options
    this.#later(delayMs, () => {
      this.#attempt(path, () => {
        const entry = files.list(path).find(({ kind }) => kind === 'file')
        if (entry === undefined) {
          files.removeDirectory(path)
        } else {
          const file = `${path}/${entry.name}`
          if (!this.#shorten(file)) files.remove(file)
          this.removeFolderLater(path, 0)
        }
      })
    })
  }

  /** Leaves what is not removed yet to the next start. */
  stop(): void {
    for (const alarm of this.#alarms) alarm.cancel()
    this.#alarms.clear()
  }

  #later(delayMs: number, remove: () => void): void {
    const options = this.#options
    const alarm = options.clock.schedule(options.isSpaceLow() ? 0 : delayMs, () => {
      this.#alarms.delete(alarm)
      remove()
    })
    this.#alarms.add(alarm)
  }

  /** Takes a piece off the end of a large file; false for any other, which goes at once. */
  #shorten(path: string): boolean {
    try {
      const file = this.#options.files.open(path, 'readWrite')
      try {
        const size = file.size()
        if (size <= removalPieceSize) return false
        file.truncate(size - removalPieceSize)
        return true
      } finally {
        file.close()
      }
    } catch (error) {
      if (!isFileError(error)) throw error
      return false
    }
  }

  #attempt(path: string, remove: () => void): void {
    try {
      remove()
    } catch (error) {
      if (!isFileError(error)) throw error
      if (error.code === 'ENOENT') return
      this.#options.logger.warn('a file that is no longer needed could not be removed', {
        path,
        error: error.message
      })
    }
  }
}
