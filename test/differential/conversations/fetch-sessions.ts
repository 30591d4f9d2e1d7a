import { batchOf } from '../batches.ts'
import type { Conversation, Request, Speaker, Talk } from '../talk.ts'
import { versions } from '../versions.ts'
import { fetchOf } from './fetch.ts'
import { produceTo } from './produce.ts'

export const fetchSessions: Conversation = {
  name: 'fetch-sessions',
  async run(talk) {
    const client = talk.connect()
    for (const version of versions('Fetch', 7)) await session(talk, client, version)
    await topicIds(talk, client)
  }
}

async function session(talk: Talk, client: Speaker, version: number): Promise<void> {
  const a = await talk.topic(`a-v${version}`, { partitions: 2 })
  const b = await talk.topic(`b-v${version}`)
  const c = await talk.topic(`c-v${version}`)
  const ask = (note: string, request: Request<'Fetch'>) =>
    client.attempt('Fetch', version, request, note)
  const write = async (topic: typeof a, value: string, index = 0): Promise<void> => {
    await talk.setup.ask('Produce', 13, produceTo(topic, batchOf([value]), { index }))
  }
  await write(a, 'one')
  const opened = await ask(
    'opens',
    fetchOf(
      [
        [a, {}, { partition: 1 }],
        [b, {}]
      ],
      { sessionEpoch: 0 }
    )
  )
  const sessionId = opened?.sessionId ?? 0
  const next = (
    note: string,
    sessionEpoch: number,
    topics: Parameters<typeof fetchOf>[0] = [],
    more: Partial<Request<'Fetch'>> = {}
  ) => ask(note, { ...fetchOf(topics, more), sessionId, sessionEpoch })
  const forgotten = (topic: typeof a, ...partitions: number[]) => ({
    forgottenTopicsData: [{ topic: topic.name, topicId: topic.topicId, partitions }]
  })

  await next('all of it again', 1)
  await next('nothing new', 2, [[a, { fetchOffset: 1 }]])
  await next('still nothing new', 3)
  await write(b, 'two')
  await next('what is new', 4)
  await next('moved on', 5, [[b, { fetchOffset: 1 }]])
  await next('an epoch again', 5)
  await next('an epoch that was skipped', 8)
  await next('an older epoch', 1)
  await next('the right epoch after wrong ones', 6)
  await write(a, 'three', 1)
  await next('forgets what has something new', 7, [], forgotten(a, 1))
  await next('adds a topic', 8, [[c, {}]])
  await write(c, 'four')
  await next('of the added topic', 9)
  await next('out of range', 10, [[c, { fetchOffset: 99 }]])
  await next('out of range once more', 11)
  await next('back in range', 12, [[c, { fetchOffset: 1 }]])
  await next('a partition that is not there', 13, [[c, { partition: 9 }]])
  await next('that once more', 14)
  await next('forgets it', 15, [], forgotten(c, 9))
  await next('forgets what it does not know', 16, [], forgotten(c, 77))
  await next('forgets and adds the same', 17, [[c, { fetchOffset: 0 }]], forgotten(c, 0))
  await next('with another limit', 18, [[c, { fetchOffset: 0, partitionMaxBytes: 1 }]])
  await next('closes and asks', -1, [[a, {}]])
  await next('the closed session', 19)
  await ask('another session', fetchOf([[a, {}]], { sessionEpoch: 0 }))
  await ask('no session', fetchOf([[a, {}]], { sessionEpoch: -1 }))
  await ask('epoch 1 of no session', fetchOf([[a, {}]], { sessionEpoch: 1 }))
  const unknown = { sessionId: 123_456_789, sessionEpoch: 1 }
  await ask('a session that nobody knows', { ...fetchOf([]), ...unknown })
  await ask('closes what nobody knows', { ...fetchOf([[a, {}]]), ...unknown, sessionEpoch: -1 })
  await ask('opens with the id of another', { ...fetchOf([[a, {}]]), ...unknown, sessionEpoch: 0 })
  await ask('epoch -2', { ...fetchOf([[a, {}]]), ...unknown, sessionEpoch: -2 })
  await ask('opens with nothing', fetchOf([], { sessionEpoch: 0 }))
  await ask('opens with forgotten ones', {
    ...fetchOf([[a, {}]], forgotten(b, 0)),
    sessionEpoch: 0
  })
  const duplicates = fetchOf([[a, {}, { fetchOffset: 1 }]], { sessionEpoch: 0 })
  await ask('opens with one partition twice', duplicates)
}

/** Sessions of topics that are deleted, made again, or asked by name and by id in turn. */
async function topicIds(talk: Talk, client: Speaker): Promise<void> {
  const a = await talk.topic('again')
  const unknown = { name: talk.name('unknown'), topicId: 'AAAAAAAAAAAAAAAAAAAAAg' }
  const byId = await client.ask(
    'Fetch',
    13,
    fetchOf(
      [
        [a, {}],
        [unknown, {}]
      ],
      { sessionEpoch: 0 }
    ),
    'by id, one unknown'
  )
  const byName = await client.ask(
    'Fetch',
    12,
    fetchOf(
      [
        [a, {}],
        [unknown, {}]
      ],
      { sessionEpoch: 0 }
    ),
    'by name, one unknown'
  )
  const next = (version: number, note: string, sessionId: number, sessionEpoch: number) =>
    client.attempt('Fetch', version, { ...fetchOf([]), sessionId, sessionEpoch }, note)
  await next(13, 'by id, unknown once more', byId.sessionId, 1)
  await next(12, 'by name, unknown once more', byName.sessionId, 1)
  await next(12, 'a session by id, by name', byId.sessionId, 2)
  await next(13, 'a session by name, by id', byName.sessionId, 2)
  await next(13, 'a session by id, by id again', byId.sessionId, 2)
  await talk.setup.ask('DeleteTopics', 3, { topicNames: [a.name], timeoutMs: 10_000 })
  await talk.gone(a.name)
  const id = await client.ask(
    'Fetch',
    13,
    fetchOf([[a, {}]], { sessionEpoch: 0 }),
    'deleted, by id'
  )
  const name = await client.ask(
    'Fetch',
    12,
    fetchOf([[a, {}]], { sessionEpoch: 0 }),
    'deleted, by name'
  )
  await talk.topic('again')
  await next(13, 'made again, by the old id', id.sessionId, 1)
  await next(12, 'made again, by name', name.sessionId, 1)
}
