import type { Alarm, Clock } from '../../io/clock.ts'
import type { Files } from '../../io/files.ts'
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
      const { files } = this.#options
      for (const path of paths) this.#attempt(path, () => files.remove(path))
    })
  }

  /**
   * Removes a folder file by file, one in a turn of the event loop: freeing a large file takes a
   * while.
   */
  removeFolderLater(path: string, delayMs: number): void {
    const { files } = this.#options
    this.#later(delayMs, () => {
      this.#attempt(path, () => {
        const entry = files.list(path).find(({ kind }) => kind === 'file')
        if (entry === undefined) {
          files.removeDirectory(path)
        } else {
          files.remove(`${path}/${entry.name}`)
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
