import { assert } from '../../base/assert.ts'

/** Entries that a new list has room for: thousands of partitions hold a handful each. */
const firstCapacity = 8

/**
 * Entries of one fixed size, one after the other, in memory exactly as they are on disk: an index
 * file is written and checked without any conversion.
 */
export class EntryList {
  readonly entrySize: number
  #bytes: Buffer
  #count = 0

  constructor(entrySize: number) {
    this.entrySize = entrySize
    this.#bytes = Buffer.alloc(0)
  }

  get count(): number {
    return this.#count
  }

  /** Memory taken, bytes. */
  get capacity(): number {
    return this.#bytes.length
  }

  /** The entries' memory; a position in it is `index * entrySize`. Valid until the next `add`. */
  get bytes(): Buffer {
    return this.#bytes
  }

  /** Makes room for one more entry and returns its position in `bytes`. */
  add(): number {
    const at = this.#count * this.entrySize
    if (at === this.#bytes.length) this.#grow()
    this.#count++
    return at
  }

  /** The bytes of the entries from `from` up to `to`, exclusive. */
  slice(from: number, to: number): Buffer {
    assert(from >= 0 && from <= to && to <= this.#count, 'a slice lies within the entries')
    return this.#bytes.subarray(from * this.entrySize, to * this.entrySize)
  }

  truncate(count: number): void {
    assert(count <= this.#count, 'entries are only taken away')
    this.#count = count
  }

  /** Takes over whole entries as they were read from disk. */
  load(bytes: Buffer): void {
    assert(bytes.length % this.entrySize === 0, 'an index is loaded in whole entries')
    this.#bytes = bytes
    this.#count = bytes.length / this.entrySize
  }

  #grow(): void {
    const capacity = Math.max(firstCapacity * this.entrySize, this.#bytes.length * 2)
    const grown = Buffer.allocUnsafeSlow(capacity)
    this.#bytes.copy(grown)
    this.#bytes = grown
  }
}
