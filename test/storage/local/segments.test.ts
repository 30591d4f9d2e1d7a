import { describe, expect, test } from 'vitest'
import { memoryFiles } from '../../../src/io/memory-files.ts'
import { segmentMarkInterval } from '../../../src/limits.ts'
import type { LocalLog } from '../../../src/storage/local/local-log.ts'
import type { LogConfigs } from '../../../src/storage/partition-log.ts'
import { batchOf, type BatchPlan } from '../batches.ts'
import { crashable, openOrders, testDirectory, type TestDirectory } from './directory.ts'
import { faultyFiles } from './faulty-files.ts'

const hourMs = 3600 * 1000

function newDirectory(): TestDirectory {
  return testDirectory(crashable(memoryFiles()), '/data', 'os')
}

async function append(log: LocalLog, plan: Partial<BatchPlan> = {}): Promise<void> {
  const baseOffset = log.logEndOffset
  const appended = await log.append(1, baseOffset, [batchOf({ baseOffset, ...plan })])
  expect(appended).toMatchObject({ ok: true })
}

/** Where the segments begin. */
function bases(log: LocalLog): readonly number[] {
  return log.segments.all.map(({ baseOffset }) => baseOffset)
}

async function withLog(
  configs: Partial<LogConfigs>,
  run: (log: LocalLog, directory: TestDirectory) => Promise<void>
): Promise<void> {
  const directory = newDirectory()
  await run((await openOrders(directory, configs)).log, directory)
}

describe('a new segment begins', () => {
  const { length: size } = batchOf({ baseOffset: 0 }).bytes

  test('when the batch would not fit into segment.bytes', () =>
    withLog({ segmentBytes: 3 * size }, async log => {
      for (let count = 0; count < 7; count++) await append(log)
      expect(bases(log)).toEqual([0, 3, 6])
    }))

  test('not for a batch that is larger than a segment and comes first', () =>
    withLog({ segmentBytes: 100 }, async log => {
      await append(log, { valueSize: 500 })
      await append(log, { valueSize: 500 })
      expect(bases(log)).toEqual([0, 1])
    }))

  test('when the timestamps of its batches have got segment.ms apart', () =>
    withLog({ segmentMs: hourMs }, async log => {
      await append(log, { timestampMs: 1000 })
      await append(log, { timestampMs: 1000 + hourMs })
      expect(bases(log)).toEqual([0])
      await append(log, { timestampMs: 1001 + hourMs })
      await append(log, { timestampMs: 5 })
      expect(bases(log)).toEqual([0, 2])
    }))

  test('without timestamps when segment.ms have passed since it was made', () =>
    withLog({ segmentMs: hourMs }, async (log, { clock }) => {
      await append(log)
      clock.advance(hourMs)
      await append(log)
      expect(bases(log)).toEqual([0])
      clock.advance(1)
      await append(log)
      expect(bases(log)).toEqual([0, 2])
    }))

  test('also for the clock of a log that was opened again', () =>
    withLog({ segmentMs: hourMs }, async (log, directory) => {
      await append(log, { timestampMs: 1000 })
      const { log: again } = await openOrders(directory, { segmentMs: hourMs })
      await append(again, { timestampMs: 1001 + hourMs, leaderEpoch: 1 })
      expect(bases(again)).toEqual([0, 1])
    }))

  test.each([
    ['in a compacted topic after max.compaction.lag.ms, when that is shorter', true, [0, 2]],
    ['in a topic that only deletes not for the sake of max.compaction.lag.ms', false, [0]]
  ])('%s', (_, compact, expected) => {
    const cleanupPolicy = { compact, delete: true }
    return withLog({ segmentMs: hourMs, maxCompactionLagMs: 1000, cleanupPolicy }, async log => {
      await append(log, { timestampMs: 1000 })
      await append(log, { timestampMs: 2000 })
      await append(log, { timestampMs: 2001 })
      expect(bases(log)).toEqual(expected)
    })
  })

  test('up to segment.jitter.ms earlier', () =>
    withLog({ segmentMs: hourMs, segmentJitterMs: hourMs }, async log => {
      await append(log, { timestampMs: 1000 })
      let waitedMs = 0
      while (bases(log).length === 1) {
        waitedMs += hourMs / 20
        await append(log, { timestampMs: 1000 + waitedMs })
      }
      expect(waitedMs).toBeLessThan(hourMs)
    }))

  test('when an index has no room for another entry', () =>
    withLog({ segmentIndexBytes: 36, indexIntervalBytes: size - 1 }, async log => {
      // Room for four entries of the offset index, and for three minus one of the time index.
      for (let count = 0; count < 8; count++) await append(log)
      expect(bases(log)).toEqual([0, 5])
    }))

  test('before relative offsets outgrow an int32', () =>
    withLog({}, async log => {
      await append(log)
      const far = batchOf({ baseOffset: 1 })
      const lastOffset = 2 ** 31 - 1
      far.bytes.writeInt32BE(lastOffset - 1, 23)
      await log.append(1, 1, [{ ...far, lastOffset }])
      await append(log)
      expect(bases(log)).toEqual([0, 2 ** 31])
    }))
})

describe('recovery after a crash', () => {
  test('reads only what was appended since the last mark', async () => {
    const files = faultyFiles(memoryFiles())
    const directory = testDirectory(files, '/data', 'os')
    const { log } = await openOrders(directory)
    const valueSize = segmentMarkInterval / 8
    for (let count = 0; count < 20; count++) {
      await append(log, { valueSize })
      // The sync in the background, and the mark behind it.
      await expect.poll(() => log.segments.active!.isMarkDue).toBe(false)
    }
    files.forget()
    const { log: again } = await openOrders(directory)
    expect([again.logEndOffset, again.size]).toEqual([20, log.size])
    const reads = files.count('read', '.log')
    expect(reads).toBeGreaterThan(0)
    expect(reads).toBeLessThan(12)
  })
})
