import { describe, expect, test } from 'vitest'
import type { OffsetFetchResponseTopics } from '../../src/wire/generated/offset-fetch.ts'
import { ControlPlane } from './control-plane.ts'
import { GroupPlane } from './group-plane.ts'

const unknownId = 'AAAAAAAAAAAAAAAAAAAAAg'

async function planeWithCommits(): Promise<GroupPlane> {
  const plane = await GroupPlane.open()
  for (const [name, partitionIndex, committedOffset] of [
    ['orders', 0, 5n],
    ['orders', 1, 6n],
    ['payments', 0, 7n]
  ] as const) {
    const partitions = [
      { partitionIndex, committedOffset, committedLeaderEpoch: 3, committedMetadata: 'm' }
    ]
    await plane.ask('OffsetCommit', 8, {
      groupId: 'g',
      memberId: '',
      topics: [{ name, partitions }]
    })
  }
  return plane
}

/** Asks one group in the words of the version; null topics for all. */
async function fetch(
  plane: GroupPlane,
  version: number,
  topics: Readonly<Record<string, readonly number[]>> | null,
  groupId = 'g'
) {
  const named =
    topics && Object.entries(topics).map(([name, partitionIndexes]) => ({ name, partitionIndexes }))
  const byId =
    named &&
    named.map(({ name, partitionIndexes }) => ({
      topicId: plane.cluster.topic(name)?.topicId ?? unknownId,
      partitionIndexes
    }))
  const request =
    version >= 8
      ? { groups: [{ groupId, topics: version >= 10 ? byId : named }] }
      : { groupId, topics: named }
  const answer = await plane.ask('OffsetFetch', version, request)
  const group = version >= 8 ? answer.groups[0] : answer
  const answered: readonly Partial<OffsetFetchResponseTopics>[] = group?.topics ?? []
  return {
    errorCode: group?.errorCode,
    topics: answered.map(topic => ({
      name: version >= 10 ? plane.cluster.topicById(topic.topicId ?? '')?.name : topic.name,
      partitions: (topic.partitions ?? []).map(each => [
        each.partitionIndex,
        each.committedOffset,
        each.committedLeaderEpoch,
        each.metadata,
        each.errorCode
      ])
    }))
  }
}

test('every version finds what was committed, and -1 where nothing was', async () => {
  const plane = await planeWithCommits()
  for (const version of ControlPlane.versions('OffsetFetch')) {
    const epoch = version >= 5 ? 3 : -1
    const found = await fetch(plane, version, { payments: [0, 7], orders: [1] })
    expect(found).toEqual({
      errorCode: 0,
      topics: [
        {
          name: 'payments',
          partitions: [
            [0, 7n, epoch, 'm', 0],
            [7, -1n, -1, '', 0]
          ]
        },
        { name: 'orders', partitions: [[1, 6n, epoch, 'm', 0]] }
      ]
    })
  }
})

test('a group that nobody has heard of has committed nothing, which is no error', async () => {
  const plane = await GroupPlane.open()
  for (const version of ControlPlane.versions('OffsetFetch')) {
    expect(await fetch(plane, version, { orders: [0] }, 'nobody')).toEqual({
      errorCode: 0,
      topics: [{ name: 'orders', partitions: [[0, -1n, -1, '', 0]] }]
    })
  }
})

test('from version 2 on null topics are all topics', async () => {
  const plane = await planeWithCommits()
  for (const version of ControlPlane.versions('OffsetFetch').slice(1)) {
    const found = await fetch(plane, version, null)
    expect(found.topics.map(({ name, partitions }) => [name, partitions.length])).toEqual([
      ['orders', 2],
      ['payments', 1]
    ])
    expect((await fetch(plane, version, null, 'nobody')).topics).toEqual([])
    expect((await fetch(plane, version, {})).topics).toEqual([])
  }
})

test('version 8 asks for many groups at once, each with its own answer', async () => {
  const plane = await planeWithCommits()
  plane.denied.add('DESCRIBE GROUP secret')
  const answer = await plane.ask('OffsetFetch', 8, {
    groups: [
      { groupId: 'secret', topics: null },
      { groupId: 'g', topics: null },
      { groupId: 'nobody', topics: [{ name: 'orders', partitionIndexes: [0] }] }
    ]
  })
  expect(
    answer.groups.map(({ groupId, errorCode, topics }) => [groupId, errorCode, topics.length])
  ).toEqual([
    ['secret', 30, 0],
    ['g', 0, 2],
    ['nobody', 0, 1]
  ])
})

describe('topic ids', () => {
  test('that are unknown are UNKNOWN_TOPIC_ID, in their place', async () => {
    const plane = await planeWithCommits()
    const topicId = plane.cluster.topic('orders')?.topicId
    const answer = await plane.ask('OffsetFetch', 10, {
      groups: [
        {
          groupId: 'g',
          topics: [
            { topicId: unknownId, partitionIndexes: [0] },
            { topicId, partitionIndexes: [0] }
          ]
        }
      ]
    })
    expect(answer.groups[0]?.topics).toMatchObject([
      { topicId: unknownId, partitions: [{ errorCode: 100, committedOffset: -1n, metadata: '' }] },
      { topicId, partitions: [{ errorCode: 0, committedOffset: 5n }] }
    ])
  })

  test('of a topic that was made anew find nothing of the former one', async () => {
    const plane = await planeWithCommits()
    const topicId = plane.cluster.topic('orders')?.topicId ?? ''
    await plane.cluster.deleteTopics([topicId])
    expect((await fetch(plane, 9, null)).topics.map(({ name }) => name)).toEqual(['payments'])
  })
})

describe('a principal without DESCRIBE', () => {
  test('on the group gets the error where the version has a place for it', async () => {
    const plane = await planeWithCommits()
    plane.denied.add('DESCRIBE GROUP g')
    for (const version of ControlPlane.versions('OffsetFetch')) {
      const found = await fetch(plane, version, { orders: [0] })
      if (version >= 2) expect(found).toEqual({ errorCode: 30, topics: [] })
      else expect(found.topics).toEqual([{ name: 'orders', partitions: [[0, -1n, -1, '', 30]] }])
    }
  })

  test('on a topic is refused the topic, and not told of it among all', async () => {
    const plane = await planeWithCommits()
    plane.denied.add('DESCRIBE TOPIC orders')
    for (const version of ControlPlane.versions('OffsetFetch')) {
      const found = await fetch(plane, version, { orders: [0], payments: [0] })
      expect(found.topics.map(({ partitions }) => partitions[0]?.[4])).toEqual([29, 0])
      if (version === 1) continue
      const all = await fetch(plane, version, null)
      expect(all.topics.map(({ name }) => name)).toEqual(['payments'])
    }
  })
})
