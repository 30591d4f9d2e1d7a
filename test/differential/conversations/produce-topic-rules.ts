import { batchOf, rawBatch, recordTimeMs, type TextRecord } from '../batches.ts'
import type { Conversation, Speaker, Talk } from '../talk.ts'
import { produceTo, readAll } from './produce.ts'

const farFutureMs = 4_102_444_800_000
const dayMs = 86_400_000

/** What each topic is told and sent. */
interface Rules {
  readonly suffix: string
  readonly configs: Readonly<Record<string, string>>
  readonly batches: Readonly<Record<string, Buffer>>
}

const keyed = (...keys: readonly (string | null)[]): TextRecord[] =>
  keys.map(key => ({ key, value: `of ${key}` }))
const timed = (...times: readonly number[]): Buffer =>
  batchOf(times.map(timestampMs => ({ value: String(timestampMs), timestampMs })))

const noise = Array.from({ length: 6 }, (_, index) => ({
  key: `key ${index}`,
  value: `value ${index} `.repeat(4)
}))
const packings = {
  plain: batchOf(noise),
  gzip: batchOf(noise, { compression: 'gzip' }),
  snappy: batchOf(noise, { compression: 'snappy' }),
  'one plain record': batchOf(['x']),
  'one record in gzip': batchOf(['x'], { compression: 'gzip' })
}

/** One record, `A`, as a frame of lz4 and of zstd whose only block is stored as it is. */
const oneRecord = Buffer.from([14, 0, 0, 0, 1, 2, 65, 0])
const lz4Frame = Buffer.concat([
  Buffer.from('04224d18604082', 'hex'),
  Buffer.from([oneRecord.length, 0, 0, 0x80]),
  oneRecord,
  Buffer.alloc(4)
])
const zstdFrame = Buffer.concat([
  Buffer.from('28b52ffd20', 'hex'),
  Buffer.from([oneRecord.length, (oneRecord.length << 3) | 1, 0, 0]),
  oneRecord
])
const otherCodecs = {
  lz4: rawBatch(lz4Frame, { recordCount: 1, attributes: 3 }),
  zstd: rawBatch(zstdFrame, { recordCount: 1, attributes: 4 })
}

const topics: readonly Rules[] = [
  {
    suffix: 'small-segments',
    configs: { 'segment.bytes': '1048576', 'max.message.bytes': '3000000' },
    batches: {
      'larger than a segment': batchOf(['x'.repeat(1_500_000)]),
      small: batchOf(['x'])
    }
  },
  {
    suffix: 'compacted',
    configs: { 'cleanup.policy': 'compact' },
    batches: {
      'with keys': batchOf(keyed('a', 'b')),
      'an empty key': batchOf(keyed('')),
      'no key': batchOf(keyed(null)),
      'one without a key': batchOf(keyed('a', null, 'c')),
      'four without a key': batchOf(keyed(null, 'b', null, null, null)),
      'no key, in gzip': batchOf(keyed('a', null), { compression: 'gzip' }),
      'no key and a time far ahead': batchOf([{ value: 'x', timestampMs: farFutureMs }]),
      'no key, then a time far ahead': batchOf([
        { value: 'x' },
        { key: 'k', value: 'x', timestampMs: farFutureMs }
      ]),
      'a tombstone': batchOf([{ key: 'a', value: null }])
    }
  },
  {
    suffix: 'compacted-and-deleted',
    configs: { 'cleanup.policy': 'compact,delete' },
    batches: { 'with a key': batchOf(keyed('a')), 'no key': batchOf(keyed(null)) }
  },
  {
    suffix: 'append-time',
    configs: { 'message.timestamp.type': 'LogAppendTime' },
    batches: {
      'a time long ago': timed(recordTimeMs),
      'times of all kinds': timed(0, farFutureMs, -1),
      'in gzip': batchOf(['x', 'y'], { compression: 'gzip' }),
      'in snappy': batchOf(['x', 'y'], { compression: 'snappy' }),
      'with the bit set': batchOf(['x'], { isLogAppendTime: true })
    }
  },
  {
    suffix: 'times',
    configs: {
      'message.timestamp.before.max.ms': String(10 * dayMs),
      'message.timestamp.after.max.ms': String(365 * 100 * dayMs)
    },
    batches: {
      'long ago': timed(recordTimeMs),
      'far ahead': timed(farFutureMs),
      none: timed(-1),
      zero: timed(0),
      'one of three long ago': timed(farFutureMs, recordTimeMs, farFutureMs),
      'long ago, in gzip': batchOf(['x'], { compression: 'gzip' }),
      'the largest time': timed(2 ** 53 - 1),
      'far ahead, then less': timed(farFutureMs + 10, farFutureMs)
    }
  },
  {
    suffix: 'small',
    configs: { 'max.message.bytes': '100' },
    batches: {
      '99 bytes': batchOf(['x'.repeat(31)]),
      '100 bytes': batchOf(['x'.repeat(32)]),
      '101 bytes': batchOf(['x'.repeat(33)]),
      '1000 bytes': batchOf(['x'.repeat(932)]),
      'much in gzip': batchOf(['x'.repeat(2_000)], { compression: 'gzip' }),
      'much in snappy': batchOf(['xyz'.repeat(2_000)], { compression: 'snappy' })
    }
  },
  ...['gzip', 'snappy', 'lz4', 'zstd', 'uncompressed', 'producer'].map(compression => ({
    suffix: `compression-${compression}`,
    configs: { 'compression.type': compression },
    batches: packings
  })),
  { suffix: 'other-codecs', configs: {}, batches: otherCodecs },
  { suffix: 'gzip-of-codecs', configs: { 'compression.type': 'gzip' }, batches: otherCodecs },
  {
    suffix: 'small-gzip',
    configs: { 'max.message.bytes': '200', 'compression.type': 'uncompressed' },
    batches: { 'much in gzip': batchOf(['x'.repeat(2_000)], { compression: 'gzip' }) }
  }
]

export const produceTopicRules: Conversation = {
  name: 'produce-topic-rules',
  async run(talk) {
    const client = talk.connect()
    for (const rules of topics) await tryOut(talk, client, rules)
    const topic = await talk.topic('zstd-versions')
    for (const version of [3, 6, 7, 9])
      for (const [name, records] of Object.entries(otherCodecs))
        await client.attempt(
          'Produce',
          version,
          produceTo(topic, records),
          `${name} in old versions`
        )
    for (const version of [4, 9, 10, 13])
      await client.attempt(
        'Fetch',
        version,
        {
          maxWaitMs: 0,
          minBytes: 0,
          topics: [
            {
              topic: topic.name,
              topicId: topic.topicId,
              partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 10_000 }]
            }
          ]
        },
        'zstd for old versions'
      )
  }
}

async function tryOut(talk: Talk, client: Speaker, rules: Rules): Promise<void> {
  const topic = await talk.topic(rules.suffix, { configs: rules.configs })
  for (const [name, records] of Object.entries(rules.batches)) {
    for (const version of rules.suffix.startsWith('compression') ? [9] : [3, 7, 9])
      await client.attempt(
        'Produce',
        version,
        produceTo(topic, records),
        `${rules.suffix}, ${name}`
      )
  }
  await readAll(client, topic, `all of ${rules.suffix}`)
}
