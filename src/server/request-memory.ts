import { assert } from '../base/assert.ts'

/** Who holds request bytes and can be told to read on. */
export interface MemoryHolder {
  /** There is room again, or it is this holder's turn to finish the request that it has begun. */
  onRoom(): void
}

/**
 * The bytes of requests that all connections hold together. Above the bound connections stop
 * reading, and read on when three quarters are left.
 *
 * If every connection stopped in the middle of a request, none could ever finish and give its bytes
 * back. So one at a time may read on regardless until its request is whole: the bound is exceeded
 * by one request at most.
 */
export class RequestMemory {
  readonly #sizeMax: number
  #size = 0
  #finisher: MemoryHolder | null = null
  readonly #waiting = new Set<MemoryHolder>()

  /** @param sizeMax bytes */
  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  /** Bytes held. */
  get size(): number {
    return this.#size
  }

  /** Notes that a holder now holds `delta` bytes more, or fewer when negative. */
  change(delta: number): void {
    this.#size += delta
    assert(this.#size >= 0, 'request bytes held are not negative')
    if (delta < 0 && this.#size <= this.#sizeMax * 0.75) this.#wakeAll()
  }

  /** Whether the holder may read on; if not, its `onRoom` is called later. */
  mayRead(holder: MemoryHolder, midRequest: boolean): boolean {
    if (this.#finisher === holder && !midRequest) this.#passOn()
    if (this.#size < this.#sizeMax) return true
    if (midRequest && this.#finisher === null) this.#finisher = holder
    if (this.#finisher === holder) return true
    this.#waiting.add(holder)
    return false
  }

  /** Forgets a holder that is gone; what it held was given back by `change`. */
  leave(holder: MemoryHolder): void {
    this.#waiting.delete(holder)
    if (this.#finisher === holder) this.#passOn()
  }

  #passOn(): void {
    this.#finisher = null
    // Whoever is asked first and is in the middle of a request becomes the next one; the others
    // wait again.
    const waiting = [...this.#waiting]
    for (const holder of waiting) {
      if (this.#finisher !== null) return
      this.#waiting.delete(holder)
      holder.onRoom()
    }
  }

  #wakeAll(): void {
    if (this.#waiting.size === 0) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const holder of waiting) holder.onRoom()
  }
}
