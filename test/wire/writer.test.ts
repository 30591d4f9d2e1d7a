import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { AssertionError } from '../../src/base/assert.ts'
import { writerChunkSizeMin } from '../../src/limits.ts'
import { Reader } from '../../src/wire/reader.ts'
import { Writer } from '../../src/wire/writer.ts'

test('large bytes become chunks of their own and are not copied', () => {
  const writer = new Writer()
  const small = Buffer.alloc(writerChunkSizeMin - 1, 'a')
  const large = Buffer.alloc(writerChunkSizeMin, 'b')
  writer.bytes(small)
  writer.bytes(large)
  writer.int8(1)
  const chunks = writer.takeChunks()
  expect(chunks.length).toBe(3)
  expect(chunks[1]).toBe(large)
  expect(chunks[0]!.length).toBe(4 + small.length + 4)
  expect([...chunks[2]!]).toEqual([1])
})

test('a value that does not fit any more goes where the others went', () => {
  const id = 'AQIDBAUGBwgJCgsMDQ4PEA'
  const values: readonly [write: (writer: Writer) => void, read: (reader: Reader) => unknown][] = [
    [writer => writer.int8(-7), reader => expect(reader.int8()).toBe(-7)],
    [writer => writer.bool(true), reader => expect(reader.bool()).toBe(true)],
    [writer => writer.present(true), reader => expect(reader.int8()).toBe(1)],
    [writer => writer.int16(-300), reader => expect(reader.int16()).toBe(-300)],
    [writer => writer.uint16(65_000), reader => expect(reader.uint16()).toBe(65_000)],
    [writer => writer.int32(-70_000), reader => expect(reader.int32()).toBe(-70_000)],
    [writer => writer.int64(2 ** 40), reader => expect(reader.int64()).toBe(2 ** 40)],
    [writer => writer.exactInt64(-5n), reader => expect(reader.exactInt64()).toBe(-5n)],
    [writer => writer.float64(0.5), reader => expect(reader.float64()).toBe(0.5)],
    [writer => writer.uuid(id), reader => expect(reader.uuid()).toBe(id)],
    [writer => writer.uvarint(300), reader => expect(reader.uvarint()).toBe(300)],
    [writer => writer.string('text'), reader => expect(reader.string()).toBe('text')],
    [writer => writer.compactString('é'), reader => expect(reader.compactString()).toBe('é')]
  ]
  for (const [write, read] of values) {
    for (let room = 0; room <= 20; room++) {
      const writer = new Writer(64)
      writer.raw(Buffer.alloc(64 - room, 0xff))
      for (let count = 0; count < 3; count++) write(writer)
      const reader = new Reader(Buffer.concat(writer.takeChunks()).subarray(64 - room))
      for (let count = 0; count < 3; count++) read(reader)
      reader.expectEnd()
    }
  }
})

test('several pieces are written as one byte field', () => {
  const writer = new Writer()
  const large = Buffer.alloc(5000, 'b')
  writer.compactNullableBytes([Buffer.from('a'), large, Buffer.from('c')])
  const reader = new Reader(Buffer.concat(writer.takeChunks()))
  expect(
    reader.compactBytes().equals(Buffer.concat([Buffer.from('a'), large, Buffer.from('c')]))
  ).toBe(true)
  reader.expectEnd()
})

test('the size of a frame counts the chunks that are not copied', () => {
  const writer = new Writer()
  for (const size of [10, 5000]) {
    writer.beginFrame()
    writer.int16(7)
    writer.raw(Buffer.alloc(size))
    writer.endFrame()
  }
  const bytes = Buffer.concat(writer.takeChunks())
  expect(bytes.readInt32BE(0)).toBe(12)
  expect(bytes.readInt32BE(16)).toBe(5002)
  expect(bytes.length).toBe(4 + 12 + 4 + 5002)
})

test('chunks that have been taken stay as they are while the writer goes on', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 9000, size: 'max' }), { maxLength: 12 })
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 6 }), messages => {
      const writer = new Writer(64)
      const taken = messages.map(message => {
        for (const piece of message) {
          writer.int32(piece.length)
          writer.raw(Buffer.from(piece))
        }
        return writer.takeChunks()
      })
      messages.forEach((message, index) => {
        const reader = new Reader(Buffer.concat(taken[index]!))
        for (const piece of message) expect(reader.bytes().equals(piece)).toBe(true)
        reader.expectEnd()
      })
      expect(writer.size).toBe(0)
    }),
    { numRuns: 40 }
  )
})

test('reset drops what has not been taken', () => {
  const writer = new Writer()
  writer.int32(1)
  const [first] = writer.takeChunks()
  writer.raw(Buffer.alloc(9000))
  writer.beginFrame()
  writer.reset()
  expect(writer.size).toBe(0)
  writer.int32(2)
  expect(Buffer.concat(writer.takeChunks()).toString('hex')).toBe('00000002')
  expect(first!.toString('hex')).toBe('00000001')
})

test('a tagged field is preceded by its size in as few bytes as it takes', () => {
  for (const size of [0, 1, 127, 128, 16_383, 16_384, 100_000]) {
    const writer = new Writer(16)
    writer.int8(5)
    const begun = writer.beginTag(1)
    writer.raw(Buffer.alloc(size, 'x'))
    writer.endTag(begun)
    writer.int8(6)
    const reader = new Reader(Buffer.concat(writer.takeChunks()))
    expect(reader.int8()).toBe(5)
    expect(reader.tag(-1)).toBe(1)
    const end = reader.tagEnd()
    expect(reader.view(size).equals(Buffer.alloc(size, 'x'))).toBe(true)
    reader.expectTagEnd(end)
    expect(reader.int8()).toBe(6)
    reader.expectEnd()
  }
})

test('tagged fields may stand in tagged fields', () => {
  const writer = new Writer()
  const outer = writer.beginTag(0)
  writer.int8(1)
  const inner = writer.beginTag(300)
  writer.raw(Buffer.alloc(200))
  writer.endTag(inner)
  writer.endTag(outer)
  const reader = new Reader(Buffer.concat(writer.takeChunks()))
  expect(reader.tag(-1)).toBe(0)
  const outerEnd = reader.tagEnd()
  expect(reader.int8()).toBe(1)
  expect(reader.tag(-1)).toBe(300)
  const innerEnd = reader.tagEnd()
  reader.view(200)
  reader.expectTagEnd(innerEnd)
  reader.expectTagEnd(outerEnd)
  reader.expectEnd()
})

test('strings of every length read back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400, size: 'max' }), text => {
      const writer = new Writer(8)
      writer.string(text)
      writer.compactString(text)
      const reader = new Reader(Buffer.concat(writer.takeChunks()))
      expect(reader.string()).toBe(text)
      expect(reader.compactString()).toBe(text)
      reader.expectEnd()
    })
  )
})

test('what the type cannot hold is a bug of ours', () => {
  const writer = new Writer()
  const wrong: ReadonlyArray<() => void> = [
    () => writer.int8(128),
    () => writer.int16(1.5),
    () => writer.uint16(-1),
    () => writer.int32(2 ** 31),
    () => writer.int32(Number.NaN),
    () => writer.int64(2 ** 53),
    () => writer.int64(Number.NaN),
    () => writer.exactInt64(2n ** 63n),
    () => writer.uvarint(-1),
    () => writer.varlong(0.5),
    () => writer.string(null),
    () => writer.compactString(null),
    () => writer.bytes(null),
    () => writer.compactBytes(null),
    () => writer.arrayLength(-1),
    () => writer.compactArrayLength(-1),
    () => writer.string('x'.repeat(32_768)),
    () => writer.uuid('short'),
    () => writer.uuid('********************/+')
  ]
  for (const write of wrong) expect(write, String(write)).toThrow(AssertionError)
  expect(writer.size).toBe(0)
})

test('a frame is taken when it is complete', () => {
  const writer = new Writer()
  writer.beginFrame()
  expect(() => writer.takeChunks()).toThrow(AssertionError)
  expect(() => writer.beginFrame()).toThrow(AssertionError)
})
