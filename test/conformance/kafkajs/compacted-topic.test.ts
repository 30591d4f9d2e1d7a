import { describe, expect, test } from 'vitest'
import { useBroker } from '../broker.ts'
import { range, until } from '../waiting.ts'
import { Clients, type ReceivedMessage } from './clients.ts'

const clients = new Clients(useBroker({ config: { 'log.cleaner.backoff.ms': 50 } }))

/** Segments of a few batches, so that there is something below the active one. */
const compacted = {
  'cleanup.policy': 'compact',
  'segment.index.bytes': '40',
  'index.interval.bytes': '0',
  'min.cleanable.dirty.ratio': '0.01'
}

function entries(configs: Readonly<Record<string, string>>) {
  return Object.entries(configs).map(([name, value]) => ({ name, value }))
}

/** Everything that a new group is given up to an offset, which must be there. */
async function readUpTo(topic: string, offset: number): Promise<readonly ReceivedMessage[]> {
  const consumer = await clients.consumer()
  const received = await clients.collect(consumer, topic)
  await until(`offset ${offset} of ${topic}`, () => received.at(-1)?.offset === offset)
  await consumer.disconnect()
  return received
}

describe('a compacted topic', () => {
  test('keeps the last value of each key, at its offset and in order', async () => {
    const topic = await clients.createTopic({ configEntries: entries(compacted) })
    const producer = await clients.producer({ idempotent: true, maxInFlightRequests: 1 })
    for (const round of range(80)) {
      const value = round % 8 === 7 ? null : `value ${round}`
      await producer.send({ topic, messages: [{ key: `key ${round % 8}`, value }] })
    }
    let found: readonly ReceivedMessage[] = []
    await until('the topic is compacted', async () => {
      found = await readUpTo(topic, 79)
      return found.length < 30
    })
    const offsets = found.map(({ offset }) => offset)
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b))
    for (const { offset, key, value } of found) {
      expect(key).toBe(`key ${offset % 8}`)
      expect(value).toBe(offset % 8 === 7 ? null : `value ${offset}`)
    }
    const last = new Map(found.map(({ key, value }) => [key, value]))
    for (const key of range(7)) expect(last.get(`key ${key}`)).toBe(`value ${72 + key}`)
    const admin = await clients.admin()
    const [partition] = await admin.fetchTopicOffsets(topic)
    expect([partition!.low, partition!.high]).toEqual(['0', '80'])
  })

  test('refuses records without a key', async () => {
    const topic = await clients.createTopic({ configEntries: entries(compacted) })
    const producer = await clients.producer({ retry: { retries: 0 } })
    const sent = producer.send({ topic, messages: [{ value: 'no key' }] })
    await expect(sent).rejects.toThrow(/record/i)
  })
})
