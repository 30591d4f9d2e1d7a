import { MiB } from '../../base/sizes.ts'
import type { Alarm, Clock } from '../../io/clock.ts'
import { FileError, type Files } from '../../io/files.ts'
import { spaceCheckIntervalMs, spaceFloorSizeMax } from '../../limits.ts'
import type { Logger } from '../../telemetry/logger.ts'

export interface SpaceWatchOptions {
  readonly files: Files
  readonly clock: Clock
  readonly logger: Logger
  /** Whose file system is watched. */
  readonly path: string
  /**
   * Bytes that clients leave free; -1: a twentieth of the file system, 512 MiB at most; 0: nothing
   * is kept free.
   */
  readonly minFreeSize: number
}

/**
 * Keeps clients from filling the disk to its end: below a floor of free bytes records and new
 * topics are refused, while what the broker itself has to write (offset commits, ends of
 * transactions, deletions) goes on in the space that is left. Records are taken again when a
 * quarter more than the floor is free, so that a disk at the edge is not refused and taken by
 * turns.
 *
 * The file system is asked from time to time, and whenever as much was appended as was free above
 * the floor the last time: what the broker writes cannot fall through the floor between two looks.
 *
 * Each change is one line in the log; a line for each refusal would only fill the disk more.
 */
export class SpaceWatch {
  readonly #options: SpaceWatchOptions
  #isFull = false
  #isLow = false
  /** Bytes that may be appended before the file system is asked again. */
  #budget = Infinity
  #alarm: Alarm | null = null

  constructor(options: SpaceWatchOptions) {
    this.#options = options
  }

  /** Whether so little is free that records of clients are refused. */
  get isLow(): boolean {
    return this.#isLow
  }

  /** Looks now, and from time to time until `stop`. */
  start(): void {
    if (this.#options.minFreeSize === 0) return
    this.#look()
    this.#schedule()
  }

  stop(): void {
    this.#alarm?.cancel()
    this.#alarm = null
  }

  /** A write was refused for want of space. */
  refused(reason: string): void {
    if (this.#options.minFreeSize !== 0 && !this.#isLow) this.#look()
    if (this.#isFull) return
    this.#isFull = true
    const { logger, path } = this.#options
    logger.warn(
      'the disk is full: records are refused until there is room, and nothing acknowledged is lost',
      { path, error: reason }
    )
  }

  /** Bytes were appended. */
  written(size: number): void {
    this.#budget -= size
    if (this.#budget < 0 && !this.#isLow) this.#look()
    if (!this.#isFull || this.#isLow) return
    this.#isFull = false
    const { logger, path } = this.#options
    logger.info('the disk has room again: records are taken', { path })
  }

  #schedule(): void {
    this.#alarm = this.#options.clock.schedule(spaceCheckIntervalMs, () => {
      this.#look()
      this.#schedule()
    })
  }

  #look(): void {
    const { files, path, minFreeSize, logger } = this.#options
    let freeSize: number
    let floor: number
    try {
      freeSize = files.freeSize(path)
      floor = spaceFloor(minFreeSize, files.volumeSize(path))
    } catch (error) {
      // A disk that cannot be asked says more through the writes that fail.
      if (error instanceof FileError) return
      throw error
    }
    const resumeSize = floor + Math.ceil(floor / 4)
    const wasLow = this.#isLow
    this.#isLow = freeSize < (wasLow ? resumeSize : floor)
    this.#budget = freeSize - floor
    const fields = { path, freeMiB: inMiB(freeSize), floorMiB: inMiB(floor) }
    if (this.#isLow && !wasLow) {
      logger.warn(
        'the disk is nearly full: records and new topics are refused, commits and deletions go ' +
          'on. Delete topics or records, shorten retention, or make the disk larger; ' +
          'log.min.free.bytes says how much stays free',
        { ...fields, resumesAtMiB: inMiB(resumeSize) }
      )
    } else if (wasLow && !this.#isLow) {
      this.#isFull = false
      logger.info('the disk has room again: records are taken', fields)
    }
  }
}

/**
 * The free bytes below which records are refused. A fixed number would leave nothing of a small
 * disk, and a share alone would waste hundreds of gigabytes of a large one.
 *
 * @param minFreeSize -1 for the default, which depends on the size of the file system
 */
export function spaceFloor(minFreeSize: number, volumeSize: number): number {
  if (minFreeSize >= 0) return minFreeSize
  return Math.min(spaceFloorSizeMax, Math.floor(volumeSize / 20))
}

function inMiB(size: number): number {
  return Math.round((size / MiB) * 10) / 10
}
