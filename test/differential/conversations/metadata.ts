import type { Conversation, Request } from '../talk.ts'
import { versions } from '../versions.ts'

const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'
const unknownId = 'AAAAAAAAAAAAAAAAAAAAAg'

const named = (...names: readonly string[]) => names.map(name => ({ name }))

export const metadata: Conversation = {
  name: 'metadata',
  async run(talk) {
    const client = talk.connect()
    await talk.group('makes-the-offsets-topic')
    const one = await talk.topic('one')
    const three = await talk.topic('three', { partitions: 3 })
    for (const version of versions('Metadata')) {
      const ask = (note: string, more: Partial<Request<'Metadata'>>) =>
        client.attempt('Metadata', version, { topics: [], ...more }, note)
      const mayCreate = version >= 4 ? { allowAutoTopicCreation: false } : {}
      if (version > 0) await ask('all topics', { topics: null })
      await ask('no topics', { topics: [] })
      await ask('one topic', { topics: named(one.name) })
      await ask('several topics', { topics: named(three.name, one.name) })
      await ask('one topic twice', { topics: named(one.name, one.name) })
      await ask('an internal topic', { topics: named('__consumer_offsets') })
      await ask('the log of the metadata', { topics: named('__cluster_metadata'), ...mayCreate })
      for (const name of ['', '.', '..', 'a b', 'ä', 'x'.repeat(250)]) {
        const short = name.length > 20 ? `${name.length} letters` : name
        await ask(`the name '${short}'`, { topics: named(name) })
        await ask(`the name '${short}' that may not be made`, { topics: named(name), ...mayCreate })
      }
      if (version >= 4) {
        const nowhere = named(talk.name('nowhere'), one.name)
        await ask('a topic that is not there', { topics: nowhere, ...mayCreate })
      }
      const fresh = talk.name(`auto-v${version}`)
      await client.askUntil(
        'Metadata',
        version,
        { topics: named(fresh) },
        ({ topics }) => topics[0]?.errorCode === 0,
        'a topic that is made by asking'
      )
      await ask('of the rights in it', {
        topics: named(one.name),
        includeTopicAuthorizedOperations: true
      })
      await ask('of the rights in the cluster', { includeClusterAuthorizedOperations: true })
      await ask('all rights', {
        topics: named(three.name, talk.name('nowhere')),
        allowAutoTopicCreation: false,
        includeTopicAuthorizedOperations: true,
        includeClusterAuthorizedOperations: true
      })
      if (version < 10) continue
      await ask('an id', { topics: [{ topicId: one.topicId, name: null }] })
      await ask('an id and its name', { topics: [{ topicId: one.topicId, name: one.name }] })
      await ask('an id and another name', { topics: [{ topicId: one.topicId, name: three.name }] })
      await ask('an id that nobody knows', { topics: [{ topicId: unknownId, name: null }] })
      await ask('neither id nor name', { topics: [{ topicId: zeroId, name: null }] })
      await ask('ids and names', {
        topics: [
          { topicId: one.topicId, name: null },
          { topicId: zeroId, name: three.name }
        ]
      })
      await ask('ids alone', {
        topics: [one, three].map(({ topicId }) => ({ topicId, name: null }))
      })
      await ask('an id twice', {
        topics: [one, one].map(({ topicId }) => ({ topicId, name: null }))
      })
      await ask('an id and its rights', {
        topics: [{ topicId: one.topicId, name: null }],
        includeTopicAuthorizedOperations: true
      })
    }
    await talk.setup.ask('DeleteTopics', 3, { topicNames: [three.name], timeoutMs: 10_000 })
    await talk.gone(three.name)
    for (const version of [9, 12, 13]) {
      const deleted = { topics: [{ name: three.name }], allowAutoTopicCreation: false }
      await client.ask('Metadata', version, deleted, 'a deleted topic')
      const byId = { topics: [{ topicId: three.topicId, name: null }] }
      if (version >= 12) await client.ask('Metadata', version, byId, 'a deleted topic by its id')
    }
  }
}
