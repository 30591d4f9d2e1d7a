import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { failure, success } from '../../src/base/result.ts'
import { CompactionChecks, type CleanerConfigs } from '../../src/cluster/compaction-checks.ts'
import { manualClock } from '../../src/io/manual-clock.ts'
import type { CompactionError } from '../../src/storage/partition-log.ts'
import type { Partition } from '../../src/partition/partition.ts'
import { silentLogger, type LogFields } from '../../src/telemetry/logger.ts'
import { FakeLog } from '../partition/fake-log.ts'
import { openPartition } from '../partition/fixture.ts'

const done = { firstDirtyOffset: 0, nextDirtyOffset: 1, sizeBefore: 2, sizeAfter: 1 }

/** Compaction of a few partitions whose logs do what the test says. */
class Cleaning {
  readonly clock = manualClock(1_700_000_000_000)
  readonly compacted: string[] = []
  readonly lines: { readonly level: string; readonly fields: LogFields }[] = []
  readonly failures: unknown[] = []
  readonly logs: FakeLog[] = []
  readonly #partitions: Partition[] = []
  configs: CleanerConfigs = {
    logCleanerEnable: true,
    logCleanerBackoffMs: 1000,
    logCleanerDedupeBufferSize: 4096,
    logCleanerIoBufferLoadFactor: 0.9
  }
  readonly checks = new CompactionChecks({
    clock: this.clock,
    logger: this.#logger(),
    configs: () => this.configs,
    topics: () => [{ partitions: this.#partitions }],
    onFailure: error => void this.failures.push(error)
  })

  /** A partition that wants to be compacted once. */
  async add(name: string, cleanableRatio: number, error: CompactionError | null = null) {
    const log = new FakeLog()
    log.wantsCompaction = true
    log.cleanableRatio = cleanableRatio
    log.compaction = async compaction => {
      this.compacted.push(name)
      if (!(await compaction.proceed(1))) return failure('INTERRUPTED')
      if (error !== null) return failure(error)
      log.wantsCompaction = false
      return success(done)
    }
    const cleanupPolicy = { compact: true, delete: false }
    this.#partitions.push(await openPartition(log, { configs: { cleanupPolicy } }))
    this.logs.push(log)
    return log
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms)
    await this.settle()
  }

  /** Lets everything happen that waits for its turn only. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) {
      await nextTurn()
      this.clock.advance(0)
    }
  }

  #logger() {
    const at =
      (level: string) =>
      (_: string, fields: LogFields = {}) =>
        void this.lines.push({ level, fields })
    return { ...silentLogger, info: at('info'), warn: at('warn'), error: at('error') }
  }
}

test('the partition with the largest new share is compacted first, each once in a round', async () => {
  const cleaning = new Cleaning()
  await cleaning.add('less', 0.2)
  await cleaning.add('most', 0.9)
  await cleaning.add('more', 0.5)
  cleaning.checks.start()
  await cleaning.advance(999)
  expect(cleaning.compacted).toEqual([])
  await cleaning.advance(1)
  expect(cleaning.compacted).toEqual(['most', 'more', 'less'])
  await cleaning.advance(1000)
  expect(cleaning.compacted).toHaveLength(3)
  cleaning.logs[0]!.wantsCompaction = true
  await cleaning.advance(1000)
  expect(cleaning.compacted).toEqual(['most', 'more', 'less', 'less'])
  await cleaning.checks.stop()
})

test('a partition that cannot be read is left alone, and the log says so once', async () => {
  const cleaning = new Cleaning()
  await cleaning.add('rotten', 0.9, 'CORRUPT')
  await cleaning.add('sound', 0.5)
  cleaning.checks.start()
  await cleaning.advance(1000)
  await cleaning.advance(1000)
  expect(cleaning.compacted).toEqual(['rotten', 'sound'])
  const errors = cleaning.lines.filter(({ level }) => level === 'error')
  expect(errors.map(({ fields }) => fields.error)).toEqual(['CORRUPT'])
  await cleaning.checks.stop()
})

test('a disk that is full is tried again in the next round', async () => {
  const cleaning = new Cleaning()
  await cleaning.add('large', 0.9, 'NO_SPACE')
  cleaning.checks.start()
  await cleaning.advance(1000)
  await cleaning.advance(1000)
  expect(cleaning.compacted).toEqual(['large', 'large'])
  await cleaning.checks.stop()
})

test('log.cleaner.enable and log.cleaner.backoff.ms count from the next look on', async () => {
  const cleaning = new Cleaning()
  await cleaning.add('orders', 0.9)
  cleaning.configs = { ...cleaning.configs, logCleanerEnable: false }
  cleaning.checks.start()
  await cleaning.advance(1000)
  expect(cleaning.compacted).toEqual([])
  cleaning.configs = { ...cleaning.configs, logCleanerEnable: true, logCleanerBackoffMs: 10 }
  await cleaning.advance(1000)
  expect(cleaning.compacted).toEqual(['orders'])
  cleaning.logs[0]!.wantsCompaction = true
  await cleaning.advance(10)
  expect(cleaning.compacted).toEqual(['orders', 'orders'])
  await cleaning.checks.stop()
})

test('while the wall clock cannot be trusted nothing is compacted', async () => {
  const cleaning = new Cleaning()
  await cleaning.add('orders', 0.9)
  cleaning.checks.start()
  cleaning.clock.setWallMs(cleaning.clock.wallMs() + 10 * 365 * 86_400_000)
  await cleaning.advance(1000)
  expect(cleaning.compacted).toEqual([])
  await cleaning.checks.stop()
})

test('a compaction that is under way gives up when it is stopped', async () => {
  const cleaning = new Cleaning()
  await cleaning.add('orders', 0.9)
  cleaning.checks.start()
  cleaning.clock.advance(1000)
  await nextTurn()
  expect(cleaning.compacted).toEqual(['orders'])
  await cleaning.checks.stop()
  expect(cleaning.logs[0]!.wantsCompaction).toBe(true)
  expect(cleaning.failures).toEqual([])
  await cleaning.advance(5000)
  expect(cleaning.compacted).toEqual(['orders'])
})
