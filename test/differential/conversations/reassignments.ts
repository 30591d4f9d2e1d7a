import type { Conversation, Request } from '../talk.ts'
import { versions } from '../versions.ts'

export const reassignments: Conversation = {
  name: 'reassignments',
  async run(talk) {
    const client = talk.connect()
    const { name } = await talk.topic('a', { partitions: 2 })
    const nowhere = talk.name('nowhere')
    for (const version of versions('ElectLeaders')) {
      const ask = (
        note: string,
        topicPartitions: Request<'ElectLeaders'>['topicPartitions'],
        more: Partial<Request<'ElectLeaders'>> = {}
      ) => client.attempt('ElectLeaders', version, { topicPartitions, ...more }, note)
      for (const electionType of version === 0 ? [0] : [0, 1, 2, -1]) {
        const type = version === 0 ? {} : { electionType }
        const says = (note: string): string => `${note}, type ${electionType}`
        await ask(says('all'), null, type)
        await ask(says('none'), [], type)
        await ask(says('two'), [{ topic: name, partitions: [0, 1] }], type)
        await ask(
          says('not there'),
          [
            { topic: name, partitions: [2, -1] },
            { topic: nowhere, partitions: [0] },
            { topic: 'a b', partitions: [0] }
          ],
          type
        )
        await ask(says('one twice'), [{ topic: name, partitions: [0, 0] }], type)
        await ask(says('no partitions'), [{ topic: name, partitions: [] }], type)
      }
    }
    for (const version of versions('AlterPartitionReassignments')) {
      const ask = (
        note: string,
        partitions: readonly (readonly [
          partitionIndex: number,
          replicas: readonly number[] | null
        ])[],
        more: Partial<Request<'AlterPartitionReassignments'>> = {},
        topic = name
      ) =>
        client.attempt(
          'AlterPartitionReassignments',
          version,
          {
            timeoutMs: 10_000,
            topics: [
              {
                name: topic,
                partitions: partitions.map(([partitionIndex, replicas]) => ({
                  partitionIndex,
                  replicas
                }))
              }
            ],
            ...more
          },
          note
        )
      await ask('to where they are', [
        [0, [1]],
        [1, [1]]
      ])
      await ask('to another', [[0, [2]]])
      await ask('to two', [[0, [1, 2]]])
      await ask('to one twice', [[0, [1, 1]]])
      await ask('to nobody', [[0, []]])
      await ask('to -1', [[0, [-1]]])
      await ask('cancelled', [[0, null]])
      await ask('cancelled where nothing is', [[7, null]])
      await ask('a partition that is not there', [
        [2, [1]],
        [-1, [1]]
      ])
      await ask('a topic that is not there', [[0, [1]]], {}, nowhere)
      await ask('a topic that is not there, cancelled', [[0, null]], {}, nowhere)
      await ask('a name that is none', [[0, [1]]], {}, 'a b')
      await ask('one twice', [
        [0, [1]],
        [0, [1]]
      ])
      await ask('no partitions', [])
      await ask(
        'the number of replicas stays',
        [[0, [1]]],
        version === 0 ? {} : { allowReplicationFactorChange: false }
      )
      if (version > 0)
        await ask('the number of replicas may not change', [[0, [1, 2]]], {
          allowReplicationFactorChange: false
        })
      await client.attempt('AlterPartitionReassignments', version, { topics: [] }, 'nothing')
    }
    const list = (note: string, topics: Request<'ListPartitionReassignments'>['topics']) =>
      client.attempt('ListPartitionReassignments', 0, { topics }, note)
    await list('all', null)
    await list('none', [])
    await list('two', [{ name, partitionIndexes: [0, 1] }])
    await list('not there', [
      { name, partitionIndexes: [5] },
      { name: nowhere, partitionIndexes: [0] }
    ])
    await list('no partitions', [{ name, partitionIndexes: [] }])
  }
}
