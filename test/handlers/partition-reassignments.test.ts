import { expect, test } from 'vitest'
import { createTopic } from '../cluster/fixture.ts'
import { ControlPlane } from './control-plane.ts'

const timeoutMs = 1000

async function reassign(plane: ControlPlane, version: number, replicas: number[] | null, at = 0) {
  const answer = await plane.ask('AlterPartitionReassignments', version, {
    topics: [{ name: 'a', partitions: [{ partitionIndex: at, replicas }] }],
    timeoutMs
  })
  return answer.responses[0]!.partitions[0]!
}

test('the present assignment is accepted in every version', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a')
  for (const version of ControlPlane.versions('AlterPartitionReassignments')) {
    expect(await reassign(plane, version, [1])).toEqual({
      partitionIndex: 0,
      errorCode: 0,
      errorMessage: null
    })
  }
})

test.each([
  [[9], 39, 'The manual partition assignment includes broker 9, but no such broker is registered.'],
  [[1, 1], 39, 'The manual partition assignment includes the broker 1 more than once.'],
  [[], 39, 'The manual partition assignment includes an empty replica list.'],
  [null, 85, null]
])('%j is refused', async (replicas, errorCode, errorMessage) => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a')
  expect(await reassign(plane, 1, replicas)).toMatchObject({ errorCode, errorMessage })
})

test('what does not exist is UNKNOWN_TOPIC_OR_PARTITION', async () => {
  const plane = await ControlPlane.open()
  expect(await reassign(plane, 0, [1])).toMatchObject({
    errorCode: 3,
    errorMessage: 'Unable to find a topic named a.'
  })
  await createTopic(plane.cluster, 'a')
  expect(await reassign(plane, 0, [1], 4)).toMatchObject({
    errorCode: 3,
    errorMessage: 'Unable to find partition a:4.'
  })
})

test('version 1 says again whether the replication factor might change', async () => {
  const plane = await ControlPlane.open()
  for (const allowReplicationFactorChange of [true, false]) {
    const answer = await plane.ask('AlterPartitionReassignments', 1, {
      topics: [],
      timeoutMs,
      allowReplicationFactorChange
    })
    expect(answer).toMatchObject({ errorCode: 0, allowReplicationFactorChange })
  }
})

test('nothing is ever on its way', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a')
  const list = () => plane.ask('ListPartitionReassignments', 0, { topics: null, timeoutMs })
  expect(await list()).toEqual({ throttleTimeMs: 0, errorCode: 0, errorMessage: null, topics: [] })
  plane.denied.add('DESCRIBE CLUSTER')
  expect(await list()).toMatchObject({ errorCode: 31 })
})

test('who may not alter the cluster moves nothing', async () => {
  const plane = await ControlPlane.open()
  plane.denied.add('ALTER CLUSTER')
  const answer = await plane.ask('AlterPartitionReassignments', 0, {
    topics: [{ name: 'a', partitions: [{ partitionIndex: 0, replicas: [1] }] }],
    timeoutMs
  })
  expect(answer).toMatchObject({ errorCode: 31, responses: [] })
})
