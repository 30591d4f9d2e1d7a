import { describe, expect, test } from 'vitest'
import * as batch from '../../../src/record/batch.ts'
import { endTxnMarker } from '../../../src/record/control.ts'
import { buildBatch, readRecords, type BatchOptions } from '../../../src/record/records.ts'
import { cleanBatch, type CleaningRules } from '../../../src/storage/compaction/batch-cleaning.ts'
import {
  CleanedTransactions,
  type AbortedRange
} from '../../../src/storage/compaction/cleaned-transactions.ts'

// Decisions of Kafka's Cleaner and MemoryRecords.filterTo, one by one.

const nowMs = 10_000
const deleteRetentionMs = 500

interface Surroundings extends Partial<Omit<CleaningRules, 'keys' | 'transactions'>> {
  /** The newest offset of each key. */
  readonly newest?: Readonly<Record<string, number>>
  readonly aborted?: readonly AbortedRange[]
}

function rulesFor({ newest = {}, aborted = [], ...rules }: Surroundings): CleaningRules {
  const keys = new Map(Object.entries(newest))
  return {
    nowMs,
    deleteRetentionMs,
    keys: { get: key => keys.get(Buffer.from(key).toString()) ?? -1 },
    latestOffset: 1000,
    logEndOffset: 1001,
    lastRecords: new Map(),
    transactions: new CleanedTransactions(aborted),
    ...rules
  }
}

function batchAt(
  baseOffset: number,
  records: readonly (readonly [key: string | null, value: string | null])[],
  options: Partial<BatchOptions> = {}
): Buffer {
  return buildBatch({
    records: records.map(([key, value], index) => ({
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      timestampMs: 100 + index
    })),
    baseOffset,
    partitionLeaderEpoch: 3,
    ...options
  })
}

/** What stays: `gone`, `same` bytes, or the offsets that are left and the delete horizon. */
function left(bytes: Buffer, surroundings: Surroundings | CleaningRules) {
  const rules = 'keys' in surroundings ? surroundings : rulesFor(surroundings)
  const cleaned = cleanBatch(bytes, 0, rules)
  if (!cleaned.ok) return cleaned.error
  const kept = cleaned.value.bytes
  if (kept === null) return 'gone'
  if (kept.equals(bytes)) return 'same'
  expect(batch.storedCrc(kept, 0)).toBe(batch.computeCrc(kept, 0))
  expect(batch.baseOffset(kept, 0)).toBe(batch.baseOffset(bytes, 0))
  expect(batch.lastOffset(kept, 0)).toBe(batch.lastOffset(bytes, 0))
  expect(batch.lastSequence(kept, 0)).toBe(batch.lastSequence(bytes, 0))
  expect(batch.partitionLeaderEpoch(kept, 0)).toBe(batch.partitionLeaderEpoch(bytes, 0))
  const records = readRecords(kept, 0)
  const horizonMs = batch.hasDeleteHorizon(kept, 0) ? batch.baseTimestampMs(kept, 0) : null
  return { offsets: records.ok && [...records.value].map(({ offset }) => offset), horizonMs }
}

describe('a record stays', () => {
  const cases: readonly (readonly [string, Buffer, Surroundings, unknown])[] = [
    ['when it is the newest of its key', batchAt(5, [['a', '1']]), { newest: { a: 5 } }, 'same'],
    ['when its key was not written since', batchAt(5, [['a', '1']]), {}, 'same'],
    ['not when its key was written later', batchAt(5, [['a', '1']]), { newest: { a: 6 } }, 'gone'],
    ['not without a key', batchAt(5, [[null, '1']]), {}, 'gone'],
    [
      'when it is beyond what was looked at, whatever it is',
      batchAt(5, [[null, '1']]),
      { latestOffset: 4, newest: { a: 9 } },
      'same'
    ],
    [
      'while the others of its batch go',
      batchAt(5, [
        ['a', '1'],
        ['b', '2'],
        ['a', '3']
      ]),
      { newest: { a: 7, b: 9 } },
      { offsets: [7], horizonMs: null }
    ],
    [
      'as a tombstone that gets a delete horizon',
      batchAt(5, [['a', null]]),
      { newest: { a: 5 } },
      { offsets: [5], horizonMs: nowMs + deleteRetentionMs }
    ],
    [
      'as a tombstone before its delete horizon',
      batchAt(5, [['a', null]], { deleteHorizonMs: nowMs + 1 }),
      { newest: { a: 5 } },
      'same'
    ],
    [
      'not as a tombstone at its delete horizon',
      batchAt(5, [['a', null]], { deleteHorizonMs: nowMs }),
      { newest: { a: 5 } },
      'gone'
    ],
    [
      'with its horizon while the tombstone beside it goes',
      batchAt(
        5,
        [
          ['a', null],
          ['b', '1']
        ],
        { deleteHorizonMs: nowMs }
      ),
      { newest: { a: 5, b: 6 } },
      { offsets: [6], horizonMs: nowMs }
    ]
  ]
  test.each(cases)('%s', (_, bytes, surroundings, expected) => {
    expect(left(bytes, surroundings)).toEqual(expected)
  })
})

describe('a batch without records stays', () => {
  const sequence = { producerId: 7, producerEpoch: 1, baseSequence: 40 }
  const old = batchAt(5, [['a', '1']], sequence)
  const empty = { offsets: [], horizonMs: null }

  test.each([
    ['as the last of a producer', { newest: { a: 9 } }, 7, 5, empty],
    ['not as an earlier one of a producer', { newest: { a: 9 } }, 7, 12, 'gone'],
    ['not for a producer that is forgotten', { newest: { a: 9 } }, 8, 5, 'gone'],
    ['as the last of the log', { newest: { a: 9 }, logEndOffset: 6 }, 8, 5, empty]
  ])('%s', (_, surroundings, producerId, lastDataOffset, expected) => {
    const lastRecords = new Map([[producerId, { lastDataOffset, producerEpoch: 1 }]])
    expect(left(old, { ...surroundings, lastRecords })).toEqual(expected)
  })

  test('as a marker that is the last of its producer, for its epoch', () => {
    const told = { result: 'commit', coordinatorEpoch: 0, timestampMs: 50 } as const
    const marker = endTxnMarker({ producerId: 7, producerEpoch: 2, ...told })
    const lastRecords = new Map([[7, { lastDataOffset: null, producerEpoch: 2 }]])
    const first = cleanBatch(marker, 0, rulesFor({ lastRecords, nowMs: 0 }))
    if (!first.ok || first.value.bytes === null) throw new Error('the marker is gone')
    const later = { lastRecords, nowMs: 9000 }
    expect(left(first.value.bytes, later)).toEqual({ offsets: [], horizonMs: null })
    expect(left(first.value.bytes, { nowMs: 9000 })).toBe('gone')
  })
})

describe('records of a transaction', () => {
  const transaction = { producerId: 7, producerEpoch: 0, isTransactional: true }
  const data = batchAt(5, [['a', '1']], { ...transaction, baseSequence: 0 })
  // oxlint-disable-next-line unicorn/consistent-function-scoping -- belongs to these tests
  const end = (result: 'commit' | 'abort', baseOffset: number): Buffer => {
    const told = { result, coordinatorEpoch: 0, timestampMs: 50 } as const
    const bytes = endTxnMarker({ producerId: 7, producerEpoch: 0, ...told })
    batch.stampOffsets(bytes, 0, baseOffset, 3)
    return bytes
  }
  const aborted = [{ producerId: 7, firstOffset: 5, lastOffset: 6 }]

  test('go when it was aborted, and its marker stays as long as one of them was there', () => {
    const rules = rulesFor({ aborted, newest: { a: 5 } })
    expect(left(data, rules)).toBe('gone')
    expect(left(end('abort', 6), rules)).toBe('same')
  })

  test('stay when it was committed, with its marker', () => {
    const rules = rulesFor({ newest: { a: 5 } })
    expect(left(data, rules)).toBe('same')
    expect(left(end('commit', 6), rules)).toBe('same')
  })

  for (const result of ['commit', 'abort'] as const) {
    test(`that are all gone leave the ${result} marker until its delete horizon`, () => {
      const rules = { aborted: result === 'abort' ? aborted : [] }
      const marker = end(result, 6)
      const first = cleanBatch(marker, 0, rulesFor(rules))
      if (!first.ok || first.value.bytes === null) throw new Error('the marker is gone')
      expect(first.value.finishedAbortOffset).toBe(result === 'abort' ? 6 : null)
      expect(left(marker, rules)).toEqual({ offsets: [6], horizonMs: nowMs + deleteRetentionMs })
      const before = { ...rules, nowMs: nowMs + deleteRetentionMs - 1 }
      expect(left(first.value.bytes, before)).toBe('same')
      expect(left(first.value.bytes, { ...rules, nowMs: nowMs + deleteRetentionMs })).toBe('gone')
    })
  }

  test('of the producer after an aborted transaction are not taken for aborted', () => {
    const rules = rulesFor({ aborted, newest: { a: 7 } })
    left(data, rules)
    left(end('abort', 6), rules)
    const next = batchAt(7, [['a', '2']], { ...transaction, baseSequence: 1 })
    expect(left(next, rules)).toBe('same')
  })
})

for (const compression of batch.compressions) {
  test(`what stays of a batch keeps codec, timestamps and headers (${compression})`, () => {
    const records = Array.from({ length: 20 }, (_, index) => ({
      key: Buffer.from(`key ${index % 7}`),
      value: index % 5 === 0 ? null : Buffer.alloc(index * 3, index),
      timestampMs: 5000 - index * 17,
      headers: [{ key: `header ${index}`, value: Buffer.from([index]) }]
    }))
    const bytes = buildBatch({
      records,
      baseOffset: 50,
      compression,
      producerId: 4,
      baseSequence: 9
    })
    const newest: Record<string, number> = {}
    for (const [index, { key }] of records.entries()) newest[key.toString()] = 50 + index
    const cleaned = cleanBatch(bytes, 0, rulesFor({ newest }))
    if (!cleaned.ok || cleaned.value.bytes === null) throw new Error('nothing is left')
    const kept = cleaned.value.bytes
    expect(batch.compression(kept, 0)).toBe(compression)
    expect(batch.baseSequence(kept, 0)).toBe(9)
    const found = readRecords(kept, 0)
    if (!found.ok) throw new Error(found.error)
    const expected = records.slice(13).map((record, index) => ({
      offset: 63 + index,
      offsetDelta: 13 + index,
      ...record
    }))
    expect([...found.value]).toEqual(expected)
    expect(batch.maxTimestampMs(kept, 0)).toBe(5000 - 13 * 17)
    expect(batch.hasDeleteHorizon(kept, 0)).toBe(true)
  })
}

test('the time of the append stays that of a batch in a topic that stamps them', () => {
  const records = [
    { key: Buffer.from('a'), value: Buffer.from('1') },
    { key: Buffer.from('b'), value: null }
  ]
  const bytes = buildBatch({ records, timestampMs: 777, isLogAppendTime: true })
  const cleaned = cleanBatch(bytes, 0, rulesFor({ newest: { a: 8 } }))
  if (!cleaned.ok || cleaned.value.bytes === null) throw new Error('nothing is left')
  const found = readRecords(cleaned.value.bytes, 0)
  expect(batch.isLogAppendTime(cleaned.value.bytes, 0)).toBe(true)
  expect(found.ok && [...found.value].map(each => each.timestampMs)).toEqual([777])
})
