import type { Consumer } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { useBroker } from '../broker.ts'
import { range, uniqueName, until } from '../waiting.ts'
import { Clients, joined, kafkaErrorsOf } from './clients.ts'

const clients = new Clients(useBroker())

async function topicWith(count: number): Promise<string> {
  const topic = await clients.createTopic()
  await clients.produce(
    topic,
    range(count).map(index => ({ value: `${index}` }))
  )
  return topic
}

async function fetchOffsets(groupId: string, topics?: string[]) {
  const admin = await clients.admin()
  return admin.fetchOffsets(topics === undefined ? { groupId } : { groupId, topics })
}

/** A running consumer that has its partitions and commits nothing by itself. */
async function runningConsumer(topic: string, groupId: string): Promise<Consumer> {
  const consumer = await clients.consumer({ groupId })
  const joining = joined(consumer)
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ autoCommit: false, eachMessage: async () => {} })
  await joining
  return consumer
}

describe('commitOffsets', () => {
  test('stores offset and metadata, and the next consumer starts at the offset', async () => {
    const topic = await topicWith(10)
    const groupId = uniqueName('group')
    const consumer = await runningConsumer(topic, groupId)
    await consumer.commitOffsets([{ topic, partition: 0, offset: '7', metadata: 'so far' }])
    expect(await fetchOffsets(groupId, [topic])).toEqual([
      { topic, partitions: [{ partition: 0, offset: '7', metadata: 'so far' }] }
    ])
    await consumer.disconnect()
    const next = await clients.consumer({ groupId })
    const received = await clients.collect(next, topic)
    await until('the rest', () => received.length === 3)
    expect(received.map(({ value }) => value)).toEqual(['7', '8', '9'])
  })

  test('goes back as well as forward, and a later commit replaces an earlier one', async () => {
    const topic = await topicWith(10)
    const groupId = uniqueName('group')
    const consumer = await runningConsumer(topic, groupId)
    for (const offset of ['7', '3', '5']) {
      await consumer.commitOffsets([{ topic, partition: 0, offset }])
    }
    expect(await fetchOffsets(groupId, [topic])).toEqual([
      { topic, partitions: [{ partition: 0, offset: '5', metadata: null }] }
    ])
  })

  test('takes any offset of any topic: the broker does not look at the log', async () => {
    const [topic, other] = [await topicWith(1), await topicWith(1)]
    const groupId = uniqueName('group')
    const consumer = await runningConsumer(topic, groupId)
    await consumer.commitOffsets([{ topic: other, partition: 0, offset: '9007199254740993' }])
    const [committed] = await fetchOffsets(groupId, [other])
    expect(committed?.partitions[0]?.offset).toBe('9007199254740993')
  })

  test('takes metadata of 4096 characters; more is OFFSET_METADATA_TOO_LARGE', async () => {
    const topic = await topicWith(1)
    const groupId = uniqueName('group')
    const consumer = await runningConsumer(topic, groupId)
    const metadata = 'm'.repeat(4_096)
    await consumer.commitOffsets([{ topic, partition: 0, offset: '1', metadata }])
    const [committed] = await fetchOffsets(groupId, [topic])
    expect(committed?.partitions[0]?.metadata).toBe(metadata)
    const tooLarge = consumer.commitOffsets([
      { topic, partition: 0, offset: '1', metadata: `${metadata}m` }
    ])
    expect(await kafkaErrorsOf(tooLarge)).toEqual(['OFFSET_METADATA_TOO_LARGE'])
  })

  test('for a topic that is not there is UNKNOWN_TOPIC_OR_PARTITION', async () => {
    const topic = await topicWith(1)
    const consumer = await runningConsumer(topic, uniqueName('group'))
    const committed = consumer.commitOffsets([
      { topic: uniqueName('missing'), partition: 0, offset: '1' }
    ])
    expect(await kafkaErrorsOf(committed)).toEqual(['UNKNOWN_TOPIC_OR_PARTITION'])
  })

  test('for a partition that is not there is UNKNOWN_TOPIC_OR_PARTITION', async () => {
    const topic = await topicWith(1)
    const consumer = await runningConsumer(topic, uniqueName('group'))
    const committed = consumer.commitOffsets([{ topic, partition: 9, offset: '1' }])
    expect(await kafkaErrorsOf(committed)).toEqual(['UNKNOWN_TOPIC_OR_PARTITION'])
  })

  test('keeps the offsets of different groups apart', async () => {
    const topic = await topicWith(5)
    const groups = [uniqueName('group'), uniqueName('group')]
    for (const [index, groupId] of groups.entries()) {
      const consumer = await runningConsumer(topic, groupId)
      await consumer.commitOffsets([{ topic, partition: 0, offset: `${index + 1}` }])
    }
    for (const [index, groupId] of groups.entries()) {
      const [committed] = await fetchOffsets(groupId, [topic])
      expect(committed?.partitions[0]?.offset).toBe(`${index + 1}`)
    }
  })

  test('is refused by kafkajs itself for bad arguments and before run', async () => {
    const consumer = await clients.consumer()
    const commit = (offset: string, partition = 0) =>
      consumer.commitOffsets([{ topic: 't', partition, offset }])
    await expect(commit('-5')).rejects.toThrow('must not be a negative number')
    await expect(commit('x')).rejects.toThrow('Invalid offset')
    await expect(commit('1', Number.NaN)).rejects.toThrow('Invalid partition')
    await expect(commit('1')).rejects.toThrow('consumer#run must be called first')
  })
})

describe('seek', () => {
  test('to an offset gives the messages from there on', async () => {
    const topic = await topicWith(10)
    const consumer = await clients.consumer()
    const received = await clients.collect(consumer, topic)
    consumer.seek({ topic, partition: 0, offset: '6' })
    await until('the last message', () => received.some(({ value }) => value === '9'))
    const at = received.findIndex(({ value }) => value === '6')
    expect(received.slice(at, at + 4).map(({ value }) => value)).toEqual(['6', '7', '8', '9'])
  })

  test('back gives the messages again', async () => {
    const topic = await topicWith(5)
    const consumer = await clients.consumer()
    const received = await clients.collect(consumer, topic)
    await until('all messages', () => received.length === 5)
    consumer.seek({ topic, partition: 0, offset: '2' })
    await until('three of them again', () => received.length === 8)
    expect(received.slice(5).map(({ value }) => value)).toEqual(['2', '3', '4'])
  })

  test('to -2 commits -2, and a consumer from the beginning starts over', async () => {
    const topic = await topicWith(3)
    const consumer = await clients.consumer()
    const received = await clients.collect(consumer, topic)
    await until('all messages', () => received.length === 3)
    consumer.seek({ topic, partition: 0, offset: '-2' })
    await until('all messages again', () => received.length === 6)
    expect(received.map(({ value }) => value)).toEqual(['0', '1', '2', '0', '1', '2'])
  })

  test('to -1 commits -1 as it is, and a consumer from the end waits for what is new', async () => {
    const topic = await topicWith(3)
    const groupId = uniqueName('group')
    const consumer = await clients.consumer({ groupId })
    const fetched = new Promise(resolve => consumer.on(consumer.events.FETCH, resolve))
    const received = await clients.collect(consumer, topic, {}, false)
    await fetched
    consumer.seek({ topic, partition: 0, offset: '-1' })
    const admin = await clients.admin()
    await until('the seek is committed', async () => {
      const everything = await admin.fetchOffsets({ groupId })
      return everything[0]?.partitions[0]?.offset === '-1'
    })
    await clients.produce(topic, [{ value: 'new' }])
    await until('the new message', () => received.length > 0)
    expect(received.map(({ value }) => value)).toEqual(['new'])
  })

  test('with autoCommit off moves the consumer without a commit', async () => {
    const topic = await topicWith(5)
    const groupId = uniqueName('group')
    const consumer = await clients.consumer({ groupId })
    const received = await clients.collect(consumer, topic, { autoCommit: false })
    await until('all messages', () => received.length === 5)
    consumer.seek({ topic, partition: 0, offset: '3' })
    await until('two of them again', () => received.length === 7)
    expect(received.slice(5).map(({ value }) => value)).toEqual(['3', '4'])
    const [committed] = await fetchOffsets(groupId, [topic])
    expect(committed?.partitions[0]?.offset).toBe('-1')
  })

  test('is refused by kafkajs itself for a negative offset and before run', async () => {
    const consumer = await clients.consumer()
    const seek = (offset: string) => () => consumer.seek({ topic: 't', partition: 0, offset })
    expect(seek('-3')).toThrow('must not be a negative number')
    expect(seek('0')).toThrow('consumer#run must be called first')
  })
})

describe('offsets out of range', () => {
  test('a consumer from the beginning that is beyond the end starts over', async () => {
    const topic = await topicWith(3)
    const consumer = await clients.consumer()
    const received = await clients.collect(consumer, topic)
    await until('all messages', () => received.length === 3)
    consumer.seek({ topic, partition: 0, offset: '1000' })
    await until('all messages again', () => received.length === 6)
    expect(received.slice(3).map(({ value }) => value)).toEqual(['0', '1', '2'])
  })

  test('a committed offset before the start of the log leads to its first message', async () => {
    const topic = await topicWith(10)
    const groupId = uniqueName('group')
    const admin = await clients.admin()
    await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '2' }] })
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '6' }] })
    const consumer = await clients.consumer({ groupId })
    const received = await clients.collect(consumer, topic)
    await until('what is left', () => received.length >= 4)
    expect(received.map(({ value }) => value)).toEqual(['6', '7', '8', '9'])
  })

  test('the offset at the end of the log is in range: the consumer waits there', async () => {
    const topic = await topicWith(2)
    const groupId = uniqueName('group')
    const admin = await clients.admin()
    await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '2' }] })
    const consumer = await clients.consumer({ groupId })
    const fetched = new Promise(resolve => consumer.on(consumer.events.FETCH, resolve))
    const received = await clients.collect(consumer, topic)
    await fetched
    await clients.produce(topic, [{ value: 'new' }])
    await until('the new message', () => received.length > 0)
    expect(received.map(({ value }) => value)).toEqual(['new'])
  })
})

describe('fetch limits', () => {
  test('minBytes holds an answer back only until maxWaitTimeInMs is over', async () => {
    const topic = await topicWith(1)
    const consumer = await clients.consumer({ minBytes: 1_000_000, maxWaitTimeInMs: 50 })
    const received = await clients.collect(consumer, topic)
    await until('the message, in spite of minBytes', () => received.length === 1)
  })

  test('maxBytes cuts an answer at a batch, and the rest comes with the next one', async () => {
    const topic = await clients.createTopic()
    const producer = await clients.producer()
    for (const index of range(30)) {
      await producer.send({ topic, messages: [{ value: `${index}`.padEnd(1_000) }] })
    }
    const consumer = await clients.consumer({ maxBytes: 5_000, maxBytesPerPartition: 3_500 })
    const sizes: number[] = []
    const values: string[] = []
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachBatch: async ({ batch }) => {
        sizes.push(batch.messages.length)
        values.push(...batch.messages.map(({ value }) => String(value).trim()))
      }
    })
    await until('all messages', () => values.length === 30)
    expect(values).toEqual(range(30).map(String))
    expect(Math.max(...sizes)).toBeLessThanOrEqual(3)
  })

  test('several partitions share maxBytes and none of them starves', async () => {
    const topic = await clients.createTopic({ numPartitions: 4 })
    const producer = await clients.producer()
    for (const index of range(10)) {
      const messages = range(4).map(partition => ({ partition, value: `${index}`.padEnd(1_000) }))
      await producer.send({ topic, messages })
    }
    const received = await clients.readTopic(topic, 40, { maxBytes: 2_500 })
    for (const partition of range(4)) {
      const values = received.filter(message => message.partition === partition)
      expect(values.map(({ value }) => value?.trim())).toEqual(range(10).map(String))
    }
  })

  test('a consumer that reads uncommitted works as well', async () => {
    const topic = await topicWith(3)
    const received = await clients.readTopic(topic, 3, { readUncommitted: true })
    expect(received.map(({ value }) => value)).toEqual(['0', '1', '2'])
  })
})
