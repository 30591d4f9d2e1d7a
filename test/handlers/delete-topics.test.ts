import { describe, expect, test } from 'vitest'
import { createTopic } from '../cluster/fixture.ts'
import { ControlPlane } from './control-plane.ts'

const zeroUuid = 'AAAAAAAAAAAAAAAAAAAAAA'
const unknownId = 'AAAAAAAAAAAAAAAAAAAAAg'
const timeoutMs = 1000

test('versions 1 to 5 delete by name', async () => {
  const plane = await ControlPlane.open()
  for (const version of [1, 2, 3, 4, 5]) {
    await createTopic(plane.cluster, 'a')
    const answer = await plane.ask('DeleteTopics', version, {
      topicNames: ['a', 'nope', 'twice', 'twice'],
      timeoutMs
    })
    expect(answer.responses.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['a', 0],
      ['nope', 3],
      ['twice', 42]
    ])
    expect(answer.responses[2]!.errorMessage).toBe(version >= 5 ? 'Duplicate topic name.' : null)
    expect(plane.cluster.topic('a')).toBeUndefined()
  }
})

describe('version 6', () => {
  test('deletes by name and by id, and says both', async () => {
    const plane = await ControlPlane.open()
    const a = await createTopic(plane.cluster, 'a')
    const b = await createTopic(plane.cluster, 'b')
    const answer = await plane.ask('DeleteTopics', 6, {
      topics: [
        { name: 'a', topicId: zeroUuid },
        { name: null, topicId: b }
      ],
      timeoutMs
    })
    expect(answer.responses).toMatchObject([
      { name: 'a', topicId: a, errorCode: 0 },
      { name: 'b', topicId: b, errorCode: 0 }
    ])
    expect([...plane.cluster.topics()]).toEqual([])
  })

  test('refuses what names nothing, or too much, or is unknown', async () => {
    const plane = await ControlPlane.open()
    const a = await createTopic(plane.cluster, 'a')
    const answer = await plane.ask('DeleteTopics', 6, {
      topics: [
        { name: null, topicId: zeroUuid },
        { name: 'a', topicId: a },
        { name: null, topicId: unknownId },
        { name: 'nope', topicId: zeroUuid }
      ],
      timeoutMs
    })
    expect(answer.responses).toMatchObject([
      { errorCode: 42, errorMessage: 'Neither topic name nor id were specified.' },
      { errorCode: 42, errorMessage: 'You may not specify both topic name and topic id.' },
      { errorCode: 100, name: null, topicId: unknownId },
      { errorCode: 3, name: 'nope' }
    ])
    expect(plane.cluster.topic('a')).toBeDefined()
  })

  test('refuses duplicates of either kind and deletes none of them', async () => {
    const plane = await ControlPlane.open()
    const a = await createTopic(plane.cluster, 'a')
    const answer = await plane.ask('DeleteTopics', 6, {
      topics: [
        { name: null, topicId: a },
        { name: null, topicId: a }
      ],
      timeoutMs
    })
    expect(answer.responses).toMatchObject([
      { name: null, topicId: a, errorCode: 42, errorMessage: 'Duplicate topic id.' }
    ])
    expect(plane.cluster.topic('a')).toBeDefined()
  })

  test('refuses a name beside its own id, and deletes the topic through neither', async () => {
    const plane = await ControlPlane.open()
    const a = await createTopic(plane.cluster, 'a')
    const answer = await plane.ask('DeleteTopics', 6, {
      topics: [
        { name: null, topicId: a },
        { name: 'a', topicId: zeroUuid }
      ],
      timeoutMs
    })
    expect(answer.responses).toMatchObject([
      {
        name: 'a',
        topicId: a,
        errorCode: 42,
        errorMessage: 'The provided topic name maps to an ID that was already supplied.'
      }
    ])
    expect(plane.cluster.topic('a')).toBeDefined()
  })
})

test('with deletion switched off every topic says so, in the words of its version', async () => {
  const plane = await ControlPlane.open({ configs: { 'delete.topic.enable': 'false' } })
  const topicId = await createTopic(plane.cluster, 'a')
  for (const [version, errorCode] of [
    [1, 42],
    [2, 42],
    [3, 73],
    [5, 73]
  ] as const) {
    const answer = await plane.ask('DeleteTopics', version, { topicNames: ['a'], timeoutMs })
    expect(answer.responses).toMatchObject([{ name: 'a', errorCode }])
  }
  const byId = { topics: [{ name: null, topicId }], timeoutMs }
  const answer = await plane.ask('DeleteTopics', 6, byId)
  expect(answer.responses).toMatchObject([{ name: null, topicId, errorCode: 73 }])
  expect(plane.cluster.topic('a')).toBeDefined()
})

test('who may not delete is refused, and learns no name from an id', async () => {
  const plane = await ControlPlane.open()
  const topicId = await createTopic(plane.cluster, 'a')
  plane.denied.add('DELETE CLUSTER').add('DELETE TOPIC a').add('DESCRIBE TOPIC none')
  const answer = await plane.ask('DeleteTopics', 6, {
    topics: [
      { name: null, topicId },
      { name: 'none', topicId: zeroUuid }
    ],
    timeoutMs
  })
  expect(answer.responses).toMatchObject([
    { name: null, topicId, errorCode: 29 },
    { name: 'none', errorCode: 29 }
  ])
  expect(plane.cluster.topic('a')).toBeDefined()
})

test("the broker's own topics are not deleted", async () => {
  const plane = await ControlPlane.open()
  await plane.cluster.ensureTopic('__consumer_offsets')
  const answer = await plane.ask('DeleteTopics', 4, {
    topicNames: ['__consumer_offsets'],
    timeoutMs
  })
  expect(answer.responses).toMatchObject([{ errorCode: 42 }])
})

test('fetches that wait for a topic hear at once that it is gone', async () => {
  const plane = await ControlPlane.open()
  const topicId = await createTopic(plane.cluster, 'a')
  const fetch = (version: number, topic: { topic: string } | { topicId: string }) => {
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }]
    const topics = [{ ...topic, partitions }]
    return plane.ask('Fetch', version, { maxWaitMs: 60_000, minBytes: 1, topics })
  }
  const waiting = [fetch(12, { topic: 'a' }), fetch(13, { topicId })]
  await plane.ask('DeleteTopics', 5, { topicNames: ['a'], timeoutMs })
  const [byName, byId] = await Promise.all(waiting)
  expect(byName!.responses[0]!.partitions).toMatchObject([{ errorCode: 3 }])
  expect(byId!.responses[0]!.partitions).toMatchObject([{ errorCode: 100 }])
})
