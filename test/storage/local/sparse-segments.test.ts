import { describe, expect, test } from 'vitest'
import { memoryFiles } from '../../../src/io/memory-files.ts'
import { batchPositions, lastOffset } from '../../../src/record/batch.ts'
import { logSuffix } from '../../../src/storage/local/file-names.ts'
import type { LocalLog } from '../../../src/storage/local/local-log.ts'
import type { AppendedBatch } from '../../../src/storage/partition-log.ts'
import { batchOf } from '../batches.ts'
import { crashable, flipBit, openOrders, testDirectory } from './directory.ts'
import {
  fileOf,
  folder,
  sidecarFile,
  sparseConfigs,
  swapBegun,
  tableFile
} from './sparse-directory.ts'

const everything = { upToOffset: Number.MAX_SAFE_INTEGER, maxSize: 1, minOneBatch: true }

async function opened() {
  const files = memoryFiles()
  const directory = testDirectory(crashable(files), '/data', 'fsync')
  const batches = await swapBegun(directory)
  const { log } = await openOrders(directory, sparseConfigs)
  return { files, directory, batches, log }
}

/** The base offset of what a read at `fromOffset` brings; the name of the error if it fails. */
async function firstFrom(log: LocalLog, fromOffset: number): Promise<number | string> {
  const read = await log.read({ fromOffset, ...everything })
  if (!read.ok) return read.error
  const found = read.value.bytes.length === 0 ? -1 : read.value.baseOffset
  read.value.release()
  return found
}

async function readAll(log: LocalLog): Promise<Buffer> {
  const pieces: Buffer[] = []
  for (let offset = log.logStartOffset; offset < log.logEndOffset;) {
    const read = await log.read({ fromOffset: offset, ...everything, maxSize: 300 })
    if (!read.ok) throw new Error(`${read.error} at ${offset}`)
    const bytes = Buffer.from(read.value.bytes)
    read.value.release()
    if (bytes.length === 0) break
    pieces.push(bytes)
    for (const at of batchPositions(bytes)) offset = lastOffset(bytes, at) + 1
  }
  return Buffer.concat(pieces)
}

function bytesOf(batches: readonly AppendedBatch[]): Buffer {
  return Buffer.concat(batches.map(({ bytes }) => bytes))
}

describe('a segment with gaps between its offsets', () => {
  test('takes the place of others at the start, and is the same after the next', async () => {
    const { files, directory, batches, log } = await opened()
    expect(log.segments.all.map(({ isSparse }) => isSparse)).toEqual([true, false, false])
    expect((await readAll(log)).equals(bytesOf(batches))).toBe(true)
    expect(log.damage).toEqual([])
    const again = await openOrders(directory, sparseConfigs)
    expect((await readAll(again.log)).equals(bytesOf(batches))).toBe(true)
    expect([again.log.logStartOffset, again.log.logEndOffset]).toEqual([0, 100])
    const names = files.list(folder).map(({ name }) => name)
    expect(names.filter(name => /\.(cleaned|swap|deleted)$/.test(name))).toEqual([])
  })

  test('gives the next batch for an offset that is gone, also from the segment behind', async () => {
    const { batches, log } = await opened()
    for (let offset = 0; offset < log.logEndOffset; offset++) {
      const expected = batches.find(batch => batch.lastOffset >= offset)!.baseOffset
      expect([offset, await firstFrom(log, offset)]).toEqual([offset, expected])
    }
  })

  test('gives nothing when the next batch is beyond what the reader may see', async () => {
    const { batches, log } = await opened()
    const upToOffset = batches[0]!.lastOffset
    const read = await log.read({ fromOffset: 0, upToOffset, maxSize: 1000, minOneBatch: true })
    expect(read).toMatchObject({ ok: true, value: { baseOffset: 0 } })
    expect(read.ok && read.value.bytes.length).toBe(0)
  })

  test('is searched for timestamps', async () => {
    const { batches, log } = await opened()
    for (let timestampMs = 990; timestampMs < 1100; timestampMs++) {
      const expected = batches.find(batch => batch.maxTimestampMs >= timestampMs)
      const found = await log.batchForTimestamp(timestampMs, log.logEndOffset)
      const baseOffset = found.ok ? (found.value?.baseOffset ?? null) : found.error
      if (found.ok) found.value?.release()
      expect([timestampMs, baseOffset]).toEqual([timestampMs, expected?.baseOffset ?? null])
    }
  })

  test('keeps its offsets when the log start offset is raised into a gap', async () => {
    const { directory, batches, log } = await opened()
    expect(await log.raiseLogStartOffset(1, 20)).toMatchObject({ ok: true })
    const expected = bytesOf(batches.filter(batch => batch.lastOffset >= 20))
    expect((await readAll(log)).equals(expected)).toBe(true)
    const again = await openOrders(directory, sparseConfigs)
    expect(again.log.logStartOffset).toBe(20)
    expect((await readAll(again.log)).equals(expected)).toBe(true)
  })

  for (const offset of [3, 7, 8, 9, 20, 21, 46]) {
    test(`is cut at offset ${offset}, and the log goes on behind it`, async () => {
      const { directory, batches, log } = await opened()
      const holder = batches.find(each => each.baseOffset <= offset && each.lastOffset >= offset)
      const endOffset = holder?.baseOffset ?? offset
      expect(await log.truncate(1, offset)).toMatchObject({ ok: true })
      expect([log.logEndOffset, log.durableEndOffset]).toEqual([endOffset, endOffset])
      const next = batchOf({ baseOffset: endOffset, count: 2, timestampMs: 5000 })
      expect(await log.append(1, endOffset, [next])).toMatchObject({ ok: true })
      const expected = bytesOf([...batches.filter(each => each.lastOffset < endOffset), next])
      expect((await readAll(log)).equals(expected)).toBe(true)
      const again = await openOrders(directory, sparseConfigs)
      expect(again.log.logEndOffset).toBe(endOffset + 2)
      expect((await readAll(again.log)).equals(expected)).toBe(true)
      expect(again.log.damage).toEqual([])
    })
  }

  test('does not vouch for a base offset that the disk has changed', async () => {
    const { files, directory, batches, log } = await opened()
    const position = batches[0]!.bytes.length
    const second = batches[1]!
    flipBit(files, fileOf(0, logSuffix), position + 7, 3)
    const damaged = (await openOrders(directory, sparseConfigs)).log
    expect(await firstFrom(damaged, second.baseOffset)).toBe('CORRUPT')
    expect(await firstFrom(damaged, batches[0]!.baseOffset)).toBe(batches[0]!.baseOffset)
    expect(await firstFrom(damaged, batches[2]!.baseOffset)).toBe(batches[2]!.baseOffset)
    expect(damaged.damage.length).toBeGreaterThan(0)
    expect(log.damage).toEqual([])
  })

  for (const [what, position] of [
    ['head', 20],
    ['chunk', 70]
  ] as const) {
    test(`is read by its checksums when the ${what} of its table is damaged`, async () => {
      const { files, directory, batches } = await opened()
      flipBit(files, tableFile, position)
      const { log } = await openOrders(directory, sparseConfigs)
      expect((await readAll(log)).equals(bytesOf(batches))).toBe(true)
      expect(directory.lines.some(({ level }) => level === 'error')).toBe(true)
    })
  }

  for (const [what, position] of [
    ['identity', 30],
    ['journal', 1600]
  ] as const) {
    test(`is known by its table when the ${what} of its sidecar is damaged`, async () => {
      const { files, directory, batches } = await opened()
      flipBit(files, sidecarFile, position)
      for (let start = 0; start < 2; start++) {
        const { log } = await openOrders(directory, sparseConfigs)
        expect((await readAll(log)).equals(bytesOf(batches))).toBe(true)
        expect(log.logEndOffset).toBe(100)
        expect(log.damage).toEqual([])
      }
    })
  }

  test('whose file has lost its end gives what is left and reports the rest', async () => {
    const { files, directory, batches } = await opened()
    const file = files.open(fileOf(0, logSuffix), 'readWrite')
    file.truncate(batches[0]!.bytes.length)
    file.close()
    const { log } = await openOrders(directory, sparseConfigs)
    expect(await firstFrom(log, 0)).toBe(batches[0]!.baseOffset)
    expect(log.damage).toMatchObject([{ fromOffset: batches[1]!.baseOffset }])
    const behind = log.segments.all[1]!.baseOffset
    expect(await firstFrom(log, behind)).toBe(behind)
  })

  test('that is the last one of its log is followed by one that takes appends', async () => {
    const { files, directory, log } = await opened()
    const [, ...dense] = log.segments.all
    for (const { baseOffset } of dense) {
      for (const { name } of files.list(folder)) {
        if (name.startsWith(String(baseOffset).padStart(20, '0'))) files.remove(`${folder}/${name}`)
      }
    }
    const end = dense[0]!.baseOffset
    const again = (await openOrders(directory, sparseConfigs)).log
    expect(again.logEndOffset).toBe(end)
    const next = batchOf({ baseOffset: end })
    expect(await again.append(1, end, [next])).toMatchObject({ ok: true })
    expect(await firstFrom(again, end)).toBe(end)
  })
})
