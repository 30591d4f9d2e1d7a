import { expect, test } from 'vitest'
import { createTopic } from '../cluster/fixture.ts'
import { ControlPlane } from './control-plane.ts'

test('version 0 lists client metrics, of which there are none', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a')
  expect(await plane.ask('ListConfigResources', 0, {})).toEqual({
    throttleTimeMs: 0,
    errorCode: 0,
    configResources: []
  })
})

test('version 1 lists topics and brokers, all or by kind', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a')
  await createTopic(plane.cluster, 'b')
  const list = async (...resourceTypes: number[]) =>
    (await plane.ask('ListConfigResources', 1, { resourceTypes })).configResources.map(
      ({ resourceType, resourceName }) => `${resourceType} ${resourceName}`
    )
  expect(await list()).toEqual(['2 a', '2 b', '4 1'])
  expect(await list(4)).toEqual(['4 1'])
  expect(await list(2, 2)).toEqual(['2 a', '2 b'])
  expect(await list(8, 16, 32)).toEqual([])
})

test('an unknown kind is UNSUPPORTED_VERSION; who may not describe is refused', async () => {
  const plane = await ControlPlane.open()
  const ask = () => plane.ask('ListConfigResources', 1, { resourceTypes: [2, 3] })
  expect(await ask()).toMatchObject({ errorCode: 35, configResources: [] })
  plane.denied.add('DESCRIBE_CONFIGS CLUSTER')
  expect(await ask()).toMatchObject({ errorCode: 31, configResources: [] })
})
