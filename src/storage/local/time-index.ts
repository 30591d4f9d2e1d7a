import { assert } from '../../base/assert.ts'
import { EntryList } from './entry-list.ts'
import { readInt64, writeInt64 } from './int64.ts'

/** Bytes of one entry: timestamp int64, relative offset int32 (Kafka: `TimeIndex`). */
export const timeIndexEntrySize = 12

/**
 * The sparse time index of one segment. An entry says: no batch up to the one that ends at `offset`
 * has a larger timestamp, and that batch has it. Ascending in both.
 */
export class TimeIndex {
  readonly baseOffset: number
  readonly entries = new EntryList(timeIndexEntrySize)

  constructor(baseOffset: number) {
    this.baseOffset = baseOffset
  }

  get count(): number {
    return this.entries.count
  }

  /** Adds an entry if it says something new: a larger timestamp than the last entry's. */
  append(timestampMs: number, lastOffset: number): void {
    const count = this.entries.count
    if (timestampMs <= (count === 0 ? -1 : this.timestampAt(count - 1))) return
    assert(count === 0 || lastOffset > this.offsetAt(count - 1), 'time index ascends')
    const at = this.entries.add()
    writeInt64(this.entries.bytes, timestampMs, at)
    this.entries.bytes.writeInt32BE(lastOffset - this.baseOffset, at + 8)
  }

  timestampAt(index: number): number {
    return readInt64(this.entries.bytes, index * timeIndexEntrySize)
  }

  /** The last offset of the batch that entry `index` names. */
  offsetAt(index: number): number {
    return this.baseOffset + this.entries.bytes.readInt32BE(index * timeIndexEntrySize + 8)
  }

  /**
   * The last entry whose timestamp is below `timestampMs`; -1 when the search begins with the
   * segment.
   */
  lookup(timestampMs: number): number {
    let low = -1
    let high = this.entries.count - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.timestampAt(middle) < timestampMs) low = middle
      else high = middle - 1
    }
    return low
  }

  /** How many entries name offsets below `offset`. */
  countBelow(offset: number): number {
    let count = this.entries.count
    while (count > 0 && this.offsetAt(count - 1) >= offset) count--
    return count
  }
}
