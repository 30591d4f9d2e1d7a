import type { Conversation, Request, Speaker, Talk } from '../talk.ts'
import { versions } from '../versions.ts'

type Incremental = Request<'IncrementalAlterConfigs'>['resources'][number]
type Change = readonly [name: string, configOperation: number, value: string | null]

const topicType = 2
const brokerType = 4
const set = 0
const remove = 1
const append = 2
const subtract = 3

/** Asks with one resource and its changes. */
class Changer {
  readonly #client: Speaker
  readonly #version: number
  readonly #note: string

  constructor(client: Speaker, version: number, note = '') {
    this.#client = client
    this.#version = version
    this.#note = note
  }

  async ask(
    note: string,
    resourceType: number,
    resourceName: string,
    changes: readonly Change[],
    validateOnly = false
  ): Promise<void> {
    const resources = [incremental(resourceType, resourceName, changes)]
    await this.#client.attempt(
      'IncrementalAlterConfigs',
      this.#version,
      { resources, validateOnly },
      `${this.#note}${note}`
    )
  }
}

function incremental(
  resourceType: number,
  resourceName: string,
  changes: readonly Change[]
): Incremental {
  return {
    resourceType,
    resourceName,
    configs: changes.map(([name, configOperation, value]) => ({ name, configOperation, value }))
  }
}

/** Values of topic configs, good and bad, each tried alone. */
const values: readonly (readonly [name: string, ...values: (string | null)[]])[] = [
  [
    'cleanup.policy',
    'delete',
    'compact',
    'compact,delete',
    'delete,compact',
    'delete, compact',
    '',
    'none',
    'delete,',
    'DELETE',
    null
  ],
  [
    'compression.type',
    'producer',
    'gzip',
    'zstd',
    'lz4',
    'snappy',
    'uncompressed',
    'none',
    'GZIP',
    '',
    null
  ],
  ['compression.gzip.level', '-1', '0', '1', '9', '10', 'x'],
  ['compression.lz4.level', '0', '1', '17', '18'],
  ['compression.zstd.level', '-131072', '-131073', '0', '22', '23'],
  ['delete.retention.ms', '0', '-1', '86400000'],
  ['file.delete.delay.ms', '0', '-1'],
  ['flush.messages', '0', '1', '9223372036854775807', '-1'],
  ['flush.ms', '0', '-1'],
  ['follower.replication.throttled.replicas', '', '*', '0:1', '0:1,2:3', '0', 'a:b'],
  ['index.interval.bytes', '0', '-1', '4096'],
  ['leader.replication.throttled.replicas', 'none', '*'],
  ['local.retention.bytes', '-2', '-1', '0', '100', '-3'],
  ['local.retention.ms', '-2', '-1', '0', '100', '-3'],
  ['max.compaction.lag.ms', '0', '1', '9223372036854775807'],
  [
    'max.message.bytes',
    '0',
    '-1',
    '2147483647',
    '2147483648',
    '1e3',
    '0x10',
    '007',
    '+5',
    ' 5',
    '5 ',
    '1_000',
    ''
  ],
  ['message.timestamp.after.max.ms', '0', '-1', '9223372036854775807'],
  ['message.timestamp.before.max.ms', '0', '-1'],
  ['message.timestamp.type', 'CreateTime', 'LogAppendTime', 'createtime', ''],
  [
    'min.cleanable.dirty.ratio',
    '0',
    '1',
    '0.5',
    '1.0001',
    '-0.1',
    'NaN',
    '.5',
    '5e-1',
    '1f',
    'x',
    ''
  ],
  ['min.compaction.lag.ms', '0', '-1'],
  ['min.insync.replicas', '1', '0', '2', '-1'],
  ['preallocate', 'true', 'false', 'True', 'yes', '1', ''],
  ['remote.storage.enable', 'false', 'true'],
  ['remote.log.copy.disable', 'true', 'false'],
  ['remote.log.delete.on.disable', 'true', 'false'],
  [
    'retention.bytes',
    '-1',
    '-2',
    '0',
    '9223372036854775807',
    '9223372036854775808',
    '-9223372036854775808'
  ],
  ['retention.ms', '-1', '-2', '0'],
  ['segment.bytes', '1048576', '1048575', '14', '1073741824'],
  ['segment.index.bytes', '4', '3', '10485760'],
  ['segment.jitter.ms', '0', '-1', '604800000', '604800001'],
  ['segment.ms', '1', '0', '604800000'],
  ['unclean.leader.election.enable', 'true', 'false', 'x'],
  ['message.format.version', '2.0'],
  ['message.timestamp.difference.max.ms', '100'],
  ['message.downconversion.enable', 'true'],
  ['no.such.config', '1', null],
  ['', '1'],
  ['log.retention.ms', '1'],
  ['num.partitions', '2']
]

export const alterConfigs: Conversation = {
  name: 'alter-configs',
  async run(talk) {
    const client = talk.connect()
    await talk.group('makes-the-offsets-topic')
    const tried = await talk.topic('values')
    for (const [name, ...each] of values)
      for (const value of each) {
        const changer = new Changer(client, 1)
        const shown = `${name} = ${value === null ? 'null' : `'${value}'`}`
        await changer.ask(shown, topicType, tried.name, [[name, set, value]], true)
      }
    for (const version of versions('IncrementalAlterConfigs')) await topics(talk, client, version)
    for (const version of versions('IncrementalAlterConfigs')) await others(talk, client, version)
    for (const version of versions('AlterConfigs')) await wholesale(talk, client, version)
  }
}

/** What a topic's configs have become, when they have. */
async function settled(
  client: Speaker,
  topic: string,
  note: string,
  isThere: (configs: ReadonlyMap<string, string | null>) => boolean
): Promise<void> {
  await client.askUntil(
    'DescribeConfigs',
    2,
    {
      resources: [
        {
          resourceType: topicType,
          resourceName: topic,
          configurationKeys: [
            'cleanup.policy',
            'retention.ms',
            'segment.ms',
            'max.message.bytes',
            'preallocate'
          ]
        }
      ],
      includeSynonyms: true
    },
    ({ results }) => {
      const configs = results[0]?.configs ?? []
      return isThere(new Map(configs.map(({ name, value }) => [name, value])))
    },
    note
  )
}

async function topics(talk: Talk, client: Speaker, version: number): Promise<void> {
  const topic = await talk.topic(`topic-v${version}`)
  const changer = new Changer(client, version)
  const ask = (note: string, changes: readonly Change[], validateOnly = false) =>
    changer.ask(note, topicType, topic.name, changes, validateOnly)
  await ask('to try', [['retention.ms', set, '7']], true)
  await ask('sets', [
    ['retention.ms', set, '7'],
    ['segment.ms', set, '8']
  ])
  await settled(
    client,
    topic.name,
    `v${version}, set`,
    configs => configs.get('segment.ms') === '8'
  )
  await ask('sets anew', [['retention.ms', set, '9']])
  await ask('deletes', [['segment.ms', remove, null]])
  await settled(
    client,
    topic.name,
    `v${version}, deleted`,
    configs => configs.get('segment.ms') !== '8' && configs.get('retention.ms') === '9'
  )
  await ask('deletes with a value', [['retention.ms', remove, 'x']])
  await ask('deletes what is not set', [['flush.ms', remove, null]])
  await ask('deletes what there is not', [['no.such', remove, null]])
  await ask('appends', [['cleanup.policy', append, 'compact']])
  await settled(
    client,
    topic.name,
    `v${version}, appended`,
    configs => configs.get('cleanup.policy') === 'delete,compact'
  )
  await ask('appends what is there', [['cleanup.policy', append, 'compact']])
  await ask('appends two', [['cleanup.policy', append, 'delete,compact']])
  await ask('appends nonsense', [['cleanup.policy', append, 'burn']])
  await ask('appends null', [['cleanup.policy', append, null]])
  await ask('appends nothing', [['cleanup.policy', append, '']])
  await ask('subtracts', [['cleanup.policy', subtract, 'delete']])
  await settled(
    client,
    topic.name,
    `v${version}, subtracted`,
    configs => configs.get('cleanup.policy') === 'compact'
  )
  await ask('subtracts what is not there', [['cleanup.policy', subtract, 'delete']])
  await ask('subtracts the last', [['cleanup.policy', subtract, 'compact']])
  await settled(
    client,
    topic.name,
    `v${version}, subtracted all`,
    configs => configs.get('cleanup.policy') !== 'compact'
  )
  await ask('subtracts null', [['cleanup.policy', subtract, null]])
  await ask('appends to what is no list', [['retention.ms', append, '1']])
  await ask('subtracts from what is no list', [['retention.ms', subtract, '1']])
  await ask('appends to what there is not', [['no.such', append, '1']])
  await ask('sets null', [['retention.ms', set, null]])
  await ask('an operation that there is not', [['retention.ms', 4, '1']])
  await ask('an operation below zero', [['retention.ms', -1, '1']])
  await ask('one config twice', [
    ['retention.ms', set, '1'],
    ['retention.ms', set, '2']
  ])
  await ask('one config twice in two ways', [
    ['cleanup.policy', append, 'compact'],
    ['cleanup.policy', subtract, 'compact']
  ])
  await ask('good and bad', [
    ['retention.ms', set, '11'],
    ['segment.ms', set, 'x']
  ])
  await ask('bad and unknown', [
    ['segment.ms', set, 'x'],
    ['no.such', set, '1']
  ])
  await ask('no changes', [])
  await settled(client, topic.name, `v${version}, unchanged`, () => true)
  for (const [value, canonical] of [
    [' 12 ', '12'],
    ['TRUE', 'true']
  ] as const) {
    const name = value === 'TRUE' ? 'preallocate' : 'max.message.bytes'
    await ask(`${name} '${value}'`, [[name, set, value]])
    await settled(
      client,
      topic.name,
      `v${version}, ${name} '${value}'`,
      configs => configs.get(name)?.trim().toLowerCase() === canonical
    )
  }
  await changer.ask('a topic that is not there', topicType, talk.name('nowhere'), [
    ['retention.ms', set, '1']
  ])
  await changer.ask('a topic that is not there, badly', topicType, talk.name('nowhere'), [
    ['no.such', set, '1']
  ])
  await changer.ask(
    'a topic that is not there, to try',
    topicType,
    talk.name('nowhere'),
    [['retention.ms', set, '1']],
    true
  )
  await changer.ask('a name that is none', topicType, 'a b', [['retention.ms', set, '1']])
  await changer.ask('an empty name', topicType, '', [['retention.ms', set, '1']])
  await changer.ask(
    'an internal topic, to try',
    topicType,
    '__consumer_offsets',
    [['retention.ms', set, '1']],
    true
  )
}

async function others(talk: Talk, client: Speaker, version: number): Promise<void> {
  const changer = new Changer(client, version)
  const { ask } = { ask: changer.ask.bind(changer) }
  const broker = (note: string, name: string, changes: readonly Change[]) =>
    ask(`broker ${note}`, brokerType, name, changes, true)
  await broker('a dynamic config', '1', [['log.cleaner.threads', set, '2']])
  await broker('a config of all brokers', '', [['log.retention.ms', set, '1000']])
  await broker('a config of all brokers, badly', '', [['log.retention.ms', set, 'x']])
  await broker('a static config', '1', [['broker.rack', set, 'x']])
  await broker('a static config of all', '', [['num.partitions', set, '3']])
  await broker('a config that there is not', '1', [['no.such.config', set, '3']])
  await broker('another broker', '2', [['log.cleaner.threads', set, '2']])
  await broker('no number', 'x', [['log.cleaner.threads', set, '2']])
  await broker('below zero', '-1', [['log.cleaner.threads', set, '2']])
  await broker('a topic config', '1', [['retention.ms', set, '2']])
  await broker('deletes', '', [['log.retention.ms', remove, null]])
  await broker('appends to no list', '', [['log.retention.ms', append, '1']])
  await broker('one twice', '', [
    ['log.retention.ms', set, '1'],
    ['log.retention.ms', set, '2']
  ])
  for (const type of [0, 1, 3, 64, -1]) await ask(`type ${type}`, type, 'x', [['a', set, 'b']])
  await ask('loggers of another broker', 8, '2', [['a.b', set, 'INFO']])
  await ask('loggers of no broker', 8, 'x', [['a.b', set, 'INFO']])
  await ask(
    'the metrics of a client',
    16,
    talk.name('metrics'),
    [['interval.ms', set, '1000']],
    true
  )
  await ask(
    'the metrics of a client, badly',
    16,
    talk.name('metrics'),
    [['interval.ms', set, '1']],
    true
  )
  await ask(
    'a group',
    32,
    talk.name('group'),
    [['consumer.session.timeout.ms', set, '50000']],
    true
  )
  await ask(
    'a group, badly',
    32,
    talk.name('group'),
    [['consumer.session.timeout.ms', set, '5']],
    true
  )
  await ask('a group without name', 32, '', [['consumer.session.timeout.ms', set, '50000']], true)
  const topic = await talk.topic(`several-v${version}`)
  const several = (note: string, resources: readonly Incremental[]) =>
    client.attempt('IncrementalAlterConfigs', version, { resources, validateOnly: true }, note)
  const good = incremental(topicType, topic.name, [['retention.ms', set, '1']])
  const bad = incremental(topicType, talk.name('nowhere'), [['retention.ms', set, '1']])
  await several('nothing', [])
  await several('good and bad', [
    good,
    bad,
    incremental(brokerType, '', [['log.retention.ms', set, '5']])
  ])
  await several('one resource twice', [good, good])
  await several('one resource twice and another', [good, bad, good])
}

async function wholesale(talk: Talk, client: Speaker, version: number): Promise<void> {
  const topic = await talk.topic(`whole-v${version}`, { configs: { 'segment.ms': '5' } })
  const ask = (
    note: string,
    resources: readonly (readonly [
      type: number,
      name: string,
      ...configs: (readonly [string, string | null])[]
    ])[],
    validateOnly = false
  ) =>
    client.attempt(
      'AlterConfigs',
      version,
      {
        resources: resources.map(([resourceType, resourceName, ...configs]) => ({
          resourceType,
          resourceName,
          configs: configs.map(([name, value]) => ({ name, value }))
        })),
        validateOnly
      },
      note
    )
  await ask('to try', [[topicType, topic.name, ['retention.ms', '7']]], true)
  await ask('replaces', [[topicType, topic.name, ['retention.ms', '7']]])
  await settled(
    client,
    topic.name,
    `whole v${version}, replaced`,
    configs => configs.get('retention.ms') === '7'
  )
  await ask('clears', [[topicType, topic.name]])
  await settled(
    client,
    topic.name,
    `whole v${version}, cleared`,
    configs => configs.get('retention.ms') !== '7'
  )
  await ask('null', [[topicType, topic.name, ['retention.ms', null]]])
  await ask('unknown', [[topicType, topic.name, ['no.such', '1']]])
  await ask('badly', [[topicType, topic.name, ['retention.ms', 'x'], ['segment.ms', '5']]])
  await ask('one config twice', [
    [topicType, topic.name, ['retention.ms', '1'], ['retention.ms', '2']]
  ])
  await ask('not there', [[topicType, talk.name('nowhere'), ['retention.ms', '1']]])
  await ask('a name that is none', [[topicType, 'a b', ['retention.ms', '1']]])
  if (version === 2)
    await ask(
      'one resource twice',
      [
        [topicType, topic.name, ['retention.ms', '1']],
        [topicType, topic.name, ['retention.ms', '2']]
      ],
      true
    )
  await ask('nothing', [])
  await ask('a broker, to try', [[brokerType, '1', ['log.cleaner.threads', '2']]], true)
  await ask('another broker', [[brokerType, '2', ['log.cleaner.threads', '2']]], true)
  await ask('all brokers, to try', [[brokerType, '', ['log.retention.ms', '1000']]], true)
  await ask('all brokers, badly', [[brokerType, '', ['log.retention.ms', 'x']]], true)
  await ask('loggers', [[8, '1', ['a', 'INFO']]], true)
  await ask('a type that there is not', [[99, 'x', ['a', 'b']]], true)
  await ask(
    'good and bad',
    [
      [topicType, talk.name('nowhere'), ['retention.ms', '1']],
      [topicType, topic.name, ['retention.ms', '3']]
    ],
    true
  )
}
