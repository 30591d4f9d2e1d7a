import { assert } from '../../src/base/assert.ts'
import { deferred } from '../../src/base/deferred.ts'
import type { Deferred } from '../../src/base/deferred.ts'
import { failure, success } from '../../src/base/result.ts'
import type { Result } from '../../src/base/result.ts'
import type {
  AppendError,
  AppendedBatch,
  Compaction,
  CompactionError,
  CompactionMoment,
  CompactionNeed,
  CompactionOutcome,
  LeaderEpochStart,
  LogSnapshots,
  PartitionLog,
  ReadBatches,
  ReadError,
  ReadRequest,
  RetentionMoment,
  RetentionOutcome
} from '../../src/storage/partition-log.ts'

interface Pending {
  readonly batch: AppendedBatch
  readonly outcome: Deferred<Result<void, AppendError>>
}

/** Snapshots in a map, all of them kept. */
class FakeSnapshots implements LogSnapshots {
  readonly contents = new Map<number, Buffer>()

  get offsets(): readonly number[] {
    return [...this.contents.keys()].sort((a, b) => b - a)
  }

  read(offset: number): Promise<Buffer | null> {
    return Promise.resolve(this.contents.get(offset) ?? null)
  }

  save(offset: number, content: Buffer): Promise<boolean> {
    this.contents.set(offset, content)
    return Promise.resolve(true)
  }
}

/**
 * A log in a list, whose disk is in the hands of the test: `manual` batches are durable when `sync`
 * says so, or fail. It counts the buffers that are out, so that a test sees a read that nobody gave
 * back.
 */
export class FakeLog implements PartitionLog {
  readonly unreadable = null
  logStartOffset = 0
  logEndOffset = 0
  durableEndOffset = 0
  isSpaceLow = false
  /** Refuses the next append before anything is written. */
  failNext: AppendError | null = null
  /** Fails reads that reach this offset. */
  corruptFrom: number | null = null
  /** Most bytes that one read gives, the first batch excepted. */
  readSizeMax = Infinity
  buffersOut = 0
  /** Where the next retention lets the log begin. */
  retainFrom = 0
  readonly snapshots = new FakeSnapshots()
  readonly retentions: RetentionMoment[] = []
  readonly compactions: CompactionMoment[] = []
  wantsCompaction = false
  cleanableRatio = 1
  /** What a compaction does. */
  compaction: (compaction: Compaction) => Promise<Result<CompactionOutcome, CompactionError>> =
    () =>
      Promise.resolve(
        success({ firstDirtyOffset: 0, nextDirtyOffset: 0, sizeBefore: 0, sizeAfter: 0 })
      )
  readonly #batches: AppendedBatch[] = []
  readonly #pending: Pending[] = []
  readonly #durability: 'immediate' | 'manual'
  #listener: () => void = () => {}
  #beforeStartRises: (offset: number) => Promise<void> = () => Promise.resolve()

  constructor(durability: 'immediate' | 'manual' = 'immediate') {
    this.#durability = durability
  }

  get size(): number {
    return this.#batches.reduce((sum, each) => sum + each.bytes.length, 0)
  }

  get largestTimestamp(): { readonly timestampMs: number; readonly offset: number } | null {
    let largest: AppendedBatch | null = null
    for (const each of this.#batches) {
      if (largest === null || each.maxTimestampMs > largest.maxTimestampMs) largest = each
    }
    return largest && { timestampMs: largest.maxTimestampMs, offset: largest.lastOffset }
  }

  get leaderEpochs(): readonly LeaderEpochStart[] {
    const epochs: LeaderEpochStart[] = []
    for (const { partitionLeaderEpoch: leaderEpoch, baseOffset } of this.#batches) {
      if (epochs.at(-1)?.leaderEpoch === leaderEpoch) continue
      epochs.push({ leaderEpoch, startOffset: Math.max(baseOffset, this.logStartOffset) })
    }
    return epochs
  }

  append(
    _ownerEpoch: number,
    expectedOffset: number,
    batches: readonly AppendedBatch[]
  ): Promise<Result<void, AppendError>> {
    assert(expectedOffset === this.logEndOffset, 'appends come at the end')
    if (this.failNext !== null) {
      const error = this.failNext
      this.failNext = null
      return Promise.resolve(failure(error))
    }
    const outcome = deferred<Result<void, AppendError>>()
    for (const batch of batches) {
      const kept = { ...batch, bytes: Buffer.from(batch.bytes) }
      this.#batches.push(kept)
      this.#pending.push({ batch: kept, outcome })
      this.logEndOffset = batch.lastOffset + 1
    }
    if (this.#durability === 'immediate') this.sync()
    return outcome.promise
  }

  /** The disk has the first `count` batches that wait for it. */
  sync(count = this.#pending.length): void {
    const synced = this.#pending.splice(0, count)
    const last = synced.at(-1)
    if (last === undefined) return
    this.durableEndOffset = last.batch.lastOffset + 1
    this.#listener()
    for (const { outcome } of synced) outcome.resolve(success(undefined))
  }

  /** The disk has failed: none of the batches that wait for it will ever be read. */
  fail(error: AppendError = 'STORAGE'): void {
    const lost = this.#pending.splice(0)
    this.#batches.splice(this.#batches.length - lost.length)
    this.logEndOffset = this.durableEndOffset
    for (const { outcome } of lost) outcome.resolve(failure(error))
  }

  read(request: ReadRequest): Promise<Result<ReadBatches, ReadError>> {
    const { fromOffset, upToOffset, minOneBatch } = request
    const maxSize = Math.min(request.maxSize, this.readSizeMax)
    if (fromOffset < this.logStartOffset || fromOffset > this.logEndOffset) {
      return Promise.resolve(failure('OFFSET_OUT_OF_RANGE'))
    }
    const found: AppendedBatch[] = []
    let size = 0
    for (const each of this.#batches) {
      if (each.lastOffset < fromOffset) continue
      if (each.lastOffset >= upToOffset) break
      const isForced = minOneBatch && found.length === 0
      if (size + each.bytes.length > maxSize && !isForced) break
      if (this.corruptFrom !== null && each.lastOffset >= this.corruptFrom) {
        if (found.length === 0) return Promise.resolve(failure('CORRUPT', 'rotten'))
        break
      }
      found.push(each)
      size += each.bytes.length
    }
    return Promise.resolve(success(this.#handOut(found, fromOffset)))
  }

  batchForTimestamp(
    timestampMs: number,
    upToOffset: number
  ): Promise<Result<ReadBatches | null, ReadError>> {
    for (const each of this.#batches) {
      if (each.lastOffset >= upToOffset) break
      if (each.lastOffset < this.logStartOffset || each.maxTimestampMs < timestampMs) continue
      return Promise.resolve(success(this.#handOut([each], each.baseOffset)))
    }
    return Promise.resolve(success(null))
  }

  async raiseLogStartOffset(
    _ownerEpoch: number,
    offset: number
  ): Promise<Result<void, AppendError>> {
    if (offset > this.logStartOffset) await this.#beforeStartRises(offset)
    this.logStartOffset = Math.max(this.logStartOffset, offset)
    return success(undefined)
  }

  /** Notes what retention is asked with, and lets the log begin where the test says. */
  async applyRetention(
    ownerEpoch: number,
    { wallMs, highWatermark }: RetentionMoment
  ): Promise<Result<RetentionOutcome, AppendError>> {
    this.retentions.push({ wallMs, highWatermark })
    await this.raiseLogStartOffset(ownerEpoch, this.retainFrom)
    return success({ futureTimestampMs: null })
  }

  /** Notes what compaction is asked with; it does nothing. */
  compactionNeed(moment: CompactionMoment): CompactionNeed {
    this.compactions.push(moment)
    return { isWanted: this.wantsCompaction, cleanableRatio: this.cleanableRatio }
  }

  compact(
    _ownerEpoch: number,
    compaction: Compaction
  ): Promise<Result<CompactionOutcome, CompactionError>> {
    return this.compaction(compaction)
  }

  truncate(): Promise<Result<void, AppendError>> {
    throw new Error('partitions do not truncate')
  }

  reconfigure(): void {}

  onDurable(listener: () => void): void {
    this.#listener = listener
  }

  beforeStartRises(listener: (offset: number) => Promise<void>): void {
    this.#beforeStartRises = listener
  }

  close(): Promise<void> {
    this.sync()
    return Promise.resolve()
  }

  #handOut(batches: readonly AppendedBatch[], fromOffset: number): ReadBatches {
    const bytes = Buffer.concat(batches.map(each => each.bytes))
    let isOut = true
    this.buffersOut++
    return {
      bytes,
      baseOffset: batches[0]?.baseOffset ?? fromOffset,
      release: () => {
        assert(isOut, 'a buffer is given back once')
        isOut = false
        this.buffersOut--
        // Whoever still looks at it reads nonsense, as with a buffer that the pool has handed on.
        bytes.fill(0xee)
      }
    }
  }
}
