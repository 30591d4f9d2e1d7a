import { batchOf, recordTimeMs } from '../batches.ts'
import type { Conversation, Request, Topic } from '../talk.ts'
import { versions } from '../versions.ts'
import { produceTo } from './produce.ts'

type Asked = Request<'ListOffsets'>['topics'][number]['partitions'][number]

function listOf(
  topic: Pick<Topic, 'name'>,
  partitions: readonly Partial<Asked>[],
  more: Partial<Request<'ListOffsets'>> = {}
): Request<'ListOffsets'> {
  return {
    replicaId: -1,
    timeoutMs: 1_000,
    topics: [
      {
        name: topic.name,
        partitions: partitions.map(each => ({ partitionIndex: 0, timestamp: -1, ...each }))
      }
    ],
    ...more
  }
}

const t = recordTimeMs

export const listOffsets: Conversation = {
  name: 'list-offsets',
  async run(talk) {
    const client = talk.connect()
    const topic = await talk.topic('a', { partitions: 3 })
    const times = [
      [t + 10, t + 30, t + 20],
      [t + 40],
      [t + 30, t + 30],
      [t + 100, t + 50, t + 100],
      [t + 90]
    ]
    for (const each of times) {
      const records = batchOf(each.map(timestampMs => ({ value: 'x', timestampMs })))
      await talk.setup.ask('Produce', 9, produceTo(topic, records))
    }
    const packed = batchOf(
      [t, t + 7, t + 5].map(timestampMs => ({ value: 'x', timestampMs })),
      { compression: 'gzip' }
    )
    await talk.setup.ask('Produce', 9, produceTo(topic, packed, { index: 1 }))
    const numbers = [-1, -2, -3, -4, -5, -6, -7, -100, 0, 1]
    const after = [-1, 0, 1, 6, 7, 8, 10, 11, 25, 30, 31, 40, 41, 90, 100, 101]
    const timestamps = [...numbers, ...after.map(ms => t + ms), 2 ** 53 - 1]
    for (const version of versions('ListOffsets')) {
      const ask = (note: string, request: Request<'ListOffsets'>) =>
        client.attempt('ListOffsets', version, request, note)
      for (const timestamp of timestamps) {
        const partitions = [0, 1, 2].map(partitionIndex => ({ partitionIndex, timestamp }))
        await ask(`timestamp ${timestamp}`, listOf(topic, partitions))
      }
      for (const isolationLevel of [1, 2])
        for (const timestamp of [-1, -2, -3, t + 30])
          await ask(
            `isolation ${isolationLevel}, timestamp ${timestamp}`,
            listOf(topic, [{ timestamp }], { isolationLevel })
          )
      for (const currentLeaderEpoch of [0, 1, -2])
        await ask(`leader epoch ${currentLeaderEpoch}`, listOf(topic, [{ currentLeaderEpoch }]))
      await ask(
        'leader epoch 5 and a bad timestamp',
        listOf(topic, [{ currentLeaderEpoch: 5, timestamp: -9 }])
      )
      await ask(
        'partitions that are not there',
        listOf(topic, [{ partitionIndex: 3 }, { partitionIndex: -1 }, {}])
      )
      await ask(
        'a bad timestamp of no partition',
        listOf(topic, [{ partitionIndex: 3, timestamp: -9 }])
      )
      await ask('a topic that is not there', listOf({ name: talk.name('nowhere') }, [{}]))
      await ask('a name that is none', listOf({ name: 'a b' }, [{}]))
      await ask(
        'one partition twice',
        listOf(topic, [{}, { timestamp: -2 }, { partitionIndex: 1 }])
      )
      await ask('no partitions', listOf(topic, []))
      await ask('nothing', { replicaId: -1, topics: [] })
      await ask('of a consumer of debug level', listOf(topic, [{}], { replicaId: -2 }))
      await ask('of a replica', listOf(topic, [{}], { replicaId: 7 }))
      await ask('without time', listOf(topic, [{ timestamp: -3 }], { timeoutMs: 0 }))
    }
  }
}
