import { assert } from '../base/assert.ts'
import type { ProducerState } from '../storage/producer-state.ts'
import type { PartitionLog } from '../storage/partition-log.ts'
import type { PartitionBounds, PartitionRead } from './partition-data.ts'

/**
 * What consumers may see of a partition, and who wants to hear when it becomes more.
 *
 * `logStartOffset` <= `lastStableOffset` <= `highWatermark` <= `logEndOffset`, and none of them
 * ever goes back.
 */
export class Visibility {
  readonly #log: PartitionLog
  readonly #producers: ProducerState
  readonly #listeners = new Set<() => void>()
  #highWatermark: number
  #announcedStableOffset: number
  #size = 0

  constructor(log: PartitionLog, producers: ProducerState) {
    this.#log = log
    this.#producers = producers
    this.#highWatermark = log.durableEndOffset
    producers.onHighWatermark(this.#highWatermark)
    this.#announcedStableOffset = this.lastStableOffset
    this.checkInvariants()
  }

  /** First offset that consumers do not see yet. */
  get highWatermark(): number {
    return this.#highWatermark
  }

  /** First offset that consumers of committed records do not see yet. */
  get lastStableOffset(): number {
    const unstable = this.#producers.firstUnstableOffset
    if (unstable === null) return this.#highWatermark
    return Math.min(this.#highWatermark, Math.max(unstable, this.#log.logStartOffset))
  }

  /** Bytes that came below the high watermark since the partition was opened. */
  get size(): number {
    return this.#size
  }

  get bounds(): PartitionBounds {
    return {
      highWatermark: this.#highWatermark,
      lastStableOffset: this.lastStableOffset,
      logStartOffset: this.#log.logStartOffset
    }
  }

  /**
   * A read that found nothing. Field by field, because every fetch that waits makes two, and an
   * object that is spread together takes ten times the memory.
   */
  nothingRead(abortedTransactions: PartitionRead['abortedTransactions']): PartitionRead {
    return {
      bytes: noBytes,
      release: nothingToRelease,
      highWatermark: this.#highWatermark,
      lastStableOffset: this.lastStableOffset,
      logStartOffset: this.#log.logStartOffset,
      abortedTransactions
    }
  }

  /** Calls `listener` in the turn in which more can be seen. Returns the way out. */
  onProgress(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The log's durable end has risen; `size` bytes are below it since the partition was opened. */
  advance(size: number): void {
    const highWatermark = this.#log.durableEndOffset
    assert(highWatermark >= this.#highWatermark, 'the high watermark never goes back')
    const moved = highWatermark > this.#highWatermark
    this.#highWatermark = highWatermark
    this.#size = size
    this.#producers.onHighWatermark(highWatermark)
    this.#producers.onLogStartOffset(this.#log.logStartOffset)
    this.#announce(moved)
  }

  /** The log's start has risen. */
  onLogStartOffset(): void {
    this.#producers.onLogStartOffset(this.#log.logStartOffset)
    this.#announce(false)
  }

  /** Calls every listener, though there may be nothing to be seen. */
  wake(): void {
    for (const listener of this.#listeners) listener()
  }

  forgetListeners(): void {
    this.#listeners.clear()
  }

  checkInvariants(): void {
    const { logStartOffset, logEndOffset } = this.#log
    const stable = this.lastStableOffset
    assert(logStartOffset <= stable, 'logStartOffset <= lastStableOffset')
    assert(stable <= this.#highWatermark, 'lastStableOffset <= highWatermark')
    assert(this.#highWatermark <= logEndOffset, 'highWatermark <= logEndOffset')
  }

  #announce(highWatermarkMoved: boolean): void {
    const stable = this.lastStableOffset
    assert(stable >= this.#announcedStableOffset, 'the last stable offset never goes back')
    const moved = highWatermarkMoved || stable > this.#announcedStableOffset
    this.#announcedStableOffset = stable
    this.checkInvariants()
    if (moved) this.wake()
  }
}

const noBytes = Buffer.alloc(0)

function nothingToRelease(): void {}
