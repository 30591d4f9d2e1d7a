import { describe, expect, test } from 'vitest'
import { useBroker } from '../broker.ts'
import { range, uniqueName, until } from '../waiting.ts'
import { baseMs, kafkaErrorsOf, PlatformaticClients } from './clients.ts'

const clients = new PlatformaticClients(useBroker())

function longText(index: number): string {
  return `${index} ${'compressible '.repeat(10)}`
}

describe('producing', () => {
  test('a message comes back with key, value, headers and timestamp as they were', async () => {
    const topic = await clients.createTopic()
    await clients.produce([
      { topic, key: 'k', value: 'v', headers: { h: 'x' }, timestamp: baseMs + 123n }
    ])
    const [message] = await clients.readTopic(topic, 1)
    expect(message).toMatchObject({ key: 'k', value: 'v', partition: 0, offset: 0n })
    expect(message?.timestamp).toBe(baseMs + 123n)
    expect(message?.headers).toEqual(new Map([['h', 'x']]))
  })

  test('a send answers topic, partition and base offset', async () => {
    const topic = await clients.createTopic(2)
    const producer = clients.producer()
    const send = (partition: number) =>
      producer.send({ messages: [{ topic, partition, value: 'v' }] })
    await send(1)
    expect(await send(1)).toEqual({ offsets: [{ topic, partition: 1, offset: 1n }] })
  })

  for (const compression of ['none', 'gzip', 'snappy', 'lz4'] as const) {
    test(`500 messages with compression ${compression} come back in order`, async () => {
      const topic = await clients.createTopic()
      const messages = range(500).map(index => ({
        topic,
        key: `${index % 7}`,
        value: longText(index)
      }))
      await clients.produce(messages, { compression })
      const received = await clients.readTopic(topic, 500)
      expect(received.map(message => message.value)).toEqual(range(500).map(longText))
    })
  }

  test('an idempotent producer writes every message once and in order', async () => {
    const topic = await clients.createTopic()
    const producer = clients.producer({ idempotent: true })
    for (const index of range(20)) {
      await producer.send({
        messages: [
          { topic, value: `${index}` },
          { topic, value: 'x' }
        ]
      })
    }
    const received = await clients.readTopic(topic, 40)
    expect(received.filter(({ value }) => value !== 'x').map(({ value }) => value)).toEqual(
      range(20).map(String)
    )
    expect(received.map(({ offset }) => Number(offset))).toEqual(range(40))
  })

  test('acks 0 has no answer, and the messages arrive all the same', async () => {
    const topic = await clients.createTopic()
    const producer = clients.producer({ acks: 0 })
    for (const index of range(5)) await producer.send({ messages: [{ topic, value: `${index}` }] })
    const received = await clients.readTopic(topic, 5)
    expect(received.map(({ value }) => value)).toEqual(range(5).map(String))
  })

  test('a topic that does not exist is created when the client allows that', async () => {
    const topic = uniqueName('auto')
    const producer = clients.producer({ autocreateTopics: true })
    await producer.send({ messages: [{ topic, value: 'first' }] })
    expect((await clients.readTopic(topic, 1)).map(({ value }) => value)).toEqual(['first'])
  })

  test('a topic that does not exist is not created when the client forbids it', async () => {
    const topic = uniqueName('missing')
    const producer = clients.producer({ retries: 0 })
    const sent = producer.send({ messages: [{ topic, value: 'x' }] })
    await expect(sent).rejects.toThrow(`Unknown topic ${topic}`)
    expect(await clients.admin().listTopics()).not.toContain(topic)
  })

  test('a batch larger than its topic allows is MESSAGE_TOO_LARGE', async () => {
    const topic = await clients.createTopic(1, { 'max.message.bytes': '1000' })
    const producer = clients.producer({ retries: 0 })
    const sent = producer.send({ messages: [{ topic, value: 'x'.repeat(2_000) }] })
    expect(await kafkaErrorsOf(sent)).toEqual(['MESSAGE_TOO_LARGE'])
  })

  test('a record without a key is INVALID_RECORD for a compacted topic', async () => {
    const topic = await clients.createTopic(1, { 'cleanup.policy': 'compact' })
    const producer = clients.producer({ retries: 0 })
    const sent = producer.send({ messages: [{ topic, value: 'no key' }] })
    // The client reads the list of faulty records as an error of its own, so there is one more.
    expect(await kafkaErrorsOf(sent)).toContain('INVALID_RECORD')
  })
})

describe('consuming', () => {
  test('mode earliest gets everything, latest only what is new', async () => {
    const topic = await clients.createTopic()
    await clients.produce([{ topic, value: 'old' }])
    const latest = clients.consumer()
    const fromLatest = await clients.collect(latest, { topics: [topic], mode: 'latest' })
    await clients.produce([{ topic, value: 'new' }])
    await until('the new message', () => fromLatest.length > 0)
    expect(fromLatest.map(({ value }) => value)).toEqual(['new'])
    expect((await clients.readTopic(topic, 2)).map(({ value }) => value)).toEqual(['old', 'new'])
  })

  test('mode manual starts at the offsets that it is given', async () => {
    const topic = await clients.createTopic()
    await clients.produce(range(10).map(index => ({ topic, value: `${index}` })))
    const consumer = clients.consumer()
    const offsets = [{ topic, partition: 0, offset: 7n }]
    const received = await clients.collect(consumer, { topics: [topic], mode: 'manual', offsets })
    await until('the rest', () => received.length === 3)
    expect(received.map(({ value }) => value)).toEqual(['7', '8', '9'])
  })

  test('messages that arrive while the consumer waits are given to it', async () => {
    const topic = await clients.createTopic(3)
    const consumer = clients.consumer()
    const received = await clients.collect(consumer, { topics: [topic], maxWaitTime: 2_000 })
    for (const index of range(9)) {
      await clients.produce([{ topic, partition: index % 3, value: `${index}` }])
      await until(`message ${index}`, () => received.length === index + 1)
    }
  })

  test('many partitions over many fetches (fetch sessions) lose nothing', async () => {
    const topic = await clients.createTopic(20)
    const consumer = clients.consumer()
    const received = await clients.collect(consumer, { topics: [topic], maxBytes: 2_000 })
    const producer = clients.producer()
    for (const round of range(10)) {
      const messages = range(20).map(partition => ({
        topic,
        partition,
        value: `${round}`.padEnd(300)
      }))
      await producer.send({ messages })
    }
    await until('all messages', () => received.length === 200)
    for (const partition of range(20)) {
      const values = received.filter(message => message.partition === partition)
      expect(values.map(({ value }) => value.trim())).toEqual(range(10).map(String))
    }
  })

  test('listOffsets answers ends, beginnings and times', async () => {
    const topic = await clients.createTopic(2)
    await clients.produce([
      { topic, partition: 0, value: 'a', timestamp: baseMs + 1_000n },
      { topic, partition: 0, value: 'b', timestamp: baseMs + 2_000n }
    ])
    const consumer = clients.consumer()
    expect((await consumer.listOffsets({ topics: [topic] })).get(topic)).toEqual([2n, 0n])
    const earliest = await consumer.listOffsets({ topics: [topic], timestamp: -2n })
    expect(earliest.get(topic)).toEqual([0n, 0n])
    const byTime = await consumer.listOffsetsWithTimestamps({
      topics: [topic],
      timestamp: baseMs + 1_500n
    })
    expect(byTime.get(topic)?.get(0)).toEqual({ offset: 1n, timestamp: baseMs + 2_000n })
    expect(byTime.get(topic)?.get(1)).toEqual({ offset: -1n, timestamp: -1n })
  })
})
