import { allocate, copyIn, copyMemory, resizeHeap, viewOf, type CLibrary } from './c-library.ts'
import { lz4FrameNames, lz4FrameWasm } from './generated.ts'
import { WasmLibrary } from './wasm-library.ts'

// Frames of lz4, unpacked by its reference library as WebAssembly: four times as fast as anything
// else there is for Node, native builds included. It checks the checksums of a frame, and that no
// block unpacks to more than the frame's header allows.

interface LibLz4 extends CLibrary {
  readonly decompressFrame: WebAssembly.ExportedFunction
  /** What the library keeps between calls; only good as long as no frame was malformed. */
  readonly context: number
}

const libLz4 = new WasmLibrary<LibLz4>({
  code: lz4FrameWasm,
  imports: parts => ({
    [lz4FrameNames.resizeHeap]: size => resizeHeap(parts(), size),
    [lz4FrameNames.copyMemory]: (target, source, size) => copyMemory(parts(), target, source, size)
  }),
  parts: exports => {
    exports.function(lz4FrameNames.initialize)()
    return {
      memory: exports.memory(lz4FrameNames.memory),
      malloc: exports.function(lz4FrameNames.malloc),
      free: exports.function(lz4FrameNames.free),
      decompressFrame: exports.function(lz4FrameNames.decompressFrame),
      context: exports.function(lz4FrameNames.createDecompressionContext)()
    }
  }
})

/** Where a whole frame lies, and how much it says to hold, bytes; null: it does not say. */
export interface Lz4Frame {
  readonly start: number
  readonly end: number
  readonly contentSize: number | null
}

/**
 * Unpacks frames and hands what they hold, one after the other, to `work`, which may look at it
 * until it returns.
 *
 * @returns null for frames that are malformed, hold something else than they say, or hold more than
 *   `sizeMax` bytes together
 */
export function unpackFrames<T>(
  input: Buffer,
  frames: readonly Lz4Frame[],
  sizeMax: number,
  work: (unpacked: Buffer) => T
): { readonly value: T } | null {
  return libLz4.use((parts, giveUp) => {
    const source = copyIn(parts, input)
    const target = allocate(parts, sizeMax)
    let size = 0
    for (const { start, end, contentSize } of frames) {
      const room = sizeMax - size
      const { context } = parts
      const frameSize = parts.decompressFrame(
        context,
        target + size,
        room,
        source + start,
        end - start
      )
      if (frameSize < 0 || (contentSize !== null && contentSize !== frameSize)) {
        giveUp()
        return null
      }
      size += frameSize
    }
    const value = work(viewOf(parts, target, size))
    parts.free(source)
    parts.free(target)
    return { value }
  })
}
