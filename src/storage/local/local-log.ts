import { assert } from '../../base/assert.ts'
import { failure, success, type Result } from '../../base/result.ts'
import { batchHeaderSize } from '../../record/batch.ts'
import type {
  AppendedBatch,
  LeaderEpochStart,
  LogConfigs,
  PartitionLog,
  ReadBatches,
  ReadError,
  ReadRequest
} from '../partition-log.ts'
import { DamageReports, type DamagedRange } from './damage-reports.ts'
import type { Flush } from './flusher.ts'
import { loadIndexes } from './index-rebuild.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LogContext, LogName } from './log-context.ts'
import { LogFolder } from './log-folder.ts'
import { LogReader, type Place, type ReadableLog } from './log-reader.ts'
import { LogSyncs, type AppendResult } from './log-syncs.ts'
import type { RecoveredLog } from './recovery.ts'
import { SegmentList } from './segment-list.ts'
import type { IndexedBatch } from './segment-indexes.ts'
import { cutSegment, rewriteTail } from './segment-repair.ts'
import type { Segment } from './segment.ts'
import { kindOfRefusal, messageOf } from './write-refusal.ts'
import type { StateNote } from './sidecar.ts'

/** The answer of an append that is as safe as it has to be at once: made once, so that it allocates nothing. */
const done: Promise<AppendResult> = Promise.resolve(success(undefined))

/**
 * The log of one partition in a folder of its own: segments in Kafka's format, sidecars of ours. Writes are done before
 * `append` returns; in the mode `fsync` the promise waits for the group commit that covers them.
 *
 * Nothing is on disk of a log that never held a record: its folder is made by the first append, and a power cut
 * before the first acknowledgement may take the folder away again.
 *
 * The owner's epoch is kept in memory only: the lock of the log directory keeps other processes out.
 */
export class LocalLog implements PartitionLog, ReadableLog {
  readonly name: LogName
  readonly epochs: LeaderEpochs
  readonly segments: SegmentList
  readonly #context: LogContext
  readonly #folder: LogFolder
  readonly #reader: LogReader
  readonly #syncs: LogSyncs
  readonly #flush: Flush
  readonly #listeners: (() => void)[] = []
  readonly #damage: DamageReports
  readonly #indexLoads = new Map<Segment, Promise<void>>()
  #configs: LogConfigs
  #logStartOffset: number
  #logEndOffset: number
  #syncedEndOffset: number
  #ownerEpoch = -1
  #truncationCount = 0
  #flushing: Promise<void> = Promise.resolve()
  #state: 'open' | 'truncating' | 'closed' | 'abandoned' = 'open'

  constructor(
    context: LogContext,
    name: LogName,
    configs: LogConfigs,
    recovered: RecoveredLog,
    hasFolder: boolean
  ) {
    this.#context = context
    this.name = name
    this.#folder = new LogFolder(context, name, hasFolder)
    this.#configs = configs
    this.segments = new SegmentList(recovered.segments)
    this.epochs = recovered.epochs
    this.#logStartOffset = recovered.logStartOffset
    this.#logEndOffset = recovered.logEndOffset
    this.#syncedEndOffset = recovered.durableEndOffset
    this.#syncs = new LogSyncs(context, this.#folder.path)
    this.#reader = new LogReader(context, this)
    this.#damage = new DamageReports(context.logger, name)
    this.#flush = context.flusher.register(() => (this.#flushing = this.#runFlush()))
    for (const { segment, fromOffset, toOffset } of recovered.damage) {
      this.reportDamage(segment, fromOffset, toOffset)
    }
  }

  get logStartOffset(): number {
    return this.#logStartOffset
  }

  get logEndOffset(): number {
    return this.#logEndOffset
  }

  get durableEndOffset(): number {
    return this.#context.durability === 'fsync' ? this.#syncedEndOffset : this.#logEndOffset
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
  ): Promise<AppendResult> {
    const refused = this.#refusal(ownerEpoch)
    if (refused !== null) return Promise.resolve(refused)
    if (expectedOffset !== this.#logEndOffset) {
      const detail = `the log ends at ${this.#logEndOffset}, not at ${expectedOffset}`
      return Promise.resolve(failure('UNEXPECTED_OFFSET', detail))
    }
    if (batches.length === 0) return done
    const whole = summarize(batches, expectedOffset)
    let segment: Segment | null = null
    try {
      segment = this.#segmentFor(whole)
      this.#noteEpochs(segment, batches)
      segment.write(batches.map(batch => batch.bytes))
    } catch (error) {
      return Promise.resolve(this.#writeFailed(error, segment))
    }
    const { indexIntervalBytes } = this.#configs
    for (const { bytes, lastOffset, maxTimestampMs } of batches) {
      segment.accept({ size: bytes.length, lastOffset, maxTimestampMs }, indexIntervalBytes)
    }
    this.#logEndOffset = whole.lastOffset + 1
    return this.#written(segment)
  }

  read(request: ReadRequest): Promise<Result<ReadBatches, ReadError>> {
    return this.#reader.read(request)
  }

  batchForTimestamp(
    timestampMs: number,
    upToOffset: number,
    fromOffset: number = this.#logStartOffset
  ): Promise<Result<ReadBatches | null, ReadError>> {
    return this.#reader.batchForTimestamp(timestampMs, upToOffset, fromOffset)
  }

  async raiseLogStartOffset(ownerEpoch: number, offset: number): Promise<AppendResult> {
    const refused = this.#refusal(ownerEpoch)
    if (refused !== null) return refused
    if (offset <= this.#logStartOffset) return success(undefined)
    if (offset > this.#logEndOffset) return failure('UNEXPECTED_OFFSET', 'beyond the log end')
    this.#logStartOffset = offset
    const active = this.segments.active
    assert(active !== undefined, 'a log with offsets has a segment')
    try {
      active.sidecar.writeState(this.#note(active, active.size))
    } catch (error) {
      return this.#writeFailed(error, null)
    }
    const noted = await this.#noted(active)
    if (noted.ok) this.#dropSegments()
    return noted
  }

  /**
   * A batch that reaches beyond `offset` goes whole, so the log ends where that batch began. Nobody may append or
   * truncate until the promise has resolved.
   */
  async truncate(ownerEpoch: number, offset: number): Promise<AppendResult> {
    const refused = this.#refusal(ownerEpoch)
    if (refused !== null) return refused
    if (offset >= this.#logEndOffset) return success(undefined)
    this.#state = 'truncating'
    try {
      await this.#truncateTo(Math.max(offset, 0))
    } catch (error) {
      return this.#writeFailed(error, null)
    } finally {
      this.#state = 'open'
    }
    return this.#context.failure === null
      ? success(undefined)
      : failure('STORAGE', this.#context.failure.message)
  }

  reconfigure(configs: LogConfigs): void {
    this.#configs = configs
  }

  onDurable(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** After which time files that are no longer needed are removed, ms. Kafka: `file.delete.delay.ms`. */
  get fileDeleteDelayMs(): number {
    return this.#configs.fileDeleteDelayMs
  }

  /**
   * After a crash: takes to the disk what recovery found beyond the durable watermark, before anybody is told of it.
   * Those bytes are written again first, since a sync that failed in an earlier life may have left them in the page
   * cache alone, where another sync would pass over them.
   */
  async settle(durablePosition: number): Promise<void> {
    const { durability } = this.#context
    if (durability === 'memory' || this.#syncedEndOffset >= this.#logEndOffset) return
    for (const segment of this.segments.all) {
      if (segment.endOffset <= this.#syncedEndOffset) continue
      const isSynced = segment.baseOffset < this.#syncedEndOffset
      const from = isSynced ? Math.min(durablePosition, segment.size) : 0
      if (durability === 'fsync') await rewriteTail(this.#context, segment, from)
      this.#syncs.changed(segment)
    }
    this.#syncs.namesChanged()
    this.#flush.request()
    if (durability === 'fsync') await this.#syncs.wait()
  }

  /** Lets go of a log that is about to be removed: nothing is written, and nobody is acknowledged any more. */
  async abandon(): Promise<void> {
    this.#state = 'abandoned'
    this.#syncs.refuse('the log was removed')
    await this.#flushing.catch(() => {})
    this.#closeFiles()
  }

  /** Writes everything that a clean start needs, makes it durable and closes the files. */
  async close(): Promise<void> {
    if (this.#state === 'closed' || this.#state === 'abandoned') return
    this.#state = 'closed'
    const active = this.segments.active
    if (this.#context.failure === null && active !== undefined) {
      active.writeMark(true)
      if (this.#context.durability === 'memory') {
        this.#syncedEndOffset = this.#logEndOffset
        this.#noteState(active, active.size)
      } else if (this.segments.all.some(segment => segment.isDirty)) {
        await this.#closeDurably(active)
      }
    }
    this.#closeFiles()
  }

  /** The directory has failed: nobody who waits will get what they wait for. */
  failed(error: Error): void {
    this.#syncs.refuse(error.message)
  }

  ensureIndexes(segment: Segment): Promise<void> {
    if (segment.indexes !== null) {
      if (segment !== this.segments.active) this.#context.indexes.touch(segment)
      return Promise.resolve()
    }
    let load = this.#indexLoads.get(segment)
    if (load === undefined) {
      const { indexIntervalBytes } = this.#configs
      load = loadIndexes(this.#context, this.#folder.path, segment, this.epochs, indexIntervalBytes)
      load = load.finally(() => this.#indexLoads.delete(segment))
      this.#indexLoads.set(segment, load)
    }
    return load
  }

  reportDamage(segment: Segment, fromOffset: number, toOffset: number): void {
    this.#damage.report(segment.log.path, fromOffset, toOffset)
  }

  #refusal(ownerEpoch: number): AppendResult | null {
    assert(this.#state === 'open', 'a log is written to while it is open and not being truncated')
    if (this.#context.failure !== null) return failure('STORAGE', this.#context.failure.message)
    if (ownerEpoch < this.#ownerEpoch) {
      return failure('FENCED', `the log belongs to epoch ${this.#ownerEpoch}`)
    }
    this.#ownerEpoch = ownerEpoch
    return null
  }

  /** The segment that a write goes to; the folder and a new segment are made when there is a need. */
  #segmentFor(whole: IndexedBatch): Segment {
    const { active } = this.segments
    if (active === undefined) {
      if (this.#folder.make()) this.#syncs.folderMade()
      return this.#newSegment()
    }
    if (active.size === 0) this.#syncs.namesChanged()
    if (!active.shouldRoll(whole, this.#configs, this.#context.clock.wallMs())) return active
    return this.#roll(active)
  }

  #roll(active: Segment): Segment {
    active.writeMark(true)
    const segment = this.#newSegment()
    this.#context.indexes.touch(active)
    if (this.#context.durability === 'os') {
      this.#syncs.changed(active)
      this.#flush.request()
    }
    return segment
  }

  #newSegment(): Segment {
    const segment = this.#folder.newSegment(
      this.#logEndOffset,
      this.#configs,
      this.#note(null, 0),
      this.epochs
    )
    this.segments.add(segment)
    this.#syncs.namesChanged()
    return segment
  }

  #noteEpochs(segment: Segment, batches: readonly AppendedBatch[]): void {
    let isNews = false
    for (const { partitionLeaderEpoch, baseOffset } of batches) {
      if (partitionLeaderEpoch === this.epochs.latest) continue
      assert(partitionLeaderEpoch > this.epochs.latest, 'leader epochs of a log only rise')
      segment.sidecar.append({
        kind: 'leaderEpoch',
        leaderEpoch: partitionLeaderEpoch,
        startOffset: baseOffset
      })
      this.epochs.assign(partitionLeaderEpoch, baseOffset)
      isNews = true
    }
    if (isNews) this.#folder.writeLeaderEpochs(this.leaderEpochs)
  }

  /** Answers an append whose bytes are written. */
  #written(segment: Segment): Promise<AppendResult> {
    if (this.#context.durability === 'fsync') {
      this.#syncs.changed(segment)
      this.#flush.request()
      return this.#syncs.wait()
    }
    if (this.#context.durability === 'os' && segment.isMarkDue) {
      this.#syncs.changed(segment)
      this.#flush.request()
    }
    this.#tellListeners()
    return done
  }

  /** Answers a note in a sidecar that is written. */
  #noted(segment: Segment): Promise<AppendResult> {
    if (this.#context.durability !== 'fsync') return done
    this.#syncs.changed(segment)
    this.#flush.request()
    return this.#syncs.wait()
  }

  /** What an append answers whose write did not happen; a disk that failed takes the whole directory along. */
  #writeFailed(error: unknown, segment: Segment | null): AppendResult {
    const kind = kindOfRefusal(error)
    if (kind === 'noSpace') {
      try {
        segment?.cutBack()
        return failure('NO_SPACE', messageOf(error))
      } catch (cutError) {
        this.#context.fail(cutError)
      }
    } else if (kind === 'diskFailed') this.#context.fail(error)
    return failure('STORAGE', messageOf(error))
  }

  async #runFlush(): Promise<void> {
    if (this.#state === 'abandoned' || this.#context.failure !== null) return
    const { active } = this.segments
    const position = active?.size ?? 0
    const endOffset = this.#logEndOffset
    await this.#syncs.sync()
    if (this.#context.failure !== null || active === undefined) return
    const isRaised = endOffset > this.#syncedEndOffset
    if (isRaised) {
      this.#syncedEndOffset = endOffset
      this.#noteState(this.segments.active!, active === this.segments.active ? position : 0)
    }
    this.#syncs.release()
    if (isRaised && this.#context.durability === 'fsync') this.#tellListeners()
  }

  /** Notes in the sidecar what is durable now; the note rides with the next sync. */
  #noteState(active: Segment, position: number): void {
    try {
      active.sidecar.writeState(this.#note(active, position))
      if (active.isMarkDue) active.writeMark(false)
    } catch (error) {
      this.#context.fail(error)
    }
  }

  #note(active: Segment | null, position: number): StateNote {
    const isHere = active !== null && this.#syncedEndOffset > active.baseOffset
    return {
      logStartOffset: this.#logStartOffset,
      durableEndOffset: this.#syncedEndOffset,
      durablePosition: isHere ? position : 0
    }
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) listener()
  }

  /** Sets segments aside that are wholly below the log start offset, which is durable by now. */
  #dropSegments(): void {
    const { active } = this.segments
    try {
      if (active !== undefined && active.size > 0 && this.#logStartOffset === this.#logEndOffset) {
        this.#roll(active)
      }
      for (;;) {
        const segment = this.segments.firstBelow(this.#logStartOffset)
        if (segment === null) break
        this.segments.removeFirst()
        this.#syncs.forget(segment)
        const paths = segment.setAside()
        this.#context.remover.removeFilesLater(paths, this.#configs.fileDeleteDelayMs)
      }
      this.epochs.dropBelow(this.segments.all[0]?.baseOffset ?? 0)
    } catch (error) {
      kindOfRefusal(error)
      this.#context.logger.warn('segments below the log start offset could not be set aside', {
        folder: this.#folder.path,
        error: messageOf(error)
      })
    }
  }

  async #truncateTo(offset: number): Promise<void> {
    const place = offset > this.#logStartOffset ? await this.#reader.place(offset) : null
    const endOffset = place?.baseOffset ?? offset
    // The watermark goes down first, durably: a crash in the middle must not find bytes missing below it.
    this.#syncedEndOffset = Math.min(this.#syncedEndOffset, endOffset)
    await this.#noteTruncation(place)
    this.#truncationCount++
    for (let { active } = this.segments; active !== place?.segment; { active } = this.segments) {
      this.segments.removeLast()
      this.#syncs.forget(active!)
      this.#context.remover.removeFilesLater(active!.setAside(), this.fileDeleteDelayMs)
    }
    this.epochs.truncate(endOffset)
    this.#logEndOffset = endOffset
    if (place === null) {
      this.#logStartOffset = Math.min(this.#logStartOffset, endOffset)
      this.#syncs.changed(this.#newSegment())
    } else {
      await cutSegment(this.#context, place.segment, place.position, this.#configs)
      this.#syncs.changed(place.segment)
    }
    this.#folder.writeLeaderEpochs(this.leaderEpochs)
    this.#syncs.namesChanged()
    await this.#flushed()
  }

  /** Both the segment that will be the last and the one that is now must tell of the lower watermark. */
  async #noteTruncation(place: (Place & { readonly segment: Segment }) | null): Promise<void> {
    for (const segment of new Set([place?.segment, this.segments.active])) {
      if (segment === undefined) continue
      const isHere = segment === place?.segment
      segment.sidecar.writeState(this.#note(isHere ? segment : null, place?.position ?? 0))
      this.#syncs.changed(segment)
    }
    await this.#flushed()
  }

  /** Waits until what has changed is on disk, in the modes that have one. */
  async #flushed(): Promise<void> {
    if (this.#context.durability === 'memory' || this.#context.failure !== null) return
    const waited = this.#syncs.wait()
    this.#flush.request()
    await waited
  }

  async #closeDurably(active: Segment): Promise<void> {
    for (const segment of this.segments.all) if (segment.isDirty) this.#syncs.changed(segment)
    await this.#flushed()
    if (this.#context.failure !== null) return
    this.#noteState(active, active.size)
    try {
      await active.sync()
    } catch (error) {
      this.#context.fail(error)
    }
  }

  #closeFiles(): void {
    for (const segment of this.segments.all) {
      this.#syncs.forget(segment)
      this.#context.indexes.forget(segment)
      segment.close()
    }
  }
}

/** What many batches are as one write; asserts that they follow each other. */
function summarize(batches: readonly AppendedBatch[], expectedOffset: number): IndexedBatch {
  let offset = expectedOffset
  let size = 0
  let maxTimestampMs = -1
  for (const batch of batches) {
    assert(batch.baseOffset === offset, 'batches follow each other')
    assert(batch.lastOffset >= batch.baseOffset, 'a batch has offsets')
    assert(batch.bytes.length >= batchHeaderSize, 'a batch has a header')
    offset = batch.lastOffset + 1
    size += batch.bytes.length
    maxTimestampMs = Math.max(maxTimestampMs, batch.maxTimestampMs)
  }
  return { size, lastOffset: offset - 1, maxTimestampMs }
}
