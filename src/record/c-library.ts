import { assert } from '../base/assert.ts'
import type { WasmParts } from './wasm-library.ts'

// What the modules that Emscripten has made of C libraries have in common.

export interface CLibrary extends WasmParts {
  readonly malloc: WebAssembly.ExportedFunction
  readonly free: WebAssembly.ExportedFunction
}

const pageSize = 65_536

/**
 * What such a module calls when it needs memory of `size` bytes in all.
 *
 * @returns 1 when it has them now, 0 when there is no more to be had
 */
export function resizeHeap({ memory }: CLibrary, size: number): number {
  try {
    memory.grow(Math.ceil(((size >>> 0) - memory.buffer.byteLength) / pageSize))
    return 1
  } catch {
    return 0
  }
}

/** What such a module calls to copy much. */
export function copyMemory({ memory }: CLibrary, target: number, source: number, size: number) {
  new Uint8Array(memory.buffer).copyWithin(target >>> 0, source >>> 0, (source >>> 0) + size)
  return target
}

/** An address, as unsigned: half of all memory is beyond 2^31. */
export function allocate(library: CLibrary, size: number): number {
  const address = library.malloc(Math.max(size, 1)) >>> 0
  assert(address !== 0, `there is memory for ${size} bytes in a codec`)
  return address
}

/** The address of a copy of `bytes`. */
export function copyIn(library: CLibrary, bytes: Uint8Array): number {
  const address = allocate(library, bytes.length)
  new Uint8Array(library.memory.buffer).set(bytes, address)
  return address
}

/** Good until the library is used again. */
export function viewOf({ memory }: CLibrary, address: number, size: number): Buffer {
  return Buffer.from(memory.buffer, address, size)
}
