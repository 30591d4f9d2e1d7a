import { expect, test } from 'vitest'
import * as fc from 'fast-check'
import { crc32c } from '../../src/record/crc32c.ts'
import {
  decodeProducerSnapshot,
  encodeProducerSnapshot,
  type ProducerSnapshot
} from '../../src/storage/producer-snapshot.ts'
import type { ProducerEntry } from '../../src/storage/producer-state.ts'

const identity = { topicId: 'dG9waWMtaWQtMTIzNDU2Nw', partition: 3, offset: 5_000_000_000 }

const int64 = fc.maxSafeNat()
const entry: fc.Arbitrary<ProducerEntry> = fc.record({
  producerId: int64,
  producerEpoch: fc.integer({ min: 0, max: 0x7fff }),
  coordinatorEpoch: fc.integer({ min: -1, max: 0x7fff_ffff }),
  lastTimestampMs: fc.oneof(fc.constant(-1), int64),
  seenMs: int64,
  currentTxnFirstOffset: fc.option(int64),
  batches: fc.array(
    fc.record({
      baseSequence: fc.nat(0x7fff_ffff),
      lastSequence: fc.nat(0x7fff_ffff),
      baseOffset: fc.nat(1_000_000),
      lastOffset: fc.integer({ min: 1_000_000, max: 2_000_000 }),
      logAppendTimeMs: fc.oneof(fc.constant(-1), int64)
    }),
    { maxLength: 5 }
  )
})
const snapshot: fc.Arbitrary<ProducerSnapshot> = fc.record({
  producers: fc.array(entry, { maxLength: 6 }),
  aborted: fc.array(
    fc.record({
      producerId: int64,
      firstOffset: int64,
      lastOffset: int64,
      lastStableOffset: int64
    }),
    { maxLength: 4 }
  )
})

/** With the checksum that fits to what is in it now. */
function sealed(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32c(bytes, 6, bytes.length), 2)
  return bytes
}

test('what was written is read, in the same order', () => {
  fc.assert(
    fc.property(snapshot, given => {
      const decoded = decodeProducerSnapshot(encodeProducerSnapshot(identity, given), identity)
      expect(decoded).toMatchObject({ ok: true, value: given })
    })
  )
})

test('bytes that were changed, lost or added are DAMAGED', () => {
  fc.assert(
    fc.property(snapshot, fc.nat(), fc.integer({ min: 1, max: 255 }), (given, where, flip) => {
      const bytes = encodeProducerSnapshot(identity, given)
      const flipped = Buffer.from(bytes)
      // A version that is not ours says so for itself.
      const at = 2 + (where % (bytes.length - 2))
      flipped[at]! ^= flip
      const changed = [
        flipped,
        bytes.subarray(0, where % bytes.length),
        Buffer.concat([bytes, Buffer.from([flip])])
      ]
      for (const each of changed) {
        expect(decodeProducerSnapshot(each, identity)).toMatchObject({ error: 'DAMAGED' })
      }
    })
  )
})

test('counts that do not fit to the bytes are DAMAGED, even under a checksum that holds', () => {
  const producer: ProducerEntry = {
    producerId: 7,
    producerEpoch: 1,
    coordinatorEpoch: -1,
    lastTimestampMs: 1000,
    seenMs: 1001,
    currentTxnFirstOffset: null,
    batches: []
  }
  const bytes = encodeProducerSnapshot(identity, { producers: [producer], aborted: [] })
  const batchCountAt = bytes.length - 5
  for (const count of [-1, 6, 127, 1]) {
    const changed = Buffer.from(bytes)
    changed.writeInt8(count, batchCountAt)
    expect(decodeProducerSnapshot(sealed(changed), identity)).toMatchObject({ error: 'DAMAGED' })
  }
  for (const [at, count] of [
    [6, -1],
    [6, 0x7fff_ffff],
    [bytes.length - 4, 1],
    [bytes.length - 4, -1]
  ] as const) {
    const changed = Buffer.from(bytes)
    changed.writeInt32BE(count, at)
    expect(decodeProducerSnapshot(sealed(changed), identity)).toMatchObject({ error: 'DAMAGED' })
  }
})

test('one of another topic, partition or offset is FOREIGN, and one of Kafka', () => {
  const bytes = encodeProducerSnapshot(identity, { producers: [], aborted: [] })
  const others = [
    { ...identity, topicId: 'AAAAAAAAAAAAAAAAAAAAAg' },
    { ...identity, partition: 4 },
    { ...identity, offset: identity.offset + 1 }
  ]
  for (const other of others) {
    expect(decodeProducerSnapshot(bytes, other)).toMatchObject({ error: 'FOREIGN' })
  }
  const kafka = sealed(bytes.subarray(0, 10))
  expect(decodeProducerSnapshot(kafka, identity)).toMatchObject({ error: 'FOREIGN' })
})

test('one of a later version is NEWER', () => {
  const bytes = encodeProducerSnapshot(identity, { producers: [], aborted: [] })
  const kafka = Buffer.from(bytes)
  kafka.writeInt16BE(2)
  expect(decodeProducerSnapshot(kafka, identity)).toMatchObject({ error: 'NEWER' })
  const own = Buffer.from(bytes)
  own.writeInt16BE(2, 18)
  expect(decodeProducerSnapshot(sealed(own), identity)).toMatchObject({ error: 'NEWER' })
})

test('its first part is the ProducerSnapshot of Kafka', () => {
  const bytes = encodeProducerSnapshot(identity, {
    producers: [
      {
        producerId: 4000,
        producerEpoch: 2,
        coordinatorEpoch: 9,
        lastTimestampMs: 1_700_000_000_000,
        seenMs: 1_700_000_000_001,
        currentTxnFirstOffset: 90,
        batches: [
          { baseSequence: 0, lastSequence: 1, baseOffset: 90, lastOffset: 91, logAppendTimeMs: -1 },
          { baseSequence: 2, lastSequence: 6, baseOffset: 95, lastOffset: 99, logAppendTimeMs: -1 }
        ]
      },
      {
        producerId: 4001,
        producerEpoch: 0,
        coordinatorEpoch: 9,
        lastTimestampMs: 5,
        seenMs: 6,
        currentTxnFirstOffset: null,
        batches: []
      }
    ],
    aborted: []
  })
  const fields = [
    '0001',
    crc32c(bytes, 6, bytes.length).toString(16).padStart(8, '0'),
    '00000002',
    // producer id, epoch, last sequence, last offset, offset delta, timestamp, coordinator epoch,
    // first offset of the open transaction
    '0000000000000fa0 0002 00000006 0000000000000063 00000004 0000018bcfe56800 00000009',
    '000000000000005a',
    '0000000000000fa1 0000 ffffffff ffffffffffffffff 00000000 0000000000000005 00000009',
    'ffffffffffffffff'
  ]
  const expected = fields.join('').replaceAll(' ', '')
  expect(bytes.toString('hex', 0, expected.length / 2)).toBe(expected)
})
