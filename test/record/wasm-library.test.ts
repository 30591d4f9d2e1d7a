import { beforeEach, describe, expect, test } from 'vitest'
import { MiB } from '../../src/base/sizes.ts'
import { wasmMemoryKeptMax } from '../../src/limits.ts'
import { lz4Wasm } from '../../src/record/generated.ts'
import { WasmLibrary, type WasmParts } from '../../src/record/wasm-library.ts'
import { compressInWasm, unpackInWasm } from '../../src/record/zstd-wasm.ts'

interface Parts extends WasmParts {
  readonly malloc: WebAssembly.ExportedFunction
  readonly decompress: WebAssembly.ExportedFunction
}

describe('a library', () => {
  let instances = 0
  let library: WasmLibrary<Parts>
  beforeEach(() => {
    instances = 0
    library = new WasmLibrary<Parts>({
      code: lz4Wasm,
      imports: () => ({}),
      parts: exports => {
        instances++
        return {
          memory: exports.memory('memory'),
          malloc: exports.function('__wbindgen_malloc'),
          decompress: exports.function('decompress')
        }
      }
    })
  })

  test('is not there before it is used, and then stays', () => {
    expect(instances).toBe(0)
    const first = library.use(parts => parts)
    expect(library.use(parts => parts)).toBe(first)
    expect(instances).toBe(1)
  })

  test('is a new one after it failed', () => {
    const first = library.use(parts => parts)
    // A result at the end of memory cannot be written.
    expect(() => library.use(parts => parts.decompress(-4, 0, 0))).toThrow()
    expect(library.use(parts => parts)).not.toBe(first)
    const second = library.use(parts => parts)
    expect(() =>
      library.use(() => {
        throw new Error('of its user')
      })
    ).toThrow('of its user')
    expect(library.use(parts => parts)).not.toBe(second)
    expect(instances).toBe(3)
  })

  test('is a new one after its user has given it up', () => {
    const first = library.use((parts, giveUp) => {
      giveUp()
      return parts
    })
    const second = library.use(parts => parts)
    expect(second).not.toBe(first)
    expect(library.use(parts => parts)).toBe(second)
  })

  test('is a new one after its memory has grown', () => {
    const first = library.use(parts => parts)
    library.use(({ memory }) => {
      memory.grow(Math.ceil((wasmMemoryKeptMax - memory.buffer.byteLength) / 65_536))
    })
    expect(library.use(parts => parts)).toBe(first)
    library.use(({ memory }) => memory.grow(1))
    const second = library.use(parts => parts)
    expect(second).not.toBe(first)
    expect(second.memory.buffer.byteLength).toBeLessThan(2 * MiB)
  })

  test('that asks for something unforeseen fails, and says what', () => {
    expect(() =>
      library.use(({ memory, malloc, decompress }) => {
        const source = malloc(8)
        new Uint8Array(memory.buffer).fill(0xff, source, source + 8)
        decompress(source, source, 3)
      })
    ).toThrow('__wbindgen_string_new')
  })

  test('has the names that its user knows', () => {
    const other = new WasmLibrary({
      code: lz4Wasm,
      imports: () => ({}),
      parts: exports => ({ memory: exports.memory('memory'), other: exports.function('other') })
    })
    expect(() => other.use(parts => parts)).toThrow('the function other')
  })
})

const sizeOf = (unpacked: Buffer): number => unpacked.length

test('zstd tells what is too large from what is corrupt, and goes on after both', () => {
  const packed = compressInWasm(Buffer.alloc(60_000, 'packed'), 3)
  const empty = compressInWasm(Buffer.alloc(0), 3)
  expect(unpackInWasm(packed, 60_000, sizeOf)).toEqual({ value: 60_000 })
  expect(unpackInWasm(packed, 59_999, sizeOf)).toBe('too large')
  expect(unpackInWasm(packed.subarray(0, -1), 60_000, sizeOf)).toBe('corrupt')
  expect(unpackInWasm(empty, 60_000, sizeOf)).toEqual({ value: 0 })
  expect(unpackInWasm(packed, 60_000, sizeOf)).toEqual({ value: 60_000 })
})

test('large batches one after the other are all unpacked', () => {
  const large = compressInWasm(Buffer.alloc(40 * MiB, 'abc'), 1)
  for (let times = 0; times < 4; times++)
    expect(unpackInWasm(large, 40 * MiB, sizeOf)).toEqual({ value: 40 * MiB })
})
