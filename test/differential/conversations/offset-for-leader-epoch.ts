import { batchOf } from '../batches.ts'
import type { Conversation, Request } from '../talk.ts'
import { versions } from '../versions.ts'
import { produceTo } from './produce.ts'

type Asked = Request<'OffsetForLeaderEpoch'>['topics'][number]['partitions'][number]

export const offsetForLeaderEpoch: Conversation = {
  name: 'offset-for-leader-epoch',
  async run(talk) {
    const client = talk.connect()
    const topic = await talk.topic('a', { partitions: 3 })
    await talk.setup.ask('Produce', 9, produceTo(topic, batchOf(['a', 'b'])))
    await talk.setup.ask('Produce', 9, produceTo(topic, batchOf(['a']), { index: 2 }))
    await talk.setup.ask('DeleteRecords', 2, {
      topics: [{ name: topic.name, partitions: [{ partitionIndex: 2, offset: 1 }] }],
      timeoutMs: 10_000
    })
    for (const version of versions('OffsetForLeaderEpoch')) {
      const ask = (
        note: string,
        name: string,
        partitions: readonly Partial<Asked>[],
        replicaId = -1
      ) =>
        client.attempt(
          'OffsetForLeaderEpoch',
          version,
          {
            replicaId,
            topics: [
              {
                topic: name,
                partitions: partitions.map(each => ({ partition: 0, leaderEpoch: 0, ...each }))
              }
            ]
          },
          note
        )
      for (const leaderEpoch of [-2, -1, 0, 1, 5, 2_147_483_647]) {
        const partitions = [0, 1, 2].map(partition => ({ partition, leaderEpoch }))
        await ask(`epoch ${leaderEpoch}`, topic.name, partitions)
      }
      for (const currentLeaderEpoch of [-2, -1, 0, 1])
        await ask(`current epoch ${currentLeaderEpoch}`, topic.name, [{ currentLeaderEpoch }])
      for (const replicaId of [-2, 0, 1, 9])
        await ask(`of replica ${replicaId}`, topic.name, [{}], replicaId)
      await ask('partitions that are not there', topic.name, [
        { partition: 3 },
        { partition: -1 },
        {}
      ])
      await ask('a topic that is not there', talk.name('nowhere'), [{}])
      await ask('a name that is none', 'a b', [{}])
      await ask('one partition twice', topic.name, [{}, { leaderEpoch: 3 }])
      await ask('no partitions', topic.name, [])
      await client.attempt('OffsetForLeaderEpoch', version, { topics: [] }, 'nothing')
    }
  }
}
