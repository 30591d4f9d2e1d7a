import { expect, test } from 'vitest'
import { createTopic } from '../cluster/fixture.ts'
import { ControlPlane } from './control-plane.ts'

const growth = (name: string, count: number, assignments: number[][] | null = null) => ({
  name,
  count,
  assignments: assignments && assignments.map(brokerIds => ({ brokerIds }))
})
const made = { timeoutMs: 1000, validateOnly: false }

test('every version adds partitions, which the next metadata shows', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a')
  for (const version of ControlPlane.versions('CreatePartitions')) {
    const count = 2 + version
    const answer = await plane.ask('CreatePartitions', version, {
      topics: [growth('a', count, [[1]])],
      ...made
    })
    expect(answer.results).toEqual([{ name: 'a', errorCode: 0, errorMessage: null }])
    const { topics } = await plane.ask('Metadata', 12, { topics: [{ name: 'a' }] })
    expect(topics[0]!.partitions.map(({ partitionIndex }) => partitionIndex)).toEqual(
      Array.from({ length: count }, (_, index) => index)
    )
  }
})

test('each topic has its own outcome', async () => {
  const plane = await ControlPlane.open()
  for (const name of ['a', 'b', 'c']) await createTopic(plane.cluster, name)
  plane.denied.add('ALTER TOPIC c')
  const answer = await plane.ask('CreatePartitions', 3, {
    topics: [growth('a', 1), growth('nope', 2), growth('b', 2), growth('c', 2), growth('a', 5)],
    ...made
  })
  expect(answer.results.map(({ name, errorCode }) => [name, errorCode])).toEqual([
    ['a', 42],
    ['nope', 3],
    ['b', 0],
    ['c', 29]
  ])
  expect(plane.cluster.topic('a')!.partitions).toHaveLength(1)
  expect(plane.cluster.topic('c')!.partitions).toHaveLength(1)
})

test('fewer partitions are INVALID_PARTITIONS and say how many there are', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a', { numPartitions: 3 })
  const answer = await plane.ask('CreatePartitions', 0, { topics: [growth('a', 2)], ...made })
  expect(answer.results).toEqual([
    {
      name: 'a',
      errorCode: 37,
      errorMessage: 'The topic a currently has 3 partition(s); 2 would not be an increase.'
    }
  ])
})

test('validateOnly adds nothing', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a')
  const answer = await plane.ask('CreatePartitions', 1, {
    topics: [growth('a', 2)],
    timeoutMs: 1000,
    validateOnly: true
  })
  expect(answer.results).toMatchObject([{ errorCode: 0 }])
  expect(plane.cluster.topic('a')!.partitions).toHaveLength(1)
})
