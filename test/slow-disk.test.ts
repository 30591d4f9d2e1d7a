import { expect, onTestFinished, test } from 'vitest'
import { deferred } from '../src/base/deferred.ts'
import { brokerSettings } from '../src/broker-options.ts'
import { Broker } from '../src/broker.ts'
import { manualClock } from '../src/io/manual-clock.ts'
import { memoryFiles } from '../src/io/memory-files.ts'
import { nodeRandom } from '../src/io/node-random.ts'
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
  return { files, clock, client }
}

function fetchRequest(maxWaitMs: number) {
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 100_000 }]
  return { maxWaitMs, minBytes: 1, topics: [{ topic, partitions }] }
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
  const { files, clock, client } = await start()
  const [producer, consumer] = [await client(), await client()]
  const member = await joined(consumer, () => clock.advance(0))
  const stuck = deferred<void>()
  files.syncGate = stuck.promise
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
  files.syncGate = null
  stuck.resolve()
  expect(await last).toMatchObject({ errorCode: 0, baseOffset: 0 })
  const { responses } = await consumer.ask('Fetch', 11, fetchRequest(0))
  expect(responses[0]?.partitions[0]?.highWatermark).toBe(1)
})
