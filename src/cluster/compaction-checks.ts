import { assert } from '../base/assert.ts'
import { deferred } from '../base/deferred.ts'
import type { Alarm, Clock } from '../io/clock.ts'
import { compactionKeysSizeMax, retentionPartitionsPerTurn } from '../limits.ts'
import type { CompactionFailure, CompactionMeans, Partition } from '../partition/partition.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Topic } from './topics.ts'
import { watchWallClock, type WallClockWatch } from './wall-clock-watch.ts'

/** The configs of the broker that compaction goes by; Kafka's names begin with log.cleaner. */
export interface CleanerConfigs {
  readonly logCleanerEnable: boolean
  readonly logCleanerBackoffMs: number
  /** Bytes. */
  readonly logCleanerDedupeBufferSize: number
  readonly logCleanerIoBufferLoadFactor: number
}

export interface CompactionChecksOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** In force now. */
  configs(): CleanerConfigs
  /** Every topic that exists. */
  topics(): Iterable<Pick<Topic, 'partitions'>>
  /** A bug of ours: the broker must stop. */
  onFailure(error: unknown): void
}

/**
 * Compacts one partition after the other, the one first that has most that is new (Kafka:
 * `LogCleaner`). It works in small pieces and lets everybody else have a turn after each. A
 * partition whose records cannot be read is left alone from then on, until the broker starts again.
 */
export class CompactionChecks {
  readonly #options: CompactionChecksOptions
  readonly #uncleanable = new WeakSet<Partition>()
  #watch: WallClockWatch | null = null
  #alarm: Alarm | null = null
  #running: Promise<void> = Promise.resolve()
  #endPause: () => void = () => {}
  #isStopped = false

  constructor(options: CompactionChecksOptions) {
    this.#options = options
  }

  start(): void {
    assert(this.#alarm === null && !this.#isStopped, 'compaction is started once')
    this.#look()
    this.#schedule()
  }

  /** What is under way is given up; resolves when nothing is. */
  stop(): Promise<void> {
    this.#isStopped = true
    this.#alarm?.cancel()
    this.#endPause()
    return this.#running
  }

  #schedule(): void {
    const { clock } = this.#options
    this.#alarm = clock.schedule(this.#options.configs().logCleanerBackoffMs, () => {
      this.#running = this.#check().catch((error: unknown) => this.#options.onFailure(error))
    })
  }

  async #check(): Promise<void> {
    const passedOver = new Set<Partition>()
    while (!this.#isStopped && this.#mayCompact()) {
      const partition = await this.#dirtiest(passedOver)
      if (partition === null) break
      // Whatever comes of it, the others are next: one that has much to do must not keep them out.
      passedOver.add(partition)
      if (!this.#isStopped) await this.#compact(partition)
    }
    if (!this.#isStopped) this.#schedule()
  }

  /** Tombstones go by the wall clock: while it cannot be trusted, they had better stay. */
  #mayCompact(): boolean {
    this.#look()
    return this.#options.configs().logCleanerEnable && this.#watch?.jump === null
  }

  /** The partition with the largest share of new bytes of those that want to be compacted. */
  async #dirtiest(passedOver: ReadonlySet<Partition>): Promise<Partition | null> {
    const wallMs = this.#options.clock.wallMs()
    const partitions = [...this.#options.topics()].flatMap(topic => topic.partitions)
    let dirtiest: Partition | null = null
    let dirtiestRatio = -1
    for (const [index, partition] of partitions.entries()) {
      if (index > 0 && index % retentionPartitionsPerTurn === 0) await this.#pause()
      if (this.#isStopped) return null
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
      proceed: async () => {
        await this.#pause()
        return !this.#isStopped
      }
    }
    const place = { topic: partition.topic, partition: partition.partition }
    const compacted = await partition.compaction.run(clock.wallMs(), means)
    if (compacted.ok) logger.info('a partition was compacted', { ...place, ...compacted.value })
    else if (!partition.isClosed && !this.#isStopped) this.#failed(partition, compacted)
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

  /** Lets everybody else have a turn of the event loop; ends at once when compaction is stopped. */
  #pause(): Promise<void> {
    if (this.#isStopped) return Promise.resolve()
    const pause = deferred<void>()
    this.#endPause = () => pause.resolve()
    this.#alarm = this.#options.clock.schedule(0, this.#endPause)
    return pause.promise
  }

  #look(): void {
    const { clock } = this.#options
    const reading = { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() }
    this.#watch = watchWallClock(this.#watch, reading)
  }
}
