import { afterEach, expect, test, vi } from 'vitest'
import { crc32c, crc32cImplementation } from '../../src/record/crc32c.ts'

/** The definition: one bit at a time, reflected polynomial. */
function bitByBit(bytes: Uint8Array): number {
  let crc = ~0
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let at = 0; at < size; at++) bytes[at] = (at * 167 + (at >>> 3)) & 0xff
  return bytes
}

afterEach(() => {
  vi.doUnmock('node:module')
})

test('the check value of the CRC catalogue', () => {
  expect(crc32c(Buffer.from('123456789'), 0, 9)).toBe(0xe3069283)
})

test('only the range counts, on both sides of the size where native code takes over', () => {
  for (const size of [0, 1, 7, 511, 512, 513, 5000]) {
    const bytes = pattern(size + 20)
    expect(crc32c(bytes, 10, 10 + size)).toBe(bitByBit(bytes.subarray(10, 10 + size)))
  }
})

test('the native package is used where it is installed', () => {
  expect(crc32cImplementation()).toBe('@node-rs/crc32')
})

/** The module as it loads when `require` gives it this for the native package. */
async function loadWith(
  native: () => unknown
): Promise<typeof import('../../src/record/crc32c.ts')> {
  vi.resetModules()
  vi.doMock('node:module', () => ({ createRequire: () => native }))
  return import('../../src/record/crc32c.ts')
}

test.each([
  [
    'is not installed',
    () => {
      throw new Error('MODULE_NOT_FOUND')
    }
  ],
  ['has another shape', () => ({ crc32: () => 0 })],
  ['computes something else', () => ({ crc32c: () => 1 })],
  [
    'is right for small ranges only',
    () => ({ crc32c: (bytes: Uint8Array) => (bytes.length < 512 ? bitByBit(bytes) : 0) })
  ]
])('where the native package %s, the portable one computes everything', async (_, native) => {
  const loaded = await loadWith(native)
  expect(loaded.crc32cImplementation()).toBe('crc-32')
  const bytes = pattern(4000)
  expect(loaded.crc32c(bytes, 0, 4000)).toBe(bitByBit(bytes))
})

test('the native package is not loaded before a large range needs it', async () => {
  const native = vi.fn<() => object>(() => ({ crc32c: bitByBit }))
  const loaded = await loadWith(native)
  loaded.crc32c(pattern(2000), 0, 500)
  expect(native).not.toHaveBeenCalled()
  loaded.crc32c(pattern(2000), 0, 2000)
  loaded.crc32c(pattern(2000), 0, 2000)
  expect(native).toHaveBeenCalledTimes(1)
})

test('the native package takes large ranges and leaves small ones alone', async () => {
  const sizes: number[] = []
  const native = {
    crc32c: (bytes: Uint8Array): number => {
      sizes.push(bytes.length)
      return bitByBit(bytes)
    }
  }
  const loaded = await loadWith(() => native)
  expect(loaded.crc32cImplementation()).toBe('@node-rs/crc32')
  sizes.length = 0
  loaded.crc32c(pattern(2000), 0, 511)
  loaded.crc32c(pattern(2000), 0, 512)
  expect(sizes).toEqual([512])
})
