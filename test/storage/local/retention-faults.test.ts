import { describe, expect, test } from 'vitest'
import type { Files, OpenFile } from '../../../src/io/files.ts'
import { memoryFiles } from '../../../src/io/memory-files.ts'
import { seededRandom } from '../../../src/io/seeded-random.ts'
import { batchPositions, lastOffset } from '../../../src/record/batch.ts'
import type { LocalLog } from '../../../src/storage/local/local-log.ts'
import { batchesOf } from '../batches.ts'
import { crashable, openOrders, testDirectory } from './directory.ts'
import { faultyFiles } from './faulty-files.ts'
import { powerCutFiles, type Draw } from './power-cut-files.ts'

const oldMs = 1_700_000_000_000
const batches = batchesOf(
  Array.from({ length: 10 }, () => 2),
  { timestampMs: oldMs }
)
const endOffset = 20
const configs = { segmentBytes: 300, retentionMs: 1000 }
const now = { wallMs: oldMs + 90_000, highWatermark: endOffset }

async function appendAll(log: LocalLog): Promise<void> {
  for (const batch of batches) {
    expect(await log.append(0, batch.baseOffset, [batch])).toMatchObject({ ok: true })
  }
}

/** The offset after each batch that can be read, from the start of the log on. */
async function readEnds(log: LocalLog): Promise<readonly number[]> {
  const ends: number[] = []
  for (let offset = log.logStartOffset; offset < log.logEndOffset;) {
    const request = { fromOffset: offset, upToOffset: Infinity, maxSize: 4096, minOneBatch: true }
    const read = await log.read(request)
    if (!read.ok) throw new Error(`${read.error} at offset ${offset}`)
    for (const at of batchPositions(read.value.bytes))
      ends.push(lastOffset(read.value.bytes, at) + 1)
    read.value.release()
    offset = ends.at(-1)!
  }
  return ends
}

/** The same files; `before` is called before each step that changes something. */
function watched(files: Files, before: () => void): Files {
  const wrapped = (file: OpenFile): OpenFile => ({
    path: file.path,
    size: () => file.size(),
    close: () => file.close(),
    readSync: (target, position) => file.readSync(target, position),
    read: (target, position) => file.read(target, position),
    writeSync(pieces, position) {
      before()
      file.writeSync(pieces, position)
    },
    async write(pieces, position) {
      before()
      await file.write(pieces, position)
    },
    truncate(size) {
      before()
      file.truncate(size)
    },
    async datasync() {
      before()
      await file.datasync()
    }
  })
  return crashable(files, {
    open: (path, mode) => wrapped(files.open(path, mode)),
    rename(from, to) {
      before()
      files.rename(from, to)
    },
    async syncDirectory(path) {
      before()
      await files.syncDirectory(path)
    }
  })
}

function draws(seed: number): Draw {
  const random = seededRandom(seed)
  return count => random.bytes(4).readUInt32BE() % count
}

describe('a crash while retention deletes', () => {
  test.each(['old records', 'surplus bytes'] as const)(
    'loses nothing but %s, at whatever step, and the next check goes on',
    async what => {
      const chosen = what === 'old records' ? configs : { ...configs, retentionBytes: 400 }
      const moment = what === 'old records' ? now : { ...now, wallMs: null }
      const disk = powerCutFiles()
      const left: Files[] = []
      let isWatching = false
      const files = watched(disk, () => {
        if (!isWatching) return
        left.push(disk.kill())
        for (let seed = 1; seed <= 8; seed++) left.push(disk.cut(draws(seed * 100 + left.length)))
      })
      const { log } = await openOrders(testDirectory(files, '/data', 'fsync'), chosen)
      await appendAll(log)
      isWatching = true
      expect(await log.applyRetention(0, moment)).toMatchObject({ ok: true })
      isWatching = false
      const target = log.logStartOffset
      expect(target).toBe(what === 'old records' ? endOffset : 12)
      expect(left.length).toBeGreaterThan(50)
      const afterwards = Array.from({ length: 8 }, (_, seed) => disk.cut(draws(seed + 1)))
      for (const [index, found] of [...left, ...afterwards].entries()) {
        const again = testDirectory(found, '/data', 'fsync')
        const { directory, log: recovered } = await openOrders(again, chosen)
        const { logStartOffset } = recovered
        expect([0, target]).toContain(logStartOffset)
        if (index >= left.length) expect(logStartOffset).toBe(target)
        expect(recovered.logEndOffset).toBe(endOffset)
        expect(recovered.damage).toEqual([])
        const ends = batches.map(batch => batch.lastOffset + 1)
        expect(await readEnds(recovered)).toEqual(ends.filter(end => end > logStartOffset))
        expect(await recovered.applyRetention(0, moment)).toMatchObject({ ok: true })
        expect(recovered.logStartOffset).toBe(target)
        await directory.close()
      }
    }
  )
})

describe('a full disk', () => {
  test('has no room for a new segment, but gets some from the sealed ones', async () => {
    const files = faultyFiles(memoryFiles())
    const directory = testDirectory(files, '/data', 'fsync')
    const { log } = await openOrders(directory, configs)
    await appendAll(log)
    const activeOffset = log.segments.active!.baseOffset
    const newSidecar = `/${String(endOffset).padStart(20, '0')}.odradek`
    files.fault = (operation, path) =>
      operation === 'write' && path.endsWith(newSidecar) ? 'ENOSPC' : null
    expect(await log.applyRetention(0, now)).toMatchObject({ ok: true })
    expect([log.logStartOffset, log.segments.all.length]).toEqual([activeOffset, 1])
    expect(await readEnds(log)).toEqual([endOffset - 2, endOffset])
    expect(directory.failures).toEqual([])
    files.fault = () => null
    expect(await log.applyRetention(0, now)).toMatchObject({ ok: true })
    expect([log.logStartOffset, log.logEndOffset, log.size]).toEqual([endOffset, endOffset, 0])
  })
})

describe('a disk that fails', () => {
  test('ends retention with STORAGE and the directory with it', async () => {
    const files = faultyFiles(memoryFiles())
    const directory = testDirectory(files, '/data', 'fsync')
    const { log } = await openOrders(directory, configs)
    await appendAll(log)
    files.fault = operation => (operation === 'datasync' ? 'EIO' : null)
    expect(await log.applyRetention(0, now)).toMatchObject({ ok: false, error: 'STORAGE' })
    expect(directory.failures).toHaveLength(1)
  })
})
