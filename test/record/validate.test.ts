import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as batch from '../../src/record/batch.ts'
import { buildBatch, readRecords, type BatchOptions } from '../../src/record/records.ts'
import { validateProduced, type BatchRules, type Validation } from '../../src/record/validate.ts'
import { decompressedSizeMax, recordErrorsMax } from '../../src/limits.ts'
import { producedOptions } from './arbitraries.ts'

const nowMs = 1_700_000_000_000
const hourMs = 3_600_000

const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const
const kinds = ['none', ...codecs] as const

const rules: BatchRules = {
  maxMessageBytes: 1024 * 1024 + 12,
  compactedTopic: false,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: 2 ** 63,
  timestampAfterMaxMs: hourMs,
  produceVersion: 9,
  nowMs
}

/** Timestamps anywhere. */
const timeless: BatchRules = { ...rules, timestampAfterMaxMs: 2 ** 63 }

const plain: BatchOptions = {
  records: [
    { key: Buffer.from('k1'), value: Buffer.from('v1'), timestampMs: nowMs - 5 },
    { key: Buffer.from('k2'), value: Buffer.from('v2'), timestampMs: nowMs - 3 },
    { key: null, value: null, timestampMs: nowMs - 4, headers: [{ key: 'h', value: null }] }
  ]
}

function outcome(validation: Validation): string {
  return validation.ok ? 'valid' : validation.error
}

/** A batch with changes to its header, and a checksum that covers them. */
function changed(options: BatchOptions, change: (bytes: Buffer) => void): Buffer {
  const bytes = buildBatch(options)
  change(bytes)
  bytes.writeUInt32BE(batch.computeCrc(bytes, 0), 17)
  return bytes
}

test('what clients build by the rules is valid, and no byte of it is changed', () => {
  fc.assert(
    fc.property(producedOptions, options => {
      const bytes = buildBatch(options)
      const before = Buffer.from(bytes)
      const validation = validateProduced(bytes, timeless)
      expect(validation).toEqual({
        ok: true,
        value: {
          bytes,
          recordCount: options.records.length,
          maxTimestampMs: Math.max(...options.records.map(({ timestampMs }) => timestampMs ?? -1))
        }
      })
      expect(bytes.equals(before)).toBe(true)
    })
  )
})

test('one changed byte behind the magic is refused, or was never covered by the checksum', () => {
  fc.assert(
    fc.property(
      producedOptions,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (options, at, flip) => {
        const bytes = buildBatch(options)
        const place = 17 + (at % (bytes.length - 17))
        bytes[place]! ^= flip
        expect(outcome(validateProduced(bytes, timeless))).toBe('CORRUPT_MESSAGE')
      }
    )
  )
})

test('whatever is done to a batch, also with a checksum to match, is answered with a value', () => {
  const mutation = fc.record({ place: fc.nat(), value: fc.nat(255) })
  const mutations = fc.array(mutation, { maxLength: 6 })
  fc.assert(
    fc.property(producedOptions, mutations, fc.nat(), fc.boolean(), (options, all, cut, mend) => {
      const built = buildBatch(options)
      for (const { place, value } of all) built[place % built.length] = value
      const bytes = built.subarray(0, mend ? built.length : cut % (built.length + 1))
      const size = bytes.length >= 61 ? batch.batchSize(bytes, 0) : 0
      if (mend && size >= 61 && size <= bytes.length)
        bytes.writeUInt32BE(batch.computeCrc(bytes, 0), 17)
      const validation = validateProduced(bytes, rules)
      if (!validation.ok) return
      // What is let in can be read again.
      const read = readRecords(validation.value.bytes, 0)
      if (!read.ok) throw new Error(`${read.error}: ${read.detail}`)
      expect([...read.value]).toHaveLength(validation.value.recordCount)
    }),
    { numRuns: 1000 }
  )
})

describe('the layout', () => {
  const one = buildBatch(plain)

  test('nothing, half a header and half a batch are no batch', () => {
    for (const size of [0, 5, 11, 12, 16, 17, 60, one.length - 1])
      expect(outcome(validateProduced(one.subarray(0, size), rules))).toBe('INVALID_RECORD')
  })

  test('two batches are one too many', () => {
    expect(outcome(validateProduced(Buffer.concat([one, one]), rules))).toBe('INVALID_RECORD')
  })

  test('half a batch behind the first is cut off', () => {
    for (const size of [1, 11, 12, 17, one.length - 1]) {
      const validation = validateProduced(Buffer.concat([one, one.subarray(0, size)]), rules)
      if (!validation.ok) throw new Error(validation.error)
      expect(validation.value.bytes.equals(one)).toBe(true)
    }
  })

  test('bytes behind the first that cannot begin a batch are corrupt', () => {
    for (const behind of [Buffer.alloc(12), Buffer.from(one.subarray(0, 30))]) {
      if (behind.length > 12) behind[16] = 3
      expect(outcome(validateProduced(Buffer.concat([one, behind]), rules))).toBe('CORRUPT_MESSAGE')
    }
  })

  test('sizes that no batch has are corrupt', () => {
    for (const length of [-(2 ** 31), -1, 0, 13, 14, 48]) {
      const bytes = Buffer.from(one)
      bytes.writeInt32BE(length, 8)
      expect(outcome(validateProduced(bytes, rules)), `${length}`).toBe('CORRUPT_MESSAGE')
    }
  })

  test('older message formats are refused by the version of the request', () => {
    for (const magic of [0, 1]) {
      const bytes = Buffer.from(one)
      bytes[16] = magic
      expect(outcome(validateProduced(bytes, rules))).toBe('INVALID_RECORD')
      expect(outcome(validateProduced(bytes, { ...rules, produceVersion: 2 }))).toBe(
        'UNSUPPORTED_FOR_MESSAGE_FORMAT'
      )
    }
  })

  test('formats that do not exist are corrupt', () => {
    for (const magic of [3, 127, 128, 255]) {
      const bytes = Buffer.from(one)
      bytes[16] = magic
      expect(outcome(validateProduced(bytes, rules))).toBe('CORRUPT_MESSAGE')
    }
  })
})

describe('the header', () => {
  test.each<[string, (bytes: Buffer) => void]>([
    ['a base offset', bytes => bytes.writeBigInt64BE(1n, 0)],
    ['a base offset that only shows beyond the exact numbers', bytes => bytes.writeUInt8(1, 7)],
    ['no records', bytes => bytes.writeInt32BE(0, 57)],
    ['fewer than no records', bytes => bytes.writeInt32BE(-1, 57)],
    ['more records than offsets', bytes => bytes.writeInt32BE(4, 57)],
    ['more offsets than records', bytes => bytes.writeInt32BE(3, 23)],
    ['offsets that go back', bytes => bytes.writeInt32BE(-2, 23)],
    [
      'as many records as there are numbers',
      bytes => {
        bytes.writeInt32BE(2 ** 31 - 1, 57)
        bytes.writeInt32BE(2 ** 31 - 2, 23)
      }
    ],
    ['control records', bytes => bytes.writeUInt16BE(0x20, 21)],
    ['a producer id without a sequence', bytes => bytes.writeBigInt64BE(5n, 43)],
    [
      'a producer id beyond the exact numbers',
      bytes => {
        bytes.writeBigInt64BE(2n ** 53n, 43)
        bytes.writeInt32BE(0, 53)
      }
    ]
  ])('with %s is INVALID_RECORD', (_, change) => {
    expect(outcome(validateProduced(changed(plain, change), rules))).toBe('INVALID_RECORD')
  })

  test('of kafkajs, with epoch and sequence 0 but no producer id, is valid', () => {
    const options = { ...plain, producerId: -1, producerEpoch: 0, baseSequence: 0 }
    expect(outcome(validateProduced(buildBatch(options), rules))).toBe('valid')
  })

  test('a batch as large as the topic allows is valid, a byte more is MESSAGE_TOO_LARGE', () => {
    const bytes = buildBatch(plain)
    const allowed = { ...rules, maxMessageBytes: bytes.length }
    expect(outcome(validateProduced(bytes, allowed))).toBe('valid')
    const tooMany = { ...rules, maxMessageBytes: bytes.length - 1 }
    expect(outcome(validateProduced(bytes, tooMany))).toBe('MESSAGE_TOO_LARGE')
  })

  test('the size comes before the checksum, as in Kafka', () => {
    const bytes = buildBatch(plain)
    bytes[bytes.length - 1]! ^= 1
    expect(outcome(validateProduced(bytes, rules))).toBe('CORRUPT_MESSAGE')
    expect(outcome(validateProduced(bytes, { ...rules, maxMessageBytes: 10 }))).toBe(
      'MESSAGE_TOO_LARGE'
    )
  })
})

describe('compressed batches', () => {
  const { records } = plain

  /** A batch whose records are packed by the test. */
  function packed(codec: number, payload: Buffer, count = records.length): Buffer {
    const bytes = Buffer.concat([buildBatch({ records }).subarray(0, 61), payload])
    bytes.writeInt32BE(bytes.length - 12, 8)
    bytes.writeUInt16BE(codec, 21)
    bytes.writeInt32BE(count, 57)
    bytes.writeInt32BE(count - 1, 23)
    bytes.writeUInt32BE(batch.computeCrc(bytes, 0), 17)
    return bytes
  }

  test('of zstd need Produce 7', () => {
    const bytes = buildBatch({ records, compression: 'zstd' })
    expect(outcome(validateProduced(bytes, rules))).toBe('valid')
    expect(outcome(validateProduced(bytes, { ...rules, produceVersion: 7 }))).toBe('valid')
    expect(outcome(validateProduced(bytes, { ...rules, produceVersion: 6 }))).toBe(
      'UNSUPPORTED_COMPRESSION_TYPE'
    )
  })

  test('of codecs that Kafka does not have are refused', () => {
    for (const codec of [5, 6, 7])
      expect(outcome(validateProduced(packed(codec, Buffer.from('x')), rules))).toBe(
        'UNSUPPORTED_COMPRESSION_TYPE'
      )
  })

  test('that cannot be unpacked are INVALID_RECORD: sending them again would not help', () => {
    for (const codec of [1, 2, 3, 4])
      expect(outcome(validateProduced(packed(codec, Buffer.from('rubbish')), rules))).toBe(
        'INVALID_RECORD'
      )
  })

  test('that hang snappyjs are refused', () => {
    const bytes = packed(2, Buffer.from('01fc00000080', 'hex'))
    expect(outcome(validateProduced(bytes, rules))).toBe('INVALID_RECORD')
  })

  test('that unpack to too much are MESSAGE_TOO_LARGE, which makes producers split them', () => {
    const bomb = gzipSync(Buffer.alloc(decompressedSizeMax + 1))
    expect(outcome(validateProduced(packed(1, bomb), rules))).toBe('MESSAGE_TOO_LARGE')
  })

  test.each(codecs)('of %s are looked at record by record', compression => {
    const compacted = { ...rules, compactedTopic: true }
    const validation = validateProduced(buildBatch({ records, compression }), compacted)
    expect(validation).toMatchObject({
      ok: false,
      error: 'INVALID_RECORD',
      recordErrors: [{ batchIndex: 2 }]
    })
  })

  test('with fewer or more records than the header counts are INVALID_RECORD', () => {
    const payload = gzipSync(buildBatch({ records }).subarray(61))
    expect(outcome(validateProduced(packed(1, payload, 3), rules))).toBe('valid')
    for (const count of [2, 4])
      expect(outcome(validateProduced(packed(1, payload, count), rules))).toBe('INVALID_RECORD')
  })
})

describe('a topic with a compression of its own', () => {
  test.each(kinds.flatMap(from => kinds.map(to => ({ from, to }))))(
    'gets what was packed with $from packed with $to',
    ({ from, to }) => {
      const options = { ...plain, producerId: 5, producerEpoch: 1, baseSequence: 8 }
      const sent = buildBatch({ ...options, isTransactional: true, compression: from })
      const before = Buffer.from(sent)
      const compressionType = to === 'none' ? 'uncompressed' : to
      const validation = validateProduced(sent, { ...rules, compressionType })
      if (!validation.ok) throw new Error(`${validation.error}: ${validation.detail}`)
      const { bytes } = validation.value
      expect(bytes).toEqual(buildBatch({ ...options, isTransactional: true, compression: to }))
      expect(sent.equals(before)).toBe(true)
      expect(bytes === sent).toBe(from === to)
    }
  )

  test('gets its own timestamps as well', () => {
    const options = { records: plain.records, compression: 'gzip' } as const
    const sent = changed(options, bytes => bytes.writeBigInt64BE(0n, 35))
    const validation = validateProduced(sent, { ...rules, compressionType: 'uncompressed' })
    if (!validation.ok) throw new Error(validation.error)
    expect(validation.value.bytes).toEqual(buildBatch({ records: plain.records }))
  })

  test('of the producer keeps what was sent', () => {
    for (const compression of kinds) {
      const sent = buildBatch({ ...plain, compression })
      const validation = validateProduced(sent, { ...rules, compressionType: 'producer' })
      if (!validation.ok) throw new Error(validation.error)
      expect(validation.value.bytes).toBe(sent)
    }
  })

  test.each([
    ['gzip', 1, 9],
    ['zstd', -50, 19]
  ] as const)('may have a level of its own for %s: %i and %i', (compressionType, low, high) => {
    const values = Array.from({ length: 300 }, (_, n) => `{"n":${n},"text":"${(n * n) % 977}"}`)
    const sent = buildBatch({
      records: values.map(text => ({ key: null, value: Buffer.from(text) }))
    })
    const sizes = [low, high].map(level => {
      const compressionLevels = { [compressionType]: level }
      const validation = validateProduced(sent, { ...rules, compressionType, compressionLevels })
      if (!validation.ok) throw new Error(validation.error)
      const read = readRecords(validation.value.bytes, 0)
      if (!read.ok) throw new Error(read.error)
      expect([...read.value].map(({ value }) => value?.toString())).toEqual(values)
      return validation.value.bytes.length
    })
    expect(sizes[1]).toBeLessThan(sizes[0]!)
  })

  test('refuses a batch that is too large only once it is packed its way', () => {
    const value = Buffer.alloc(5000)
    const sent = buildBatch({ records: [{ key: null, value }], compression: 'gzip' })
    const small = { ...rules, maxMessageBytes: 1000 }
    expect(outcome(validateProduced(sent, small))).toBe('valid')
    const unpacked = { ...small, compressionType: 'uncompressed' }
    expect(outcome(validateProduced(sent, unpacked))).toBe('MESSAGE_TOO_LARGE')
  })
})

describe('the records', () => {
  test.each(kinds)('whose offsets do not count up from 0 are INVALID_RECORD (%s)', compression => {
    for (const deltas of [
      [0, 2, 2],
      [1, 1, 2],
      [0, 1, 3],
      [0, 0, 2],
      [-1, 1, 2]
    ]) {
      const records = deltas.map(offsetDelta => ({ key: null, value: null, offsetDelta }))
      const bytes = buildBatch({ records, compression, lastOffsetDelta: 2 })
      expect(outcome(validateProduced(bytes, rules))).toBe('INVALID_RECORD')
    }
  })

  test('without a key in a compacted topic are named one by one, with what Kafka says', () => {
    const records = ['a', null, 'b', null].map(key => ({
      key: key === null ? null : Buffer.from(key),
      value: null
    }))
    const compacted = { ...rules, compactedTopic: true, topicPartition: 'orders-3' }
    const message = 'Compacted topic cannot accept message without key in topic partition orders-3'
    expect(validateProduced(buildBatch({ records }), compacted)).toEqual({
      ok: false,
      error: 'INVALID_RECORD',
      detail:
        'One or more records have been rejected due to 2 record errors in total, ' +
        'and only showing the first three errors at most: ' +
        `[RecordError(batchIndex=1, message='${message}'), ` +
        `RecordError(batchIndex=3, message='${message}')]`,
      recordErrors: [
        { batchIndex: 1, message },
        { batchIndex: 3, message }
      ]
    })
  })

  test('with an empty key are good for a compacted topic', () => {
    const records = [{ key: Buffer.alloc(0), value: null }]
    const compacted = { ...rules, compactedTopic: true }
    expect(outcome(validateProduced(buildBatch({ records }), compacted))).toBe('valid')
  })

  test('at fault are named up to a bound, and counted beyond', () => {
    const count = recordErrorsMax + 50
    const records = Array.from({ length: count }, () => ({ key: null, value: null }))
    const compacted = { ...rules, compactedTopic: true }
    const validation = validateProduced(buildBatch({ records }), compacted)
    if (validation.ok) throw new Error('nothing was refused')
    expect(validation.recordErrors).toHaveLength(recordErrorsMax)
    expect(validation.detail).toContain(`due to ${count} record errors`)
  })

  test('that are malformed are INVALID_RECORD, whatever else is wrong with them', () => {
    const bytes = changed({ records: [{ key: null, value: null }] }, built => {
      built[61] = 200
    })
    const validation = validateProduced(bytes, { ...rules, compactedTopic: true })
    expect(validation).toMatchObject({ ok: false, error: 'INVALID_RECORD', recordErrors: [] })
  })
})

function withTimes(...times: readonly number[]): Buffer {
  return buildBatch({
    records: times.map(timestampMs => ({ key: null, value: null, timestampMs }))
  })
}

/** A batch with the bit that says that the broker set its time. */
function stamped(timestampMs: number): Buffer {
  const bytes = withTimes(nowMs - 7, nowMs - 8)
  batch.stampLogAppendTime(bytes, 0, timestampMs)
  return bytes
}

describe('timestamps', () => {
  const narrow: BatchRules = { ...rules, timestampBeforeMaxMs: 1000, timestampAfterMaxMs: 100 }

  test('at the ends of the range are valid, a millisecond beyond is not', () => {
    expect(outcome(validateProduced(withTimes(nowMs - 1000, nowMs + 100), narrow))).toBe('valid')
    for (const times of [[nowMs - 1001], [nowMs + 101]])
      expect(outcome(validateProduced(withTimes(...times), narrow))).toBe('INVALID_TIMESTAMP')
  })

  test('out of range are named one by one, with what Kafka says', () => {
    const validation = validateProduced(withTimes(nowMs, nowMs + 101, nowMs - 2000), narrow)
    const range = `[${nowMs - 1000}, ${nowMs + 100}]`
    const because = (time: number, offset: number): string =>
      `Timestamp ${time} of message with offset ${offset} is out of range. ` +
      `The timestamp should be within ${range}`
    expect(validation).toEqual({
      ok: false,
      error: 'INVALID_TIMESTAMP',
      detail: 'One or more records have been rejected due to invalid timestamp',
      recordErrors: [
        { batchIndex: 1, message: because(nowMs + 101, 1) },
        { batchIndex: 2, message: because(nowMs - 2000, 2) }
      ]
    })
  })

  test('weigh more than missing keys when both are at fault', () => {
    const validation = validateProduced(
      buildBatch({
        records: [
          { key: null, value: null, timestampMs: nowMs },
          { key: Buffer.from('k'), value: null, timestampMs: 0 }
        ]
      }),
      { ...narrow, compactedTopic: true }
    )
    expect(validation).toMatchObject({ ok: false, error: 'INVALID_TIMESTAMP' })
    if (!validation.ok) expect(validation.recordErrors).toHaveLength(2)
  })

  test('that are missing are never out of range', () => {
    expect(outcome(validateProduced(withTimes(-1), narrow))).toBe('valid')
  })

  test('far in the past are valid where the topic does not bound them, as in Kafka', () => {
    expect(outcome(validateProduced(withTimes(0, -100), rules))).toBe('valid')
  })

  test('beyond the exact numbers are out of range', () => {
    const far = changed({ records: [{ key: null, value: null, timestampMs: 0 }] }, bytes => {
      bytes.writeBigInt64BE(2n ** 62n, 27)
    })
    expect(outcome(validateProduced(far, timeless))).toBe('INVALID_TIMESTAMP')
  })

  test('do not matter where the topic has its own', () => {
    const own: BatchRules = { ...narrow, timestampType: 'LogAppendTime' }
    const bytes = withTimes(0, nowMs + 10 * hourMs)
    const before = Buffer.from(bytes)
    expect(outcome(validateProduced(bytes, own))).toBe('valid')
    expect(bytes.equals(before)).toBe(true)
  })

  test.each(kinds)('in a header that does not know the largest are put right (%s)', compression => {
    const records = [nowMs - 5, nowMs - 3, nowMs - 4].map(timestampMs => ({
      key: null,
      value: null,
      timestampMs
    }))
    const right = buildBatch({ records, compression })
    // kafkajs writes the last one.
    const wrong = changed({ records, compression }, bytes =>
      bytes.writeBigInt64BE(BigInt(nowMs - 4), 35)
    )
    expect(wrong.equals(right)).toBe(false)
    expect(validateProduced(wrong, rules)).toMatchObject({
      ok: true,
      value: { maxTimestampMs: nowMs - 3 }
    })
    expect(wrong.equals(right)).toBe(true)
  })

  test('below -1 count as none in the header, as in Kafka', () => {
    const bytes = withTimes(-100)
    bytes.writeBigInt64BE(-100n, 35)
    bytes.writeUInt32BE(batch.computeCrc(bytes, 0), 17)
    expect(outcome(validateProduced(bytes, rules))).toBe('valid')
    expect(batch.maxTimestampMs(bytes, 0)).toBe(-1)
  })

  describe('of the type that only the broker may set', () => {
    test('are refused where the topic has its own', () => {
      const own: BatchRules = { ...rules, timestampType: 'LogAppendTime' }
      const validation = validateProduced(stamped(nowMs), own)
      expect(validation).toMatchObject({ ok: false, error: 'INVALID_TIMESTAMP' })
      if (!validation.ok) expect(validation.recordErrors).toHaveLength(2)
    })

    test('lose the type where the producer sets them, as in Kafka', () => {
      const bytes = stamped(nowMs - 1)
      expect(validateProduced(bytes, rules)).toMatchObject({
        ok: true,
        value: { maxTimestampMs: nowMs - 1 }
      })
      expect(batch.isLogAppendTime(bytes, 0)).toBe(false)
      expect(batch.storedCrc(bytes, 0)).toBe(batch.computeCrc(bytes, 0))
    })

    test('are refused when there is no time', () => {
      expect(outcome(validateProduced(stamped(-1), rules))).toBe('INVALID_TIMESTAMP')
    })
  })
})
