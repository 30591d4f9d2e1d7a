import type { Conversation, Request, Talk } from '../talk.ts'
import { versions } from '../versions.ts'

type NewTopic = Request<'CreateTopics'>['topics'][number]

/** A topic of one partition, unless it says more. */
function newTopic(name: string, more: Partial<NewTopic> = {}): NewTopic {
  return { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [], ...more }
}

const auto = { numPartitions: -1, replicationFactor: -1 }
const assigned = (...brokerIds: readonly (readonly number[])[]): Partial<NewTopic> => ({
  ...auto,
  assignments: brokerIds.map((each, partitionIndex) => ({ partitionIndex, brokerIds: each }))
})
const configured = (
  ...configs: readonly (readonly [string, string | null])[]
): Partial<NewTopic> => ({
  configs: configs.map(([name, value]) => ({ name, value }))
})

/** What a topic may ask for, each kind under a name that is part of the topic's. */
const kinds: Readonly<Record<string, Partial<NewTopic>>> = {
  plain: {},
  'by-default': auto,
  'partitions-by-default': { numPartitions: -1 },
  'replicas-by-default': { numPartitions: 3, replicationFactor: -1 },
  'partitions-0': { numPartitions: 0 },
  'partitions-minus-2': { numPartitions: -2 },
  'replicas-0': { replicationFactor: 0 },
  'replicas-minus-2': { replicationFactor: -2 },
  'replicas-2': { replicationFactor: 2 },
  'replicas-32767': { replicationFactor: 32_767 },
  'partitions-0-replicas-0': { numPartitions: 0, replicationFactor: 0 },
  'partitions-0-replicas-2': { numPartitions: 0, replicationFactor: 2 },
  'partitions-million': { numPartitions: 1_000_000 },
  'partitions-most': { numPartitions: 2_147_483_647 },
  assigned: assigned([1], [1]),
  'assigned-and-partitions': { ...assigned([1]), numPartitions: 1 },
  'assigned-and-replicas': { ...assigned([1]), replicationFactor: 1 },
  'assigned-to-nobody': assigned([]),
  'assigned-to-another': assigned([2]),
  'assigned-to-minus-1': assigned([-1]),
  'assigned-twice-to-one': assigned([1, 1]),
  'assigned-unevenly': assigned([1], [1, 2]),
  'assigned-with-a-gap': {
    ...auto,
    assignments: [0, 2].map(partitionIndex => ({ partitionIndex, brokerIds: [1] }))
  },
  'assigned-from-1': { ...auto, assignments: [{ partitionIndex: 1, brokerIds: [1] }] },
  'assigned-below-zero': { ...auto, assignments: [{ partitionIndex: -1, brokerIds: [1] }] },
  'assigned-the-same-twice': {
    ...auto,
    assignments: [0, 0].map(partitionIndex => ({ partitionIndex, brokerIds: [1] }))
  },
  'assigned-backwards': {
    ...auto,
    assignments: [1, 0].map(partitionIndex => ({ partitionIndex, brokerIds: [1] }))
  },
  'config-good': configured(['retention.ms', '1000'], ['cleanup.policy', 'compact']),
  'config-unknown': configured(['no.such.config', '1']),
  'config-null': configured(['retention.ms', null]),
  'config-empty': configured(['retention.ms', '']),
  'config-text': configured(['retention.ms', 'soon']),
  'config-range': configured(['retention.ms', '-2']),
  'config-float': configured(['segment.bytes', '1.5']),
  'config-spaces': configured(['segment.bytes', ' 20000000 ']),
  'config-enum': configured(['cleanup.policy', 'burn']),
  'config-list': configured(['cleanup.policy', 'compact,delete']),
  'config-list-empty': configured(['cleanup.policy', '']),
  'config-list-twice': configured(['cleanup.policy', 'delete,delete']),
  'config-twice': configured(['retention.ms', '1'], ['retention.ms', '2']),
  'config-twice-bad-first': configured(['retention.ms', 'x'], ['retention.ms', '2']),
  'config-boolean': configured(['preallocate', 'maybe']),
  'config-boolean-case': configured(['preallocate', 'TRUE']),
  'config-double': configured(['min.cleanable.dirty.ratio', '0.25']),
  'config-double-range': configured(['min.cleanable.dirty.ratio', '1.5']),
  'config-long-range': configured(['retention.ms', '9223372036854775808']),
  'config-int-range': configured(['segment.bytes', '2147483648']),
  'config-small-segment': configured(['segment.bytes', '13']),
  'config-compression': configured(['compression.type', 'brotli']),
  'config-compression-level': configured(['compression.gzip.level', '10']),
  'config-timestamp-type': configured(['message.timestamp.type', 'Never']),
  'config-lag': configured(['min.compaction.lag.ms', '100'], ['max.compaction.lag.ms', '10']),
  'config-local-retention': configured(['local.retention.ms', '100'], ['retention.ms', '10']),
  'config-local-retention-bytes': configured(
    ['local.retention.bytes', '100'],
    ['retention.bytes', '10']
  ),
  'config-remote': configured(['remote.storage.enable', 'true']),
  'config-throttle': configured(['leader.replication.throttled.replicas', '0:1,1:2']),
  'config-throttle-bad': configured(['leader.replication.throttled.replicas', 'x']),
  'config-min-isr': configured(['min.insync.replicas', '0']),
  'config-min-isr-2': configured(['min.insync.replicas', '2']),
  'config-message-format': configured(['message.format.version', '2.0']),
  'config-downconversion': configured(['message.downconversion.enable', 'false']),
  'config-bad-and-partitions-0': { ...configured(['no.such.config', '1']), numPartitions: 0 }
}

const kindsOfAllVersions: ReadonlySet<string> = new Set([
  'plain',
  'by-default',
  'partitions-0',
  'replicas-2',
  'assigned',
  'assigned-and-partitions',
  'assigned-unevenly',
  'config-good',
  'config-unknown',
  'config-text'
])

const namesThatAreNone = ['', '.', '..', 'a b', 'ä', 'a/b', 'a:b', 'x'.repeat(250)]

export const createTopics: Conversation = {
  name: 'create-topics',
  async run(talk) {
    const client = talk.connect()
    await talk.group('makes-the-offsets-topic')
    for (const version of versions('CreateTopics')) {
      const ask = (
        note: string,
        topics: readonly NewTopic[],
        more: Partial<Request<'CreateTopics'>> = {}
      ) => client.attempt('CreateTopics', version, { topics, timeoutMs: 30_000, ...more }, note)
      const named = (kind: string): string => talk.name(`v${version}-${kind}`)
      // Good ones are answered with all their configs from 5 on: once is enough.
      const isWhole = version === 2 || version === 7
      for (const [kind, more] of Object.entries(kinds)) {
        if (!isWhole && !kindsOfAllVersions.has(kind)) continue
        await ask(`${kind}, to try`, [newTopic(named(`${kind}-try`), more)], {
          validateOnly: true
        })
        if (kind === 'partitions-million' || kind === 'partitions-most') continue
        await ask(kind, [newTopic(named(kind), more)])
      }
      for (const name of namesThatAreNone) {
        const short = name.length > 20 ? `${name.length} letters` : name
        await ask(`the name '${short}'`, [newTopic(name)])
      }
      const most = `${named('most')}-`.padEnd(249, 'x')
      await ask('a name of 249 letters', [newTopic(most)])
      await ask('a topic that is there', [newTopic(named('plain'))])
      await ask('a topic that is there, to try', [newTopic(named('plain'))], { validateOnly: true })
      await ask('a topic that is there, with bad configs', [
        newTopic(named('plain'), kinds['config-unknown'])
      ])
      await ask('a topic that is there, with partitions 0', [
        newTopic(named('plain'), { numPartitions: 0 })
      ])
      await ask('a name with dots', [newTopic(named('with.dots'))])
      await ask('the same with underscores', [newTopic(named('with_dots'))])
      await ask('the offsets topic', [newTopic('__consumer_offsets')])
      await ask('the log of the metadata', [newTopic('__cluster_metadata')])
      await ask('nothing', [])
      await ask('one name twice', [
        newTopic(named('twice')),
        newTopic(named('twice'), { numPartitions: 2 })
      ])
      await ask('one name twice and another', [
        newTopic(named('twice')),
        newTopic(named('once')),
        newTopic(named('twice'))
      ])
      await ask('good and bad', [
        newTopic(named('good')),
        newTopic('a b'),
        newTopic(named('bad'), { numPartitions: 0 }),
        newTopic(named('plain'))
      ])
      await ask('names that collide with each other', [
        newTopic(named('x.y')),
        newTopic(named('x_y'))
      ])
    }
    const hurried = (suffix: string, timeoutMs: number) =>
      client.attempt(
        'CreateTopics',
        2,
        { topics: [newTopic(talk.name(suffix))], timeoutMs },
        `in ${timeoutMs} ms`
      )
    await hurried('hurried', 0)
    await hurried('hurried-more', -1)
    await whatWasMade(talk)
  }
}

async function whatWasMade(talk: Talk): Promise<void> {
  const client = talk.connect()
  const names = [
    'plain',
    'by-default',
    'assigned',
    'assigned-backwards',
    'config-good',
    'once',
    'x.y'
  ]
  for (const name of names)
    await client.askUntil(
      'Metadata',
      9,
      { topics: [{ name: talk.name(`v7-${name}`) }], allowAutoTopicCreation: false },
      ({ topics }) => topics[0]?.errorCode !== 5,
      `what was made as ${name}`
    )
}
