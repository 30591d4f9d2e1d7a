import { batchOf, recordTimeMs } from '../batches.ts'
import type { Conversation, Speaker, Talk, Topic } from '../talk.ts'
import { fetchOf } from './fetch.ts'
import { produceTo, readAll } from './produce.ts'

/** What a log answers when its configs, or its start, change between one batch and the next. */
export const logChanges: Conversation = {
  name: 'log-changes',
  async run(talk) {
    const client = talk.connect()
    await configsWhileRunning(talk, client)
    await producersOfDeletedRecords(talk, client)
    await deletionsWithoutPolicy(talk, client)
    await startsThatRiseDuringFetches(talk)
  }
}

/** A batch, and the change before it. */
const changes: readonly (readonly [config: string, value: string, records: Buffer])[] = [
  ['max.message.bytes', '80', batchOf(['x'.repeat(40)])],
  ['max.message.bytes', '2000', batchOf(['x'.repeat(40)])],
  ['message.timestamp.before.max.ms', '1000', batchOf(['too old'])],
  ['message.timestamp.type', 'LogAppendTime', batchOf(['old, but stamped'])],
  ['message.timestamp.before.max.ms', '9223372036854775807', batchOf(['stamped'])],
  ['message.timestamp.type', 'CreateTime', batchOf(['its own time again'])],
  ['message.timestamp.after.max.ms', '0', batchOf([{ value: 'x', timestampMs: 2 ** 42 }])],
  ['compression.type', 'gzip', batchOf(['packed'])],
  ['compression.gzip.level', '9', batchOf(['packed tighter'])],
  ['compression.type', 'uncompressed', batchOf(['unpacked'], { compression: 'gzip' })],
  ['compression.type', 'producer', batchOf(['as it is'], { compression: 'snappy' })],
  ['cleanup.policy', 'compact', batchOf(['no key'])],
  ['cleanup.policy', 'delete', batchOf(['no key needed'])],
  ['segment.bytes', '1048576', batchOf(['x'])]
]

async function configsWhileRunning(talk: Talk, client: Speaker): Promise<void> {
  // Stamped times among old ones would begin new segments, and Kafka reads one at a time.
  const topic = await talk.topic('configs', { configs: { 'segment.ms': `${2n ** 63n - 1n}` } })
  for (const [name, value, records] of changes) {
    await alter(talk, topic, name, value)
    await client.ask('Produce', 9, produceTo(topic, records), `${name} = ${value}`)
  }
  await readAll(client, topic, 'under all configs')
}

/** Resolves when the broker goes by the new value. */
async function alter(talk: Talk, topic: Topic, name: string, value: string): Promise<void> {
  await talk.setup.ask('IncrementalAlterConfigs', 1, {
    resources: [
      {
        resourceType: 2,
        resourceName: topic.name,
        configs: [{ name, configOperation: 0, value }]
      }
    ],
    validateOnly: false
  })
  await talk.until(`${name} is ${value}`, async () => {
    const { results } = await talk.setup.ask('DescribeConfigs', 1, {
      resources: [{ resourceType: 2, resourceName: topic.name, configurationKeys: [name] }]
    })
    return results[0]!.configs[0]!.value === value
  })
}

/** What is known of a producer whose records are gone (KIP-360). */
async function producersOfDeletedRecords(talk: Talk, client: Speaker): Promise<void> {
  const topic = await talk.topic('producers')
  const known = { producerId: 4_000_100, producerEpoch: 2 }
  const send = async (note: string, baseSequence: number, more = {}) => {
    const records = batchOf([note], { ...known, baseSequence, ...more })
    await client.ask('Produce', 9, produceTo(topic, records), note)
  }
  for (const sequence of [0, 1, 2]) await send(`sequence ${sequence}`, sequence)
  await deleteBefore(talk, topic, 2)
  await send('sequence 0 again, which is gone', 0)
  await deleteBefore(talk, topic, -1)
  await send('sequence 2 again, which is gone', 2)
  await send('a gap over what is gone', 4)
  await send('an epoch before, of what is gone', 3, { producerEpoch: 1 })
  await send('an epoch behind, not from 0', 3, { producerEpoch: 3 })
  await send('goes on behind what is gone', 3)
  await readAll(client, topic, 'behind what is gone')
}

async function deleteBefore(talk: Talk, topic: Topic, offset: number): Promise<void> {
  const partitions = [{ partitionIndex: 0, offset }]
  await talk.setup.ask('DeleteRecords', 2, {
    topics: [{ name: topic.name, partitions }],
    timeoutMs: 10_000
  })
}

async function deletionsWithoutPolicy(talk: Talk, client: Speaker): Promise<void> {
  const topic = await talk.topic('no-policy', { configs: { 'cleanup.policy': '' } })
  await client.ask('Produce', 9, produceTo(topic, batchOf(['a', 'b'])), 'without a policy')
  const partitions = [{ partitionIndex: 0, offset: 1 }]
  const asked = { topics: [{ name: topic.name, partitions }], timeoutMs: 10_000 }
  await client.ask('DeleteRecords', 2, asked, 'without a policy')
}

/** A fetch that waits at the end of a log that loses all it has. */
async function startsThatRiseDuringFetches(talk: Talk): Promise<void> {
  const reader = talk.connect('reader')
  const topic = await talk.topic('rising')
  const setup = talk.setup
  for (const value of ['a', 'b', 'c'])
    await setup.ask('Produce', 9, produceTo(topic, batchOf([value])))
  const limits = { maxWaitMs: 1_500, minBytes: 1_000 }
  const below = reader.ask('Fetch', 12, fetchOf([[topic, { fetchOffset: 1 }]], limits), 'overtaken')
  await talk.noteWaiting('a fetch whose records will be deleted', below)
  await deleteBefore(talk, topic, -1)
  await below
  const opened = fetchOf([[topic, { fetchOffset: 3 }]], { sessionEpoch: 0 })
  const { sessionId } = await reader.ask('Fetch', 12, opened, 'a session at the end')
  const next = { ...fetchOf([]), sessionId }
  await reader.ask('Fetch', 12, { ...next, sessionEpoch: 1 }, 'nothing new')
  const old = { value: 'd', timestampMs: recordTimeMs }
  await setup.ask('Produce', 9, produceTo(topic, batchOf([old, old])))
  await deleteBefore(talk, topic, 4)
  await reader.ask('Fetch', 12, { ...next, sessionEpoch: 2 }, 'the session is overtaken')
  await reader.ask('Fetch', 12, { ...next, sessionEpoch: 3 }, 'the session is still overtaken')
  const moved = fetchOf([[topic, { fetchOffset: 5 }]], { sessionId, sessionEpoch: 4 })
  await reader.ask('Fetch', 12, moved, 'the session has caught up')
  await reader.ask('Fetch', 12, { ...next, sessionEpoch: 5 }, 'the session has nothing new')
}
