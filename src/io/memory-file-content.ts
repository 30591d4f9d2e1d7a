import { KiB, MiB } from '../base/sizes.ts'

/**
 * Bytes of a file in RAM are kept in pieces of this size, so that a growing file is never copied
 * whole.
 */
const chunkSize = MiB
/** The first piece of a small file, bytes; it doubles until it is a whole chunk. */
const firstChunkSizeMin = 4 * KiB

/** The bytes of one file in RAM. Positions and sizes are checked by the caller. */
export class MemoryFileContent {
  /**
   * What is beyond `size` in the last chunk is garbage; only the first chunk may be smaller than
   * `chunkSize`.
   */
  readonly #chunks: Buffer[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Fills `target` from `position` on; returns how many bytes there were. */
  read(target: Uint8Array, position: number): number {
    const size = Math.max(0, Math.min(target.length, this.#size - position))
    for (let done = 0; done < size;) {
      const within = (position + done) % chunkSize
      const chunk = this.#chunks[Math.floor((position + done) / chunkSize)]!
      const end = Math.min(chunk.length, within + size - done)
      target.set(chunk.subarray(within, end), done)
      done += end - within
    }
    return size
  }

  write(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return
    if (position > this.#size) this.resize(position)
    this.#reserve(position + bytes.length)
    for (let done = 0; done < bytes.length;) {
      const within = (position + done) % chunkSize
      const chunk = this.#chunks[Math.floor((position + done) / chunkSize)]!
      const part = bytes.subarray(done, done + Math.min(chunk.length - within, bytes.length - done))
      chunk.set(part, within)
      done += part.length
    }
    this.#size = Math.max(this.#size, position + bytes.length)
  }

  /** Cuts the file and frees what it no longer needs, or fills it up with zeros. */
  resize(size: number): void {
    if (size <= this.#size) {
      this.#size = size
      this.#chunks.length = Math.ceil(size / chunkSize)
      return
    }
    this.#reserve(size)
    for (let position = this.#size; position < size;) {
      const within = position % chunkSize
      const chunk = this.#chunks[Math.floor(position / chunkSize)]!
      const end = Math.min(chunk.length, within + size - position)
      chunk.fill(0, within, end)
      position += end - within
    }
    this.#size = size
  }

  #reserve(size: number): void {
    const first = this.#chunks[0]
    if (first === undefined || (first.length < size && first.length < chunkSize)) {
      const grown = Math.max(firstChunkSizeMin, size, 2 * (first?.length ?? 0))
      const chunk = Buffer.allocUnsafeSlow(Math.min(grown, chunkSize))
      if (first !== undefined) chunk.set(first.subarray(0, this.#size))
      this.#chunks[0] = chunk
    }
    while (this.#chunks.length * chunkSize < size && this.#chunks[0]!.length === chunkSize)
      this.#chunks.push(Buffer.allocUnsafeSlow(chunkSize))
  }
}
