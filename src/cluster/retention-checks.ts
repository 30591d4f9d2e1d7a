import { watchWallClock, type WallClockWatch } from '../base/wall-clock-watch.ts'
import type { Clock } from '../io/clock.ts'
import { Rounds } from '../io/rounds.ts'
import { retentionFirstCheckMaxMs, retentionPartitionsPerTurn, wallClockBounds } from '../limits.ts'
import type { Partition } from '../partition/partition.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Topic } from './topics.ts'

export interface RetentionChecksOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** The time between two checks, ms, in force now. Kafka: log.retention.check.interval.ms. */
  intervalMs(): number
  /** Every topic that exists. */
  topics(): Iterable<Pick<Topic, 'partitions'>>
  /** A bug of ours: the broker must stop. */
  onFailure(error: unknown): void
}

/**
 * Lets every partition delete what its topic no longer wants, from time to time (Kafka:
 * `LogManager.cleanupLogs`). Changed configs count from the next check on.
 */
export class RetentionChecks {
  readonly #options: RetentionChecksOptions
  readonly #rounds: Rounds
  #watch: WallClockWatch | null = null

  constructor(options: RetentionChecksOptions) {
    this.#options = options
    this.#rounds = new Rounds({
      clock: options.clock,
      round: () => this.#check(),
      onFailure: error => options.onFailure(error)
    })
  }

  /** The first check comes soon, for a broker that is restarted often would never get to one. */
  start(): void {
    this.#look()
    this.#rounds.start(Math.min(this.#options.intervalMs(), retentionFirstCheckMaxMs))
  }

  /** No further check begins; resolves when none is under way. */
  stop(): Promise<void> {
    return this.#rounds.stop()
  }

  async #check(): Promise<void> {
    this.#look()
    const wallMs = this.#watch?.jump === null ? this.#options.clock.wallMs() : null
    const partitions = [...this.#options.topics()].flatMap(topic => topic.partitions)
    for (const [index, partition] of partitions.entries()) {
      if (index > 0 && index % retentionPartitionsPerTurn === 0) await this.#rounds.pause()
      if (this.#rounds.isStopped) return
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

  #look(): void {
    const { clock, logger } = this.#options
    const wasTrusted = this.#watch === null || this.#watch.jump === null
    const reading = { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() }
    this.#watch = watchWallClock(this.#watch, reading, wallClockBounds)
    const { jump, trustedAheadMs } = this.#watch
    if (wasTrusted && jump !== null) {
      const jumpMs = jump.aheadMs - trustedAheadMs
      logger.warn('the wall clock has jumped: retention.ms waits until it is steady', { jumpMs })
    }
    if (!wasTrusted && jump === null) logger.info('the wall clock is steady again')
  }
}
