import { describe, expect, test } from 'vitest'
import type { OffsetCommitRequestInit } from '../../src/wire/generated/offset-commit.ts'
import { ControlPlane } from './control-plane.ts'
import { GroupPlane } from './group-plane.ts'

const versions = ControlPlane.versions('OffsetCommit')
const unknownId = 'AAAAAAAAAAAAAAAAAAAAAg'

/** Topics with offsets by partition, in the words of the version: names up to 9, ids from 10 on. */
function request(
  plane: GroupPlane,
  version: number,
  topics: Readonly<Record<string, Readonly<Record<number, bigint>>>>,
  rest: Partial<OffsetCommitRequestInit> = {}
): OffsetCommitRequestInit {
  return {
    groupId: 'g',
    memberId: '',
    topics: Object.entries(topics).map(([name, offsets]) => ({
      ...(version >= 10 ? { topicId: plane.cluster.topic(name)?.topicId ?? unknownId } : { name }),
      partitions: Object.entries(offsets).map(([partition, committedOffset]) => ({
        partitionIndex: Number(partition),
        committedOffset,
        committedMetadata: null
      }))
    })),
    ...rest
  }
}

async function codes(plane: GroupPlane, version: number, asked: OffsetCommitRequestInit) {
  const answer = await plane.ask('OffsetCommit', version, asked)
  return answer.topics.map(({ partitions }) =>
    partitions.map(({ partitionIndex, errorCode }) => [partitionIndex, errorCode])
  )
}

async function committed(plane: GroupPlane, partitionIndexes: readonly number[]) {
  const topics = [{ name: 'orders', partitionIndexes }]
  const answer = await plane.ask('OffsetFetch', 7, { groupId: 'g', topics })
  return answer.topics.flatMap(({ partitions }) =>
    partitions.map(({ committedOffset, metadata }) => [committedOffset, metadata])
  )
}

test('every version commits, and the offset comes back to the last bit', async () => {
  for (const version of versions) {
    const plane = await GroupPlane.open()
    const offsets = { orders: { 0: 2n ** 63n - 1n, 1: -(2n ** 63n) } }
    expect(await codes(plane, version, request(plane, version, offsets))).toEqual([
      [
        [0, 0],
        [1, 0]
      ]
    ])
    expect(await committed(plane, [0, 1])).toEqual([
      [2n ** 63n - 1n, ''],
      [-(2n ** 63n), '']
    ])
  }
})

test('partitions that do not exist are refused in the order of the request', async () => {
  for (const version of versions) {
    const plane = await GroupPlane.open()
    const topics = { nowhere: { 0: 1n }, orders: { 0: 1n, 2: 1n }, payments: { 0: 1n } }
    const unknown = version >= 10 ? 100 : 3
    expect(await codes(plane, version, request(plane, version, topics))).toEqual([
      [[0, unknown]],
      [
        [0, 0],
        [2, 3]
      ],
      [[0, 0]]
    ])
  }
})

test('a topic that the principal may not READ is refused, and the others go on', async () => {
  const plane = await GroupPlane.open()
  plane.denied.add('READ TOPIC orders')
  const asked = request(plane, 8, { orders: { 0: 1n, 1: 1n }, payments: { 0: 1n } })
  expect(await codes(plane, 8, asked)).toEqual([
    [
      [0, 29],
      [1, 29]
    ],
    [[0, 0]]
  ])
})

test('a group that the principal may not READ is refused for every partition', async () => {
  for (const version of versions) {
    const plane = await GroupPlane.open()
    plane.denied.add('READ GROUP g')
    const asked = request(plane, version, { orders: { 0: 1n }, nowhere: { 0: 1n } })
    expect(await codes(plane, version, asked)).toEqual([[[0, 30]], [[0, 30]]])
  }
})

describe('a member', () => {
  test('that speaks of an unknown group hears 22 up to version 8, and 69 later', async () => {
    for (const version of versions) {
      const plane = await GroupPlane.open()
      const member = { generationIdOrMemberEpoch: 1, memberId: 'm' }
      const asked = request(plane, version, { orders: { 0: 1n } }, member)
      expect(await codes(plane, version, asked)).toEqual([[[0, version >= 9 ? 69 : 22]]])
    }
  })

  test('that is in commits, and who is not does not', async () => {
    const plane = await GroupPlane.open()
    const memberId = await plane.form()
    const ask = (rest: Partial<OffsetCommitRequestInit>) =>
      codes(plane, 7, request(plane, 7, { orders: { 0: 1n } }, rest))
    expect(await ask({ memberId, generationIdOrMemberEpoch: 1 })).toEqual([[[0, 0]]])
    expect(await ask({ memberId, generationIdOrMemberEpoch: 2 })).toEqual([[[0, 22]]])
    expect(await ask({ memberId: 'x', generationIdOrMemberEpoch: 1 })).toEqual([[[0, 25]]])
    expect(await ask({})).toEqual([[[0, 25]]])
  })
})

test('metadata is kept up to offset.metadata.max.bytes', async () => {
  const plane = await GroupPlane.open()
  const partitions = ['a'.repeat(4096), 'a'.repeat(4097)].map(
    (committedMetadata, partitionIndex) => ({
      partitionIndex,
      committedOffset: 5n,
      committedMetadata
    })
  )
  const asked = { groupId: 'g', memberId: '', topics: [{ name: 'orders', partitions }] }
  expect(await codes(plane, 5, asked)).toEqual([
    [
      [0, 0],
      [1, 12]
    ]
  ])
  expect(await committed(plane, [0, 1])).toEqual([
    [5n, 'a'.repeat(4096)],
    [-1n, '']
  ])
})

test('a retention and a time that no clock shows are kept within what can be written', async () => {
  const plane = await GroupPlane.open()
  const far = { retentionTimeMs: Number.MAX_SAFE_INTEGER }
  expect(await codes(plane, 4, request(plane, 4, { orders: { 0: 1n } }, far))).toEqual([[[0, 0]]])
  const partition = { partitionIndex: 1, committedOffset: 2n, committedMetadata: null }
  const topics = [
    {
      name: 'orders',
      partitions: [{ ...partition, commitTimestamp: Number.MAX_SAFE_INTEGER }]
    }
  ]
  expect(await codes(plane, 1, { groupId: 'g', memberId: '', topics })).toEqual([[[1, 0]]])
  expect(await committed(plane, [0, 1])).toEqual([
    [1n, ''],
    [2n, '']
  ])
})
