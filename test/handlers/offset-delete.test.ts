import { expect, test } from 'vitest'
import { GroupPlane } from './group-plane.ts'

async function planeWithCommits(): Promise<GroupPlane> {
  const plane = await GroupPlane.open()
  const partitions = [{ partitionIndex: 0, committedOffset: 5n, committedMetadata: null }]
  const topics = [
    { name: 'orders', partitions },
    { name: 'payments', partitions }
  ]
  await plane.ask('OffsetCommit', 8, { groupId: 'g', memberId: '', topics })
  return plane
}

async function remove(
  plane: GroupPlane,
  topics: Readonly<Record<string, readonly number[]>>,
  groupId = 'g'
) {
  const answer = await plane.ask('OffsetDelete', 0, {
    groupId,
    topics: Object.entries(topics).map(([name, indexes]) => ({
      name,
      partitions: indexes.map(partitionIndex => ({ partitionIndex }))
    }))
  })
  return [
    answer.errorCode,
    answer.topics.map(({ name, partitions }) => [name, partitions.map(each => each.errorCode)])
  ]
}

async function left(plane: GroupPlane): Promise<readonly string[]> {
  const answer = await plane.ask('OffsetFetch', 7, { groupId: 'g', topics: null })
  return answer.topics.map(({ name }) => name)
}

test('offsets that nobody uses are deleted, there or not', async () => {
  const plane = await planeWithCommits()
  expect(await remove(plane, { orders: [0, 1] })).toEqual([0, [['orders', [0, 0]]]])
  expect(await left(plane)).toEqual(['payments'])
})

test('offsets of topics that a member subscribes to are GROUP_SUBSCRIBED_TO_TOPIC', async () => {
  const plane = await planeWithCommits()
  await plane.form()
  const outcome = await remove(plane, { orders: [0], payments: [0] })
  expect(outcome).toEqual([
    0,
    [
      ['orders', [86]],
      ['payments', [0]]
    ]
  ])
  expect(await left(plane)).toEqual(['orders'])
})

test('a group of another kind is NON_EMPTY_GROUP while it has members', async () => {
  const plane = await planeWithCommits()
  await plane.form('g', { protocolType: 'connect' })
  expect(await remove(plane, { orders: [0] })).toEqual([68, []])
})

test('what does not exist, or may not be read, is refused in its place', async () => {
  const plane = await planeWithCommits()
  plane.denied.add('READ TOPIC payments')
  expect(await remove(plane, { nowhere: [0], orders: [9, 0], payments: [0] })).toEqual([
    0,
    [
      ['nowhere', [3]],
      ['orders', [3, 0]],
      ['payments', [29]]
    ]
  ])
})

test('the group itself may be unknown, unnamed or forbidden', async () => {
  const plane = await planeWithCommits()
  expect(await remove(plane, { orders: [0] }, 'nobody')).toEqual([69, []])
  expect(await remove(plane, { orders: [0] }, '')).toEqual([24, []])
  plane.denied.add('DELETE GROUP g')
  expect(await remove(plane, { orders: [0] })).toEqual([30, []])
})
