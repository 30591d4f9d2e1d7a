import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as batch from '../../src/record/batch.ts'
import {
  buildBatch,
  readRecords,
  type BatchOptions,
  type NewRecord,
  type Record
} from '../../src/record/records.ts'
import { decompressedSizeMax } from '../../src/limits.ts'
import { batchOptions } from './arbitraries.ts'

function recordsOf(buffer: Buffer, at = 0): readonly Record[] {
  const records = readRecords(buffer, at)
  if (!records.ok) throw new Error(`${records.error}: ${records.detail}`)
  return [...records.value]
}

function refusal(buffer: Buffer): string {
  const records = readRecords(buffer, 0)
  return records.ok ? 'nothing was refused' : records.error
}

/** What `readRecords` should give back for `options`. */
function expected(options: BatchOptions): readonly Record[] {
  return options.records.map((record, index) => {
    const offsetDelta = record.offsetDelta ?? index
    return {
      offset: (options.baseOffset ?? 0) + offsetDelta,
      offsetDelta,
      timestampMs: record.timestampMs ?? options.timestampMs ?? -1,
      key: record.key,
      value: record.value,
      headers: record.headers ?? []
    }
  })
}

test('what is built is read again, packed or not, wherever it lies', () => {
  fc.assert(
    fc.property(batchOptions, fc.nat(40), (options, at) => {
      const built = buildBatch(options)
      const buffer = Buffer.concat([Buffer.alloc(at, 0xff), built, Buffer.alloc(5, 0xff)])
      expect(recordsOf(buffer, at)).toEqual(expected(options))
      expect(batch.batchSize(buffer, at)).toBe(built.length)
      expect(batch.storedCrc(buffer, at)).toBe(batch.computeCrc(buffer, at))
    })
  )
})

test('records without a time get that of the batch, and the largest stands in the header', () => {
  const records: NewRecord[] = [
    { key: null, value: null, timestampMs: 700 },
    { key: null, value: null },
    { key: null, value: null, timestampMs: 900 }
  ]
  const buffer = buildBatch({ records, timestampMs: 800 })
  expect(recordsOf(buffer).map(({ timestampMs }) => timestampMs)).toEqual([700, 800, 900])
  expect(batch.maxTimestampMs(buffer, 0)).toBe(900)
  expect(batch.baseTimestampMs(buffer, 0)).toBe(700)
})

test('with the append time every record has the time of the batch', () => {
  const records = [5, 9].map(timestampMs => ({ key: null, value: null, timestampMs }))
  const buffer = buildBatch({ records })
  batch.stampLogAppendTime(buffer, 0, 1000)
  expect(recordsOf(buffer).map(({ timestampMs }) => timestampMs)).toEqual([1000, 1000])
  const built = buildBatch({ records, isLogAppendTime: true, timestampMs: 1000 })
  expect(recordsOf(built).map(({ timestampMs }) => timestampMs)).toEqual([1000, 1000])
})

test('compaction may leave gaps, a delete horizon, a larger last offset, or no record', () => {
  const gaps = buildBatch({
    baseOffset: 100,
    records: [
      { key: Buffer.from('a'), value: null, timestampMs: 20, offsetDelta: 3 },
      { key: Buffer.from('b'), value: null, timestampMs: 10, offsetDelta: 7 }
    ],
    lastOffsetDelta: 9,
    deleteHorizonMs: 5000
  })
  expect(recordsOf(gaps).map(({ offset, timestampMs }) => [offset, timestampMs])).toEqual([
    [103, 20],
    [107, 10]
  ])
  expect(batch.lastOffset(gaps, 0)).toBe(109)
  expect([batch.hasDeleteHorizon(gaps, 0), batch.baseTimestampMs(gaps, 0)]).toEqual([true, 5000])
  const empty = buildBatch({ records: [], lastOffsetDelta: 9, baseOffset: 100, producerId: 7 })
  expect(recordsOf(empty)).toEqual([])
  expect([batch.lastOffset(empty, 0), batch.recordCount(empty, 0)]).toEqual([109, 0])
})

test('the records can be gone over more than once, and left half way', () => {
  const records = ['a', 'b', 'c'].map(text => ({ key: null, value: Buffer.from(text) }))
  const read = readRecords(buildBatch({ records, compression: 'gzip' }), 0)
  if (!read.ok) throw new Error(read.error)
  for (const record of read.value) if (record.offset === 1) break
  expect([...read.value].map(({ value }) => value?.toString())).toEqual(['a', 'b', 'c'])
})

describe('a batch that is not what it says', () => {
  const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const
  const records = ['a', 'b', 'c'].map(text => ({
    key: Buffer.from(text),
    value: Buffer.from(text.repeat(50))
  }))

  test('has fewer records than its header counts, or more', () => {
    for (const count of [0, 2, 4, 2 ** 31 - 1, -1]) {
      const buffer = buildBatch({ records })
      buffer.writeInt32BE(count, 57)
      expect(refusal(buffer)).toBe('INVALID_RECORD')
    }
  })

  test('names a codec that is not there', () => {
    for (const codec of [5, 6, 7]) {
      const buffer = buildBatch({ records })
      buffer.writeUInt16BE(codec, 21)
      expect(refusal(buffer)).toBe('UNSUPPORTED_COMPRESSION_TYPE')
    }
  })

  test('holds bytes that its codec does not know', () => {
    for (const codec of [1, 2, 3, 4]) {
      const buffer = buildBatch({ records })
      buffer.writeUInt16BE(codec, 21)
      expect(refusal(buffer)).toBe('CORRUPT_MESSAGE')
    }
  })

  test.each(codecs)('unpacks to more than is allowed with %s', compression => {
    const value = Buffer.alloc(decompressedSizeMax)
    expect(refusal(buildBatch({ records: [{ key: null, value }], compression }))).toBe(
      'MESSAGE_TOO_LARGE'
    )
  })

  test('is answered with a value, whatever was done to its bytes', () => {
    const mutation = fc.record({ place: fc.nat(), value: fc.nat(255) })
    fc.assert(
      fc.property(
        batchOptions,
        fc.array(mutation, { maxLength: 8 }),
        fc.nat(),
        (options, all, cut) => {
          const built = buildBatch(options)
          // The size field stays: what is cut off or added shows in the records.
          for (const { place, value } of all) built[12 + (place % (built.length - 12))] = value
          const kept = built.subarray(0, 61 + (cut % (built.length - 60)))
          kept.writeInt32BE(kept.length - 12, 8)
          const read = readRecords(kept, 0)
          if (read.ok) expect([...read.value]).toHaveLength(batch.recordCount(kept, 0))
          else
            expect(read.error).toMatch(/^(INVALID_RECORD|CORRUPT_MESSAGE|UNSUPPORTED|MESSAGE_TOO)/)
        }
      ),
      { numRuns: 1000 }
    )
  })
})
