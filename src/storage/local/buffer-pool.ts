import { pooledBuffersSizeMax, pooledBufferSizeMax, pooledBufferSizeMin } from '../../limits.ts'

/**
 * Buffers for reads, in size classes that grow fourfold. Fresh memory for every fetch would cost
 * several times the read itself; kept memory is bounded, and a buffer beyond the bound or the
 * largest class is left to the garbage collector.
 */
export class BufferPool {
  readonly #free = new Map<number, Buffer[]>()
  #keptSize = 0
  #reservedSize = 0

  constructor() {
    for (let size = pooledBufferSizeMin; size <= pooledBufferSizeMax; size *= 4) {
      this.#free.set(size, [])
    }
  }

  /** Memory that is kept for later, bytes. */
  get keptSize(): number {
    return this.#keptSize
  }

  /** A buffer of at least `size` bytes, with anything in it. */
  take(size: number): Buffer {
    for (const [classSize, free] of this.#free) {
      if (classSize < size) continue
      const buffer = free.pop()
      if (buffer === undefined) return Buffer.allocUnsafeSlow(classSize)
      this.#keptSize -= classSize
      return buffer
    }
    return Buffer.allocUnsafeSlow(size)
  }

  /** Takes back a buffer that `take` gave out, whole; nobody may look at it any more. */
  give(buffer: Buffer): void {
    const free = this.#free.get(buffer.length)
    const size = this.#keptSize + this.#reservedSize + buffer.length
    if (free === undefined || size > pooledBuffersSizeMax) return
    free.push(buffer)
    this.#keptSize += buffer.length
  }

  /**
   * Tells of buffers that somebody holds on to after their use, or does no longer: they count as
   * kept memory.
   *
   * @param size bytes more than before; negative: fewer
   */
  reserve(size: number): void {
    this.#reservedSize += size
    for (const [classSize, free] of this.#free) {
      while (this.#keptSize + this.#reservedSize > pooledBuffersSizeMax && free.length > 0) {
        free.pop()
        this.#keptSize -= classSize
      }
    }
  }
}
