import { Rounds } from '../../io/rounds.ts'
import { scrubFirstLookMs, scrubFolderPauseMs, scrubLookIntervalMs } from '../../limits.ts'
import type { DamagedBytes } from './batch-walk.ts'
import {
  formatScrubCheckpoint,
  parseScrubCheckpoint,
  readText,
  writeDerivedText,
  type ScrubCheckpoint
} from './checkpoint.ts'
import { partitionFolderName, scrubCheckpointName } from './file-names.ts'
import { scrubFolder } from './folder-scrub.ts'
import type { LocalLog } from './local-log.ts'
import type { LogContext } from './log-context.ts'
import { isFileError } from './read-steps.ts'
import { planScrub, type ScrubCandidate } from './scrub-plan.ts'
import { scrubBatches, scrubIndexes, scrubSidecar, scrubTable } from './segment-scrub.ts'
import type { Segment } from './segment.ts'

export interface ScrubConfigs {
  /** How often each sealed segment is looked at, ms; -1: never. */
  readonly intervalMs: number
  readonly bytesPerSecond: number
}

export interface ScrubberOptions extends ScrubConfigs {
  readonly context: LogContext
  /** The logs that are open. */
  logs(): Iterable<LocalLog>
  /** A bug of ours: the broker must stop. */
  onFailure(error: unknown): void
}

interface Candidate extends ScrubCandidate {
  readonly log: LocalLog
  readonly segment: Segment
}

/**
 * Reads sealed segments again from time to time, the one first that waits longest, and the small
 * files of each log: bits that rot where nobody reads are found while a backup still has them.
 * Damage is reported once and changes nothing of what is served: a read of the damaged range
 * answers CORRUPT, of any other range its records. What can be made anew is.
 *
 * When a segment was last looked at is kept in a small file of the log directory, so a broker that
 * is restarted every night still gets to each of them. The file is written seldom and synced by
 * nobody: what a crash takes of it costs a look that comes too early.
 */
export class Scrubber {
  readonly #options: ScrubberOptions
  readonly #scrubbedMs = new Map<string, number>()
  /** When the small files of a log were looked at, wall ms; not kept over a restart. */
  #folderScrubbedMs = new Map<string, number>()
  readonly #folder: string
  readonly #rounds: Rounds
  #hasNews = false
  #savedMs = 0

  constructor(options: ScrubberOptions) {
    this.#options = options
    this.#folder = options.context.path
    this.#rounds = new Rounds({
      clock: options.context.clock,
      round: () => this.#look(),
      onFailure: error => options.onFailure(error)
    })
  }

  start(): void {
    this.#load()
    this.#rounds.start(scrubFirstLookMs)
  }

  /**
   * Ends what is under way. Resolves when no file is being read.
   *
   * @param keeps whether to write down what was done
   */
  async stop(keeps: boolean): Promise<void> {
    if (this.#rounds.isStopped) return
    await this.#rounds.stop()
    if (keeps) this.#save()
  }

  async #look(): Promise<void> {
    const { clock, logger } = this.#options.context
    const intervalMs = this.#options.intervalMs
    let delayMs = scrubLookIntervalMs
    if (intervalMs >= 0) {
      const plan = planScrub(this.#candidates(), this.#scrubbedMs, intervalMs, clock.wallMs())
      let segments = 0
      let damaged = 0
      for (const candidate of plan.due) {
        if (this.#rounds.isStopped) break
        const damage = await this.#scrub(candidate)
        if (damage === null) continue
        segments++
        damaged += damage.length
        if (clock.monotonicMs() - this.#savedMs >= scrubLookIntervalMs) this.#save()
      }
      const folders = this.#dueFolders(intervalMs, clock.wallMs())
      if (folders.length > 0) await this.#scrubFolders(folders)
      if (segments > 0) logger.info('sealed segments were checked', { segments, damaged })
      delayMs = Math.min(delayMs, Math.max(plan.nextDueMs - clock.wallMs(), 0))
    }
    if (this.#rounds.isStopped) return
    this.#save()
    this.#rounds.next(Math.max(delayMs, 1))
  }

  *#candidates(): Generator<Candidate> {
    for (const log of this.#options.logs()) {
      for (const segment of log.segments.all) {
        if (segment === log.segments.active || segment.size === 0) continue
        yield { log, segment, key: keyOf(log, segment), createdMs: segment.createdMs }
      }
    }
  }

  /** The logs whose small files are due. */
  #dueFolders(intervalMs: number, wallMs: number): readonly LocalLog[] {
    const known = new Map<string, number>()
    const due: LocalLog[] = []
    for (const log of this.#options.logs()) {
      const key = partitionFolderName(log.name)
      const lastMs = this.#folderScrubbedMs.get(key)
      const isDue = lastMs === undefined || lastMs + intervalMs <= wallMs || lastMs > wallMs
      if (isDue) due.push(log)
      else known.set(key, lastMs)
    }
    this.#folderScrubbedMs = known
    return due
  }

  /** None of the files is large enough to be read in pieces. */
  async #scrubFolders(logs: readonly LocalLog[]): Promise<void> {
    const { context } = this.#options
    for (const log of logs) {
      if (!(await this.#rounds.pause(scrubFolderPauseMs))) return
      const key = partitionFolderName(log.name)
      try {
        if (log.isOpen) await scrubFolder(context, log)
        this.#folderScrubbedMs.set(key, context.clock.wallMs())
      } catch (error) {
        if (!isFileError(error)) throw error
        if (!log.isOpen) continue
        const folder = `${this.#folder}/${key}`
        context.logger.warn('small files could not be checked', { folder, error: error.message })
      }
    }
  }

  /** What is damaged of a segment; null when it could not be looked at to its end. */
  async #scrub({ log, segment, key }: Candidate): Promise<readonly DamagedBytes[] | null> {
    const { context } = this.#options
    if (!this.#isSealed(log, segment)) return null
    const { truncationCount } = log
    try {
      const damage = await scrubBatches(context, log, segment, {
        clock: context.clock,
        bytesPerSecond: this.#options.bytesPerSecond,
        pause: delayMs => this.#rounds.pause(delayMs)
      })
      const isStale = log.truncationCount !== truncationCount || !this.#isSealed(log, segment)
      if (damage === null || isStale) return null
      for (const { fromOffset, toOffset } of damage) {
        log.reportDamage(segment, fromOffset, Math.max(toOffset, fromOffset + 1))
      }
      await scrubSidecar(context, log, segment)
      if (!this.#isSealed(log, segment)) return null
      const folder = this.#folderOf(log)
      await scrubIndexes(context, log, folder, segment)
      if (damage.length === 0) await scrubTable(context, log, folder, segment)
      this.#scrubbedMs.set(key, context.clock.wallMs())
      this.#hasNews = true
      return damage
    } catch (error) {
      if (!isFileError(error)) throw error
      this.#fileFailed(log, segment, error.code, error.message)
      return null
    }
  }

  /** A file may have been removed with its records; one that is gone all the same is damage. */
  #fileFailed(log: LocalLog, segment: Segment, code: string, message: string): void {
    if (!this.#isSealed(log, segment)) return
    if (code === 'ENOENT') log.reportDamage(segment, segment.baseOffset, segment.endOffset)
    const { logger } = this.#options.context
    logger.warn('a sealed segment could not be checked', {
      segment: segment.log.path,
      error: message
    })
  }

  #isSealed(log: LocalLog, segment: Segment): boolean {
    return log.isOpen && log.segments.has(segment) && segment !== log.segments.active
  }

  #folderOf(log: LocalLog): string {
    return `${this.#folder}/${partitionFolderName(log.name)}`
  }

  #load(): void {
    const { files, logger } = this.#options.context
    const path = `${this.#folder}/${scrubCheckpointName}`
    const text = readText(files, path)
    const entries = text === null ? [] : parseScrubCheckpoint(text)
    if (entries === null) logger.warn('the times of scrubs are damaged; all is looked at', { path })
    for (const entry of entries ?? []) {
      this.#scrubbedMs.set(`${partitionFolderName(entry)}/${entry.baseOffset}`, entry.scrubbedMs)
    }
  }

  /** Writes what is known of the segments that there are; others are forgotten. */
  #save(): void {
    if (!this.#hasNews) return
    const { context } = this.#options
    const entries: ScrubCheckpoint[] = []
    const kept = new Map<string, number>()
    for (const { log, segment, key } of this.#candidates()) {
      const scrubbedMs = this.#scrubbedMs.get(key)
      if (scrubbedMs === undefined) continue
      kept.set(key, scrubbedMs)
      const { topic, partition } = log.name
      entries.push({ topic, partition, baseOffset: segment.baseOffset, scrubbedMs })
    }
    this.#scrubbedMs.clear()
    for (const [key, scrubbedMs] of kept) this.#scrubbedMs.set(key, scrubbedMs)
    const path = `${this.#folder}/${scrubCheckpointName}`
    try {
      writeDerivedText(context.files, path, formatScrubCheckpoint(entries))
      this.#hasNews = false
    } catch (error) {
      if (!isFileError(error)) throw error
      context.logger.warn('the times of scrubs could not be written', { error: error.message })
    }
    this.#savedMs = context.clock.monotonicMs()
  }
}

function keyOf(log: LocalLog, segment: Segment): string {
  return `${partitionFolderName(log.name)}/${segment.baseOffset}`
}
