import * as fc from 'fast-check'
import { xxHash32 } from 'js-xxhash'
import { describe, expect, test } from 'vitest'
import { KiB, MiB } from '../../src/base/sizes.ts'
import { decompress } from '../../src/record/compression.ts'
import { packBlock } from '../../src/record/lz4-block.ts'
import { compressLz4 } from '../../src/record/lz4.ts'

function unpack(bytes: Uint8Array, sizeMax = 16 * MiB): string {
  const unpacked = decompress('lz4', bytes, sizeMax)
  return unpacked.ok ? unpacked.value.toString('latin1') : unpacked.error
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value >>> 0)
  return bytes
}

interface FrameOptions {
  readonly version?: number
  readonly isLinked?: boolean
  readonly reserved?: number
  readonly sizeCode?: number
  readonly contentSize?: bigint
  readonly blockChecksum?: (block: Buffer) => number
  readonly contentChecksum?: number
  readonly headerChecksum?: number
  readonly endMark?: Buffer
}

/** A frame as its specification has it, of blocks that are there already: size field and bytes. */
function frame(blocks: ReadonlyArray<readonly [number, Buffer]>, options: FrameOptions = {}) {
  const { version = 1, contentSize, blockChecksum, contentChecksum, sizeCode = 4 } = options
  const flags =
    (version << 6) |
    (options.isLinked === true ? 0 : 0x20) |
    (blockChecksum === undefined ? 0 : 0x10) |
    (contentSize === undefined ? 0 : 0x08) |
    (contentChecksum === undefined ? 0 : 0x04) |
    (options.reserved ?? 0)
  const size = Buffer.alloc(contentSize === undefined ? 0 : 8)
  if (contentSize !== undefined) size.writeBigUInt64LE(contentSize)
  const descriptor = Buffer.concat([Buffer.from([flags, sizeCode << 4]), size])
  const headerChecksum = options.headerChecksum ?? (xxHash32(descriptor) >>> 8) & 0xff
  return Buffer.concat([
    uint32(0x184d2204),
    descriptor,
    Buffer.from([headerChecksum]),
    ...blocks.flatMap(([sizeField, bytes]) => [
      uint32(sizeField),
      bytes,
      ...(blockChecksum === undefined ? [] : [uint32(blockChecksum(bytes))])
    ]),
    options.endMark ?? uint32(0),
    ...(contentChecksum === undefined ? [] : [uint32(contentChecksum)])
  ])
}

function plainBlock(text: string): readonly [number, Buffer] {
  return [0x8000_0000 + text.length, Buffer.from(text)]
}

function packedBlock(text: string): readonly [number, Buffer] {
  const packed = packBlock(Buffer.from(text))
  return [packed.length, packed]
}

const text = 'abcabcabcabcabcabcabcabcabcabcabcabc, and so on'

describe('a frame', () => {
  test('is written as by the Java client: independent blocks of 64 KiB, no checksums', () => {
    const packed = compressLz4(Buffer.concat([Buffer.alloc(64 * KiB), Buffer.from('xyz')]))
    expect(packed.toString('hex', 0, 7)).toBe('04224d18604082')
    // Three bytes gain nothing, so they stand as they are.
    expect(packed.subarray(-11)).toEqual(
      Buffer.concat([uint32(0x8000_0003), Buffer.from('xyz'), uint32(0)])
    )
    expect(packed.readUInt32LE(7)).toBe(packed.length - 7 - 4 - 11)
  })

  test('may have plain and packed blocks', () => {
    expect(unpack(frame([packedBlock(text), plainBlock('plain'), packedBlock('end')]))).toBe(
      `${text}plainend`
    )
  })

  test('may be empty', () => {
    expect(unpack(frame([]))).toBe('')
    expect(unpack(compressLz4(Buffer.alloc(0)))).toBe('')
  })

  test('may say how much it holds, and must be right', () => {
    const blocks = [packedBlock(text), plainBlock('!')]
    const size = text.length + 1
    expect(unpack(frame(blocks, { contentSize: BigInt(size) }))).toBe(`${text}!`)
    for (const contentSize of [0n, BigInt(size - 1), BigInt(size + 1), 2n ** 64n - 1n])
      expect(unpack(frame(blocks, { contentSize }))).toBe('CORRUPT_MESSAGE')
  })

  test('may have checksums of its blocks, which must be right', () => {
    const blocks = [packedBlock(text), plainBlock('plain')]
    expect(unpack(frame(blocks, { blockChecksum: xxHash32 }))).toBe(`${text}plain`)
    const wrong = frame(blocks, { blockChecksum: block => xxHash32(block) ^ 1 })
    expect(unpack(wrong)).toBe('CORRUPT_MESSAGE')
  })

  test('may have a checksum of its content, which must be right', () => {
    const blocks = [packedBlock(text), plainBlock('plain')]
    const contentChecksum = xxHash32(Buffer.from(`${text}plain`))
    expect(unpack(frame(blocks, { contentChecksum }))).toBe(`${text}plain`)
    const wrong = { contentChecksum: contentChecksum ^ 1 }
    expect(unpack(frame(blocks, wrong))).toBe('CORRUPT_MESSAGE')
  })

  test('may be followed by others, each with checksums of its own', () => {
    const first = frame([plainBlock('one ')], { contentChecksum: xxHash32(Buffer.from('one ')) })
    const second = frame([plainBlock('two ')], { contentSize: 4n, blockChecksum: xxHash32 })
    const third = frame([packedBlock(text)], { contentChecksum: xxHash32(Buffer.from(text)) })
    expect(unpack(Buffer.concat([first, second, third]))).toBe(`one two ${text}`)
    const behind = Buffer.concat([first, second, third.subarray(0, -1)])
    expect(unpack(behind)).toBe('CORRUPT_MESSAGE')
  })

  test.each([
    ['another version', { version: 0 }],
    ['blocks that depend on each other, which Kafka does not read', { isLinked: true }],
    ['a dictionary', { reserved: 1 }],
    ['a reserved bit', { reserved: 2 }],
    ['a block size that does not exist', { sizeCode: 3 }],
    ['another block size that does not exist', { sizeCode: 8 }],
    ['a wrong checksum of its header', { headerChecksum: 0 }],
    ['no end', { endMark: Buffer.alloc(0) }],
    ['half an end', { endMark: Buffer.alloc(3) }],
    ['a plain block of no bytes', { endMark: Buffer.concat([uint32(0x8000_0000), uint32(0)]) }]
  ] as const)('with %s is refused', (_, options) => {
    expect(unpack(frame([plainBlock('text')]))).toBe('text')
    expect(unpack(frame([plainBlock('text')], options))).toBe('CORRUPT_MESSAGE')
  })

  test('whose blocks hold more than they may is refused', () => {
    const largest = packBlock(Buffer.alloc(64 * KiB))
    expect(unpack(frame([[largest.length, largest]]))).toHaveLength(64 * KiB)
    const larger = packBlock(Buffer.alloc(64 * KiB + 1))
    expect(unpack(frame([[larger.length, larger]]))).toBe('CORRUPT_MESSAGE')
    expect(unpack(frame([[larger.length, larger]], { sizeCode: 5 }))).toHaveLength(64 * KiB + 1)
    const plain = Buffer.alloc(64 * KiB + 1)
    expect(unpack(frame([[0x8000_0000 + plain.length, plain]]))).toBe('CORRUPT_MESSAGE')
  })

  test('that would be too large is refused', () => {
    const bomb = packBlock(Buffer.alloc(4 * MiB))
    const blocks = Array.from({ length: 25 }, () => [bomb.length, bomb] as const)
    const packed = frame(blocks, { sizeCode: 7 })
    expect(unpack(packed, 100 * MiB - 1)).toBe('MESSAGE_TOO_LARGE')
    expect(unpack(packed, 100 * MiB)).toHaveLength(100 * MiB)
  })
})

/** Behind a literal that is not the last one: an offset, a token, and five literal bytes. */
const behindLiteralMin = 8

interface Unpacked {
  readonly bytes: Buffer
  /** Not all of the last five bytes are literal, which the library does not always let pass. */
  readonly isOdd: boolean
}

/**
 * The format of a block, byte by byte, as lz4's own library reads it, which is Kafka's too: copies
 * from an offset of 0 are zeros. Null for what is no block.
 */
function unpackedSlowly(block: Buffer, sizeMax: number): Unpacked | null {
  const output: number[] = []
  let isOdd = false
  let at = 0
  const size = (short: number): number => {
    let long = short
    if (short === 15)
      for (;;) {
        const byte = block[at++] ?? NaN
        long += byte
        if (byte !== 255) break
      }
    return long
  }
  while (at < block.length) {
    const token = block[at++]!
    const literalSize = size(token >>> 4)
    if (!(at + literalSize <= block.length)) return null
    output.push(...block.subarray(at, at + literalSize))
    at += literalSize
    if (at === block.length)
      return output.length <= sizeMax ? { bytes: Buffer.from(output), isOdd } : null
    if (block.length - at < behindLiteralMin) isOdd = true
    const offset = block[at]! + (block[at + 1] ?? NaN) * 256
    at += 2
    if (!(offset <= output.length)) return null
    const copySize = size(token & 15) + 4
    if (!(output.length + copySize <= sizeMax)) return null
    for (let n = 0; n < copySize; n++) output.push(offset === 0 ? 0 : output.at(-offset)!)
  }
  return null
}

describe('a block', () => {
  const compressible = fc
    .array(fc.tuple(fc.string({ maxLength: 20 }), fc.nat(60)), { maxLength: 40 })
    .map(parts => Buffer.from(parts.map(([part, times]) => part.repeat(times)).join('')))
  const mutations = fc.array(fc.record({ place: fc.nat(), value: fc.nat(255) }), { maxLength: 4 })

  test('is unpacked as the format says, whatever it is', () => {
    const seen = { valid: 0, malformed: 0 }
    fc.assert(
      fc.property(compressible, mutations, fc.nat(), (plain, all, cut) => {
        const block = packBlock(plain)
        for (const { place, value } of all) block[place % block.length] = value
        const bytes = all.length % 2 === 0 ? block : block.subarray(0, 1 + (cut % block.length))
        const expected = unpackedSlowly(bytes, 64 * KiB)
        const unpacked = decompress('lz4', frame([[bytes.length, bytes]]), MiB)
        seen[expected === null ? 'malformed' : 'valid']++
        if (unpacked.ok) expect(expected?.bytes.equals(unpacked.value)).toBe(true)
        else if (expected === null || expected.isOdd) expect(unpacked.error).toBe('CORRUPT_MESSAGE')
        else expect(unpacked).toEqual({ ok: true, value: expected.bytes })
      }),
      { numRuns: 1_500, seed: 4 }
    )
    expect(Math.min(seen.valid, seen.malformed)).toBeGreaterThan(300)
  })

  test.each([
    ['copies from before the start', '10410200504142434445'],
    ['copies before there is anything', '000100504142434445'],
    ['ends behind a copy', '40414243440400'],
    ['ends inside an offset', '104104'],
    ['ends inside a literal', '504142'],
    ['ends inside the size of a literal', 'f0ffff'],
    ['ends inside the size of a copy', '1f410100ff'],
    ['ends with fewer than five literal bytes', '104101004041424344']
  ])('that %s is refused', (_, hex) => {
    const block = Buffer.from(hex, 'hex')
    expect(unpack(frame([[block.length, block]]))).toBe('CORRUPT_MESSAGE')
  })

  test('is unpacked alike whatever was unpacked before it', () => {
    const zeros = Buffer.from('1f4100000a504142434445', 'hex')
    const packed = frame([[zeros.length, zeros]])
    for (const before of [0x00, 0x78, 0xff]) {
      unpack(compressLz4(Buffer.alloc(KiB, before)))
      expect(unpack(packed)).toBe(`A${'\0'.repeat(29)}ABCDE`)
    }
  })

  test('of 4 MiB, the largest there is, is packed and unpacked', () => {
    const plain = Buffer.alloc(4 * MiB, 'some words, ')
    const packed = packBlock(plain)
    const unpacked = decompress('lz4', frame([[packed.length, packed]], { sizeCode: 7 }), 4 * MiB)
    expect(unpacked.ok && unpacked.value.equals(plain)).toBe(true)
  })
})
