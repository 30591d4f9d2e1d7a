import { expect, test } from 'vitest'
import * as batch from '../../src/record/batch.ts'
import { endTxnMarker, readControlType, readEndTxnMarker } from '../../src/record/control.ts'
import { buildBatch, type NewRecord } from '../../src/record/records.ts'

const marker = {
  result: 'commit',
  coordinatorEpoch: 7,
  producerId: 4000,
  producerEpoch: 3,
  timestampMs: 1_700_000_000_000
} as const

function control(record: Partial<NewRecord> | null): Buffer {
  const records = record === null ? [] : [{ key: null, value: null, ...record }]
  return buildBatch({ records, isControl: true, isTransactional: true, lastOffsetDelta: 0 })
}

function read(buffer: Buffer): unknown {
  const result = readEndTxnMarker(buffer, 0)
  return result.ok ? result.value : result.error
}

test.each(['commit', 'abort'] as const)('a marker says %s, and with which epoch', result => {
  expect(read(endTxnMarker({ ...marker, result }))).toEqual({ result, coordinatorEpoch: 7 })
})

test('a marker is the batch that clients know, byte by byte', () => {
  const bytes = endTxnMarker(marker)
  expect(bytes.toString('hex', 61)).toBe(
    // size 16, attributes, deltas 0 and 0, a key of 4 and a value of 6 bytes, no headers
    '20 00 00 00 08 00000001 0c 000000000007 00'.replaceAll(' ', '')
  )
  expect([batch.isControl(bytes, 0), batch.isTransactional(bytes, 0)]).toEqual([true, true])
  expect([batch.producerId(bytes, 0), batch.producerEpoch(bytes, 0)]).toEqual([4000, 3])
  expect(batch.baseSequence(bytes, 0)).toBe(-1)
  expect(batch.maxTimestampMs(bytes, 0)).toBe(1_700_000_000_000)
  expect(endTxnMarker({ ...marker, result: 'abort' }).toString('hex', 66, 70)).toBe('00000000')
})

test('kinds of control records that are not ours end no transaction', () => {
  const value = Buffer.alloc(6)
  for (const type of [2, 3, 4, 5, 6, 100, -1]) {
    const key = Buffer.alloc(4)
    key.writeInt16BE(type, 2)
    expect(readControlType(key)).toBe('other')
    expect(read(control({ key, value }))).toBeNull()
  }
})

test('a control batch that compaction has emptied ends no transaction', () => {
  expect(read(control(null))).toBeNull()
})

test('later versions are read as far as they are known', () => {
  const key = Buffer.from('000500010000', 'hex')
  const value = Buffer.from('0005000000090000', 'hex')
  expect(read(control({ key, value }))).toEqual({ result: 'commit', coordinatorEpoch: 9 })
})

test.each([
  ['a record without a key', { key: null }],
  ['a key that is too short', { key: Buffer.alloc(3) }],
  ['a key of negative version', { key: Buffer.from('ffff0001', 'hex') }],
  ['no value', { key: Buffer.from('00000001', 'hex') }],
  ['a value that is too short', { key: Buffer.from('00000001', 'hex'), value: Buffer.alloc(5) }],
  [
    'a value of negative version',
    { key: Buffer.from('00000001', 'hex'), value: Buffer.from('ffff00000000', 'hex') }
  ]
])('a control batch with %s is INVALID_RECORD', (_, record) => {
  expect(read(control(record))).toBe('INVALID_RECORD')
})

test('a batch of data is no marker', () => {
  const data = buildBatch({ records: [{ key: Buffer.from('00000001', 'hex'), value: null }] })
  expect(read(data)).toBe('INVALID_RECORD')
})
