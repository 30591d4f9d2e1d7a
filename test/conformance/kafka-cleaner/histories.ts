import * as fc from 'fast-check'
import { compressions } from '../../../src/record/batch.ts'
import type { ChangedConfigs, CleanerStep, SentRecord } from './cleaner-run.ts'

/** The second one is what an abort marker has for a key. */
const key = fc.oneof(
  { weight: 40, arbitrary: fc.nat(20).map(number => `key ${number}`) },
  { weight: 4, arbitrary: fc.constantFrom('', '\0\0\0\0', '\0\0\0\u0001') },
  { weight: 2, arbitrary: fc.constant(null) }
)
const value = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 40 }) },
  { weight: 2, arbitrary: fc.constant(null) }
)
const record: fc.Arbitrary<SentRecord> = fc.record({
  key,
  value,
  headers: fc.oneof(
    { weight: 4, arbitrary: fc.constant([]) },
    {
      weight: 1,
      arbitrary: fc.array(
        fc.record({ key: fc.string({ maxLength: 3 }), value: fc.option(fc.string()) }),
        { maxLength: 2 }
      )
    }
  ),
  aheadMs: fc.oneof(
    { weight: 4, arbitrary: fc.constant(0) },
    { weight: 4, arbitrary: fc.integer({ min: -2000, max: 500 }) },
    { weight: 1, arbitrary: fc.constant(null) }
  )
})
const lagMs = fc.constantFrom(0, 1, 500, 2000)
const configs: fc.Arbitrary<ChangedConfigs> = fc.oneof(
  fc.record({
    cleanupPolicy: fc.constantFrom(
      { compact: true, delete: false },
      { compact: true, delete: true },
      { compact: false, delete: true }
    )
  }),
  fc.record({ deleteRetentionMs: fc.constantFrom(0, 1, 1000, 5000) }),
  fc.record({ minCompactionLagMs: lagMs }),
  fc.record({ maxCompactionLagMs: fc.constantFrom(2000, 4000, Number.MAX_SAFE_INTEGER) }),
  fc.record({ minCleanableDirtyRatio: fc.constantFrom(0, 0.2, 0.5, 1) }),
  fc.record({ segmentBytes: fc.constantFrom(400, 500, 1500) }),
  fc.record({ messageTimestampType: fc.constantFrom('CreateTime', 'LogAppendTime') }),
  fc.record({ retentionBytes: fc.constantFrom(-1, 0, 600, 2000, 5000) }),
  fc.record({ retentionMs: fc.constantFrom(-1, 0, 1000, 5000) })
)
const transactional = fc.integer({ min: 2, max: 4 })
const send: fc.Arbitrary<CleanerStep> = fc.record({
  type: fc.constant('send' as const),
  producer: fc.nat(4),
  records: fc.array(record, { minLength: 1, maxLength: 5 }),
  codec: fc.oneof(fc.constant('none' as const), fc.constantFrom(...compressions))
})
const step: fc.Arbitrary<CleanerStep> = fc.oneof(
  { weight: 30, arbitrary: send },
  {
    weight: 9,
    arbitrary: fc.record({
      type: fc.constant('end' as const),
      producer: transactional,
      result: fc.constantFrom('commit' as const, 'abort' as const),
      transactionVersion: fc.constantFrom(1 as const, 2 as const)
    })
  },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('compact' as const),
      slots: fc.constantFrom(16, 17, 1000)
    })
  },
  { weight: 3, arbitrary: fc.constant({ type: 'retain' as const }) },
  { weight: 2, arbitrary: fc.constant({ type: 'reopen' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('deleteRecords' as const),
      share: fc.double({ min: 0, max: 1, noNaN: true })
    })
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('advance' as const),
      ms: fc.constantFrom(1, 499, 500, 1000, 3000)
    })
  },
  { weight: 4, arbitrary: configs.map(each => ({ type: 'configure' as const, configs: each })) }
)

/** What happens to a partition that is compacted, again and again, in so many steps at most. */
export function history(stepCountMax: number): fc.Arbitrary<readonly CleanerStep[]> {
  return fc.array(step, { minLength: 30, maxLength: stepCountMax, size: 'max' })
}
