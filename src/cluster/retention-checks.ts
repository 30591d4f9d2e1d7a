import { Rounds } from '../io/rounds.ts'
import { retentionFirstCheckMaxMs } from '../limits.ts'
import type { Partition } from '../partition/partition.ts'
import {
  partitionsInTurns,
  TrustedWallClock,
  type PartitionChecksOptions
} from './partition-checks.ts'

export interface RetentionChecksOptions extends PartitionChecksOptions {
  /** The time between two checks, ms, in force now. Kafka: log.retention.check.interval.ms. */
  intervalMs(): number
}

/**
 * Lets every partition delete what its topic no longer wants, from time to time (Kafka:
 * `LogManager.cleanupLogs`). Changed configs count from the next check on.
 */
export class RetentionChecks {
  readonly #options: RetentionChecksOptions
  readonly #rounds: Rounds
  readonly #wallClock: TrustedWallClock

  constructor(options: RetentionChecksOptions) {
    this.#options = options
    this.#wallClock = new TrustedWallClock(options.clock, jumpMs => this.#tell(jumpMs))
    this.#rounds = new Rounds({
      clock: options.clock,
      round: () => this.#check(),
      onFailure: error => options.onFailure(error)
    })
  }

  /** The first check comes soon, for a broker that is restarted often would never get to one. */
  start(): void {
    this.#wallClock.look()
    this.#rounds.start(Math.min(this.#options.intervalMs(), retentionFirstCheckMaxMs))
  }

  /** No further check begins; resolves when none is under way. */
  stop(): Promise<void> {
    return this.#rounds.stop()
  }

  async #check(): Promise<void> {
    const wallMs = this.#wallClock.look()
    for await (const partition of partitionsInTurns(this.#options, this.#rounds)) {
      if (!partition.isClosed) await this.#apply(partition, wallMs)
    }
    this.#rounds.next(this.#options.intervalMs())
  }

  async #apply(partition: Partition, wallMs: number | null): Promise<void> {
    const { logger } = this.#options
    const place = { topic: partition.topic, partition: partition.partition }
    const fromOffset = partition.logStartOffset
    const applied = await partition.applyRetention(wallMs)
    if (!applied.ok) {
      if (partition.isClosed) return
      const reason = applied.detail ?? applied.error
      logger.warn('retention could not delete records', { ...place, reason })
      return
    }
    const { logStartOffset, futureTimestampMs } = applied.value
    if (logStartOffset > fromOffset) {
      logger.info('retention deleted records', { ...place, fromOffset, toOffset: logStartOffset })
    }
    if (futureTimestampMs !== null) {
      logger.warn('a timestamp in the future keeps records beyond retention.ms', {
        ...place,
        futureTimestampMs
      })
    }
  }

  #tell(jumpMs: number | null): void {
    const { logger } = this.#options
    if (jumpMs === null) logger.info('the wall clock is steady again')
    else logger.warn('the wall clock has jumped: retention.ms waits until it is steady', { jumpMs })
  }
}
