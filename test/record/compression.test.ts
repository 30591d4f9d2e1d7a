import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { codecOf, type Codec } from '../../src/record/compression.ts'
import { MiB } from '../../src/base/sizes.ts'

function codec(compression: 'gzip' | 'snappy'): Codec {
  const found = codecOf(compression)
  if (found === null) throw new Error(`no codec for ${compression}`)
  return found
}

function unpack(compression: 'gzip' | 'snappy', bytes: Uint8Array, sizeMax = MiB): Buffer | string {
  const unpacked = codec(compression).decompress(bytes, sizeMax)
  return unpacked.ok ? unpacked.value : unpacked.error
}

describe.each(['gzip', 'snappy'] as const)('%s', compression => {
  test('unpacks what it packed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000, size: 'max' }), array => {
        const bytes = Buffer.from(array)
        expect(unpack(compression, codec(compression).compress(bytes))).toEqual(bytes)
      })
    )
  })

  test('unpacks as much as is allowed and refuses a byte more', () => {
    const packed = codec(compression).compress(Buffer.alloc(10_000))
    expect(unpack(compression, packed, 10_000)).toEqual(Buffer.alloc(10_000))
    expect(unpack(compression, packed, 9_999)).toBe('MESSAGE_TOO_LARGE')
    expect(unpack(compression, packed, 0)).toBe('MESSAGE_TOO_LARGE')
  })

  test('refuses what is cut off or not its own', () => {
    const packed = codec(compression).compress(Buffer.from('some text, some text, some text'))
    for (const size of [1, 5, packed.length - 1])
      expect(unpack(compression, packed.subarray(0, size))).toBe('CORRUPT_MESSAGE')
    expect(unpack(compression, Buffer.from('plain text'))).toBe('CORRUPT_MESSAGE')
    expect(unpack(compression, Buffer.alloc(0))).toBe('CORRUPT_MESSAGE')
  })
})

test('gzip in several members is one text', () => {
  const packed = Buffer.concat([gzipSync('one '), gzipSync('two')])
  expect(unpack('gzip', packed)).toEqual(Buffer.from('one two'))
})

test('there is no codec for lz4 and zstd', () => {
  expect([codecOf('lz4'), codecOf('zstd')]).toEqual([null, null])
})
