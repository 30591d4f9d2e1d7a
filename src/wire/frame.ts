import { assert } from '../base/assert.ts'
import { frameGrowthFactor } from '../limits.ts'
import { MalformedRequest } from './malformed-request.ts'

/**
 * Takes one frame, without its four bytes of length.
 *
 * @param owned whether the buffer is the receiver's from now on; otherwise it is valid only during
 *   the call
 */
export type OnFrame = (buffer: Buffer, start: number, end: number, owned: boolean) => void

/** Where the bytes of frames that arrive in pieces are gathered. */
export interface FrameMemory {
  /**
   * A buffer of at least `size` bytes, with anything in it.
   *
   * @param declaredSize what the frame says it will need: a claim, for which nothing may be
   *   allocated
   */
  take(size: number, declaredSize: number): Buffer
  /** Takes a buffer back that nobody looks at any more. */
  give(buffer: Buffer): void
}

/** Memory from the runtime, never used twice. */
const freshMemory: FrameMemory = {
  take: size => Buffer.allocUnsafeSlow(size),
  give: () => {}
}

const sizeOfSize = 4

/**
 * Cuts a stream of bytes into frames: int32 size, then that many bytes.
 *
 * A frame that lies whole in a chunk is handed out in place. One that does not is gathered in a
 * buffer which grows as its bytes arrive, for the declared size is only a claim. The state is
 * complete before each call of `onFrame`, so a throwing receiver loses no byte of what follows.
 */
export class FrameSplitter {
  /**
   * Largest frame that is let in, bytes; a connection may raise it when the client has proved who
   * it is.
   */
  maxFrameSize: number
  readonly #memory: FrameMemory
  /** Bytes of the size prefix that have arrived, and what they say so far. */
  #sizeBytes = 0
  #size = 0
  #partial: Buffer | null = null
  /** Bytes of the frame gathered in `#partial`. */
  #gathered = 0

  constructor(maxFrameSize: number, memory: FrameMemory = freshMemory) {
    this.maxFrameSize = maxFrameSize
    this.#memory = memory
  }

  /** Whether a frame has begun and not ended. */
  get inFrame(): boolean {
    return this.#sizeBytes > 0
  }

  /** Memory that holds the begun frame, bytes. */
  get heldSize(): number {
    return this.#partial?.length ?? 0
  }

  /**
   * Takes the bytes of `chunk` from `start` to `end`, and hands out every frame that they complete.
   *
   * @throws MalformedRequest when a size is not positive or above `maxFrameSize`: the stream cannot
   *   go on
   */
  push(chunk: Buffer, start: number, end: number, onFrame: OnFrame): void {
    assert(start >= 0 && start <= end && end <= chunk.length, 'a range of the chunk')
    let at = start
    while (at < end) {
      if (this.#sizeBytes < sizeOfSize) {
        at = this.#readSize(chunk, at, end)
        continue
      }
      const wanted = this.#size - this.#gathered
      if (this.#partial === null && end - at >= wanted) {
        this.#sizeBytes = 0
        const from = at
        at += wanted
        onFrame(chunk, from, at, false)
        continue
      }
      const taken = Math.min(wanted, end - at)
      const partial = this.#gather(chunk, at, taken)
      at += taken
      if (taken < wanted) return
      this.#sizeBytes = 0
      this.#partial = null
      this.#gathered = 0
      onFrame(partial, 0, this.#size, true)
    }
  }

  #readSize(chunk: Buffer, start: number, end: number): number {
    let at = start
    while (at < end && this.#sizeBytes < sizeOfSize) {
      this.#size = (this.#size << 8) | chunk[at]!
      this.#sizeBytes++
      at++
    }
    if (this.#sizeBytes === sizeOfSize) {
      if (this.#size <= 0 || this.#size > this.maxFrameSize) {
        throw new MalformedRequest(
          `a frame of ${this.#size} bytes, where ${this.maxFrameSize} are allowed`
        )
      }
    }
    return at
  }

  #gather(chunk: Buffer, at: number, size: number): Buffer {
    const needed = this.#gathered + size
    let partial = this.#partial
    if (partial === null || partial.length < needed) {
      const room = Math.min(this.#size, Math.max(needed, this.#gathered * frameGrowthFactor))
      const larger = this.#memory.take(room, this.#size)
      if (partial !== null) {
        partial.copy(larger, 0, 0, this.#gathered)
        this.#memory.give(partial)
      }
      partial = larger
      this.#partial = partial
    }
    chunk.copy(partial, this.#gathered, at, at + size)
    this.#gathered = needed
    return partial
  }
}
