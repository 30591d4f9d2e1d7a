import kafkajs from 'kafkajs'
import type { ConfigEntries } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { useBroker } from '../broker.ts'
import { byText, uniqueName, until } from '../waiting.ts'
import { Clients, kafkaErrorsOf } from './clients.ts'

const clients = new Clients(useBroker())
const { ConfigResourceTypes, ConfigSource } = kafkajs

const quick = { retry: { retries: 1, initialRetryTime: 20 } }

async function describeTopic(topic: string, configNames?: string[]): Promise<ConfigEntries[]> {
  const admin = await clients.admin(quick)
  const { resources } = await admin.describeConfigs({
    resources: [
      { type: ConfigResourceTypes.TOPIC, name: topic, ...(configNames && { configNames }) }
    ],
    includeSynonyms: true
  })
  return resources[0]?.configEntries ?? []
}

async function valueOf(topic: string, name: string): Promise<string | undefined> {
  return (await describeTopic(topic, [name]))[0]?.configValue
}

async function alterTopic(
  topic: string,
  configs: Record<string, string>,
  validateOnly = false
): Promise<unknown> {
  const admin = await clients.admin(quick)
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
  const resource = { type: ConfigResourceTypes.TOPIC, name: topic, configEntries }
  return admin.alterConfigs({ validateOnly, resources: [resource] })
}

describe('describeConfigs', () => {
  test('of a topic without names lists all configs of a topic with their defaults', async () => {
    const topic = await clients.createTopic()
    const entries = await describeTopic(topic)
    const names = entries.map(({ configName }) => configName).toSorted(byText)
    expect(names).toEqual(expect.arrayContaining(topicConfigNames))
    const value = (name: string) =>
      entries.find(({ configName }) => configName === name)?.configValue
    expect(value('cleanup.policy')).toBe('delete')
    expect(value('retention.ms')).toBe('604800000')
    expect(value('compression.type')).toBe('producer')
    expect(value('max.message.bytes')).toBe('1048588')
    expect(value('message.timestamp.type')).toBe('CreateTime')
  })

  test('with names lists those only', async () => {
    const topic = await clients.createTopic()
    const entries = await describeTopic(topic, ['retention.ms', 'segment.bytes'])
    expect(entries.map(({ configName }) => configName).toSorted(byText)).toEqual([
      'retention.ms',
      'segment.bytes'
    ])
  })

  test('with a name that does not exist lists nothing for it', async () => {
    const topic = await clients.createTopic()
    expect(await describeTopic(topic, ['no.such.config'])).toEqual([])
  })

  test('tells where a value comes from, and what it hides', async () => {
    const configEntries = [{ name: 'retention.ms', value: '1000' }]
    const topic = await clients.createTopic({ configEntries })
    const [own] = await describeTopic(topic, ['retention.ms'])
    expect(own).toMatchObject({
      configValue: '1000',
      configSource: ConfigSource.TOPIC_CONFIG,
      isSensitive: false,
      readOnly: false
    })
    expect(own?.configSynonyms[0]).toEqual({
      configName: 'retention.ms',
      configValue: '1000',
      configSource: ConfigSource.TOPIC_CONFIG
    })
    const [inherited] = await describeTopic(topic, ['segment.bytes'])
    expect(inherited?.configSource).toBe(ConfigSource.DEFAULT_CONFIG)
    expect(inherited?.configSynonyms.map(({ configName }) => configName)).toContain(
      'log.segment.bytes'
    )
  })

  test('of a topic that does not exist fails with UNKNOWN_TOPIC_OR_PARTITION', async () => {
    const described = describeTopic(uniqueName('missing'))
    expect(await kafkaErrorsOf(described)).toEqual(['UNKNOWN_TOPIC_OR_PARTITION'])
  })

  test('of an illegal topic name fails with INVALID_TOPIC_EXCEPTION', async () => {
    expect(await kafkaErrorsOf(describeTopic('no topic'))).toEqual(['INVALID_TOPIC_EXCEPTION'])
  })

  test('of a broker lists its configs, in the order asked', async () => {
    const admin = await clients.admin()
    const { controller } = await admin.describeCluster()
    const configNames = [
      'num.partitions',
      'default.replication.factor',
      'auto.create.topics.enable'
    ]
    const { resources } = await admin.describeConfigs({
      resources: [{ type: ConfigResourceTypes.BROKER, name: String(controller), configNames }],
      includeSynonyms: false
    })
    expect(
      resources[0]?.configEntries.map(({ configName }) => configName).toSorted(byText)
    ).toEqual(configNames.toSorted(byText))
    const values = new Map(
      resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue])
    )
    expect(values.get('num.partitions')).toBe('1')
    expect(values.get('default.replication.factor')).toBe('1')
    expect(values.get('auto.create.topics.enable')).toBe('true')
  })

  test('of topic and broker together answers both', async () => {
    const topic = await clients.createTopic()
    const admin = await clients.admin()
    const { controller } = await admin.describeCluster()
    const { resources } = await admin.describeConfigs({
      resources: [
        { type: ConfigResourceTypes.TOPIC, name: topic, configNames: ['retention.ms'] },
        { type: ConfigResourceTypes.BROKER, name: String(controller), configNames: ['broker.id'] }
      ],
      includeSynonyms: false
    })
    expect(resources.map(({ resourceName }) => resourceName).toSorted(byText)).toEqual(
      [topic, String(controller)].toSorted(byText)
    )
  })

  test('is refused by kafkajs itself for bad arguments', async () => {
    const admin = await clients.admin()
    const describeAll = admin.describeConfigs({ resources: [], includeSynonyms: false })
    await expect(describeAll).rejects.toThrow('cannot be empty')
    const unnamed = [{ type: ConfigResourceTypes.TOPIC, name: '' }]
    const described = admin.describeConfigs({ resources: unnamed, includeSynonyms: false })
    await expect(described).rejects.toThrow('Invalid resource name')
  })
})

describe('alterConfigs', () => {
  test('sets a config, and the topic behaves accordingly', async () => {
    const topic = await clients.createTopic()
    await alterTopic(topic, { 'max.message.bytes': '1000' })
    await until('the new value', async () => (await valueOf(topic, 'max.message.bytes')) === '1000')
    const producer = await clients.producer({ retry: { retries: 1, initialRetryTime: 20 } })
    const sent = producer.send({ topic, messages: [{ value: Buffer.alloc(2_000) }] })
    expect(await kafkaErrorsOf(sent)).toEqual(['MESSAGE_TOO_LARGE'])
  })

  test('replaces all configs: what is not named goes back to its default', async () => {
    const configEntries = [{ name: 'retention.ms', value: '1000' }]
    const topic = await clients.createTopic({ configEntries })
    await alterTopic(topic, { 'segment.bytes': '2000000' })
    await until('the new value', async () => (await valueOf(topic, 'segment.bytes')) === '2000000')
    expect(await valueOf(topic, 'retention.ms')).toBe('604800000')
  })

  test('with validateOnly changes nothing', async () => {
    const topic = await clients.createTopic()
    await alterTopic(topic, { 'retention.ms': '5' }, true)
    expect(await valueOf(topic, 'retention.ms')).toBe('604800000')
  })

  const faults = [
    ['a config that does not exist', { 'no.such.config': '1' }],
    ['a value that is not a number', { 'retention.ms': 'soon' }],
    ['a value out of range', { 'min.insync.replicas': '0' }],
    ['a word that is not known', { 'compression.type': 'stones' }],
    ['an empty value for a number', { 'retention.ms': '' }]
  ] as const
  for (const [fault, configs] of faults) {
    test(`refuses ${fault} with INVALID_CONFIG and changes nothing`, async () => {
      const topic = await clients.createTopic()
      const altered = alterTopic(topic, { 'segment.bytes': '2000000', ...configs })
      expect(await kafkaErrorsOf(altered)).toEqual(['INVALID_CONFIG'])
      expect(await valueOf(topic, 'segment.bytes')).toBe('1073741824')
    })
  }

  test('of a topic that does not exist fails with UNKNOWN_TOPIC_OR_PARTITION', async () => {
    const altered = alterTopic(uniqueName('missing'), { 'retention.ms': '1' })
    expect(await kafkaErrorsOf(altered)).toEqual(['UNKNOWN_TOPIC_OR_PARTITION'])
  })

  test('is refused by kafkajs itself for bad arguments', async () => {
    const admin = await clients.admin()
    const altered = admin.alterConfigs({ validateOnly: false, resources: [] })
    await expect(altered).rejects.toThrow('cannot be empty')
  })
})

const topicConfigNames = [
  'cleanup.policy',
  'compression.gzip.level',
  'compression.lz4.level',
  'compression.type',
  'compression.zstd.level',
  'delete.retention.ms',
  'file.delete.delay.ms',
  'flush.messages',
  'flush.ms',
  'follower.replication.throttled.replicas',
  'index.interval.bytes',
  'leader.replication.throttled.replicas',
  'local.retention.bytes',
  'local.retention.ms',
  'max.compaction.lag.ms',
  'max.message.bytes',
  'message.timestamp.after.max.ms',
  'message.timestamp.before.max.ms',
  'message.timestamp.type',
  'min.cleanable.dirty.ratio',
  'min.compaction.lag.ms',
  'min.insync.replicas',
  'preallocate',
  'remote.storage.enable',
  'retention.bytes',
  'retention.ms',
  'segment.bytes',
  'segment.index.bytes',
  'segment.jitter.ms',
  'segment.ms',
  'unclean.leader.election.enable'
]
