import { Rounds } from '../io/rounds.ts'
import { compactionKeysSizeMax } from '../limits.ts'
import type { CompactionFailure, CompactionMeans, Partition } from '../partition/partition.ts'
import {
  partitionsInTurns,
  TrustedWallClock,
  type PartitionChecksOptions
} from './partition-checks.ts'

/** The configs of the broker that compaction goes by; Kafka's names begin with log.cleaner. */
export interface CleanerConfigs {
  readonly logCleanerEnable: boolean
  readonly logCleanerBackoffMs: number
  /** Bytes. */
  readonly logCleanerDedupeBufferSize: number
  readonly logCleanerIoBufferLoadFactor: number
}

export interface CompactionChecksOptions extends PartitionChecksOptions {
  /** In force now. */
  configs(): CleanerConfigs
}

/**
 * Compacts one partition after the other, the one first that has most that is new (Kafka:
 * `LogCleaner`). It works in small pieces and lets everybody else have a turn after each. A
 * partition whose records cannot be read is left alone from then on, until the broker starts again.
 */
export class CompactionChecks {
  readonly #options: CompactionChecksOptions
  readonly #uncleanable = new WeakSet<Partition>()
  readonly #rounds: Rounds
  readonly #wallClock: TrustedWallClock

  constructor(options: CompactionChecksOptions) {
    this.#options = options
    this.#wallClock = new TrustedWallClock(options.clock)
    this.#rounds = new Rounds({
      clock: options.clock,
      round: () => this.#check(),
      onFailure: error => options.onFailure(error)
    })
  }

  start(): void {
    this.#wallClock.look()
    this.#rounds.start(this.#options.configs().logCleanerBackoffMs)
  }

  /** What is under way is given up; resolves when nothing is. */
  stop(): Promise<void> {
    return this.#rounds.stop()
  }

  async #check(): Promise<void> {
    const passedOver = new Set<Partition>()
    while (!this.#rounds.isStopped && this.#mayCompact()) {
      const partition = await this.#dirtiest(passedOver)
      if (partition === null) break
      // Whatever comes of it, the others are next: one that has much to do must not keep them out.
      passedOver.add(partition)
      if (!this.#rounds.isStopped) await this.#compact(partition)
    }
    this.#rounds.next(this.#options.configs().logCleanerBackoffMs)
  }

  /** Tombstones go by the wall clock: while it cannot be trusted, they had better stay. */
  #mayCompact(): boolean {
    const isTrusted = this.#wallClock.look() !== null
    return isTrusted && this.#options.configs().logCleanerEnable
  }

  /** The partition with the largest share of new bytes of those that want to be compacted. */
  async #dirtiest(passedOver: ReadonlySet<Partition>): Promise<Partition | null> {
    const wallMs = this.#options.clock.wallMs()
    let dirtiest: Partition | null = null
    let dirtiestRatio = -1
    for await (const partition of partitionsInTurns(this.#options, this.#rounds)) {
      if (passedOver.has(partition) || this.#uncleanable.has(partition)) continue
      const need = partition.compaction.need(wallMs)
      if (need?.isWanted !== true || need.cleanableRatio <= dirtiestRatio) continue
      dirtiest = partition
      dirtiestRatio = need.cleanableRatio
    }
    return dirtiest
  }

  async #compact(partition: Partition): Promise<void> {
    const { clock, logger } = this.#options
    const { logCleanerDedupeBufferSize, logCleanerIoBufferLoadFactor } = this.#options.configs()
    const means: CompactionMeans = {
      dedupeBufferSize: Math.min(logCleanerDedupeBufferSize, compactionKeysSizeMax),
      dedupeLoadFactor: logCleanerIoBufferLoadFactor,
      proceed: () => this.#rounds.pause()
    }
    const place = { topic: partition.topic, partition: partition.partition }
    const compacted = await partition.compaction.run(clock.wallMs(), means)
    if (compacted.ok) logger.info('a partition was compacted', { ...place, ...compacted.value })
    else if (!partition.isClosed && !this.#rounds.isStopped) this.#failed(partition, compacted)
  }

  #failed(partition: Partition, { error, detail }: CompactionFailure): void {
    const { logger } = this.#options
    const reason = detail ?? error
    const fields = { topic: partition.topic, partition: partition.partition, error, reason }
    if (error === 'INTERRUPTED' || error === 'NO_SPACE') {
      logger.warn('a partition could not be compacted and will be tried again', fields)
      return
    }
    this.#uncleanable.add(partition)
    logger.error('a partition cannot be compacted and is left as it is', fields)
  }
}
