import { assert } from '../base/assert.ts'
import { framePoolSizeMax, pooledFrameSizeMax, pooledFrameSizeMin } from '../limits.ts'
import type { FrameMemory } from '../wire/frame.ts'

/**
 * Memory for requests that arrive in pieces. Fresh memory for every large request costs more than
 * all that is done with its bytes, so what one request gives back serves the next. What is kept is
 * bounded; a buffer beyond the bound or the largest class is left to the garbage collector.
 */
export class FramePool implements FrameMemory {
  /** Free buffers by size, ascending; sizes double. */
  readonly #classes: { readonly size: number; readonly free: Buffer[] }[] = []
  #keptSize = 0

  constructor() {
    for (let size = pooledFrameSizeMin; size <= pooledFrameSizeMax; size *= 2)
      this.#classes.push({ size, free: [] })
  }

  /** Bytes that are kept for later. */
  get keptSize(): number {
    return this.#keptSize
  }

  take(size: number, declaredSize: number): Buffer {
    // A free buffer for the whole frame costs nothing, however little of the frame is there yet.
    if (declaredSize >= pooledFrameSizeMin) {
      for (const { size: classSize, free } of this.#classes) {
        if (classSize < declaredSize) continue
        const buffer = free.pop()
        if (buffer === undefined) continue
        this.#keptSize -= classSize
        return buffer
      }
    }
    // A thousand clients that send one byte and wait must not get a large buffer each.
    if (size < pooledFrameSizeMin) return Buffer.allocUnsafeSlow(size)
    const fitting = this.#classes.find(each => each.size >= size)
    return Buffer.allocUnsafeSlow(fitting?.size ?? size)
  }

  give(buffer: Buffer): void {
    const kept = this.#classes.find(each => each.size === buffer.length)
    if (kept === undefined || this.#keptSize + buffer.length > framePoolSizeMax) return
    assert(!kept.free.includes(buffer), 'a frame buffer is given back once')
    kept.free.push(buffer)
    this.#keptSize += buffer.length
  }
}
