import { assert } from '../../base/assert.ts'
import { recentReadSizeMin, recentReadsSizeMax, recentReadsSizeMin } from '../../limits.ts'
import type { ReadBatches } from '../partition-log.ts'
import type { BufferPool } from './buffer-pool.ts'

/** How many reads that nobody shared outweigh one that somebody came too late for. */
const unsharedWeight = 4

/** What was read: a segment, or anything else whose bytes stay what they are. */
export type ReadSource = object

/** Where batches were read. */
export interface ReadPlace {
  readonly source: ReadSource
  /** Of the first batch. */
  readonly baseOffset: number
  /** Of the first batch, in bytes. */
  readonly position: number
}

/** Checked batches in memory, as they came from a file, and how many readers hold them. */
export class RecentRead implements ReadPlace {
  readonly source: ReadSource
  readonly baseOffset: number
  readonly position: number
  /** Begins with `size` bytes of whole, sound batches. */
  readonly buffer: Buffer
  readonly size: number
  readers = 0
  /** Whether anybody but the first reader has had it. */
  isShared = false
  isForgotten = false

  constructor({ source, baseOffset, position }: ReadPlace, buffer: Buffer, size: number) {
    this.source = source
    this.baseOffset = baseOffset
    this.position = position
    this.buffer = buffer
    this.size = size
  }
}

/** Where a read was that is not in memory any more. */
interface PastRead {
  readonly source: ReadSource
  readonly baseOffset: number
  /** Memory that it took, bytes. */
  readonly bufferSize: number
}

/**
 * The last large reads of a log directory, for the next reader of the same place: consumers of a
 * topic follow one another closely. What is given out again was checked when it left the disk and
 * has stayed in memory since, so neither the copy nor the checksum is done twice.
 *
 * Memory is bounded, and follows its use. A lone reader is served best by few buffers, which stay
 * in the caches of the processor: reads that nobody shared make the room smaller as they go. The
 * places of reads that are gone are remembered as far as the largest room would reach, and whoever
 * asks for one of them opens that room. Whatever was not asked for longest goes first, and nothing
 * goes that a reader still holds.
 */
export class RecentReads {
  readonly #buffers: BufferPool
  /** In the order of their last use. */
  readonly #reads = new Set<RecentRead>()
  /** By the base offset of their first batch. */
  readonly #bySource = new Map<ReadSource, Map<number, RecentRead | PastRead>>()
  /** Oldest first. */
  readonly #past = new Set<PastRead>()
  #size = 0
  #pastSize = 0
  #room = recentReadsSizeMin

  constructor(buffers: BufferPool) {
    this.#buffers = buffers
  }

  /** Memory that is held, bytes. */
  get size(): number {
    return this.#size
  }

  /** What was read from the batch at `baseOffset` on; null when it is not there any more. */
  find(source: ReadSource, baseOffset: number): RecentRead | null {
    const found = this.#bySource.get(source)?.get(baseOffset)
    if (found === undefined) return null
    if (found instanceof RecentRead) return found
    this.#room = recentReadsSizeMax
    return null
  }

  /**
   * Batches out of a buffer of the pool, which goes back to it some time after they were released.
   *
   * @param size bytes at the start of `buffer` that are whole, sound batches
   */
  batches(place: ReadPlace, buffer: Buffer, size: number): ReadBatches {
    const { source, baseOffset } = place
    if (size < recentReadSizeMin || size > recentReadsSizeMax) {
      return new PooledBatches(this.#buffers, buffer, size, baseOffset)
    }
    const earlier = this.#bySource.get(source)?.get(baseOffset)
    if (earlier instanceof RecentRead) this.#forget(earlier)
    else if (earlier !== undefined) this.#forgetPast(earlier)
    const read = new RecentRead(place, buffer, size)
    this.#setPlace(read)
    this.#reads.add(read)
    this.#size += buffer.length
    this.#buffers.reserve(buffer.length)
    const batches = this.#lend(read, size)
    this.#makeRoom()
    return batches
  }

  /** The first `size` bytes of what is there already, for one more reader. */
  again(read: RecentRead, size: number): ReadBatches {
    read.isShared = true
    this.#reads.delete(read)
    this.#reads.add(read)
    return this.#lend(read, size)
  }

  /** The source is gone, or its bytes are about to be others. */
  forget(source: ReadSource): void {
    const places = this.#bySource.get(source)
    if (places === undefined) return
    for (const read of places.values()) {
      if (read instanceof RecentRead) this.#forget(read)
      else this.#forgetPast(read)
    }
  }

  #lend(read: RecentRead, size: number): ReadBatches {
    read.readers++
    return new SharedBatches(read, size, () => this.#released(read))
  }

  #released(read: RecentRead): void {
    read.readers--
    assert(read.readers >= 0, 'read batches are released once')
    if (read.readers === 0 && read.isForgotten) this.#buffers.give(read.buffer)
    else this.#makeRoom()
  }

  #makeRoom(): void {
    if (this.#size <= this.#room) return
    for (const read of this.#reads) {
      if (read.readers > 0) continue
      if (!read.isShared) {
        this.#room = Math.max(recentReadsSizeMin, this.#room - read.buffer.length / unsharedWeight)
      }
      this.#forget(read)
      this.#remember(read)
      if (this.#size <= this.#room) break
    }
    for (const past of this.#past) {
      if (this.#size + this.#pastSize <= recentReadsSizeMax) return
      this.#forgetPast(past)
    }
  }

  #forget(read: RecentRead): void {
    read.isForgotten = true
    this.#reads.delete(read)
    this.#size -= read.buffer.length
    this.#buffers.reserve(-read.buffer.length)
    this.#forgetPlace(read)
    if (read.readers === 0) this.#buffers.give(read.buffer)
  }

  #remember({ source, baseOffset, buffer }: RecentRead): void {
    const past = { source, baseOffset, bufferSize: buffer.length }
    this.#past.add(past)
    this.#pastSize += past.bufferSize
    this.#setPlace(past)
  }

  #setPlace(read: RecentRead | PastRead): void {
    const { source, baseOffset } = read
    const places = this.#bySource.get(source)
    if (places === undefined) this.#bySource.set(source, new Map([[baseOffset, read]]))
    else places.set(baseOffset, read)
  }

  #forgetPast(past: PastRead): void {
    this.#past.delete(past)
    this.#pastSize -= past.bufferSize
    this.#forgetPlace(past)
  }

  #forgetPlace({ source, baseOffset }: RecentRead | PastRead): void {
    const places = this.#bySource.get(source)!
    places.delete(baseOffset)
    if (places.size === 0) this.#bySource.delete(source)
  }
}

class SharedBatches implements ReadBatches {
  readonly bytes: Buffer
  readonly baseOffset: number
  #onReleased: (() => void) | null

  constructor(read: RecentRead, size: number, onReleased: () => void) {
    this.bytes = read.buffer.subarray(0, size)
    this.baseOffset = read.baseOffset
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
