import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RecordCursor } from '../../src/record/record-cursor.ts'

function walk(bytes: readonly number[]): {
  count: number
  fault: string | null
  cursor: RecordCursor
} {
  const buffer = Buffer.from(bytes)
  const cursor = new RecordCursor(buffer, 0, buffer.length)
  let count = 0
  while (cursor.next()) count++
  return { count, fault: cursor.fault, cursor }
}

/** A record of attributes, zero deltas and then `fields`; its size in front. */
function record(fields: readonly number[], size = fields.length + 3): readonly number[] {
  return [2 * size, 0, 0, 0, ...fields]
}

const nothing = 1
const noHeaders = 0

test('records of the smallest kind: no key, no value, no headers', () => {
  const one = record([nothing, nothing, noHeaders])
  expect(walk([...one, ...one])).toMatchObject({ count: 2, fault: null })
})

test('any negative size means null, as in Kafka', () => {
  const { cursor, fault } = walk(record([5, 3, noHeaders]))
  expect(fault).toBeNull()
  expect(cursor.keySize).toBeLessThan(0)
  expect(cursor.valueSize).toBeLessThan(0)
})

describe('an end is put to', () => {
  test.each([
    ['a record that is larger than what is left', record([nothing, nothing, noHeaders], 100)],
    ['a record of negative size', [1, 0, 0, 0]],
    ['an empty record', [0]],
    ['a key beyond the record', record([2 * 5, nothing, noHeaders])],
    ['a value beyond the record', record([nothing, 2 * 5, noHeaders])],
    ['fewer fields than the size says', record([nothing, nothing, noHeaders, 0])],
    ['more fields than the size says', [...record([nothing, nothing], 5), noHeaders]],
    ['a negative count of headers', record([nothing, nothing, 1])],
    ['more headers than bytes', record([nothing, nothing, 2 * 3, 0, 1])],
    ['a header without a key', record([nothing, nothing, 2, 1, 1])],
    ['a header key beyond the record', record([nothing, nothing, 2, 2 * 9, 1])],
    ['a header value beyond the record', record([nothing, nothing, 2, 0, 2 * 9])],
    ['a varint of six bytes', [0x80, 0x80, 0x80, 0x80, 0x80, 1, 0, 0]],
    ['a varint that the end cuts off', [0x80]],
    ['a varlong of eleven bytes', [30, 0, ...Array<number>(10).fill(0x80), 1, 0, 0, 0, 0]]
  ])('%s', (_, bytes) => {
    const { count, fault } = walk(bytes)
    expect(count).toBe(0)
    expect(fault).not.toBeNull()
  })
})

test('after a fault there is no next record', () => {
  const { cursor } = walk([0, ...record([nothing, nothing, noHeaders])])
  expect(cursor.next()).toBe(false)
})

/** Varlongs of Kafka's own, through BigInt. */
function varlong(value: bigint): number[] {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  bytes.push(Number(rest))
  return bytes
}

test('timestamp deltas are exact within the safe integers and near beyond', () => {
  const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  const safe = fc.maxSafeInteger().map(BigInt)
  fc.assert(
    fc.property(fc.oneof(int64, safe), value => {
      const delta = varlong(value)
      const body = [0, ...delta, 0, nothing, nothing, noHeaders]
      const { cursor, count } = walk([2 * body.length, ...body])
      expect(count).toBe(1)
      if (value >= -(2n ** 53n) && value <= 2n ** 53n)
        expect(cursor.timestampDelta).toBe(Number(value))
      else expect(Math.abs(cursor.timestampDelta / Number(value) - 1)).toBeLessThan(1e-12)
    })
  )
})

test('bits of a varlong beyond the 64th count for nothing, as in Kafka', () => {
  const body = [0, ...Array<number>(9).fill(0x80), 3, 0, nothing, nothing, noHeaders]
  expect(walk([2 * body.length, ...body]).cursor.timestampDelta).toBe(2 ** 62)
})

test('the walk ends within the bytes, whatever they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(20), (array, margin) => {
      const bytes = Buffer.from(array)
      const end = Math.max(0, bytes.length - margin)
      const cursor = new RecordCursor(bytes, 0, end)
      let count = 0
      while (cursor.next()) {
        count++
        expect(cursor.keyPosition + cursor.keySize).toBeLessThanOrEqual(end)
        expect(cursor.valuePosition + cursor.valueSize).toBeLessThanOrEqual(end)
        expect(cursor.headers()).toHaveLength(cursor.headerCount)
      }
      // Seven bytes are the smallest record.
      expect(count * 7).toBeLessThanOrEqual(end)
      expect(cursor.atEnd || cursor.fault !== null).toBe(true)
    }),
    { numRuns: 2000 }
  )
})
