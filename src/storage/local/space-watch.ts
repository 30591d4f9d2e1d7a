import type { Logger } from '../../telemetry/logger.ts'

/**
 * Tells the log, once, that the disk is full, and once that there is room again: a full disk
 * refuses every append, and a line for each would only fill it more.
 */
export class SpaceWatch {
  readonly #logger: Logger
  readonly #path: string
  #isFull = false

  constructor(logger: Logger, path: string) {
    this.#logger = logger
    this.#path = path
  }

  /** An append was refused for want of space. */
  refused(reason: string): void {
    if (this.#isFull) return
    this.#isFull = true
    this.#logger.warn(
      'the disk is full: records are refused until there is room, and nothing acknowledged is lost',
      { path: this.#path, error: reason }
    )
  }

  /** An append was written. */
  written(): void {
    if (!this.#isFull) return
    this.#isFull = false
    this.#logger.info('the disk has room again: records are taken', { path: this.#path })
  }
}
