import { expect, test } from 'vitest'
import { ControlPlane } from './control-plane.ts'

const asked = { includeClusterAuthorizedOperations: false }

test('every version names the cluster, its controller and its broker', async () => {
  const plane = await ControlPlane.open({ configs: { 'broker.rack': 'r1' } })
  for (const version of ControlPlane.versions('DescribeCluster')) {
    expect(await plane.ask('DescribeCluster', version, asked)).toEqual({
      throttleTimeMs: 0,
      errorCode: 0,
      errorMessage: null,
      endpointType: 1,
      clusterId: plane.cluster.clusterId,
      controllerId: 1,
      brokers: [{ brokerId: 1, host: 'broker.test', port: 9092, rack: 'r1', isFenced: false }],
      clusterAuthorizedOperations: -2_147_483_648
    })
  }
})

test('what may be done to the cluster is said when asked for', async () => {
  const plane = await ControlPlane.open()
  const operations = async () =>
    (await plane.ask('DescribeCluster', 0, { includeClusterAuthorizedOperations: true }))
      .clusterAuthorizedOperations
  expect(await operations()).toBe(0b1_1111_1010_0000 & ~(1 << 6))
  plane.denied.add('DESCRIBE CLUSTER')
  expect(await operations()).toBe(0)
})

test('controllers are asked for elsewhere (KIP-919)', async () => {
  const plane = await ControlPlane.open()
  const ask = (endpointType: number) => plane.ask('DescribeCluster', 1, { ...asked, endpointType })
  expect(await ask(2)).toMatchObject({ errorCode: 114, brokers: [] })
  expect(await ask(7)).toMatchObject({
    errorCode: 115,
    errorMessage: 'Unsupported endpoint type 7',
    brokers: []
  })
})
