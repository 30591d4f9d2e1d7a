import { damagedRangesMax } from '../../limits.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { LogName } from './log-context.ts'

/** Offsets of a log that were promised and cannot be read; `toOffset` is exclusive. */
export interface DamagedRange {
  readonly file: string
  readonly fromOffset: number
  readonly toOffset: number
}

const damageMessage =
  'records that were stored can no longer be read: restore the file from a backup, or stop the ' +
  'broker and make a gap of them with odradek log repair'

/**
 * What is known of the damage to one log: each range is told of once, however often somebody reads
 * it.
 */
export class DamageReports {
  readonly #logger: Logger
  readonly #name: LogName
  readonly #ranges: DamagedRange[] = []

  constructor(logger: Logger, name: LogName) {
    this.#logger = logger
    this.#name = name
  }

  get ranges(): readonly DamagedRange[] {
    return this.#ranges
  }

  report(file: string, fromOffset: number, toOffset: number): void {
    const isKnown = this.#ranges.some(
      range => range.fromOffset <= fromOffset && toOffset <= range.toOffset
    )
    if (isKnown || this.#ranges.length >= damagedRangesMax) return
    this.#ranges.push({ file, fromOffset, toOffset })
    this.#logger.error(damageMessage, {
      topic: this.#name.topic,
      partition: this.#name.partition,
      file,
      fromOffset,
      toOffset
    })
  }
}
