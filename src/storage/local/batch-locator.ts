import { baseOffset, batchHeaderSize, batchSize, lastOffsetDelta } from '../../record/batch.ts'
import { headerHolds } from './batch-check.ts'
import type { BatchTable } from './batch-table.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import { findBatch, isSound, ScanWindow } from './log-scan.ts'
import type { OffsetIndex } from './offset-index.ts'
import type { ReadSteps } from './read-steps.ts'
import type { SegmentIndexes } from './segment-indexes.ts'
import type { Segment } from './segment.ts'

/** Bytes that a walk from an index entry to a batch reads at a time: some index intervals. */
const walkChunkSize = 16 * 1024

/** A batch in a segment. */
export interface Place {
  readonly position: number
  readonly baseOffset: number
}

/** What is looked at of the log in which batches are looked for. */
export interface LocatedLog {
  readonly epochs: LeaderEpochs
  reportDamage(segment: Segment, fromOffset: number, toOffset: number): void
}

/** Finds the batches of offsets: through the index, then from header to header. */
export class BatchLocator {
  readonly #buffers: BufferPool
  readonly #log: LocatedLog

  constructor(buffers: BufferPool, log: LocatedLog) {
    this.#buffers = buffers
    this.#log = log
  }

  /**
   * The batch that holds `offset`; in a sparse segment the next one if none holds it, or the end of
   * the segment when nothing follows. Null when damage hides it.
   */
  *locate(segment: Segment, indexes: SegmentIndexes, offset: number): ReadSteps<Place | null> {
    if (indexes.batches !== null) return yield* this.#locateSparse(segment, indexes.batches, offset)
    const hint = segment.hints.find(offset)
    if (hint !== -1) return { position: hint, baseOffset: offset }
    const { offsets } = indexes
    const entry = offsets.lookup(offset)
    const window = this.#window(segment)
    try {
      const start: Place =
        entry === -1
          ? { position: 0, baseOffset: segment.baseOffset }
          : yield* placeOf(window, offsets, entry)
      return yield* this.#walk(segment, offsets, window, start, offset)
    } finally {
      window.release()
    }
  }

  /** Goes on looking for the batch that holds `offset` behind one that turned out damaged. */
  *behind(
    segment: Segment,
    { offsets, batches }: SegmentIndexes,
    damaged: Place,
    offset: number
  ): ReadSteps<Place | null> {
    if (batches !== null) {
      this.#reportSparse(segment, batches, damaged)
      return null
    }
    const window = this.#window(segment)
    try {
      const next = yield* this.#placeBehind(segment, offsets, window, damaged)
      if (next === null || next.baseOffset > offset) return null
      return yield* this.#walk(segment, offsets, window, next, offset)
    } finally {
      window.release()
    }
  }

  *#locateSparse(segment: Segment, batches: BatchTable, offset: number): ReadSteps<Place | null> {
    const window = this.#window(segment)
    try {
      for (let index = Math.max(batches.lookup(offset), 0); index < batches.count; index++) {
        const place = { position: batches.positionAt(index), baseOffset: batches.offsetAt(index) }
        if (place.baseOffset >= offset) return place
        const holds =
          (yield* window.need(place.position, batchHeaderSize)) &&
          headerHolds(window.buffer, window.at(place.position), place.baseOffset, this.#log.epochs)
        if (!holds) {
          this.#reportSparse(segment, batches, place)
          return null
        }
        const lastDelta = lastOffsetDelta(window.buffer, window.at(place.position))
        if (place.baseOffset + lastDelta >= offset) return place
      }
      return { position: segment.size, baseOffset: segment.endOffset }
    } finally {
      window.release()
    }
  }

  #reportSparse(segment: Segment, batches: BatchTable, damaged: Place): void {
    const next = batches.lookup(damaged.baseOffset) + 1
    const toOffset = next < batches.count ? batches.offsetAt(next) : segment.endOffset
    this.#log.reportDamage(segment, damaged.baseOffset, toOffset)
  }

  *#walk(
    segment: Segment,
    offsets: OffsetIndex,
    window: ScanWindow,
    start: Place,
    offset: number
  ): ReadSteps<Place | null> {
    let before: Place | null = null
    let place = start
    for (;;) {
      const { position, baseOffset: expected } = place
      const holds =
        (yield* window.need(position, batchHeaderSize)) &&
        headerHolds(window.buffer, window.at(position), expected, this.#log.epochs)
      if (holds) {
        const at = window.at(position)
        const end = expected + lastOffsetDelta(window.buffer, at) + 1
        if (end > offset) return place
        before = place
        place = { position: position + batchSize(window.buffer, at), baseOffset: end }
        continue
      }
      // What does not continue the batch before may be sound, and that one damaged.
      const isBeforeSound =
        before === null || (yield* isSound(window, before.position, before.baseOffset))
      const damaged: Place = isBeforeSound ? place : before!
      const next = yield* this.#placeBehind(segment, offsets, window, damaged)
      if (next === null || next.baseOffset > offset) return null
      before = null
      place = next
    }
  }

  /** Where framing can be picked up again: at a sound batch, or at the next index entry. */
  *#placeBehind(
    segment: Segment,
    offsets: OffsetIndex,
    window: ScanWindow,
    damaged: Place
  ): ReadSteps<Place | null> {
    const entry = offsets.after(damaged.position)
    const isLast = entry === offsets.count
    const found = yield* findBatch(window, {
      from: damaged.position + 1,
      to: isLast ? segment.size : offsets.positionAt(entry),
      minOffset: damaged.baseOffset + 1,
      maxOffset: isLast ? segment.endOffset : offsets.offsetAt(entry) + 1
    })
    let next: Place | null = null
    if (found !== -1) {
      next = { position: found, baseOffset: baseOffset(window.buffer, window.at(found)) }
    } else if (!isLast) {
      const place = yield* placeOf(window, offsets, entry)
      if (place.baseOffset > damaged.baseOffset) next = place
    }
    this.#log.reportDamage(segment, damaged.baseOffset, next?.baseOffset ?? segment.endOffset)
    return next
  }

  #window(segment: Segment): ScanWindow {
    return new ScanWindow(segment.log, segment.size, this.#buffers, walkChunkSize)
  }
}

/**
 * The batch that an index entry names, and where it begins if it ends where the entry says. A
 * damaged header may say anything of that: the batch begins behind the entry before all the same.
 */
function* placeOf(window: ScanWindow, offsets: OffsetIndex, entry: number): ReadSteps<Place> {
  const position = offsets.positionAt(entry)
  const lastOffset = offsets.offsetAt(entry)
  const firstOffset = entry === 0 ? offsets.baseOffset : offsets.offsetAt(entry - 1) + 1
  if (!(yield* window.need(position, batchHeaderSize))) return { position, baseOffset: -1 }
  const noted = lastOffset - lastOffsetDelta(window.buffer, window.at(position))
  return { position, baseOffset: Math.min(Math.max(noted, firstOffset), lastOffset) }
}
