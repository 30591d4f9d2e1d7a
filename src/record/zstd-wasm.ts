import { assert } from '../base/assert.ts'
import { zstdNames, zstdWasm } from './generated.ts'
import { WasmLibrary, type WasmParts } from './wasm-library.ts'

// zstd as WebAssembly, for the releases of Node that have none (below 22.15), and for several
// frames behind each other, which Node's does not always read to the end.

interface Zstd extends WasmParts {
  readonly malloc: WebAssembly.ExportedFunction
  readonly free: WebAssembly.ExportedFunction
  readonly isError: WebAssembly.ExportedFunction
  readonly compressBound: WebAssembly.ExportedFunction
  readonly compress: WebAssembly.ExportedFunction
  readonly decompress: WebAssembly.ExportedFunction
}

const pageSize = 65_536
/** `ZSTD_error_dstSize_tooSmall`; errors are returned below zero. */
const outputTooSmall = -70

const zstd = new WasmLibrary<Zstd>({
  code: zstdWasm,
  imports: parts => ({
    [zstdNames.resizeHeap]: size => grownTo(parts().memory, size >>> 0)
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

/** @returns 1 when the memory has `size` bytes now, 0 when there is no more to be had */
function grownTo(memory: WebAssembly.Memory, size: number): number {
  try {
    memory.grow(Math.ceil((size - memory.buffer.byteLength) / pageSize))
    return 1
  } catch {
    return 0
  }
}

/** One frame that says how much it holds. */
export function compressInWasm(bytes: Uint8Array, level: number): Buffer {
  return zstd.use(parts => {
    const source = copyIn(parts, bytes)
    const sizeMax = parts.compressBound(bytes.length)
    const target = allocate(parts, sizeMax)
    const size = parts.compress(target, sizeMax, source, bytes.length, level)
    assert(parts.isError(size) === 0, `zstd packs anything, and not error ${size}`)
    return copyOut(parts, { source, target, size })
  })
}

/**
 * Frames behind each other that have been walked over.
 *
 * @returns `too large` for more than `sizeMax` bytes, `corrupt` for what is not zstd
 */
export function decompressInWasm(
  frames: Uint8Array,
  sizeMax: number
): Buffer | 'too large' | 'corrupt' {
  return zstd.use(parts => {
    const source = copyIn(parts, frames)
    const target = allocate(parts, sizeMax)
    const size = parts.decompress(target, sizeMax, source, frames.length)
    if (parts.isError(size) === 0) return copyOut(parts, { source, target, size })
    parts.free(source)
    parts.free(target)
    return size === outputTooSmall ? 'too large' : 'corrupt'
  })
}

function copyIn(parts: Zstd, bytes: Uint8Array): number {
  const source = allocate(parts, bytes.length)
  new Uint8Array(parts.memory.buffer).set(bytes, source)
  return source
}

function copyOut(
  parts: Zstd,
  {
    source,
    target,
    size
  }: { readonly source: number; readonly target: number; readonly size: number }
): Buffer {
  const bytes = Buffer.from(new Uint8Array(parts.memory.buffer, target, size))
  parts.free(source)
  parts.free(target)
  return bytes
}

/** An address, as unsigned: half of all memory is beyond 2^31. */
function allocate(parts: Zstd, size: number): number {
  const address = parts.malloc(Math.max(size, 1)) >>> 0
  assert(address !== 0, `there is memory for ${size} bytes in a codec`)
  return address
}
