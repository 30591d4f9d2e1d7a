import * as fc from 'fast-check'
import { compressions } from '../../src/record/batch.ts'
import type { BatchOptions, NewRecord, RecordHeader } from '../../src/record/records.ts'

const bytes = fc
  .uint8Array({ maxLength: 300, size: 'max' })
  .map(array => Buffer.from(array.buffer, array.byteOffset, array.length))

const bytesOrNull = fc.option(bytes, { nil: null })

const headers: fc.Arbitrary<readonly RecordHeader[]> = fc.array(
  fc.record({ key: fc.string({ unit: 'grapheme', maxLength: 20 }), value: bytesOrNull }),
  { maxLength: 4 }
)

/** Milliseconds that producers may send: today, the ends of what is exact, and none. */
export const timestamps = fc.oneof(
  fc.integer({ min: 1_600_000_000_000, max: 1_900_000_000_000 }),
  fc.integer({ min: 0, max: 2 ** 51 }),
  fc.constant(-1)
)

export const newRecords: fc.Arbitrary<NewRecord> = fc.record({
  key: bytesOrNull,
  value: bytesOrNull,
  timestampMs: timestamps,
  headers
})

/** Batches as the broker and its clients build them, packed or not. */
export const batchOptions: fc.Arbitrary<BatchOptions> = fc.record(
  {
    records: fc.array(newRecords, { minLength: 1, maxLength: 12 }),
    baseOffset: fc.nat(2 ** 31 - 1).map(offset => offset * 4096),
    partitionLeaderEpoch: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
    compression: fc.constantFrom(...compressions),
    producerId: fc.integer({ min: -1, max: Number.MAX_SAFE_INTEGER }),
    producerEpoch: fc.integer({ min: -1, max: 32_767 }),
    baseSequence: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
    isTransactional: fc.boolean(),
    isControl: fc.boolean()
  },
  { requiredKeys: ['records'] }
)

/**
 * What a client that follows the rules sends: offset 0, no control records, a sequence for each
 * producer id.
 */
export const producedOptions: fc.Arbitrary<BatchOptions> = fc
  .record({
    records: fc.array(newRecords, { minLength: 1, maxLength: 12 }),
    compression: fc.constantFrom(...compressions),
    producerId: fc.integer({ min: -1, max: 1000 }),
    baseSequence: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    isTransactional: fc.boolean()
  })
  .map(options => ({ ...options, producerEpoch: 0 }))
