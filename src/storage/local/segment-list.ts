import { assert } from '../../base/assert.ts'
import type { Segment } from './segment.ts'

/**
 * The segments of one log, ascending by base offset. The last one is active: it takes the appends.
 */
export class SegmentList {
  readonly #segments: Segment[]

  constructor(segments: readonly Segment[]) {
    this.#segments = [...segments]
  }

  get all(): readonly Segment[] {
    return this.#segments
  }

  get active(): Segment | undefined {
    return this.#segments.at(-1)
  }

  /** Size of all batches, bytes. */
  get size(): number {
    let size = 0
    for (const segment of this.#segments) size += segment.size
    return size
  }

  /**
   * The largest record timestamp and the last offset of the first batch that has it; null when
   * there is none.
   */
  get largestTimestamp(): { readonly timestampMs: number; readonly offset: number } | null {
    let largest: Segment | null = null
    for (const segment of this.#segments) {
      if (segment.largestTimestampMs > (largest?.largestTimestampMs ?? -1)) largest = segment
    }
    if (largest === null) return null
    return { timestampMs: largest.largestTimestampMs, offset: largest.offsetOfLargestTimestamp }
  }

  /** The last segment that begins at or before `offset`; the first one if all begin behind it. */
  at(offset: number): Segment | undefined {
    let low = 0
    let high = this.#segments.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#segments[middle]!.baseOffset <= offset) low = middle
      else high = middle - 1
    }
    return this.#segments[low]
  }

  has(segment: Segment): boolean {
    return this.#segments.includes(segment)
  }

  /** Bytes of batches from `position` in `segment` to the end of the log. */
  sizeBehind(segment: Segment, position: number): number {
    let size = segment.size - position
    for (let index = this.#segments.length - 1; this.#segments[index] !== segment; index--) {
      size += this.#segments[index]!.size
    }
    return size
  }

  add(segment: Segment): void {
    this.#segments.push(segment)
  }

  /** Takes out the segments whose offsets are all below `offset`, except the active one. */
  takeBelow(offset: number): readonly Segment[] {
    const kept = this.#segments.findIndex(
      (_, index) => (this.#segments[index + 1]?.baseOffset ?? Infinity) > offset
    )
    return kept <= 0 ? [] : this.#segments.splice(0, kept)
  }

  /** Puts a segment in the place of neighbours. */
  replace(replaced: readonly Segment[], by: Segment): void {
    const index = this.#segments.indexOf(replaced[0]!)
    const isThere = replaced.every((segment, at) => this.#segments[index + at] === segment)
    assert(index >= 0 && isThere, 'the segments that are replaced are neighbours')
    this.#segments.splice(index, replaced.length, by)
  }

  removeLast(): void {
    this.#segments.pop()
  }
}
