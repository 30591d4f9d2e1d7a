import type { WasmExports, WasmParts } from './wasm-library.ts'

// What the modules that wasm-bindgen has made of Rust libraries have in common.

export interface RustLibrary extends WasmParts {
  readonly malloc: WebAssembly.ExportedFunction
  readonly free: WebAssembly.ExportedFunction
  readonly moveStack: WebAssembly.ExportedFunction
}

export function rustLibrary(exports: WasmExports): RustLibrary {
  return {
    memory: exports.memory('memory'),
    malloc: exports.function('__wbindgen_malloc'),
    free: exports.function('__wbindgen_free'),
    moveStack: exports.function('__wbindgen_add_to_stack_pointer')
  }
}

/** Bytes in the memory of a library, which their owner has to free. */
export interface RustBytes {
  readonly address: number
  readonly size: number
}

/** Good until the library is used again. */
export function viewOf({ memory }: RustLibrary, { address, size }: RustBytes): Buffer {
  return Buffer.from(memory.buffer, address, size)
}

/** A result of bytes: address, size, an error, whether there is one. */
const resultSize = 16

/**
 * Calls a function of a library with a copy of `bytes`, which the function frees.
 *
 * @returns null when the function says that there was an error
 */
export function callWith(
  library: RustLibrary,
  called: WebAssembly.ExportedFunction,
  bytes: Uint8Array
): RustBytes | null {
  const result = library.moveStack(-resultSize)
  const source = library.malloc(bytes.length)
  new Uint8Array(library.memory.buffer).set(bytes, source)
  called(result, source, bytes.length)
  const fields = new Uint32Array(library.memory.buffer, result, resultSize / 4)
  library.moveStack(resultSize)
  return fields[3] === 0 ? { address: fields[0]!, size: fields[1]! } : null
}
