import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KiB, MiB } from '../../src/base/sizes.ts'
import type { Compression } from '../../src/record/batch.ts'
import { codecOf, decompress } from '../../src/record/compression.ts'

type Codec = Exclude<Compression, 'none'>

const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const

function unpack(compression: Codec, bytes: Uint8Array, sizeMax = MiB): Buffer | string {
  const unpacked = decompress(compression, bytes, sizeMax)
  return unpacked.ok ? unpacked.value : unpacked.error
}

/** Random bytes, then bytes that repeat what was before, so that there is something to pack. */
const bytes = fc
  .array(fc.tuple(fc.uint8Array({ maxLength: 300, size: 'max' }), fc.integer({ min: 1, max: 40 })))
  .map(parts => Buffer.concat(parts.flatMap(([array, times]) => Array(times).fill(array))))

function failing(): never {
  throw new Error('of its user')
}

describe.each(codecs)('%s', compression => {
  test('unpacks what it packed', () => {
    fc.assert(
      fc.property(bytes, plain => {
        const packed = codecOf(compression).compress(plain)
        expect(unpack(compression, packed).toString('hex')).toBe(plain.toString('hex'))
      })
    )
  })

  test('unpacks as much as is allowed and refuses a byte more', () => {
    const packed = codecOf(compression).compress(Buffer.alloc(10_000))
    expect(unpack(compression, packed, 10_000)).toEqual(Buffer.alloc(10_000))
    expect(unpack(compression, packed, 9_999)).toBe('MESSAGE_TOO_LARGE')
    expect(unpack(compression, packed, 0)).toBe('MESSAGE_TOO_LARGE')
  })

  test('packs and unpacks what is many blocks long', () => {
    const plain = Buffer.alloc(5 * MiB, 'a line of text that repeats\n')
    plain.fill('x', 64 * KiB, 200 * KiB)
    const packed = codecOf(compression).compress(plain)
    const unpacked = unpack(compression, packed, plain.length)
    expect(Buffer.isBuffer(unpacked) && unpacked.equals(plain)).toBe(true)
    expect(packed.length).toBeLessThan(plain.length / 10)
  })

  test('refuses what is cut off or not its own', () => {
    const packed = codecOf(compression).compress(Buffer.from('some text, some text, some text'))
    for (let size = 0; size < packed.length; size++) {
      // The header of snappy-java alone is its way to say nothing.
      const isNothing = compression === 'snappy' && size === 16
      const expected = isNothing ? Buffer.alloc(0) : 'CORRUPT_MESSAGE'
      expect(unpack(compression, packed.subarray(0, size))).toEqual(expected)
    }
    expect(unpack(compression, Buffer.from('plain text'))).toBe('CORRUPT_MESSAGE')
    expect(unpack(compression, Buffer.alloc(0))).toBe('CORRUPT_MESSAGE')
  })

  test('gives out bytes of its own, and leaves alone what it was given', () => {
    const plain = Buffer.from('text '.repeat(100))
    const packed = codecOf(compression).compress(plain)
    const before = Buffer.from(packed)
    const first = unpack(compression, packed)
    unpack(compression, codecOf(compression).compress(Buffer.alloc(500, 'z')))
    expect(first).toEqual(plain)
    expect(packed).toEqual(before)
  })

  test('lends out bytes that stay what they are until they are given back', () => {
    const codec = codecOf(compression)
    const outer = Buffer.from('text '.repeat(100))
    const inner = Buffer.alloc(500, 'z')
    const lent = codec.unpack(codec.compress(outer), MiB, first => {
      const second = codec.unpack(codec.compress(inner), MiB, each => each.equals(inner))
      expect(first.equals(outer)).toBe(true)
      return second
    })
    expect(lent).toMatchObject({ ok: true, value: { ok: true, value: true } })
    expect(() => codec.unpack(codec.compress(inner), MiB, failing)).toThrow('of its user')
    expect(codec.unpack(codec.compress(inner), MiB, each => each.equals(inner))).toMatchObject({
      value: true
    })
    expect(codec.unpack(Buffer.from('plain text'), MiB, failing)).toMatchObject({
      error: 'CORRUPT_MESSAGE'
    })
  })

  test('unpacks a view into larger bytes', () => {
    const packed = codecOf(compression).compress(Buffer.from('inside'))
    const around = Buffer.concat([Buffer.alloc(7, 1), packed, Buffer.alloc(7, 1)])
    const view = new Uint8Array(around.buffer, around.byteOffset + 7, packed.length)
    expect(unpack(compression, view)).toEqual(Buffer.from('inside'))
  })
})

test('gzip in several members is one text', () => {
  const packed = Buffer.concat([gzipSync('one '), gzipSync('two')])
  expect(unpack('gzip', packed)).toEqual(Buffer.from('one two'))
  const large = Buffer.alloc(700 * KiB, 'words, ')
  expect(unpack('gzip', Buffer.concat([gzipSync(large), gzipSync('end')]))).toEqual(
    Buffer.concat([large, Buffer.from('end')])
  )
})

test.each([0, 1, 1_000, 2 ** 31, 2 ** 32 - 1])('gzip that claims %i bytes is refused', size => {
  const packed = gzipSync(Buffer.alloc(300 * KiB, 'words, '))
  packed.writeUInt32LE(size, packed.length - 4)
  expect(unpack('gzip', packed)).toBe('CORRUPT_MESSAGE')
})

describe('a level', () => {
  const words = ['orders', 'payments', 'customers', 'parcels', 'returns', 'invoices', 'items']
  const plain = Buffer.from(
    Array.from({ length: 5_000 }, (_, n) => words[(n * n + 3) % 7]! + ((n * 7919) % 997)).join(',')
  )
  const sizeAt = (compression: Codec, level?: number): number => {
    const packed = codecOf(compression).compress(plain, level)
    expect(plain.compare(Buffer.from(unpack(compression, packed)))).toBe(0)
    return packed.length
  }

  test.each([
    ['gzip', 1, 9],
    ['zstd', 1, 19],
    ['zstd', -100, 1],
    ['zstd', -131_072, -5]
  ] as const)('of %s that is higher packs better: %i and %i', (compression, lower, higher) => {
    expect(sizeAt(compression, higher)).toBeLessThan(sizeAt(compression, lower))
  })

  test.each([
    ['gzip', -1],
    ['zstd', 3]
  ] as const)('that is left out is the one of Kafka: %s has %i', (compression, level) => {
    expect(sizeAt(compression)).toBe(sizeAt(compression, level))
  })
})
