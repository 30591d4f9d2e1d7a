import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import * as batch from '../../src/record/batch.ts'
import { buildBatch } from '../../src/record/records.ts'
import { batchOptions } from './arbitraries.ts'

const fields = fc.record({
  baseOffset: fc.maxSafeInteger(),
  partitionLeaderEpoch: fc.integer({ min: -1 }),
  attributes: fc.integer({ min: 0, max: 0xffff }),
  lastOffsetDelta: fc.integer(),
  baseTimestampMs: fc.maxSafeInteger(),
  maxTimestampMs: fc.maxSafeInteger(),
  producerId: fc.maxSafeInteger(),
  producerEpoch: fc.integer({ min: -32_768, max: 32_767 }),
  baseSequence: fc.integer({ min: -1 }),
  recordCount: fc.integer()
})

test('every field is where Kafka has it', () => {
  fc.assert(
    fc.property(fields, fc.nat(50), (header, at) => {
      const alone = Buffer.alloc(batch.batchHeaderSize + 9)
      batch.writeHeader(alone, header)
      const buffer = Buffer.concat([Buffer.alloc(at, 0xff), alone, Buffer.alloc(7, 0xff)])
      expect(batch.baseOffset(buffer, at)).toBe(Number(buffer.readBigInt64BE(at)))
      expect(batch.batchSize(buffer, at)).toBe(12 + buffer.readInt32BE(at + 8))
      expect(batch.partitionLeaderEpoch(buffer, at)).toBe(buffer.readInt32BE(at + 12))
      expect(batch.magic(buffer, at)).toBe(buffer.readInt8(at + 16))
      expect(batch.storedCrc(buffer, at)).toBe(buffer.readUInt32BE(at + 17))
      expect(batch.attributes(buffer, at)).toBe(buffer.readUInt16BE(at + 21))
      expect(batch.lastOffsetDelta(buffer, at)).toBe(buffer.readInt32BE(at + 23))
      expect(batch.baseTimestampMs(buffer, at)).toBe(Number(buffer.readBigInt64BE(at + 27)))
      expect(batch.maxTimestampMs(buffer, at)).toBe(Number(buffer.readBigInt64BE(at + 35)))
      expect(batch.producerId(buffer, at)).toBe(Number(buffer.readBigInt64BE(at + 43)))
      expect(batch.producerEpoch(buffer, at)).toBe(buffer.readInt16BE(at + 51))
      expect(batch.baseSequence(buffer, at)).toBe(buffer.readInt32BE(at + 53))
      expect(batch.recordCount(buffer, at)).toBe(buffer.readInt32BE(at + 57))
      expect(batch.computeCrc(buffer, at)).toBe(batch.storedCrc(buffer, at))
    })
  )
})

test('a header says what was written into it', () => {
  fc.assert(
    fc.property(fields, header => {
      const buffer = Buffer.alloc(batch.batchHeaderSize)
      batch.writeHeader(buffer, header)
      const back = {
        baseOffset: batch.baseOffset(buffer, 0),
        partitionLeaderEpoch: batch.partitionLeaderEpoch(buffer, 0),
        attributes: batch.attributes(buffer, 0),
        lastOffsetDelta: batch.lastOffsetDelta(buffer, 0),
        baseTimestampMs: batch.baseTimestampMs(buffer, 0),
        maxTimestampMs: batch.maxTimestampMs(buffer, 0),
        producerId: batch.producerId(buffer, 0),
        producerEpoch: batch.producerEpoch(buffer, 0),
        baseSequence: batch.baseSequence(buffer, 0),
        recordCount: batch.recordCount(buffer, 0)
      }
      expect(back).toEqual(header)
      expect([batch.magic(buffer, 0), batch.batchSize(buffer, 0)]).toEqual([2, 61])
    })
  )
})

test('the attributes name codec, timestamp type, transaction, control and delete horizon', () => {
  const buffer = buildBatch({ records: [{ key: null, value: null }] })
  const seen = (): unknown[] => [
    batch.compression(buffer, 0),
    batch.isLogAppendTime(buffer, 0),
    batch.isTransactional(buffer, 0),
    batch.isControl(buffer, 0),
    batch.hasDeleteHorizon(buffer, 0)
  ]
  const set = (attributes: number): void => void buffer.writeUInt16BE(attributes, 21)
  expect(seen()).toEqual(['none', false, false, false, false])
  set(0x01 | 0x08)
  expect(seen()).toEqual(['gzip', true, false, false, false])
  set(0x02 | 0x10)
  expect(seen()).toEqual(['snappy', false, true, false, false])
  set(0x03 | 0x20)
  expect(seen()).toEqual(['lz4', false, false, true, false])
  set(0x04 | 0x40)
  expect(seen()).toEqual(['zstd', false, false, false, true])
  for (const unknown of [5, 6, 7]) {
    set(unknown)
    expect(batch.compression(buffer, 0)).toBeNull()
  }
})

test('last offset and last sequence follow from the first, and sequences wrap to 0', () => {
  const records = Array.from({ length: 10 }, () => ({ key: null, value: null }))
  const buffer = buildBatch({ records, baseOffset: 2 ** 40, baseSequence: 2 ** 31 - 4 })
  expect(batch.lastOffset(buffer, 0)).toBe(2 ** 40 + 9)
  expect(batch.lastSequence(buffer, 0)).toBe(5)
  expect(batch.lastSequence(buildBatch({ records, baseSequence: 2 ** 31 - 10 }), 0)).toBe(
    2 ** 31 - 1
  )
  expect(batch.lastSequence(buildBatch({ records }), 0)).toBe(-1)
})

test('stamping offsets changes offset and leader epoch, and the checksum stays right', () => {
  fc.assert(
    fc.property(
      batchOptions,
      fc.nat(Number.MAX_SAFE_INTEGER),
      fc.nat(),
      (options, baseOffset, leaderEpoch) => {
        const original = buildBatch(options)
        const stamped = Buffer.from(original)
        batch.stampOffsets(stamped, 0, baseOffset, leaderEpoch)
        expect(batch.baseOffset(stamped, 0)).toBe(baseOffset)
        expect(batch.partitionLeaderEpoch(stamped, 0)).toBe(leaderEpoch)
        expect(stamped.subarray(8, 12).equals(original.subarray(8, 12))).toBe(true)
        expect(stamped.subarray(16).equals(original.subarray(16))).toBe(true)
      }
    )
  )
})

test('stamping the append time sets bit, timestamp and checksum, and nothing else', () => {
  const original = buildBatch({
    records: [{ key: null, value: Buffer.from('v'), timestampMs: 5 }],
    isTransactional: true,
    compression: 'gzip'
  })
  const stamped = Buffer.from(original)
  batch.stampLogAppendTime(stamped, 0, 1_700_000_000_000)
  expect(batch.isLogAppendTime(stamped, 0)).toBe(true)
  expect(batch.isTransactional(stamped, 0)).toBe(true)
  expect(batch.compression(stamped, 0)).toBe('gzip')
  expect(batch.maxTimestampMs(stamped, 0)).toBe(1_700_000_000_000)
  expect(batch.baseTimestampMs(stamped, 0)).toBe(5)
  expect(batch.storedCrc(stamped, 0)).toBe(batch.computeCrc(stamped, 0))
  batch.stampMaxTimestamp(stamped, 0, 5)
  expect(stamped.equals(original)).toBe(true)
})

test('a single changed byte that the checksum covers is found', () => {
  fc.assert(
    fc.property(
      batchOptions,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (options, place, flip) => {
        const bytes = buildBatch(options)
        const covered = 21 + (place % (bytes.length - 21))
        bytes[covered]! ^= flip
        expect(batch.computeCrc(bytes, 0)).not.toBe(batch.storedCrc(bytes, 0))
      }
    )
  )
})

test('batches are found one behind the other, up to one that is cut off', () => {
  fc.assert(
    fc.property(fc.array(batchOptions, { maxLength: 4 }), fc.nat(), (all, cut) => {
      const batches = all.map(options => buildBatch(options))
      const whole = Buffer.concat(batches)
      const starts: number[] = []
      let at = 0
      for (const { length } of batches) {
        starts.push(at)
        at += length
      }
      expect([...batch.batchPositions(whole)]).toEqual(starts)
      const kept = cut % (whole.length + 1)
      const ends = starts.map((start, index) => start + batches[index]!.length)
      const wholeStarts = starts.filter((_, index) => ends[index]! <= kept)
      expect([...batch.batchPositions(whole.subarray(0, kept))]).toEqual(wholeStarts)
    })
  )
})

test('bytes that are no batch end the walk', () => {
  for (const length of [-12, -1, 0, 48, 2 ** 31 - 1, -(2 ** 31)]) {
    const bytes = Buffer.alloc(200)
    bytes.writeInt32BE(length, 8)
    expect([...batch.batchPositions(bytes)]).toEqual([])
  }
})
