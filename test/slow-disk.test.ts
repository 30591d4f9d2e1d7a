import { expect, onTestFinished, test } from 'vitest'
import { deferred } from '../src/base/deferred.ts'
import { brokerSettings } from '../src/broker-options.ts'
import { Broker, StalledDisk } from '../src/broker.ts'
import { manualClock, type ManualClock } from '../src/io/manual-clock.ts'
import { memoryFiles } from '../src/io/memory-files.ts'
import { nodeRandom } from '../src/io/node-random.ts'
import { shutdownStallMs } from '../src/limits.ts'
import { silentLogger } from '../src/telemetry/logger.ts'
import { subscription } from './handlers/group-plane.ts'
import { idempotentBatch } from './partition/fixture.ts'
import { RawClient } from './server/raw-client.ts'
import { faultyFiles } from './storage/local/faulty-files.ts'

const topic = 'orders'

/** A broker whose disk and clock are in the hands of the test. */
async function start() {
  const files = faultyFiles(memoryFiles())
  const clock = manualClock()
  const settings = brokerSettings({
    dataDir: '/data',
    durability: 'fsync',
    topics: [{ name: topic, partitions: 1 }],
    config: { 'offsets.topic.num.partitions': 1, 'group.initial.rebalance.delay.ms': 0 },
    logger: silentLogger
  })
  const broker = await Broker.start(settings, { clock, random: nodeRandom, files })
  onTestFinished(() => broker.close())
  const client = async (): Promise<RawClient> => {
    const connected = await RawClient.connect(broker.listeners[0]!.port)
    onTestFinished(() => connected.close())
    return connected
  }
  /** Lets no sync end until the gate is opened. */
  const stall = (): { open(): void; isFelt(): Promise<void> } => {
    const stuck = deferred<void>()
    files.syncGate = stuck.promise
    files.forget()
    const isFelt = async (): Promise<void> => {
      while (files.count('datasync', '') === 0) await new Promise(resolve => setImmediate(resolve))
    }
    const open = (): void => {
      files.syncGate = null
      stuck.resolve()
    }
    onTestFinished(open)
    return { open, isFelt }
  }
  return { broker, clock, client, stall }
}

function fetchRequest(maxWaitMs: number) {
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 100_000 }]
  return { maxWaitMs, minBytes: 1, topics: [{ topic, partitions }] }
}

/** Moves the clock second by second until all is answered. */
async function answered<T>(
  clock: ManualClock,
  asked: readonly Promise<T>[]
): Promise<readonly T[]> {
  const waiting = { isOver: false }
  const answers = Promise.all(asked).finally(() => (waiting.isOver = true))
  while (!waiting.isOver) {
    for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
    clock.advance(1000)
  }
  return answers
}

/** Forms a group of one member; what its heartbeats say. */
async function joined(client: RawClient, advance: () => void) {
  const protocols = [{ name: 'range', metadata: subscription }]
  const timeouts = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 60_000 }
  const request = { groupId: 'g', memberId: '', protocolType: 'consumer', protocols, ...timeouts }
  const waiting = { isOver: false }
  const joining = client.ask('JoinGroup', 3, request).finally(() => (waiting.isOver = true))
  while (!waiting.isOver) {
    advance()
    await new Promise(resolve => setImmediate(resolve))
  }
  const { memberId, generationId } = await joining
  const member = { groupId: 'g', memberId, generationId }
  const assignments = [{ memberId, assignment: Buffer.from('all') }]
  await client.ask('SyncGroup', 3, { ...member, assignments })
  return member
}

test('while the disk does not answer others are answered, and a produce is timed out and repeated', async () => {
  const { clock, client, stall } = await start()
  const [producer, consumer] = [await client(), await client()]
  const member = await joined(consumer, () => clock.advance(0))
  const disk = stall()
  const produce = async () => {
    const topicData = [{ name: topic, partitionData: [{ index: 0, records: idempotentBatch(0) }] }]
    const { responses } = await producer.ask('Produce', 9, { acks: -1, timeoutMs: 5000, topicData })
    return responses[0]!.partitionResponses[0]
  }
  for (let attempt = 0; attempt < 3; attempt++) {
    const waiting = { isOver: false }
    const answer = produce().finally(() => (waiting.isOver = true))
    while (!waiting.isOver) {
      expect(await consumer.ask('Heartbeat', 3, member)).toMatchObject({ errorCode: 0 })
      const fetched = await consumer.ask('Fetch', 11, fetchRequest(0))
      expect(fetched.responses[0]?.partitions[0]?.records?.length ?? 0).toBe(0)
      clock.advance(1000)
    }
    expect(await answer).toMatchObject({ errorCode: 7 })
  }
  const last = produce()
  disk.open()
  expect(await last).toMatchObject({ errorCode: 0, baseOffset: 0 })
  const { responses } = await consumer.ask('Fetch', 11, fetchRequest(0))
  expect(responses[0]?.partitions[0]?.highWatermark).toBe(1)
})

const asConfigured = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
const growth = { name: topic, count: 2, assignments: null }
const configChange = {
  validateOnly: false,
  resources: [
    {
      resourceType: 2,
      resourceName: topic,
      configs: [{ name: 'retention.ms', configOperation: 0, value: '5000' }]
    }
  ]
}

function commitOf(committedOffset: number) {
  const offset = { committedOffset: BigInt(committedOffset), committedMetadata: '' }
  const partitions = [{ partitionIndex: 0, ...offset }]
  const nobody = { generationIdOrMemberEpoch: -1, memberId: '' }
  return { groupId: 'g', ...nobody, topics: [{ name: topic, partitions }] }
}

const [requestTimedOut, notAvailable, loadInProgress, unknownTopic] = [7, 15, 14, 3]

test('whatever a disk that does not answer holds up is answered in the end, as in Kafka', async () => {
  const { clock, client, stall } = await start()
  const first = await client()
  const topicData = [{ name: topic, partitionData: [{ index: 0, records: idempotentBatch(0) }] }]
  await first.ask('Produce', 9, { acks: -1, timeoutMs: 5000, topicData })
  const disk = stall()
  const ask = async (send: (asking: RawClient) => Promise<unknown>) => send(await client())
  const timeoutMs = 5000
  const partitions = [{ partitionIndex: 0, offset: 1 }]
  const topics = ['new', 'newer'].map(name => ({ name, ...asConfigured }))
  const creation = ask(c => c.ask('CreateTopics', 5, { topics, timeoutMs }))
  await disk.isFelt()
  const answers = await answered(clock, [
    creation,
    ask(c => c.ask('DeleteTopics', 5, { topicNames: [topic], timeoutMs })),
    ask(c => c.ask('CreatePartitions', 3, { topics: [growth], timeoutMs, validateOnly: false })),
    ask(c => c.ask('DeleteRecords', 2, { topics: [{ name: topic, partitions }], timeoutMs })),
    ask(c => c.ask('IncrementalAlterConfigs', 1, configChange)),
    ask(c => c.ask('Metadata', 8, { topics: [{ name: 'auto' }], allowAutoTopicCreation: true })),
    ask(c => c.ask('FindCoordinator', 3, { key: 'g', keyType: 0 })),
    ask(c => c.ask('OffsetCommit', 8, commitOf(0))),
    ask(c => c.ask('InitProducerId', 4, { transactionalId: null, transactionTimeoutMs: 1000 }))
  ])
  const late = { errorCode: requestTimedOut }
  expect(answers).toMatchObject([
    { topics: [late, late] },
    { responses: [late] },
    { results: [late] },
    { topics: [{ partitions: [{ ...late, lowWatermark: -1 }] }] },
    { responses: [late] },
    { topics: [{ errorCode: unknownTopic }] },
    { errorCode: notAvailable },
    { topics: [{ partitions: [{ errorCode: notAvailable }] }] },
    { errorCode: loadInProgress }
  ])
  disk.open()
  // What had begun has happened when the next one is answered, and what had not never does.
  await first.ask('CreateTopics', 5, { topics, timeoutMs, validateOnly: true })
  const again = { topics: [{ name: topic, partitions }], timeoutMs }
  expect(await first.ask('DeleteRecords', 2, again)).toMatchObject({
    topics: [{ partitions: [{ errorCode: 0, lowWatermark: 1 }] }]
  })
  const there = (await first.ask('Metadata', 8, { topics: null })).topics.map(({ name }) => name)
  expect(there).toEqual(expect.arrayContaining([topic, 'new', 'newer']))
  expect(there).not.toContain('auto')
  const fetched = await first.ask('Fetch', 11, fetchRequest(0))
  expect(fetched.responses[0]?.partitions[0]?.errorCode).toBe(1)
})

test('a commit that the disk holds up is COORDINATOR_NOT_AVAILABLE, and there when it is back', async () => {
  const { clock, client, stall } = await start()
  const committing = await client()
  await committing.ask('FindCoordinator', 3, { key: 'g', keyType: 0 })
  const disk = stall()
  const [late] = await answered(clock, [committing.ask('OffsetCommit', 8, commitOf(7))])
  expect(late).toMatchObject({ topics: [{ partitions: [{ errorCode: notAvailable }] }] })
  const wanted = { groupId: 'g', topics: [{ name: topic, partitionIndexes: [0] }] }
  const [unknown] = await answered(clock, [committing.ask('OffsetFetch', 7, wanted)])
  expect(unknown).toMatchObject({ errorCode: 16 })
  disk.open()
  const known = await committing.ask('OffsetFetch', 7, wanted)
  expect(known).toMatchObject({ errorCode: 0, topics: [{ partitions: [{ committedOffset: 7n }] }] })
})

test('a broker that stops does not wait for ever for a disk that does not answer', async () => {
  const { broker, clock, client, stall } = await start()
  const producer = await client()
  const disk = stall()
  const topicData = [{ name: topic, partitionData: [{ index: 0, records: idempotentBatch(0) }] }]
  producer.ask('Produce', 9, { acks: -1, timeoutMs: 600_000, topicData }).catch(() => {})
  await disk.isFelt()
  const end = broker.closed.then(
    () => 'in order',
    (error: unknown) => error
  )
  const [closing] = await answered(clock, [broker.close().then(() => end)])
  expect(closing).toBeInstanceOf(StalledDisk)
})

test('a broker that stops waits for a disk that is slow but goes on', async () => {
  const { broker, clock, client, stall } = await start()
  const producer = await client()
  let disk = stall()
  const topicData = [{ name: topic, partitionData: [{ index: 0, records: idempotentBatch(0) }] }]
  producer.ask('Produce', 9, { acks: -1, timeoutMs: 600_000, topicData }).catch(() => {})
  await disk.isFelt()
  const waiting = { isOver: false }
  const closing = broker.close().finally(() => (waiting.isOver = true))
  for (let syncs = 0; syncs < 20 && !waiting.isOver; syncs++) {
    clock.advance(shutdownStallMs - 1000)
    const before = disk
    disk = stall()
    before.open()
    for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve))
  }
  disk.open()
  await closing
  await expect(broker.closed).resolves.toBeUndefined()
})
