import { expect, test } from 'vitest'
import { createTopic } from '../cluster/fixture.ts'
import { ControlPlane } from './control-plane.ts'

const topicType = 2
const resource = (resourceName: string, configs: Record<string, string | null>) => ({
  resourceType: topicType,
  resourceName,
  configs: Object.entries(configs).map(([name, value]) => ({ name, value }))
})

test('every version sets what it names and takes the rest away', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a', { configs: [{ name: 'segment.ms', value: '9' }] })
  for (const version of ControlPlane.versions('AlterConfigs')) {
    const answer = await plane.ask('AlterConfigs', version, {
      resources: [resource('a', { 'retention.ms': `${version}` })],
      validateOnly: false
    })
    expect(answer.responses).toEqual([
      { errorCode: 0, errorMessage: null, resourceType: topicType, resourceName: 'a' }
    ])
    expect(Object.fromEntries(plane.cluster.topic('a')!.configOverrides)).toEqual({
      'retention.ms': `${version}`
    })
  }
})

test('no configs at all take every override away', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a', { configs: [{ name: 'segment.ms', value: '9' }] })
  await plane.ask('AlterConfigs', 0, { resources: [resource('a', {})], validateOnly: false })
  expect([...plane.cluster.topic('a')!.configOverrides]).toEqual([])
  expect(plane.cluster.partition('a', 0)!.configs.segmentMs).toBe(604_800_000)
})

test('what is refused takes nothing away: a null, an unknown name, an unknown topic', async () => {
  const plane = await ControlPlane.open()
  const configs = [{ name: 'segment.ms', value: '9' }]
  await createTopic(plane.cluster, 'a', { configs })
  await createTopic(plane.cluster, 'b', { configs })
  const { responses } = await plane.ask('AlterConfigs', 2, {
    resources: [
      resource('a', { 'retention.ms': null }),
      resource('b', { nope: '1' }),
      resource('c', { 'retention.ms': '1' })
    ],
    validateOnly: false
  })
  expect(responses).toMatchObject([
    { errorCode: 42, errorMessage: 'Null value not supported for : retention.ms' },
    { errorCode: 40, errorMessage: 'Unknown topic config name: nope' },
    { errorCode: 3, errorMessage: "The topic 'c' does not exist." }
  ])
  expect(plane.cluster.topic('a')!.configs.segmentMs).toBe(9)
  expect(plane.cluster.topic('b')!.configs.segmentMs).toBe(9)
})
