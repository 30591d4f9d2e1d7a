import { describe, expect, test } from 'vitest'
import {
  brokerConfigDefault,
  brokerConfigDefinition,
  parseBrokerConfig,
  withDynamicConfigs,
  type BrokerConfig
} from '../../src/config/broker-config.ts'
import type { DurabilityMode } from '../../src/config/durability-mode.ts'
import { brokerConfigDefinitions, topicConfigDefinitions } from '../../src/config/generated.ts'
import { nearestName } from '../../src/config/nearest-name.ts'

function parse(configs: Record<string, string>, durability: DurabilityMode = 'fsync') {
  const parsed = parseBrokerConfig(configs, durability)
  if (!parsed.ok) throw new Error(parsed.detail ?? parsed.error)
  return parsed.value
}

function refusal(configs: Record<string, string>): string | null {
  const parsed = parseBrokerConfig(configs, 'fsync')
  return parsed.ok ? null : parsed.detail
}

const dynamic = (forAll: Record<string, string>, forThis: Record<string, string> = {}) =>
  withDynamicConfigs(parse({ 'message.max.bytes': '1000' }), {
    dynamicDefaultConfigs: new Map(Object.entries(forAll)),
    dynamicBrokerConfigs: new Map(Object.entries(forThis))
  })

test('a broker without configs has those of Kafka', () => {
  expect(parse({})).toMatchObject({
    nodeId: 1,
    brokerRack: null,
    numPartitions: 1,
    defaultReplicationFactor: 1,
    autoCreateTopicsEnable: true,
    deleteTopicEnable: true,
    offsetsTopicNumPartitions: 50,
    groupInitialRebalanceDelayMs: 3000,
    groupMinSessionTimeoutMs: 6000,
    groupMaxSessionTimeoutMs: 1_800_000,
    groupMaxSize: 2_147_483_647,
    offsetMetadataMaxBytes: 4096,
    offsetsRetentionMinutes: 10_080,
    fetchMaxBytes: 57_671_680,
    groupConsumerAssignors: ['uniform', 'range'],
    saslEnabledMechanisms: []
  } satisfies Partial<BrokerConfig>)
})

test('a broker in memory does not wait for more members, unless it is told to', () => {
  expect(parse({}, 'memory').groupInitialRebalanceDelayMs).toBe(0)
  const told = { 'group.initial.rebalance.delay.ms': '3000' }
  expect(parse(told, 'memory').groupInitialRebalanceDelayMs).toBe(3000)
})

test('configs come as an object or as a map', () => {
  const configs = { 'num.partitions': '4' }
  expect(parse(configs).numPartitions).toBe(4)
  const fromMap = parseBrokerConfig(new Map(Object.entries(configs)), 'fsync')
  expect(fromMap).toMatchObject({ value: { numPartitions: 4 } })
})

test('an unknown name is refused, with the one that may have been meant', () => {
  expect(refusal({ 'num.partition': '3' })).toBe(
    'Unknown broker config name: num.partition. Did you mean num.partitions?'
  )
  expect(refusal({ 'something.else.entirely': '3' })).toBe(
    'Unknown broker config name: something.else.entirely.'
  )
  expect(refusal({ constructor: '3' })).toBe('Unknown broker config name: constructor.')
})

test('a bad value is refused with a sentence that names the config', () => {
  expect(refusal({ 'num.partitions': '0' })).toBe(
    'Invalid value 0 for configuration num.partitions: Value must be at least 1'
  )
  expect(refusal({ 'log.retention.ms': '-5' })).toMatch(/retention.ms/)
})

test.each([
  [{ 'log.retention.ms': '0' }, /log.retention.ms must be unlimited/],
  [{ 'group.min.session.timeout.ms': '9000000' }, /group.max.session.timeout.ms must not be less/],
  [{ 'group.consumer.heartbeat.interval.ms': '45000' }, /must be below/],
  [{ 'default.replication.factor': '3' }, /the cluster has one broker/],
  [
    { 'log.cleaner.min.compaction.lag.ms': '5', 'log.cleaner.max.compaction.lag.ms': '1' },
    /conflict/
  ]
])('configs that contradict each other are refused: %j', (configs, sentence) => {
  expect(refusal(configs)).toMatch(sentence)
})

test.each(['offsets.topic.segment.bytes', 'transaction.state.log.segment.bytes'])(
  '%s is not less than a topic may have: the internal topic could not be made',
  name => {
    expect(refusal({ [name]: '1048575' })).toBe(
      `Invalid value 1048575 for configuration ${name}: Value must be at least 1048576`
    )
  }
)

test('broker.id is the older name of node.id: either says both, and they agree', () => {
  for (const name of ['node.id', 'broker.id']) {
    const { nodeId, raw } = parse({ [name]: '5' })
    expect([nodeId, raw.get('node.id'), raw.get('broker.id')]).toEqual([5, '5', '5'])
  }
  expect(parse({ 'broker.id': '-1' }).nodeId).toBe(1)
  expect(refusal({ 'node.id': '5', 'broker.id': '6' })).toBe(
    'You must set `node.id` to the same value as `broker.id`.'
  )
})

test('the durability mode is shown and cannot be chosen by config', () => {
  expect(refusal({ 'durability.mode': 'memory' })).toMatch(/chosen at start/)
  expect(parse({ 'durability.mode': 'fsync' }).durability).toBe('fsync')
  const mode = brokerConfigDefinition('durability.mode')!
  expect(brokerConfigDefault(mode, 'os')).toBe('os')
})

describe('configs set at run time', () => {
  test('win over those of the start, and those of this broker over those of all', () => {
    const name = 'message.max.bytes'
    expect(dynamic({})).toMatchObject({ value: { messageMaxBytes: 1000 } })
    expect(dynamic({ [name]: '2000' })).toMatchObject({ value: { messageMaxBytes: 2000 } })
    expect(dynamic({ [name]: '2000' }, { [name]: '3000' })).toMatchObject({
      value: { messageMaxBytes: 3000 }
    })
  })

  test('are refused when they contradict those of the start', () => {
    expect(dynamic({ 'log.retention.ms': '0' })).toMatchObject({ error: 'INVALID_CONFIG' })
  })
})

/** What moves replicas sets these at run time and nowhere else (Kafka: QuotaConfig). */
const throttles = [
  'leader.replication.throttled.rate',
  'follower.replication.throttled.rate',
  'replica.alter.log.dirs.io.max.bytes.per.second'
]

/** Of compaction itself, which goes by what is in force when it looks. */
const cleaner = [
  'log.cleaner.backoff.ms',
  'log.cleaner.dedupe.buffer.size',
  'log.cleaner.io.buffer.load.factor'
]

describe('the definitions', () => {
  test('are each defined once, and every default is valid', () => {
    const names = brokerConfigDefinitions.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const { name, defaultValue } of brokerConfigDefinitions) {
      if (defaultValue === null || name === 'durability.mode') continue
      expect([name, refusal({ [name]: defaultValue })]).toEqual([name, null])
    }
  })

  test("of topics name broker configs that exist, with the broker's default the same", () => {
    for (const { name, synonyms, defaultValue } of topicConfigDefinitions) {
      for (const synonym of synonyms ?? []) {
        const definition = brokerConfigDefinition(synonym.name)
        expect([name, definition?.name]).toEqual([name, synonym.name])
        const inherited = definition?.defaultValue
        if (inherited === null || inherited === undefined) continue
        const scaled = synonym.factor === 1 ? inherited : String(Number(inherited) * synonym.factor)
        expect([name, scaled]).toEqual([name, defaultValue])
      }
    }
  })

  test('that can change at run time are the first that topics inherit from, and some more', () => {
    const inherited = new Set(topicConfigDefinitions.map(({ synonyms }) => synonyms?.[0]?.name))
    const changeable = brokerConfigDefinitions.filter(
      ({ name, update }) => update !== undefined && ![...throttles, ...cleaner].includes(name)
    )
    for (const { name } of changeable) expect(inherited).toContain(name)
    expect(changeable).toHaveLength([...inherited].filter(name => name !== undefined).length)
  })
})

test('the nearest name is a few changes away, or none is', () => {
  const names = ['num.partitions', 'node.id', 'log.dirs']
  expect(nearestName('num.partitons', names)).toBe('num.partitions')
  expect(nearestName('log.dir', names)).toBe('log.dirs')
  expect(nearestName('id', names)).toBeNull()
  expect(nearestName('', names)).toBeNull()
})
