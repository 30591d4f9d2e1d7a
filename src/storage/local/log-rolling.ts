import type { LogConfigs } from '../partition-log.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LogContext } from './log-context.ts'
import type { LogDurability } from './log-durability.ts'
import type { LogFolder } from './log-folder.ts'
import type { IndexedBatch } from './segment-indexes.ts'
import type { SegmentList } from './segment-list.ts'
import type { Segment } from './segment.ts'

/** What is known of a log that gets new segments. */
export interface RolledLog {
  readonly segments: SegmentList
  readonly folder: LogFolder
  readonly durability: LogDurability
  readonly epochs: LeaderEpochs
  readonly configs: LogConfigs
  readonly logEndOffset: number
}

/** Says which segment of a log is written to, and begins new ones. */
export class LogRolling {
  readonly #context: LogContext
  readonly #log: RolledLog

  constructor(context: LogContext, log: RolledLog) {
    this.#context = context
    this.#log = log
  }

  /**
   * The segment that a write goes to; the folder and a new segment are made when there is a need.
   *
   * @throws FileError when the system refuses
   */
  segmentFor(whole: IndexedBatch): Segment {
    const { segments, folder, durability, configs } = this.#log
    const { active } = segments
    if (active === undefined) {
      if (folder.make()) durability.folderMade()
      return this.begin()
    }
    if (active.size === 0) durability.namesChanged()
    if (!active.shouldRoll(whole, configs, this.#context.clock.wallMs())) return active
    return this.roll(active)
  }

  /**
   * Ends the active segment and begins the next.
   *
   * @throws FileError when the system refuses
   */
  roll(active: Segment): Segment {
    const { durability } = this.#log
    active.writeMark(true)
    const segment = this.begin()
    this.#context.indexes.touch(active)
    if (this.#context.durability === 'os') {
      durability.changed(active)
      durability.flushSoon()
    }
    return segment
  }

  /**
   * Begins a segment at the end of the log.
   *
   * @throws FileError when the system refuses
   */
  begin(): Segment {
    const { segments, folder, durability, configs, epochs, logEndOffset } = this.#log
    // Even if it cannot be made: that its name is gone again has to be durable as well.
    durability.namesChanged()
    const segment = folder.newSegment(logEndOffset, configs, durability.note(null), epochs)
    segments.add(segment)
    return segment
  }
}
