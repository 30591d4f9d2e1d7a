import { describe, expect, test } from 'vitest'
import type { Files } from '../../../src/io/files.ts'
import { memoryFiles } from '../../../src/io/memory-files.ts'
import type { LocalLog } from '../../../src/storage/local/local-log.ts'
import type { AppendedBatch } from '../../../src/storage/partition-log.ts'
import { batchesOf, batchOf, logConfigs } from '../batches.ts'
import {
  contentOf,
  crashable,
  flipBit,
  openOrders,
  orders,
  putContent,
  testDirectory,
  type TestDirectory
} from './directory.ts'
import { faultyFiles } from './faulty-files.ts'

const folder = '/data/orders-0'
const firstLog = `${folder}/${'0'.repeat(20)}.log`
const firstSidecar = `${folder}/${'0'.repeat(20)}.odradek`

function crashableDirectory(
  durability: 'os' | 'fsync',
  overrides: Partial<Files> = {}
): TestDirectory {
  return testDirectory(crashable(memoryFiles(), overrides), '/data', durability)
}

async function appendAll(log: LocalLog, batches: readonly AppendedBatch[]): Promise<void> {
  for (const batch of batches) {
    expect(await log.append(1, batch.baseOffset, [batch])).toMatchObject({ ok: true })
  }
}

/**
 * For each offset the base offset of the batch that a read of it begins with, or the error's name.
 */
async function readEach(log: LocalLog): Promise<readonly (number | string)[]> {
  const found: (number | string)[] = []
  for (let offset = log.logStartOffset; offset < log.logEndOffset; offset++) {
    const read = await log.read({
      fromOffset: offset,
      upToOffset: log.logEndOffset,
      maxSize: 1,
      minOneBatch: true
    })
    found.push(read.ok ? read.value.baseOffset : read.error)
    if (read.ok) read.value.release()
  }
  return found
}

function sizeOf(batches: readonly AppendedBatch[]): number {
  return batches.reduce((size, { bytes }) => size + bytes.length, 0)
}

/** Leaves a log behind as a broker does that is killed, and gives its files. */
async function crashedLog(
  durability: 'os' | 'fsync',
  batches: readonly AppendedBatch[]
): Promise<TestDirectory> {
  const directory = crashableDirectory(durability)
  const { log } = await openOrders(directory)
  await appendAll(log, batches)
  return directory
}

describe('after a crash', () => {
  for (const durability of ['os', 'fsync'] as const) {
    test(`everything that was acknowledged is there (${durability})`, async () => {
      const directory = crashableDirectory(durability)
      const batches = batchesOf([3, 1, 2, 4, 1], { valueSize: 100, timestampMs: 1000 })
      const configs = { segmentBytes: 400, indexIntervalBytes: 100 }
      await appendAll((await openOrders(directory, configs)).log, batches)
      const { directory: opened, log } = await openOrders(directory, configs)
      expect(opened.cleanStart).toBe(false)
      expect([log.logStartOffset, log.logEndOffset, log.durableEndOffset]).toEqual([0, 11, 11])
      expect(await readEach(log)).toEqual([0, 0, 0, 3, 4, 4, 6, 6, 6, 6, 10])
      expect(log.largestTimestamp).toEqual({ timestampMs: 1003, offset: 9 })
      await appendAll(log, [batchOf({ baseOffset: 11, leaderEpoch: 1 })])
    })
  }

  test('a log start offset that was raised is kept', async () => {
    const directory = crashableDirectory('fsync')
    const { log } = await openOrders(directory)
    await appendAll(log, batchesOf([2, 2, 2]))
    await log.raiseLogStartOffset(1, 3)
    expect((await openOrders(directory)).log.logStartOffset).toBe(3)
  })

  test('a log start offset of an earlier topic of the same name is not taken over', async () => {
    const directory = crashableDirectory('fsync')
    const first = await openOrders(directory)
    await appendAll(first.log, batchesOf([5, 5]))
    await first.log.raiseLogStartOffset(1, 7)
    await first.directory.close()
    const second = await directory.open()
    await second.removeLog(orders)
    const other = { ...orders, topicId: 'AAAAAAAAAAAAAAAAAAAAAg' }
    await appendAll(await second.openLog(other, logConfigs()), batchesOf([1]))
    const third = await directory.open()
    const log = await third.openLog(other, logConfigs())
    expect([log.logStartOffset, log.logEndOffset]).toEqual([0, 1])
  })

  test('recovering twice gives what recovering once gives', async () => {
    const directory = await crashedLog('os', batchesOf([2, 2, 2], { valueSize: 50 }))
    const bytes = contentOf(directory.files, firstLog)
    putContent(directory.files, firstLog, bytes.subarray(0, bytes.length - 7))
    const once = await readEach((await openOrders(directory)).log)
    expect(await readEach((await openOrders(directory)).log)).toEqual(once)
    expect(once).toEqual([0, 0, 2, 2])
  })
})

describe('a torn tail', () => {
  const batches = batchesOf([2, 3, 2], { valueSize: 20 })
  const whole = sizeOf(batches)
  const kept = sizeOf(batches.slice(0, 2))

  test('is cut off after the last whole batch, wherever the file ends', async () => {
    for (let size = kept; size < whole; size++) {
      const directory = await crashedLog('os', batches)
      const bytes = contentOf(directory.files, firstLog)
      putContent(directory.files, firstLog, bytes.subarray(0, size))
      const { log } = await openOrders(directory)
      expect([log.logEndOffset, log.size]).toEqual([5, kept])
      expect(directory.files.open(firstLog, 'read').size()).toBe(kept)
      await appendAll(log, [batchOf({ baseOffset: 5, leaderEpoch: 1 })])
      expect(await readEach(log)).toEqual([0, 0, 2, 2, 2, 5])
    }
  })

  test('is kept in lost-and-found, and told of with offsets and sizes', async () => {
    const directory = await crashedLog('os', batches)
    const bytes = contentOf(directory.files, firstLog)
    putContent(directory.files, firstLog, bytes.subarray(0, whole - 5))
    await openOrders(directory)
    const [saved] = directory.files.list('/data/lost-and-found')
    expect(contentOf(directory.files, `/data/lost-and-found/${saved!.name}`)).toEqual(
      bytes.subarray(kept, whole - 5)
    )
    const line = directory.lines.find(({ message }) => message.startsWith('a torn tail'))
    expect(line).toMatchObject({
      level: 'warn',
      fields: { topic: 'orders', partition: 0, fromOffset: 5, position: kept }
    })
    expect(line?.fields['size']).toBe(whole - 5 - kept)
  })

  test('of zeros, as a file system leaves them when the power goes, is cut off, too', async () => {
    const directory = await crashedLog('os', batches)
    const bytes = contentOf(directory.files, firstLog)
    bytes.fill(0, kept)
    putContent(directory.files, firstLog, bytes)
    const { log } = await openOrders(directory)
    expect(log.logEndOffset).toBe(5)
  })

  test('takes the segments behind it along', async () => {
    const files = faultyFiles(memoryFiles())
    const directory = testDirectory(files, '/data', 'os')
    const configs = { segmentBytes: 200 }
    const opened = await openOrders(directory, configs)
    files.syncGate = new Promise(() => {})
    await appendAll(opened.log, batchesOf([2, 2, 2, 2, 2, 2]))
    files.syncGate = null
    const logs = directory.files.list(folder).filter(({ name }) => name.endsWith('.log'))
    expect(logs.length).toBeGreaterThan(2)
    flipBit(directory.files, `${folder}/${logs[1]!.name}`, 70)
    const { log } = await openOrders(directory, configs)
    const base = Number.parseInt(logs[1]!.name)
    expect(log.logEndOffset).toBe(base)
    await appendAll(log, batchesOf([2, 2, 2], { baseOffset: base, leaderEpoch: 1 }))
    expect((await readEach(log)).every(offset => typeof offset === 'number')).toBe(true)
  })
})

describe('rot', () => {
  const batches = batchesOf([2, 3, 2], { valueSize: 20 })
  const from = batches[0]!.bytes.length
  const to = from + batches[1]!.bytes.length
  const damaged = [0, 0, 'CORRUPT', 'CORRUPT', 'CORRUPT', 5, 5]

  test('in the last offset of a batch hides nothing but that batch, whatever it says', async () => {
    const directory = testDirectory(crashable(memoryFiles()), '/data', 'fsync')
    const first = await openOrders(directory, { indexIntervalBytes: 1 })
    for (let baseOffset = 0; baseOffset < 12; baseOffset += 2) {
      await first.log.append(1, baseOffset, [batchOf({ baseOffset, count: 2, valueSize: 20 })])
    }
    await first.directory.close()
    const size = contentOf(directory.files, firstLog).length / 6
    for (let bit = 0; bit < 32; bit++) {
      flipBit(directory.files, firstLog, 3 * size + 23 + (bit >> 3), bit & 7)
      const { directory: opened, log } = await openOrders(directory, { indexIntervalBytes: 1 })
      for (const offset of [6, 8, 7, 9, 5, 10]) {
        const read = await log.read({
          fromOffset: offset,
          upToOffset: 12,
          maxSize: 1,
          minOneBatch: true
        })
        const found = read.ok ? read.value.baseOffset : read.error
        expect([bit, offset, found]).toEqual([
          bit,
          offset,
          offset === 6 || offset === 7 ? 'CORRUPT' : offset - (offset % 2)
        ])
        if (read.ok) read.value.release()
      }
      expect(log.damage.every(({ fromOffset, toOffset }) => fromOffset >= 6 && toOffset <= 8)).toBe(
        true
      )
      await opened.close()
      flipBit(directory.files, firstLog, 3 * size + 23 + (bit >> 3), bit & 7)
    }
  })

  test('in any byte of a batch is CORRUPT at its offsets and nowhere else', async () => {
    for (let position = from; position < to; position++) {
      const directory = crashableDirectory('fsync')
      const { directory: opened, log } = await openOrders(directory)
      await appendAll(log, batches)
      await opened.close()
      flipBit(directory.files, firstLog, position, position % 8)
      expect([position, await readEach((await openOrders(directory)).log)]).toEqual([
        position,
        damaged
      ])
    }
  })

  test('below the durable watermark survives a crash uncut, and the log goes on', async () => {
    for (let position = from; position < to; position++) {
      const directory = await crashedLog('fsync', batches)
      flipBit(directory.files, firstLog, position, position % 8)
      const { log } = await openOrders(directory)
      expect([position, await readEach(log)]).toEqual([position, damaged])
      expect(log.damage).toMatchObject([{ fromOffset: 2, toOffset: 5 }])
      await appendAll(log, [batchOf({ baseOffset: 7, leaderEpoch: 1 })])
      expect(await readEach(log)).toEqual([...damaged, 7])
    }
  })

  test('in the last batch below the watermark keeps its offsets taken', async () => {
    for (let position = to; position < sizeOf(batches); position++) {
      const directory = await crashedLog('fsync', batches)
      flipBit(directory.files, firstLog, position, position % 8)
      const { log } = await openOrders(directory)
      expect([position, log.logEndOffset]).toEqual([position, 7])
      await appendAll(log, [batchOf({ baseOffset: 7, leaderEpoch: 1 })])
      const expected = [0, 0, 2, 2, 2, 'CORRUPT', 'CORRUPT', 7]
      expect([position, await readEach(log)]).toEqual([position, expected])
    }
  })

  test('is told of once', async () => {
    const directory = await crashedLog('fsync', batches)
    flipBit(directory.files, firstLog, from + 80)
    const { log } = await openOrders(directory)
    await readEach(log)
    await readEach(log)
    const lines = directory.lines.filter(({ level }) => level === 'error')
    expect(lines).toMatchObject([{ fields: { topic: 'orders', fromOffset: 2, toOffset: 5 } }])
  })

  test('bytes missing below the watermark are damage, and their offsets stay taken', async () => {
    const directory = await crashedLog('fsync', batches)
    const bytes = contentOf(directory.files, firstLog)
    putContent(directory.files, firstLog, bytes.subarray(0, to - 1))
    const { log } = await openOrders(directory)
    expect(log.logEndOffset).toBe(7)
    await appendAll(log, [batchOf({ baseOffset: 7, leaderEpoch: 1 })])
    const expected = [0, 0, ...Array.from({ length: 5 }, () => 'CORRUPT'), 7]
    expect(await readEach(log)).toEqual(expected)
    const again = (await openOrders(directory)).log
    expect(await readEach(again)).toEqual(expected)
  })

  test('a missing segment is damage, not a shorter log', async () => {
    const directory = crashableDirectory('fsync')
    const configs = { segmentBytes: 200 }
    const opened = await openOrders(directory, configs)
    await appendAll(opened.log, batchesOf([2, 2, 2, 2, 2, 2]))
    await opened.directory.close()
    const names = directory.files.list(folder).map(({ name }) => name)
    const bases = names.filter(name => name.endsWith('.log')).map(name => Number.parseInt(name))
    const gone = names.filter(name => Number.parseInt(name) === bases[1])
    for (const name of gone) directory.files.remove(`${folder}/${name}`)
    const { log } = await openOrders(directory, configs)
    expect(log.logEndOffset).toBe(12)
    const found = await readEach(log)
    for (const [offset, result] of found.entries()) {
      const isGone = offset >= bases[1]! && offset < bases[2]!
      expect(result).toBe(isGone ? 'CORRUPT' : offset - (offset % 2))
    }
  })
})

describe('a damaged sidecar', () => {
  const configs = { indexIntervalBytes: 100 }
  const batches = batchesOf([2, 2, 2, 2, 2, 2], { valueSize: 30, leaderEpoch: 3 })

  async function stored(crash: boolean): Promise<TestDirectory> {
    const directory = crashableDirectory('fsync')
    const { directory: opened, log } = await openOrders(directory, configs)
    await appendAll(log, batches)
    await log.raiseLogStartOffset(1, 5)
    if (!crash) await opened.close()
    return directory
  }

  for (const crash of [false, true]) {
    const occasion = crash ? 'a crash' : 'a clean shutdown'
    test(`changes no answer after ${occasion}, whichever byte of it has rotted`, async () => {
      const { size } = { size: contentOf((await stored(crash)).files, firstSidecar).length }
      for (let position = 0; position < size; position += position < 300 ? 7 : 1) {
        const directory = await stored(crash)
        flipBit(directory.files, firstSidecar, position, position % 8)
        const { log } = await openOrders(directory, configs)
        expect([position, log.logStartOffset, log.logEndOffset]).toEqual([position, 5, 12])
        expect([position, await readEach(log)]).toEqual([position, [4, 6, 6, 8, 8, 10, 10]])
        expect(log.leaderEpochs).toEqual([{ leaderEpoch: 3, startOffset: 5 }])
      }
    })
  }

  test('that is gone is written anew', async () => {
    const directory = await stored(false)
    directory.files.remove(firstSidecar)
    const { directory: opened, log } = await openOrders(directory, configs)
    expect([log.logStartOffset, log.logEndOffset]).toEqual([5, 12])
    await opened.close()
    expect(directory.files.exists(firstSidecar)).toBe(true)
    expect((await openOrders(directory, configs)).log.logStartOffset).toBe(5)
  })
})

function indexFiles(files: Files): readonly string[] {
  const names = files.list(folder).map(({ name }) => `${folder}/${name}`)
  return names.filter(name => /\.(time)?index$/.test(name))
}

describe('index files', () => {
  const configs = { segmentBytes: 1500, indexIntervalBytes: 100 }
  const batches = batchesOf(
    Array.from({ length: 40 }, () => 2),
    { valueSize: 40, timestampMs: 9 }
  )
  const expected = Array.from({ length: 80 }, (_, offset) => offset - (offset % 2))

  async function stored(): Promise<TestDirectory> {
    const directory = crashableDirectory('fsync')
    const { directory: opened, log } = await openOrders(directory, configs)
    await appendAll(log, batches)
    await opened.close()
    return directory
  }

  test('that are gone, cut or rotten are made anew from the batches', async () => {
    const original = await stored()
    const contents = indexFiles(original.files).map(path => contentOf(original.files, path))
    expect(contents.length).toBeGreaterThan(4)
    const damages: ((files: Files, path: string) => void)[] = [
      (files, path) => files.remove(path),
      (files, path) => putContent(files, path, Buffer.alloc(0)),
      (files, path) => putContent(files, path, Buffer.alloc(8, 1)),
      (files, path) => flipBit(files, path, 3),
      (files, path) => flipBit(files, path, contentOf(files, path).length - 1)
    ]
    for (const damage of damages) {
      const directory = await stored()
      const paths = indexFiles(directory.files)
      for (const path of paths) damage(directory.files, path)
      const { directory: opened, log } = await openOrders(directory, configs)
      expect(await readEach(log)).toEqual(expected)
      await opened.close()
      expect(paths.map(path => contentOf(directory.files, path))).toEqual(contents)
    }
  })

  test('are Kafka’s: last offsets with positions, rising timestamps with offsets', async () => {
    const directory = crashableDirectory('os')
    const { directory: opened, log } = await openOrders(directory, { indexIntervalBytes: 300 })
    const plans = [50, 70, 60, 90].map((timestampMs, index) =>
      batchOf({ baseOffset: index * 2, count: 2, timestampMs, valueSize: 40 })
    )
    await appendAll(log, plans)
    await opened.close()
    const size = plans[0]!.bytes.length
    const base = firstLog.slice(0, -'.log'.length)
    const offsets = contentOf(directory.files, `${base}.index`)
    expect([...offsets.toString('hex').matchAll(/.{16}/g)].map(([entry]) => entry)).toEqual([
      (5).toString(16).padStart(8, '0') + (2 * size).toString(16).padStart(8, '0')
    ])
    const times = contentOf(directory.files, `${base}.timeindex`)
    expect([...times.toString('hex').matchAll(/.{24}/g)].map(([entry]) => entry)).toEqual([
      (71).toString(16).padStart(16, '0') + (3).toString(16).padStart(8, '0'),
      (91).toString(16).padStart(16, '0') + (7).toString(16).padStart(8, '0')
    ])
  })
})
