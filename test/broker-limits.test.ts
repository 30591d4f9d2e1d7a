import { onTestFinished, test, expect } from 'vitest'
import { brokerSettings } from '../src/broker-options.ts'
import { Broker } from '../src/broker.ts'
import type { Clock } from '../src/io/clock.ts'
import { memoryFiles } from '../src/io/memory-files.ts'
import { nodeClock } from '../src/io/node-clock.ts'
import { nodeRandom } from '../src/io/node-random.ts'
import { batchSize } from '../src/record/batch.ts'
import { buildBatch } from '../src/record/records.ts'
import { errorName } from '../src/wire/generated/errors.ts'
import { RawClient } from './server/raw-client.ts'

const topic = 't'

async function connectTo(
  config: Readonly<Record<string, string | number>>,
  clock: Clock = nodeClock
): Promise<RawClient> {
  const settings = brokerSettings({ topics: [{ name: topic, partitions: 2 }], config })
  const broker = await Broker.start(settings, { clock, random: nodeRandom, files: memoryFiles() })
  onTestFinished(() => broker.close())
  const client = await RawClient.connect(broker.listeners[0]!.port)
  onTestFinished(() => client.close())
  return client
}

async function produce(
  client: RawClient,
  index: number,
  records: Buffer
): Promise<string | undefined> {
  const partitionData = [{ index, records }]
  const asked = { acks: -1, timeoutMs: 1000, topicData: [{ name: topic, partitionData }] }
  const { responses } = await client.ask('Produce', 9, asked)
  return errorName(responses[0]!.partitionResponses[0]!.errorCode)
}

function batchOf(size: number): Buffer {
  return buildBatch({ records: [{ key: null, value: Buffer.alloc(size) }], timestampMs: 1 })
}

function fetchOf(sessionEpoch: number) {
  const partitions = [0, 1].map(partition => ({
    partition,
    fetchOffset: 0,
    partitionMaxBytes: 1 << 20
  }))
  return { maxWaitMs: 0, minBytes: 0, sessionEpoch, topics: [{ topic, partitions }] }
}

test('fetch.max.bytes bounds an answer whatever the client asks for, one batch may exceed it', async () => {
  const client = await connectTo({ 'fetch.max.bytes': 1024 })
  const large = batchOf(5000)
  await produce(client, 0, large)
  for (let n = 0; n < 4; n++) await produce(client, 1, batchOf(300))
  const { responses } = await client.ask('Fetch', 11, fetchOf(-1))
  expect(responses[0]!.partitions.map(each => each.records?.length)).toEqual([large.length, 0])
  const second = {
    ...fetchOf(-1),
    topics: [{ topic, partitions: [{ partition: 1, fetchOffset: 0, partitionMaxBytes: 1 << 20 }] }]
  }
  const few = (await client.ask('Fetch', 11, second)).responses[0]!.partitions[0]!.records!
  expect(few.length).toBe(2 * batchSize(few, 0))
})

test('max.incremental.fetch.session.cache.slots bounds the sessions, 0 makes none', async () => {
  const one = await connectTo({ 'max.incremental.fetch.session.cache.slots': 1 })
  expect((await one.ask('Fetch', 11, fetchOf(0))).sessionId).toBeGreaterThan(0)
  expect((await one.ask('Fetch', 11, fetchOf(0))).sessionId).toBe(0)
  const none = await connectTo({ 'max.incremental.fetch.session.cache.slots': 0 })
  expect((await none.ask('Fetch', 11, fetchOf(0))).sessionId).toBe(0)
})

test('a wall clock that jumps evicts no fetch session', async () => {
  let wallMs = 1_700_000_000_000
  const clock = { ...nodeClock, wallMs: () => wallMs }
  const client = await connectTo({ 'max.incremental.fetch.session.cache.slots': 1 }, clock)
  const { sessionId } = await client.ask('Fetch', 11, fetchOf(0))
  wallMs += 86_400_000
  expect((await client.ask('Fetch', 11, fetchOf(0))).sessionId).toBe(0)
  const next = await client.ask('Fetch', 11, { ...fetchOf(1), sessionId, topics: [] })
  expect(errorName(next.errorCode)).toBe('NONE')
})

test('a producer that was idle for producer.id.expiration.ms may begin at any sequence', async () => {
  let wallMs = 1_700_000_000_000
  const clock = { ...nodeClock, wallMs: () => wallMs }
  const client = await connectTo({ 'producer.id.expiration.ms': 1000 }, clock)
  const numbered = (baseSequence: number): Buffer =>
    buildBatch({
      records: [{ key: null, value: null }],
      timestampMs: wallMs,
      producerId: 7,
      producerEpoch: 0,
      baseSequence
    })
  expect(await produce(client, 0, numbered(0))).toBe('NONE')
  wallMs += 999
  expect(await produce(client, 0, numbered(50))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  wallMs += 1
  expect(await produce(client, 0, numbered(50))).toBe('NONE')
  expect(await produce(client, 0, numbered(52))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
})
