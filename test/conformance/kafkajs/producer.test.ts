import kafkajs from 'kafkajs'
import type { Message } from 'kafkajs'
import { expect, test } from 'vitest'
import { useBroker } from '../broker.ts'
import { range, uniqueName, until } from '../waiting.ts'
import { Clients } from './clients.ts'

const clients = new Clients(useBroker())

/** Of messages that have one of their own, ms: recent, so that retention leaves them alone. */
const baseMs = Date.now() - 3_600_000

test('a message comes back with key, value, headers and timestamp as they were', async () => {
  const topic = await clients.createTopic()
  const producer = await clients.producer()
  await producer.send({
    topic,
    messages: [
      {
        key: 'key',
        value: 'value',
        timestamp: `${baseMs + 123}`,
        headers: { plain: 'text', bytes: Buffer.of(0, 127, 128, 255), empty: '' }
      }
    ]
  })
  const [received] = await clients.readTopic(topic, 1)
  expect(received).toMatchObject({ partition: 0, offset: 0, key: 'key', value: 'value' })
  expect(received?.message.timestamp).toBe(`${baseMs + 123}`)
  expect(received?.message.headers).toEqual({
    plain: Buffer.from('text'),
    bytes: Buffer.of(0, 127, 128, 255),
    empty: Buffer.alloc(0)
  })
})

test('a header that is given several values keeps all of them in order', async () => {
  const topic = await clients.createTopic()
  await clients.produce(topic, [{ value: 'v', headers: { list: ['one', 'two', 'three'] } }])
  const [received] = await clients.readTopic(topic, 1)
  expect(received?.message.headers?.['list']).toEqual(
    ['one', 'two', 'three'].map(v => Buffer.from(v))
  )
})

test('a tombstone, an empty value and a missing key are different things', async () => {
  const topic = await clients.createTopic()
  await clients.produce(topic, [
    { key: 'tombstone', value: null },
    { key: 'empty', value: '' },
    { value: 'no key' },
    { key: '', value: 'empty key' }
  ])
  const received = await clients.readTopic(topic, 4)
  expect(received.map(({ key, value }) => [key, value])).toEqual([
    ['tombstone', null],
    ['empty', ''],
    [null, 'no key'],
    ['', 'empty key']
  ])
})

test('binary keys and values come back byte for byte', async () => {
  const topic = await clients.createTopic()
  const key = Buffer.from(range(256))
  const value = Buffer.from(range(256).toReversed())
  await clients.produce(topic, [{ key, value }])
  const [received] = await clients.readTopic(topic, 1)
  expect(received?.message.key?.equals(key)).toBe(true)
  expect(received?.message.value?.equals(value)).toBe(true)
})

test('a message without a timestamp is given the time at which the client sent it', async () => {
  const topic = await clients.createTopic()
  const beforeMs = Date.now()
  await clients.produce(topic, [{ value: 'now' }])
  const [received] = await clients.readTopic(topic, 1)
  expect(Number(received?.message.timestamp)).toBeGreaterThanOrEqual(beforeMs)
  expect(Number(received?.message.timestamp)).toBeLessThanOrEqual(Date.now())
})

test('timestamps that go backwards inside a batch are kept as they are', async () => {
  const topic = await clients.createTopic()
  const timestamps = [900, 100, 500].map(after => `${baseMs + after}`)
  await clients.produce(
    topic,
    timestamps.map(timestamp => ({ value: timestamp, timestamp }))
  )
  const received = await clients.readTopic(topic, 3)
  expect(received.map(({ message }) => message.timestamp)).toEqual(timestamps)
})

test('message.timestamp.type=LogAppendTime gives the time of the broker', async () => {
  const configEntries = [{ name: 'message.timestamp.type', value: 'LogAppendTime' }]
  const topic = await clients.createTopic({ configEntries })
  const producer = await clients.producer()
  const [metadata] = await producer.send({
    topic,
    messages: [
      { value: 'a', timestamp: '1000' },
      { value: 'b', timestamp: '2000' }
    ]
  })
  const received = await clients.readTopic(topic, 2)
  const times = new Set(received.map(({ message }) => Number(message.timestamp)))
  expect(times.size).toBe(1)
  expect([...times][0]).toBeGreaterThan(1_600_000_000_000)
  expect(metadata?.logAppendTime).toBe(String([...times][0]))
})

test('send with acks -1 and 1 answers partition, base offset and log start offset', async () => {
  const topic = await clients.createTopic()
  const producer = await clients.producer()
  for (const [acks, baseOffset] of [
    [-1, '0'],
    [1, '2']
  ] as const) {
    const answer = await producer.send({ topic, acks, messages: [{ value: 'a' }, { value: 'b' }] })
    expect(answer).toEqual([
      {
        topicName: topic,
        partition: 0,
        errorCode: 0,
        baseOffset,
        logAppendTime: '-1',
        logStartOffset: '0'
      }
    ])
  }
})

test('send with acks 0 has no answer, and the messages arrive in order all the same', async () => {
  const topic = await clients.createTopic()
  const producer = await clients.producer()
  for (const index of range(20)) {
    const answer = await producer.send({ topic, acks: 0, messages: [{ value: `${index}` }] })
    expect(answer).toEqual([])
  }
  const received = await clients.readTopic(topic, 20)
  expect(received.map(({ value }) => value)).toEqual(range(20).map(String))
})

test('an acks 0 send does not disturb the answers of the sends after it', async () => {
  const topic = await clients.createTopic()
  const producer = await clients.producer()
  await producer.send({ topic, acks: 0, messages: [{ value: '0' }] })
  const [first] = await producer.send({ topic, acks: -1, messages: [{ value: '1' }] })
  await producer.send({ topic, acks: 0, messages: [{ value: '2' }] })
  const [second] = await producer.send({ topic, acks: 1, messages: [{ value: '3' }] })
  expect([first?.baseOffset, second?.baseOffset]).toEqual(['1', '3'])
})

test('a message goes to the partition that it names', async () => {
  const topic = await clients.createTopic({ numPartitions: 5 })
  await clients.produce(
    topic,
    range(5).map(partition => ({ partition, value: `for ${partition}` }))
  )
  const received = await clients.readTopic(topic, 5)
  expect(received.map(({ partition, value }) => [partition, value])).toEqual(
    range(5).map(partition => [partition, `for ${partition}`])
  )
})

test('messages of one key share a partition and keep their order', async () => {
  const topic = await clients.createTopic({ numPartitions: 6 })
  const producer = await clients.producer()
  for (const index of range(10)) {
    const messages = range(12).map(key => ({ key: `key-${key}`, value: `${index}` }))
    await producer.send({ topic, messages })
  }
  const received = await clients.readTopic(topic, 120)
  for (const key of range(12)) {
    const ofKey = received.filter(message => message.key === `key-${key}`)
    expect(new Set(ofKey.map(({ partition }) => partition)).size).toBe(1)
    expect(ofKey.map(({ value }) => value)).toEqual(range(10).map(String))
  }
})

test('a custom partitioner sees the partitions and its choice is followed', async () => {
  const topic = await clients.createTopic({ numPartitions: 4 })
  const seen: number[] = []
  const producer = await clients.producer({
    createPartitioner:
      () =>
      ({ partitionMetadata, message }) => {
        seen.push(partitionMetadata.length)
        return Number(message.value) % 4
      }
  })
  await producer.send({ topic, messages: range(8).map(index => ({ value: `${index}` })) })
  const received = await clients.readTopic(topic, 8)
  expect(seen).toEqual(range(8).map(() => 4))
  expect(received.every(({ partition, value }) => partition === Number(value) % 4)).toBe(true)
})

test('the legacy partitioner of kafkajs 1 works as well', async () => {
  const topic = await clients.createTopic({ numPartitions: 3 })
  const producer = await clients.producer({
    createPartitioner: kafkajs.Partitioners.LegacyPartitioner
  })
  await producer.send({ topic, messages: [{ key: 'a', value: '1' }] })
  await producer.send({ topic, messages: [{ key: 'a', value: '2' }] })
  const received = await clients.readTopic(topic, 2)
  expect(received.map(({ value }) => value)).toEqual(['1', '2'])
})

test('sendBatch writes to several topics in one call and answers for every partition', async () => {
  const first = await clients.createTopic({ numPartitions: 2 })
  const second = await clients.createTopic()
  const producer = await clients.producer()
  const answer = await producer.sendBatch({
    topicMessages: [
      {
        topic: first,
        messages: [
          { partition: 0, value: 'a' },
          { partition: 1, value: 'b' }
        ]
      },
      { topic: second, messages: [{ value: 'c' }] },
      { topic: first, messages: [{ partition: 0, value: 'd' }] }
    ]
  })
  expect(
    answer.map(({ topicName, partition, baseOffset }) => [topicName, partition, baseOffset])
  ).toEqual(
    expect.arrayContaining([
      [first, 0, '0'],
      [first, 1, '0'],
      [second, 0, '0']
    ])
  )
  const received = await clients.readTopic(first, 3)
  expect(received.map(({ partition, value }) => [partition, value])).toEqual([
    [0, 'a'],
    [0, 'd'],
    [1, 'b']
  ])
  expect((await clients.readTopic(second, 1)).map(({ value }) => value)).toEqual(['c'])
})

test('concurrent sends of one producer all arrive, each at an offset of its own', async () => {
  const topic = await clients.createTopic()
  const producer = await clients.producer()
  const answers = await Promise.all(
    range(60).map(index => producer.send({ topic, messages: [{ value: `${index}` }] }))
  )
  const offsets = answers.flat().map(({ baseOffset }) => Number(baseOffset))
  expect(offsets.toSorted((a, b) => a - b)).toEqual(range(60))
  const received = await clients.readTopic(topic, 60)
  for (const [index, offset] of offsets.entries()) {
    expect(received[offset]?.value).toBe(`${index}`)
  }
})

test('with maxInFlightRequests 1 every message of concurrent sends arrives once', async () => {
  const topic = await clients.createTopic()
  const producer = await clients.producer({ maxInFlightRequests: 1 })
  await Promise.all(
    range(20).map(index => producer.send({ topic, messages: [{ value: `${index}` }] }))
  )
  const received = await clients.readTopic(topic, 20)
  expect(received.map(({ value }) => Number(value)).toSorted((a, b) => a - b)).toEqual(range(20))
})

test('ten thousand messages in one batch come back in order', async () => {
  const topic = await clients.createTopic()
  const messages: Message[] = range(10_000).map(index => ({ value: `message ${index}` }))
  await clients.produce(topic, messages)
  const received = await clients.readTopic(topic, 10_000)
  expect(received.map(({ value }) => value)).toEqual(messages.map(({ value }) => value))
  expect(received.map(({ offset }) => offset)).toEqual(range(10_000))
})

test('a message of almost one megabyte is taken and comes back whole', async () => {
  const topic = await clients.createTopic()
  const value = Buffer.alloc(1_000_000, 'odradek')
  await clients.produce(topic, [{ key: 'big', value }])
  const [received] = await clients.readTopic(topic, 1)
  expect(received?.message.value?.equals(value)).toBe(true)
})

test('a message larger than a consumer asks for is given to it whole, alone', async () => {
  const topic = await clients.createTopic()
  const value = Buffer.alloc(300_000, 'x')
  await clients.produce(topic, [{ value }])
  await clients.produce(topic, [{ value: 'after' }])
  const received = await clients.readTopic(topic, 2, {
    maxBytesPerPartition: 1_000,
    maxBytes: 2_000
  })
  expect(received[0]?.message.value?.equals(value)).toBe(true)
  expect(received[1]?.value).toBe('after')
})

test('a topic with larger max.message.bytes takes larger messages', async () => {
  const configEntries = [{ name: 'max.message.bytes', value: '4000000' }]
  const topic = await clients.createTopic({ configEntries })
  const value = Buffer.alloc(3_000_000, 'y')
  await clients.produce(topic, [{ value }])
  const [received] = await clients.readTopic(topic, 1)
  expect(received?.message.value?.equals(value)).toBe(true)
})

test('the events of a producer tell of connections, requests and queue', async () => {
  const topic = await clients.createTopic()
  const producer = clients.kafka().producer({ maxInFlightRequests: 1 })
  const events: string[] = []
  const requests: string[] = []
  producer.on(producer.events.CONNECT, ({ type }) => events.push(type))
  producer.on(producer.events.DISCONNECT, ({ type }) => events.push(type))
  producer.on(producer.events.REQUEST, ({ payload }) => requests.push(payload.apiName))
  producer.on(producer.events.REQUEST_QUEUE_SIZE, ({ type }) => events.push(type))
  await producer.connect()
  await Promise.all(range(5).map(() => producer.send({ topic, messages: [{ value: 'x' }] })))
  await producer.disconnect()
  await until('all events', () => events.includes('producer.disconnect'))
  expect(events[0]).toBe('producer.connect')
  expect(events).toContain('producer.network.request_queue_size')
  expect(requests).toEqual(expect.arrayContaining(['ApiVersions', 'Metadata', 'Produce']))
})

test('a producer can connect again after it was disconnected', async () => {
  const topic = await clients.createTopic()
  const producer = await clients.producer()
  await producer.send({ topic, messages: [{ value: 'before' }] })
  await producer.disconnect()
  await producer.connect()
  await producer.send({ topic, messages: [{ value: 'after' }] })
  const received = await clients.readTopic(topic, 2)
  expect(received.map(({ value }) => value)).toEqual(['before', 'after'])
})

test('sending to a topic that does not exist creates it when the client allows that', async () => {
  const topic = uniqueName('auto')
  const producer = await clients.producer({ allowAutoTopicCreation: true })
  await producer.send({ topic, messages: [{ value: 'first' }] })
  const received = await clients.readTopic(topic, 1)
  expect(received[0]?.value).toBe('first')
})
