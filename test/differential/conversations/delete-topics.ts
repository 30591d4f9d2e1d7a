import type { Conversation, Request } from '../talk.ts'
import { versions } from '../versions.ts'

const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'
const unknownId = 'AAAAAAAAAAAAAAAAAAAAAg'
const metadataId = 'AAAAAAAAAAAAAAAAAAAAAQ'

type State = NonNullable<Request<'DeleteTopics'>['topics']>[number]

const byName = (name: string): State => ({ name, topicId: zeroId })
const byId = (topicId: string): State => ({ name: null, topicId })

export const deleteTopics: Conversation = {
  name: 'delete-topics',
  async run(talk) {
    const client = talk.connect()
    for (const version of versions('DeleteTopics', 0, 5)) {
      const ask = (note: string, topicNames: readonly string[], timeoutMs = 30_000) =>
        client.attempt('DeleteTopics', version, { topicNames, timeoutMs }, note)
      const [a, b, c, d] = await Promise.all(
        ['a', 'b', 'c', 'd'].map(suffix => talk.topic(`${suffix}-v${version}`))
      )
      await ask('one', [a!.name])
      await talk.gone(a!.name)
      await ask('one that is gone', [a!.name])
      await ask('several, one not there', [b!.name, talk.name('nowhere'), c!.name])
      await ask('one twice', [d!.name, d!.name])
      await ask('one twice that is not there', [talk.name('nowhere'), talk.name('nowhere')])
      await ask('names that are none', ['a b', '', '..'])
      await ask('nothing', [])
      if (version === 1) await ask('without time', [d!.name], 0)
    }
    const version = 6
    const ask = (note: string, topics: readonly State[]) =>
      client.attempt('DeleteTopics', version, { topics, timeoutMs: 30_000 }, note)
    const a = await talk.topic('a-v6')
    const b = await talk.topic('b-v6')
    const c = await talk.topic('c-v6')
    const d = await talk.topic('d-v6')
    const e = await talk.topic('e-v6')
    const f = await talk.topic('f-v6')
    await ask('by name', [byName(a.name)])
    await ask('by id', [byId(b.topicId)])
    await talk.gone(a.name)
    await talk.gone(b.name)
    await ask('by the name of one that is gone', [byName(a.name)])
    await ask('by the id of one that is gone', [byId(b.topicId)])
    await ask('by name and by id', [byName(c.name), byId(d.topicId)])
    await ask('by an id that nobody knows', [byId(unknownId)])
    await ask('neither name nor id', [byId(zeroId)])
    await ask('an empty name', [byName('')])
    await ask('both name and id', [{ name: e.name, topicId: e.topicId }])
    await ask('one name twice', [byName(e.name), byName(e.name)])
    await ask('one id twice', [byId(e.topicId), byId(e.topicId)])
    await ask('one by its name and its id', [byName(e.name), byId(e.topicId)])
    await ask('one by its id and its name', [byId(e.topicId), byName(e.name)])
    await ask('an unknown id twice', [byId(unknownId), byId(unknownId)])
    await ask('the log of the metadata by id', [byId(metadataId)])
    await ask('the log of the metadata by name', [byName('__cluster_metadata')])
    await ask('good and bad', [
      byName(talk.name('nowhere')),
      byId(f.topicId),
      byId(unknownId),
      byName('a b')
    ])
    await ask('nothing', [])
    await client.ask(
      'Metadata',
      12,
      { topics: [a, b, c, d, e, f].map(({ name }) => ({ name })), allowAutoTopicCreation: false },
      'what is left'
    )
  }
}
