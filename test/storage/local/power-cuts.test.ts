import { describe, expect, test } from 'vitest'
import { assert } from '../../../src/base/assert.ts'
import { memoryFiles } from '../../../src/io/memory-files.ts'
import { logSuffix, sidecarSuffix } from '../../../src/storage/local/file-names.ts'
import { decodeIdentity, encodeState, sealKey } from '../../../src/storage/local/sidecar-format.ts'
import { Life } from '../../sim/life.ts'
import { powerLoss } from '../../sim/power-loss.ts'
import { SimDisk } from '../../sim/sim-disk.ts'
import { SimFiles } from '../../sim/sim-files.ts'
import { batchesOf, logConfigs } from '../batches.ts'
import { contentOf, crashable, openOrders, orders, putContent, testDirectory } from './directory.ts'

// What simulated power cuts have found, one by one.

const folder = '/data/orders-0'

function pathOf(baseOffset: number, suffix: string): string {
  return `${folder}/${String(baseOffset).padStart(20, '0')}${suffix}`
}

async function appendTen(files: ReturnType<typeof memoryFiles>, segmentBytes: number) {
  const directory = testDirectory(crashable(files), '/data', 'fsync')
  const opened = await openOrders(directory, { segmentBytes })
  for (const batch of batchesOf([2, 2, 2, 2, 2])) {
    await opened.log.append(1, batch.baseOffset, [batch])
  }
  return { ...opened, directory }
}

describe('the file partition.metadata', () => {
  for (const [what, text] of [
    ['names another topic', 'version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ'],
    ['is empty', ''],
    ['is zeros', '\0'.repeat(43)]
  ] as const) {
    test(`sends no log away when it ${what}: it has no checksum`, async () => {
      const files = memoryFiles()
      const { directory } = await appendTen(files, 10_000)
      putContent(files, `${folder}/partition.metadata`, Buffer.from(text))
      const { log } = await openOrders(directory)
      expect(log.logEndOffset).toBe(10)
    })
  }

  test('is not needed to tell the log of an earlier topic of the same name', async () => {
    const files = memoryFiles()
    const { directory } = await appendTen(files, 10_000)
    putContent(files, `${folder}/partition.metadata`, Buffer.from(''))
    const topicId = 'AAAAAAAAAAAAAAAAAAAAAQ'
    const opened = await directory.open()
    const log = await opened.openLog({ ...orders, topicId }, logConfigs())
    expect(log.logEndOffset).toBe(0)
    const strays = files.list('/data').filter(({ name }) => name.endsWith('-stray'))
    expect(strays).toHaveLength(1)
  })
})

test('a segment whose name came to the disk before those in front of it was never promised', async () => {
  const files = memoryFiles()
  const { log, directory } = await appendTen(files, 250)
  const last = log.segments.all.at(-1)!
  expect(last.baseOffset).toBeGreaterThan(0)
  const sidecar = contentOf(files, pathOf(last.baseOffset, sidecarSuffix))
  files.removeDirectory(folder)
  files.makeDirectory(folder)
  // As it was when the segment began: of the log start and of no promise, in the first slot.
  const begun = Buffer.concat([sidecar.subarray(0, 1024), Buffer.alloc(512)])
  const identity = decodeIdentity(begun)
  assert(typeof identity === 'object', 'the identity is sound')
  const state = { sequence: 0, logStartOffset: 0, durableEndOffset: 0, durablePosition: 0 }
  encodeState(state, sealKey(identity)).copy(begun, 512)
  putContent(files, pathOf(last.baseOffset, sidecarSuffix), begun)
  const { log: recovered } = await openOrders(directory)
  expect([recovered.logStartOffset, recovered.logEndOffset]).toEqual([0, 0])
  expect(recovered.damage).toEqual([])
  const [batch] = batchesOf([1], { leaderEpoch: 1 })
  expect(await recovered.append(1, 0, [batch!])).toMatchObject({ ok: true })
  const { log: again } = await openOrders(directory)
  expect(again.logEndOffset).toBe(1)
})

describe('in the mode os a power cut leaves a beginning of the log and no damage', () => {
  /** Two files of one log may be lost independently of each other. */
  const seeds = Array.from({ length: 200 }, (_, index) => index)

  // oxlint-disable-next-line unicorn/consistent-function-scoping -- belongs to these tests
  function afterCut(files: SimFiles, seed: number): SimFiles {
    const loss = powerLoss(seed % 2 === 0 ? 'journaled' : 'adversary', files.disk, seed)
    return new SimFiles(files.disk.afterPowerCut(loss), { seed })
  }

  // oxlint-disable-next-line unicorn/consistent-function-scoping -- belongs to these tests
  async function turns(): Promise<void> {
    for (let turn = 0; turn < 30; turn++) await new Promise(resolve => setImmediate(resolve))
  }

  async function grown() {
    const files = new SimFiles(new SimDisk(), { seed: 1 })
    const opened = await openOrders(testDirectory(files, '/data', 'os'), { segmentBytes: 250 })
    for (const batch of batchesOf([2, 2, 2, 2, 2, 2])) {
      await opened.log.append(1, batch.baseOffset, [batch])
    }
    await turns()
    return { files, ...opened }
  }

  test('when only the segments that are full have been synced', async () => {
    const { files } = await grown()
    for (const seed of seeds) {
      const { log } = await openOrders(testDirectory(afterCut(files, seed), '/data', 'os'))
      expect([seed, log.damage, log.logStartOffset]).toEqual([seed, [], 0])
    }
  })

  test('when segments below the log start offset are removed', async () => {
    const { files, log } = await grown()
    await log.raiseLogStartOffset(1, 9)
    await turns()
    for (const seed of seeds) {
      const { log: recovered } = await openOrders(
        testDirectory(afterCut(files, seed), '/data', 'os')
      )
      expect([seed, recovered.damage, recovered.logStartOffset]).toEqual([seed, [], 9])
    }
  })

  test('when the folder of a removed log is emptied and its old name comes back', async () => {
    const files = new SimFiles(new SimDisk(), { seed: 1 })
    const directory = testDirectory(files, '/data', 'os')
    const opened = await openOrders(directory, { segmentBytes: 250, fileDeleteDelayMs: 10 })
    for (const batch of batchesOf([2, 2, 2, 2])) {
      await opened.log.append(1, batch.baseOffset, [batch])
    }
    await opened.directory.close()
    const again = await openOrders(directory, { segmentBytes: 250, fileDeleteDelayMs: 10 })
    await again.directory.removeLog(orders)
    for (let moment = 0; moment < 5; moment++) directory.clock.advance(10)
    for (const seed of seeds) {
      const { log } = await openOrders(testDirectory(afterCut(files, seed), '/data', 'os'))
      expect([seed, log.damage]).toEqual([seed, []])
    }
  })
})

test('what recovery makes of a log without a sound sidecar, the next recovery makes of it too', async () => {
  const files = memoryFiles()
  const { log, directory } = await appendTen(files, 250)
  const last = log.segments.all.at(-1)!.baseOffset
  files.removeDirectory(folder)
  files.makeDirectory(folder)
  putContent(files, pathOf(last, sidecarSuffix), Buffer.alloc(1536))
  const { log: once } = await openOrders(directory)
  const { log: twice } = await openOrders(directory)
  expect([once.logStartOffset, once.logEndOffset]).toEqual([last, last])
  expect([twice.logStartOffset, twice.logEndOffset]).toEqual([last, last])
})

test('a segment begun while the log start rises is on disk before those in front of it go', async () => {
  const life = new Life(new SimDisk(), { seed: 1 })
  const { log } = await openOrders(testDirectory(life.files, '/data', 'fsync'), {
    segmentBytes: 250
  })
  const [first, second, third] = batchesOf([2, 2, 2])
  for (const batch of [first!, second!]) await log.append(1, batch.baseOffset, [batch])
  const raised = log.raiseLogStartOffset(1, 4)
  // The sync of the note is under way by then.
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  void log.append(1, 4, [third!])
  expect(log.segments.all).toHaveLength(2)
  expect(await raised).toMatchObject({ ok: true })
  const acknowledgedAt = life.now
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
  for (let after = acknowledgedAt; after <= life.now; after++) {
    for (let seed = 0; seed < 40; seed++) {
      const disk = life.crashed({ kind: 'adversary', after, torn: 0, seed })
      const directory = testDirectory(new SimFiles(disk, { seed }), '/data', 'fsync')
      const { log: recovered } = await openOrders(directory)
      expect([after, seed, recovered.logStartOffset]).toEqual([after, seed, 4])
    }
  }
})

/** The next start on the same page cache. */
async function startedOn(files: SimFiles, durability: 'fsync' | 'os') {
  const again = new SimFiles(files.disk.copy(), { seed: 2 })
  const opened = await openOrders(testDirectory(again, '/data', durability))
  return { ...opened, files: again }
}

/** The log after a power cut that takes whatever no sync has covered. */
async function logAfterCut({ disk }: SimFiles, durability: 'fsync' | 'os') {
  const left = disk.afterPowerCut(powerLoss('nothing', disk, 1))
  return (await openOrders(testDirectory(new SimFiles(left, { seed: 3 }), '/data', durability))).log
}

describe('what a failed sync has left in the page cache alone', () => {
  test('is on the disk after the next start, a log start offset among it', async () => {
    const life = new SimFiles(new SimDisk(), { seed: 1 })
    const { log } = await openOrders(testDirectory(life, '/data', 'fsync'))
    for (const batch of batchesOf([2, 2])) await log.append(1, batch.baseOffset, [batch])
    life.faults.add({ id: 'lie', call: 'datasync', nth: 1, code: 'EIO', matches: sidecarSuffix })
    expect(await log.raiseLogStartOffset(1, 4)).toMatchObject({ ok: false })
    const { log: started, files } = await startedOn(life, 'fsync')
    expect(started.logStartOffset).toBe(4)
    expect((await logAfterCut(files, 'fsync')).logStartOffset).toBe(4)
  })

  test('is no damage in the mode os either, when the power is cut after a stop in order', async () => {
    const life = new SimFiles(new SimDisk(), { seed: 1 })
    const { log, directory } = await openOrders(testDirectory(life, '/data', 'os'))
    for (const batch of batchesOf([2, 2])) await log.append(1, batch.baseOffset, [batch])
    life.faults.add({ id: 'lie', call: 'datasync', nth: 1, code: 'EIO', matches: logSuffix })
    await directory.close()
    const { directory: started, files } = await startedOn(life, 'os')
    await started.close()
    const left = await logAfterCut(files, 'os')
    expect(left.logEndOffset).toBe(4)
    const read = { upToOffset: 4, maxSize: 10_000, minOneBatch: true }
    expect(await left.read({ fromOffset: 0, ...read })).toMatchObject({ ok: true })
  })
})
