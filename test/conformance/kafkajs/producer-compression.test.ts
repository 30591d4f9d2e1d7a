import kafkajs from 'kafkajs'
import type { CompressionTypes, Message } from 'kafkajs'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { useBroker } from '../broker.ts'
import { range } from '../waiting.ts'
import { Clients } from './clients.ts'
import { registerSnappyCodec } from './snappy-codec.ts'

const clients = new Clients(useBroker())

beforeAll(registerSnappyCodec)

const codecs = [
  ['gzip', kafkajs.CompressionTypes.GZIP],
  ['snappy', kafkajs.CompressionTypes.Snappy]
] as const

const messages: Message[] = range(500).map(index => ({
  key: `key-${index % 7}`,
  value: `${index}: ${'all work and no play makes a broker dull; '.repeat(5)}`,
  headers: { index: `${index}` }
}))

for (const [name, compression] of codecs) {
  test(`a batch compressed with ${name} comes back message by message`, async () => {
    const topic = await clients.createTopic()
    const producer = await clients.producer()
    await producer.send({ topic, compression, messages })
    const received = await clients.readTopic(topic, messages.length)
    expect(received.map(({ key, value }) => ({ key, value }))).toEqual(
      messages.map(({ key, value }) => ({ key, value }))
    )
    expect(received.map(({ message }) => String(message.headers?.['index']))).toEqual(
      range(500).map(String)
    )
  })

  test(`a batch compressed with ${name} is kept compressed by the broker`, async () => {
    const topic = await clients.createTopic()
    const producer = await clients.producer()
    const count = countDecompressions(compression)
    await producer.send({ topic, compression, messages })
    await clients.readTopic(topic, messages.length)
    expect(count()).toBe(1)
  })
}

test('batches of every codec stand one after the other in one partition', async () => {
  const topic = await clients.createTopic()
  const producer = await clients.producer()
  const order = [
    kafkajs.CompressionTypes.GZIP,
    kafkajs.CompressionTypes.None,
    kafkajs.CompressionTypes.Snappy,
    kafkajs.CompressionTypes.None,
    kafkajs.CompressionTypes.GZIP
  ]
  for (const [index, compression] of order.entries()) {
    await producer.send({ topic, compression, messages: [{ value: `${index}` }, { value: 'x' }] })
  }
  const received = await clients.readTopic(topic, 10)
  expect(received.filter(({ value }) => value !== 'x').map(({ value }) => value)).toEqual(
    range(5).map(String)
  )
  expect(received.map(({ offset }) => offset)).toEqual(range(10))
})

test('a snappy batch of several xerial blocks (more than 32 KiB) comes back whole', async () => {
  const topic = await clients.createTopic()
  const producer = await clients.producer()
  const value = Buffer.from(range(200_000).map(index => (index * index) % 251))
  await producer.send({
    topic,
    compression: kafkajs.CompressionTypes.Snappy,
    messages: [{ value }]
  })
  const [received] = await clients.readTopic(topic, 1)
  expect(received?.message.value?.equals(value)).toBe(true)
})

test('a batch is measured compressed when its size is checked', async () => {
  const topic = await clients.createTopic()
  const producer = await clients.producer()
  const value = Buffer.alloc(2_000_000, 'compressible')
  await producer.send({ topic, compression: kafkajs.CompressionTypes.GZIP, messages: [{ value }] })
  const [received] = await clients.readTopic(topic, 1)
  expect(received?.message.value?.equals(value)).toBe(true)
})

interface Codec {
  compress(encoder: unknown): Promise<Buffer>
  decompress(buffer: Buffer): Promise<Buffer>
}

/** Counts how often kafkajs meets a batch of a codec, until the test ends. */
function countDecompressions(compression: CompressionTypes.GZIP | CompressionTypes.Snappy) {
  const original = kafkajs.CompressionCodecs[compression]
  let count = 0
  kafkajs.CompressionCodecs[compression] = (): Codec => {
    const codec: Codec = original()
    return {
      compress: encoder => codec.compress(encoder),
      decompress: buffer => {
        count++
        return codec.decompress(buffer)
      }
    }
  }
  onTestFinished(() => {
    kafkajs.CompressionCodecs[compression] = original
  })
  return () => count
}
