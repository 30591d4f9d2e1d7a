import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  decodedElementsMax,
  headerTaggedFieldsMax,
  taggedFieldSizeMax,
  taggedFieldsMax
} from '../../src/limits.ts'
import { readApiVersionsResponse } from '../../src/wire/generated/api-versions.ts'
import { MalformedRequest } from '../../src/wire/malformed-request.ts'
import { Reader } from '../../src/wire/reader.ts'
import { Writer } from '../../src/wire/writer.ts'

function readerOf(...bytes: number[]): Reader {
  return new Reader(Buffer.from(bytes))
}

function written(write: (writer: Writer) => void): Buffer {
  const writer = new Writer()
  write(writer)
  return Buffer.concat(writer.takeChunks())
}

/** That many bytes of all ones, and a last one. */
function ones(count: number, last: number): number[] {
  return [...Array.from({ length: count }, () => 0xff), last]
}

function varlong(value: number): string {
  return written(writer => writer.varlong(value)).toString('hex')
}

function emptyTags(count: number): Buffer {
  return written(writer => {
    writer.uvarint(count)
    for (let tag = 0; tag < count; tag++) writer.endTag(writer.beginTag(tag))
  })
}

function tagOfSize(size: number): Buffer {
  return written(writer => {
    writer.uvarint(1)
    const begun = writer.beginTag(0)
    writer.raw(Buffer.alloc(size))
    writer.endTag(begun)
  })
}

/** ApiVersions v3 without error, keys or throttling; tag 1 is finalizedFeaturesEpoch, an int64. */
function apiVersions(tagSize: number, tagBytes: number): Reader {
  const epoch = Array.from({ length: tagBytes }, () => 0)
  return readerOf(0, 0, 1, 0, 0, 0, 0, 1, 1, tagSize, ...epoch)
}

test('fixed integers read as the runtime reads them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), bytes => {
      const buffer = Buffer.from(bytes)
      expect(new Reader(buffer).int8()).toBe(buffer.readInt8())
      expect(new Reader(buffer).int16()).toBe(buffer.readInt16BE())
      expect(new Reader(buffer).uint16()).toBe(buffer.readUInt16BE())
      expect(new Reader(buffer).int32()).toBe(buffer.readInt32BE())
      expect(new Reader(buffer).exactInt64()).toBe(buffer.readBigInt64BE())
      expect(new Reader(buffer).float64()).toEqual(buffer.readDoubleBE())
    })
  )
})

test('an int64 beyond the safe integers saturates, and is never rounded', () => {
  const max = BigInt(Number.MAX_SAFE_INTEGER)
  const near = fc.bigInt({ min: -5n, max: 5n }).map(delta => max + delta)
  const all = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  const anywhere = fc.oneof(
    near,
    near.map(value => -value),
    all
  )
  fc.assert(
    fc.property(anywhere, value => {
      const buffer = Buffer.alloc(8)
      buffer.writeBigInt64BE(value)
      const expected = value > max ? max : value < -max ? -max : value
      expect(BigInt(new Reader(buffer).int64())).toBe(expected)
    })
  )
})

test('any byte but zero is true', () => {
  expect(readerOf(0).bool()).toBe(false)
  expect(readerOf(1).bool()).toBe(true)
  expect(readerOf(0xff).bool()).toBe(true)
})

test('an unsigned varint has at most five bytes and 32 bits', () => {
  expect(readerOf(0x7f).uvarint()).toBe(127)
  expect(readerOf(0x80, 0x01).uvarint()).toBe(128)
  expect(readerOf(0xff, 0xff, 0xff, 0xff, 0x0f).uvarint()).toBe(0xffff_ffff)
  expect(() => readerOf(0xff, 0xff, 0xff, 0xff, 0x10).uvarint()).toThrow(MalformedRequest)
  expect(() => readerOf(0x80, 0x80, 0x80, 0x80, 0x80, 0x00).uvarint()).toThrow(MalformedRequest)
  expect(() => readerOf(0x80).uvarint()).toThrow(MalformedRequest)
  expect(() => readerOf().uvarint()).toThrow(MalformedRequest)
})

test('a varlong has at most ten bytes and 64 bits, and saturates as an int64 does', () => {
  expect(readerOf(...ones(9, 0x01)).varlong()).toBe(Number.MIN_SAFE_INTEGER)
  expect(readerOf(0xfe, ...ones(8, 0x01)).varlong()).toBe(Number.MAX_SAFE_INTEGER)
  expect(() => readerOf(...ones(9, 0x02)).varlong()).toThrow(MalformedRequest)
  expect(() => readerOf(...ones(10, 0x00)).varlong()).toThrow(MalformedRequest)
})

test('varints read back as they were written', () => {
  const longs = fc.oneof(
    fc.maxSafeInteger(),
    fc.constantFrom(Number.MIN_SAFE_INTEGER, -(2 ** 31), -1, 0, 1, 63, 64, 2 ** 31, 2 ** 52)
  )
  fc.assert(
    fc.property(fc.integer(), longs, fc.nat(0xffff_ffff), (int, long, unsigned) => {
      const bytes = written(writer => {
        writer.varint(int)
        writer.varlong(long)
        writer.uvarint(unsigned)
      })
      const reader = new Reader(bytes)
      expect([reader.varint(), reader.varlong(), reader.uvarint()]).toEqual([int, long, unsigned])
      reader.expectEnd()
    })
  )
})

test('a varlong is zig-zag as in Kafka records', () => {
  expect(varlong(0)).toBe('00')
  expect(varlong(-1)).toBe('01')
  expect(varlong(1)).toBe('02')
  expect(varlong(-64)).toBe('7f')
  expect(varlong(64)).toBe('8001')
  expect(varlong(2 ** 31)).toBe('8080808010')
})

test('a string that is not UTF-8 is malformed, one that contains U+FFFD is not', () => {
  expect(() => readerOf(0, 2, 0xc3, 0x28).string()).toThrow(MalformedRequest)
  expect(() => readerOf(0, 3, 0xed, 0xa0, 0x80).string()).toThrow(MalformedRequest)
  expect(readerOf(0, 3, 0xef, 0xbf, 0xbd).string()).toBe('\ufffd')
  expect(readerOf(0, 2, 0xc3, 0xa9).string()).toBe('é')
})

test('a string is null only where it may be', () => {
  expect(readerOf(0xff, 0xff).nullableString()).toBeNull()
  expect(readerOf(0).compactNullableString()).toBeNull()
  expect(() => readerOf(0xff, 0xff).string()).toThrow(MalformedRequest)
  expect(() => readerOf(0).compactString()).toThrow(MalformedRequest)
  expect(() => readerOf(0xff, 0xfe).nullableString()).toThrow(MalformedRequest)
})

test('a compact string may not be longer than a plain one', () => {
  const longest = written(writer => {
    writer.uvarint(32_768 + 1)
    writer.raw(Buffer.alloc(32_768, 'a'))
  })
  expect(() => new Reader(longest).compactString()).toThrow(MalformedRequest)
})

test('bytes are views of the frame, and null only where they may be', () => {
  const frame = Buffer.from([0, 0, 0, 2, 7, 8])
  const bytes = new Reader(frame).bytes()
  frame[4] = 9
  expect([...bytes]).toEqual([9, 8])
  expect(readerOf(0xff, 0xff, 0xff, 0xff).nullableBytes()).toBeNull()
  expect(readerOf(0).compactNullableBytes()).toBeNull()
  expect(() => readerOf(0xff, 0xff, 0xff, 0xff).bytes()).toThrow(MalformedRequest)
  expect(() => readerOf(0xff, 0xff, 0xff, 0xfe).nullableBytes()).toThrow(MalformedRequest)
  expect(() => readerOf(0).compactBytes()).toThrow(MalformedRequest)
})

test('a count is held against the bytes that its elements need at least', () => {
  const three = [0, 0, 0, 3]
  expect(readerOf(...three, 0, 0, 0, 0, 0, 0).arrayLength(2)).toBe(3)
  expect(() => readerOf(...three, 0, 0, 0, 0, 0).arrayLength(2)).toThrow(MalformedRequest)
  expect(() => readerOf(0x7f, 0xff, 0xff, 0xff).arrayLength(1)).toThrow(MalformedRequest)
  expect(() => readerOf(0x7f, 0xff, 0xff, 0xff).arrayLength(0)).toThrow(MalformedRequest)
  expect(() => readerOf(0xff, 0xff, 0xff, 0xff).arrayLength(1)).toThrow(MalformedRequest)
  expect(() => readerOf(0xff, 0xff, 0xff, 0xfe).nullableArrayLength(1)).toThrow(MalformedRequest)
  expect(readerOf(0xff, 0xff, 0xff, 0xff).nullableArrayLength(1)).toBe(-1)
  expect(readerOf(0).compactNullableArrayLength(1)).toBe(-1)
  expect(() => readerOf(0).compactArrayLength(1)).toThrow(MalformedRequest)
})

test('a request may not have more elements in all than the budget', () => {
  const one = written(writer => writer.arrayLength(decodedElementsMax))
  const frame = Buffer.concat([one, Buffer.alloc(decodedElementsMax), Buffer.from([0, 0, 0, 1, 0])])
  const reader = new Reader(frame)
  expect(reader.arrayLength(1)).toBe(decodedElementsMax)
  reader.view(decodedElementsMax)
  expect(() => reader.arrayLength(1)).toThrow(/more elements/)
})

test('tagged fields that are not known are left out', () => {
  const bytes = written(writer => {
    writer.uvarint(2)
    writer.endTag(writer.beginTag(3))
    const begun = writer.beginTag(70)
    writer.string('unknown')
    writer.endTag(begun)
    writer.int8(42)
  })
  const reader = new Reader(bytes)
  reader.skipTags()
  expect(reader.int8()).toBe(42)
})

test('tags ascend, and one may not come twice', () => {
  expect(() => readerOf(2, 1, 0, 1, 0).skipTags()).toThrow(/tag 1 after tag 1/)
  expect(() => readerOf(2, 1, 0, 0, 0).skipTags()).toThrow(/tag 0 after tag 1/)
  readerOf(2, 0, 0, 1, 0).skipTags()
})

test('tagged fields are bounded in number and in size', () => {
  new Reader(emptyTags(taggedFieldsMax)).skipTags()
  expect(() => new Reader(emptyTags(taggedFieldsMax + 1)).skipTags()).toThrow(MalformedRequest)
  new Reader(emptyTags(headerTaggedFieldsMax)).skipTags(headerTaggedFieldsMax)
  expect(() =>
    new Reader(emptyTags(headerTaggedFieldsMax + 1)).skipTags(headerTaggedFieldsMax)
  ).toThrow(MalformedRequest)
  new Reader(tagOfSize(taggedFieldSizeMax)).skipTags()
  expect(() => new Reader(tagOfSize(taggedFieldSizeMax + 1)).skipTags()).toThrow(MalformedRequest)
})

test('a known tagged field takes exactly the bytes that it announces', () => {
  expect(readApiVersionsResponse(apiVersions(8, 8), 3).finalizedFeaturesEpoch).toBe(0)
  expect(() => readApiVersionsResponse(apiVersions(9, 9), 3)).toThrow(
    /ends 1 bytes beside its size/
  )
  expect(() => readApiVersionsResponse(apiVersions(7, 8), 3)).toThrow(
    /ends -1 bytes beside its size/
  )
})

test('a count of tagged fields that the bytes cannot hold is malformed', () => {
  expect(() => readerOf(0xff, 0xff, 0xff, 0xff, 0x0f).skipTags()).toThrow(MalformedRequest)
  expect(() => readerOf(2, 0, 0).skipTags()).toThrow(MalformedRequest)
})

test('bytes after the end are malformed', () => {
  const reader = readerOf(1, 2)
  reader.int8()
  expect(() => reader.expectEnd()).toThrow(/1 bytes after the end/)
})

test('a reader keeps to its range of the buffer', () => {
  const reader = new Reader(Buffer.from([9, 1, 2, 9]), 1, 3)
  expect(reader.remaining).toBe(2)
  expect(reader.int16()).toBe(0x0102)
  expect(reader.position).toBe(3)
  expect(() => reader.int8()).toThrow('int8 of 1 bytes with 0 left, before byte 2')
})
