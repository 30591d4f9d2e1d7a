import { assert } from '../../base/assert.ts'
import { failure, success, type Failure, type Result } from '../../base/result.ts'
import { Serial } from '../../base/serial.ts'
import type { Settled } from '../../base/settled.ts'
import type {
  AppendedBatch,
  AppendError,
  Compaction,
  CompactionMoment,
  CompactionNeed,
  LeaderEpochStart,
  LogConfigs,
  PartitionLog,
  ReadBatches,
  ReadError,
  ReadRequest,
  RetentionMoment,
  RetentionOutcome
} from '../partition-log.ts'
import { DamageReports, type DamagedRange } from './damage-reports.ts'
import { failedWrite } from './failed-write.ts'
import { IndexLoads } from './index-loads.ts'
import { noteEpochs, type LeaderEpochs } from './leader-epochs.ts'
import { closeSegments, settleLog, syncBeforeClose } from './log-closing.ts'
import { LogCompaction, type CompactedLog } from './log-compaction.ts'
import type { LogContext, LogName } from './log-context.ts'
import { LogFolder } from './log-folder.ts'
import { LogReader, type ReadableLog } from './log-reader.ts'
import { LogRolling, type RolledLog } from './log-rolling.ts'
import { LogDurability, type AppendResult } from './log-durability.ts'
import type { RecoveredLog } from './recovery.ts'
import { planRetention } from './retention.ts'
import { truncateSparse } from './sparse-truncation.ts'
import { SegmentList } from './segment-list.ts'
import { wholeOf, type SegmentIndexes } from './segment-indexes.ts'
import { cutSegment } from './segment-repair.ts'
import type { Segment } from './segment.ts'
import { SnapshotFiles } from './snapshot-files.ts'

/** The answer of an append that is as safe as it has to be: one for all. */
const done: AppendResult = success(undefined)

/**
 * The log of one partition in a folder of its own: segments in Kafka's format, sidecars of ours.
 * Writes are done before `append` returns; in the mode `fsync` the promise waits for the group
 * commit that covers them.
 *
 * Nothing is on disk of a log that never held a record: its folder is made by the first append, and
 * a power cut before the first acknowledgement may take the folder away again.
 *
 * The owner's epoch is kept in memory only: the lock of the log directory keeps other processes
 * out.
 */
export class LocalLog implements PartitionLog, ReadableLog, CompactedLog, RolledLog {
  readonly unreadable = null
  readonly name: LogName
  readonly epochs: LeaderEpochs
  readonly segments: SegmentList
  readonly snapshots: SnapshotFiles
  readonly #context: LogContext
  readonly folder: LogFolder
  readonly reader: LogReader
  readonly durability: LogDurability
  readonly #listeners: (() => void)[] = []
  #beforeStartRises: (offset: number) => Promise<void> = () => Promise.resolve()
  readonly #damage: DamageReports
  readonly #indexLoads: IndexLoads
  readonly #compaction: LogCompaction
  readonly #rolling: LogRolling
  /** Segments are taken out of the list by one at a time. */
  readonly structure = new Serial()
  configs: LogConfigs
  #logStartOffset: number
  /** What sidecars are told: ahead of `#logStartOffset` until that is durable. */
  notedStartOffset: number
  #logEndOffset: number
  #ownerEpoch = -1
  #truncationCount = 0
  #state: 'open' | 'truncating' | 'closed' = 'open'

  constructor(
    context: LogContext,
    name: LogName,
    configs: LogConfigs,
    recovered: RecoveredLog,
    hasFolder: boolean
  ) {
    this.#context = context
    this.name = name
    this.configs = configs
    this.segments = new SegmentList(recovered.segments)
    this.epochs = recovered.epochs
    this.#logStartOffset = recovered.logStartOffset
    this.notedStartOffset = recovered.logStartOffset
    this.#logEndOffset = recovered.logEndOffset
    this.folder = new LogFolder(context, name, hasFolder)
    this.snapshots = new SnapshotFiles(context, this.folder.path, recovered.snapshotOffsets, this)
    this.durability = new LogDurability(
      context,
      this,
      this.folder.path,
      recovered.durableEnd,
      () => {
        if (context.durability === 'fsync') this.#tellListeners()
      }
    )
    this.reader = new LogReader(context, this)
    this.#indexLoads = new IndexLoads(context, this.folder.path, this)
    this.#damage = new DamageReports(context.logger, name)
    this.#compaction = new LogCompaction(context, this)
    this.#rolling = new LogRolling(context, this)
    if (recovered.isCrashed) {
      // Nobody knows which names of the life before are durable, and what recovery has cut off must
      // not come back under what is appended now: the first sync sees to both.
      this.durability.folderMade()
      for (const segment of this.segments.all) {
        if (segment.isUrgent) this.durability.changed(segment)
      }
    }
    for (const { segment, fromOffset, toOffset } of recovered.damage) {
      this.reportDamage(segment, fromOffset, toOffset)
    }
  }

  get isOpen(): boolean {
    return this.#state !== 'closed'
  }

  get logStartOffset(): number {
    return this.#logStartOffset
  }

  get logEndOffset(): number {
    return this.#logEndOffset
  }

  get durableEndOffset(): number {
    return this.#context.durability === 'fsync' ? this.durability.end.offset : this.#logEndOffset
  }

  get readableEndOffset(): number {
    return this.#context.failure === null ? Infinity : this.durableEndOffset
  }

  get truncationCount(): number {
    return this.#truncationCount
  }

  get size(): number {
    return this.segments.size
  }

  get isSpaceLow(): boolean {
    return this.#context.space.isLow
  }

  get largestTimestamp(): { readonly timestampMs: number; readonly offset: number } | null {
    return this.segments.largestTimestamp
  }

  get leaderEpochs(): readonly LeaderEpochStart[] {
    return this.epochs.from(this.#logStartOffset)
  }

  /** What was promised and cannot be read, as far as it was noticed. */
  get damage(): readonly DamagedRange[] {
    return this.#damage.ranges
  }

  append(
    ownerEpoch: number,
    expectedOffset: number,
    batches: readonly AppendedBatch[]
  ): Settled<AppendResult> {
    const refused = this.#refusal(ownerEpoch)
    if (refused !== null) return refused
    if (expectedOffset !== this.#logEndOffset) {
      const detail = `the log ends at ${this.#logEndOffset}, not at ${expectedOffset}`
      return failure('UNEXPECTED_OFFSET', detail)
    }
    if (batches.length === 0) return done
    const whole = wholeOf(batches, expectedOffset)
    let segment: Segment | null = null
    try {
      segment = this.#rolling.segmentFor(whole)
      noteEpochs(this.epochs, batches, segment.sidecar)
      segment.write(batches.map(batch => batch.bytes))
    } catch (error) {
      return failedWrite(this.#context, error, segment)
    }
    const { indexIntervalBytes } = this.configs
    for (const { bytes, lastOffset, maxTimestampMs } of batches) {
      segment.accept({ size: bytes.length, lastOffset, maxTimestampMs }, indexIntervalBytes)
    }
    this.#logEndOffset = whole.lastOffset + 1
    this.#context.space.written(whole.size)
    return this.#written(segment)
  }

  read(request: ReadRequest): Promise<Result<ReadBatches, ReadError>> {
    return this.reader.read(request)
  }

  batchForTimestamp(
    timestampMs: number,
    upToOffset: number,
    fromOffset: number = this.#logStartOffset
  ): Promise<Result<ReadBatches | null, ReadError>> {
    return this.reader.batchForTimestamp(timestampMs, upToOffset, fromOffset)
  }

  async raiseLogStartOffset(ownerEpoch: number, offset: number): Promise<AppendResult> {
    const refused = this.#refusal(ownerEpoch)
    if (refused !== null) return refused
    if (offset <= this.#logStartOffset) return success(undefined)
    if (offset > this.#logEndOffset) return failure('UNEXPECTED_OFFSET', 'beyond the log end')
    await this.#beforeStartRises(offset)
    const refusedSince = this.#refusal(ownerEpoch)
    if (refusedSince !== null) return refusedSince
    this.notedStartOffset = Math.max(this.notedStartOffset, offset)
    const active = this.segments.active
    assert(active !== undefined, 'a log with offsets has a segment')
    try {
      active.sidecar.writeState(this.durability.note(active), true)
      const noted = await this.#noted(active)
      if (!noted.ok) return noted
      // Nobody sees it before: what was seen to be gone must not return.
      this.#logStartOffset = Math.max(this.#logStartOffset, offset)
      // Of a log that was closed meanwhile the next start drops the segments.
      if (this.#state === 'closed') return noted
      // Into the other slot as well, of what is the active segment now: either may be lost.
      const { active: told } = this.segments
      told?.sidecar.writeState(this.durability.note(told), false)
      await this.structure.run(() => this.#dropSegments(active))
      return noted
    } catch (error) {
      return failedWrite(this.#context, error, null)
    }
  }

  async applyRetention(
    ownerEpoch: number,
    moment: RetentionMoment
  ): Promise<Result<RetentionOutcome, AppendError>> {
    const refused = this.#refusal(ownerEpoch)
    if (refused !== null) return refused
    const { all, active } = this.segments
    const { logStartOffset, futureTimestampMs, count } = planRetention(all, this.configs, moment)
    if (logStartOffset === null) return success({ futureTimestampMs })
    let offset = logStartOffset
    if (count === all.length) {
      try {
        this.durability.changed(this.#rolling.roll(active!))
      } catch (error) {
        // A full disk has no room for a new segment, but it gets some when the others go.
        failedWrite(this.#context, error, null)
        offset = active!.baseOffset
      }
    }
    const raised = await this.raiseLogStartOffset(ownerEpoch, offset)
    return raised.ok ? success({ futureTimestampMs }) : raised
  }

  compactionNeed(moment: CompactionMoment): CompactionNeed {
    return this.#compaction.need(moment)
  }

  compact(ownerEpoch: number, compaction: Compaction): ReturnType<PartitionLog['compact']> {
    const refused = this.#refusal(ownerEpoch)
    return refused === null ? this.#compaction.run(compaction) : Promise.resolve(refused)
  }

  /**
   * A batch that reaches beyond `offset` goes whole, so the log ends where that batch began; an
   * offset below `logStartOffset` stands for that. Nobody may append or truncate until the promise
   * has resolved.
   */
  async truncate(ownerEpoch: number, offset: number): Promise<AppendResult> {
    const refused = this.#refusal(ownerEpoch)
    if (refused !== null) return refused
    if (offset >= this.#logEndOffset) return success(undefined)
    this.#state = 'truncating'
    try {
      const toOffset = Math.max(offset, this.#logStartOffset)
      return await this.structure.run(() => this.#truncateTo(toOffset))
    } catch (error) {
      return failedWrite(this.#context, error, null)
    } finally {
      this.#state = 'open'
    }
  }

  reconfigure(configs: LogConfigs): void {
    this.configs = configs
  }

  onDurable(listener: () => void): void {
    this.#listeners.push(listener)
  }

  beforeStartRises(listener: (offset: number) => Promise<void>): void {
    this.#beforeStartRises = listener
  }

  /**
   * After which time files that are no longer needed are removed, ms. Kafka:
   * `file.delete.delay.ms`.
   */
  get fileDeleteDelayMs(): number {
    return this.configs.fileDeleteDelayMs
  }

  /** After a crash: takes to the disk what may be in the page cache only. */
  async settle(isCut: boolean): Promise<void> {
    const found = { logEndOffset: this.#logEndOffset, isCut }
    await settleLog(this.#context, this.segments, this.durability, found)
  }

  /**
   * Lets go of a log that is about to be removed: nothing is written, and nobody is acknowledged
   * any more.
   */
  async abandon(): Promise<void> {
    this.#state = 'closed'
    await this.structure.run(() => Promise.resolve())
    this.durability.refuse('the log was removed')
    await this.snapshots.close()
    await this.durability.stop()
    closeSegments(this.#context, this.segments, this.durability)
  }

  /** Writes everything that a clean start needs, makes it durable and closes the files. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    await this.structure.run(() => Promise.resolve())
    await this.snapshots.close()
    const { active } = this.segments
    if (this.#context.failure === null && active !== undefined) {
      active.writeMark(true)
      this.folder.writeLeaderEpochs(this.epochs)
      if (this.#context.durability !== 'memory') {
        await syncBeforeClose(this.#context, this.segments, this.durability, active)
      }
    }
    await this.durability.stop()
    closeSegments(this.#context, this.segments, this.durability)
  }

  /** The directory has failed: nobody who waits will get what they wait for. */
  failed(error: Error): void {
    this.durability.refuse(error.message)
  }

  indexesOf(segment: Segment): Promise<SegmentIndexes> {
    return this.#indexLoads.of(segment, this.configs.indexIntervalBytes)
  }

  reportDamage(segment: Segment, fromOffset: number, toOffset: number): void {
    this.#damage.report(segment.log.path, fromOffset, toOffset)
  }

  #refusal(ownerEpoch: number): Failure<AppendError> | null {
    assert(this.#state !== 'truncating', 'nothing is written while a log is being truncated')
    if (this.#state === 'closed') return failure('STORAGE', 'the log is closed')
    if (this.#context.failure !== null) return failure('STORAGE', this.#context.failure.message)
    if (ownerEpoch < this.#ownerEpoch) {
      return failure('FENCED', `the log belongs to epoch ${this.#ownerEpoch}`)
    }
    this.#ownerEpoch = ownerEpoch
    return null
  }

  /** Answers an append whose bytes are written. */
  #written(segment: Segment): Settled<AppendResult> {
    if (this.#context.durability === 'fsync') {
      this.durability.changed(segment)
      return this.durability.flushed()
    }
    if (this.#context.durability === 'os' && segment.isMarkDue) {
      this.durability.changed(segment)
      this.durability.flushSoon()
    }
    this.#tellListeners()
    return done
  }

  /**
   * Answers a note in a sidecar that is written. It waits for the disk in the mode `os` too: what
   * is removed on the strength of the note may go before it.
   */
  #noted(segment: Segment): Settled<AppendResult> {
    if (this.#context.durability === 'memory') return done
    this.durability.changed(segment)
    return this.durability.flushed()
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) listener()
  }

  /**
   * Sets segments aside that are wholly below the log start offset.
   *
   * @param noted says so on disk
   */
  async #dropSegments(noted: Segment): Promise<void> {
    const isClosed = (): boolean => this.#state === 'closed'
    const { active } = this.segments
    if (isClosed() || active === undefined) return
    const isEmptied = this.#logStartOffset === this.#logEndOffset
    const last = isEmptied && active.size > 0 ? this.#rolling.roll(active) : active
    if (last !== noted) {
      // It was begun after the note, and may have to tell alone where the log begins and ends: it
      // must be on disk before the others go.
      this.durability.changed(last)
      if (!(await this.#whenFlushed()).ok || isClosed()) return
    }
    for (const segment of this.segments.takeBelow(this.#logStartOffset)) this.#setAside(segment)
    this.epochs.dropBelow(this.segments.all[0]?.baseOffset ?? 0)
    // An epoch in the file that no sidecar knows any more could not be told from a flipped bit.
    this.folder.writeLeaderEpochs(this.epochs)
  }

  async #truncateTo(offset: number): Promise<AppendResult> {
    const place = await this.reader.place(offset)
    if (place === null) return failure('STORAGE', `the log is damaged at offset ${offset}`)
    const flushed = await this.#whenFlushed()
    if (!flushed.ok) return flushed
    const { segment, position } = place
    // In a compacted log no batch may hold the offset, and the next one begins behind it.
    const endOffset = Math.min(place.baseOffset, offset)
    await this.snapshots.dropBeyond(endOffset)
    // The watermark goes down first, durably: a crash in the middle must not find bytes missing
    // below it. The segment that is the last one now tells of it, and the one that will be.
    this.#truncationCount++
    this.#logEndOffset = endOffset
    this.#logStartOffset = Math.min(this.#logStartOffset, endOffset)
    this.notedStartOffset = this.#logStartOffset
    this.durability.lower({ offset: endOffset, segment, position })
    for (const told of new Set([segment, this.segments.active!])) {
      told.sidecar.writeState(this.durability.note(told), true)
      this.durability.changed(told)
    }
    const noted = await this.#whenFlushed()
    if (!noted.ok) return noted
    let kept = segment
    if (segment.isSparse) {
      const cut = await truncateSparse(this.#context, this, segment, endOffset)
      if (!cut.ok) return failure('STORAGE', cut.detail)
      kept = cut.value
    }
    for (let { active } = this.segments; active !== kept; { active } = this.segments) {
      this.segments.removeLast()
      this.#setAside(active!)
    }
    this.epochs.truncate(endOffset)
    if (kept.isSparse) {
      this.durability.changed(this.#rolling.begin())
      return this.#whenFlushed()
    }
    const indexes = await this.indexesOf(segment)
    this.#context.indexes.forget(segment)
    await cutSegment(this.#context, segment, indexes, position, this.configs)
    this.durability.changed(segment)
    return this.#whenFlushed()
  }

  /** Waits until what has changed is on disk, in the modes that have one. */
  #whenFlushed(): Settled<AppendResult> {
    return this.#context.durability === 'memory' ? done : this.durability.flushed()
  }

  #setAside(segment: Segment): void {
    this.durability.forget(segment)
    this.durability.namesChanged()
    this.#context.remover.removeFilesLater(segment.setAside(), this.fileDeleteDelayMs)
  }
}
