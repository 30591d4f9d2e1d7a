import { assert } from '../base/assert.ts'
import { snappyWasm } from './generated.ts'
import { callWith, rustLibrary, viewOf, type RustBytes, type RustLibrary } from './rust-library.ts'
import { WasmLibrary } from './wasm-library.ts'

// Raw blocks of snappy, unpacked by Rust's snap as WebAssembly. Malformed ones are errors to it,
// but it makes room for what a block declares to hold before it looks further.

interface Snap extends RustLibrary {
  readonly decompress: WebAssembly.ExportedFunction
}

const snap = new WasmLibrary<Snap>({
  code: snappyWasm,
  // What an error says is of no interest; a number stands for it.
  imports: () => ({ __wbindgen_error_new: () => 0 }),
  parts: exports => ({
    ...rustLibrary(exports),
    decompress: exports.function('decompress_raw')
  })
})

/**
 * Unpacks blocks that declare to hold `size` bytes together, and hands what they hold to `work`,
 * which may look at it until it returns.
 *
 * @returns null when one of them is malformed
 */
export function unpackBlocks<T>(
  blocks: readonly Buffer[],
  size: number,
  work: (unpacked: Buffer) => T
): { readonly value: T } | null {
  return snap.use(parts => {
    const [only] = blocks
    const isAlone = blocks.length === 1 && only !== undefined
    const unpacked = isAlone
      ? callWith(parts, parts.decompress, only)
      : unpackEach(parts, blocks, size)
    if (unpacked === null) return null
    const value = work(viewOf(parts, unpacked))
    parts.free(unpacked.address, unpacked.size)
    return { value }
  })
}

/** One behind the other. */
function unpackEach(parts: Snap, blocks: readonly Buffer[], size: number): RustBytes | null {
  const target: RustBytes = { address: parts.malloc(size), size }
  let at = target.address
  for (const block of blocks) {
    const unpacked = callWith(parts, parts.decompress, block)
    if (unpacked === null) {
      parts.free(target.address, target.size)
      return null
    }
    viewOf(parts, unpacked).copy(Buffer.from(parts.memory.buffer, at, unpacked.size))
    at += unpacked.size
    parts.free(unpacked.address, unpacked.size)
  }
  assert(at === target.address + size, 'snappy blocks hold what they declare')
  return target
}
