// kafkajs hands out functions that need no `this`, and declares them as methods.
/* oxlint-disable typescript/unbound-method */
import type { Consumer, EachBatchPayload } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { useBroker } from '../broker.ts'
import { range, uniqueName, until } from '../waiting.ts'
import { Clients } from './clients.ts'

const clients = new Clients(useBroker())

/** Offsets that a group has committed for the partitions of a topic, -1 where it has none. */
async function committedOffsets(groupId: string, topic: string): Promise<string[]> {
  const admin = await clients.admin()
  const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] })
  return (committed?.partitions ?? [])
    .toSorted((a, b) => a.partition - b.partition)
    .map(({ offset }) => offset)
}

/** A topic with one partition and messages '0' to `count` - 1. */
async function topicWith(count: number): Promise<string> {
  const topic = await clients.createTopic()
  await clients.produce(
    topic,
    range(count).map(index => ({ value: `${index}` }))
  )
  return topic
}

async function consumeAll(consumer: Consumer, topic: string, count: number, config = {}) {
  const received = await clients.collect(consumer, topic, config)
  await until('all messages', () => received.length === count)
  return received
}

describe('eachMessage', () => {
  test('is given the messages of a partition in order, with their offsets', async () => {
    const topic = await topicWith(50)
    const consumer = await clients.consumer()
    const received = await clients.collect(consumer, topic)
    await until('all messages', () => received.length === 50)
    expect(received.map(({ offset, value }) => [offset, value])).toEqual(
      range(50).map(index => [index, `${index}`])
    )
  })

  test('that throws a retriable error is called again with the same message', async () => {
    const topic = await topicWith(3)
    const consumer = await clients.consumer({ retry: { initialRetryTime: 20, retries: 5 } })
    const seen: string[] = []
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => {
        seen.push(String(message.value))
        if (seen.length === 2) throw new Error('the second message fails once')
      }
    })
    await until('the third message', () => seen.includes('2'))
    expect(seen).toEqual(['0', '1', '1', '2'])
  })

  test('may send heartbeats by itself', async () => {
    const topic = await topicWith(2)
    const consumer = await clients.consumer({ heartbeatInterval: 1 })
    let heartbeats = 0
    consumer.on(consumer.events.HEARTBEAT, () => heartbeats++)
    let count = 0
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ heartbeat }) => {
        const before = heartbeats
        await until('a heartbeat', async () => {
          await heartbeat()
          return heartbeats > before
        })
        count++
      }
    })
    await until('both messages', () => count === 2)
  })

  test('works on several partitions at once with partitionsConsumedConcurrently', async () => {
    const topic = await clients.createTopic({ numPartitions: 3 })
    await clients.produce(
      topic,
      range(3).map(partition => ({ partition, value: `${partition}` }))
    )
    const consumer = await clients.consumer()
    const running = new Set<number>()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      partitionsConsumedConcurrently: 3,
      eachMessage: async ({ partition }) => {
        running.add(partition)
        await until('all three at once', () => running.size === 3)
      }
    })
    await until('all three', () => running.size === 3)
  })
})

describe('eachBatch', () => {
  test('is given whole batches with first offset, last offset and high watermark', async () => {
    const topic = await topicWith(10)
    const batches: EachBatchPayload['batch'][] = []
    const consumer = await clients.consumer()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachBatch: async ({ batch }) => {
        batches.push(batch)
      }
    })
    await until('a batch', () => batches.length > 0)
    const [batch] = batches
    expect(batch).toMatchObject({ topic, partition: 0, highWatermark: '10' })
    expect(batch?.messages).toHaveLength(10)
    expect(batch?.isEmpty()).toBe(false)
    expect([batch?.firstOffset(), batch?.lastOffset()]).toEqual(['0', '9'])
    expect([batch?.offsetLag(), batch?.offsetLagLow()]).toEqual(['0', '9'])
  })

  test('that stops resolving offsets is given the rest again', async () => {
    const topic = await topicWith(10)
    const consumer = await clients.consumer()
    const seen: string[] = []
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch, resolveOffset }) => {
        for (const message of batch.messages.slice(0, 4)) {
          seen.push(String(message.value))
          resolveOffset(message.offset)
        }
      }
    })
    await until('every message', () => seen.length >= 10)
    expect(seen.slice(0, 10)).toEqual(range(10).map(String))
  })

  test('sees its own seek as a stale batch', async () => {
    const topic = await topicWith(5)
    const consumer = await clients.consumer()
    const seen: string[] = []
    let stale = 0
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch, resolveOffset, isStale, isRunning }) => {
        for (const message of batch.messages) {
          if (!isRunning()) return
          if (isStale()) {
            stale++
            return
          }
          seen.push(String(message.value))
          if (seen.length === 2) consumer.seek({ topic, partition: 0, offset: '4' })
          else resolveOffset(message.offset)
        }
      }
    })
    await until('the last message', () => seen.includes('4'))
    expect(seen).toEqual(['0', '1', '4'])
    expect(stale).toBe(1)
  })

  test('knows which offsets are not committed and commits them when asked', async () => {
    const topic = await topicWith(6)
    const groupId = uniqueName('group')
    const consumer = await clients.consumer({ groupId })
    const uncommitted: unknown[] = []
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      autoCommit: true,
      autoCommitThreshold: 1,
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch, resolveOffset, uncommittedOffsets, commitOffsetsIfNecessary }) => {
        resolveOffset(batch.messages[2]!.offset)
        uncommitted.push(uncommittedOffsets())
        await commitOffsetsIfNecessary()
        uncommitted.push(uncommittedOffsets())
        expect(await committedOffsets(groupId, topic)).toEqual(['3'])
        await commitOffsetsIfNecessary({
          topics: [{ topic, partitions: [{ partition: 0, offset: '5' }] }]
        })
        uncommitted.push('done')
        consumer.pause([{ topic }])
      }
    })
    await until('a batch', () => uncommitted.length === 3)
    expect(uncommitted.slice(0, 2)).toEqual([
      { topics: [{ topic, partitions: [{ partition: '0', offset: '3' }] }] },
      { topics: [] }
    ])
  })
})

describe('autoCommit', () => {
  test('commits after the last message, and the next consumer goes on there', async () => {
    const topic = await topicWith(5)
    const groupId = uniqueName('group')
    const first = await clients.consumer({ groupId })
    await consumeAll(first, topic, 5)
    await first.disconnect()
    expect(await committedOffsets(groupId, topic)).toEqual(['5'])
    await clients.produce(topic, [{ value: 'new' }])
    const second = await clients.consumer({ groupId })
    const received = await clients.collect(second, topic)
    await until('the new message', () => received.length > 0)
    expect(received.map(({ value }) => value)).toEqual(['new'])
  })

  test('off commits nothing, and the next consumer of the group starts over', async () => {
    const topic = await topicWith(3)
    const groupId = uniqueName('group')
    const first = await clients.consumer({ groupId })
    await consumeAll(first, topic, 3, { autoCommit: false })
    await first.disconnect()
    expect(await committedOffsets(groupId, topic)).toEqual(['-1'])
    const second = await clients.consumer({ groupId })
    const received = await consumeAll(second, topic, 3)
    expect(received.map(({ value }) => value)).toEqual(['0', '1', '2'])
  })

  test('with a threshold commits inside a batch', async () => {
    const topic = await topicWith(10)
    const groupId = uniqueName('group')
    const consumer = await clients.consumer({ groupId })
    const commits: string[] = []
    consumer.on(consumer.events.COMMIT_OFFSETS, ({ payload }) => {
      commits.push(payload.topics[0]!.partitions[0]!.offset)
    })
    await consumeAll(consumer, topic, 10, { autoCommitThreshold: 3 })
    await until('the last commit', () => commits.includes('10'))
    expect(commits.slice(0, 3)).toEqual(['3', '6', '9'])
  })

  test('with an interval commits while a batch is worked on', async () => {
    const topic = await topicWith(5)
    const groupId = uniqueName('group')
    const consumer = await clients.consumer({ groupId })
    const commits: string[] = []
    consumer.on(consumer.events.COMMIT_OFFSETS, ({ payload }) => {
      commits.push(payload.topics[0]!.partitions[0]!.offset)
    })
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      autoCommitInterval: 1,
      eachMessage: async () => {
        const startMs = Date.now()
        await until('the interval to be over', () => Date.now() > startMs + 1)
      }
    })
    await until('the last commit', () => commits.includes('5'))
    expect(commits).toEqual(['1', '2', '3', '4', '5'])
  })
})
