import type { Conversation, Request } from '../talk.ts'
import { versions } from '../versions.ts'

type Grown = Request<'CreatePartitions'>['topics'][number]

const to = (...brokerIds: readonly (readonly number[])[]) => ({
  assignments: brokerIds.map(each => ({ brokerIds: each }))
})

export const createPartitions: Conversation = {
  name: 'create-partitions',
  async run(talk) {
    const client = talk.connect()
    await talk.group('makes-the-offsets-topic')
    for (const version of versions('CreatePartitions')) {
      const a = (await talk.topic(`a-v${version}`, { partitions: 2 })).name
      const b = (await talk.topic(`b-v${version}`)).name
      const ask = (
        note: string,
        topics: readonly (Omit<Grown, 'assignments'> & {
          readonly assignments?: Grown['assignments']
        })[],
        validateOnly = false
      ) =>
        client.attempt(
          'CreatePartitions',
          version,
          {
            topics: topics.map(each => ({ assignments: null, ...each })),
            timeoutMs: 30_000,
            validateOnly
          },
          note
        )
      await ask('3, to try', [{ name: a, count: 3 }], true)
      await ask('3', [{ name: a, count: 3 }])
      for (const count of [3, 2, 0, -1]) await ask(`${count} after 3`, [{ name: a, count }])
      await ask('1 where there is 1', [{ name: b, count: 1 }])
      await ask('very many', [{ name: a, count: 1_000_000 }], true)
      await ask('assigned', [{ name: a, count: 5, ...to([1], [1]) }])
      await ask('assigned too few', [{ name: a, count: 7, ...to([1]) }])
      await ask('assigned too many', [{ name: a, count: 6, ...to([1], [1]) }])
      await ask('assigned to another', [{ name: a, count: 6, ...to([2]) }])
      await ask('assigned to nobody', [{ name: a, count: 6, ...to([]) }])
      await ask('assigned twice to one', [{ name: a, count: 6, ...to([1, 1]) }])
      await ask('assigned to two', [{ name: a, count: 6, ...to([1, 2]) }])
      await ask('no assignments', [{ name: a, count: 6, assignments: [] }], true)
      await ask('assigned, but fewer', [{ name: a, count: 1, ...to([9]) }])
      await ask('not there', [{ name: talk.name('nowhere'), count: 2 }])
      await ask('not there, and none', [{ name: talk.name('nowhere'), count: 0 }])
      await ask('a name that is none', [{ name: 'a b', count: 2 }])
      await ask('an empty name', [{ name: '', count: 2 }])
      await ask('one twice', [
        { name: a, count: 8 },
        { name: a, count: 9 }
      ])
      await ask('one twice, that is not there', [
        { name: talk.name('x'), count: 8 },
        { name: talk.name('x'), count: 9 }
      ])
      await ask('good and bad', [
        { name: b, count: 2 },
        { name: a, count: 1 },
        { name: talk.name('nowhere'), count: 3 }
      ])
      await ask('nothing', [])
      await ask('an internal one, to try', [{ name: '__consumer_offsets', count: 51 }], true)
      await client.askUntil(
        'Metadata',
        9,
        { topics: [{ name: a }, { name: b }] },
        ({ topics }) =>
          topics.every(({ name, partitions }) => partitions.length === (name === a ? 5 : 2)),
        `what there is after v${version}`
      )
    }
  }
}
