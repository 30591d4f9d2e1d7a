import { Serial } from '../../base/serial.ts'
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
 *
 * One file goes after the other, through the thread pool: the system takes 200 ms to free 1 GiB,
 * and waits for commits of the file system meanwhile, which is not for the event loop to see.
 */
export class Remover {
  readonly #options: RemoverOptions
  readonly #alarms = new Set<Alarm>()
  readonly #removals = new Serial()
  #isStopped = false

  constructor(options: RemoverOptions) {
    this.#options = options
  }

  removeFilesLater(paths: readonly string[], delayMs: number): void {
    const { files } = this.#options
    this.#later(delayMs, async () => {
      for (const path of paths) {
        if (this.#isStopped) return
        await this.#attempt(path, () => files.removeLater(path))
      }
    })
  }

  removeFolderLater(path: string, delayMs: number): void {
    const { files } = this.#options
    this.#later(delayMs, () =>
      this.#attempt(path, async () => {
        for (const { name, kind } of files.list(path)) {
          if (this.#isStopped) return
          if (kind === 'file') await files.removeLater(`${path}/${name}`)
        }
        if (!this.#isStopped) files.removeDirectory(path)
      })
    )
  }

  /**
   * Leaves what is not removed yet to the next start. Resolves when the file that is being removed
   * is gone.
   */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const alarm of this.#alarms) alarm.cancel()
    this.#alarms.clear()
    await this.#removals.run(async () => {})
  }

  #later(delayMs: number, remove: () => Promise<void>): void {
    const options = this.#options
    const alarm = options.clock.schedule(options.isSpaceLow() ? 0 : delayMs, () => {
      this.#alarms.delete(alarm)
      void this.#removals.run(remove)
    })
    this.#alarms.add(alarm)
  }

  async #attempt(path: string, remove: () => Promise<void>): Promise<void> {
    try {
      await remove()
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
