import { describe, expect, test } from 'vitest'
import { createTopic } from '../cluster/fixture.ts'
import { ControlPlane } from './control-plane.ts'

type TopicOnPage = [name: string, errorCode: number, partitionIndexes: number[]]
type Cursor = { topicName: string; partitionIndex: number } | null

async function plane(): Promise<ControlPlane> {
  const opened = await ControlPlane.open()
  for (const [name, numPartitions] of [
    ['c', 1],
    ['a', 3],
    ['b', 2]
  ] as const) {
    await createTopic(opened.cluster, name, { numPartitions })
  }
  return opened
}

async function page(at: ControlPlane, names: string[], limit: number, cursor: Cursor = null) {
  const answer = await at.ask('DescribeTopicPartitions', 0, {
    topics: names.map(name => ({ name })),
    responsePartitionLimit: limit,
    cursor
  })
  return {
    topics: answer.topics.map(({ name, errorCode, partitions }): TopicOnPage => {
      return [name ?? '', errorCode, partitions.map(({ partitionIndex }) => partitionIndex)]
    }),
    next: answer.nextCursor
  }
}

test('topics come sorted by name with all that is known of their partitions', async () => {
  const at = await plane()
  const answer = await at.ask('DescribeTopicPartitions', 0, { topics: [] })
  expect(answer.topics.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  expect(answer.nextCursor).toBeNull()
  expect(answer.topics[2]).toEqual({
    errorCode: 0,
    name: 'c',
    topicId: at.cluster.topic('c')!.topicId,
    isInternal: false,
    topicAuthorizedOperations: 0b1101_1111_1000,
    partitions: [
      {
        errorCode: 0,
        partitionIndex: 0,
        leaderId: 1,
        leaderEpoch: 0,
        replicaNodes: [1],
        isrNodes: [1],
        eligibleLeaderReplicas: [],
        lastKnownElr: [],
        offlineReplicas: []
      }
    ]
  })
})

describe('pages', () => {
  test('end within a topic and go on there', async () => {
    const at = await plane()
    const first = await page(at, [], 2)
    expect(first).toEqual({
      topics: [['a', 0, [0, 1]]],
      next: { topicName: 'a', partitionIndex: 2 }
    })
    expect(await page(at, [], 2, first.next)).toEqual({
      topics: [
        ['a', 0, [2]],
        ['b', 0, [0]]
      ],
      next: { topicName: 'b', partitionIndex: 1 }
    })
  })

  test('end between topics and go on with the next', async () => {
    const at = await plane()
    const first = await page(at, ['b', 'a'], 3)
    expect(first).toEqual({
      topics: [['a', 0, [0, 1, 2]]],
      next: { topicName: 'b', partitionIndex: 0 }
    })
    expect(await page(at, ['b', 'a'], 3, first.next)).toEqual({
      topics: [['b', 0, [0, 1]]],
      next: null
    })
  })

  test('hold together every partition once, whatever their size', async () => {
    const at = await plane()
    for (const limit of [1, 2, 3, 4, 5, 6, 7]) {
      const seen: unknown[] = []
      let cursor: Cursor = null
      do {
        const { topics, next } = await page(at, [], limit, cursor)
        for (const [name, , indexes] of topics) {
          for (const index of indexes) seen.push(`${name}-${index}`)
        }
        cursor = next
      } while (cursor !== null)
      expect(seen).toEqual(['a-0', 'a-1', 'a-2', 'b-0', 'b-1', 'c-0'])
    }
  })

  test('are never empty and never larger than the broker allows', async () => {
    const at = await ControlPlane.open({ configs: { 'max.request.partition.size.limit': '2' } })
    await createTopic(at.cluster, 'a', { numPartitions: 3 })
    expect((await page(at, [], -5)).topics).toEqual([['a', 0, [0]]])
    expect((await page(at, [], 2000)).topics).toEqual([['a', 0, [0, 1]]])
  })

  test('go on after a topic that has gone', async () => {
    const at = await plane()
    await at.cluster.deleteTopics([at.cluster.topic('b')!.topicId])
    expect(await page(at, [], 9, { topicName: 'b', partitionIndex: 1 })).toEqual({
      topics: [['c', 0, [0]]],
      next: null
    })
  })
})

test('topics that are not there are named when they were asked for', async () => {
  const at = await plane()
  expect((await page(at, ['nope', 'a b', 'c'], 10)).topics).toEqual([
    ['a b', 17, []],
    ['c', 0, [0]],
    ['nope', 3, []]
  ])
  expect(at.cluster.topic('nope')).toBeUndefined()
})

test('a cursor that was not given out is INVALID_REQUEST', async () => {
  const at = await plane()
  const refused = [['a', 42, []]]
  expect((await page(at, ['a'], 9, { topicName: 'b', partitionIndex: 0 })).topics).toEqual(refused)
  expect((await page(at, ['a'], 9, { topicName: 'a', partitionIndex: -1 })).topics).toEqual(refused)
  const beyond = await page(at, ['a'], 9, { topicName: 'a', partitionIndex: 7 })
  expect(beyond).toEqual({ topics: [['a', 0, []]], next: null })
})

test('topics that may not be described are hidden, or refused by name', async () => {
  const at = await plane()
  at.denied.add('DESCRIBE TOPIC a').add('DESCRIBE TOPIC nope')
  expect((await page(at, [], 9)).topics.map(([name]) => name)).toEqual(['b', 'c'])
  expect((await page(at, ['a', 'nope'], 9)).topics).toEqual([
    ['a', 29, []],
    ['nope', 29, []]
  ])
})
