import { describe, expect, test } from 'vitest'
import { memoryFiles } from '../../../src/io/memory-files.ts'
import {
  scrubBackoffMaxMs,
  scrubFirstLookMs,
  scrubLookIntervalMs,
  scrubSlowReadMs
} from '../../../src/limits.ts'
import type { LocalLog } from '../../../src/storage/local/local-log.ts'
import type { LogDirectory } from '../../../src/storage/local/log-dir.ts'
import { firstScrubPace, nextScrubPace } from '../../../src/storage/local/scrub-pace.ts'
import { planScrub } from '../../../src/storage/local/scrub-plan.ts'
import { damagedParts, Sidecar } from '../../../src/storage/local/sidecar.ts'
import type { Scrubber } from '../../../src/storage/local/scrubber.ts'
import { encodeProducerSnapshot } from '../../../src/storage/producer-snapshot.ts'
import { batchOf } from '../batches.ts'
import {
  contentOf,
  crashable,
  flipBit,
  openOrders,
  putContent,
  testDirectory
} from './directory.ts'
import type { TestDirectory } from './directory.ts'
import { faultyFiles } from './faulty-files.ts'
import { swapBegun, tableFile } from './sparse-directory.ts'

const intervalMs = 7 * 24 * 3600 * 1000
const checkpointPath = '/data/odradek-scrub-checkpoint'

interface Scrubbed {
  readonly directory: TestDirectory
  readonly opened: LogDirectory
  readonly log: LocalLog
  readonly scrubber: Scrubber
  /** Moves the clock on, and lets the scrub do what is due. */
  readonly pass: (ms: number) => Promise<void>
}

function fileOf(baseOffset: number, suffix: string): string {
  return `/data/orders-0/${String(baseOffset).padStart(20, '0')}${suffix}`
}

async function begin(directory: TestDirectory, bytesPerSecond = 1024 ** 3): Promise<Scrubbed> {
  const { directory: opened, log } = await openOrders(directory, {
    segmentBytes: 600,
    indexIntervalBytes: 1
  })
  const scrubber = opened.scrubber({ intervalMs, bytesPerSecond }, error => {
    throw error
  })
  scrubber.start()
  const { clock } = directory
  const pass = async (ms: number): Promise<void> => {
    const step = ms / 20
    for (let round = 0; round < 20; round++) {
      clock.advance(step)
      for (let turn = 0; turn < 20; turn++) {
        await new Promise(resolve => setImmediate(resolve))
        clock.advance(0)
      }
    }
  }
  return { directory, opened, log, scrubber, pass }
}

/** Segments at 0, 9, 18 and the active one at 27, all written just now. */
async function written(files = memoryFiles()): Promise<Scrubbed> {
  const directory = testDirectory(crashable(files), '/data', 'fsync')
  const scrubbed = await begin(directory)
  for (let baseOffset = 0; baseOffset < 30; baseOffset += 3) {
    const batch = batchOf({ baseOffset, count: 3, valueSize: 20 })
    expect(await scrubbed.log.append(1, baseOffset, [batch])).toMatchObject({ ok: true })
  }
  return scrubbed
}

async function readAt(log: LocalLog, fromOffset: number): Promise<string> {
  const read = await log.read({ fromOffset, upToOffset: 1000, maxSize: 1, minOneBatch: true })
  if (!read.ok) return read.error
  const { baseOffset } = read.value
  read.value.release()
  return String(baseOffset)
}

describe('the scrub', () => {
  test('reports a flipped bit in a sealed segment once, without any read by a client', async () => {
    const { directory, log, opened, scrubber, pass } = await written()
    flipBit(directory.files, fileOf(9, '.log'), 200)
    await pass(intervalMs - scrubLookIntervalMs)
    expect(log.damage).toEqual([])
    await pass(2 * scrubLookIntervalMs)
    expect(log.damage).toEqual([{ file: fileOf(9, '.log'), fromOffset: 12, toOffset: 15 }])
    await pass(3 * intervalMs)
    const said = directory.lines.filter(({ level }) => level === 'error')
    expect(said).toMatchObject([
      {
        message: expect.stringMatching(/^records that were stored can no longer be read: .*repair/),
        fields: { topic: 'orders', file: fileOf(9, '.log'), fromOffset: 12, toOffset: 15 }
      }
    ])
    const found = await Promise.all([9, 12, 15, 29].map(offset => readAt(log, offset)))
    expect(found).toEqual(['9', 'CORRUPT', '15', '27'])
    await scrubber.stop(true)
    await opened.close()
  })

  test('says nothing of sound segments, never looks at the active one, and comes every week', async () => {
    const files = faultyFiles(memoryFiles())
    const directory = testDirectory(files, '/data', 'fsync')
    const { log, scrubber, pass, opened } = await begin(directory)
    for (let baseOffset = 0; baseOffset < 30; baseOffset += 3) {
      await log.append(1, baseOffset, [batchOf({ baseOffset, count: 3, valueSize: 20 })])
    }
    const reads: string[] = []
    files.fault = (operation, path) => {
      if (operation === 'read' && path.endsWith('.log')) reads.push(path.slice(-24))
      return null
    }
    for (let week = 1; week <= 3; week++) {
      await pass(intervalMs + scrubLookIntervalMs)
      expect(new Set(reads)).toEqual(
        new Set([0, 9, 18].map(offset => fileOf(offset, '.log').slice(-24)))
      )
      reads.length = 0
    }
    expect(directory.lines.filter(({ level }) => level !== 'info')).toEqual([])
    await scrubber.stop(true)
    await opened.close()
  })

  test('remembers over a restart when it looked at what', async () => {
    const first = await written()
    await first.pass(intervalMs + scrubLookIntervalMs)
    await first.scrubber.stop(true)
    await first.opened.close()
    const { files, clock } = first.directory
    expect(contentOf(files, checkpointPath).toString()).toMatch(
      /^0\n3\norders 0 0 \d+\norders 0 9 /
    )

    flipBit(files, fileOf(9, '.log'), 200)
    const second = await begin(first.directory)
    await second.pass(scrubFirstLookMs + 3 * scrubLookIntervalMs)
    expect(second.log.damage).toEqual([])
    await second.scrubber.stop(true)
    await second.opened.close()

    putContent(files, checkpointPath, Buffer.from('no checkpoint'))
    const third = await begin(first.directory)
    await third.pass(scrubFirstLookMs + scrubLookIntervalMs)
    expect(third.log.damage).toMatchObject([{ fromOffset: 12, toOffset: 15 }])
    await third.scrubber.stop(true)
    await third.opened.close()
    expect(clock.pendingCount).toBe(0)
  })

  test('reports what the disk does not give back, and a file that is gone', async () => {
    const files = faultyFiles(memoryFiles())
    const directory = testDirectory(files, '/data', 'fsync')
    const { log, pass, scrubber, opened } = await begin(directory)
    for (let baseOffset = 0; baseOffset < 30; baseOffset += 3) {
      await log.append(1, baseOffset, [batchOf({ baseOffset, count: 3, valueSize: 20 })])
    }
    files.fault = (operation, path) =>
      operation === 'read' && path === fileOf(9, '.log') ? 'EIO' : null
    await pass(intervalMs + scrubLookIntervalMs)
    expect(log.damage).toEqual([{ file: fileOf(9, '.log'), fromOffset: 9, toOffset: 18 }])
    expect(directory.failures).toEqual([])
    await scrubber.stop(true)
    await opened.close()
  })

  test('makes damaged index files and sidecars anew', async () => {
    const { directory, log, pass, scrubber, opened } = await written()
    const { files } = directory
    const paths = [fileOf(0, '.odradek'), fileOf(9, '.index'), fileOf(18, '.timeindex')]
    const positions = [1540, 3, 3]
    // A timestamp index is empty without timestamps.
    const damaged = paths.filter((path, index) => {
      if (contentOf(files, path).length <= positions[index]!) return false
      flipBit(files, path, positions[index]!)
      return true
    })
    expect(damaged.length).toBeGreaterThanOrEqual(2)
    flipBit(files, fileOf(18, '.odradek'), 30)
    await pass(intervalMs + scrubLookIntervalMs)
    expect(log.damage).toEqual([])
    const warned = directory.lines.filter(({ level }) => level === 'warn')
    expect(warned.length).toBeGreaterThanOrEqual(3)
    await scrubber.stop(true)
    await opened.close()
    directory.lines.length = 0
    const again = await begin(directory)
    await again.pass(2 * intervalMs)
    expect(directory.lines.filter(({ level }) => level !== 'info')).toEqual([])
    expect(await readAt(again.log, 1)).toBe('0')
    await again.scrubber.stop(true)
    await again.opened.close()
  })

  test('mends the small files of a log, also of the segment that is being written', async () => {
    const first = await written()
    const { directory, log, opened, scrubber, pass } = first
    const { files } = directory
    const identity = { topicId: log.name.topicId, partition: 0, offset: 30 }
    const snapshot = encodeProducerSnapshot(identity, { producers: [], aborted: [] })
    expect(await log.snapshots.save(30, snapshot)).toBe(true)
    const paths = [
      '/data/orders-0/partition.metadata',
      fileOf(27, '.odradek'),
      fileOf(30, '.snapshot')
    ]
    const before = paths.map(path => contentOf(files, path))
    flipBit(files, paths[0]!, 3)
    flipBit(files, paths[1]!, 700)
    flipBit(files, paths[2]!, 0)
    await pass(20 * scrubFirstLookMs)
    const warned = directory.lines.filter(({ level }) => level === 'warn')
    expect(warned.map(({ message, fields }) => [message, fields.path])).toEqual([
      ['a file is damaged on disk and is written anew from memory', paths[0]],
      ['a sidecar is damaged on disk and is written anew from memory', paths[1]],
      ['a snapshot of producers is damaged and is removed', paths[2]]
    ])
    expect(contentOf(files, paths[0]!)).toEqual(before[0])
    const sidecar = Sidecar.read(files, paths[1]!, log.segments.active!.owner)
    expect(damagedParts(sidecar)).toEqual([])
    expect(sidecar.state).toMatchObject({ logStartOffset: 0 })
    expect(files.exists(paths[2]!)).toBe(false)
    await scrubber.stop(true)
    await opened.close()

    const again = await begin(directory)
    flipBit(files, '/data/orders-0/leader-epoch-checkpoint', 4)
    await again.pass(20 * scrubFirstLookMs)
    expect(contentOf(files, '/data/orders-0/leader-epoch-checkpoint').toString()).toBe(
      '0\n1\n0 0\n'
    )
    await again.scrubber.stop(true)
    await again.opened.close()
  })

  test('writes a sidecar that is gone once more, and syncs what it has mended', async () => {
    const { directory, log, opened, scrubber, pass } = await written()
    const { files } = directory
    const before = Sidecar.read(files, fileOf(9, '.odradek'), log.segments.all[1]!.owner)
    files.remove(fileOf(9, '.odradek'))
    flipBit(files, fileOf(18, '.odradek'), 1540)
    await pass(intervalMs + scrubLookIntervalMs)
    const after = Sidecar.read(files, fileOf(9, '.odradek'), log.segments.all[1]!.owner)
    expect(damagedParts(after)).toEqual([])
    expect(after.journal).toEqual(before.journal)
    expect(after.state).toEqual(before.state)
    const mended = log.segments.all.slice(1, 3)
    expect(mended.map(({ sidecar }) => sidecar.isDirty)).toEqual([false, false])
    await scrubber.stop(true)
    await opened.close()
  })

  test('writes the damaged table of a compacted segment again, unless a batch is damaged, too', async () => {
    const directory = testDirectory(crashable(memoryFiles()), '/data', 'fsync')
    const { files } = directory
    await swapBegun(directory)
    const { log, pass, opened, scrubber } = await begin(directory)
    const before = contentOf(files, tableFile)
    flipBit(files, tableFile, 70)
    await pass(intervalMs + scrubLookIntervalMs)
    expect(contentOf(files, tableFile)).toEqual(before)
    flipBit(files, tableFile, 70)
    flipBit(files, fileOf(0, '.log'), 70)
    await pass(intervalMs + scrubLookIntervalMs)
    expect(log.damage).toHaveLength(1)
    expect(contentOf(files, tableFile)).not.toEqual(before)
    await scrubber.stop(true)
    await opened.close()
  })

  test('takes no segment for damaged that retention removes under its eyes', async () => {
    const { log, pass, scrubber, opened, directory } = await written()
    await pass(intervalMs - 1)
    const passing = pass(2 * scrubLookIntervalMs)
    await log.raiseLogStartOffset(1, 18)
    await passing
    expect(log.damage).toEqual([])
    expect(directory.lines.filter(({ level }) => level === 'error')).toEqual([])
    await scrubber.stop(true)
    await opened.close()
  })

  test('looks at segments that compaction has written, and finds damage in them', async () => {
    const files = memoryFiles()
    const directory = testDirectory(crashable(files), '/data', 'fsync')
    await swapBegun(directory)
    const first = await begin(directory)
    await first.pass(intervalMs + scrubLookIntervalMs)
    expect(directory.lines.filter(({ level }) => level !== 'info')).toEqual([])
    expect(first.log.segments.all[0]!.isSparse).toBe(true)
    const size = 12 + contentOf(files, fileOf(0, '.log')).readInt32BE(8)
    flipBit(files, fileOf(0, '.log'), size + 70)
    await first.pass(intervalMs + scrubLookIntervalMs)
    expect(first.log.damage).toMatchObject([{ file: fileOf(0, '.log') }])
    const [{ fromOffset, toOffset } = { fromOffset: 0, toOffset: 0 }] = first.log.damage
    expect(await readAt(first.log, fromOffset)).toBe('CORRUPT')
    expect(await readAt(first.log, toOffset)).toBe(String(toOffset))
    await first.scrubber.stop(true)
    await first.opened.close()
  })

  test('ends at once when it is stopped in the middle of a segment', async () => {
    const directory = testDirectory(memoryFiles(), '/data', 'fsync')
    const { log, pass, scrubber, opened } = await begin(directory, 1)
    for (let baseOffset = 0; baseOffset < 30; baseOffset += 3) {
      await log.append(1, baseOffset, [batchOf({ baseOffset, count: 3, valueSize: 20 })])
    }
    await pass(intervalMs + scrubLookIntervalMs)
    await scrubber.stop(true)
    await opened.close()
    expect(directory.clock.pendingCount).toBe(0)
  })
})

const segment = (key: string, createdMs: number) => ({ key, createdMs })

describe('the plan of a scrub', () => {
  test('takes first what waits longest, and says when the next one is due', () => {
    const candidates = [segment('a', 0), segment('b', 50), segment('c', 10), segment('d', 900)]
    const plan = planScrub(candidates, new Map([['a', 100]]), 1000, 1100)
    expect(plan.due.map(({ key }) => key)).toEqual(['c', 'b', 'a'])
    expect(plan.nextDueMs).toBe(1900)
  })

  test('does not believe a time in the future', () => {
    const plan = planScrub([segment('a', 0)], new Map([['a', 5000]]), 1000, 1100)
    expect(plan.due).toHaveLength(1)
  })

  test('does not take the note of a segment for that of an older one of its name', () => {
    const plan = planScrub([segment('a', 500)], new Map([['a', 100]]), 1000, 1200)
    expect(plan).toEqual({ due: [], nextDueMs: 1500 })
  })
})

describe('the pace of a scrub', () => {
  const calm = { size: 1000, readMs: 1, lateMs: 0 }

  test('keeps to its rate', () => {
    expect(nextScrubPace(firstScrubPace, calm, 10_000)).toEqual({ delayMs: 99, backoffMs: 0 })
    const slow = { ...calm, readMs: 40 }
    expect(nextScrubPace(firstScrubPace, slow, 50_000)).toEqual({ delayMs: 0, backoffMs: 0 })
  })

  test('makes longer and longer pauses while the disk or the event loop is busy', () => {
    let pace = firstScrubPace
    const delays: number[] = []
    for (let round = 0; round < 12; round++) {
      const busy = round % 2 === 0 ? { readMs: scrubSlowReadMs + 1 } : { lateMs: 500 }
      pace = nextScrubPace(pace, { ...calm, ...busy }, 1e9)
      delays.push(pace.delayMs)
    }
    expect(delays.slice(0, 3)).toEqual([20, 40, 80])
    expect(delays.at(-1)).toBe(scrubBackoffMaxMs)
    expect(nextScrubPace(pace, calm, 1e9).delayMs).toBe(0)
  })
})
