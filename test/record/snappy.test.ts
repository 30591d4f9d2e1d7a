import * as fc from 'fast-check'
import snappyjs from 'snappyjs'
import { describe, expect, test } from 'vitest'
import { decompress } from '../../src/record/compression.ts'
import { compressSnappy } from '../../src/record/snappy.ts'
import { KiB, MiB } from '../../src/base/sizes.ts'

const sizeMax = 4 * MiB

function unpack(bytes: Uint8Array, limit = sizeMax): Buffer | string {
  const unpacked = decompress('snappy', bytes, limit)
  return unpacked.ok ? unpacked.value : unpacked.error
}

/** Whether bytes are unpacked, and are these; `toEqual` takes seconds for as many as some are. */
function unpacksTo(bytes: Uint8Array, plain: Buffer): boolean {
  const unpacked = unpack(bytes, plain.length)
  return Buffer.isBuffer(unpacked) && unpacked.equals(plain)
}

/** Text with repetitions, which make copies. */
const texts = fc
  .array(fc.tuple(fc.string({ maxLength: 20 }), fc.nat(60)), { maxLength: 40 })
  .map(parts => Buffer.from(parts.map(([text, times]) => text.repeat(times)).join('')))

/** Random bytes, which make literals. */
const noise = fc.uint8Array({ maxLength: 500, size: 'max' }).map(array => Buffer.from(array))

test('what is packed is unpacked again', () => {
  fc.assert(
    fc.property(fc.oneof(texts, noise), bytes => {
      expect(unpack(compressSnappy(bytes))).toEqual(bytes)
    })
  )
})

test('what is packed is in the framing of snappy-java, in blocks of 32 KiB', () => {
  const packed = compressSnappy(Buffer.alloc(70 * KiB, 'abc'))
  expect(packed.toString('hex', 0, 16)).toBe('82534e41505059000000000100000001')
  const sizes: number[] = []
  for (let at = 16; at < packed.length;) {
    const size = packed.readInt32BE(at)
    sizes.push(snappyjs.uncompress(packed.subarray(at + 4, at + 4 + size)).length)
    at += 4 + size
  }
  expect(sizes).toEqual([32 * KiB, 32 * KiB, 6 * KiB])
})

test('a lone raw block is unpacked too: kafkajs and Go clients send that', () => {
  fc.assert(
    fc.property(fc.oneof(texts, noise), bytes => {
      const raw = snappyjs.compress(bytes)
      expect(unpack(raw)).toEqual(bytes)
    })
  )
})

test('literals and copies of every form are unpacked as by snappyjs', () => {
  const literal = Buffer.alloc(70, 'x')
  const block = Buffer.concat([
    Buffer.from([0x98, 0x01]), // 152 bytes in all
    Buffer.from([60 << 2, 69]), // a literal whose size takes a byte of its own
    literal,
    Buffer.from([(0 << 2) | 1, 5]), // four bytes from five before
    Buffer.from([(63 << 2) | 2, 70, 0]), // 64 bytes, two bytes of offset
    Buffer.from([(9 << 2) | 3, 1, 0, 0, 0]), // ten bytes, four bytes of offset
    Buffer.from([3 << 2]),
    Buffer.from('last')
  ])
  const unpacked = unpack(block)
  expect(unpacked).toEqual(snappyjs.uncompress(block))
  expect(String(unpacked).endsWith('xxxxlast')).toBe(true)
})

describe('bytes that are not snappy', () => {
  test.each([
    ['what snappyjs hangs on', '01fc00000080'],
    ['nothing', ''],
    ['a size without an end', 'ffffffffff01'],
    ['a size beyond 32 bits', 'ffffffff7f'],
    ['a literal beyond the end', '0510616263'],
    ['a literal whose size is cut off', '05f0'],
    ['a literal of four gigabytes', '01fcffffffff'],
    ['a copy from before the start', '0708616263010a'],
    ['a copy from nowhere', '07086162630100'],
    ['a copy that is cut off', '040861626302'],
    ['less than the declared size', '0608616263'],
    ['far less than the declared size, for which no room is made', '80808002fe010000'],
    ['more than the declared size', '0208616263'],
    ['a block of the framing beyond the end', '82534e415050590000000001000000010000ffff00'],
    ['a block of the framing of negative size', '82534e41505059000000000100000001ffffffff00'],
    ['half a block size', '82534e415050590000000001000000010000']
  ])('%s', (_, hex) => {
    expect(unpack(Buffer.from(hex, 'hex'))).toBe('CORRUPT_MESSAGE')
  })

  test('are refused or unpacked in bounded time, whatever was changed in them', () => {
    const change = fc.record({ place: fc.nat(), value: fc.nat(255) })
    fc.assert(
      fc.property(
        fc.oneof(texts, noise),
        fc.boolean(),
        fc.array(change, { minLength: 1, maxLength: 6 }),
        fc.nat(),
        (bytes, framed, changes, cut) => {
          const packed = framed ? compressSnappy(bytes) : Buffer.from(snappyjs.compress(bytes))
          for (const { place, value } of changes) packed[place % packed.length] = value
          const result = unpack(packed.subarray(0, packed.length - (cut % 3)))
          if (typeof result === 'string')
            expect(['CORRUPT_MESSAGE', 'MESSAGE_TOO_LARGE']).toContain(result)
          else expect(result.length).toBeLessThanOrEqual(sizeMax)
        }
      ),
      { numRuns: 1000 }
    )
  })
})

describe('more than is allowed', () => {
  test('is refused by the declared size, before it is unpacked', () => {
    const raw = snappyjs.compress(Buffer.alloc(1000))
    expect(unpack(raw, 1000)).toEqual(Buffer.alloc(1000))
    expect(unpack(raw, 999)).toBe('MESSAGE_TOO_LARGE')
  })

  test('is refused by the sum of the blocks', () => {
    const packed = compressSnappy(Buffer.alloc(100 * KiB))
    expect(unpacksTo(packed, Buffer.alloc(100 * KiB))).toBe(true)
    expect(unpack(packed, 100 * KiB - 1)).toBe('MESSAGE_TOO_LARGE')
  })
})

test('a right block that nobody writes, nor snappyjs or snap read, is an error value', () => {
  // A literal of one byte, with its size in one more byte, at the very end.
  const odd = Buffer.from([1, 60 << 2, 0, 0x61])
  expect(() => snappyjs.uncompress(odd)).toThrow()
  expect(unpack(odd)).toBe('CORRUPT_MESSAGE')
})

test('what unpacks to the most is unpacked', () => {
  const zeros = Buffer.alloc(MiB)
  const raw = Buffer.from(snappyjs.compress(zeros))
  expect(raw.length).toBeLessThan(MiB / 20)
  expect(unpacksTo(raw, zeros)).toBe(true)
})

test('a malformed block among others makes all malformed, and leaves nothing behind', () => {
  const packed = compressSnappy(Buffer.alloc(100 * KiB, 'abc'))
  const wrong = Buffer.from(packed)
  wrong.fill(0xff, wrong.length - 20)
  for (let times = 0; times < 3; times++) {
    expect(unpack(wrong)).toBe('CORRUPT_MESSAGE')
    expect(unpacksTo(packed, Buffer.alloc(100 * KiB, 'abc'))).toBe(true)
  }
})
