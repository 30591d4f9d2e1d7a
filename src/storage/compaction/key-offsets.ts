import { assert } from '../../base/assert.ts'
import { nodeCrypto } from '../../base/node-module.ts'

/** Bytes of one slot: 16 of a key's digest, and the offset as a double. */
const slotSize = 24
const digestWords = 4
const slotsMin = 16

/**
 * The newest offset of each key, in memory of a fixed size (Kafka: `SkimpyOffsetMap`). Keys are
 * kept as the first 128 bits of their SHA-256: no client can find two that share them, whose
 * records would be taken for each other's.
 */
export class KeyOffsets {
  readonly #slots: number
  readonly #sizeMax: number
  readonly #digests: Int32Array
  /** -1: the slot is free. */
  readonly #offsets: Float64Array
  readonly #probe = new Int32Array(digestWords)
  #size = 0

  /**
   * @param memoryMax bytes; less is taken when fewer keys can come
   * @param loadFactor share of the slots that may be used. Kafka: log.cleaner.io.buffer.load.factor
   * @param keysMax most keys that can come
   */
  constructor(memoryMax: number, loadFactor: number, keysMax: number) {
    const wanted = Math.ceil(keysMax / loadFactor) + 1
    const slots = Math.max(slotsMin, Math.min(Math.floor(memoryMax / slotSize), wanted))
    this.#slots = slots
    this.#sizeMax = Math.max(1, Math.min(slots - 1, Math.floor(slots * loadFactor)))
    this.#digests = new Int32Array(slots * digestWords)
    this.#offsets = new Float64Array(slots).fill(-1)
  }

  get size(): number {
    return this.#size
  }

  /** Whether another key may not find room. */
  get isFull(): boolean {
    return this.#size >= this.#sizeMax
  }

  /** Notes the offset of a key's newest record. */
  put(key: Uint8Array, offset: number): void {
    const slot = this.#find(key)
    if (this.#offsets[slot] === -1) {
      assert(!this.isFull, 'there is room for a key that is put')
      this.#digests.set(this.#probe, slot * digestWords)
      this.#size++
    }
    this.#offsets[slot] = offset
  }

  /** The newest offset of a key; -1 for one that was not put. */
  get(key: Uint8Array): number {
    return this.#offsets[this.#find(key)]!
  }

  /** The slot of a key, or the free one where it belongs. */
  #find(key: Uint8Array): number {
    const digest = nodeCrypto().createHash('sha256').update(key).digest()
    const probe = this.#probe
    for (let word = 0; word < digestWords; word++) probe[word] = digest.readInt32LE(word * 4)
    let slot = (probe[0]! >>> 0) % this.#slots
    while (this.#offsets[slot] !== -1 && !this.#holds(slot)) slot = (slot + 1) % this.#slots
    return slot
  }

  #holds(slot: number): boolean {
    const at = slot * digestWords
    for (let word = 0; word < digestWords; word++) {
      if (this.#digests[at + word] !== this.#probe[word]) return false
    }
    return true
  }
}
