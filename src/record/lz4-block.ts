import { assert } from '../base/assert.ts'
import { lz4Wasm } from './generated.ts'
import { callWith, rustLibrary, viewOf, type RustLibrary } from './rust-library.ts'
import { WasmLibrary } from './wasm-library.ts'

// Single blocks of lz4, packed by lz4_flex as WebAssembly, which is there on every machine.

interface Lz4Flex extends RustLibrary {
  readonly compress: WebAssembly.ExportedFunction
}

const lz4Flex = new WasmLibrary<Lz4Flex>({
  code: lz4Wasm,
  imports: () => ({}),
  parts: exports => ({ ...rustLibrary(exports), compress: exports.function('compress') })
})

/** lz4_flex writes the size of what is packed in front of each block. */
const sizePrefix = 4

/** Packs up to 4 MiB into one block; the outcome may be larger than what went in. */
export function packBlock(bytes: Uint8Array): Buffer {
  return lz4Flex.use(parts => {
    const packed = callWith(parts, parts.compress, bytes)
    assert(packed !== null, 'lz4_flex packs anything')
    const block = Buffer.from(viewOf(parts, packed).subarray(sizePrefix))
    parts.free(packed.address, packed.size)
    return block
  })
}
