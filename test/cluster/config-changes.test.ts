import { describe, expect, test } from 'vitest'
import { planConfigChange, type ConfigChange } from '../../src/cluster/config-changes.ts'
import { MetadataImage } from '../../src/cluster/metadata-image.ts'
import type { ConfigResourceType } from '../../src/cluster/metadata-records.ts'
import { withDynamicConfigs } from '../../src/config/broker-config.ts'
import { brokerConfig, nodeId } from './fixture.ts'

type Operation = [type: 'SET' | 'DELETE' | 'APPEND' | 'SUBTRACT', name: string, value?: string]

const present = { 'retention.ms': '5000', 'cleanup.policy': 'compact' }
const presentOfCluster = { 'log.retention.ms': '9000' }

function plan(
  resourceType: ConfigResourceType,
  resourceName: string,
  operations: readonly Operation[],
  rest: Partial<ConfigChange> = {}
) {
  const image = new MetadataImage()
  image.apply({ type: 'TopicRecord', name: 'orders', topicId: 'AAAAAAAAAAAAAAAAAAAAAg' })
  for (const [name, value] of Object.entries(present)) {
    const resource = { resourceType: 2, resourceName: 'orders' }
    image.apply({ type: 'ConfigRecord', ...resource, name, value })
  }
  for (const [name, value] of Object.entries(presentOfCluster)) {
    image.apply({ type: 'ConfigRecord', resourceType: 4, resourceName: '', name, value })
  }
  const config = withDynamicConfigs(brokerConfig({ 'num.partitions': '3' }), {
    dynamicDefaultConfigs: image.configs(4, ''),
    dynamicBrokerConfigs: image.configs(4, '1')
  })
  if (!config.ok) throw new Error(config.detail ?? '')
  return planConfigChange(
    {
      resourceType,
      resourceName,
      replacesAll: false,
      operations: operations.map(([type, name, value]) => ({ type, name, value: value ?? null })),
      ...rest
    },
    { image, config: config.value, nodeId }
  )
}

/** What the records of a plan say, by config. */
function changes(planned: ReturnType<typeof plan>) {
  if (!planned.ok) return [planned.error, planned.detail]
  return Object.fromEntries(
    planned.value.map(record =>
      record.type === 'ConfigRecord' ? [record.name, record.value] : [record.type, '?']
    )
  )
}

const topic = (...operations: Operation[]) => changes(plan('TOPIC', 'orders', operations))
const broker = (name: string, ...operations: Operation[]) =>
  changes(plan('BROKER', name, operations))

describe('configs of a topic', () => {
  test('SET gives a value, DELETE takes it away', () => {
    expect(topic(['SET', 'segment.ms', '1'], ['DELETE', 'retention.ms'])).toEqual({
      'segment.ms': '1',
      'retention.ms': null
    })
  })

  test('what is as wanted already needs no record', () => {
    expect(topic(['SET', 'retention.ms', '5000'], ['DELETE', 'segment.ms'])).toEqual({})
  })

  test('APPEND adds the words that a list lacks, SUBTRACT takes words away', () => {
    expect(topic(['APPEND', 'cleanup.policy', 'delete,compact,delete'])).toEqual({
      'cleanup.policy': 'compact,delete'
    })
    expect(topic(['SUBTRACT', 'cleanup.policy', 'compact'])).toEqual({ 'cleanup.policy': '' })
    expect(topic(['SUBTRACT', 'cleanup.policy', 'delete'])).toEqual({})
  })

  test('a list without a value of its own is changed from its default', () => {
    const withoutOwn = plan('TOPIC', 'orders', [['APPEND', 'cleanup.policy', 'compact']], {
      replacesAll: true
    })
    expect(changes(withoutOwn)).toMatchObject({ 'cleanup.policy': 'delete,compact' })
  })

  test('APPEND to what is no list is INVALID_CONFIG', () => {
    expect(topic(['APPEND', 'retention.ms', '1'])).toEqual([
      'INVALID_CONFIG',
      "Can't APPEND to key retention.ms because its type is not LIST."
    ])
    expect(topic(['SUBTRACT', 'nope', '1'])).toEqual([
      'INVALID_CONFIG',
      "Can't SUBTRACT to key nope because its type is not LIST."
    ])
  })

  test('AlterConfigs takes away what it does not name', () => {
    const replaced = plan('TOPIC', 'orders', [['SET', 'segment.ms', '1']], { replacesAll: true })
    expect(changes(replaced)).toEqual({
      'retention.ms': null,
      'cleanup.policy': null,
      'segment.ms': '1'
    })
  })

  test('one bad value refuses the whole change', () => {
    expect(topic(['SET', 'segment.ms', '1'], ['SET', 'retention.ms', '-7'])).toEqual([
      'INVALID_CONFIG',
      'Invalid value -7 for configuration retention.ms: Value must be at least -1'
    ])
    expect(topic(['SET', 'nope', '1'])).toEqual([
      'INVALID_CONFIG',
      'Unknown topic config name: nope'
    ])
    expect(topic(['SET', 'remote.storage.enable', 'true'])).toEqual([
      'INVALID_CONFIG',
      expect.stringMatching(/Tiered/)
    ])
  })

  test('rules between configs look at what would be in force', () => {
    expect(
      topic(['SET', 'max.compaction.lag.ms', '5'], ['SET', 'min.compaction.lag.ms', '6'])
    ).toEqual([
      'INVALID_CONFIG',
      'conflict topic config setting min.compaction.lag.ms (6) > max.compaction.lag.ms (5)'
    ])
  })

  test('a malformed change is INVALID_REQUEST', () => {
    expect(topic(['SET', 'segment.ms', '1'], ['DELETE', 'segment.ms'])).toEqual([
      'INVALID_REQUEST',
      'Error due to duplicate config keys'
    ])
    expect(topic(['SET', 'segment.ms'], ['APPEND', 'cleanup.policy'])).toEqual([
      'INVALID_REQUEST',
      'Null value not supported for : segment.ms, cleanup.policy'
    ])
  })

  test('a topic that cannot be meant is refused by its name', () => {
    const set: Operation[] = [['SET', 'segment.ms', '1']]
    expect(changes(plan('TOPIC', 'nope', set))).toEqual([
      'UNKNOWN_TOPIC_OR_PARTITION',
      "The topic 'nope' does not exist."
    ])
    expect(changes(plan('TOPIC', 'x y', set))).toEqual([
      'INVALID_TOPIC_EXCEPTION',
      expect.stringMatching(/x y/)
    ])
    expect(changes(plan('TOPIC', '', set))).toEqual([
      'INVALID_REQUEST',
      'Default topic resources are not allowed.'
    ])
  })

  test('a value that is too long for a record is INVALID_CONFIG', () => {
    const many = Array.from({ length: 8000 }, (_, index) => `${index}:1`).join(',')
    const long = topic(['APPEND', 'leader.replication.throttled.replicas', many])
    expect(long).toEqual([
      'INVALID_CONFIG',
      expect.stringMatching(/exceeds the maximum value size/)
    ])
  })
})

describe('configs of a broker', () => {
  test('those that can change at run time change, for the cluster and for this broker', () => {
    expect(broker('', ['SET', 'log.segment.bytes', '2000000'])).toEqual({
      'log.segment.bytes': '2000000'
    })
    expect(broker('1', ['APPEND', 'log.cleanup.policy', 'compact'])).toEqual({
      'log.cleanup.policy': 'delete,compact'
    })
    expect(broker('', ['DELETE', 'log.retention.ms'])).toEqual({ 'log.retention.ms': null })
  })

  test('throttles of replication are kept, for kafka-reassign-partitions sets them always', () => {
    for (const side of ['leader', 'follower']) {
      const name = `${side}.replication.throttled.rate`
      expect(broker('1', ['SET', name, '1000000'])).toEqual({ [name]: '1000000' })
      expect(broker('1', ['SET', name, '-1'])).toMatchObject({ 0: 'INVALID_REQUEST' })
    }
  })

  test('all others are refused with INVALID_REQUEST, and so are unknown ones', () => {
    expect(broker('1', ['SET', 'num.partitions', '5'])).toEqual([
      'INVALID_REQUEST',
      'Cannot update these configs dynamically: [num.partitions]'
    ])
    expect(broker('', ['APPEND', 'log.retention.ms', '5'])).toEqual([
      'INVALID_CONFIG',
      'Config value append is not allowed for config key: log.retention.ms'
    ])
    expect(broker('', ['SET', 'log.retention.hours', '5'])).toMatchObject({ 0: 'INVALID_REQUEST' })
    expect(broker('', ['SET', 'nope', '5'])).toMatchObject({ 0: 'INVALID_REQUEST' })
  })

  test('a bad value is INVALID_REQUEST, as in Kafka', () => {
    expect(broker('', ['SET', 'log.segment.bytes', '1'])).toEqual([
      'INVALID_REQUEST',
      'Invalid value 1 for configuration log.segment.bytes: Value must be at least 1048576'
    ])
    expect(broker('', ['SET', 'log.retention.ms', '0'])).toEqual([
      'INVALID_REQUEST',
      expect.stringMatching(/log.retention.ms must be unlimited/)
    ])
  })

  test('another broker, and what is no broker, are INVALID_REQUEST', () => {
    expect(broker('2', ['SET', 'log.retention.ms', '5'])).toEqual([
      'INVALID_REQUEST',
      'Unexpected broker id, expected 1, but received 2'
    ])
    expect(broker('x', ['SET', 'log.retention.ms', '5'])).toEqual([
      'INVALID_REQUEST',
      'Node id must be an integer, but it is: x'
    ])
  })
})

test('resources without configs of their own are INVALID_REQUEST', () => {
  for (const type of ['GROUP', 'CLIENT_METRICS', 'BROKER_LOGGER', 'UNKNOWN'] as const) {
    expect(changes(plan(type, 'x', [['SET', 'a', 'b']]))).toMatchObject({ 0: 'INVALID_REQUEST' })
  }
})
