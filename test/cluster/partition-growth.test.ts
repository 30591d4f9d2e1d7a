import { expect, test } from 'vitest'
import { MetadataImage } from '../../src/cluster/metadata-image.ts'
import { planGrowths, type TopicGrowth } from '../../src/cluster/partition-growth.ts'
import { newPartitionRecord } from '../../src/cluster/topic-creation.ts'
import { brokerConfig } from './fixture.ts'

const topicId = 'AAAAAAAAAAAAAAAAAAAAAg'

function plan(growths: readonly TopicGrowth[]) {
  const image = new MetadataImage()
  image.apply({ type: 'TopicRecord', name: 'orders', topicId })
  for (const index of [0, 1]) image.apply(newPartitionRecord(topicId, index, 1))
  return planGrowths(growths, { image, config: brokerConfig(), brokers: [1], isSpaceLow: false })
}

function refusal(count: number, brokerIds: number[][] | null = null, name = 'orders') {
  const assignments = brokerIds === null ? null : brokerIds.map(each => ({ brokerIds: each }))
  const decided = plan([{ name, count, assignments }]).get(name)!
  return decided.ok ? null : [decided.error, decided.detail]
}

test('a topic grows from the partitions it has to those it shall have', () => {
  expect(plan([{ name: 'orders', count: 5, assignments: null }]).get('orders')).toEqual({
    ok: true,
    value: { name: 'orders', topicId, fromCount: 2, toCount: 5 }
  })
  expect(refusal(3, [[1]])).toBeNull()
})

test('fewer partitions, or as many, are refused with INVALID_PARTITIONS', () => {
  expect(refusal(2)).toEqual(['INVALID_PARTITIONS', 'Topic already has 2 partition(s).'])
  for (const count of [1, 0, -1]) {
    expect(refusal(count)).toEqual([
      'INVALID_PARTITIONS',
      `The topic orders currently has 2 partition(s); ${count} would not be an increase.`
    ])
  }
})

test('on a nearly full disk no topic grows', () => {
  const image = new MetadataImage()
  image.apply({ type: 'TopicRecord', name: 'orders', topicId })
  const surroundings = { image, config: brokerConfig(), brokers: [1], isSpaceLow: true }
  const plans = planGrowths([{ name: 'orders', count: 1, assignments: null }], surroundings)
  expect(plans.get('orders')).toMatchObject({ ok: false, error: 'INVALID_REQUEST' })
})

test('an unknown topic is UNKNOWN_TOPIC_OR_PARTITION', () => {
  expect(refusal(5, null, 'nope')?.[0]).toBe('UNKNOWN_TOPIC_OR_PARTITION')
})

test('assignments must be as many as new partitions, each on this broker', () => {
  const invalid = 'INVALID_REPLICA_ASSIGNMENT'
  expect(refusal(4, [[1]])).toEqual([
    invalid,
    'Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified.'
  ])
  expect(refusal(3, [[9]])?.[0]).toBe(invalid)
  expect(refusal(3, [[]])?.[0]).toBe(invalid)
  expect(refusal(3, [[1, 1]])?.[0]).toBe(invalid)
})

test('more than 10,000 new partitions in one request are a POLICY_VIOLATION', () => {
  expect(refusal(10_003)).toEqual([
    'POLICY_VIOLATION',
    'Unable to perform excessively large batch operation.'
  ])
  expect(refusal(10_002)).toBeNull()
})

test('a topic that stands twice is refused with INVALID_REQUEST', () => {
  const growth = { name: 'orders', count: 5, assignments: null }
  expect(plan([growth, growth]).get('orders')).toMatchObject({
    error: 'INVALID_REQUEST',
    detail: 'Duplicate topic name.'
  })
})
