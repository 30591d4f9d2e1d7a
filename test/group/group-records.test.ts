import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { GroupRecord } from '../../src/group/group-records.ts'
import {
  decodeGroupRecord,
  encodeGroupRecord,
  groupRecordSizeMax,
  offsetRecordSizeMax
} from '../../src/group/group-records.ts'
import { zeroUuid } from '../../src/wire/uuid.ts'

const committed = {
  offset: 258n,
  leaderEpoch: 3,
  metadata: 'mm',
  commitTimestampMs: 1000,
  expireTimestampMs: null,
  topicId: zeroUuid
}

function offsetRecord(value: (GroupRecord & { type: 'offset' })['value']): GroupRecord {
  return { type: 'offset', groupId: 'g', topic: 'orders', partition: 2, value }
}

/** Fields, one after the other. */
function fieldsOf(...fields: readonly string[]): string {
  return fields.join('')
}

function hex(record: GroupRecord): readonly [key: string, value: string | null] {
  const { key, value } = encodeGroupRecord(record)
  return [key.toString('hex'), value?.toString('hex') ?? null]
}

test('a committed offset is written in version 4, as Kafka 4.2 does', () => {
  const [key, value] = hex(offsetRecord(committed))
  expect(key).toBe(fieldsOf('0001', '000167', '00066f7264657273', '00000002'))
  expect(value).toBe(
    fieldsOf('0004', '0000000000000102', '00000003', '036d6d', '00000000000003e8', '00')
  )
})

test('the topic id of a committed offset is a tagged field, when there is one', () => {
  const [, value] = hex(offsetRecord({ ...committed, topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' }))
  expect(value?.slice(-38)).toBe(fieldsOf('01', '00', '10', '00000000000000000000000000000001'))
})

test('an offset that expires on request is written in version 1, the one that can say so', () => {
  const [, value] = hex(offsetRecord({ ...committed, expireTimestampMs: 2000 }))
  expect(value).toBe(
    fieldsOf('0001', '0000000000000102', '00026d6d', '00000000000003e8', '00000000000007d0')
  )
})

test('a removed offset is a tombstone under the same key', () => {
  const [key] = hex(offsetRecord(committed))
  expect(hex(offsetRecord(null))).toEqual([key, null])
})

test('a group is written in version 4, with everything that its members need to go on', () => {
  const record: GroupRecord = {
    type: 'group',
    groupId: 'g',
    value: {
      protocolType: 'c',
      generationId: 7,
      protocolName: 'r',
      leaderId: 'm',
      currentStateTimestampMs: 1000,
      members: [
        {
          memberId: 'm',
          groupInstanceId: null,
          clientId: 'i',
          clientHost: '/h',
          rebalanceTimeoutMs: 60_000,
          sessionTimeoutMs: 10_000,
          subscription: Buffer.from([1]),
          assignment: Buffer.from([2, 3])
        }
      ]
    }
  }
  const [key, value] = hex(record)
  expect(key).toBe(fieldsOf('0002', '000167'))
  const head = fieldsOf('0004', '0263', '00000007', '0272', '026d', '00000000000003e8')
  const member = fieldsOf(
    '026d',
    '00',
    '0269',
    '032f68',
    '0000ea60',
    '00002710',
    '0201',
    '030203',
    '00'
  )
  expect(value).toBe(head + '02' + member + '00')
})

test('records of older brokers are understood', () => {
  const key = Buffer.from(fieldsOf('0000', '000167', '00066f7264657273', '00000002'), 'hex')
  const value = Buffer.from(
    fieldsOf('0000', '0000000000000102', '00026d6d', '00000000000003e8'),
    'hex'
  )
  expect(decodeGroupRecord(key, value)).toEqual(offsetRecord({ ...committed, leaderEpoch: -1 }))
  const member = fieldsOf('00016d', '000169', '00022f68', '00002710', '0000000101', '0000000102')
  const group = Buffer.from(
    fieldsOf('0000', '000163', '00000007', '000172', '00016d', '00000001') + member,
    'hex'
  )
  const decoded = decodeGroupRecord(Buffer.from('0002000167', 'hex'), group)
  expect(decoded?.type === 'group' && decoded.value?.currentStateTimestampMs).toBe(-1)
  expect(decoded?.type === 'group' && decoded.value?.members[0]?.rebalanceTimeoutMs).toBe(-1)
})

test('records of other kinds of groups are left alone', () => {
  expect(decodeGroupRecord(Buffer.from('0003000167', 'hex'), Buffer.alloc(0))).toBeNull()
})

const name = fc.string({ maxLength: 20 })
const bytes = fc.uint8Array({ maxLength: 20 }).map(array => Buffer.from(array))
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const int32 = fc.integer({ min: -1, max: 0x7fff_ffff })
const time = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })

const offsetRecords: fc.Arbitrary<GroupRecord & { type: 'offset' }> = fc.record({
  type: fc.constant('offset' as const),
  groupId: name,
  topic: name,
  partition: int32,
  value: fc.option(
    fc.record({
      offset: int64,
      leaderEpoch: int32,
      metadata: name,
      commitTimestampMs: time,
      expireTimestampMs: fc.constant(null),
      topicId: fc.constantFrom(zeroUuid, 'AAAAAAAAAAAAAAAAAAAAAQ')
    }),
    { nil: null }
  )
})

const groupRecords: fc.Arbitrary<GroupRecord & { type: 'group' }> = fc.record({
  type: fc.constant('group' as const),
  groupId: name,
  value: fc.option(
    fc.record({
      protocolType: name,
      generationId: int32,
      protocolName: fc.option(name, { nil: null }),
      leaderId: fc.option(name, { nil: null }),
      currentStateTimestampMs: fc.oneof(time, fc.constant(-1)),
      members: fc.array(
        fc.record({
          memberId: name,
          groupInstanceId: fc.option(name, { nil: null }),
          clientId: name,
          clientHost: name,
          rebalanceTimeoutMs: int32,
          sessionTimeoutMs: int32,
          subscription: bytes,
          assignment: bytes
        }),
        { maxLength: 4 }
      )
    }),
    { nil: null }
  )
})

test('what is written is read again, offsets to the last bit', () => {
  fc.assert(
    fc.property(fc.oneof(offsetRecords, groupRecords), record => {
      const { key, value } = encodeGroupRecord(record)
      expect(decodeGroupRecord(key, value)).toEqual(record)
    })
  )
})

test('a record is never larger than its size was said to be', () => {
  fc.assert(
    fc.property(offsetRecords, groupRecords, (offset, group) => {
      expect(sizeOf(offset)).toBeLessThanOrEqual(offsetRecordSizeMax(offset))
      if (group.value === null) return
      const sizeMax = groupRecordSizeMax(group.groupId, group.value)
      expect(sizeOf(group)).toBeLessThanOrEqual(sizeMax)
    })
  )
})

function sizeOf(record: GroupRecord): number {
  const { key, value } = encodeGroupRecord(record)
  return key.length + (value?.length ?? 0)
}
