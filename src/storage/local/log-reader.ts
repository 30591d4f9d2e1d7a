import { failure, success, type Result } from '../../base/result.ts'
import { hotTailSize, logReadSizeMax, pooledBufferSizeMin } from '../../limits.ts'
import { batchHeaderSize, batchSize, lastOffsetDelta, maxTimestampMs } from '../../record/batch.ts'
import type { ReadBatches, ReadError, ReadRequest } from '../partition-log.ts'
import { BatchLocator, type Place } from './batch-locator.ts'
import { checkRun, expectedOffset, headerHolds, type RunOptions } from './batch-check.ts'
import type { BatchTable } from './batch-table.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LogContext } from './log-context.ts'
import { ScanWindow } from './log-scan.ts'
import { isFileError, readInto, runAsync, runSync, type ReadSteps } from './read-steps.ts'
import type { SegmentIndexes } from './segment-indexes.ts'
import type { SegmentList } from './segment-list.ts'
import type { Segment } from './segment.ts'

type ReadResult = Result<ReadBatches, ReadError>

/** What the reader looks at of its log. */
export interface ReadableLog {
  readonly segments: SegmentList
  readonly epochs: LeaderEpochs
  readonly logStartOffset: number
  readonly logEndOffset: number
  /**
   * Nothing at or beyond is ever shown: what a failed sync left behind. Infinity while all is well.
   */
  readonly readableEndOffset: number
  /** Rises when records are taken away at the end, which a read under way must not miss. */
  readonly truncationCount: number
  /** The indexes of a segment, read from disk if they have to be. */
  indexesOf(segment: Segment): Promise<SegmentIndexes>
  reportDamage(segment: Segment, fromOffset: number, toOffset: number): void
}

/**
 * Reads of one log. Every batch that leaves the disk is checked: its CRC, and the header bytes in
 * front of what the CRC covers against what the log knows (`headerHolds`). In the mode `memory` the
 * CRC is left out: those bytes never left RAM.
 *
 * What this process wrote a short while ago is read at once, anything else through the thread pool:
 * a read that waits for a disk would hold up everybody.
 */
export class LogReader {
  readonly #context: LogContext
  readonly #log: ReadableLog
  readonly #locator: BatchLocator
  /** Reads of what may not be in memory that are under way, by the offset they were asked for. */
  readonly #coldReads = new Map<number, Promise<ReadResult>>()

  constructor(context: LogContext, log: ReadableLog) {
    this.#context = context
    this.#log = log
    this.#locator = new BatchLocator(context.buffers, log)
  }

  read(request: ReadRequest): Promise<ReadResult> {
    return this.#read(request, true)
  }

  /** @param follows whether to wait for another read of the same place that is under way */
  #read(request: ReadRequest, follows: boolean): Promise<ReadResult> {
    const { fromOffset } = request
    const log = this.#log
    if (fromOffset < log.logStartOffset || fromOffset > log.logEndOffset) {
      return Promise.resolve(failure('OFFSET_OUT_OF_RANGE'))
    }
    const segment = log.segments.at(fromOffset)
    if (segment === undefined || fromOffset >= Math.min(request.upToOffset, log.logEndOffset)) {
      return Promise.resolve(success(noBatches(fromOffset)))
    }
    if (fromOffset >= segment.endOffset || fromOffset < segment.baseOffset) {
      return Promise.resolve(this.#corrupt(segment, fromOffset))
    }
    const { indexes } = segment
    if (indexes !== null) {
      const recent = this.#recentRun(segment, indexes.batches, fromOffset, request)
      if (recent !== null) return Promise.resolve(success(recent))
      if (this.#isHot(segment, anchorOf(segment, indexes, fromOffset))) {
        const read = runSync(this.#readSteps(segment, indexes, request))
        if (read === 'gap') return this.#readBehind(segment, request)
        return Promise.resolve(read)
      }
    }
    return follows ? this.#readColdOnce(segment, request) : this.#readCold(segment, request)
  }

  /**
   * The first batch at or behind `fromOffset` that has a record of `timestampMs` or later, and ends
   * before `upToOffset`; null when there is none.
   */
  async batchForTimestamp(
    timestampMs: number,
    upToOffset: number,
    fromOffset: number
  ): Promise<Result<ReadBatches | null, ReadError>> {
    const end = Math.min(upToOffset, this.#log.logEndOffset, this.#log.readableEndOffset)
    let next = Math.max(fromOffset, this.#log.logStartOffset)
    for (const segment of this.#log.segments.all.slice()) {
      if (segment.endOffset <= next || segment.baseOffset >= end) continue
      if (segment.largestTimestampMs < timestampMs) continue
      const found = await this.#whenIndexed(segment, indexes =>
        this.#timestampSteps(segment, indexes, timestampMs, next, end)
      )
      // Whatever was found in a segment that is given up by now, the log begins behind it.
      if (!this.#log.segments.has(segment)) continue
      if (!found.ok) return found
      if (found.value !== null) {
        const request = { fromOffset: found.value, upToOffset: end, maxSize: 1, minOneBatch: true }
        const read = await this.read(request)
        if (read.ok || read.error !== 'OFFSET_OUT_OF_RANGE') return read
        return this.batchForTimestamp(timestampMs, upToOffset, this.#log.logStartOffset)
      }
      next = segment.endOffset
    }
    return success(null)
  }

  /** The batch that holds `offset`, in its segment; null when damage hides it. */
  async place(offset: number): Promise<(Place & { readonly segment: Segment }) | null> {
    const segment = this.#log.segments.at(offset)
    if (segment === undefined || offset < segment.baseOffset || offset >= segment.endOffset) {
      return null
    }
    const indexes = await this.#log.indexesOf(segment)
    const place = await runAsync(this.#locator.locate(segment, indexes, offset))
    return place === null ? null : { ...place, segment }
  }

  /**
   * Of consumers who ask for one place at a time the first has it read; the others find what it was
   * given, or else read for themselves.
   */
  #readColdOnce(segment: Segment, request: ReadRequest): Promise<ReadResult> {
    const { fromOffset } = request
    const underWay = this.#coldReads.get(fromOffset)
    if (underWay !== undefined) return underWay.then(() => this.#read(request, false))
    const read = this.#readCold(segment, request).finally(() => this.#coldReads.delete(fromOffset))
    this.#coldReads.set(fromOffset, read)
    return read
  }

  async #readCold(segment: Segment, request: ReadRequest): Promise<ReadResult> {
    const { truncationCount } = this.#log
    const result = await this.#whenIndexed(segment, indexes =>
      this.#readSteps(segment, indexes, request)
    )
    const isStale =
      truncationCount !== this.#log.truncationCount || !this.#log.segments.has(segment)
    if (!isStale) return result === 'gap' ? this.#readBehind(segment, request) : result
    // The bytes may have been read before others took their place.
    this.#context.recentReads.forget(segment)
    if (result !== 'gap' && result.ok) result.value.release()
    return this.#read(request, false)
  }

  /** Goes on behind a segment of which compaction has left nothing from the wanted offset on. */
  async #readBehind(segment: Segment, request: ReadRequest): Promise<ReadResult> {
    const read = await this.read({ ...request, fromOffset: segment.endOffset })
    const isEmpty = read.ok && read.value.bytes.length === 0
    return isEmpty ? success(noBatches(request.fromOffset)) : read
  }

  /** Runs steps that need the indexes of `segment`, which may have to be read first. */
  async #whenIndexed<T>(
    segment: Segment,
    steps: (indexes: SegmentIndexes) => ReadSteps<T>
  ): Promise<T | ReadFailure> {
    let indexes: SegmentIndexes
    try {
      indexes = await this.#log.indexesOf(segment)
    } catch (error) {
      if (isFileError(error)) return failure('STORAGE', error.message)
      throw error
    }
    return runAsync(steps(indexes))
  }

  /**
   * Whole batches from the one that holds the request's offset, out of one segment; `gap` when
   * compaction has left nothing there and behind it.
   */
  *#readSteps(
    segment: Segment,
    indexes: SegmentIndexes,
    request: ReadRequest
  ): ReadSteps<ReadResult | 'gap'> {
    try {
      let place = yield* this.#locator.locate(segment, indexes, request.fromOffset)
      while (place !== null) {
        if (place.position === segment.size) return 'gap'
        const batches = yield* this.#readRun(segment, indexes.batches, place, request)
        if (batches !== 'damaged') return success(batches)
        place = yield* this.#locator.behind(segment, indexes, place, request.fromOffset)
      }
      return this.#corrupt(segment, request.fromOffset)
    } catch (error) {
      if (isFileError(error)) return failure('STORAGE', error.message)
      throw error
    }
  }

  /** The sound batches from `place` on, as many as the request wants. */
  *#readRun(
    segment: Segment,
    batches: BatchTable | null,
    place: Place,
    request: ReadRequest
  ): ReadSteps<ReadBatches | 'damaged'> {
    const buffers = this.#context.buffers
    const recent = this.#recentRun(segment, batches, place.baseOffset, request)
    if (recent !== null) return recent
    const options = this.#runOptions(segment, place, request, batches)
    const remaining = segment.size - place.position
    let size = Math.min(Math.max(options.maxSize, pooledBufferSizeMin), remaining)
    for (;;) {
      const buffer = buffers.take(size)
      let isKept = false
      try {
        const filled = yield* readInto(segment.log, buffer.subarray(0, size), place.position)
        const run = checkRun(buffer, filled, options)
        if (run.size > 0) {
          if (batches === null) {
            segment.hints.move(request.fromOffset, run.endOffset, place.position + run.size)
          }
          isKept = true
          const { position, baseOffset } = place
          const read = { source: segment, position, baseOffset }
          return this.#context.recentReads.batches(read, buffer, run.size)
        }
        if (run.end === 'enough') return noBatches(request.fromOffset)
        // The first batch is larger than what was read: once more, with room for all of it.
        const needed = run.end === 'cut' && filled >= batchHeaderSize ? batchSize(buffer, 0) : 0
        if (needed <= size) return 'damaged'
        size = needed
      } finally {
        if (!isKept) buffers.give(buffer)
      }
    }
  }

  /**
   * The batches from the one at `baseOffset` on that another reader was given a moment ago; null to
   * read them.
   */
  #recentRun(
    segment: Segment,
    batches: BatchTable | null,
    baseOffset: number,
    request: ReadRequest
  ): ReadBatches | null {
    const { recentReads } = this.#context
    const read = recentReads.find(segment, baseOffset)
    if (read === null) return null
    const options = this.#runOptions(segment, read, request, batches)
    const run = checkRun(read.buffer, read.size, { ...options, checkCrc: false })
    const wanted = Math.min(options.maxSize, options.sizeMax)
    const isAll =
      run.end === 'enough' ||
      run.endOffset === Math.min(options.upToOffset, options.endOffsetMax) ||
      // Half of what is asked for is better than a read.
      run.size * 2 >= wanted
    if (run.size === 0 || !isAll) return null
    if (batches === null) {
      segment.hints.move(request.fromOffset, run.endOffset, read.position + run.size)
    }
    return recentReads.again(read, run.size)
  }

  #runOptions(
    segment: Segment,
    place: Place,
    request: ReadRequest,
    batches: BatchTable | null
  ): RunOptions {
    return {
      batches,
      epochs: this.#log.epochs,
      baseOffset: place.baseOffset,
      position: place.position,
      endOffsetMax: segment.endOffset,
      sizeMax: segment.size - place.position,
      upToOffset: Math.min(request.upToOffset, this.#log.readableEndOffset),
      maxSize: Math.min(request.maxSize, logReadSizeMax),
      minOneBatch: request.minOneBatch,
      checkCrc: this.#context.durability !== 'memory'
    }
  }

  /**
   * The first offset from which on a batch of `segment` has `timestampMs` or later: that of the
   * batch or `next`.
   */
  *#timestampSteps(
    segment: Segment,
    indexes: SegmentIndexes,
    timestampMs: number,
    next: number,
    end: number
  ): ReadSteps<Result<number | null, ReadError>> {
    const { times, batches } = indexes
    const entry = times.lookup(timestampMs)
    const from = entry === -1 ? segment.baseOffset : times.offsetAt(entry) + 1
    let offset = Math.max(from, next, segment.baseOffset)
    const stop = Math.min(end, segment.endOffset)
    if (offset >= stop) return success(null)
    const window = new ScanWindow(segment.log, segment.size, this.#context.buffers)
    try {
      const place = yield* this.#locator.locate(segment, indexes, offset)
      if (place === null) return this.#corrupt(segment, offset)
      let { position, baseOffset: expected } = place
      while (offset < stop && position < segment.size) {
        const holds =
          (yield* window.need(position, batchHeaderSize)) &&
          headerHolds(window.buffer, window.at(position), expected, this.#log.epochs)
        if (!holds) return this.#corrupt(segment, expected)
        const at = window.at(position)
        offset = expected + lastOffsetDelta(window.buffer, at) + 1
        if (offset > stop) break
        if (maxTimestampMs(window.buffer, at) >= timestampMs)
          return success(Math.max(expected, next))
        position += batchSize(window.buffer, at)
        if (position < segment.size) expected = expectedOffset(batches, position, offset)
      }
      return success(null)
    } catch (error) {
      if (isFileError(error)) return failure('STORAGE', error.message)
      throw error
    } finally {
      window.release()
    }
  }

  #isHot(segment: Segment, position: number): boolean {
    if (this.#context.durability === 'memory') return true
    if (position < segment.openedSize) return false
    return this.#log.segments.sizeBehind(segment, position) <= hotTailSize
  }

  #corrupt(segment: Segment, offset: number): ReadFailure {
    this.#log.reportDamage(segment, offset, offset + 1)
    return failure('CORRUPT', `${segment.log.path} is damaged at offset ${offset}`)
  }
}

type ReadFailure = ReturnType<typeof failure<ReadError>>

/** A position at or before the batch that holds `offset`. */
function anchorOf(segment: Segment, { offsets }: SegmentIndexes, offset: number): number {
  const hint = segment.hints.find(offset)
  if (hint !== -1) return hint
  const entry = offsets.lookup(offset)
  return entry === -1 ? 0 : offsets.positionAt(entry)
}

function noBatches(fromOffset: number): ReadBatches {
  return { bytes: nothing, baseOffset: fromOffset, release: () => {} }
}

const nothing = Buffer.alloc(0)
