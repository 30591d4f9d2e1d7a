import type { Alarm, Clock } from '../../io/clock.ts'
import type { Files } from '../../io/files.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { isFileError } from './read-steps.ts'

/**
 * Removes files and folders some time after they got a name that says so. What is left when the
 * broker stops is removed by the next start.
 */
export class Remover {
  readonly #files: Files
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #alarms = new Set<Alarm>()

  constructor(files: Files, clock: Clock, logger: Logger) {
    this.#files = files
    this.#clock = clock
    this.#logger = logger
  }

  removeFilesLater(paths: readonly string[], delayMs: number): void {
    this.#later(delayMs, () => {
      for (const path of paths) this.#attempt(path, () => this.#files.remove(path))
    })
  }

  /**
   * Removes a folder file by file, one in a turn of the event loop: freeing a large file takes a
   * while.
   */
  removeFolderLater(path: string, delayMs: number): void {
    this.#later(delayMs, () => {
      this.#attempt(path, () => {
        const entry = this.#files.list(path).find(({ kind }) => kind === 'file')
        if (entry === undefined) {
          this.#files.removeDirectory(path)
        } else {
          this.#files.remove(`${path}/${entry.name}`)
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
    const alarm = this.#clock.schedule(delayMs, () => {
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
      this.#logger.warn('a file that is no longer needed could not be removed', {
        path,
        error: error.message
      })
    }
  }
}
