import { batchOf } from '../batches.ts'
import type { Conversation, Request } from '../talk.ts'
import { versions } from '../versions.ts'
import { fetchOf } from './fetch.ts'
import { produceTo } from './produce.ts'

export const deleteRecords: Conversation = {
  name: 'delete-records',
  async run(talk) {
    const client = talk.connect()
    await talk.group('makes-the-offsets-topic')
    const compacted = await talk.topic('compacted', { configs: { 'cleanup.policy': 'compact' } })
    const both = await talk.topic('both', { configs: { 'cleanup.policy': 'compact,delete' } })
    for (const topic of [compacted, both])
      await talk.setup.ask('Produce', 9, produceTo(topic, batchOf([{ key: 'k', value: 'v' }])))
    for (const version of versions('DeleteRecords')) {
      const topic = await talk.topic(`v${version}`, { partitions: 2 })
      for (const index of [0, 1])
        for (const value of ['one', 'two', 'three'])
          await talk.setup.ask('Produce', 9, produceTo(topic, batchOf([value, value]), { index }))
      const ask = (
        note: string,
        name: string,
        ...partitions: (readonly [partitionIndex: number, offset: number])[]
      ) => client.attempt('DeleteRecords', version, requestOf([[name, partitions]]), note)
      await ask('offset 0', topic.name, [0, 0])
      await ask('inside a batch', topic.name, [0, 1])
      await ask('backwards', topic.name, [0, 0])
      await ask('between batches', topic.name, [0, 2])
      await ask('beyond the end', topic.name, [0, 7])
      await ask('far beyond the end', topic.name, [0, 2 ** 53 - 1])
      await ask('offset -2', topic.name, [0, -2])
      await ask('offset -100', topic.name, [0, -100])
      await ask('two partitions, one not there', topic.name, [1, 3], [2, 1], [-1, 1])
      await client.ask(
        'Fetch',
        13,
        fetchOf([[topic, { fetchOffset: 2 }, { partition: 1, fetchOffset: 3 }]]),
        `after some of v${version}`
      )
      await ask('one partition twice', topic.name, [1, 4], [1, 5])
      await ask('all by -1', topic.name, [0, -1])
      await ask('the end again', topic.name, [0, 6])
      await client.ask(
        'Fetch',
        13,
        fetchOf([[topic, { fetchOffset: 6 }]]),
        `after all of v${version}`
      )
      await talk.setup.ask('Produce', 9, produceTo(topic, batchOf(['more'])))
      await client.ask(
        'ListOffsets',
        5,
        {
          replicaId: -1,
          topics: [
            {
              name: topic.name,
              partitions: [
                { partitionIndex: 0, timestamp: -2 },
                { partitionIndex: 0, timestamp: -1 },
                { partitionIndex: 1, timestamp: -2 }
              ].slice(1)
            }
          ]
        },
        `after v${version}`
      )
      await ask('a compacted topic', compacted.name, [0, 1])
      await ask('a partition of a compacted topic that is not there', compacted.name, [4, 1])
      await ask('a compacted topic beyond its end', compacted.name, [0, 10])
      await ask('a compacted and deleted topic', both.name, [0, 1])
      await ask('the offsets topic', '__consumer_offsets', [0, 0])
      await ask(
        'a partition of the offsets topic that is not there',
        '__consumer_offsets',
        [999, 0]
      )
      await ask('a topic that is not there', talk.name('nowhere'), [0, 0])
      await ask('a name that is none', 'a b', [0, 0])
      await ask('an empty name', '', [0, 0])
      await ask('no partitions', topic.name)
      await client.attempt('DeleteRecords', version, { topics: [], timeoutMs: 0 }, 'nothing')
      const mixed = requestOf([
        [talk.name('nowhere'), [[0, 1]]],
        [topic.name, [[1, 6]]],
        ['__consumer_offsets', [[1, 0]]]
      ])
      await client.attempt('DeleteRecords', version, mixed, 'good and bad')
      const hurried = { ...requestOf([[topic.name, [[0, 7]]]]), timeoutMs: 0 }
      await client.attempt('DeleteRecords', version, hurried, 'without time')
    }
  }
}

function requestOf(
  topics: readonly (readonly [
    name: string,
    partitions: readonly (readonly [partitionIndex: number, offset: number])[]
  ])[]
): Request<'DeleteRecords'> {
  return {
    topics: topics.map(([name, partitions]) => ({
      name,
      partitions: partitions.map(([partitionIndex, offset]) => ({ partitionIndex, offset }))
    })),
    timeoutMs: 10_000
  }
}
