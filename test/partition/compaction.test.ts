import { fc, test } from '@fast-check/vitest'
import { describe, expect, test as plainTest } from 'vitest'
import { memoryFiles } from '../../src/io/memory-files.ts'
import type { Compression } from '../../src/record/batch.ts'
import { crashable } from '../storage/local/directory.ts'
import {
  checkCompacted,
  compactedConfigs,
  CompactedRun,
  readPartition,
  type CompactionStep,
  type SentRecord
} from './compacted-run.ts'

const codec = fc.constantFrom<Compression>('none', 'none', 'gzip', 'snappy', 'lz4', 'zstd')
const value = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 60 }).map(size => 'v'.repeat(size)) },
  { weight: 1, arbitrary: fc.constant(null) }
)
const record: fc.Arbitrary<SentRecord> = fc.record({ key: fc.nat(6), value })
const producer = fc.nat(3)
const step: fc.Arbitrary<CompactionStep> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      type: fc.constant('send' as const),
      producer,
      records: fc.array(record, { minLength: 1, maxLength: 5 }),
      codec
    })
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('end' as const),
      producer: fc.integer({ min: 2, max: 3 }),
      result: fc.constantFrom('commit' as const, 'abort' as const)
    })
  },
  { weight: 3, arbitrary: fc.constant({ type: 'compact' as const }) },
  fc.record({ type: fc.constant('advance' as const), ms: fc.constantFrom(1, 500, 1500) }),
  fc.constantFrom({ type: 'reopen' as const }, { type: 'drop' as const })
)

/** The value of each record tells which one it is. */
function numbered(steps: readonly CompactionStep[]): readonly CompactionStep[] {
  let id = 0
  return steps.map(each => {
    if (each.type !== 'send') return each
    const records = each.records.map(sent => ({
      ...sent,
      value: sent.value === null ? null : `${id++} ${sent.value}`
    }))
    return { ...each, records }
  })
}

for (const durability of ['memory', 'os', 'fsync'] as const) {
  test.prop([fc.array(step, { minLength: 5, maxLength: 60 })], { numRuns: 60 })(
    `the last committed value of each key stays, whatever is compacted when (${durability})`,
    async steps => {
      const run = new CompactedRun(crashable(memoryFiles()), durability)
      await run.open()
      for (const each of numbered(steps)) {
        // What is only in memory ends with its life.
        if (durability === 'memory' && (each.type === 'reopen' || each.type === 'drop')) continue
        const { logEndOffset } = run.partition
        await run.do(each)
        if (each.type === 'compact' || each.type === 'reopen' || each.type === 'drop') {
          await checkCompacted(run, logEndOffset)
        }
      }
      const { logEndOffset } = run.partition
      await run.compact()
      await checkCompacted(run, logEndOffset)
      await run.close()
    }
  )
}

async function hasTombstone(run: CompactedRun): Promise<boolean> {
  const { all } = await readPartition(run.partition)
  return all.some(({ key, value }) => key === 'key 1' && value === null)
}

describe('a compaction', () => {
  // oxlint-disable-next-line unicorn/consistent-function-scoping -- belongs to these tests
  const send = (key: number, text: string | null, by = 0): CompactionStep => {
    return { type: 'send', producer: by, records: [{ key, value: text }], codec: 'none' }
  }

  // oxlint-disable-next-line unicorn/consistent-function-scoping -- belongs to these tests
  async function opened(configs: ConstructorParameters<typeof CompactedRun>[2] = {}) {
    const run = new CompactedRun(crashable(memoryFiles()), 'fsync', configs)
    await run.open()
    return run
  }

  plainTest('leaves one record of each key below the active segment', async () => {
    const run = await opened()
    for (let round = 0; round < 40; round++) await run.do(send(round % 4, `${round}`))
    const { size, segments } = run.log
    const { sizeBefore, sizeAfter, nextDirtyOffset } = await run.compact(100_000)
    const active = segments.active!.baseOffset
    expect(nextDirtyOffset).toBe(active)
    expect(sizeAfter).toBeLessThan(sizeBefore / 3)
    expect(run.log.size).toBe(size - sizeBefore + sizeAfter)
    const { all } = await readPartition(run.partition)
    const compacted = all.filter(({ offset }) => offset < active)
    expect(compacted).toHaveLength(4)
    expect(run.partition.compaction.need(run.clock.wallMs())).toMatchObject({ isWanted: false })
  })

  /** Ends a segment with records of other keys, so that there is something new to be compacted. */
  async function compactAgain(run: CompactedRun): Promise<void> {
    for (let round = 0; round < 12; round++) await run.do(send(9, `${round}`))
    await run.compact(100_000)
  }

  plainTest('keeps a tombstone for delete.retention.ms from its first one on', async () => {
    const run = await opened()
    await run.do(send(1, 'a'))
    await run.do(send(1, null))
    run.clock.advance(100_000)
    await compactAgain(run)
    expect(await hasTombstone(run)).toBe(true)
    run.clock.advance(999)
    await compactAgain(run)
    expect(await hasTombstone(run)).toBe(true)
    // What a batch was told when it was compacted first stays, whatever the topic says later.
    run.partition.reconfigure({ ...compactedConfigs, deleteRetentionMs: 0 })
    await compactAgain(run)
    expect(await hasTombstone(run)).toBe(true)
    run.clock.advance(1)
    await compactAgain(run)
    expect(await hasTombstone(run)).toBe(false)
    await checkCompacted(run, run.partition.logEndOffset)
  })

  plainTest('goes by a delete.retention.ms that was raised before the first one', async () => {
    const run = await opened()
    await run.do(send(1, null))
    run.partition.reconfigure({ ...compactedConfigs, deleteRetentionMs: 5000 })
    await compactAgain(run)
    run.clock.advance(4999)
    await compactAgain(run)
    expect(await hasTombstone(run)).toBe(true)
    run.clock.advance(1)
    await compactAgain(run)
    expect(await hasTombstone(run)).toBe(false)
  })

  plainTest(
    'leaves to retention what is too old, in a topic that compacts and deletes',
    async () => {
      const run = await opened({
        cleanupPolicy: { compact: true, delete: true },
        retentionMs: 5000
      })
      await run.do(send(1, 'old'))
      await compactAgain(run)
      const { all } = await readPartition(run.partition)
      expect(all[0]).toMatchObject({ key: 'key 1', value: 'old' })
      run.clock.advance(5001)
      for (let round = 0; round < 3; round++) await run.do(send(2, `${round}`))
      await run.partition.applyRetention(run.clock.wallMs())
      expect(run.partition.logStartOffset).toBeGreaterThan(0)
      await compactAgain(run)
      const left = await readPartition(run.partition)
      expect(left.all.filter(({ key }) => key === 'key 1')).toEqual([])
      expect(left.all).toContainEqual(expect.objectContaining({ key: 'key 2', value: '2' }))
      expect(run.failures).toEqual([])
    }
  )

  plainTest('is wanted by the configs that are in force', async () => {
    const run = await opened({ cleanupPolicy: { compact: false, delete: true } })
    const isWanted = (configs: Partial<typeof compactedConfigs>): boolean | undefined => {
      run.partition.reconfigure({ ...compactedConfigs, ...configs })
      return run.partition.compaction.need(run.clock.wallMs())?.isWanted
    }
    for (let round = 0; round < 40; round++) await run.do(send(round % 4, `${round}`))
    expect(run.partition.compaction.need(run.clock.wallMs())).toBeNull()
    expect(isWanted({})).toBe(true)
    expect(isWanted({ minCleanableDirtyRatio: 1 })).toBe(false)
    expect(isWanted({ minCompactionLagMs: 1000 })).toBe(false)
    run.clock.advance(1001)
    expect(isWanted({ minCompactionLagMs: 1000 })).toBe(true)
    expect(isWanted({ minCleanableDirtyRatio: 1, maxCompactionLagMs: 1000 })).toBe(true)
    expect(isWanted({ cleanupPolicy: { compact: false, delete: true } })).toBeUndefined()
  })

  plainTest('merges neighbours that an earlier one has made small', async () => {
    const run = await opened()
    for (let round = 0; round < 40; round++) await run.do(send(round % 4, `${round}`))
    await run.compact(100_000)
    const isSparse = (): number => run.log.segments.all.filter(each => each.isSparse).length
    const before = isSparse()
    expect(before).toBeGreaterThan(3)
    for (let round = 0; round < 10; round++) await run.do(send(round % 4, `${round}`))
    await run.compact(100_000)
    expect(isSparse()).toBeLessThan(before)
    await checkCompacted(run, 50)
  })

  plainTest('keeps tombstones until delete.retention.ms after they were first met', async () => {
    const run = await opened()
    for (let key = 0; key < 3; key++) await run.do(send(key, 'value'))
    for (let key = 0; key < 3; key++) await run.do(send(key, null))
    for (let round = 0; round < 20; round++) await run.do(send(9, `${round}`))
    const tombstones = async () => {
      const { all } = await readPartition(run.partition)
      return all.filter(each => each.value === null).length
    }
    await run.compact()
    expect(await tombstones()).toBe(3)
    await run.do({ type: 'advance', ms: 999 })
    for (let round = 0; round < 20; round++) await run.do(send(9, `${round}`))
    await run.compact()
    expect(await tombstones()).toBe(3)
    await run.do({ type: 'advance', ms: 1 })
    for (let round = 0; round < 20; round++) await run.do(send(9, `${round}`))
    await run.compact()
    expect(await tombstones()).toBe(0)
  })

  plainTest('replaces a segment by one of the same size', async () => {
    // The tombstone gets its delete horizon, which is the timestamp that it has.
    const run = await opened({ deleteRetentionMs: 0 })
    await run.do(send(1, null))
    for (let key = 2; key < 22; key++) await run.do(send(key, `${key}`))
    await run.compact()
    expect(await hasTombstone(run)).toBe(true)
    for (let key = 22; key < 42; key++) await run.do(send(key, `${key}`))
    await run.compact()
    expect(await hasTombstone(run)).toBe(false)
  })

  plainTest('goes on in the middle of a batch that has too many keys for its memory', async () => {
    const run = await opened({ segmentBytes: 1500 })
    const records = Array.from({ length: 30 }, (_, key) => ({ key, value: 'v' }))
    await run.do({ type: 'send', producer: 0, records, codec: 'none' })
    for (let round = 0; round < 20; round++) await run.do(send(0, `${round}`))
    const ends: number[] = []
    for (let round = 0; round < 3; round++) {
      const { nextDirtyOffset } = await run.compact(16 * 24)
      ends.push(nextDirtyOffset)
    }
    expect(ends).toEqual([14, 28, run.log.segments.active!.baseOffset])
    await checkCompacted(run, 50)
    const { all } = await readPartition(run.partition)
    expect(all.filter(({ key }) => key === 'key 0')[0]!.offset).toBeGreaterThanOrEqual(ends[2]! - 1)
  })

  plainTest('goes on in the next one where its memory for keys was full', async () => {
    const run = await opened()
    for (let round = 0; round < 60; round++) await run.do(send(round % 30, `${round}`))
    const first = await run.compact(16 * 24)
    const active = run.log.segments.active!.baseOffset
    expect(first.nextDirtyOffset).toBeGreaterThan(0)
    expect(first.nextDirtyOffset).toBeLessThan(active)
    await run.do({ type: 'reopen' })
    let last = first
    for (let round = 0; last.nextDirtyOffset < active && round < 20; round++) {
      const next = await run.compact(16 * 24)
      expect(next.firstDirtyOffset).toBe(last.nextDirtyOffset)
      last = next
    }
    expect(last.nextDirtyOffset).toBe(active)
    await checkCompacted(run, 60)
  })

  plainTest('touches nothing of an open transaction or behind its beginning', async () => {
    const run = await opened()
    for (let round = 0; round < 20; round++) await run.do(send(1, `${round}`))
    await run.do(send(1, 'open', 2))
    for (let round = 0; round < 20; round++) await run.do(send(1, `${round}`))
    await run.compact()
    const stable = run.partition.lastStableOffset
    expect(stable).toBe(20)
    await run.do({ type: 'end', producer: 2, result: 'commit' })
    const { all } = await readPartition(run.partition)
    expect(all.filter(({ offset }) => offset >= stable)).toHaveLength(21)
  })

  plainTest('leaves records younger than min.compaction.lag.ms alone', async () => {
    const run = await opened({ minCompactionLagMs: 1000 })
    for (let round = 0; round < 20; round++) await run.do(send(1, `${round}`))
    expect(await run.compact()).toMatchObject({ sizeBefore: 0, nextDirtyOffset: 0 })
    await run.do({ type: 'advance', ms: 1001 })
    expect((await run.compact()).sizeBefore).toBeGreaterThan(0)
  })

  plainTest('accepts the next sequence of a producer whose records are gone', async () => {
    const run = await opened()
    await run.do(send(1, 'sequenced', 1))
    for (let round = 0; round < 30; round++) await run.do(send(1, `${round}`))
    await run.compact()
    await run.do({ type: 'drop' })
    await run.do(send(2, 'next', 1))
    const { all } = await readPartition(run.partition)
    expect(all.some(each => each.value === 'sequenced')).toBe(false)
    expect(all.at(-1)).toMatchObject({ value: 'next' })
  })

  plainTest(
    'takes aborted records and then their markers away, as nobody has to skip them',
    async () => {
      const run = await opened()
      await run.do(send(1, 'aborted', 2))
      await run.do({ type: 'end', producer: 2, result: 'abort' })
      await run.do(send(1, 'kept', 2))
      await run.do({ type: 'end', producer: 2, result: 'commit' })
      const offsets: number[][] = []
      for (let round = 0; round < 5; round++) {
        for (let filler = 0; filler < 20; filler++) await run.do(send(9, `${filler}`))
        await run.compact()
        await run.do({ type: 'advance', ms: 1500 })
        await run.do({ type: 'drop' })
        const { batches, committed } = await readPartition(run.partition)
        offsets.push(batches.filter(each => each.baseOffset < 4).map(each => each.baseOffset))
        expect(committed.some(each => each.value === 'kept')).toBe(true)
        expect(committed.some(each => each.value === 'aborted')).toBe(false)
      }
      expect(offsets[0]).toEqual([1, 2, 3])
      expect(offsets.at(-1)).toEqual([2, 3])
    }
  )
})

plainTest(
  'a compacted log has a snapshot of its producers, whose records may be gone',
  async () => {
    const run = new CompactedRun(crashable(memoryFiles()), 'fsync')
    await run.open()
    const send = (producer: number, type = 'send' as const): Promise<void> =>
      run.do({ type, producer, records: [{ key: 1, value: 'v'.repeat(100) }], codec: 'none' })
    for (const producer of [1, 1, 2, 0, 0, 0, 0, 0, 0]) await send(producer)
    await run.do({ type: 'end', producer: 2, result: 'abort' })
    for (let n = 0; n < 6; n++) await send(0)
    for (let n = 0; n < 3; n++) {
      await run.compact()
      run.clock.advance(compactedConfigs.deleteRetentionMs + 1)
      await send(0)
    }
    expect(run.log.snapshots.offsets).not.toEqual([])
    await run.do({ type: 'drop' })
    expect(run.partition.opening.sizeRead).toBeLessThan(run.partition.size)
    // The next sequences are taken, and no others.
    await send(1)
    run.model.sequences.set(1, 7)
    await expect(send(1)).rejects.toThrow('OUT_OF_ORDER_SEQUENCE_NUMBER')
  }
)
