import { assert } from '../../base/assert.ts'
import { failure, success, type Result } from '../../base/result.ts'
import { hotTailSize, logReadSizeMax, pooledBufferSizeMin } from '../../limits.ts'
import {
  baseOffset,
  batchHeaderSize,
  batchSize,
  lastOffsetDelta,
  maxTimestampMs
} from '../../record/batch.ts'
import type { ReadBatches, ReadError, ReadRequest } from '../partition-log.ts'
import { checkRun, headerHolds, type RunOptions } from './batch-check.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LogContext } from './log-context.ts'
import { findBatch, ScanWindow } from './log-scan.ts'
import { isFileError, readInto, runAsync, runSync, type ReadSteps } from './read-steps.ts'
import type { SegmentList } from './segment-list.ts'
import type { Segment } from './segment.ts'

/**
 * Bytes that a walk from an index entry to a batch reads at a time: a little more than an index
 * interval.
 */
const walkChunkSize = 16 * 1024

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
  ensureIndexes(segment: Segment): Promise<void>
  reportDamage(segment: Segment, fromOffset: number, toOffset: number): void
}

/** A batch in a segment. */
export interface Place {
  readonly position: number
  readonly baseOffset: number
}

/**
 * Reads of one log. Every batch that leaves is checked: its CRC, and the header bytes in front of
 * what the CRC covers against what the log knows (`headerHolds`). In the mode `memory` the CRC is
 * left out: those bytes never left RAM.
 *
 * What this process wrote a short while ago is read at once, anything else through the thread pool:
 * a read that waits for a disk would hold up everybody.
 */
export class LogReader {
  readonly #context: LogContext
  readonly #log: ReadableLog

  constructor(context: LogContext, log: ReadableLog) {
    this.#context = context
    this.#log = log
  }

  read(request: ReadRequest): Promise<ReadResult> {
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
      return Promise.resolve(this.#corrupt(segment, fromOffset, fromOffset + 1))
    }
    if (segment.indexes !== null && this.#isHot(segment, this.#anchorOf(segment, fromOffset))) {
      return Promise.resolve(runSync(this.#readSteps(segment, request)))
    }
    return this.#readCold(segment, request)
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
    const segments = this.#log.segments.all.slice()
    for (const segment of segments) {
      if (segment.endOffset <= next || segment.baseOffset >= end) continue
      if (segment.largestTimestampMs < timestampMs) continue
      await this.#log.ensureIndexes(segment)
      const found = await runAsync(this.#timestampSteps(segment, timestampMs, next, end))
      if (!found.ok) return found
      if (found.value !== null) {
        const maxSize = 1
        return this.read({ fromOffset: found.value, upToOffset: end, maxSize, minOneBatch: true })
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
    await this.#log.ensureIndexes(segment)
    const place = await runAsync(this.#locate(segment, offset))
    return place === null ? null : { ...place, segment }
  }

  async #readCold(segment: Segment, request: ReadRequest): Promise<ReadResult> {
    const { truncationCount } = this.#log
    await this.#log.ensureIndexes(segment)
    const result = await runAsync(this.#readSteps(segment, request))
    const isStale =
      truncationCount !== this.#log.truncationCount || !this.#log.segments.has(segment)
    if (!isStale) return result
    if (result.ok) result.value.release()
    return this.read(request)
  }

  /** Whole batches from the one that holds the request's offset, out of one segment. */
  *#readSteps(segment: Segment, request: ReadRequest): ReadSteps<ReadResult> {
    const buffers = this.#context.buffers
    let buffer: Buffer | null = null
    try {
      const place = yield* this.#locate(segment, request.fromOffset)
      if (place === null) return this.#corrupt(segment, request.fromOffset, request.fromOffset + 1)
      const options = this.#runOptions(request, place)
      const remaining = segment.size - place.position
      let size = Math.min(Math.max(options.maxSize, pooledBufferSizeMin), remaining)
      for (;;) {
        buffer = buffers.take(size)
        const filled = yield* readInto(segment.log, buffer.subarray(0, size), place.position)
        const run = checkRun(buffer, filled, options)
        if (run.size > 0) {
          segment.hints.move(request.fromOffset, run.endOffset, place.position + run.size)
          const batches = new PooledBatches(buffers, buffer, run.size, place.baseOffset)
          buffer = null
          return success(batches)
        }
        if (run.end === 'enough') return success(noBatches(request.fromOffset))
        const needed = run.end === 'cut' && filled >= batchHeaderSize ? batchSize(buffer, 0) : 0
        if (needed <= size || needed > remaining) {
          return this.#corrupt(segment, place.baseOffset, request.fromOffset + 1)
        }
        buffers.give(buffer)
        buffer = null
        size = needed
      }
    } catch (error) {
      if (isFileError(error)) return failure('STORAGE', error.message)
      throw error
    } finally {
      if (buffer !== null) buffers.give(buffer)
    }
  }

  #runOptions(request: ReadRequest, place: Place): RunOptions {
    return {
      epochs: this.#log.epochs,
      baseOffset: place.baseOffset,
      upToOffset: Math.min(request.upToOffset, this.#log.readableEndOffset),
      maxSize: Math.min(request.maxSize, logReadSizeMax),
      minOneBatch: request.minOneBatch,
      checkCrc: this.#context.durability !== 'memory'
    }
  }

  /** The batch that holds `offset`; null when damage hides it. */
  *#locate(segment: Segment, offset: number): ReadSteps<Place | null> {
    const hint = segment.hints.find(offset)
    if (hint !== -1) return { position: hint, baseOffset: offset }
    const { offsets } = segment.indexes!
    const entry = offsets.lookup(offset)
    const window = new ScanWindow(segment.log, segment.size, this.#context.buffers, walkChunkSize)
    try {
      let position = entry === -1 ? 0 : offsets.positionAt(entry)
      let expected = segment.baseOffset
      if (entry !== -1) {
        expected = yield* beginningOf(window, position, offsets.offsetAt(entry))
      }
      for (;;) {
        const holds =
          (yield* window.need(position, batchHeaderSize)) &&
          headerHolds(window.buffer, window.at(position), expected, this.#log.epochs)
        if (!holds) {
          const next = yield* this.#placeBehind(segment, window, position, expected)
          if (next === null || next.baseOffset > offset) return null
          position = next.position
          expected = next.baseOffset
          continue
        }
        const at = window.at(position)
        const end = expected + lastOffsetDelta(window.buffer, at) + 1
        if (end > offset) return { position, baseOffset: expected }
        position += batchSize(window.buffer, at)
        expected = end
      }
    } finally {
      window.release()
    }
  }

  /**
   * Where framing can be picked up again behind damage at `position`: a sound batch, or the next
   * index entry.
   */
  *#placeBehind(
    segment: Segment,
    window: ScanWindow,
    position: number,
    expected: number
  ): ReadSteps<Place | null> {
    const { offsets } = segment.indexes!
    const entry = offsets.after(position)
    const isLast = entry === offsets.count
    const to = isLast ? segment.size : offsets.positionAt(entry)
    const maxOffset = isLast ? segment.endOffset : offsets.offsetAt(entry) + 1
    const from = position + 1
    const found = yield* findBatch(window, { from, to, minOffset: expected + 1, maxOffset })
    if (found !== -1) {
      return { position: found, baseOffset: baseOffset(window.buffer, window.at(found)) }
    }
    if (isLast) return null
    const beginning = yield* beginningOf(window, to, offsets.offsetAt(entry))
    return beginning > expected ? { position: to, baseOffset: beginning } : null
  }

  /**
   * The first offset from which on a batch of `segment` has `timestampMs` or later: that of the
   * batch or `next`.
   */
  *#timestampSteps(
    segment: Segment,
    timestampMs: number,
    next: number,
    end: number
  ): ReadSteps<Result<number | null, ReadError>> {
    const { times } = segment.indexes!
    const entry = times.lookup(timestampMs)
    const from = entry === -1 ? segment.baseOffset : times.offsetAt(entry) + 1
    let offset = Math.max(from, next, segment.baseOffset)
    const stop = Math.min(end, segment.endOffset)
    if (offset >= stop) return success(null)
    const window = new ScanWindow(segment.log, segment.size, this.#context.buffers)
    try {
      const place = yield* this.#locate(segment, offset)
      if (place === null) return this.#corrupt(segment, offset, offset + 1)
      let { position, baseOffset: expected } = place
      while (offset < stop) {
        const holds =
          (yield* window.need(position, batchHeaderSize)) &&
          headerHolds(window.buffer, window.at(position), expected, this.#log.epochs)
        if (!holds) return this.#corrupt(segment, expected, expected + 1)
        const at = window.at(position)
        offset = expected + lastOffsetDelta(window.buffer, at) + 1
        if (offset > stop) break
        if (maxTimestampMs(window.buffer, at) >= timestampMs)
          return success(Math.max(expected, next))
        position += batchSize(window.buffer, at)
        expected = offset
      }
      return success(null)
    } catch (error) {
      if (isFileError(error)) return failure('STORAGE', error.message)
      throw error
    } finally {
      window.release()
    }
  }

  /** A position at or before the batch that holds `offset`. */
  #anchorOf(segment: Segment, offset: number): number {
    const hint = segment.hints.find(offset)
    if (hint !== -1) return hint
    const entry = segment.indexes!.offsets.lookup(offset)
    return entry === -1 ? 0 : segment.indexes!.offsets.positionAt(entry)
  }

  #isHot(segment: Segment, position: number): boolean {
    if (this.#context.durability === 'memory') return true
    if (position < segment.openedSize) return false
    return this.#log.segments.sizeBehind(segment, position) <= hotTailSize
  }

  #corrupt(segment: Segment, fromOffset: number, toOffset: number): ReadFailure {
    this.#log.reportDamage(segment, fromOffset, toOffset)
    return failure('CORRUPT', `${segment.log.path} is damaged at offset ${fromOffset}`)
  }
}

type ReadFailure = ReturnType<typeof failure<ReadError>>

/**
 * The base offset of the batch at `position`, if it is the one that ends at `lastOffset`; -1 when
 * it cannot be read.
 */
function* beginningOf(window: ScanWindow, position: number, lastOffset: number): ReadSteps<number> {
  if (!(yield* window.need(position, batchHeaderSize))) return -1
  return lastOffset - lastOffsetDelta(window.buffer, window.at(position))
}

function noBatches(fromOffset: number): ReadBatches {
  return { bytes: nothing, baseOffset: fromOffset, release: () => {} }
}

const nothing = Buffer.alloc(0)

class PooledBatches implements ReadBatches {
  readonly bytes: Buffer
  readonly baseOffset: number
  readonly #buffers: BufferPool
  #buffer: Buffer | null

  constructor(buffers: BufferPool, buffer: Buffer, size: number, baseOffset: number) {
    this.#buffers = buffers
    this.#buffer = buffer
    this.bytes = buffer.subarray(0, size)
    this.baseOffset = baseOffset
  }

  release(): void {
    assert(this.#buffer !== null, 'read batches are released once')
    this.#buffers.give(this.#buffer)
    this.#buffer = null
  }
}
