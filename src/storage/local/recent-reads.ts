import { assert } from '../../base/assert.ts'
import { recentReadSizeMin, recentReadsSizeMax } from '../../limits.ts'
import type { ReadBatches } from '../partition-log.ts'
import type { BufferPool } from './buffer-pool.ts'

/** What was read: a segment, or anything else whose bytes stay what they are. */
export type ReadSource = object

/** Checked batches in memory, as they came from a file, and how many readers hold them. */
export class RecentRead {
  readonly source: ReadSource
  readonly position: number
  /** Begins with `size` bytes of whole, sound batches. */
  readonly buffer: Buffer
  readonly size: number
  readers = 0
  isForgotten = false

  constructor(source: ReadSource, position: number, buffer: Buffer, size: number) {
    this.source = source
    this.position = position
    this.buffer = buffer
    this.size = size
  }
}

/**
 * The last large reads of a log directory, for the next reader of the same place: consumers of a
 * topic follow one another closely. What is given out again was checked when it left the disk and
 * has stayed in memory since, so neither the copy nor the checksum is done twice.
 *
 * Memory is bounded; whatever was not asked for longest goes first, and nothing goes that a reader
 * still holds.
 */
export class RecentReads {
  readonly #buffers: BufferPool
  /** In the order of their last use. */
  readonly #reads = new Set<RecentRead>()
  readonly #bySource = new Map<ReadSource, Map<number, RecentRead>>()
  #size = 0

  constructor(buffers: BufferPool) {
    this.#buffers = buffers
  }

  /** Memory that is held, bytes. */
  get size(): number {
    return this.#size
  }

  /** What was read from that place; null when it is not there any more. */
  find(source: ReadSource, position: number): RecentRead | null {
    return this.#bySource.get(source)?.get(position) ?? null
  }

  /**
   * Batches out of a buffer of the pool, which goes back to it some time after they were released.
   *
   * @param size bytes at the start of `buffer` that are whole, sound batches
   */
  batches(
    source: ReadSource,
    position: number,
    buffer: Buffer,
    size: number,
    baseOffset: number
  ): ReadBatches {
    if (size < recentReadSizeMin || size > recentReadsSizeMax) {
      return new PooledBatches(this.#buffers, buffer, size, baseOffset)
    }
    const earlier = this.find(source, position)
    if (earlier !== null) this.#forget(earlier)
    const read = new RecentRead(source, position, buffer, size)
    this.#reads.add(read)
    this.#size += buffer.length
    let places = this.#bySource.get(source)
    if (places === undefined) {
      places = new Map()
      this.#bySource.set(source, places)
    }
    places.set(position, read)
    const batches = this.again(read, size, baseOffset)
    this.#makeRoom()
    return batches
  }

  /** The first `size` bytes of what is there already, for one more reader. */
  again(read: RecentRead, size: number, baseOffset: number): ReadBatches {
    this.#reads.delete(read)
    this.#reads.add(read)
    read.readers++
    return new SharedBatches(read, size, baseOffset, () => this.#released(read))
  }

  /** The source is gone, or its bytes are about to be others. */
  forget(source: ReadSource): void {
    const places = this.#bySource.get(source)
    if (places === undefined) return
    for (const read of places.values()) this.#forget(read)
  }

  #released(read: RecentRead): void {
    read.readers--
    assert(read.readers >= 0, 'read batches are released once')
    if (read.readers === 0 && read.isForgotten) this.#buffers.give(read.buffer)
    else this.#makeRoom()
  }

  #makeRoom(): void {
    if (this.#size <= recentReadsSizeMax) return
    for (const read of this.#reads) {
      if (read.readers > 0) continue
      this.#forget(read)
      if (this.#size <= recentReadsSizeMax) return
    }
  }

  #forget(read: RecentRead): void {
    read.isForgotten = true
    this.#reads.delete(read)
    this.#size -= read.buffer.length
    const places = this.#bySource.get(read.source)!
    places.delete(read.position)
    if (places.size === 0) this.#bySource.delete(read.source)
    if (read.readers === 0) this.#buffers.give(read.buffer)
  }
}

class SharedBatches implements ReadBatches {
  readonly bytes: Buffer
  readonly baseOffset: number
  #onReleased: (() => void) | null

  constructor(read: RecentRead, size: number, baseOffset: number, onReleased: () => void) {
    this.bytes = read.buffer.subarray(0, size)
    this.baseOffset = baseOffset
    this.#onReleased = onReleased
  }

  release(): void {
    const onReleased = this.#onReleased
    assert(onReleased !== null, 'read batches are released once')
    this.#onReleased = null
    onReleased()
  }
}

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
