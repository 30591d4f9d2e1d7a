import type { Clock } from '../io/clock.ts'
import { snapshotInterval, snapshotIntervalMs, snapshotSizeShare } from '../limits.ts'
import type { PartitionLog } from '../storage/partition-log.ts'
import { encodeProducerSnapshot } from '../storage/producer-snapshot.ts'
import type { ProducerState } from '../storage/producer-state.ts'

export interface ProducerSnapshotsOptions {
  readonly log: PartitionLog
  readonly topicId: string
  readonly partition: number
  readonly producers: ProducerState
  readonly clock: Clock
  /** Bytes at the end of the log that are in no snapshot. */
  readonly sizeBehind: number
}

/**
 * Decides when what is known of a partition's producers is kept beside its log, so that the next
 * start reads only what came after. Kafka takes a snapshot whenever a segment is full, and reads up
 * to a whole segment after a crash; here one is due by bytes and time. Writing one is never waited
 * for but when the log closes.
 */
export class ProducerSnapshots {
  readonly #log: PartitionLog
  readonly #topicId: string
  readonly #partition: number
  readonly #producers: ProducerState
  readonly #clock: Clock
  #sizeBehind: number
  #sizeDue = snapshotInterval
  #takenMs = -Infinity
  /** Snapshots on their way to the disk. */
  #savesInFlight = 0

  constructor(options: ProducerSnapshotsOptions) {
    this.#log = options.log
    this.#topicId = options.topicId
    this.#partition = options.partition
    this.#producers = options.producers
    this.#clock = options.clock
    this.#sizeBehind = options.sizeBehind
    this.#log.beforeStartRises(offset => this.#beforeLogStart(offset))
  }

  /** A batch of so many bytes is in the log, and the producer state knows of it. */
  appended(size: number): void {
    this.#sizeBehind += size
    if (this.isDue) void this.take()
  }

  /**
   * Whether the next start would have much to read. Not while a snapshot is on its way: on a disk
   * that stands still they would gather.
   */
  get isDue(): boolean {
    if (this.#savesInFlight > 0 || this.#sizeBehind < this.#sizeDue) return false
    return this.#clock.monotonicMs() - this.#takenMs >= snapshotIntervalMs
  }

  /**
   * The log begins later than before. From a snapshot of what is gone nobody can go on: batches
   * between it and the start of the log would be missing.
   */
  logStartRaised(): void {
    const { snapshots, logStartOffset } = this.#log
    if ((snapshots.offsets[0] ?? 0) < logStartOffset) void this.take()
  }

  /** Keeps the present state, unless it is kept already. Resolves when it is durable. */
  async take(): Promise<void> {
    const { snapshots, logEndOffset: offset } = this.#log
    if (offset <= (snapshots.offsets[0] ?? 0)) return
    const identity = { topicId: this.#topicId, partition: this.#partition, offset }
    const content = encodeProducerSnapshot(identity, {
      producers: [...this.#producers.producers()],
      aborted: this.#producers.aborted
    })
    this.#sizeBehind = 0
    this.#takenMs = this.#clock.monotonicMs()
    this.#sizeDue = Math.max(snapshotInterval, content.length * snapshotSizeShare)
    this.#savesInFlight++
    await snapshots.save(offset, content).finally(() => this.#savesInFlight--)
  }

  /**
   * What only the records below `offset` can tell of producers is kept before they go. Without
   * that, a kill right after would let their repetitions in.
   */
  async #beforeLogStart(offset: number): Promise<void> {
    const isKept = (this.#log.snapshots.offsets[0] ?? 0) >= offset
    if (!isKept && this.#producers.producerCount > 0) await this.take()
  }
}
