import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { MiB } from '../../../src/base/sizes.ts'
import { manualClock } from '../../../src/io/manual-clock.ts'
import { memoryFiles, type MemoryFiles } from '../../../src/io/memory-files.ts'
import { spaceCheckIntervalMs } from '../../../src/limits.ts'
import { LogDirectory } from '../../../src/storage/local/log-dir.ts'
import { spaceFloor } from '../../../src/storage/local/space-watch.ts'
import { batchOf, logConfigs } from '../batches.ts'
import { crashable, orders, testDirectory } from './directory.ts'

const floor = 10_000

/** A log directory on a disk of 100,000 bytes, 10,000 of which clients leave free. */
async function watched(files: MemoryFiles = memoryFiles({ sizeMax: 100_000 })) {
  const clock = manualClock()
  const ballast = files.open('/ballast', 'create')
  const setup = testDirectory(crashable(files), '/data', 'fsync', clock)
  const lines: string[] = []
  const directory = await LogDirectory.open({
    ...setup,
    minFreeSize: floor,
    random: { bytes: size => Buffer.alloc(size) },
    logger: {
      ...quiet,
      warn: message => void lines.push(message.split(':')[0]!),
      info: message => void lines.push(message.split(':')[0]!)
    },
    onFailure: error => {
      throw error
    }
  })
  const leaveFree = (size: number): void => {
    const used = files.usedSize - ballast.size()
    ballast.truncate(100_000 - used - size)
  }
  return { clock, directory, lines, leaveFree, files }
}

const quiet = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet }
const nearlyFull = 'the disk is nearly full'
const roomAgain = 'the disk has room again'

describe('a disk with less than log.min.free.bytes free', () => {
  test('refuses clients from the next look on, and says so once', async () => {
    const { clock, directory, lines, leaveFree } = await watched()
    expect(directory.isSpaceLow).toBe(false)
    leaveFree(floor - 1)
    clock.advance(spaceCheckIntervalMs)
    expect(directory.isSpaceLow).toBe(true)
    clock.advance(10 * spaceCheckIntervalMs)
    expect(lines).toEqual([nearlyFull])
  })

  test('takes records again when a quarter more is free, and says so once', async () => {
    const { clock, directory, lines, leaveFree } = await watched()
    leaveFree(floor - 1)
    clock.advance(spaceCheckIntervalMs)
    leaveFree(1.25 * floor - 1)
    clock.advance(spaceCheckIntervalMs)
    expect(directory.isSpaceLow).toBe(true)
    leaveFree(1.25 * floor)
    clock.advance(10 * spaceCheckIntervalMs)
    expect(directory.isSpaceLow).toBe(false)
    expect(lines).toEqual([nearlyFull, roomAgain])
  })

  test('is noticed by what was appended, before the next look', async () => {
    const { clock, directory, leaveFree, files } = await watched()
    await directory.initialize('test-cluster', 7)
    const log = await directory.openLog(orders, logConfigs())
    leaveFree(floor + 5_000)
    clock.advance(spaceCheckIntervalMs)
    let appended = 0
    while (!directory.isSpaceLow && appended < 200) {
      const baseOffset = log.logEndOffset
      await log.append(1, baseOffset, [batchOf({ baseOffset, valueSize: 1_000 })])
      appended++
    }
    expect(log.isSpaceLow).toBe(true)
    expect(files.freeSize('/')).toBeGreaterThan(floor - 5_000)
    // The engine itself goes on: what coordinators write must not wait.
    const baseOffset = log.logEndOffset
    expect(await log.append(1, baseOffset, [batchOf({ baseOffset })])).toMatchObject({ ok: true })
  })

  test('gives the space of deleted files back at once', async () => {
    const { clock, directory, leaveFree, files } = await watched()
    await directory.initialize('test-cluster', 7)
    const log = await directory.openLog(orders, logConfigs({ fileDeleteDelayMs: 60_000 }))
    await log.append(1, 0, [batchOf({ baseOffset: 0, valueSize: 20_000 })])
    leaveFree(floor - 1)
    clock.advance(spaceCheckIntervalMs)
    await directory.removeLog(orders)
    clock.advance(0)
    await nextTurn()
    clock.advance(spaceCheckIntervalMs)
    expect(files.freeSize('/')).toBeGreaterThan(floor + 15_000)
    expect(directory.isSpaceLow).toBe(false)
  })

  test('is not asked any more when the directory is closed', async () => {
    const { clock, directory } = await watched()
    await directory.close()
    expect(clock.pendingCount).toBe(0)
  })
})

test('by default a twentieth of the file system stays free, 512 MiB at most', () => {
  expect(spaceFloor(-1, 100 * MiB)).toBe(5 * MiB)
  expect(spaceFloor(-1, 1024 * 1024 * MiB)).toBe(512 * MiB)
  expect(spaceFloor(0, 100 * MiB)).toBe(0)
  expect(spaceFloor(7, 100 * MiB)).toBe(7)
})
