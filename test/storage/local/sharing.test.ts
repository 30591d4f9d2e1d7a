import { describe, expect, test } from 'vitest'
import { deferred, type Deferred } from '../../../src/base/deferred.ts'
import type { Files } from '../../../src/io/files.ts'
import { manualClock } from '../../../src/io/manual-clock.ts'
import { memoryFiles } from '../../../src/io/memory-files.ts'
import { refusal } from '../../../src/io/refusals.ts'
import {
  openFilesAssumedMax,
  openFilesMax,
  pooledBuffersSizeMax,
  pooledBufferSizeMax,
  pooledBufferSizeMin,
  sealedIndexesSizeMax,
  syncsInFlightMax
} from '../../../src/limits.ts'
import { BufferPool } from '../../../src/storage/local/buffer-pool.ts'
import { Coalesced } from '../../../src/storage/local/coalesced.ts'
import { CachedFile, FileCache, openFilesFor } from '../../../src/storage/local/file-cache.ts'
import { Flusher } from '../../../src/storage/local/flusher.ts'
import { IndexCache, type IndexHolder } from '../../../src/storage/local/index-cache.ts'
import { Remover } from '../../../src/storage/local/remover.ts'
import { silentLogger } from '../../../src/telemetry/logger.ts'
import { crashable } from './directory.ts'
import { faultyFiles } from './faulty-files.ts'

/** Lets everything run that waits for nothing but its turn. */
async function turn(): Promise<void> {
  for (let count = 0; count < 10; count++) await Promise.resolve()
}

describe('the buffer pool', () => {
  test('gives a buffer of at least the size, and the same one again once it is back', () => {
    const pool = new BufferPool()
    const buffer = pool.take(pooledBufferSizeMin + 1)
    expect(buffer.length).toBe(pooledBufferSizeMin * 4)
    pool.give(buffer)
    expect(pool.take(pooledBufferSizeMin * 4)).toBe(buffer)
    expect(pool.take(pooledBufferSizeMin * 4)).not.toBe(buffer)
  })

  test('keeps no more than its bound, and none that is larger than its classes', () => {
    const pool = new BufferPool()
    pool.give(pool.take(pooledBufferSizeMax + 1))
    expect(pool.keptSize).toBe(0)
    const count = pooledBuffersSizeMax / pooledBufferSizeMax + 5
    const buffers = Array.from({ length: count }, () => pool.take(pooledBufferSizeMax))
    for (const buffer of buffers) pool.give(buffer)
    expect(pool.keptSize).toBe(pooledBuffersSizeMax)
  })
})

function filesOf(count: number, openMax: number): readonly CachedFile[] {
  const files = memoryFiles()
  const cache = new FileCache(files, openMax)
  return Array.from({ length: count }, (_, index) => new CachedFile(cache, `/file-${index}`))
}

describe('the file cache', () => {
  test('holds a bounded number of files open, and those that are pinned on top', () => {
    const files = memoryFiles()
    const cache = new FileCache(files, 3)
    const all = Array.from({ length: 6 }, (_, index) => new CachedFile(cache, `/file-${index}`))
    for (const file of all) file.create()
    expect(files.openCount).toBe(3)
    for (const file of all) {
      file.pin()
      file.get()
    }
    expect(files.openCount).toBe(6)
    for (const file of all) file.unpin()
    new CachedFile(cache, '/another').create()
    expect(files.openCount).toBeLessThanOrEqual(3)
  })

  test('leaves half of the descriptors of the process to connections', () => {
    expect(openFilesFor(1024)).toBe(512)
    expect(openFilesFor(Infinity)).toBe(openFilesMax)
    expect(openFilesFor(undefined)).toBe(openFilesAssumedMax)
  })

  test('closes a file that was not used since it was last looked at', () => {
    const files = faultyFiles(memoryFiles())
    const cache = new FileCache(files, 2)
    const [first, second, third] = ['/first', '/second', '/third'].map(
      path => new CachedFile(cache, path)
    )
    first!.create()
    second!.create()
    second!.takeChance()
    third!.create()
    for (const file of [first!, third!]) file.get()
    expect(['/first', '/second', '/third'].map(path => files.count('open', path))).toEqual([
      1, 1, 1
    ])
    second!.get()
    expect(files.count('open', '/second')).toBe(2)
  })

  test('opens a file again with what was written to it', () => {
    const [first, second] = filesOf(2, 1)
    first!.create().writeSync([Buffer.from('abc')], 0)
    second!.create()
    const bytes = Buffer.alloc(3)
    first!.get().readSync(bytes, 0)
    expect(bytes.toString()).toBe('abc')
  })

  test('refuses a file that was closed for good', () => {
    const [file] = filesOf(1, 1)
    file!.create()
    file!.retire()
    expect(() => file!.get()).toThrow('EBADF')
  })
})

interface Job {
  readonly request: () => void
  readonly runs: Deferred<void>[]
}

function jobs(count: number, failures: unknown[] = []): readonly Job[] {
  const flusher = new Flusher(error => void failures.push(error))
  return Array.from({ length: count }, () => {
    const runs: Deferred<void>[] = []
    const flush = flusher.register(() => {
      runs.push(deferred<void>())
      return runs.at(-1)!.promise
    })
    return { request: () => flush.request(), runs }
  })
}

describe('the flusher', () => {
  test('begins after the turn that asked, and once for all that asked in it', async () => {
    const [job] = jobs(1)
    job!.request()
    job!.request()
    expect(job!.runs).toHaveLength(0)
    await turn()
    expect(job!.runs).toHaveLength(1)
  })

  test('runs once more for those who asked while it ran', async () => {
    const [job] = jobs(1)
    job!.request()
    await turn()
    job!.request()
    job!.request()
    await turn()
    expect(job!.runs).toHaveLength(1)
    job!.runs[0]!.resolve()
    await turn()
    expect(job!.runs).toHaveLength(2)
    job!.runs[1]!.resolve()
    await turn()
    expect(job!.runs).toHaveLength(2)
  })

  test('runs a bounded number side by side, in the order in which they asked', async () => {
    const all = jobs(syncsInFlightMax + 3)
    for (const job of all) job.request()
    await turn()
    expect(all.map(job => job.runs.length)).toEqual([
      ...Array.from({ length: syncsInFlightMax }, () => 1),
      0,
      0,
      0
    ])
    all[4]!.runs[0]!.resolve()
    await turn()
    expect(all.slice(syncsInFlightMax).map(job => job.runs.length)).toEqual([1, 0, 0])
  })

  test('tells of a failure, and goes on for the others', async () => {
    const failures: unknown[] = []
    const [first, second] = jobs(2, failures)
    first!.request()
    second!.request()
    await turn()
    first!.runs[0]!.reject('broken')
    second!.runs[0]!.resolve()
    await turn()
    expect(failures).toEqual(['broken'])
  })
})

describe('coalesced work', () => {
  test('runs one at a time, and for each who asks begins after they asked', async () => {
    const runs: Deferred<void>[] = []
    const work = new Coalesced(() => {
      runs.push(deferred<void>())
      return runs.at(-1)!.promise
    })
    const first = work.request()
    const second = work.request()
    const third = work.request()
    expect(runs).toHaveLength(1)
    runs[0]!.resolve()
    await first
    await turn()
    expect(runs).toHaveLength(2)
    const fourth = work.request()
    runs[1]!.resolve()
    await Promise.all([second, third])
    await turn()
    expect(runs).toHaveLength(3)
    runs[2]!.resolve()
    await fourth
  })

  test('tries again after a failure', async () => {
    let count = 0
    const work = new Coalesced(async () => {
      if (count++ === 0) throw new Error('broken')
    })
    const [first, second] = [work.request(), work.request()]
    await expect(first).rejects.toThrow('broken')
    await second
    expect(count).toBe(2)
  })
})

describe('the index cache', () => {
  test('drops the indexes that were not used for longest when there are too many', () => {
    const cache = new IndexCache()
    const dropped: string[] = []
    const holder = (name: string): IndexHolder => ({
      indexesSize: sealedIndexesSizeMax / 3,
      dropIndexes: () => void dropped.push(name)
    })
    const [first, second, third, fourth] = ['first', 'second', 'third', 'fourth'].map(holder)
    for (const each of [first!, second!, third!, first!]) cache.touch(each)
    expect(dropped).toEqual([])
    cache.touch(fourth!)
    expect(dropped).toEqual(['second'])
    cache.forget(third!)
    cache.touch(second!)
    expect(dropped).toEqual(['second'])
  })
})

function removing(files: Files, isSpaceLow = () => false) {
  const clock = manualClock()
  const remover = new Remover({ files, clock, logger: silentLogger, isSpaceLow })
  return { clock, remover }
}

describe('the remover', () => {
  test('removes after the delay, a folder with all it holds', async () => {
    const files = memoryFiles()
    const { clock, remover } = removing(files)
    files.makeDirectory('/folder/below')
    for (const path of ['/folder/a', '/folder/b', '/c', '/d']) files.open(path, 'create').close()
    remover.removeFilesLater(['/c', '/gone', '/d'], 100)
    remover.removeFolderLater('/folder', 200)
    clock.advance(99)
    await turn()
    expect(files.list('/')).toHaveLength(3)
    clock.advance(1)
    await turn()
    expect(files.list('/').map(({ name }) => name)).toEqual(['folder'])
    clock.advance(100)
    await turn()
    expect(files.list('/')).toEqual([])
  })

  test('removes at once when space is low', async () => {
    const files = memoryFiles()
    const { clock, remover } = removing(files, () => true)
    files.open('/a', 'create').close()
    remover.removeFilesLater(['/a'], 100)
    clock.advance(0)
    await turn()
    expect(files.exists('/a')).toBe(false)
  })

  test('removes one file at a time, and is stopped when the one under way is gone', async () => {
    const files = memoryFiles()
    const underWay: (() => void)[] = []
    const slow = crashable(files, {
      removeLater: path =>
        new Promise(resolve => {
          underWay.push(() => resolve(files.removeLater(path)))
        })
    })
    const { clock, remover } = removing(slow)
    files.makeDirectory('/folder')
    for (const path of ['/a', '/b', '/folder/c']) files.open(path, 'create').close()
    remover.removeFilesLater(['/a', '/b'], 100)
    remover.removeFolderLater('/folder', 100)
    remover.removeFilesLater(['/never'], 200)
    clock.advance(100)
    await turn()
    expect(underWay).toHaveLength(1)
    let isStopped = false
    const stopping = remover.stop().then(() => {
      isStopped = true
    })
    await turn()
    expect(isStopped).toBe(false)
    underWay[0]!()
    await stopping
    clock.advance(100)
    await turn()
    expect(underWay).toHaveLength(1)
    expect(files.list('/').map(({ name }) => name)).toEqual(['b', 'folder'])
  })

  test('tells of a file that cannot be removed, and goes on with the next', async () => {
    const files = memoryFiles()
    const told: string[] = []
    const clock = manualClock()
    const logger = { ...silentLogger, warn: (message: string) => void told.push(message) }
    const remover = new Remover({
      files: crashable(files, {
        removeLater: path =>
          path === '/a' ? Promise.reject(refusal('EIO', 'remove', path)) : files.removeLater(path)
      }),
      clock,
      logger,
      isSpaceLow: () => false
    })
    for (const path of ['/a', '/b']) files.open(path, 'create').close()
    remover.removeFilesLater(['/a', '/b'], 100)
    clock.advance(100)
    await turn()
    expect(files.list('/').map(({ name }) => name)).toEqual(['a'])
    expect(told).toEqual(['a file that is no longer needed could not be removed'])
  })
})
