import { describe, expect, test } from 'vitest'
import { exitCodes } from '../../../src/cli/exit-codes.ts'
import { repairCommand, verifyCommand, type RepairFlags } from '../../../src/cli/log/log-command.ts'
import type { Files } from '../../../src/io/files.ts'
import { memoryFiles } from '../../../src/io/memory-files.ts'
import type { LocalLog } from '../../../src/storage/local/local-log.ts'
import {
  contentOf,
  crashable,
  flipBit,
  openOrders,
  putContent,
  testDirectory,
  type TestDirectory
} from '../../storage/local/directory.ts'
import { sparseConfigs, swapBegun } from '../../storage/local/sparse-directory.ts'
import { fileOf, folder, linesOf, printing, tripleOf, writtenLog } from './tool.ts'

interface Repaired {
  readonly code: number
  readonly lines: readonly string[]
  readonly error: string
}

async function repair(
  { clock }: TestDirectory,
  files: Files,
  flags: RepairFlags = {},
  path = folder
): Promise<Repaired> {
  const outside = { ...printing(files), clock }
  const code = await repairCommand(path, flags, outside)
  return { code, lines: linesOf(outside), error: outside.errors.join('') }
}

/** What a consumer sees from an offset on: the base offsets of batches, or an error. */
async function readAll(log: LocalLog, from = 0): Promise<readonly (number | string)[]> {
  const seen: (number | string)[] = []
  for (let offset = from; offset < log.logEndOffset;) {
    const read = await log.read({
      fromOffset: offset,
      upToOffset: Number.MAX_SAFE_INTEGER,
      maxSize: 1,
      minOneBatch: true
    })
    if (!read.ok) {
      seen.push(read.error)
      offset++
      continue
    }
    const { bytes, baseOffset, release } = { ...read.value, release: () => read.value.release() }
    if (bytes.readInt32BE(57) > 0) seen.push(baseOffset)
    offset = baseOffset + bytes.readInt32BE(23) + 1
    release()
  }
  return seen
}

async function reopened(directory: TestDirectory): Promise<readonly (number | string)[]> {
  const { directory: opened, log } = await openOrders(directory, { segmentBytes: 600 })
  const seen = await readAll(log)
  expect(log.damage).toEqual([])
  const appended = await log.append(1, log.logEndOffset, [{ ...tripleOf(log.logEndOffset) }])
  expect(appended.ok).toBe(true)
  await opened.close()
  return seen
}

async function compactedLog() {
  const files = memoryFiles()
  const directory = testDirectory(files, '/data', 'fsync')
  await swapBegun(directory)
  const { directory: opened } = await openOrders(directory, sparseConfigs)
  await opened.close()
  const offsets = await reread(directory)
  return { files, directory, offsets }
}

async function reread(directory: TestDirectory): Promise<readonly (number | string)[]> {
  const { directory: opened, log } = await openOrders(directory, sparseConfigs)
  const seen = await readAll(log)
  expect(log.damage).toEqual([])
  await opened.close()
  return seen
}

async function isSound(files: Files): Promise<boolean> {
  return (await verifyCommand('/data', {}, printing(files))) === exitCodes.stopped
}

const triples = [0, 3, 6, 9, 12, 15, 18, 21, 24, 27]

describe('odradek log repair', () => {
  test('makes a gap of a damaged batch, behind which consumers read on', async () => {
    const directory = await writtenLog()
    const { files } = directory
    const size = tripleOf(18).bytes.length
    flipBit(files, fileOf(18, '.log'), size + 80)
    const before = contentOf(files, fileOf(18, '.log'))

    const dry = await repair(directory, files)
    expect(dry).toMatchObject({ code: exitCodes.damaged, error: '' })
    expect(dry.lines[0]).toBe(
      `gap: offsets 21 to 23, bytes ${size} to ${2 * size} of the segment 18: ` +
        'their records are given up'
    )
    expect(contentOf(files, fileOf(18, '.log'))).toEqual(before)

    const done = await repair(directory, files, { apply: true })
    expect(done).toMatchObject({ code: exitCodes.stopped, error: '' })
    expect(done.lines.at(-1)).toBe('repaired: 1 gap of 3 offsets, 0 headers')
    const kept = files.list('/data/lost-and-found').map(({ name }) => name)
    expect(kept).toEqual([
      expect.stringMatching(`^orders-0-21-${directory.clock.wallMs()}\\.crc-[0-9a-f]{8}$`),
      'repairs.jsonl'
    ])
    const saved = contentOf(files, `/data/lost-and-found/${kept[0]!}`)
    expect(saved).toEqual(before.subarray(size, 2 * size))
    const note: unknown = JSON.parse(
      contentOf(files, '/data/lost-and-found/repairs.jsonl').toString()
    )
    expect(note).toMatchObject({ topic: 'orders', partition: 0, what: 'gap', fromOffset: 21 })

    expect(await reopened(directory)).toEqual(triples.filter(offset => offset !== 21))
    expect(await isSound(files)).toBe(true)
    expect(await repair(directory, files, { apply: true })).toMatchObject({
      code: exitCodes.stopped,
      lines: ['nothing to repair']
    })
  })

  test('loses no record where only the header in front of the checksum is damaged', async () => {
    for (const position of [7, 12, 15, 16]) {
      const directory = await writtenLog()
      const { files } = directory
      const before = contentOf(files, fileOf(18, '.log'))
      const size = before.length / 3
      flipBit(files, fileOf(18, '.log'), size + position)
      const done = await repair(directory, files, { apply: true })
      expect(done.lines.at(-1)).toBe('repaired: 0 gaps of 0 offsets, 1 header')
      expect(contentOf(files, fileOf(18, '.log'))).toEqual(before)
      expect(await reopened(directory)).toEqual(triples)
      expect(await isSound(files)).toBe(true)
    }
  })

  test('leaves a log that a start after a crash takes as it is, wherever the damage was', async () => {
    for (const segment of [0, 9, 18, 27]) {
      for (const isClean of [true, false]) {
        const directory = await writtenLog(isClean)
        const files = crashable(directory.files)
        const path = fileOf(segment, '.log')
        const size = contentOf(files, path).length - tripleOf(segment).bytes.length
        flipBit(files, path, 70)
        const { code } = await repair(directory, files, { apply: true })
        expect([segment, isClean, code]).toEqual([segment, isClean, exitCodes.stopped])
        expect(contentOf(files, path).length).toBe(size + 61)
        const expected = triples.filter(offset => offset !== segment)
        expect([segment, await reopened(directory)]).toEqual([segment, expected])
        expect(await isSound(files)).toBe(true)
      }
    }
  })

  test('makes gaps of a segment that is missing and of an end that is lost', async () => {
    const directory = await writtenLog()
    const { files } = directory
    for (const suffix of ['.log', '.odradek', '.index', '.timeindex']) {
      if (files.exists(fileOf(9, suffix))) files.remove(fileOf(9, suffix))
    }
    putContent(files, fileOf(27, '.log'), Buffer.alloc(0))
    const done = await repair(directory, files, { apply: true })
    expect(done.lines.filter(line => line.startsWith('gap'))).toHaveLength(2)
    expect(done.lines.at(-1)).toBe('repaired: 2 gaps of 12 offsets, 0 headers')
    expect(await reopened(directory)).toEqual([0, 3, 6, 18, 21, 24])
    expect(await isSound(files)).toBe(true)
  })

  test('can be repeated after it was cut off between any two of its steps', async () => {
    for (let steps = 1; ; steps++) {
      const directory = await writtenLog()
      flipBit(directory.files, fileOf(9, '.log'), 80)
      let left = steps
      const step = (): void => {
        if (left-- === 0) throw new Error('cut off')
      }
      const files = crashable(directory.files, {
        rename(from, to) {
          step()
          directory.files.rename(from, to)
        },
        remove(path) {
          step()
          directory.files.remove(path)
        },
        async syncDirectory(path) {
          step()
          await directory.files.syncDirectory(path)
        }
      })
      const isWhole = await repair(directory, files, { apply: true }).then(
        () => true,
        () => false
      )
      await repair(directory, directory.files, { apply: true })
      expect([steps, await reopened(directory)]).toEqual([
        steps,
        triples.filter(offset => offset !== 9)
      ])
      expect(await isSound(directory.files)).toBe(true)
      if (isWhole) {
        expect(steps).toBeGreaterThan(8)
        return
      }
    }
  })

  test('refuses while a broker runs, and names it', async () => {
    const directory = await writtenLog()
    flipBit(directory.files, fileOf(9, '.log'), 80)
    const { directory: opened } = await openOrders(directory)
    const refused = await repair(directory, directory.files, { apply: true })
    expect(refused.code).toBe(exitCodes.dataDirectory)
    expect(refused.error).toMatch(/^odradek: \/data is in use by .*; stop that one first\n$/)
    expect((await repair(directory, directory.files)).code).toBe(exitCodes.damaged)
    await opened.close()
  })

  test('takes a data directory with a topic, and refuses what it must not touch', async () => {
    const directory = await writtenLog()
    const { files } = directory
    const sound = await repair(directory, files, { topic: 'orders', partition: '0' }, '/data')
    expect(sound).toMatchObject({ code: exitCodes.stopped, lines: ['nothing to repair'] })
    expect((await repair(directory, files, { partition: '0' }, '/data')).code).toBe(exitCodes.usage)
    expect((await repair(directory, files, {}, '/data')).code).toBe(exitCodes.dataDirectory)
    files.rename(folder, '/data/__cluster_metadata-0')
    const metadata = await repair(directory, files, {}, '/data/__cluster_metadata-0')
    expect(metadata.error).toMatch(/Restore the folder from a backup; without one, .* log import/)
    files.rename('/data/__cluster_metadata-0', folder)
    flipBit(files, '/data/meta.properties', 20)
    expect((await repair(directory, files)).error).toMatch(/meta.properties is damaged, .* first/)
    putContent(files, '/data/meta.properties', Buffer.from('cluster.id=x\nnode.id=1\n'))
    expect((await repair(directory, files)).error).toMatch(/not in a data directory of odradek/)
  })

  test('writes sidecars that are gone anew, and takes everything in the files for promised', async () => {
    const directory = await writtenLog(false)
    const { files } = directory
    const removeSidecars = (): void => {
      for (const offset of [0, 9, 18, 27]) files.remove(fileOf(offset, '.odradek'))
    }
    removeSidecars()
    flipBit(files, fileOf(9, '.log'), 90)
    flipBit(files, fileOf(18, '.log'), 7)
    const dry = await repair(directory, files)
    expect(dry).toMatchObject({ code: exitCodes.damaged, error: '' })
    expect(dry.lines).toEqual([
      ...[0, 9, 18, 27].map(offset =>
        expect.stringContaining(`of the segment ${offset} is missing`)
      ),
      expect.stringMatching(/^gap: offsets 9 to 11, /),
      expect.stringMatching(/^header: offsets 18 to 20, /),
      '1 gap of 3 offsets, 1 header, 4 sidecars: --apply does it'
    ])
    expect(files.exists(fileOf(0, '.odradek'))).toBe(false)
    const done = await repair(directory, files, { apply: true })
    expect(done).toMatchObject({ code: exitCodes.stopped, error: '' })
    expect(done.lines.at(-1)).toBe('repaired: 1 gap of 3 offsets, 1 header, 4 sidecars')
    expect((await repair(directory, files)).lines).toEqual(['nothing to repair'])
    expect(await reopened(directory)).toEqual(triples.filter(offset => offset !== 9))
    expect(await isSound(files)).toBe(true)
  })

  test('writes a part of the sidecars anew by what the others say', async () => {
    const directory = await writtenLog()
    const { files } = directory
    for (const offset of [9, 27]) files.remove(fileOf(offset, '.odradek'))
    const done = await repair(directory, files, { apply: true })
    expect(done.lines.at(-1)).toBe('repaired: 0 gaps of 0 offsets, 0 headers, 2 sidecars')
    expect(await reopened(directory)).toEqual(triples)
    expect(await isSound(files)).toBe(true)
  })

  test.each([[0], [3], [21]])(
    'puts right the leader epoch of the batch at %d alone when sidecars are gone as well',
    async offset => {
      const directory = await writtenLog()
      const { files } = directory
      const base = Math.floor(offset / 9) * 9
      const whole = contentOf(files, fileOf(base, '.log'))
      files.remove(fileOf(27, '.odradek'))
      // The highest byte of the leader epoch, which the checksum of a batch leaves out.
      flipBit(files, fileOf(base, '.log'), ((offset - base) / 3) * (whole.length / 3) + 12)
      const done = await repair(directory, files, { apply: true })
      expect(done.lines.at(-1)).toBe('repaired: 0 gaps of 0 offsets, 1 header, 1 sidecar')
      expect(contentOf(files, fileOf(base, '.log'))).toEqual(whole)
      expect(await reopened(directory)).toEqual(triples)
      expect(await isSound(files)).toBe(true)
    }
  )

  test('sends a folder with gaps between its offsets, or of another topic, to the import', async () => {
    const directory = await writtenLog()
    const { files } = directory
    for (const offset of [0, 9, 18, 27]) files.remove(fileOf(offset, '.odradek'))
    const batches = [0, 3, 9].map(offset => tripleOf(offset).bytes)
    const whole = contentOf(files, fileOf(0, '.log'))
    putContent(files, fileOf(0, '.log'), Buffer.concat(batches.slice(0, 2)))
    putContent(files, fileOf(9, '.log'), Buffer.concat([tripleOf(12).bytes]))
    expect((await repair(directory, files)).error).toMatch(/leaves offsets out: .* log import/)
    putContent(files, fileOf(0, '.log'), whole)
    files.remove(`${folder}/partition.metadata`)
    expect((await repair(directory, files)).error).toMatch(/has no sidecars, .* log import/)
  })

  test('leaves a torn tail to the next start', async () => {
    const directory = await writtenLog(false)
    const { files } = directory
    const path = fileOf(27, '.log')
    const sound = contentOf(files, path)
    putContent(files, path, Buffer.concat([sound, Buffer.alloc(100, 7)]))
    const crashed = crashable(files)
    expect(await repair(directory, crashed, { apply: true })).toMatchObject({
      code: exitCodes.stopped,
      lines: ['nothing to repair']
    })
  })

  describe('of a segment that compaction has written', () => {
    test('leaves out a damaged batch and keeps all others at their offsets', async () => {
      const { files, directory, offsets } = await compactedLog()
      const log = fileOf(0, '.log')
      const first = 12 + contentOf(files, log).readInt32BE(8)
      flipBit(files, log, first + 70)
      expect(await isSound(files)).toBe(false)
      const done = await repair(directory, files, { apply: true })
      expect(done).toMatchObject({ code: exitCodes.stopped, error: '' })
      expect(await isSound(files)).toBe(true)
      expect(await reread(directory)).toEqual(offsets.filter((_, index) => index !== 1))
    })

    test('puts headers right and writes a damaged table anew', async () => {
      const { files, directory, offsets } = await compactedLog()
      const before = contentOf(files, fileOf(0, '.log'))
      flipBit(files, fileOf(0, '.log'), 12 + before.readInt32BE(8) + 7)
      const header = await repair(directory, files, { apply: true })
      expect(header.lines.at(-1)).toBe('repaired: 0 gaps of 0 offsets, 1 header')
      expect(contentOf(files, fileOf(0, '.log'))).toEqual(before)
      flipBit(files, fileOf(0, '.batches'), 70)
      const table = await repair(directory, files, { apply: true })
      expect(table.lines[0]).toBe('table: that of the segment 0 is damaged, and written anew')
      expect(await isSound(files)).toBe(true)
      expect(await reread(directory)).toEqual(offsets)
    })

    test('takes note of batches that are gone from its end', async () => {
      const { files, directory, offsets } = await compactedLog()
      const log = contentOf(files, fileOf(0, '.log'))
      const first = 12 + log.readInt32BE(8)
      putContent(files, fileOf(0, '.log'), log.subarray(0, first))
      expect(await isSound(files)).toBe(false)
      const done = await repair(directory, files, { apply: true })
      expect([done.code, done.error]).toEqual([exitCodes.stopped, ''])
      expect(await isSound(files)).toBe(true)
      const left = await reread(directory)
      expect(left[0]).toBe(offsets[0])
      expect(left.length).toBeLessThan(offsets.length)
    })

    test('waits for the broker to finish a compaction that a crash has cut off', async () => {
      const files = memoryFiles()
      const directory = testDirectory(files, '/data', 'fsync')
      await swapBegun(directory)
      const refused = await repair(directory, files, { apply: true })
      expect(refused.error).toMatch(/a compaction half done: start the broker once/)
    })
  })
})
