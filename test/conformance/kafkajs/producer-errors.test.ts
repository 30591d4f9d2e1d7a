import type { Message, Producer } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { useBroker } from '../broker.ts'
import { range, uniqueName, until } from '../waiting.ts'
import { Clients, kafkaErrorsOf, mistyped } from './clients.ts'

const clients = new Clients(useBroker())

/** Few and quick retries, for errors that kafkajs believes may go away. */
const retry = { retries: 2, initialRetryTime: 20 }

describe('messages that are too large', () => {
  test('a batch larger than message.max.bytes is MESSAGE_TOO_LARGE', async () => {
    const topic = await clients.createTopic()
    const producer = await clients.producer()
    const messages = [{ value: Buffer.alloc(1_100_000) }]
    expect(await kafkaErrorsOf(producer.send({ topic, messages }))).toEqual(['MESSAGE_TOO_LARGE'])
  })

  test('a batch larger than its topic allows is MESSAGE_TOO_LARGE', async () => {
    const configEntries = [{ name: 'max.message.bytes', value: '1000' }]
    const topic = await clients.createTopic({ configEntries })
    const producer = await clients.producer()
    const messages = [{ value: Buffer.alloc(1_001) }]
    expect(await kafkaErrorsOf(producer.send({ topic, messages }))).toEqual(['MESSAGE_TOO_LARGE'])
    await producer.send({ topic, messages: [{ value: 'small enough' }] })
    expect((await clients.readTopic(topic, 1)).map(({ value }) => value)).toEqual(['small enough'])
  })

  test('a refused batch leaves the partition as it was', async () => {
    const configEntries = [{ name: 'max.message.bytes', value: '1000' }]
    const topic = await clients.createTopic({ configEntries })
    const producer = await clients.producer()
    await producer.send({ topic, messages: [{ value: 'first' }] })
    await kafkaErrorsOf(producer.send({ topic, messages: [{ value: Buffer.alloc(2_000) }] }))
    const [next] = await producer.send({ topic, messages: [{ value: 'second' }] })
    expect(next?.baseOffset).toBe('1')
  })

  test('a batch that is too large does not fail the other partitions of its request', async () => {
    const configEntries = [{ name: 'max.message.bytes', value: '1000' }]
    const topic = await clients.createTopic({ configEntries, numPartitions: 2 })
    const producer = await clients.producer()
    const messages = [
      { partition: 0, value: Buffer.alloc(2_000) },
      { partition: 1, value: 'fits' }
    ]
    expect(await kafkaErrorsOf(producer.send({ topic, messages }))).toEqual(['MESSAGE_TOO_LARGE'])
    const received = await clients.readTopic(topic, 1)
    expect(received.map(({ partition, value }) => [partition, value])).toEqual([[1, 'fits']])
  })
})

describe('topics and partitions that are not there', () => {
  test('an unknown topic is refused when the client forbids its creation', async () => {
    const topic = uniqueName('never-made')
    const producer = await clients.producer({ allowAutoTopicCreation: false, retry })
    const sent = producer.send({ topic, messages: [{ value: 'x' }] })
    expect(await kafkaErrorsOf(sent)).toEqual(['UNKNOWN_TOPIC_OR_PARTITION'])
    const admin = await clients.admin()
    expect(await admin.listTopics()).not.toContain(topic)
  })

  test('an illegal name is INVALID_TOPIC_EXCEPTION and creates nothing', async () => {
    const producer = await clients.producer({ allowAutoTopicCreation: true, retry })
    const topic = `${uniqueName('bad')}/name`
    const sent = producer.send({ topic, messages: [{ value: 'x' }] })
    expect(await kafkaErrorsOf(sent)).toEqual(['INVALID_TOPIC_EXCEPTION'])
    const admin = await clients.admin()
    expect(await admin.listTopics()).not.toContain(topic)
  })

  test('kafkajs itself drops a message for a partition that is not there', async () => {
    const topic = await clients.createTopic({ numPartitions: 2 })
    const producer = await clients.producer({ retry })
    const answer = await producer.send({ topic, messages: [{ partition: 7, value: 'x' }] })
    expect(answer).toEqual([])
    const admin = await clients.admin()
    const offsets = await admin.fetchTopicOffsets(topic)
    expect(offsets.map(({ high }) => high)).toEqual(['0', '0'])
  })

  test('a topic deleted under a producer is UNKNOWN_TOPIC_OR_PARTITION', async () => {
    const topic = await clients.createTopic()
    const producer = await clients.producer({ allowAutoTopicCreation: false, retry })
    await producer.send({ topic, messages: [{ value: 'before' }] })
    const admin = await clients.admin()
    await admin.deleteTopics({ topics: [topic] })
    const sent = producer.send({ topic, messages: [{ value: 'after' }] })
    expect(await kafkaErrorsOf(sent)).toEqual(['UNKNOWN_TOPIC_OR_PARTITION'])
  })

  test('new partitions are found by a running producer with old metadata', async () => {
    const topic = await clients.createTopic({ numPartitions: 1 })
    const producer = await clients.producer({ metadataMaxAge: 0 })
    await producer.send({ topic, messages: [{ value: 'before' }] })
    const admin = await clients.admin()
    await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] })
    await until('the new partitions to be known', async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      return topics[0]?.partitions.length === 3
    })
    const [answer] = await producer.send({ topic, messages: [{ partition: 2, value: 'after' }] })
    expect(answer).toMatchObject({ partition: 2, baseOffset: '0', errorCode: 0 })
  })
})

describe('records that break a rule of their topic', () => {
  test('a record without a key is refused by a compacted topic with INVALID_RECORD', async () => {
    const configEntries = [{ name: 'cleanup.policy', value: 'compact' }]
    const topic = await clients.createTopic({ configEntries })
    const producer = await clients.producer({ retry })
    const sent = producer.send({ topic, messages: [{ key: 'k', value: 'v' }, { value: 'no key' }] })
    expect(await kafkaErrorsOf(sent)).toEqual(['INVALID_RECORD'])
    await producer.send({ topic, messages: [{ key: 'k', value: 'v' }] })
    expect((await clients.readTopic(topic, 1)).map(({ offset }) => offset)).toEqual([0])
  })

  test('a timestamp too far in the future is refused with INVALID_TIMESTAMP', async () => {
    const configEntries = [{ name: 'message.timestamp.after.max.ms', value: '60000' }]
    const topic = await clients.createTopic({ configEntries })
    const producer = await clients.producer({ retry })
    const timestamp = String(Date.now() + 3_600_000)
    const sent = producer.send({ topic, messages: [{ value: 'x', timestamp }] })
    expect(await kafkaErrorsOf(sent)).toEqual(['INVALID_TIMESTAMP'])
  })

  test('a timestamp too far in the past is refused with INVALID_TIMESTAMP', async () => {
    const configEntries = [{ name: 'message.timestamp.before.max.ms', value: '60000' }]
    const topic = await clients.createTopic({ configEntries })
    const producer = await clients.producer({ retry })
    const timestamp = String(Date.now() - 3_600_000)
    const sent = producer.send({ topic, messages: [{ value: 'x', timestamp }] })
    expect(await kafkaErrorsOf(sent)).toEqual(['INVALID_TIMESTAMP'])
  })

  test('min.insync.replicas above the number of replicas counts as that number', async () => {
    // Kafka's Partition takes the smaller of the two since KIP-966.
    const configEntries = [{ name: 'min.insync.replicas', value: '2' }]
    const topic = await clients.createTopic({ configEntries })
    const producer = await clients.producer({ retry })
    const [answer] = await producer.send({ topic, acks: -1, messages: [{ value: 'x' }] })
    expect(answer?.baseOffset).toBe('0')
  })

  test('acks other than -1, 0 and 1 are refused with INVALID_REQUIRED_ACKS', async () => {
    const topic = await clients.createTopic()
    const producer = await clients.producer({ retry })
    const sent = producer.send({ topic, acks: 2, messages: [{ value: 'x' }] })
    expect(await kafkaErrorsOf(sent)).toEqual(['INVALID_REQUIRED_ACKS'])
  })
})

describe('the idempotent producer', () => {
  const idempotent = { idempotent: true, maxInFlightRequests: 1 }

  test('writes every message once and in order', async () => {
    const topic = await clients.createTopic({ numPartitions: 3 })
    const producer = await clients.producer(idempotent)
    expect(producer.isIdempotent()).toBe(true)
    for (const index of range(30)) {
      await producer.send({ topic, messages: [{ partition: index % 3, value: `${index}` }] })
    }
    const received = await clients.readTopic(topic, 30)
    for (const partition of range(3)) {
      const values = received.filter(message => message.partition === partition)
      expect(values.map(({ value }) => Number(value))).toEqual(
        range(10).map(i => i * 3 + partition)
      )
    }
  })

  test('two of them write to one partition without minding each other', async () => {
    const topic = await clients.createTopic()
    const producers = [await clients.producer(idempotent), await clients.producer(idempotent)]
    const send = async (producer: Producer, name: string): Promise<void> => {
      for (const index of range(20)) {
        await producer.send({ topic, messages: [{ value: `${name}${index}` }] })
      }
    }
    await Promise.all(producers.map((producer, index) => send(producer, 'ab'[index]!)))
    const values = (await clients.readTopic(topic, 40)).map(({ value }) => value)
    for (const name of ['a', 'b']) {
      expect(values.filter(value => value?.startsWith(name))).toEqual(
        range(20).map(index => `${name}${index}`)
      )
    }
  })

  test('counts its sequence over batches of several messages and several topics', async () => {
    const topics = [await clients.createTopic(), await clients.createTopic()]
    const producer = await clients.producer(idempotent)
    for (const round of range(5)) {
      const messages = range(7).map(index => ({ value: `${round}.${index}` }))
      await producer.sendBatch({ topicMessages: topics.map(topic => ({ topic, messages })) })
    }
    for (const topic of topics) {
      const received = await clients.readTopic(topic, 35)
      expect(received.map(({ offset }) => offset)).toEqual(range(35))
    }
  })

  test('gets a new producer id, and so a new sequence, as a new client', async () => {
    const topic = await clients.createTopic()
    for (const value of ['one', 'two', 'three']) {
      const producer = await clients.producer(idempotent)
      await producer.send({ topic, messages: [{ value }] })
      await producer.disconnect()
    }
    const received = await clients.readTopic(topic, 3)
    expect(received.map(({ value }) => value)).toEqual(['one', 'two', 'three'])
  })

  test('a refused batch does not spoil its sequence', async () => {
    const configEntries = [{ name: 'max.message.bytes', value: '1000' }]
    const topic = await clients.createTopic({ configEntries })
    const producer = await clients.producer({ ...idempotent, retry })
    await producer.send({ topic, messages: [{ value: 'first' }] })
    await kafkaErrorsOf(producer.send({ topic, messages: [{ value: Buffer.alloc(2_000) }] }))
    await producer.send({ topic, messages: [{ value: 'second' }] })
    const received = await clients.readTopic(topic, 2)
    expect(received.map(({ value }) => value)).toEqual(['first', 'second'])
  })

  test('refuses acks other than all before anything is sent', async () => {
    const topic = await clients.createTopic()
    const producer = await clients.producer(idempotent)
    const sent = producer.send({ topic, acks: 1, messages: [{ value: 'x' }] })
    await expect(sent).rejects.toThrow(/EoS guarantees/)
  })
})

describe('what kafkajs refuses by itself', () => {
  test('a send without a topic, without messages or without a value', async () => {
    const topic = await clients.createTopic()
    const producer = await clients.producer()
    await expect(producer.send({ topic: '', messages: [] })).rejects.toThrow('Invalid topic')
    const noValue = mistyped<Message>({ key: 'k' })
    await expect(producer.send({ topic, messages: [noValue] })).rejects.toThrow('without value')
    const noMessages = mistyped<Message[]>(undefined)
    await expect(producer.send({ topic, messages: noMessages })).rejects.toThrow('Invalid messages')
  })

  test('a send on a producer that is not connected', async () => {
    const topic = await clients.createTopic()
    const producer = clients.kafka().producer()
    const sent = producer.send({ topic, messages: [{ value: 'x' }] })
    await expect(sent).rejects.toThrow('disconnected')
  })

  test('an event that a producer does not have', () => {
    const producer = clients.kafka().producer()
    const listen = (): unknown =>
      producer.on(mistyped<'producer.connect'>('producer.no-such-event'), () => {})
    expect(listen).toThrow('Event name should be one of')
  })
})
