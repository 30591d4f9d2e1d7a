import { describe, expect, test } from 'vitest'
import { useBroker } from '../broker.ts'
import { range, uniqueName, until } from '../waiting.ts'
import { Clients, kafkaErrorsOf } from './clients.ts'

const clients = new Clients(useBroker())

const quick = { retry: { retries: 1, initialRetryTime: 20 } }

async function topicWith(count: number, numPartitions = 1): Promise<string> {
  const topic = await clients.createTopic({ numPartitions })
  const messages = range(count).map(index => ({ partition: 0, value: `${index}` }))
  if (count > 0) await clients.produce(topic, messages)
  return topic
}

async function deleteRecords(topic: string, offset: string): Promise<void> {
  const admin = await clients.admin(quick)
  // kafkajs looks for the leader in metadata it may not have; asking for offsets loads it.
  await admin.fetchTopicOffsets(topic)
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset }] })
}

/** Of the messages here, ms: recent, so that retention leaves them alone. */
const baseMs = Date.now() - 3_600_000

describe('fetchTopicOffsets', () => {
  test('tells the first and the next offset of every partition', async () => {
    const topic = await topicWith(3, 2)
    const admin = await clients.admin()
    const offsets = await admin.fetchTopicOffsets(topic)
    expect(offsets.toSorted((a, b) => a.partition - b.partition)).toEqual([
      { partition: 0, offset: '3', high: '3', low: '0' },
      { partition: 1, offset: '0', high: '0', low: '0' }
    ])
  })

  test('of a topic that does not exist fails with UNKNOWN_TOPIC_OR_PARTITION', async () => {
    const admin = await clients.admin(quick)
    const fetched = admin.fetchTopicOffsets(uniqueName('missing'))
    expect(await kafkaErrorsOf(fetched)).toEqual(['UNKNOWN_TOPIC_OR_PARTITION'])
  })
})

describe('fetchTopicOffsetsByTimestamp', () => {
  const timestamps = [1_000, 2_000, 2_000, 3_000, 5_000]

  async function topicWithTimes(): Promise<string> {
    const topic = await clients.createTopic()
    const producer = await clients.producer()
    for (const timestamp of timestamps) {
      await producer.send({
        topic,
        messages: [{ value: 'x', timestamp: String(baseMs + timestamp) }]
      })
    }
    return topic
  }

  const questions = [
    [0, 0],
    [1_000, 0],
    [1_001, 1],
    [2_000, 1],
    [2_001, 3],
    [3_000, 3],
    [4_000, 4],
    [5_000, 4]
  ] as const
  for (const [time, offset] of questions) {
    test(`answers the first message at or after ${time}: offset ${offset}`, async () => {
      const topic = await topicWithTimes()
      const admin = await clients.admin()
      const offsets = await admin.fetchTopicOffsetsByTimestamp(topic, baseMs + time)
      expect(offsets).toEqual([{ partition: 0, offset: `${offset}` }])
    })
  }

  test('after the last message answers the end of the log', async () => {
    const topic = await topicWithTimes()
    const admin = await clients.admin()
    const offsets = await admin.fetchTopicOffsetsByTimestamp(topic, baseMs + 9_000)
    expect(offsets).toEqual([{ partition: 0, offset: '5' }])
  })

  test('finds the message inside a batch, not only the batch', async () => {
    const topic = await clients.createTopic()
    const messages = range(10).map(index => ({
      value: 'x',
      timestamp: String(baseMs + index * 10)
    }))
    await clients.produce(topic, messages)
    const admin = await clients.admin()
    const offsets = await admin.fetchTopicOffsetsByTimestamp(topic, baseMs + 45)
    expect(offsets).toEqual([{ partition: 0, offset: '5' }])
  })

  test('of times that go backwards answers the first message that is late enough', async () => {
    const topic = await clients.createTopic()
    const producer = await clients.producer()
    for (const timestamp of [5_000, 1_000, 7_000]) {
      await producer.send({
        topic,
        messages: [{ value: 'x', timestamp: String(baseMs + timestamp) }]
      })
    }
    const admin = await clients.admin()
    const offsets = await admin.fetchTopicOffsetsByTimestamp(topic, baseMs + 1_000)
    expect(offsets).toEqual([{ partition: 0, offset: '0' }])
  })
})

describe('fetchOffsets', () => {
  test('of a group that has committed nothing answers -1 for every partition', async () => {
    const topic = await topicWith(1, 3)
    const admin = await clients.admin()
    const [offsets] = await admin.fetchOffsets({ groupId: uniqueName('group'), topics: [topic] })
    expect(offsets?.topic).toBe(topic)
    expect(offsets?.partitions.toSorted((a, b) => a.partition - b.partition)).toEqual(
      range(3).map(partition => ({ partition, offset: '-1', metadata: null }))
    )
  })

  test('without topics answers everything the group has committed, and nothing else', async () => {
    const [first, second] = [await topicWith(5, 2), await topicWith(5)]
    const groupId = uniqueName('group')
    const admin = await clients.admin()
    expect(await admin.fetchOffsets({ groupId })).toEqual([])
    await admin.setOffsets({ groupId, topic: first, partitions: [{ partition: 0, offset: '4' }] })
    await admin.setOffsets({ groupId, topic: second, partitions: [{ partition: 0, offset: '2' }] })
    const offsets = await admin.fetchOffsets({ groupId })
    expect(new Map(offsets.map(({ topic, partitions }) => [topic, partitions]))).toEqual(
      new Map([
        [first, [{ partition: 0, offset: '4', metadata: null }]],
        [second, [{ partition: 0, offset: '2', metadata: null }]]
      ])
    )
  })

  test('with resolveOffsets turns committed -2 and -1 into real offsets', async () => {
    const topic = await topicWith(5)
    const groupId = uniqueName('group')
    const admin = await clients.admin()
    for (const [earliest, resolved] of [
      [true, '0'],
      [false, '5']
    ] as const) {
      await admin.resetOffsets({ groupId, topic, earliest })
      const [before] = await admin.fetchOffsets({ groupId, topics: [topic] })
      expect(before?.partitions[0]?.offset).toBe(earliest ? '-2' : '-1')
      const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic], resolveOffsets: true })
      expect(offsets?.partitions).toEqual([{ partition: 0, offset: resolved, metadata: null }])
      const [after] = await admin.fetchOffsets({ groupId, topics: [topic] })
      expect(after?.partitions[0]?.offset).toBe(resolved)
    }
  })
})

describe('setOffsets and resetOffsets', () => {
  test('setOffsets moves a group that is not running', async () => {
    const topic = await topicWith(10)
    const groupId = uniqueName('group')
    const admin = await clients.admin()
    await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '8' }] })
    const consumer = await clients.consumer({ groupId })
    const received = await clients.collect(consumer, topic)
    await until('the rest', () => received.length === 2)
    expect(received.map(({ value }) => value)).toEqual(['8', '9'])
  })

  test('resetOffsets to the earliest makes a group start over', async () => {
    const topic = await topicWith(3)
    const groupId = uniqueName('group')
    const first = await clients.consumer({ groupId })
    const before = await clients.collect(first, topic)
    await until('all messages', () => before.length === 3)
    await first.disconnect()
    const admin = await clients.admin()
    await admin.resetOffsets({ groupId, topic, earliest: true })
    const second = await clients.consumer({ groupId })
    const after = await clients.collect(second, topic)
    await until('all messages again', () => after.length === 3)
  })

  test('are refused while the group has members', async () => {
    const topic = await topicWith(3)
    const groupId = uniqueName('group')
    const consumer = await clients.consumer({ groupId })
    const received = await clients.collect(consumer, topic)
    await until('all messages', () => received.length === 3)
    const admin = await clients.admin()
    const partitions = [{ partition: 0, offset: '0' }]
    await expect(admin.setOffsets({ groupId, topic, partitions })).rejects.toThrow(
      'must have no running instances, current state: Stable'
    )
    await expect(admin.resetOffsets({ groupId, topic, earliest: true })).rejects.toThrow(
      'must have no running instances'
    )
  })

  test('refuse missing arguments by themselves', async () => {
    const admin = await clients.admin()
    const partitions = [{ partition: 0, offset: '0' }]
    await expect(admin.setOffsets({ groupId: '', topic: 't', partitions })).rejects.toThrow(
      'groupId'
    )
    await expect(admin.setOffsets({ groupId: 'g', topic: '', partitions })).rejects.toThrow('topic')
    const nothing = admin.setOffsets({ groupId: 'g', topic: 't', partitions: [] })
    await expect(nothing).rejects.toThrow('Invalid partitions')
  })
})

describe('deleteTopicRecords', () => {
  test('moves the start of the log: later messages keep their offsets', async () => {
    const topic = await topicWith(10)
    const admin = await clients.admin()
    await admin.fetchTopicMetadata({ topics: [topic] })
    await deleteRecords(topic, '4')
    expect(await admin.fetchTopicOffsets(topic)).toEqual([
      { partition: 0, offset: '10', high: '10', low: '4' }
    ])
    const received = await clients.readTopic(topic, 6)
    expect(received.map(({ offset, value }) => [offset, value])).toEqual(
      range(6).map(index => [index + 4, `${index + 4}`])
    )
  })

  test('with -1 takes everything that is there', async () => {
    const topic = await topicWith(5)
    await deleteRecords(topic, '-1')
    const admin = await clients.admin()
    expect(await admin.fetchTopicOffsets(topic)).toEqual([
      { partition: 0, offset: '5', high: '5', low: '5' }
    ])
    await clients.produce(topic, [{ value: 'new' }])
    const received = await clients.readTopic(topic, 1)
    expect(received.map(({ offset, value }) => [offset, value])).toEqual([[5, 'new']])
  })

  test('below the start of the log works and changes nothing', async () => {
    const topic = await topicWith(5)
    await deleteRecords(topic, '3')
    await deleteRecords(topic, '1')
    const admin = await clients.admin()
    expect((await admin.fetchTopicOffsets(topic))[0]?.low).toBe('3')
  })

  test('beyond the end of the log is refused with OFFSET_OUT_OF_RANGE', async () => {
    const topic = await topicWith(5)
    expect(await kafkaErrorsOf(deleteRecords(topic, '6'))).toEqual(['OFFSET_OUT_OF_RANGE'])
    const admin = await clients.admin()
    expect((await admin.fetchTopicOffsets(topic))[0]?.low).toBe('0')
  })

  test('of a partition that does not exist is refused by kafkajs itself', async () => {
    const topic = await topicWith(1)
    const admin = await clients.admin(quick)
    await admin.fetchTopicOffsets(topic)
    const deleted = admin.deleteTopicRecords({ topic, partitions: [{ partition: 7, offset: '1' }] })
    await expect(deleted).rejects.toThrow('Error while deleting records')
  })
})
