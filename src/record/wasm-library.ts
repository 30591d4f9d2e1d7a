import { assert, AssertionError } from '../base/assert.ts'
import { nodeZlib } from '../base/node-module.ts'
import { wasmMemoryKeptMax } from '../limits.ts'

/** What a library lets its caller use: its functions, and the memory that they work in. */
export interface WasmParts {
  readonly memory: WebAssembly.Memory
}

/** How a module becomes a library. */
export interface WasmSource<Parts extends WasmParts> {
  /** The code: brotli, in base64. */
  readonly code: () => string
  /** What the module asks for, by name; every module of ours has one place for imports. */
  readonly imports: (parts: () => Parts) => Record<string, WebAssembly.ExportedFunction>
  readonly parts: (exports: WasmExports) => Parts
}

/**
 * A C or Rust library as WebAssembly: whatever its input makes it do, it can only harm its own
 * memory. That memory lives as long as nothing went wrong in it and it is small; otherwise the next
 * use gets a new one, so that no input can spoil what comes after it, or keep memory for ever.
 *
 * Compiling is synchronous and happens at the first use: batches are opened before the first
 * `await` of an append.
 */
export class WasmLibrary<Parts extends WasmParts> {
  readonly #source: WasmSource<Parts>
  #module: WebAssembly.Module | null = null
  #parts: Parts | null = null

  constructor(source: WasmSource<Parts>) {
    this.#source = source
  }

  /**
   * Runs `work` with the library. Addresses and views of its memory are good only inside.
   *
   * @param work may call `giveUp` when nobody knows in what state the memory is; to throw does the
   *   same
   * @throws what `work` throws
   */
  use<T>(work: (parts: Parts, giveUp: () => void) => T): T {
    const parts = this.#parts ?? this.#instantiate()
    this.#parts = null
    let isGivenUp = false
    const result = work(parts, () => {
      isGivenUp = true
    })
    const isSmall = parts.memory.buffer.byteLength <= wasmMemoryKeptMax
    if (isSmall && !isGivenUp) this.#parts = parts
    return result
  }

  #instantiate(): Parts {
    this.#module ??= new WebAssembly.Module(
      nodeZlib().brotliDecompressSync(Buffer.from(this.#source.code(), 'base64'))
    )
    let parts: Parts | null = null
    const functions = this.#source.imports(() => {
      assert(parts !== null, 'a module calls back only when it is at work')
      return parts
    })
    const imports: Record<string, Record<string, WebAssembly.ExportedFunction>> = {}
    for (const { module, name } of WebAssembly.Module.imports(this.#module)) {
      const imported = functions[name] ?? (() => unforeseen(name))
      imports[module] = { ...imports[module], [name]: imported }
    }
    const instance = new WebAssembly.Instance(this.#module, imports)
    parts = this.#source.parts(new WasmExports(instance))
    return parts
  }
}

/** Ends of a C program, timers and the like, which no library of ours has any use for. */
function unforeseen(name: string): number {
  throw new AssertionError(`WebAssembly code asked for ${name}`)
}

/** The exports of a module by their names, which are checked when they are asked for. */
export class WasmExports {
  readonly #instance: WebAssembly.Instance

  constructor(instance: WebAssembly.Instance) {
    this.#instance = instance
  }

  function(name: string): WebAssembly.ExportedFunction {
    const found = this.#instance.exports[name]
    assert(typeof found === 'function', `WebAssembly code has the function ${name}`)
    return found
  }

  memory(name: string): WebAssembly.Memory {
    const found = this.#instance.exports[name]
    assert(
      found !== undefined && typeof found !== 'function',
      `WebAssembly code has the memory ${name}`
    )
    return found
  }
}
