import { expect, test } from 'vitest'
import {
  parseBrokerConfig,
  withDynamicConfigs,
  type BrokerConfig
} from '../../src/config/broker-config.ts'
import {
  brokerConfigEntries,
  clusterConfigEntries,
  topicConfigEntries,
  type ConfigEntry
} from '../../src/config/config-entries.ts'

interface Layers {
  readonly atStart?: Record<string, string>
  readonly forAll?: Record<string, string>
  readonly forThis?: Record<string, string>
}

function broker({ atStart = {}, forAll = {}, forThis = {} }: Layers = {}): BrokerConfig {
  const parsed = parseBrokerConfig(atStart, 'fsync')
  const dynamic = parsed.ok
    ? withDynamicConfigs(parsed.value, {
        dynamicDefaultConfigs: new Map(Object.entries(forAll)),
        dynamicBrokerConfigs: new Map(Object.entries(forThis))
      })
    : parsed
  if (!dynamic.ok) throw new Error(dynamic.detail ?? '')
  return dynamic.value
}

function entry(entries: readonly ConfigEntry[], name: string): ConfigEntry {
  const found = entries.find(each => each.name === name)
  if (found === undefined) throw new Error(`there is no ${name}`)
  return found
}

/** Value, source and synonyms in the form of kafka-configs.sh. */
function shown({ value, source, synonyms }: ConfigEntry): string {
  const list = synonyms.map(each => `${each.source}:${each.name}=${each.value}`)
  return `${value} ${source} {${list.join(', ')}}`
}

const topic = (name: string, overrides: Record<string, string>, layers: Layers = {}): string =>
  shown(entry(topicConfigEntries(new Map(Object.entries(overrides)), broker(layers)), name))

test('a topic config names everything that was said about it, the strongest first', () => {
  const layers = {
    atStart: { 'log.segment.bytes': '2000000' },
    forAll: { 'log.segment.bytes': '3000000' },
    forThis: { 'log.segment.bytes': '4000000' }
  }
  expect(topic('segment.bytes', { 'segment.bytes': '5000000' }, layers)).toBe(
    '5000000 TOPIC_CONFIG {TOPIC_CONFIG:segment.bytes=5000000, ' +
      'DYNAMIC_BROKER_CONFIG:log.segment.bytes=4000000, ' +
      'DYNAMIC_DEFAULT_BROKER_CONFIG:log.segment.bytes=3000000, ' +
      'STATIC_BROKER_CONFIG:log.segment.bytes=2000000, ' +
      'DEFAULT_CONFIG:log.segment.bytes=1073741824}'
  )
  expect(topic('segment.bytes', {}, layers)).toMatch(
    /^4000000 DYNAMIC_BROKER_CONFIG \{DYNAMIC_BROK/
  )
})

// The expected texts are what Apache Kafka answers.
test('a default in another unit is not named, one that was set in the finest unit is', () => {
  expect(topic('retention.ms', { 'retention.ms': '5000' })).toBe(
    '5000 TOPIC_CONFIG {TOPIC_CONFIG:retention.ms=5000}'
  )
  expect(topic('segment.ms', {})).toBe('604800000 DEFAULT_CONFIG {}')
  expect(topic('flush.ms', {})).toBe('9223372036854775807 DEFAULT_CONFIG {}')
  expect(topic('retention.ms', {}, { forAll: { 'log.retention.ms': '7' } })).toBe(
    '7 DYNAMIC_DEFAULT_BROKER_CONFIG {DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=7, ' +
      'DEFAULT_CONFIG:log.retention.hours=168}'
  )
})

test('a double is printed as it is read, what was inherited as it was written', () => {
  expect(topic('min.cleanable.dirty.ratio', { 'min.cleanable.dirty.ratio': '1' })).toBe(
    '1.0 TOPIC_CONFIG {TOPIC_CONFIG:min.cleanable.dirty.ratio=1.0, ' +
      'DEFAULT_CONFIG:log.cleaner.min.cleanable.ratio=0.5}'
  )
})

test('configs that no broker config stands behind have no synonyms', () => {
  expect(topic('remote.storage.enable', {})).toBe('false DEFAULT_CONFIG {}')
})

test('a broker config is shown with where it comes from and whether it can change', () => {
  const entries = brokerConfigEntries(broker({ atStart: { 'num.partitions': '3' } }))
  expect(shown(entry(entries, 'num.partitions'))).toBe(
    '3 STATIC_BROKER_CONFIG {STATIC_BROKER_CONFIG:num.partitions=3, ' +
      'DEFAULT_CONFIG:num.partitions=1}'
  )
  expect(entry(entries, 'num.partitions').isReadOnly).toBe(true)
  expect(entry(entries, 'log.retention.ms').isReadOnly).toBe(false)
  expect(shown(entry(entries, 'log.retention.ms'))).toBe('null DEFAULT_CONFIG {}')
  expect(shown(entry(entries, 'log.retention.hours'))).toBe(
    '168 DEFAULT_CONFIG {DEFAULT_CONFIG:log.retention.hours=168}'
  )
  expect(entry(entries, 'durability.mode').value).toBe('fsync')
})

test('a secret is never shown, wherever it was said', () => {
  const entries = brokerConfigEntries(broker({ atStart: { 'ssl.keystore.key': 'hush' } }))
  expect(JSON.stringify(entries)).not.toContain('hush')
  const key = entry(entries, 'ssl.keystore.key')
  expect([key.isSensitive, shown(key)]).toEqual([
    true,
    'null STATIC_BROKER_CONFIG {STATIC_BROKER_CONFIG:ssl.keystore.key=null}'
  ])
})

test('the cluster has what was set for all brokers, and nothing else', () => {
  const config = broker({
    atStart: { 'num.partitions': '3' },
    forAll: { 'log.retention.ms': ' 7 ' },
    forThis: { 'log.roll.ms': '8' }
  })
  expect(clusterConfigEntries(config).map(each => `${each.name}: ${shown(each)}`)).toEqual([
    'log.retention.ms: 7 DYNAMIC_DEFAULT_BROKER_CONFIG ' +
      '{DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms= 7 }'
  ])
})

test('every entry says what it means', () => {
  const config = broker()
  for (const each of [...topicConfigEntries(new Map(), config), ...brokerConfigEntries(config)]) {
    expect(each.documentation).toMatch(/^[A-Z].*\.$/)
  }
})
