import { assert } from '../base/assert.ts'
import { lz4Wasm } from './generated.ts'
import { WasmLibrary, type WasmParts } from './wasm-library.ts'

// Single blocks of lz4. Packing and unpacking them is the work of lz4_flex, as WebAssembly: it
// unpacks faster than the native build for Node, walk included, and is there on every machine. It
// wants to be told the exact size of what it unpacks, and this release of it lets copies from an
// offset of 0 pass: only blocks that `unpackedBlockSize` has walked over reach it.

interface Lz4Flex extends WasmParts {
  readonly malloc: WebAssembly.ExportedFunction
  readonly free: WebAssembly.ExportedFunction
  readonly moveStack: WebAssembly.ExportedFunction
  readonly compress: WebAssembly.ExportedFunction
  readonly decompress: WebAssembly.ExportedFunction
}

const lz4Flex = new WasmLibrary<Lz4Flex>({
  code: lz4Wasm,
  // What an error says is of no interest; a number stands for it.
  imports: () => ({ __wbindgen_string_new: () => 0 }),
  parts: exports => ({
    memory: exports.memory('memory'),
    malloc: exports.function('__wbindgen_malloc'),
    free: exports.function('__wbindgen_free'),
    moveStack: exports.function('__wbindgen_add_to_stack_pointer'),
    compress: exports.function('compress'),
    decompress: exports.function('decompress')
  })
})

/** lz4_flex writes and reads the size of what is packed in front of each block. */
const sizePrefix = 4
/** A result of lz4_flex: address, size, the text of an error, whether there is one. */
const resultSize = 16

/** Packs up to 4 MiB into one block; the outcome may be larger than what went in. */
export function packBlock(bytes: Uint8Array): Buffer {
  return lz4Flex.use(parts => {
    const result = parts.moveStack(-resultSize)
    const source = parts.malloc(bytes.length)
    new Uint8Array(parts.memory.buffer).set(bytes, source)
    parts.compress(result, source, bytes.length)
    const { address, size } = resultAt(parts, result)
    const packed = Buffer.from(
      new Uint8Array(parts.memory.buffer).subarray(address + sizePrefix, address + size)
    )
    parts.free(address, size)
    parts.moveStack(resultSize)
    return packed
  })
}

/**
 * Unpacks one block, of which `unpackedBlockSize` has said that it holds `size` bytes, into
 * `target`.
 */
export function unpackBlock(block: Uint8Array, size: number, target: Buffer, at: number): void {
  lz4Flex.use(parts => {
    const result = parts.moveStack(-resultSize)
    const source = parts.malloc(sizePrefix + block.length)
    const heap = Buffer.from(parts.memory.buffer)
    heap.writeUInt32LE(size, source)
    heap.set(block, source + sizePrefix)
    parts.decompress(result, source, sizePrefix + block.length)
    const { address, ...unpacked } = resultAt(parts, result)
    const isWhole = !unpacked.hasFailed && unpacked.size === size
    assert(isWhole, 'lz4_flex unpacks what has been walked over')
    target.set(new Uint8Array(parts.memory.buffer, address, size), at)
    parts.free(address, size)
    parts.moveStack(resultSize)
  })
}

function resultAt(
  parts: Lz4Flex,
  result: number
): { readonly address: number; readonly size: number; readonly hasFailed: boolean } {
  const fields = new Uint32Array(parts.memory.buffer, result, resultSize / 4)
  return { address: fields[0]!, size: fields[1]!, hasFailed: fields[3] !== 0 }
}

/** A copy is at least so long; its length counts from there. */
const copySizeMin = 4
/** A length of fifteen goes on in further bytes, until one is not 255. */
const lengthGoesOn = 15

/**
 * Walks over the sequences of one block without copying anything.
 *
 * @returns the size of what it holds, or null when that is more than `sizeMax`, a literal leaves
 *   the block, a copy reaches back behind the start, or the block does not end with a literal
 */
export function unpackedBlockSize(block: Uint8Array, sizeMax: number): number | null {
  const end = block.length
  let at = 0
  let size = 0
  while (at < end) {
    const token = block[at++]!
    let literalSize = token >>> 4
    if (literalSize === lengthGoesOn) {
      let byte = 255
      for (; byte === 255 && at < end; literalSize += byte) byte = block[at++]!
      if (byte === 255) return null
    }
    if (literalSize > end - at) return null
    at += literalSize
    size += literalSize
    if (at === end) return size <= sizeMax ? size : null
    if (end - at < 2) return null
    const offset = block[at]! | (block[at + 1]! << 8)
    if (offset === 0 || offset > size) return null
    at += 2
    let copySize = token & lengthGoesOn
    if (copySize === lengthGoesOn) {
      let byte = 255
      for (; byte === 255 && at < end; copySize += byte) byte = block[at++]!
      if (byte === 255) return null
    }
    size += copySizeMin + copySize
    if (size > sizeMax) return null
  }
  return null
}
