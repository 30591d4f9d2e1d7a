import { zeroUuid } from '../../../src/wire/uuid.ts'
import type { Conversation, Request, Speaker, Talk } from '../talk.ts'
import { versions } from '../versions.ts'

type Alteration = Request<'AlterClientQuotas'>
type Entry = Alteration['entries'][number]
type Component = Request<'DescribeClientQuotas'>['components'][number]

const exact = 0
const defaultOne = 1
const anyName = 2

/** A quota of a user, a client or both, by the name of the entity's type. */
export function entryOf(
  entity: Readonly<Record<string, string | null>>,
  ...ops: readonly (readonly [key: string, value: number | null])[]
): Entry {
  return {
    entity: Object.entries(entity).map(([entityType, entityName]) => ({ entityType, entityName })),
    ops: ops.map(([key, value]) => ({ key, value: value ?? 0, remove: value === null }))
  }
}

export const clientQuotas: Conversation = {
  name: 'client-quotas',
  needs: ['DescribeClientQuotas', 'AlterClientQuotas'],
  async run(talk) {
    const client = talk.connect()
    for (const version of versions('AlterClientQuotas')) await alters(talk, client, version)
    for (const version of versions('DescribeClientQuotas')) await describes(talk, client, version)
    await throttles(talk)
  }
}

async function alters(talk: Talk, client: Speaker, version: number): Promise<void> {
  const user = talk.name(`u-v${version}`)
  const ask = (note: string, entries: readonly Entry[], validateOnly = false) =>
    client.attempt('AlterClientQuotas', version, { entries, validateOnly }, note)
  const rate = ['producer_byte_rate', 1_000] as const
  await ask('nothing', [])
  await ask('nothing of a user', [entryOf({ user })])
  await ask('of a user, to try', [entryOf({ user }, rate)], true)
  await ask('of a user', [entryOf({ user }, rate, ['consumer_byte_rate', 2_000])])
  await ask('of all users', [entryOf({ user: null }, ['request_percentage', 1_000])])
  await ask('no more of all users', [entryOf({ user: null }, ['request_percentage', null])])
  await ask('of a user and a client', [entryOf({ user, 'client-id': 'c' }, rate)])
  await ask('removes what is not there', [entryOf({ user: `${user}-nobody` }, [rate[0], null])])
  for (const [note, entity] of [
    ['nobody', {}],
    ['a type that there is not', { robot: 'x' }],
    ['no name', { user: '' }],
    ['an ip', { ip: '127.0.0.1' }],
    ['an ip that is none', { ip: 'not an ip' }],
    ['an ip and a user', { ip: '127.0.0.1', user }]
  ] as const)
    await ask(`of ${note}`, [entryOf(entity, rate), entryOf({ user }, rate)])
  await ask('connections of an ip', [entryOf({ ip: '10.1.2.3' }, ['connection_creation_rate', 5])])
  await ask('no more of an ip', [entryOf({ ip: '10.1.2.3' }, ['connection_creation_rate', null])])
  for (const [key, value] of [
    ['nonsense', 1],
    ['', 1],
    ['connection_creation_rate', 1],
    ['producer_byte_rate', 0],
    ['producer_byte_rate', -1],
    ['producer_byte_rate', 1.5],
    ['producer_byte_rate', 1e30],
    ['producer_byte_rate', NaN],
    ['request_percentage', 0.5],
    ['controller_mutation_rate', 0.5]
  ] as const)
    await ask(`${key} = ${value}`, [entryOf({ user }, [key, value])], true)
  await ask('one key twice', [entryOf({ user }, rate, ['producer_byte_rate', 7])])
  await ask('one entity twice', [
    entryOf({ user }, rate),
    entryOf({ user }, ['producer_byte_rate', 8])
  ])
}

async function describes(talk: Talk, client: Speaker, version: number): Promise<void> {
  const user = talk.name('u-v0')
  const ask = (note: string, components: readonly Component[], strict = false) =>
    client.attempt('DescribeClientQuotas', version, { components, strict }, note)
  const ofUser = { entityType: 'user', matchType: exact, match: user }
  await client.askUntil(
    'DescribeClientQuotas',
    version,
    { components: [ofUser], strict: false },
    ({ entries }) => entries?.length === 2,
    'of a user'
  )
  await ask('of a user alone', [ofUser], true)
  await ask('of a user of any client', [
    ofUser,
    { entityType: 'client-id', matchType: anyName, match: null }
  ])
  await ask(
    'of a user of a client',
    [ofUser, { entityType: 'client-id', matchType: exact, match: 'c' }],
    true
  )
  await ask('of nobody', [{ entityType: 'user', matchType: exact, match: `${user}-nobody` }])
  await ask('of all users together', [{ entityType: 'user', matchType: defaultOne, match: null }])
  for (const [note, component] of [
    ['a type that there is not', { entityType: 'robot', matchType: exact, match: 'x' }],
    ['no type', { entityType: '', matchType: exact, match: 'x' }],
    ['a match that there is not', { entityType: 'user', matchType: 9, match: 'x' }],
    ['an exact match of null', { entityType: 'user', matchType: exact, match: null }],
    ['any, of a name', { entityType: 'ip', matchType: anyName, match: 'x' }]
  ] as const)
    await ask(note, [component])
  await ask('one type twice', [ofUser, ofUser])
  await ask('a user and an ip', [ofUser, { entityType: 'ip', matchType: exact, match: '10.0.0.1' }])
}

/** Changes of topics that come faster than a client may make them. */
async function throttles(talk: Talk): Promise<void> {
  const slow = talk.name('slow')
  const { entries } = await talk.setup.ask('AlterClientQuotas', 1, {
    entries: [entryOf({ 'client-id': slow }, ['controller_mutation_rate', 0.01])],
    validateOnly: false
  })
  if (entries[0]!.errorCode !== 0) throw new Error('no quota')
  // Kafka does not read on from a connection that it has throttled.
  const client = () => talk.connect(slow)
  const create = (version: number, suffix: string) =>
    client().attempt(
      'CreateTopics',
      version,
      {
        topics: [
          {
            name: talk.name(suffix),
            numPartitions: 4,
            replicationFactor: 1,
            assignments: [],
            configs: []
          }
        ],
        timeoutMs: 10_000
      },
      'too many'
    )
  const kept = await talk.topic('kept')
  // The quota is known a moment after it was made.
  let count = 0
  await talk.until('the quota holds', async () => {
    const { topics } = await talk.unrecorded({ clientId: slow }).ask('CreateTopics', 7, {
      topics: [
        {
          name: talk.name(`first-${count++}`),
          numPartitions: 30,
          replicationFactor: 1,
          assignments: [],
          configs: []
        }
      ],
      timeoutMs: 10_000
    })
    return topics[0]!.errorCode !== 0
  })
  for (const version of versions('CreateTopics')) await create(version, `more-v${version}`)
  for (const version of versions('CreatePartitions'))
    await client().attempt(
      'CreatePartitions',
      version,
      {
        topics: [{ name: kept.name, count: 3 + version, assignments: null }],
        timeoutMs: 10_000,
        validateOnly: false
      },
      'too many'
    )
  for (const version of versions('DeleteTopics', 5))
    await client().attempt(
      'DeleteTopics',
      version,
      version < 6
        ? { topicNames: [kept.name], timeoutMs: 10_000 }
        : { topics: [{ name: kept.name, topicId: zeroUuid }], timeoutMs: 10_000 },
      'too many'
    )
}
