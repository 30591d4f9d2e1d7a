import { assert } from '../../base/assert.ts'
import type { LogConfigs } from '../partition-log.ts'
import { batchTableSuffix, logSuffix, segmentPath, sidecarSuffix } from './file-names.ts'
import {
  dropBelowStart,
  findSegments,
  isStateSure,
  newestState,
  removeSegment
} from './found-segment.ts'
import type { FoundSegment } from './found-segment.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LogContext, LogName } from './log-context.ts'
import type { SyncedEnd } from './log-durability.ts'
import { RecoveredEpochs } from './recovered-epochs.ts'
import { Segment } from './segment.ts'
import { emptyIndexes, readIndexes } from './segment-indexes.ts'
import { LogFolder, segmentIdentity } from './log-folder.ts'
import { damagedParts, type SidecarContents } from './sidecar.ts'
import type { LogState, Mark, SegmentIdentity } from './sidecar-format.ts'
import { renewSidecar } from './sidecar-renewal.ts'
import { finishSwaps } from './segment-swap.ts'
import { openSparse } from './sparse-recovery.ts'
import { removeSnapshots, snapshotOffsets } from './snapshot-files.ts'
import { scanTail, type Damage } from './tail-scan.ts'
import { saveTornTail, type TornTail } from './torn-tail.ts'
import { kindOfRefusal } from './write-refusal.ts'

/** What was on disk of one log, brought into order. */
export interface RecoveredLog {
  /**
   * Ascending; their indexes are in memory only where they were rebuilt, and of the last one
   * always.
   */
  readonly segments: Segment[]
  readonly epochs: LeaderEpochs
  readonly logStartOffset: number
  readonly logEndOffset: number
  /**
   * What is known to be on disk; beyond are whole batches that were found, but perhaps only in the
   * page cache.
   */
  readonly durableEnd: SyncedEnd
  readonly isCrashed: boolean
  /** Something was cut off: that has to be durable before anybody learns where the log ends. */
  readonly isCut: boolean
  readonly damage: readonly Damage[]
  /** Newest first; none beyond the end of the log. */
  readonly snapshotOffsets: readonly number[]
  /** Bytes of batches that were checked. */
  readonly scannedSize: number
}

export interface RecoveryOptions {
  readonly folder: string
  readonly name: LogName
  readonly configs: LogConfigs
  /** Whether the last shutdown made everything durable. */
  readonly isClean: boolean
  /**
   * What the checkpoints of a clean shutdown say: second copies, for when a sidecar is damaged. 0
   * after a crash, when they may speak of an earlier topic of the same name.
   */
  readonly checkpointedStartOffset: number
  readonly checkpointedEndOffset: number
}

/**
 * Opens what is in a partition's folder. After a clean shutdown nothing is read but sidecars and
 * index files. After a crash the tails are: from the last mark below the durable watermark every
 * batch is checked. What fails below the watermark is rot: it stays where it is and is reported.
 * What fails beyond was never promised: a torn tail, cut off.
 *
 * @throws LogDirectoryError when the folder holds another partition's segments, or a newer
 *   version's
 * @throws FileError when it cannot be read
 */
export async function recoverLog(
  context: LogContext,
  options: RecoveryOptions
): Promise<RecoveredLog> {
  const recovery = new Recovery(context, options)
  return recovery.run()
}

class Recovery {
  readonly #context: LogContext
  readonly #options: RecoveryOptions
  readonly #epochs = new RecoveredEpochs()
  readonly #segments: Segment[] = []
  readonly #damage: Damage[] = []
  #state: LogState | null = null
  #durableEndOffset = 0
  #logStartOffset = 0
  #isCut = false
  #scannedSize = 0

  constructor(context: LogContext, options: RecoveryOptions) {
    this.#context = context
    this.#options = options
  }

  async run(): Promise<RecoveredLog> {
    const { folder, name } = this.#options
    const { files } = this.#context
    let entries = files.list(folder)
    if (await finishSwaps(this.#context, folder, name, entries)) entries = files.list(folder)
    const all = findSegments(this.#context, folder, name, entries)
    this.#state = newestState(all)
    const { checkpointedEndOffset } = this.#options
    const copiedEnd = isStateSure(all) ? 0 : checkpointedEndOffset
    this.#durableEndOffset = Math.max(this.#state?.durableEndOffset ?? 0, copiedEnd)
    const { isClean } = this.#options
    const start = { logStartOffset: this.#state?.logStartOffset ?? 0, isClean }
    const found = await this.#cutTooEarly(await dropBelowStart(this.#context, folder, all, start))
    const noted = this.#state?.logStartOffset ?? found[0]?.baseOffset ?? 0
    const copy = isStateSure(all) ? 0 : this.#options.checkpointedStartOffset
    this.#logStartOffset = Math.max(noted, copy)
    this.#epochs.read(this.#context, folder, found)
    this.#epochs.epochs.hasChanged = !isClean
    for (const [index, segment] of found.entries()) {
      const next = found[index + 1]
      if (!(await this.#open(segment, next?.baseOffset ?? Infinity))) {
        await this.#cutBehind(found.slice(index + 1))
        break
      }
    }
    this.#coverLostEnd(this.#logStartOffset)
    const logEndOffset = this.#segments.at(-1)?.endOffset ?? this.#logStartOffset
    const offsets = snapshotOffsets(entries)
    // What is appended at the offsets that the log has lost is something else: a snapshot of what
    // was there has to be gone before.
    const lost = offsets.filter(offset => offset > logEndOffset)
    await removeSnapshots(this.#context, folder, lost)
    return {
      segments: this.#segments,
      epochs: this.#epochs.epochs,
      logStartOffset: this.#logStartOffset,
      logEndOffset,
      durableEnd: this.#durableEnd(logEndOffset),
      isCrashed: !this.#options.isClean,
      isCut: this.#isCut,
      damage: this.#damage,
      snapshotOffsets: offsets.slice(lost.length),
      scannedSize: this.#scannedSize
    }
  }

  #durableEnd(logEndOffset: number): SyncedEnd {
    const last = this.#segments.at(-1) ?? null
    if (this.#options.isClean || this.#durableEndOffset >= logEndOffset) {
      return { offset: logEndOffset, segment: last, position: last?.size ?? 0 }
    }
    const offset = this.#durableEndOffset
    const segment = this.#segments.findLast(({ baseOffset }) => baseOffset <= offset) ?? null
    const position = segment === last ? (this.#state?.durablePosition ?? 0) : 0
    return { offset, segment, position }
  }

  /**
   * Cuts everything when what was to stand before the first segment is not there and was never
   * promised: then nothing behind it was.
   */
  async #cutTooEarly(found: readonly FoundSegment[]): Promise<readonly FoundSegment[]> {
    const logStartOffset = this.#state?.logStartOffset ?? Infinity
    const isTooEarly = found[0] !== undefined && found[0].baseOffset > logStartOffset
    if (this.#options.isClean || !isTooEarly || this.#durableEndOffset > logStartOffset) {
      return found
    }
    this.#segments.push(this.#newSegment(logStartOffset, logStartOffset, this.#durableEndOffset))
    await this.#cutBehind(found)
    return []
  }

  /** Opens one segment; false when it was cut, so that nothing behind it can be kept. */
  async #open(found: FoundSegment, nextBaseOffset: number): Promise<boolean> {
    const segment = await this.#reopen(found, nextBaseOffset <= this.#durableEndOffset)
    this.#segments.push(segment)
    const isLast = nextBaseOffset === Infinity
    if (segment.isSparse) {
      await this.#openSparse(segment, found, nextBaseOffset)
      return isLast || this.#reaches(segment, nextBaseOffset)
    }
    const marks = this.#trustedMarks(segment, found, nextBaseOffset)
    const last = marks.at(-1) ?? null
    // A sealed one that does not reach the next one may become the last one: that has indexes.
    const isWhole = last !== null && !isLast && last.endOffset === nextBaseOffset
    let isIntact = true
    if (isWhole) {
      segment.restore(last, null)
      this.#settle(segment)
    } else {
      isIntact = await this.#check(segment, found, marks, nextBaseOffset)
    }
    this.#epochs.completeJournal(segment)
    return isLast || !isIntact ? isIntact : this.#reaches(segment, nextBaseOffset)
  }

  /** Whether nothing is missing up to the next segment, or it counts as damage. */
  #reaches(segment: Segment, nextBaseOffset: number): boolean {
    if (segment.endOffset === nextBaseOffset) return true
    // The bytes up to the next segment are missing. Beyond the watermark it began too early: its
    // name got to the disk before what it was to follow.
    if (segment.endOffset >= this.#durableEndOffset) return false
    this.#damage.push({ segment, fromOffset: segment.endOffset, toOffset: nextBaseOffset })
    return true
  }

  async #openSparse(segment: Segment, found: FoundSegment, nextBaseOffset: number): Promise<void> {
    const missingOffset = await openSparse(this.#context, segment, found, {
      folder: this.#options.folder,
      nextBaseOffset,
      epochs: this.#epochs.epochs,
      indexIntervalBytes: this.#options.configs.indexIntervalBytes
    })
    segment.openedSize = segment.size
    segment.syncedSize = segment.size
    this.#epochs.completeJournal(segment)
    if (missingOffset === null) return
    this.#damage.push({ segment, fromOffset: missingOffset, toOffset: segment.endOffset })
  }

  /** Brings the indexes into memory and checks the batches behind them. */
  async #check(
    segment: Segment,
    found: FoundSegment,
    marks: readonly Mark[],
    nextBaseOffset: number
  ): Promise<boolean> {
    const { files } = this.#context
    const indexes = await readIndexes(files, this.#options.folder, found.baseOffset, marks)
    if (indexes === null) {
      segment.restore(null, emptyIndexes(found.baseOffset))
      this.#context.logger.warn('index files are missing or damaged and are made anew', {
        segment: segment.log.path
      })
    } else segment.restore(marks.at(-1) ?? null, indexes)
    const isIntact = await this.#scan(segment, found.fileSize, nextBaseOffset)
    this.#settle(segment)
    if (nextBaseOffset !== Infinity) {
      segment.writeMark(true)
      this.#context.indexes.touch(segment)
    }
    return isIntact
  }

  /** What is there now was found on disk; after a crash it still has to be synced (`LocalLog`). */
  #settle(segment: Segment): void {
    segment.openedSize = segment.size
    const isDurable = this.#options.isClean || segment.endOffset <= this.#durableEndOffset
    segment.syncedSize = isDurable ? segment.size : 0
  }

  /**
   * @param isSuperseded the durable watermark is in a later segment: the sidecar was synced, too
   */
  async #reopen(found: FoundSegment, isSuperseded: boolean): Promise<Segment> {
    const { folder, configs } = this.#options
    const { contents } = found
    const known = typeof contents?.identity === 'object' ? contents.identity : null
    const isUsable = known !== null && contents !== null && contents.state !== null
    const isDurable = this.#options.isClean || isSuperseded
    if (isUsable && damagedParts(contents).length === 0) {
      return Segment.reopen(this.#context, folder, known, configs, contents, isDurable)
    }
    const identity = known ?? this.#identity(found.baseOffset)
    try {
      const renewed = await this.#renewSidecar(found, identity)
      return Segment.reopen(this.#context, folder, identity, configs, renewed, true)
    } catch (error) {
      // What still holds of it is enough to go on with: a full disk is no reason not to start.
      if (kindOfRefusal(error) === 'diskFailed' || !isUsable) throw error
      return Segment.reopen(this.#context, folder, identity, configs, contents, isDurable)
    }
  }

  /** Of a segment whose sidecar does not say it any more. */
  #identity(baseOffset: number): SegmentIdentity {
    const tablePath = segmentPath(this.#options.folder, baseOffset, batchTableSuffix)
    const isSparse = this.#context.files.exists(tablePath)
    return { ...segmentIdentity(this.#context, this.#options.name, baseOffset), isSparse }
  }

  /** Keeps what holds of a sidecar, and completes it by what is known otherwise. */
  #renewSidecar(
    { baseOffset, contents }: FoundSegment,
    identity: SegmentIdentity
  ): Promise<SidecarContents> {
    const { folder } = this.#options
    this.#context.logger.warn('a sidecar is missing or damaged and is written anew', {
      segment: segmentPath(folder, baseOffset, logSuffix)
    })
    const state = contents?.state ?? null
    const note = {
      logStartOffset: Math.max(this.#logStartOffset, state?.logStartOffset ?? 0),
      durableEndOffset: this.#durableEndOffset,
      durablePosition:
        state?.durableEndOffset === this.#durableEndOffset ? state.durablePosition : 0
    }
    const kept = contents?.journal ?? []
    const isKept = (leaderEpoch: number): boolean =>
      kept.some(entry => entry.kind === 'leaderEpoch' && entry.leaderEpoch === leaderEpoch)
    const lost = this.#epochs.epochs.starts
      .filter(({ leaderEpoch }) => !isKept(leaderEpoch))
      .map(start => ({ kind: 'leaderEpoch' as const, ...start }))
    const path = segmentPath(folder, baseOffset, sidecarSuffix)
    return renewSidecar(this.#context, path, identity, note, [...kept, ...lost])
  }

  /**
   * The marks that nothing speaks against: within the file and the segment, and after a crash below
   * the durable watermark.
   */
  #trustedMarks(segment: Segment, found: FoundSegment, nextBaseOffset: number): readonly Mark[] {
    const { marks } = segment.sidecar
    const endOffsetMax = this.#options.isClean
      ? nextBaseOffset
      : Math.min(nextBaseOffset, this.#durableEndOffset)
    const end = marks.findIndex(
      mark => mark.position > found.fileSize || mark.endOffset > endOffsetMax
    )
    return end === -1 ? marks : marks.slice(0, end)
  }

  /** Checks the batches behind what the segment knows; false when a torn tail was cut off. */
  async #scan(segment: Segment, fileSize: number, nextBaseOffset: number): Promise<boolean> {
    if (segment.size >= fileSize) return true
    this.#scannedSize += fileSize - segment.size
    const tail = {
      segment,
      fileSize,
      nextBaseOffset,
      state: this.#state,
      durableEndOffset: this.#durableEndOffset,
      epochs: this.#epochs,
      indexIntervalBytes: this.#options.configs.indexIntervalBytes
    }
    if (await scanTail(this.#context.buffers, tail, this.#damage)) return true
    const { path } = segment.log
    await this.#saveTail({ path, fromOffset: segment.endOffset, position: segment.size, fileSize })
    this.#isCut = true
    segment.cutBack()
    segment.sidecar.cutJournal(segment.size, segment.endOffset)
    this.#epochs.epochs.truncate(segment.endOffset)
    return false
  }

  /**
   * Cuts the segments behind a torn tail. None of their records was ever promised, but what they
   * note of the log was: it goes to the disk in the last segment that stays, before they go.
   */
  async #cutBehind(later: readonly FoundSegment[]): Promise<void> {
    const last = this.#segments.at(-1)
    assert(last !== undefined, 'a segment stays')
    if (later.length === 0) return
    const logStartOffset = this.#state?.logStartOffset ?? this.#logStartOffset
    const durableEndOffset = this.#durableEndOffset
    last.sidecar.writeState({ logStartOffset, durableEndOffset, durablePosition: 0 }, true)
    await last.sidecar.sync()
    await this.#context.files.syncDirectory(this.#options.folder)
    for (const found of later) await this.#cutWhole(found)
  }

  /** Never promised, none of it. */
  async #cutWhole({ baseOffset, fileSize }: FoundSegment): Promise<void> {
    this.#isCut = true
    const { folder } = this.#options
    const path = segmentPath(folder, baseOffset, logSuffix)
    await this.#saveTail({ path, fromOffset: baseOffset, position: 0, fileSize })
    removeSegment(this.#context, folder, baseOffset)
  }

  #saveTail(tail: Pick<TornTail, 'path' | 'fromOffset' | 'position' | 'fileSize'>): Promise<void> {
    const { name } = this.#options
    return saveTornTail(this.#context, { name, durableEndOffset: this.#durableEndOffset, ...tail })
  }

  /**
   * The end that was promised counts even when the bytes are gone: their offsets are never given
   * out again, and neither are those below the log start offset.
   */
  #coverLostEnd(logStartOffset: number): void {
    const last = this.#segments.at(-1)
    if (last === undefined) return
    const endOffset = Math.max(this.#durableEndOffset, logStartOffset, last.endOffset)
    // A sparse segment takes no appends.
    if (last.endOffset === endOffset && !last.isSparse) return
    if (last.endOffset < endOffset && endOffset > logStartOffset) {
      this.#damage.push({ segment: last, fromOffset: last.endOffset, toOffset: endOffset })
    }
    this.#segments.push(this.#newSegment(endOffset, logStartOffset, endOffset))
  }

  #newSegment(baseOffset: number, logStartOffset: number, durableEndOffset: number): Segment {
    const { configs, name } = this.#options
    const note = { logStartOffset, durableEndOffset, durablePosition: 0 }
    const logFolder = new LogFolder(this.#context, name, true)
    return logFolder.newSegment(baseOffset, configs, note, this.#epochs.epochs)
  }
}
