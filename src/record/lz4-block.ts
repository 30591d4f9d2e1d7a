import { lz4Wasm } from './generated.ts'
import { WasmLibrary, type WasmParts } from './wasm-library.ts'

// Single blocks of lz4, packed by lz4_flex as WebAssembly, which is there on every machine.

interface Lz4Flex extends WasmParts {
  readonly malloc: WebAssembly.ExportedFunction
  readonly free: WebAssembly.ExportedFunction
  readonly moveStack: WebAssembly.ExportedFunction
  readonly compress: WebAssembly.ExportedFunction
}

const lz4Flex = new WasmLibrary<Lz4Flex>({
  code: lz4Wasm,
  imports: () => ({}),
  parts: exports => ({
    memory: exports.memory('memory'),
    malloc: exports.function('__wbindgen_malloc'),
    free: exports.function('__wbindgen_free'),
    moveStack: exports.function('__wbindgen_add_to_stack_pointer'),
    compress: exports.function('compress')
  })
})

/** lz4_flex writes the size of what is packed in front of each block. */
const sizePrefix = 4
/** A result of lz4_flex: address and size come first, errors are none of packing. */
const resultSize = 16

/** Packs up to 4 MiB into one block; the outcome may be larger than what went in. */
export function packBlock(bytes: Uint8Array): Buffer {
  return lz4Flex.use(parts => {
    const result = parts.moveStack(-resultSize)
    const source = parts.malloc(bytes.length)
    new Uint8Array(parts.memory.buffer).set(bytes, source)
    parts.compress(result, source, bytes.length)
    const fields = new Uint32Array(parts.memory.buffer, result, resultSize / 4)
    const address = fields[0]!
    const size = fields[1]!
    const packed = Buffer.from(
      new Uint8Array(parts.memory.buffer).subarray(address + sizePrefix, address + size)
    )
    parts.free(address, size)
    parts.moveStack(resultSize)
    return packed
  })
}
