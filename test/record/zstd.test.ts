import { describe, expect, test } from 'vitest'
import { KiB, MiB } from '../../src/base/sizes.ts'
import { decompress } from '../../src/record/compression.ts'
import { compressInNode, decompressInNode, hasNodeZstd } from '../../src/record/zstd-node.ts'
import { compressInWasm, unpackInWasm } from '../../src/record/zstd-wasm.ts'
import { compressZstd, walkFrames } from '../../src/record/zstd.ts'

function unpack(bytes: Uint8Array, sizeMax = 16 * MiB): string {
  const unpacked = decompress('zstd', bytes, sizeMax)
  return unpacked.ok ? unpacked.value.toString('latin1') : unpacked.error
}

function hex(...parts: ReadonlyArray<string | Buffer>): Buffer {
  return Buffer.concat(
    parts.map(part =>
      typeof part === 'string' ? Buffer.from(part.replaceAll(' ', ''), 'hex') : part
    )
  )
}

type BlockType = 'plain' | 'repeated' | 'compressed' | 'reserved'

function block(type: BlockType, size: number, bytes: Buffer | string, isLast = true): Buffer {
  const header = Buffer.alloc(3)
  const code = ['plain', 'repeated', 'compressed', 'reserved'].indexOf(type)
  header.writeUIntLE((size << 3) | (code << 1) | Number(isLast), 0, 3)
  return Buffer.concat([header, Buffer.from(bytes)])
}

const magic = '28b52ffd'
/** A header of a streamed frame, whose window is 128 KiB. */
const streamed = `${magic} 00 38`

describe('a frame', () => {
  test.each([
    ['one byte of size', '20 05'],
    ['two bytes of size', '60 0500'],
    ['four bytes of size', 'a0 05000000'],
    ['eight bytes of size', 'e0 0500000000000000'],
    ['no size', '00 38'],
    ['a window and four bytes of size', '80 38 05000000'],
    ['no dictionary, in one byte', '21 00 05'],
    ['no dictionary, in two bytes', '22 0000 05'],
    ['no dictionary, in four bytes', '23 00000000 05']
  ])('may have a header with %s', (_, header) => {
    // Two bytes of size count from 256.
    const size = header.startsWith('60') ? 261 : 5
    const packed = hex(magic, header, block('plain', size, 'x'.repeat(size)))
    expect(unpack(packed)).toBe('x'.repeat(size))
    for (let cut = 0; cut < packed.length; cut++)
      expect(unpack(packed.subarray(0, cut))).toBe('CORRUPT_MESSAGE')
  })

  test('that was streamed does not say how much it holds', () => {
    const packed = hex(
      streamed,
      block('plain', 5, 'plain', false),
      block('repeated', 6, '!', false),
      block('plain', 0, '')
    )
    expect(walkFrames(packed)).toMatchObject({ value: { sizeAtLeast: 11, sizeAtMost: 11 } })
    expect(unpack(packed)).toBe('plain!!!!!!')
    expect(unpack(packed, 11)).toBe('plain!!!!!!')
    expect(unpack(packed, 10)).toBe('MESSAGE_TOO_LARGE')
  })

  test('whose blocks are compressed is bounded by their number and its window', () => {
    const plain = Buffer.alloc(300 * KiB, 'words and words, ')
    const whole = compressZstd(plain)
    // The same blocks in a streamed frame of the same window.
    expect(whole.toString('hex', 0, 9)).toBe(`${magic}a000b00400`)
    const packed = hex(`${magic} 00 48`, whole.subarray(9))
    expect(walkFrames(packed)).toMatchObject({
      value: { sizeAtLeast: 0, sizeAtMost: 3 * 128 * KiB }
    })
    expect(unpack(packed) === plain.toString()).toBe(true)
    expect(unpack(packed, plain.length)).toHaveLength(plain.length)
    expect(unpack(packed, plain.length - 1)).toBe('MESSAGE_TOO_LARGE')
  })

  const plain = block('plain', 5, 'plain').toString('hex')

  test.each([
    ['is nothing', ''],
    ['is only a magic', magic],
    ['has another magic', `28b52ffc 20 05 ${plain}`],
    ['has a reserved bit', `${magic} 28 05 ${plain}`],
    ['has a reserved block', `${streamed} ${block('reserved', 5, 'plain').toString('hex')}`],
    ['has no last block', `${streamed} ${block('plain', 5, 'plain', false).toString('hex')}`],
    ['has a block beyond its end', `${streamed} ${block('plain', 6, 'plain').toString('hex')}`],
    [
      'has a repeated byte beyond its end',
      `${streamed} ${block('repeated', 6, '').toString('hex')}`
    ],
    ['holds less than it says', `${magic} 20 06 ${plain}`],
    [
      'holds more than it says',
      `${magic} 20 04 ${block('plain', 4, 'plai', false).toString('hex')} 090000 00`
    ],
    ['says it holds what nobody can', `${magic} e0 ffffffffffffff7f ${plain}`],
    [
      'is compressed, but not by zstd',
      `${streamed} ${block('compressed', 5, 'plain').toString('hex')}`
    ],
    ['needs a dictionary', `${magic} 21 07 05 ${plain}`],
    ['is followed by something else', `${streamed} ${plain} 00`]
  ])('that %s is refused', (_, bytes) => {
    expect(unpack(hex(bytes))).toBe('CORRUPT_MESSAGE')
  })

  test('whose blocks are larger than its window is refused', () => {
    expect(unpack(hex(`${magic} 00 00`, block('repeated', KiB, 'x')))).toHaveLength(KiB)
    expect(unpack(hex(`${magic} 00 00`, block('repeated', KiB + 1, 'x')))).toBe('CORRUPT_MESSAGE')
    const larger = hex(`${magic} 00 78`, block('repeated', 128 * KiB + 1, 'x'))
    expect(unpack(larger)).toBe('CORRUPT_MESSAGE')
  })

  test('may look back through a window of 128 MiB, as in Kafka, and no further', () => {
    expect(unpack(hex(`${magic} 00 88`, block('plain', 5, 'plain')))).toBe('plain')
    expect(unpack(hex(`${magic} 00 89`, block('plain', 5, 'plain')))).toBe('CORRUPT_MESSAGE')
    expect(unpack(hex(`${magic} 00 f8`, block('plain', 5, 'plain')))).toBe('CORRUPT_MESSAGE')
  })

  test('may have a checksum, which must be right', () => {
    // What the zstd command makes of "plain".
    const frame = hex('28b52ffd 04 58 290000', Buffer.from('plain'), '1ab999e7')
    expect(unpack(frame)).toBe('plain')
    for (let at = frame.length - 4; at < frame.length; at++) {
      const wrong = Buffer.from(frame)
      wrong[at]! ^= 1
      expect(unpack(wrong)).toBe('CORRUPT_MESSAGE')
      expect(unpack(frame.subarray(0, at))).toBe('CORRUPT_MESSAGE')
    }
  })
})

describe('several frames', () => {
  const one = compressZstd(Buffer.from('one '))
  const two = hex(streamed, block('plain', 4, 'two '))
  const skippable = hex('5f2a4d18 03000000', Buffer.from('abc'))

  test('are one text', () => {
    expect(unpack(Buffer.concat([one, two, one]))).toBe('one two one ')
    expect(unpack(Buffer.concat([one, two, one]), 12)).toBe('one two one ')
    expect(unpack(Buffer.concat([one, two, one]), 11)).toBe('MESSAGE_TOO_LARGE')
  })

  test('may be skippable', () => {
    expect(unpack(Buffer.concat([skippable, one, skippable, skippable, two, skippable]))).toBe(
      'one two '
    )
    expect(unpack(Buffer.concat([skippable, two]))).toBe('two ')
    expect(unpack(skippable)).toBe('')
    expect(unpack(Buffer.concat([one, skippable.subarray(0, -1)]))).toBe('CORRUPT_MESSAGE')
  })

  test('of which one is malformed are refused', () => {
    const wrong = hex(streamed, block('compressed', 5, 'plain'))
    expect(unpack(Buffer.concat([one, wrong]))).toBe('CORRUPT_MESSAGE')
    expect(unpack(Buffer.concat([one, one.subarray(0, -1)]))).toBe('CORRUPT_MESSAGE')
  })

  test('are read, however many there are', () => {
    const empty = hex(magic, '20 00', block('plain', 0, ''))
    expect(unpack(Buffer.concat(Array(100_000).fill(empty)))).toBe('')
  })
})

describe('what unpacks to more than is allowed', () => {
  test('is refused by its blocks alone where they say it', () => {
    const repeated = block('repeated', 128 * KiB, 'x', false)
    const packed = hex(streamed, ...Array(800).fill(repeated), block('plain', 0, ''))
    expect(walkFrames(packed)).toMatchObject({ value: { sizeAtLeast: 100 * MiB } })
    expect(unpack(packed, 64 * MiB)).toBe('MESSAGE_TOO_LARGE')
  })

  test('is refused by the size that it states', () => {
    const packed = compressZstd(Buffer.alloc(MiB))
    expect(walkFrames(packed)).toMatchObject({ value: { sizeAtLeast: MiB, sizeAtMost: MiB } })
    expect(unpack(packed, MiB - 1)).toBe('MESSAGE_TOO_LARGE')
    expect(unpack(packed, MiB)).toHaveLength(MiB)
  })
})

test('Node and WebAssembly read what the other writes', () => {
  const plain = Buffer.alloc(500_000, 'some words, again and again; ')
  const inWasm = compressInWasm(plain, 3)
  const inNode = compressInNode(plain, 3)
  expect(inNode === null).toBe(!hasNodeZstd())
  const isPlain = (unpacked: Buffer): boolean => unpacked.equals(plain)
  expect(unpackInWasm(inWasm, plain.length, isPlain)).toEqual({ value: true })
  expect(unpackInWasm(inNode ?? inWasm, plain.length, isPlain)).toEqual({ value: true })
  const unpacked = decompressInNode(inWasm, plain.length)
  if (hasNodeZstd()) expect(Buffer.isBuffer(unpacked) && isPlain(unpacked)).toBe(true)
  else expect(unpacked).toBeNull()
})
