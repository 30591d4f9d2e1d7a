import { describe, expect, test } from 'vitest'
import { MetadataImage } from '../../src/cluster/metadata-image.ts'
import { planTopics, type NewTopic } from '../../src/cluster/topic-creation.ts'
import { brokerConfig, newTopic } from './fixture.ts'

const brokers = [1]

function plan(
  topics: readonly NewTopic[],
  configs: Record<string, string> = {},
  isSpaceLow = false
) {
  const image = new MetadataImage()
  for (const [index, name] of ['existing', 'a.b'].entries()) {
    image.apply({ type: 'TopicRecord', name, topicId: `${index}`.repeat(22) })
  }
  let count = 0
  const surroundings = { image, config: brokerConfig(configs), brokers, isSpaceLow }
  return planTopics(topics, surroundings, () => `id-${count++}`)
}

function refusal(name: string, rest: Partial<NewTopic> = {}) {
  const decided = plan([newTopic(name, rest)]).get(name)!
  return decided.ok ? null : [decided.error, decided.detail]
}

const configRefusal = (name: string, value: string) => refusal('t', { configs: [{ name, value }] })

const assigned = (...lists: Array<[partitionIndex: number, brokerIds: number[]]>) => ({
  assignments: lists.map(([partitionIndex, brokerIds]) => ({ partitionIndex, brokerIds }))
})

test('a topic without numbers gets those of the broker', () => {
  const decided = plan([newTopic('orders')], { 'num.partitions': '7' }).get('orders')
  expect(decided).toMatchObject({
    ok: true,
    value: { name: 'orders', topicId: 'id-0', partitionCount: 7, replicationFactor: 1 }
  })
})

describe('CreateTopics refuses a name', () => {
  const invalid = 'INVALID_TOPIC_EXCEPTION'
  test.each([
    ['', 'Topic name is invalid: the empty string is not allowed'],
    ['.', "Topic name is invalid: '.' is not allowed"],
    ['..', "Topic name is invalid: '..' is not allowed"],
    [
      'x y',
      "Topic name is invalid: 'x y' contains one or more characters other than " +
        "ASCII alphanumerics, '.', '_' and '-'"
    ],
    [
      'é',
      "Topic name is invalid: 'é' contains one or more characters other than " +
        "ASCII alphanumerics, '.', '_' and '-'"
    ],
    ['a_b', "Topic 'a_b' collides with existing topic: a.b"]
  ])('%j with INVALID_TOPIC_EXCEPTION', (name, detail) => {
    expect(refusal(name)).toEqual([invalid, detail])
  })

  test('of 250 characters, and takes one of 249', () => {
    const long = 'z'.repeat(250)
    expect(refusal(long)).toEqual([
      invalid,
      `Topic name is invalid: the length of '${long}' is longer than the max allowed length 249`
    ])
    expect(refusal('z'.repeat(249))).toBeNull()
  })

  test('that exists with TOPIC_ALREADY_EXISTS', () => {
    expect(refusal('existing')).toEqual([
      'TOPIC_ALREADY_EXISTS',
      "Topic 'existing' already exists."
    ])
    expect(refusal('a.b')?.[0]).toBe('TOPIC_ALREADY_EXISTS')
  })

  test("of the broker's own log with INVALID_REQUEST", () => {
    expect(refusal('__cluster_metadata')).toEqual([
      'INVALID_REQUEST',
      'Creation of internal topic __cluster_metadata is prohibited.'
    ])
  })

  test('that stands twice with INVALID_REQUEST, once', () => {
    const plans = plan([newTopic('dup'), newTopic('other'), newTopic('dup')])
    expect([...plans.keys()]).toEqual(['dup', 'other'])
    expect(plans.get('dup')).toMatchObject({
      error: 'INVALID_REQUEST',
      detail: 'Duplicate topic name.'
    })
    expect(plans.get('other')!.ok).toBe(true)
  })
})

describe('CreateTopics refuses numbers', () => {
  test.each([0, -2])('%i partitions with INVALID_PARTITIONS', numPartitions => {
    expect(refusal('t', { numPartitions })).toEqual([
      'INVALID_PARTITIONS',
      'Number of partitions was set to an invalid non-positive value.'
    ])
  })

  test.each([0, -2])('a replication factor of %i with INVALID_REPLICATION_FACTOR', factor => {
    expect(refusal('t', { replicationFactor: factor })).toEqual([
      'INVALID_REPLICATION_FACTOR',
      'Replication factor must be larger than 0, or -1 to use the default value.'
    ])
  })

  test('more replicas than there are brokers with INVALID_REPLICATION_FACTOR', () => {
    expect(refusal('t', { replicationFactor: 3 })).toEqual([
      'INVALID_REPLICATION_FACTOR',
      'Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be ' +
        'reached because only 1 broker(s) are registered.'
    ])
  })

  test('more than 10,000 partitions in one request with POLICY_VIOLATION, for every topic', () => {
    const plans = plan([newTopic('big', { numPartitions: 10_000 }), newTopic('small')])
    expect([...plans.values()]).toMatchObject([
      {
        error: 'POLICY_VIOLATION',
        detail: 'Excessively large number of partitions per request.'
      },
      { error: 'POLICY_VIOLATION' }
    ])
    expect(plan([newTopic('big', { numPartitions: 10_000 })]).get('big')!.ok).toBe(true)
  })

  test('a negative number cannot make room for too many', () => {
    const plans = plan([
      newTopic('negative', { numPartitions: -2_000_000_000 }),
      newTopic('big', { numPartitions: 2_000_000_000 })
    ])
    expect(plans.get('big')).toMatchObject({ error: 'POLICY_VIOLATION' })
  })
})

describe('CreateTopics with an assignment', () => {
  test('takes partitions on this broker, in any order', () => {
    const topic = newTopic('t', assigned([1, [1]], [0, [1]]))
    expect(plan([topic]).get('t')).toMatchObject({ value: { partitionCount: 2 } })
  })

  test.each([
    [
      { numPartitions: 1, ...assigned([0, [1]]) },
      'INVALID_REQUEST',
      'A manual partition assignment was specified, but numPartitions was not set to -1.'
    ],
    [
      { replicationFactor: 1, ...assigned([0, [1]]) },
      'INVALID_REQUEST',
      'A manual partition assignment was specified, but replication factor was not set to -1.'
    ],
    [
      assigned([0, [77]]),
      'INVALID_REPLICA_ASSIGNMENT',
      'The manual partition assignment includes broker 77, but no such broker is registered.'
    ],
    [
      assigned([0, [1, 1]]),
      'INVALID_REPLICA_ASSIGNMENT',
      'The manual partition assignment includes the broker 1 more than once.'
    ],
    [
      assigned([0, []]),
      'INVALID_REPLICA_ASSIGNMENT',
      'The manual partition assignment includes an empty replica list.'
    ],
    [
      assigned([1, [1]]),
      'INVALID_REPLICA_ASSIGNMENT',
      'partitions should be a consecutive 0-based integer sequence'
    ],
    [
      assigned([-1, [1]], [0, [1]]),
      'INVALID_REPLICA_ASSIGNMENT',
      'partitions should be a consecutive 0-based integer sequence'
    ],
    [
      assigned([0, [1]], [0, [1]]),
      'INVALID_REPLICA_ASSIGNMENT',
      'Found multiple manual partition assignments for partition 0'
    ]
  ])('refuses %j', (rest, error, detail) => {
    expect(refusal('t', rest)).toEqual([error, detail])
  })
})

describe('CreateTopics refuses a config', () => {
  test('that is null with INVALID_CONFIG', () => {
    const configs = [
      { name: 'retention.ms', value: null },
      { name: 'segment.ms', value: null }
    ]
    expect(refusal('t', { configs })).toEqual([
      'INVALID_CONFIG',
      'Null value not supported for topic configs: retention.ms,segment.ms'
    ])
  })

  test('that does not exist, or has a bad value, with INVALID_CONFIG', () => {
    expect(configRefusal('nope', '1')).toEqual([
      'INVALID_CONFIG',
      'Unknown topic config name: nope'
    ])
    expect(configRefusal('segment.ms', 'x')?.[0]).toBe('INVALID_CONFIG')
    expect(configRefusal('num.partitions', '1')?.[0]).toBe('INVALID_CONFIG')
  })

  test('that is longer than a record can hold with INVALID_CONFIG', () => {
    const configs = [{ name: 'leader.replication.throttled.replicas', value: '1:1,'.repeat(9000) }]
    expect(refusal('t', { configs })).toEqual([
      'INVALID_CONFIG',
      'The configuration value cannot be added because it exceeds the maximum value size of ' +
        '32767 bytes.'
    ])
  })
})

test('one bad topic of a request does not hinder the others', () => {
  const plans = plan([newTopic('..'), newTopic('good'), newTopic('existing')])
  expect([...plans.values()].map(({ ok }) => ok)).toEqual([false, true, false])
})

test("on a nearly full disk only the broker's own topics are made", () => {
  const plans = plan([newTopic('orders'), newTopic('__consumer_offsets')], {}, true)
  expect(plans.get('orders')).toMatchObject({
    ok: false,
    error: 'INVALID_REQUEST',
    detail: expect.stringContaining('nearly full')
  })
  expect(plans.get('__consumer_offsets')?.ok).toBe(true)
})
