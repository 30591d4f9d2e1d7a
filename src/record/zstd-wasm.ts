import { assert } from '../base/assert.ts'
import { allocate, copyIn, resizeHeap, viewOf, type CLibrary } from './c-library.ts'
import { zstdNames, zstdWasm } from './generated.ts'
import { WasmLibrary } from './wasm-library.ts'

// zstd as WebAssembly, for the releases of Node that have none (below 22.15), and for several
// frames behind each other, which Node's does not always read to the end.

interface Zstd extends CLibrary {
  readonly isError: WebAssembly.ExportedFunction
  readonly compressBound: WebAssembly.ExportedFunction
  readonly compress: WebAssembly.ExportedFunction
  readonly decompress: WebAssembly.ExportedFunction
}

/** `ZSTD_error_dstSize_tooSmall`; errors are returned below zero. */
const outputTooSmall = -70

const zstd = new WasmLibrary<Zstd>({
  code: zstdWasm,
  imports: parts => ({
    [zstdNames.resizeHeap]: size => resizeHeap(parts(), size)
  }),
  parts: exports => {
    exports.function(zstdNames.initialize)()
    return {
      memory: exports.memory(zstdNames.memory),
      malloc: exports.function(zstdNames.malloc),
      free: exports.function(zstdNames.free),
      isError: exports.function(zstdNames.ZSTD_isError),
      compressBound: exports.function(zstdNames.ZSTD_compressBound),
      compress: exports.function(zstdNames.ZSTD_compress),
      decompress: exports.function(zstdNames.ZSTD_decompress)
    }
  }
})

/** One frame that says how much it holds. */
export function compressInWasm(bytes: Uint8Array, level: number): Buffer {
  return zstd.use(parts => {
    const source = copyIn(parts, bytes)
    const sizeMax = parts.compressBound(bytes.length)
    const target = allocate(parts, sizeMax)
    const size = parts.compress(target, sizeMax, source, bytes.length, level)
    assert(parts.isError(size) === 0, `zstd packs anything, and not error ${size}`)
    const packed = Buffer.from(viewOf(parts, target, size))
    parts.free(source)
    parts.free(target)
    return packed
  })
}

/**
 * Unpacks frames behind each other that have been walked over, and hands what they hold to `work`,
 * which may look at it until it returns.
 *
 * @returns `too large` for more than `sizeMax` bytes, `corrupt` for what is not zstd
 */
export function unpackInWasm<T>(
  frames: Uint8Array,
  sizeMax: number,
  work: (unpacked: Buffer) => T
): { readonly value: T } | 'too large' | 'corrupt' {
  return zstd.use(parts => {
    const source = copyIn(parts, frames)
    const target = allocate(parts, sizeMax)
    const size = parts.decompress(target, sizeMax, source, frames.length)
    const isError = parts.isError(size) !== 0
    const result = isError ? null : { value: work(viewOf(parts, target, size)) }
    parts.free(source)
    parts.free(target)
    return result ?? (size === outputTooSmall ? 'too large' : 'corrupt')
  })
}
