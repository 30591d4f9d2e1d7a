import { batchOf } from '../batches.ts'
import type { Conversation, Request, Speaker, Talk, Topic } from '../talk.ts'
import { versions } from '../versions.ts'
import { produceTo } from './produce.ts'

type FetchRequest = Request<'Fetch'>
type FetchPartition = FetchRequest['topics'][number]['partitions'][number]

const unknownId = 'AAAAAAAAAAAAAAAAAAAAAg'
const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'

/** A partition of a Fetch request, from its start and without limits unless it says more. */
export function fetchPartition(more: Partial<FetchPartition> = {}): FetchPartition {
  return { partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000, ...more }
}

/** A Fetch request that does not wait. */
export function fetchOf(
  topics: readonly (readonly [topic: Topic, ...partitions: Partial<FetchPartition>[]])[],
  more: Partial<FetchRequest> = {}
): FetchRequest {
  return {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 50_000_000,
    topics: topics.map(([{ name, topicId }, ...partitions]) => ({
      topic: name,
      topicId,
      partitions: partitions.map(fetchPartition)
    })),
    ...more
  }
}

export const fetch: Conversation = {
  name: 'fetch',
  async run(talk) {
    const client = talk.connect()
    const topic = await filled(talk, 'one')
    const two = await filled(talk, 'two')
    const empty = await talk.topic('empty')
    for (const version of versions('Fetch')) {
      await offsets(client, version, topic)
      await limits(client, version, topic, two)
      await places(talk, client, version, topic, empty)
      await epochs(client, version, topic)
      await readers(client, version, topic)
    }
    await deleted(client, two)
  }
}

/** Nine records in five batches in partition 0, one in partition 1. */
async function filled(talk: Talk, suffix: string): Promise<Topic> {
  const topic = await talk.topic(suffix, { partitions: 2 })
  const five = ['a', 'b', 'c', 'd', 'e'].map(key => ({ key, value: `of ${key}` }))
  const batches = [
    batchOf(['first']),
    batchOf(['second, somewhat longer']),
    batchOf(five),
    batchOf(['packed'], { compression: 'gzip' }),
    batchOf(['last'])
  ]
  for (const records of batches) await talk.setup.ask('Produce', 13, produceTo(topic, records))
  const other = produceTo(topic, batchOf(['other']), { index: 1 })
  await talk.setup.ask('Produce', 13, other)
  return topic
}

async function offsets(client: Speaker, version: number, topic: Topic): Promise<void> {
  for (const fetchOffset of [0, 1, 4, 6, 8, 9, 10, 1_000, -1, -2, -100, 2 ** 53 - 1])
    await client.attempt(
      'Fetch',
      version,
      fetchOf([[topic, { fetchOffset }]]),
      `offset ${fetchOffset}`
    )
}

async function limits(client: Speaker, version: number, topic: Topic, two: Topic): Promise<void> {
  for (const partitionMaxBytes of [0, 1, 73, 74, 75, 200, -1])
    await client.attempt(
      'Fetch',
      version,
      fetchOf([[topic, { partitionMaxBytes }]]),
      `partitionMaxBytes ${partitionMaxBytes}`
    )
  for (const maxBytes of [0, 1, 100, 300, -1])
    await client.attempt(
      'Fetch',
      version,
      fetchOf(
        [
          [topic, {}, { partition: 1 }],
          [two, { fetchOffset: 5 }]
        ],
        { maxBytes }
      ),
      `maxBytes ${maxBytes}`
    )
  const tight = [topic, { fetchOffset: 9 }, { partition: 1, partitionMaxBytes: 1 }] as const
  await client.attempt(
    'Fetch',
    version,
    fetchOf([tight, [two, { partitionMaxBytes: 1 }]], { maxBytes: 1 }),
    'the first that has something gives one batch'
  )
}

async function places(
  talk: Talk,
  client: Speaker,
  version: number,
  topic: Topic,
  empty: Topic
): Promise<void> {
  const ask = (note: string, request: FetchRequest) =>
    client.attempt('Fetch', version, request, note)
  const nowhere = { name: talk.name('nowhere'), topicId: unknownId }
  await ask('nothing', fetchOf([]))
  await ask('a topic without partitions', fetchOf([[topic]]))
  await ask('an empty topic', fetchOf([[empty, {}]]))
  await ask('an empty topic beyond its end', fetchOf([[empty, { fetchOffset: 1 }]]))
  await ask('a topic that is not there', fetchOf([[nowhere, {}, { partition: 5 }]]))
  await ask('a name that is none', fetchOf([[{ name: 'a b', topicId: zeroId }, {}]]))
  await ask(
    'partitions that are not there',
    fetchOf([[topic, { partition: 2 }, { partition: -1 }]])
  )
  await ask(
    'good ones between bad ones',
    fetchOf([
      [nowhere, {}],
      [topic, {}],
      [nowhere, { partition: 3 }],
      [empty, {}]
    ])
  )
  await ask('one partition twice', fetchOf([[topic, {}, { fetchOffset: 8 }]]))
  await ask(
    'one topic twice',
    fetchOf([
      [topic, {}],
      [topic, { partition: 1 }]
    ])
  )
}

async function epochs(client: Speaker, version: number, topic: Topic): Promise<void> {
  for (const currentLeaderEpoch of [-1, -2, 0, 1, 100])
    await client.attempt(
      'Fetch',
      version,
      fetchOf([[topic, { currentLeaderEpoch, fetchOffset: 8 }]]),
      `currentLeaderEpoch ${currentLeaderEpoch}`
    )
  const both = fetchOf([[topic, { currentLeaderEpoch: 9, fetchOffset: 100 }]])
  await client.attempt('Fetch', version, both, 'epoch unknown and offset out of range')
  for (const lastFetchedEpoch of [-2, 0, 1])
    await client.attempt(
      'Fetch',
      version,
      fetchOf([[topic, { lastFetchedEpoch, fetchOffset: 8 }]]),
      `lastFetchedEpoch ${lastFetchedEpoch}`
    )
  const beyond = fetchOf([[topic, { lastFetchedEpoch: 0, fetchOffset: 12 }]])
  await client.attempt('Fetch', version, beyond, 'lastFetchedEpoch 0 beyond the end')
}

async function readers(client: Speaker, version: number, topic: Topic): Promise<void> {
  const at8 = [topic, { fetchOffset: 8 }] as const
  const ask = (note: string, more: Partial<FetchRequest>) =>
    client.attempt('Fetch', version, fetchOf([at8], more), note)
  for (const isolationLevel of [1, 2, -1])
    await ask(`isolation ${isolationLevel}`, { isolationLevel })
  await ask('a rack', { rackId: 'here' })
  await ask('another cluster', { clusterId: 'another' })
  await ask('minBytes below zero', { minBytes: -1 })
  await ask('maxWaitMs below zero', { maxWaitMs: -1, minBytes: 1 })
  await ask('a consumer of debug level', { replicaId: -2, replicaState: { replicaId: -2 } })
  await ask('enough at once', { maxWaitMs: 20_000, minBytes: 10 })
  await ask('minBytes 0 at the end', { maxWaitMs: 20_000, minBytes: 0 })
  const failing = fetchOf([[topic, { fetchOffset: 9 }, { partition: 1, fetchOffset: 77 }]], {
    maxWaitMs: 20_000,
    minBytes: 1_000
  })
  await client.attempt('Fetch', version, failing, 'an error does not wait')
  const short = fetchOf([[topic, { fetchOffset: 9 }]], { maxWaitMs: 5, minBytes: 1_000 })
  await client.attempt('Fetch', version, short, 'five milliseconds for nothing')
}

async function deleted(client: Speaker, topic: Topic): Promise<void> {
  await client.ask('DeleteRecords', 2, {
    topics: [{ name: topic.name, partitions: [{ partitionIndex: 0, offset: 4 }] }],
    timeoutMs: 10_000
  })
  for (const version of versions('Fetch'))
    for (const fetchOffset of [0, 3, 4, 5])
      await client.attempt(
        'Fetch',
        version,
        fetchOf([[topic, { fetchOffset }]]),
        `offset ${fetchOffset} when 4 is the first`
      )
}
