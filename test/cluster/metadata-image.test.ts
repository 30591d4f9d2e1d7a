import { expect, test } from 'vitest'
import * as fc from 'fast-check'
import { MetadataImage } from '../../src/cluster/metadata-image.ts'
import {
  decodeMetadataRecord,
  encodeMetadataRecord,
  type MetadataRecord
} from '../../src/cluster/metadata-records.ts'
import { MetadataReplay } from '../../src/cluster/metadata-replay.ts'
import { newPartitionRecord } from '../../src/cluster/topic-creation.ts'

const topicIds = ['a', 'b', 'c', 'd'].map(letter => letter.repeat(21) + 'A')
const names = ['orders', 'a.b', 'a_b', 'clicks']

/** Any record, sensible or not: an image must refuse what does not fit and take the rest. */
const anyRecord: fc.Arbitrary<MetadataRecord> = fc.oneof(
  fc.record({
    type: fc.constant('TopicRecord' as const),
    name: fc.constantFrom(...names),
    topicId: fc.constantFrom(...topicIds)
  }),
  fc
    .tuple(fc.constantFrom(...topicIds), fc.nat(3))
    .map(([topicId, index]) => newPartitionRecord(topicId, index, 1)),
  fc.record({
    type: fc.constant('PartitionChangeRecord' as const),
    partitionId: fc.nat(3),
    topicId: fc.constantFrom(...topicIds),
    isr: fc.constant(null),
    leader: fc.constantFrom(-2, 1, 2),
    replicas: fc.option(fc.constantFrom([1], [1, 2]), { nil: null }),
    removingReplicas: fc.constant(null),
    addingReplicas: fc.constant(null),
    leaderRecoveryState: fc.constant(-1)
  }),
  fc.record({
    type: fc.constant('ConfigRecord' as const),
    resourceType: fc.constantFrom(2, 4),
    resourceName: fc.constantFrom(...names, '1', ''),
    name: fc.constantFrom('retention.ms', 'log.retention.ms'),
    value: fc.option(fc.constantFrom('1', '2'), { nil: null })
  }),
  fc.record({
    type: fc.constant('RemoveTopicRecord' as const),
    topicId: fc.constantFrom(...topicIds)
  }),
  fc.record({
    type: fc.constant('ProducerIdsRecord' as const),
    brokerId: fc.constant(1),
    brokerEpoch: fc.constant(-1),
    nextProducerId: fc.nat(5).map(block => block * 1000)
  })
)

/**
 * All that an image says, in a form that can be compared. Which name of two that collide is told
 * does not matter.
 */
function content(image: MetadataImage): unknown {
  return {
    topics: [...image.topics()].map(topic => ({ ...topic, partitions: [...topic.partitions] })),
    byId: topicIds.map(topicId => image.topicById(topicId)?.name),
    configs: [2, 4].map(type =>
      [...image.configuredResources(type)]
        .sort()
        .map(name => [name, Object.fromEntries(image.configs(type, name))])
    ),
    nextProducerId: image.nextProducerId,
    counts: [image.topicCount, image.partitionCount],
    colliding: names.map(name => image.collidingTopic(name) !== undefined)
  }
}

function fold(records: Iterable<MetadataRecord>): MetadataImage {
  const image = new MetadataImage()
  for (const record of records) image.apply(record)
  return image
}

function unreadable(bytes: number[]): string | null {
  const decoded = decodeMetadataRecord(Buffer.from(bytes))
  return decoded.ok ? null : decoded.detail
}

function topic(name: string, topicId: string): MetadataRecord {
  return { type: 'TopicRecord', name, topicId }
}

/** Why the last of some records does not fit. */
function contradiction(...records: MetadataRecord[]): string | null {
  const image = new MetadataImage()
  let last: string | null = null
  for (const record of records) {
    const applied = image.apply(record)
    last = applied.ok ? null : applied.detail
  }
  return last
}

test('the records of an image make the same image, after any history', () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { maxLength: 60 }), history => {
      const image = fold(history)
      const again = new MetadataReplay()
      for (const record of image.records()) {
        expect(again.apply(encodeMetadataRecord(record))).toMatchObject({ ok: true })
      }
      expect(content(again.image)).toEqual(content(image))
    })
  )
})

test('a record that does not fit changes nothing', () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { maxLength: 60 }), history => {
      const image = new MetadataImage()
      const taken = history.filter(record => image.apply(record).ok)
      expect(content(fold(taken))).toEqual(content(image))
    })
  )
})

test('every record survives its bytes', () => {
  fc.assert(
    fc.property(anyRecord, record => {
      expect(decodeMetadataRecord(encodeMetadataRecord(record))).toEqual({
        ok: true,
        value: record
      })
    })
  )
})

test('bytes that are not a record are unreadable, wherever they end', () => {
  const bytes = encodeMetadataRecord({ type: 'TopicRecord', name: 'orders', topicId: topicIds[0]! })
  for (let size = 0; size < bytes.length; size++) {
    expect(decodeMetadataRecord(bytes.subarray(0, size))).toMatchObject({ error: 'UNREADABLE' })
  }
  const longer = Buffer.concat([bytes, Buffer.from([0])])
  expect(decodeMetadataRecord(longer)).toMatchObject({ error: 'UNREADABLE' })
})

test('records of a later format are unreadable and say why', () => {
  expect(unreadable([2, 2, 0])).toBe('frame version 2 is unknown')
  expect(unreadable([1, 99, 0])).toBe('metadata record 99 is unknown')
  expect(unreadable([1, 2, 1])).toBe('version 1 of metadata record 2 is unknown')
})

test("a topic's record has the bytes that Apache Kafka writes", () => {
  const record = { type: 'TopicRecord' as const, name: 'foo', topicId: 'AAAAAAAAAAEAAAAAAAAAAg' }
  // Frame version 1, api key 2, version 0, compact string, 16 bytes of uuid, no tagged fields.
  expect(encodeMetadataRecord(record).toString('hex')).toBe(
    '01020004666f6f0000000000000001000000000000000200'
  )
})

test('a record says what it contradicts', () => {
  const [a = '', b = ''] = topicIds
  expect(contradiction(topic('x', a), topic('x', b))).toBe('the topic x exists twice')
  expect(contradiction(topic('x', a), topic('y', a))).toBe(`two topics have the id ${a}`)
  expect(contradiction(newPartitionRecord(a, 0, 1))).toBe(`a partition of the unknown topic ${a}`)
  expect(contradiction(topic('x', a), newPartitionRecord(a, 1, 1))).toBe(
    'partition 1 follows 0 others'
  )
  expect(contradiction({ type: 'RemoveTopicRecord', topicId: a })).toBe(
    `the removal of the unknown topic ${a}`
  )
})

test('names that differ in dots and underscores only collide, until the topic is gone', () => {
  const image = fold([{ type: 'TopicRecord', name: 'a.b', topicId: topicIds[0]! }])
  expect(image.collidingTopic('a_b')).toBe('a.b')
  expect(image.collidingTopic('ab')).toBeUndefined()
  image.apply({ type: 'RemoveTopicRecord', topicId: topicIds[0]! })
  expect(image.collidingTopic('a_b')).toBeUndefined()
})

test('a leader that is named begins a new epoch, a change without one does not', () => {
  const [topicId = ''] = topicIds
  const image = fold([topic('x', topicId), newPartitionRecord(topicId, 0, 1)])
  const change = (leader: number, replicas: number[] | null) =>
    image.apply({
      type: 'PartitionChangeRecord',
      partitionId: 0,
      topicId,
      isr: null,
      leader,
      replicas,
      removingReplicas: null,
      addingReplicas: null,
      leaderRecoveryState: -1
    })
  change(1, null)
  expect(image.topic('x')!.partitions[0]).toMatchObject({ leaderEpoch: 1, partitionEpoch: 1 })
  change(-2, [1, 2])
  expect(image.topic('x')!.partitions[0]).toEqual({
    leader: 1,
    replicas: [1, 2],
    leaderEpoch: 1,
    partitionEpoch: 2
  })
})
