import { expect, onTestFinished, test } from 'vitest'
import { brokerSettings } from '../src/broker-options.ts'
import { Broker } from '../src/broker.ts'
import { consumerOffsetsTopic } from '../src/cluster/topic-name.ts'
import { memoryFiles } from '../src/io/memory-files.ts'
import { nodeClock } from '../src/io/node-clock.ts'
import { nodeRandom } from '../src/io/node-random.ts'
import { buildBatch } from '../src/record/records.ts'
import { silentLogger, type LogFields, type Logger } from '../src/telemetry/logger.ts'
import { RawClient } from './server/raw-client.ts'
import { faultyFiles, type FaultyFiles } from './storage/local/faulty-files.ts'

const topic = 'orders'
const storageError = 56

interface Life {
  readonly broker: Broker
  readonly client: RawClient
  readonly complaints: (readonly [string, LogFields])[]
}

async function start(files: FaultyFiles): Promise<Life> {
  const complaints: [string, LogFields][] = []
  const logger: Logger = {
    ...silentLogger,
    error: (message, fields = {}) => void complaints.push([message, fields])
  }
  const settings = brokerSettings({
    dataDir: '/data',
    topics: [{ name: topic, partitions: 2 }],
    config: { 'offsets.topic.num.partitions': 1 },
    logger
  })
  const broker = await Broker.start(settings, { clock: nodeClock, random: nodeRandom, files })
  onTestFinished(() => broker.close())
  const client = await RawClient.connect(broker.listeners[0]!.port)
  onTestFinished(() => client.close())
  return { broker, client, complaints }
}

/** What each partition answers to a batch of an idempotent producer. */
async function produce({ client }: Life, baseSequence: number): Promise<readonly number[]> {
  const records = buildBatch({
    records: [{ key: null, value: Buffer.from('order') }],
    producerId: 1,
    producerEpoch: 0,
    baseSequence
  })
  const partitionData = [0, 1].map(index => ({ index, records }))
  client.request('Produce', 9, 1, {
    acks: -1,
    timeoutMs: 1000,
    topicData: [{ name: topic, partitionData }]
  })
  const { response } = await client.answer('Produce', 9)
  return response.responses[0]!.partitionResponses.map(({ errorCode }) => errorCode)
}

async function fetch({ client }: Life): Promise<readonly number[]> {
  client.request('Fetch', 12, 1, {
    maxWaitMs: 0,
    minBytes: 0,
    topics: [
      {
        topic,
        partitions: [0, 1].map(partition => ({
          partition,
          fetchOffset: 0,
          partitionMaxBytes: 1e6
        }))
      }
    ]
  })
  const { response } = await client.answer('Fetch', 12)
  return response.responses[0]!.partitions.map(({ errorCode }) => errorCode)
}

async function ends({ client }: Life): Promise<readonly (readonly [number, number])[]> {
  const partitions = [0, 1].map(partitionIndex => ({ partitionIndex, timestamp: -1 }))
  client.request('ListOffsets', 7, 1, { replicaId: -1, topics: [{ name: topic, partitions }] })
  const { response } = await client.answer('ListOffsets', 7)
  return response.topics[0]!.partitions.map(({ errorCode, offset }) => [errorCode, offset] as const)
}

async function commit({ client }: Life): Promise<number> {
  client.request('OffsetCommit', 8, 1, {
    groupId: 'readers',
    topics: [
      {
        name: topic,
        partitions: [{ partitionIndex: 0, committedOffset: 7n, committedMetadata: null }]
      }
    ]
  })
  const { response } = await client.answer('OffsetCommit', 8)
  return response.topics[0]!.partitions[0]!.errorCode
}

async function committed({ client }: Life): Promise<readonly [number, bigint | undefined]> {
  const topics = [{ name: topic, partitionIndexes: [0] }]
  client.request('OffsetFetch', 7, 1, { groupId: 'readers', topics })
  const { response } = await client.answer('OffsetFetch', 7)
  return [response.errorCode, response.topics[0]?.partitions[0]?.committedOffset]
}

async function kill({ broker }: Life): Promise<void> {
  broker.fail(new Error('killed'))
  await broker.close()
}

for (const ending of ['a kill', 'a stop in order'] as const) {
  test(`a partition that cannot be read after ${ending} refuses everything, the others serve`, async () => {
    const files = faultyFiles(memoryFiles())
    const first = await start(files)
    expect(await produce(first, 0)).toEqual([0, 0])
    await (ending === 'a kill' ? kill(first) : first.broker.close())
    files.fault = (operation, path) =>
      operation === 'read' && path.includes(`/${topic}-0/`) ? 'EIO' : null
    const second = await start(files)
    expect(await produce(second, 1)).toEqual([storageError, 0])
    expect(await fetch(second)).toEqual([storageError, 0])
    expect((await ends(second)).map(([error]) => error)).toEqual([storageError, 0])
    expect(second.complaints).toMatchObject([
      [
        'a partition cannot be read and refuses everything until the next start; the others serve',
        { topic, partition: 0 }
      ]
    ])
    second.client.request('DescribeLogDirs', 4, 1, { topics: null })
    const { response } = await second.client.answer('DescribeLogDirs', 4)
    expect(response.results).toMatchObject([
      { errorCode: 0, topics: [{ partitions: [{ partitionIndex: 1 }] }] },
      { errorCode: storageError, logDir: `/data/${topic}-0` }
    ])
    await second.broker.close()
    files.fault = () => null
    // It was left as it is: its producer is known, and the same batch again is a repetition.
    const third = await start(files)
    expect(await produce(third, 0)).toEqual([0, 0])
    expect(await ends(third)).toEqual([
      [0, 1],
      [0, 2]
    ])
  })
}

test('a metadata log that cannot be read keeps the broker from starting, in clear words', async () => {
  const files = faultyFiles(memoryFiles())
  const first = await start(files)
  await produce(first, 0)
  await kill(first)
  files.fault = (operation, path) =>
    operation === 'read' && path.includes('/__cluster_metadata-0/') ? 'EIO' : null
  await expect(start(files)).rejects.toThrow(/^the metadata log cannot be read/)
})

test('groups whose offsets cannot be read are told to wait and keep what they committed', async () => {
  const files = faultyFiles(memoryFiles())
  const first = await start(files)
  expect(await commit(first)).toBe(0)
  await kill(first)
  files.fault = (operation, path) =>
    operation === 'read' && path.includes(`/${consumerOffsetsTopic}-0/`) ? 'EIO' : null
  const second = await start(files)
  expect((await committed(second))[0]).not.toBe(0)
  expect(await commit(second)).not.toBe(0)
  expect(await produce(second, 0)).toEqual([0, 0])
  await kill(second)
  files.fault = () => null
  expect(await committed(await start(files))).toEqual([0, 7n])
})
