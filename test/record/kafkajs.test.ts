import { createRequire } from 'node:module'
import * as fc from 'fast-check'
import snappyjs from 'snappyjs'
import { beforeAll, describe, expect, test } from 'vitest'
import * as batch from '../../src/record/batch.ts'
import { codecOf, decompress } from '../../src/record/compression.ts'
import { endTxnMarker } from '../../src/record/control.ts'
import { buildBatch, readRecords, type BatchOptions } from '../../src/record/records.ts'
import { validateProduced } from '../../src/record/validate.ts'
import { batchOptions } from './arbitraries.ts'

// kafkajs' own encoder and decoder, which no test of ours has written.

interface KafkajsRecord {
  readonly timestamp: string
  readonly offset: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer | readonly Buffer[]>>
  readonly isControlRecord: boolean
}

interface KafkajsBatch {
  readonly firstOffset: string
  readonly maxTimestamp: string
  readonly lastOffsetDelta: number
  readonly producerId: string
  readonly producerEpoch: number
  readonly inTransaction: boolean
  readonly records: readonly KafkajsRecord[]
}

interface KafkajsCodec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>
  decompress(bytes: Buffer): Promise<Buffer>
}

interface Kafkajs {
  readonly Decoder: new (bytes: Buffer) => object
  readonly decodeBatch: (decoder: object) => Promise<KafkajsBatch>
  readonly encodeBatch: (batch: object) => Promise<{ readonly buffer: Buffer }>
  readonly encodeRecord: (record: object) => object
  readonly Codecs: Record<number, () => KafkajsCodec>
}

const require = createRequire(import.meta.url)
const kafkajs: Kafkajs = {
  Decoder: require('kafkajs/src/protocol/decoder'),
  decodeBatch: require('kafkajs/src/protocol/recordBatch/v0/decoder'),
  encodeBatch: require('kafkajs/src/protocol/recordBatch/v0').RecordBatch,
  encodeRecord: require('kafkajs/src/protocol/recordBatch/record/v0'),
  Codecs: require('kafkajs/src/protocol/message/compression').Codecs
}

beforeAll(() => {
  // kafkajs asks its users for these. What it sends is packed as the common snappy package for it
  // does that: one raw block, without the framing of snappy-java.
  for (const compression of ['snappy', 'lz4', 'zstd'] as const) {
    const codec: KafkajsCodec = {
      compress: async ({ buffer }) =>
        compression === 'snappy'
          ? snappyjs.compress(buffer)
          : codecOf(compression).compress(buffer),
      decompress: async bytes => {
        const unpacked = decompress(compression, bytes, 1e9)
        if (!unpacked.ok) throw new Error(unpacked.error)
        return unpacked.value
      }
    }
    kafkajs.Codecs[batch.compressions.indexOf(compression)] = () => codec
  }
})

/** Header keys that mean nothing to the plain objects in which kafkajs collects them. */
function withHarmlessKeys(options: BatchOptions): BatchOptions {
  const records = options.records.map(record => ({
    ...record,
    headers: record.headers!.map(({ key, value }) => ({ key: `h:${key}`, value }))
  }))
  return { ...options, records }
}

test('kafkajs reads what we build', async () => {
  await fc.assert(
    fc.asyncProperty(batchOptions.map(withHarmlessKeys), async options => {
      const built = buildBatch(options)
      const decoded = await kafkajs.decodeBatch(new kafkajs.Decoder(built))
      expect(decoded.firstOffset).toBe(`${options.baseOffset ?? 0}`)
      expect(decoded.maxTimestamp).toBe(`${batch.maxTimestampMs(built, 0)}`)
      expect(decoded.lastOffsetDelta).toBe(options.records.length - 1)
      expect(decoded.producerId).toBe(`${options.producerId ?? -1}`)
      expect(decoded.producerEpoch).toBe(options.producerEpoch ?? -1)
      expect(decoded.inTransaction).toBe(options.isTransactional ?? false)
      expect(decoded.records).toHaveLength(options.records.length)
      for (const [index, record] of options.records.entries()) {
        expect(decoded.records[index]).toMatchObject({
          offset: `${(options.baseOffset ?? 0) + index}`,
          timestamp: `${record.timestampMs}`,
          key: record.key,
          value: record.value,
          isControlRecord: options.isControl ?? false
        })
        const headers = decoded.records[index]!.headers
        expect(Object.values(headers).flat()).toHaveLength(record.headers!.length)
        for (const { key } of record.headers!) expect(headers).toHaveProperty([key])
      }
    })
  )
})

test('kafkajs knows our marker for what it is', async () => {
  for (const result of ['commit', 'abort'] as const) {
    const marker = endTxnMarker({
      result,
      coordinatorEpoch: 1,
      producerId: 9,
      producerEpoch: 2,
      timestampMs: 5
    })
    const decoded = await kafkajs.decodeBatch(new kafkajs.Decoder(marker))
    const [record] = decoded.records
    expect(record?.isControlRecord).toBe(true)
    // What kafkajs compares with before it drops the records of an aborted transaction.
    const isAbort = record?.key?.equals(Buffer.from([0, 0, 0, 0]))
    expect(isAbort).toBe(result === 'abort')
  }
})

function bytes(maxLength: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ maxLength }).map(array => Buffer.from(array))
}

describe('we read what kafkajs builds', () => {
  const message = fc.record({
    key: fc.option(bytes(40), { nil: null }),
    value: fc.option(bytes(200), { nil: null }),
    timestamp: fc.integer({ min: 1_600_000_000_000, max: 1_600_000_100_000 }),
    headers: fc.dictionary(
      fc.string({ maxLength: 10, unit: 'grapheme-ascii' }).map(key => `h:${key}`),
      bytes(20),
      { maxKeys: 3, noNullPrototype: true }
    )
  })
  const rules = {
    maxMessageBytes: 1_048_588,
    compactedTopic: false,
    timestampType: 'CreateTime',
    timestampBeforeMaxMs: 2 ** 63,
    timestampAfterMaxMs: 3_600_000,
    produceVersion: 7,
    nowMs: 1_600_000_100_000
  } as const

  test.each([0, 1, 2, 3, 4])('with codec %i', async compression => {
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 8 }), async messages => {
        const first = messages[0]!.timestamp
        const { buffer } = await kafkajs.encodeBatch({
          compression,
          firstTimestamp: first,
          // As kafkajs' producer does it: the last, which need not be the largest.
          maxTimestamp: messages.at(-1)!.timestamp,
          lastOffsetDelta: messages.length - 1,
          records: messages.map(({ timestamp, ...fields }, offsetDelta) =>
            kafkajs.encodeRecord({ ...fields, offsetDelta, timestampDelta: timestamp - first })
          )
        })
        const largest = Math.max(...messages.map(({ timestamp }) => timestamp))
        const validation = validateProduced(buffer, rules)
        expect(validation).toMatchObject({ ok: true, value: { maxTimestampMs: largest } })
        expect(batch.maxTimestampMs(buffer, 0)).toBe(largest)
        const read = readRecords(buffer, 0)
        if (!read.ok) throw new Error(read.error)
        expect(
          [...read.value].map(({ key, value, timestampMs, headers }) => ({
            key,
            value,
            timestamp: timestampMs,
            headers: Object.fromEntries(headers.map(header => [header.key, header.value]))
          }))
        ).toEqual(messages)
      })
    )
  })
})
