import { assert } from '../../base/assert.ts'
import { EntryList } from './entry-list.ts'

/** Bytes of one entry: relative offset int32, position int32 (Kafka: `OffsetIndex`). */
export const offsetIndexEntrySize = 8

/** Offsets and positions of one segment must stay below this: its indexes keep them in 31 bits. */
export const relativeOffsetMax = 0x7fff_ffff

/**
 * The sparse offset index of one segment: for some of its batches the last offset and the position,
 * ascending in both. As in Kafka an entry names the batch's *last* offset, so that a lookup never
 * lands behind the batch it wants.
 */
export class OffsetIndex {
  readonly baseOffset: number
  readonly entries = new EntryList(offsetIndexEntrySize)

  constructor(baseOffset: number) {
    this.baseOffset = baseOffset
  }

  get count(): number {
    return this.entries.count
  }

  append(lastOffset: number, position: number): void {
    const relativeOffset = lastOffset - this.baseOffset
    const count = this.entries.count
    assert(relativeOffset >= 0 && relativeOffset <= relativeOffsetMax, 'relative offset fits')
    assert(count === 0 || lastOffset > this.offsetAt(count - 1), 'offset index ascends')
    const at = this.entries.add()
    this.entries.bytes.writeInt32BE(relativeOffset, at)
    this.entries.bytes.writeInt32BE(position, at + 4)
  }

  /** The last offset of the batch that entry `index` names. */
  offsetAt(index: number): number {
    return this.baseOffset + this.entries.bytes.readInt32BE(index * offsetIndexEntrySize)
  }

  /** The position of the batch that entry `index` names. */
  positionAt(index: number): number {
    return this.entries.bytes.readInt32BE(index * offsetIndexEntrySize + 4)
  }

  /**
   * The last entry whose offset is at or below `offset`; -1 when the search begins with the
   * segment.
   */
  lookup(offset: number): number {
    let low = -1
    let high = this.entries.count - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.offsetAt(middle) <= offset) low = middle
      else high = middle - 1
    }
    return low
  }

  /** The first entry whose position is beyond `position`; `count` when there is none. */
  after(position: number): number {
    let low = 0
    let high = this.entries.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.positionAt(middle) > position) high = middle
      else low = middle + 1
    }
    return low
  }
}
