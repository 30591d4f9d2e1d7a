import { expect, test } from 'vitest'
import { createTopic } from '../cluster/fixture.ts'
import { ControlPlane } from './control-plane.ts'

const topicType = 2
const brokerType = 4
type Operation = [name: string, configOperation: number, value: string | null]

const resource = (resourceType: number, resourceName: string, ...operations: Operation[]) => ({
  resourceType,
  resourceName,
  configs: operations.map(([name, configOperation, value]) => ({ name, configOperation, value }))
})
const set = 0
const remove = 1
const append = 2
const subtract = 3

test('every version sets, deletes, appends and subtracts', async () => {
  const plane = await ControlPlane.open()
  for (const version of ControlPlane.versions('IncrementalAlterConfigs')) {
    const name = `topic-${version}`
    await createTopic(plane.cluster, name, { configs: [{ name: 'segment.ms', value: '9' }] })
    const alter = (...operations: Operation[]) =>
      plane.ask('IncrementalAlterConfigs', version, {
        resources: [resource(topicType, name, ...operations)],
        validateOnly: false
      })
    const answer = await alter(
      ['retention.ms', set, '5'],
      ['segment.ms', remove, null],
      ['cleanup.policy', append, 'compact']
    )
    expect(answer.responses).toEqual([
      { errorCode: 0, errorMessage: null, resourceType: topicType, resourceName: name }
    ])
    const overrides = () => Object.fromEntries(plane.cluster.topic(name)!.configOverrides)
    expect(overrides()).toEqual({ 'retention.ms': '5', 'cleanup.policy': 'delete,compact' })
    await alter(['cleanup.policy', subtract, 'delete'])
    expect(plane.cluster.partition(name, 0)!.configs.cleanupPolicy).toEqual({
      delete: false,
      compact: true
    })
  }
})

test('each resource has its own outcome, in the order of the request', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a')
  await createTopic(plane.cluster, 'b')
  plane.denied.add('ALTER_CONFIGS TOPIC b')
  const retention: Operation = ['retention.ms', set, '5']
  const { responses } = await plane.ask('IncrementalAlterConfigs', 1, {
    resources: [
      resource(topicType, 'b', retention),
      resource(topicType, 'nope', retention),
      resource(brokerType, '1', ['num.partitions', set, '5']),
      resource(topicType, 'a', retention),
      resource(topicType, 'x', ['retention.ms', 7, '5']),
      resource(99, 'y', retention)
    ],
    validateOnly: false
  })
  expect(responses.map(({ errorCode, resourceName }) => [resourceName, errorCode])).toEqual([
    ['b', 29],
    ['nope', 3],
    ['1', 42],
    ['a', 0],
    ['x', 42],
    ['y', 42]
  ])
  expect(responses[2]!.errorMessage).toBe(
    'Cannot update these configs dynamically: [num.partitions]'
  )
  expect(plane.cluster.topic('a')!.configs.retentionMs).toBe(5)
  expect([...plane.cluster.topic('b')!.configOverrides]).toEqual([])
})

test('validateOnly finds what is wrong and changes nothing', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a')
  const ask = (value: string) =>
    plane.ask('IncrementalAlterConfigs', 0, {
      resources: [resource(topicType, 'a', ['retention.ms', set, value])],
      validateOnly: true
    })
  expect((await ask('5')).responses).toMatchObject([{ errorCode: 0 }])
  expect((await ask('x')).responses).toMatchObject([{ errorCode: 40 }])
  expect([...plane.cluster.topic('a')!.configOverrides]).toEqual([])
})

test('who may not alter the cluster does not alter a broker', async () => {
  const plane = await ControlPlane.open()
  plane.denied.add('ALTER_CONFIGS CLUSTER')
  const { responses } = await plane.ask('IncrementalAlterConfigs', 1, {
    resources: [resource(brokerType, '', ['log.retention.ms', set, '5'])],
    validateOnly: false
  })
  expect(responses).toMatchObject([{ errorCode: 31 }])
  expect(plane.cluster.config.raw.has('log.retention.ms')).toBe(false)
})
