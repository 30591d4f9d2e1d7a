import { assert } from '../base/assert.ts'
import { failure, success, type Failure, type Result } from '../base/result.ts'
import { whenSettled, type Settled } from '../base/settled.ts'
import type { TopicConfigs } from '../config/topic-configs.ts'
import type { Clock } from '../io/clock.ts'
import * as batch from '../record/batch.ts'
import { endTxnMarker } from '../record/control.ts'
import { buildBatch, type Record } from '../record/records.ts'
import type {
  AbortedTransaction,
  Applied,
  ProducerState,
  RememberedBatch
} from '../storage/producer-state.ts'
import type { LeaderEpochStart, PartitionLog } from '../storage/partition-log.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import { appendErrorName, lowSpaceFault, readErrorName, refusal, refused } from './append-result.ts'
import type { AppendInfo, AppendResult } from './append-result.ts'
import { AppendTime } from './append-time.ts'
import { validateForTopic } from './batch-rules.ts'
import { firstOffsetKept } from './deletion-offset.ts'
import { InFlightAppends } from './in-flight-appends.ts'
import {
  endOffsetForEpoch,
  epochFault,
  withPresentEpoch,
  type EpochEndOffset
} from './leader-epochs.ts'
import { findOffset, type TimestampedOffset } from './offset-for-timestamp.ts'
import { endOffsetOf, readVisible } from './log-reading.ts'
import type {
  AppendOptions,
  AppliedRetention,
  IsolationLevel,
  OwnRecord,
  PartitionOpening,
  PartitionRead,
  PartitionReadRequest,
  ReplayedBatch,
  TransactionEnd
} from './partition-data.ts'
import { PartitionCompaction } from './partition-compaction.ts'
import { ProducerSnapshots } from './producer-snapshots.ts'
import { rebuildProducers, sequencedBatch, type RebuiltProducers } from './rebuild-producers.ts'
import { replayLog } from './replay-log.ts'
import { Visibility } from './visibility.ts'

export type { AppendFailure, AppendInfo, AppendResult, RecordError } from './append-result.ts'
export type { CompactionFailure, CompactionMeans } from './partition-compaction.ts'
export type * from './partition-data.ts'

export interface PartitionOptions {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly leaderEpoch: number
  readonly log: PartitionLog
  readonly configs: TopicConfigs
  readonly clock: Clock
  /** Handed to the log with every change: an engine shared by processes refuses an old one. */
  readonly ownerEpoch: number
  /** Idle time after which a producer may begin anew. Kafka: producer.id.expiration.ms. */
  readonly producerIdExpirationMs: number
}

/**
 * The data plane of one partition: every rule of Kafka that stands above bytes. It assigns offsets,
 * holds producers to their sequences, says what consumers may see, and hands bytes to the log and
 * back.
 */
export class Partition {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly leaderEpoch: number
  /** What was read to open it. */
  readonly opening: PartitionOpening
  readonly compaction: PartitionCompaction
  readonly #name: string
  readonly #log: PartitionLog
  readonly #clock: Clock
  readonly #ownerEpoch: number
  readonly #epochStartOffset: number
  readonly #producers: ProducerState
  readonly #snapshots: ProducerSnapshots
  readonly #appendTime: AppendTime
  readonly #inFlight = new InFlightAppends()
  readonly #visibility: Visibility
  #configs: TopicConfigs
  /** Bytes appended since the partition was opened. */
  #appendedSize = 0
  #isClosed = false

  /**
   * Opens the partition over its log, which is its alone from now on. The end of the log is read to
   * learn of its producers.
   */
  static async open(options: PartitionOptions): Promise<Partition> {
    const rebuilt = await rebuildProducers(options, options.clock.wallMs())
    const partition = new Partition(options, rebuilt)
    if (rebuilt.damage === null && partition.#snapshots.isDue) await partition.#snapshots.take()
    return partition
  }

  private constructor(options: PartitionOptions, rebuilt: RebuiltProducers) {
    this.topic = options.topic
    this.topicId = options.topicId
    this.partition = options.partition
    this.leaderEpoch = options.leaderEpoch
    const { producers, ...opening } = rebuilt
    this.opening = opening
    this.#name = `${options.topic}-${options.partition}`
    this.#log = options.log
    this.#clock = options.clock
    this.#ownerEpoch = options.ownerEpoch
    this.#epochStartOffset = options.log.logEndOffset
    this.#producers = producers
    const known = { ...options, producers }
    const snapshots = new ProducerSnapshots({ ...known, sizeBehind: rebuilt.sizeRead })
    this.#snapshots = snapshots
    this.#configs = options.configs
    this.#visibility = new Visibility(options.log, producers)
    const stampsTime = options.configs.messageTimestampType === 'LogAppendTime'
    this.#appendTime = new AppendTime(
      (stampsTime && options.log.largestTimestamp?.timestampMs) || 0
    )
    this.compaction = new PartitionCompaction({ ...known, snapshots, partition: this })
    this.#log.onDurable(() => this.#onDurable())
  }

  get logStartOffset(): number {
    return this.#log.logStartOffset
  }

  /** First offset that consumers do not see yet. */
  get highWatermark(): number {
    return this.#visibility.highWatermark
  }

  /** First offset that consumers of committed records do not see yet. */
  get lastStableOffset(): number {
    return this.#visibility.lastStableOffset
  }

  get logEndOffset(): number {
    return this.#log.logEndOffset
  }

  /**
   * Bytes that came below the high watermark since the partition was opened: how waiting fetches
   * count. Only grows.
   */
  get visibleSize(): number {
    return this.#visibility.size
  }

  /** Bytes kept. */
  get size(): number {
    return this.#log.size
  }

  get configs(): TopicConfigs {
    return this.#configs
  }

  /**
   * Appends the one batch that a client sent. Offsets are assigned and the bytes written before the
   * call returns, so calls in one turn keep their order. The result is there at once when the batch
   * is acknowledged by then, and a promise of it otherwise. The offsets are stamped into `records`
   * itself.
   *
   * @returns where the batch is, or was when it is the repetition of an earlier one;
   *   FENCED_LEADER_EPOCH and UNKNOWN_LEADER_EPOCH for a client of another time, what
   *   `validateForTopic` and `ProducerState.check` refuse, KAFKA_STORAGE_ERROR when the log cannot
   *   be written
   */
  append(records: Buffer, options: AppendOptions): Settled<AppendResult> {
    const fault = this.#writeFault(options.currentLeaderEpoch ?? -1) ?? lowSpaceFault(this.#log)
    if (fault !== null) return refusal(fault)
    const nowMs = this.#clock.wallMs()
    const produced = { produceVersion: options.produceVersion, nowMs, topicPartition: this.#name }
    const validated = validateForTopic(records, this.#configs, produced)
    if (!validated.ok) return refusal(validated, validated.recordErrors)
    const { bytes } = validated.value
    const isSequenced = batch.producerId(bytes, 0) >= 0
    if (isSequenced) {
      const { isTransactionVerified = false } = options
      const checked = this.#producers.check(sequencedBatch(bytes, 0), nowMs, isTransactionVerified)
      if (!checked.ok) return refusal(checked)
      if (checked.value !== null) return this.#answerAgain(checked.value, options.acks)
    }
    this.#stamp(bytes, nowMs)
    const applied = isSequenced ? this.#producers.append(sequencedBatch(bytes, 0), nowMs) : null
    return this.#hand(bytes, applied, options.acks)
  }

  /**
   * Appends records of the broker's own, in one batch: what coordinators and the cluster metadata
   * write.
   *
   * @returns MESSAGE_TOO_LARGE beyond the topic's max.message.bytes, KAFKA_STORAGE_ERROR
   */
  appendRecords(records: readonly OwnRecord[]): Settled<AppendResult> {
    assert(records.length > 0, 'a batch has at least one record')
    const fault = this.#writeFault(-1)
    if (fault !== null) return refusal(fault)
    const nowMs = this.#clock.wallMs()
    const bytes = buildBatch({
      records: records.map(each => ({ ...each, timestampMs: each.timestampMs ?? nowMs }))
    })
    if (bytes.length > this.#configs.maxMessageBytes) {
      const detail = `${bytes.length} bytes in one batch, more than max.message.bytes`
      return refusal(failure('MESSAGE_TOO_LARGE', detail))
    }
    this.#stamp(bytes, nowMs)
    return this.#hand(bytes, null, 1)
  }

  /**
   * Ends a producer's transaction in this partition: what the transaction coordinator writes.
   *
   * @returns INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED, KAFKA_STORAGE_ERROR
   */
  endTransaction(end: TransactionEnd): Settled<AppendResult> {
    const fault = this.#writeFault(-1)
    if (fault !== null) return refusal(fault)
    const { producerId, producerEpoch, coordinatorEpoch, result } = end
    const nowMs = this.#clock.wallMs()
    const told = { producerId, producerEpoch, coordinatorEpoch, timestampMs: nowMs }
    const marker = { ...told, type: result, offset: this.#log.logEndOffset }
    const checked = this.#producers.checkMarker(marker, end.transactionVersion)
    if (!checked.ok) return refusal(checked)
    const bytes = endTxnMarker({ ...told, result })
    this.#stamp(bytes, nowMs)
    return this.#hand(bytes, this.#producers.complete(marker, nowMs), -1)
  }

  /**
   * Reads whole batches from the one that contains `fromOffset` on, as far as consumers may see.
   * Batches that compaction has emptied are skipped while something follows them: kafkajs does not
   * move on by them.
   *
   * @returns OFFSET_OUT_OF_RANGE outside of the log, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH,
   *   CORRUPT_MESSAGE for bytes that fail their checksum, KAFKA_STORAGE_ERROR
   */
  async read(request: PartitionReadRequest): Promise<Result<PartitionRead, ErrorName>> {
    const nothing = this.readNothing(request)
    if (nothing !== null) return nothing
    const { fromOffset, isolationLevel } = request
    const committedOnly = isolationLevel === 'READ_COMMITTED'
    const bounds = this.#visibility.bounds
    const upToOffset = committedOnly ? bounds.lastStableOffset : bounds.highWatermark
    const read = await readVisible(this.#log, request, upToOffset)
    if (!read.ok) return failure(readErrorName(read.error), read.detail)
    const { bytes } = read.value
    let abortedTransactions: readonly AbortedTransaction[] | null = committedOnly ? [] : null
    if (committedOnly && this.#producers.hasAbortedTransactions) {
      const endOffset = endOffsetOf(bytes, fromOffset)
      abortedTransactions = this.#producers.abortedTransactions(fromOffset, endOffset)
    }
    return success({ bytes, release: () => read.value.release(), ...bounds, abortedTransactions })
  }

  /**
   * The answer of `read` when it needs nothing of the log: there is nothing to be seen, or the
   * request is refused. Null when the log has to be read.
   */
  readNothing(request: PartitionReadRequest): Result<PartitionRead, ErrorName> | null {
    const fault = this.#fault(request.currentLeaderEpoch)
    if (fault !== null) return fault
    const { fromOffset } = request
    const bounds = this.#visibility.bounds
    if (fromOffset < bounds.logStartOffset || fromOffset > this.#log.logEndOffset) {
      const range = `${bounds.logStartOffset} to ${this.#log.logEndOffset}`
      return failure('OFFSET_OUT_OF_RANGE', `offset ${fromOffset} is outside of ${range}`)
    }
    const committedOnly = request.isolationLevel === 'READ_COMMITTED'
    const upToOffset = committedOnly ? bounds.lastStableOffset : bounds.highWatermark
    const mayRead = request.maxBytes > 0 || request.minOneBatch
    if (fromOffset < upToOffset && mayRead) return null
    return success(this.#visibility.nothingRead(committedOnly ? [] : null))
  }

  /**
   * Hands over every batch from `logStartOffset` to the `logEndOffset` at the call, in order. The
   * records are views that end with the call of `onBatch`: copy what is kept.
   *
   * @returns CORRUPT_MESSAGE or KAFKA_STORAGE_ERROR where the log could not be read on
   */
  async replay(
    onBatch: (records: readonly Record[], batch: ReplayedBatch) => void
  ): Promise<Result<void, ErrorName>> {
    const { unreadable } = this.#log
    if (unreadable !== null) return failure('KAFKA_STORAGE_ERROR', unreadable)
    const replayed = await replayLog(this.#log, onBatch)
    return replayed.ok ? replayed : failure(readErrorName(replayed.error), replayed.detail)
  }

  /**
   * Where in the log a moment is, for ListOffsets.
   *
   * @param timestamp ms, or -1 the end that this reader may see, -2 and -4 the start, -3 the record
   *   with the largest timestamp, -5 and -6 what tiered storage holds: nothing here
   * @returns offset and timestamp -1 when no record fits; FENCED_LEADER_EPOCH,
   *   UNKNOWN_LEADER_EPOCH, CORRUPT_MESSAGE, KAFKA_STORAGE_ERROR
   */
  async listOffset(
    timestamp: number,
    isolationLevel: IsolationLevel,
    currentLeaderEpoch: number
  ): Promise<Result<TimestampedOffset, ErrorName>> {
    const fault = this.#fault(currentLeaderEpoch)
    if (fault !== null) return fault
    const committedOnly = isolationLevel === 'READ_COMMITTED'
    const upToOffset = committedOnly ? this.lastStableOffset : this.highWatermark
    const found = await findOffset(this.#log, timestamp, {
      upToOffset,
      leaderEpoch: this.leaderEpoch,
      leaderEpochs: this.#epochs()
    })
    return found.ok ? found : failure(readErrorName(found.error), found.detail)
  }

  /**
   * Raises the log start offset; durable when it resolves. An offset at or below the present start
   * changes nothing.
   *
   * @param beforeOffset first offset to keep, or -1 for the high watermark
   * @returns OFFSET_OUT_OF_RANGE beyond the high watermark, POLICY_VIOLATION for a topic that is
   *   only compacted
   */
  async deleteRecords(
    beforeOffset: number
  ): Promise<Result<{ logStartOffset: number }, ErrorName>> {
    const fault = this.#fault(-1)
    if (fault !== null) return fault
    const kept = firstOffsetKept(beforeOffset, this)
    if (!kept.ok) return kept
    if (kept.value > this.#log.logStartOffset) {
      const raised = await this.#log.raiseLogStartOffset(this.#ownerEpoch, kept.value)
      if (!raised.ok) return failure(appendErrorName(raised.error), raised.detail)
      this.#onLogStartOffset()
    }
    return success({ logStartOffset: this.#log.logStartOffset })
  }

  /**
   * Deletes what `retention.bytes` and `retention.ms` no longer want, if `cleanup.policy` includes
   * delete.
   *
   * @param wallMs null while the wall clock cannot be trusted: then only `retention.bytes` counts
   * @returns NOT_LEADER_OR_FOLLOWER, KAFKA_STORAGE_ERROR
   */
  async applyRetention(wallMs: number | null): Promise<Result<AppliedRetention, ErrorName>> {
    const fault = this.#fault(-1)
    if (fault !== null) return fault
    const { logStartOffset, highWatermark } = this
    const outcome = { logStartOffset, futureTimestampMs: null }
    if (!this.#configs.cleanupPolicy.delete) return success(outcome)
    const applied = await this.#log.applyRetention(this.#ownerEpoch, { wallMs, highWatermark })
    if (!applied.ok) return failure(appendErrorName(applied.error), applied.detail)
    this.#onLogStartOffset()
    return success({ ...applied.value, logStartOffset: this.logStartOffset })
  }

  /**
   * Where the records of a leader epoch end: how a consumer notices that the log was cut (KIP-320).
   *
   * @returns the largest epoch up to the one asked for and its end, both -1 when nothing is known
   *   of it; FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH
   */
  endOffsetForEpoch(
    leaderEpoch: number,
    currentLeaderEpoch: number
  ): Result<EpochEndOffset, ErrorName> {
    const fault = this.#fault(currentLeaderEpoch)
    if (fault !== null) return fault
    return success(endOffsetForEpoch(this.#epochs(), leaderEpoch, this.#log.logEndOffset))
  }

  /** Applies changed topic configs from the next call on. */
  reconfigure(configs: TopicConfigs): void {
    this.#configs = configs
    this.#log.reconfigure(configs)
  }

  /**
   * Calls `listener` in the turn in which the high watermark or the last stable offset moved.
   * Returns the way out.
   */
  onProgress(listener: () => void): () => void {
    return this.#visibility.onProgress(listener)
  }

  /**
   * Whether `close` was called: everything is refused with NOT_LEADER_OR_FOLLOWER, clients look for
   * the leader.
   */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /**
   * Refuses what comes from now on, wakes those who wait for progress, finishes what is in flight.
   *
   * @param isRemoved nobody will open it again: nothing is kept for a next start
   */
  async close({ isRemoved = false } = {}): Promise<void> {
    this.#isClosed = true
    this.#visibility.wake()
    if (!isRemoved) await this.#snapshots.take()
    await this.#log.close()
    this.#visibility.forgetListeners()
  }

  /** Why nobody, or not this client, may use the partition now. */
  #fault(currentLeaderEpoch: number): Failure<ErrorName> | null {
    if (this.#isClosed) return failure('NOT_LEADER_OR_FOLLOWER', 'the partition is closed')
    const { unreadable } = this.#log
    if (unreadable !== null) return failure('KAFKA_STORAGE_ERROR', unreadable)
    return epochFault(currentLeaderEpoch, this.leaderEpoch)
  }

  #writeFault(currentLeaderEpoch: number): Failure<ErrorName> | null {
    this.#inFlight.onLogEnd(this.#log.logEndOffset, this.#producers)
    return this.#fault(currentLeaderEpoch)
  }

  #epochs(): readonly LeaderEpochStart[] {
    return withPresentEpoch(this.#log.leaderEpochs, this.leaderEpoch, this.#epochStartOffset)
  }

  #stamp(bytes: Buffer, nowMs: number): void {
    batch.stampOffsets(bytes, 0, this.#log.logEndOffset, this.leaderEpoch)
    if (this.#configs.messageTimestampType === 'LogAppendTime') this.#appendTime.stamp(bytes, nowMs)
  }

  /**
   * Gives a stamped batch to the log. The producer state knows of it before anyone can be woken by
   * it.
   */
  #hand(bytes: Buffer, applied: Applied | null, acks: number): Settled<AppendResult> {
    const baseOffset = batch.baseOffset(bytes, 0)
    const lastOffset = batch.lastOffset(bytes, 0)
    const maxTimestampMs = batch.maxTimestampMs(bytes, 0)
    this.#appendedSize += bytes.length
    const appended = this.#log.append(this.#ownerEpoch, baseOffset, [
      { bytes, baseOffset, lastOffset, maxTimestampMs, partitionLeaderEpoch: this.leaderEpoch }
    ])
    if (this.#log.logEndOffset <= lastOffset) {
      if (applied !== null) this.#producers.undo(applied)
      return whenSettled(appended, result => {
        assert(!result.ok, 'a write that was accepted moves the log end at once')
        return refused(appendErrorName(result.error), result.detail)
      })
    }
    const info: AppendInfo = {
      baseOffset,
      lastOffset,
      logAppendTimeMs: batch.isLogAppendTime(bytes, 0) ? maxTimestampMs : batch.noTimestamp,
      logStartOffset: this.#log.logStartOffset
    }
    this.#visibility.checkInvariants()
    this.#snapshots.appended(bytes.length)
    if (this.#log.durableEndOffset > lastOffset) return success(info)
    const outcome = Promise.resolve(appended).then((result): AppendResult => {
      if (result.ok) return success(info)
      this.#inFlight.onFailed(inFlight, this.#producers)
      return refused(appendErrorName(result.error), result.detail)
    })
    const inFlight = { baseOffset, lastOffset, endSize: this.#appendedSize, applied, outcome }
    this.#inFlight.add(inFlight)
    return acks === 0 && !this.#inFlight.areMany ? success(info) : outcome
  }

  /**
   * A repetition is answered like the first time, and no sooner: its original may still be on its
   * way to the disk.
   */
  #answerAgain(original: RememberedBatch, acks: number): Settled<AppendResult> {
    const inFlight = this.#inFlight.startingAt(original.baseOffset)
    if (inFlight !== null && acks !== 0) return inFlight.outcome
    const { baseOffset, lastOffset, logAppendTimeMs } = original
    const { logStartOffset } = this.#log
    return success({ baseOffset, lastOffset, logAppendTimeMs, logStartOffset })
  }

  #onLogStartOffset(): void {
    this.#visibility.onLogStartOffset()
    this.#snapshots.logStartRaised()
  }

  #onDurable(): void {
    const { durableEndOffset, logEndOffset } = this.#log
    const durableSize = this.#inFlight.onDurable(durableEndOffset)
    const allVisible = durableEndOffset === logEndOffset
    const size = allVisible ? this.#appendedSize : (durableSize ?? this.visibleSize)
    this.#visibility.advance(size)
  }
}
