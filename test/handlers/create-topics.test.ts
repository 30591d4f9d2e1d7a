import { expect, test } from 'vitest'
import { topicConfigDefinitions } from '../../src/config/generated.ts'
import { createTopic } from '../cluster/fixture.ts'
import { ControlPlane } from './control-plane.ts'

const topic = (name: string, rest = {}) => ({
  name,
  numPartitions: -1,
  replicationFactor: -1,
  assignments: [],
  configs: [],
  ...rest
})
const zeroUuid = 'AAAAAAAAAAAAAAAAAAAAAA'

test('every version creates topics and says as much about them as it can', async () => {
  const plane = await ControlPlane.open()
  for (const version of ControlPlane.versions('CreateTopics')) {
    const name = `topic-${version}`
    const answer = await plane.ask('CreateTopics', version, {
      topics: [topic(name, { numPartitions: 2, replicationFactor: 1 })]
    })
    const { topicId } = plane.cluster.topic(name)!
    expect(answer.topics).toMatchObject([
      {
        name,
        errorCode: 0,
        errorMessage: null,
        topicId: version >= 7 ? topicId : zeroUuid,
        topicConfigErrorCode: 0,
        numPartitions: version >= 5 ? 2 : -1,
        replicationFactor: version >= 5 ? 1 : -1
      }
    ])
    expect(answer.topics[0]!.configs).toHaveLength(version >= 5 ? topicConfigDefinitions.length : 0)
  }
})

test('the configs in force come back, with where they come from (KIP-525)', async () => {
  const plane = await ControlPlane.open({ configs: { 'log.segment.bytes': '2000000' } })
  const answer = await plane.ask('CreateTopics', 5, {
    topics: [topic('a', { configs: [{ name: 'retention.ms', value: '5000' }] })]
  })
  const configs = new Map(answer.topics[0]!.configs!.map(config => [config.name, config]))
  const common = { readOnly: false, isSensitive: false }
  expect(configs.get('retention.ms')).toMatchObject({ value: '5000', configSource: 1, ...common })
  expect(configs.get('segment.bytes')).toMatchObject({ value: '2000000', configSource: 4 })
  expect(configs.get('cleanup.policy')).toMatchObject({ value: 'delete', configSource: 5 })
})

test('each topic has its own outcome; a name that stands twice is answered once', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'old')
  const answer = await plane.ask('CreateTopics', 7, {
    topics: [topic('dup'), topic('old'), topic('dup'), topic('a b'), topic('new')]
  })
  expect(answer.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
    ['dup', 42],
    ['old', 36],
    ['a b', 17],
    ['new', 0]
  ])
  expect(answer.topics.map(({ errorMessage }) => errorMessage)).toEqual([
    'Duplicate topic name.',
    "Topic 'old' already exists.",
    expect.stringMatching(/^Topic name is invalid: 'a b'/),
    null
  ])
  expect(plane.cluster.topic('dup')).toBeUndefined()
})

test('a bad config makes no topic', async () => {
  const plane = await ControlPlane.open()
  const answer = await plane.ask('CreateTopics', 3, {
    topics: [topic('a', { configs: [{ name: 'retention.ms', value: 'long' }] })]
  })
  expect(answer.topics).toMatchObject([
    {
      errorCode: 40,
      errorMessage: 'Invalid value long for configuration retention.ms: Not a number of type LONG'
    }
  ])
  expect(plane.cluster.topic('a')).toBeUndefined()
})

test('validateOnly says what would be and makes nothing', async () => {
  const plane = await ControlPlane.open()
  const answer = await plane.ask('CreateTopics', 7, {
    topics: [topic('a', { numPartitions: 4 }), topic('..')],
    validateOnly: true
  })
  expect(answer.topics).toMatchObject([
    { name: 'a', errorCode: 0, numPartitions: 4, topicId: zeroUuid },
    { name: '..', errorCode: 17 }
  ])
  expect([...plane.cluster.topics()]).toEqual([])
})

test('who may not create a topic is refused, who may not see its configs gets none', async () => {
  const plane = await ControlPlane.open()
  plane.denied.add('CREATE CLUSTER').add('CREATE TOPIC a').add('DESCRIBE_CONFIGS TOPIC b')
  const answer = await plane.ask('CreateTopics', 7, { topics: [topic('a'), topic('b')] })
  expect(answer.topics).toMatchObject([
    { name: 'a', errorCode: 29, errorMessage: 'Authorization failed.' },
    { name: 'b', errorCode: 0, topicConfigErrorCode: 29, numPartitions: -1, configs: [] }
  ])
  expect(plane.cluster.topic('a')).toBeUndefined()
})
