import { expect, test } from 'vitest'
import { createTopic } from '../cluster/fixture.ts'
import { ControlPlane } from './control-plane.ts'

const timeoutMs = 1000

test('no partition needs an election, in any version', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a')
  for (const version of ControlPlane.versions('ElectLeaders')) {
    const answer = await plane.ask('ElectLeaders', version, {
      topicPartitions: [
        { topic: 'a', partitions: [0, 1] },
        { topic: 'nope', partitions: [0] }
      ],
      timeoutMs
    })
    expect(answer).toMatchObject({
      errorCode: 0,
      replicaElectionResults: [
        {
          topic: 'a',
          partitionResult: [
            { partitionId: 0, errorCode: 84 },
            { partitionId: 1, errorCode: 3, errorMessage: 'No such partition as a-1' }
          ]
        },
        {
          topic: 'nope',
          partitionResult: [{ partitionId: 0, errorCode: 3, errorMessage: 'No such topic as nope' }]
        }
      ]
    })
  }
})

test('when all partitions are meant, none is listed', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a')
  const answer = await plane.ask('ElectLeaders', 2, { topicPartitions: null, timeoutMs })
  expect(answer).toMatchObject({
    errorCode: 0,
    replicaElectionResults: [{ topic: 'a', partitionResult: [] }]
  })
})

test('an unknown kind of election is INVALID_REQUEST, also for each partition', async () => {
  const plane = await ControlPlane.open()
  const topicPartitions = [{ topic: 'a', partitions: [0] }]
  const ask = () => plane.ask('ElectLeaders', 1, { electionType: 5, topicPartitions, timeoutMs })
  expect(await ask()).toMatchObject({
    errorCode: 42,
    replicaElectionResults: [
      {
        topic: 'a',
        partitionResult: [{ errorCode: 42, errorMessage: 'Unknown election type 5' }]
      }
    ]
  })
  plane.denied.add('ALTER CLUSTER')
  expect(await ask()).toMatchObject({ errorCode: 31 })
})
