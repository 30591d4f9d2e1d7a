import { describe, expect, test } from 'vitest'
import { topicConfigDefinitions } from '../../src/config/generated.ts'
import { createTopic } from '../cluster/fixture.ts'
import { ControlPlane } from './control-plane.ts'

const topicType = 2
const brokerType = 4
const about = (resourceType: number, resourceName: string, keys: string[] | null = null) => ({
  resources: [{ resourceType, resourceName, configurationKeys: keys }]
})

test('every version describes a config as far as it can', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a', { configs: [{ name: 'retention.ms', value: '5' }] })
  for (const version of ControlPlane.versions('DescribeConfigs')) {
    const answer = await plane.ask('DescribeConfigs', version, {
      ...about(topicType, 'a', ['retention.ms', 'segment.bytes']),
      ...(version >= 1 ? { includeSynonyms: true } : {}),
      ...(version >= 3 ? { includeDocumentation: true } : {})
    })
    expect(answer.results).toMatchObject([
      { errorCode: 0, errorMessage: '', resourceType: topicType, resourceName: 'a' }
    ])
    const [retention, segment] = answer.results[0]!.configs
    expect(retention).toMatchObject({
      name: 'retention.ms',
      value: '5',
      readOnly: false,
      isSensitive: false,
      isDefault: false,
      configSource: version >= 1 ? 1 : -1,
      synonyms: version >= 1 ? [{ name: 'retention.ms', value: '5', source: 1 }] : [],
      configType: version >= 3 ? 5 : 0
    })
    expect((retention!.documentation ?? '').startsWith('Age')).toBe(version >= 3)
    expect(segment).toMatchObject({ isDefault: version === 0 })
  }
})

test('synonyms and documentation come only when asked for', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a')
  const answer = await plane.ask('DescribeConfigs', 4, about(topicType, 'a'))
  expect(answer.results[0]!.configs.every(config => config.synonyms.length === 0)).toBe(true)
  expect(answer.results[0]!.configs.every(config => config.documentation === null)).toBe(true)
})

test('all configs come when none is named, those asked for in the order asked', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a')
  const names = async (keys: string[] | null) =>
    (await plane.ask('DescribeConfigs', 2, about(topicType, 'a', keys))).results[0]!.configs.map(
      ({ name }) => name
    )
  const all = topicConfigDefinitions.map(({ name }) => name)
  expect(await names(null)).toEqual(all)
  expect(await names([])).toEqual(all)
  expect(await names(['segment.ms', 'nope', 'cleanup.policy', 'segment.ms'])).toEqual([
    'segment.ms',
    'cleanup.policy'
  ])
})

test('what Kafka Streams and Connect look for is among the configs of a topic', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a')
  const { results } = await plane.ask('DescribeConfigs', 4, about(topicType, 'a'))
  const names = results[0]!.configs.map(({ name }) => name)
  expect(names).toEqual(
    expect.arrayContaining([
      'cleanup.policy',
      'retention.ms',
      'retention.bytes',
      'min.compaction.lag.ms'
    ])
  )
})

test('a topic that is not there, or cannot be, is refused', async () => {
  const plane = await ControlPlane.open()
  const { results } = await plane.ask('DescribeConfigs', 4, {
    resources: [...about(topicType, 'nope').resources, ...about(topicType, 'a b').resources]
  })
  expect(results).toMatchObject([
    { errorCode: 3, errorMessage: '', resourceName: 'nope', configs: [] },
    {
      errorCode: 17,
      errorMessage: expect.stringMatching(/^Topic name is invalid: 'a b'/),
      configs: []
    }
  ])
})

describe('a broker', () => {
  test('is described by its id', async () => {
    const plane = await ControlPlane.open({ configs: { 'num.partitions': '3' } })
    const keys = ['num.partitions', 'default.replication.factor', 'ssl.key.password']
    const { results } = await plane.ask('DescribeConfigs', 3, about(brokerType, '1', keys))
    expect(results[0]!.configs).toMatchObject([
      { name: 'num.partitions', value: '3', readOnly: true, configSource: 4, configType: 3 },
      { name: 'default.replication.factor', value: '1', configSource: 5 },
      { name: 'ssl.key.password', value: null, isSensitive: true, configType: 9 }
    ])
  })

  test('with another id, or none that is a number, is INVALID_REQUEST', async () => {
    const plane = await ControlPlane.open()
    const { results } = await plane.ask('DescribeConfigs', 1, {
      resources: [...about(brokerType, '9').resources, ...about(brokerType, 'x').resources]
    })
    expect(results).toMatchObject([
      {
        errorCode: 42,
        errorMessage: 'Unexpected broker id, expected 1 or empty string, but received 9'
      },
      { errorCode: 42, errorMessage: 'Broker id must be an integer, but it is: x' }
    ])
  })

  test('without a name is the cluster: what was set for all brokers', async () => {
    const plane = await ControlPlane.open()
    const alone = await plane.ask('DescribeConfigs', 4, about(brokerType, ''))
    expect(alone.results[0]!.configs).toEqual([])
    await plane.ask('IncrementalAlterConfigs', 1, {
      resources: [
        {
          resourceType: brokerType,
          resourceName: '',
          configs: [{ name: 'log.retention.ms', configOperation: 0, value: '7' }]
        }
      ],
      validateOnly: false
    })
    const set = await plane.ask('DescribeConfigs', 4, about(brokerType, ''))
    expect(set.results[0]!.configs).toMatchObject([
      { name: 'log.retention.ms', value: '7', configSource: 3 }
    ])
  })
})

test('resources of other kinds are INVALID_REQUEST', async () => {
  const plane = await ControlPlane.open()
  for (const type of [0, 1, 8, 16, 32]) {
    const { results } = await plane.ask('DescribeConfigs', 4, about(type, 'x'))
    expect(results).toMatchObject([{ errorCode: 42, resourceType: type, configs: [] }])
  }
})

test('who may not describe is refused, resource by resource', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a')
  plane.denied.add('DESCRIBE_CONFIGS TOPIC a').add('DESCRIBE_CONFIGS CLUSTER')
  const { results } = await plane.ask('DescribeConfigs', 4, {
    resources: [...about(topicType, 'a').resources, ...about(brokerType, '1').resources]
  })
  expect(results).toMatchObject([{ errorCode: 29 }, { errorCode: 31 }])
})
