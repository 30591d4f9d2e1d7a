import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { deferred } from '../../../src/base/deferred.ts'
import { allSettled } from '../../../src/base/settled.ts'
import { FileError, type Files } from '../../../src/io/files.ts'
import { memoryFiles } from '../../../src/io/memory-files.ts'
import { nodeFiles } from '../../../src/io/node-files.ts'
import { logsTogetherMax, openFilesAssumedMax } from '../../../src/limits.ts'
import type { LocalLog } from '../../../src/storage/local/local-log.ts'
import type { LogDirectory } from '../../../src/storage/local/log-dir.ts'
import { LogDirectoryError } from '../../../src/storage/local/log-directory-error.ts'
import { mapConcurrently } from '../../../src/storage/local/map-concurrently.ts'
import { formatMetaProperties } from '../../../src/storage/local/meta-properties.ts'
import { batchesOf, batchOf, logConfigs } from '../batches.ts'
import {
  contentOf,
  crashable,
  flipBit,
  openOrders,
  orders,
  putContent,
  temporaryFolder,
  testDirectory,
  type TestDirectory
} from './directory.ts'
import { faultyFiles } from './faulty-files.ts'

/** Why a directory is not opened: code and message. */
async function refusalOf(files: Files, path = '/data'): Promise<LogDirectoryError> {
  try {
    const opened = await testDirectory(files, path, 'fsync').open()
    await opened.close()
  } catch (error) {
    if (error instanceof LogDirectoryError) return error
    throw error
  }
  throw new Error('the directory was opened')
}

function text(files: Files, path: string): string {
  return contentOf(files, path).toString()
}

describe('a log directory', () => {
  test('that is missing is made, and belongs to its cluster from then on', async () => {
    const files = memoryFiles()
    const directory = testDirectory(files, '/var/odradek', 'fsync')
    const first = await directory.open()
    expect([first.clusterId, first.nodeId, first.cleanStart]).toEqual(['test-cluster', 7, true])
    await first.close()
    const second = await directory.open()
    expect([second.clusterId, second.nodeId]).toEqual(['test-cluster', 7])
    expect(text(files, '/var/odradek/meta.properties')).toMatch(
      /^version=1\ncluster\.id=test-cluster\nnode\.id=7\nodradek\.format\.version=1\n/
    )
  })

  test('that is in use is LOCKED, and the message names the holder', async () => {
    const folder = temporaryFolder()
    const opened = await testDirectory(nodeFiles(), folder.path, 'fsync').open()
    const refusal = await refusalOf(nodeFiles(), folder.path)
    expect(refusal.code).toBe('LOCKED')
    expect(refusal.message).toMatch(new RegExp(`${folder.path} is in use by .*${process.pid}`))
    await opened.close()
    const again = await testDirectory(nodeFiles(), folder.path, 'fsync').open()
    await again.close()
    folder.remove()
  })

  test('that holds files of others, or of nobody, is FOREIGN', async () => {
    const files = memoryFiles()
    files.makeDirectory('/data')
    putContent(files, '/data/holiday.jpg', Buffer.from('…'))
    expect((await refusalOf(files)).code).toBe('FOREIGN')
    putContent(files, '/data/meta.properties', Buffer.from('version=1\ncluster.id=k\nnode.id=1\n'))
    expect(await refusalOf(files)).toMatchObject({
      code: 'FOREIGN',
      message: expect.stringContaining('another program') as unknown
    })
  })

  test('that holds only what file systems put there is empty', async () => {
    const files = memoryFiles()
    files.makeDirectory('/data/lost+found')
    const opened = await testDirectory(files, '/data', 'fsync').open()
    expect(opened.clusterId).toBe('test-cluster')
  })

  test('of a newer format is NEWER_FORMAT', async () => {
    const files = memoryFiles()
    files.makeDirectory('/data')
    const meta = formatMetaProperties({ clusterId: 'c', nodeId: 0, formatVersion: 2 })
    putContent(files, '/data/meta.properties', Buffer.from(meta))
    expect((await refusalOf(files)).code).toBe('NEWER_FORMAT')
  })

  test('whose meta.properties has rotted is refused, never another cluster', async () => {
    const meta = formatMetaProperties({ clusterId: 'cluster', nodeId: 3, formatVersion: 1 })
    for (let position = 0; position < meta.length; position++) {
      for (const bit of [0, 3, 6]) {
        const files = memoryFiles()
        files.makeDirectory('/data')
        putContent(files, '/data/meta.properties', Buffer.from(meta))
        flipBit(files, '/data/meta.properties', position, bit)
        expect(['UNREADABLE', 'FOREIGN', 'NEWER_FORMAT']).toContain((await refusalOf(files)).code)
      }
    }
  })

  test('that is a file is NOT_A_DIRECTORY', async () => {
    const files = memoryFiles()
    putContent(files, '/data', Buffer.from('a file'))
    expect((await refusalOf(files)).code).toBe('NOT_A_DIRECTORY')
    expect((await refusalOf(files, '/data/below')).code).toBe('NOT_A_DIRECTORY')
  })

  test('that the system does not let us read is UNREADABLE, with the reason', async () => {
    const files = crashable(memoryFiles(), {
      list: path => {
        throw new FileError('EACCES', path, `permission denied: ${path} (EACCES)`)
      }
    })
    expect(await refusalOf(files)).toMatchObject({
      code: 'UNREADABLE',
      message: expect.stringContaining('permission denied') as unknown
    })
  })

  test.each([
    ['is begun below a folder that is closed to us', 'EACCES', null],
    ['is not begun on a disk that fails', 'EIO', 'UNREADABLE']
  ])('%s', async (_, code, refusal) => {
    const files = crashable(memoryFiles(), {
      async syncDirectory(path) {
        if (path === '/') throw new FileError(code, path, `cannot sync ${path} (${code})`)
      }
    })
    files.makeDirectory('/disk')
    const opened = refusalOf(files, '/disk/data').then(({ code }) => code)
    await (refusal === null
      ? expect(opened).rejects.toThrow('the directory was opened')
      : expect(opened).resolves.toBe(refusal))
  })

  test('takes the mark of a clean shutdown away before it opens anything', async () => {
    const inner = memoryFiles()
    const files = faultyFiles(inner)
    const directory = testDirectory(files, '/data', 'fsync')
    await (await directory.open()).close()
    expect(files.exists('/data/.kafka_cleanshutdown')).toBe(true)
    const synced: boolean[] = []
    files.syncDirectory = async path => {
      synced.push(files.exists('/data/.kafka_cleanshutdown'))
      await inner.syncDirectory(path)
    }
    expect((await directory.open()).cleanStart).toBe(true)
    expect(synced).toEqual([false])
    expect((await directory.open()).cleanStart).toBe(false)
  })

  test('goes by no mark of a clean shutdown that is damaged, and says so', async () => {
    const directory = testDirectory(crashable(memoryFiles()), '/data', 'fsync')
    for (const position of [0, 5, 13]) {
      await (await directory.open()).close()
      flipBit(directory.files, '/data/.kafka_cleanshutdown', position)
      const opened = await directory.open()
      expect(opened.cleanStart).toBe(false)
      expect(warnings(directory)).toEqual([
        expect.stringMatching(/^the mark of a clean shutdown is damaged/)
      ])
      directory.lines.length = 0
      await opened.close()
    }
  })
})

function warnings({ lines }: TestDirectory): readonly string[] {
  return lines.filter(({ level }) => level === 'warn').map(({ message }) => message)
}

describe('logs of a directory', () => {
  test('leave nothing on disk until they hold a record', async () => {
    const files = memoryFiles()
    const directory = testDirectory(files, '/data', 'fsync')
    const { log } = await openOrders(directory)
    expect(files.exists('/data/orders-0')).toBe(false)
    await log.append(1, 0, [batchOf({ baseOffset: 0 })])
    const names = files.list('/data/orders-0').map(({ name }) => name)
    const base = '0'.repeat(20)
    expect(names).toEqual([`${base}.log`, `${base}.odradek`, 'partition.metadata'])
  })

  test('are Kafka’s files after a clean shutdown', async () => {
    const files = memoryFiles()
    const directory = testDirectory(files, '/data', 'fsync')
    const { directory: opened, log } = await openOrders(directory)
    await log.append(1, 0, [batchOf({ baseOffset: 0, count: 3, leaderEpoch: 2 })])
    await log.append(1, 3, [batchOf({ baseOffset: 3, leaderEpoch: 5 })])
    await log.raiseLogStartOffset(1, 1)
    await opened.close()
    expect(text(files, '/data/orders-0/partition.metadata')).toBe(
      `version: 0\ntopic_id: ${orders.topicId}`
    )
    expect(text(files, '/data/orders-0/leader-epoch-checkpoint')).toBe('0\n2\n2 0\n5 3\n')
    expect(text(files, '/data/log-start-offset-checkpoint')).toBe('0\n1\norders 0 1\n')
    expect(text(files, '/data/recovery-point-offset-checkpoint')).toBe('0\n1\norders 0 4\n')
  })

  test('are told from what damaged checkpoints say of them; those are gone once they are read', async () => {
    const directory = testDirectory(crashable(memoryFiles()), '/data', 'fsync')
    const { files } = directory
    const first = await openOrders(directory)
    await first.log.append(1, 0, [batchOf({ baseOffset: 0, count: 3 })])
    await first.directory.close()
    for (const [name, contradicts] of [
      ['log-start-offset-checkpoint', 11],
      ['recovery-point-offset-checkpoint', 11]
    ] as const) {
      for (const position of [0, contradicts, 13]) {
        flipBit(files, `/data/${name}`, position, 1)
        const { directory: opened, log } = await openOrders(directory)
        expect([name, position, log.logStartOffset, log.logEndOffset]).toEqual([
          name,
          position,
          0,
          3
        ])
        expect(warnings(directory)).toEqual([expect.stringMatching(/^a checkpoint (is|contra)/)])
        expect(files.exists(`/data/${name}`)).toBe(false)
        directory.lines.length = 0
        await opened.close()
      }
    }
    await (await openOrders(directory)).directory.close()
    expect(warnings(directory)).toEqual([])
  })

  test('keep a partition.metadata that names their topic, whatever becomes of it', async () => {
    const directory = testDirectory(crashable(memoryFiles()), '/data', 'fsync')
    const { files } = directory
    const path = '/data/orders-0/partition.metadata'
    const first = await openOrders(directory)
    await first.log.append(1, 0, [batchOf({ baseOffset: 0, count: 3 })])
    await first.directory.close()
    const before = text(files, path)
    flipBit(files, path, 25)
    const { directory: opened, log } = await openOrders(directory)
    expect(log.logEndOffset).toBe(3)
    expect(text(files, path)).toBe(before)
    expect(warnings(directory)).toEqual(['a file is missing or damaged and is written anew'])
    await opened.close()
  })

  test('leave no leader epoch in their file whose segments are gone', async () => {
    const files = memoryFiles()
    const { log } = await openOrders(testDirectory(files, '/data', 'fsync'), { segmentBytes: 200 })
    for (let offset = 0; offset < 6; offset += 2) {
      const batch = batchOf({ baseOffset: offset, count: 2, valueSize: 50, leaderEpoch: offset })
      expect(await log.append(1, offset, [batch])).toMatchObject({ ok: true })
    }
    expect(log.segments.all).toHaveLength(3)
    await log.raiseLogStartOffset(1, 4)
    expect(log.segments.all).toHaveLength(1)
    expect(text(files, '/data/orders-0/leader-epoch-checkpoint')).toBe('0\n1\n4 4\n')
  })

  test('can be many, side by side, with few files open', async () => {
    const files = memoryFiles()
    const directory = testDirectory(files, '/data', 'fsync')
    const names = Array.from({ length: 3000 }, (_, partition) => ({ ...orders, partition }))
    const openAll = (opened: LogDirectory): Promise<readonly LocalLog[]> =>
      mapConcurrently(names, logsTogetherMax, name => opened.openLog(name, logConfigs()))
    const opened = await directory.open()
    const logs = await openAll(opened)
    expect(files.list('/data').filter(({ kind }) => kind === 'directory')).toEqual([])
    const batch = batchOf({ baseOffset: 0 })
    for (const some of [logs.slice(0, 1500), logs.slice(1500)]) {
      const results = await allSettled(some.map(log => log.append(1, 0, [batch])))
      expect(results.every(({ ok }) => ok)).toBe(true)
    }
    const last = await logs[0]!.append(1, 1, [batchOf({ baseOffset: 1 })])
    expect(last.ok).toBe(true)
    expect(files.openCount).toBeLessThanOrEqual(openFilesAssumedMax + 10)
    await opened.close()
    expect(files.openCount).toBe(0)
    const again = await openAll(await directory.open())
    expect(again.map(log => log.logEndOffset)).toEqual([2, ...again.slice(1).map(() => 1)])
  })

  test('begin where they are told when they are new, and only then', async () => {
    const directory = testDirectory(memoryFiles(), '/data', 'fsync')
    const first = await directory.open()
    const log = await first.openLog(orders, logConfigs(), 100)
    expect([log.logStartOffset, log.logEndOffset]).toEqual([100, 100])
    await log.append(1, 100, [batchOf({ baseOffset: 100 })])
    await first.close()
    const again = await (await directory.open()).openLog(orders, logConfigs(), 500)
    expect([again.logStartOffset, again.logEndOffset]).toEqual([100, 101])
  })

  test('of another topic of the same name are moved aside, and their bytes are kept', async () => {
    const files = crashable(memoryFiles())
    const directory = testDirectory(files, '/data', 'fsync')
    const { log } = await openOrders(directory)
    await log.append(1, 0, [batchOf({ baseOffset: 0 })])
    const other = { ...orders, topicId: 'AAAAAAAAAAAAAAAAAAAAAg' }
    const again = await (await directory.open()).openLog(other, logConfigs())
    expect(again.logEndOffset).toBe(0)
    const stray = files.list('/data').find(({ name }) => name.endsWith('-stray'))
    expect(stray?.name).toMatch(/^orders-0\.[0-9a-f]{32}-stray$/)
    expect(files.exists(`/data/${stray!.name}/${'0'.repeat(20)}.log`)).toBe(true)
  })

  test('with a segment of another partition are FOREIGN, and nothing is touched', async () => {
    const files = crashable(memoryFiles())
    const directory = testDirectory(files, '/data', 'fsync')
    const { directory: opened, log } = await openOrders(directory)
    await log.append(1, 0, [batchOf({ baseOffset: 0 })])
    await opened.close()
    files.makeDirectory('/data/orders-1')
    const base = '0'.repeat(20)
    for (const name of ['partition.metadata', `${base}.log`, `${base}.odradek`]) {
      putContent(files, `/data/orders-1/${name}`, contentOf(files, `/data/orders-0/${name}`))
    }
    const again = await directory.open()
    await expect(again.openLog({ ...orders, partition: 1 }, logConfigs())).rejects.toMatchObject({
      code: 'FOREIGN'
    })
    expect(contentOf(files, `/data/orders-1/${base}.log`)).toEqual(
      contentOf(files, `/data/orders-0/${base}.log`)
    )
  })

  test('that are removed do not return, and files go after file.delete.delay.ms', async () => {
    const files = crashable(memoryFiles())
    const directory = testDirectory(files, '/data', 'fsync')
    const { directory: opened, log } = await openOrders(directory, { fileDeleteDelayMs: 5000 })
    await log.append(1, 0, [batchOf({ baseOffset: 0 })])
    await opened.removeLog(orders)
    const deleted = (): readonly string[] =>
      files.list('/data').flatMap(({ name }) => (name.endsWith('-delete') ? [name] : []))
    expect(deleted()[0]).toMatch(/^orders-0\.[0-9a-f]{32}-delete$/)
    expect((await opened.openLog(orders, logConfigs())).logEndOffset).toBe(0)
    directory.clock.advance(4999)
    expect(deleted()).toHaveLength(1)
    directory.clock.advance(1)
    await nextTurn()
    expect(deleted()).toEqual([])
  })

  test('that were removed before a crash are gone after the next start', async () => {
    const files = crashable(memoryFiles())
    const directory = testDirectory(files, '/data', 'fsync')
    const { directory: opened, log } = await openOrders(directory)
    await log.append(1, 0, [batchOf({ baseOffset: 0 })])
    await opened.removeLog(orders)
    const { log: again } = await openOrders(directory)
    expect(again.logEndOffset).toBe(0)
    directory.clock.advance(1)
    await nextTurn()
    expect(files.list('/data').filter(({ kind }) => kind === 'directory')).toEqual([])
  })

  test('that are removed while appends wait for their sync refuse them', async () => {
    const files = faultyFiles(memoryFiles())
    const directory = testDirectory(files, '/data', 'fsync')
    const { directory: opened, log } = await openOrders(directory)
    await log.append(1, 0, [batchOf({ baseOffset: 0 })])
    const gate = deferred<void>()
    files.syncGate = gate.promise
    const pending = log.append(1, 1, [batchOf({ baseOffset: 1 })])
    await expect.poll(() => files.count('datasync', '.log')).toBe(2)
    const removed = opened.removeLog(orders)
    expect(await pending).toMatchObject({ ok: false, error: 'STORAGE' })
    gate.resolve()
    await removed
    const late = await log.append(1, 2, [batchOf({ baseOffset: 2 })])
    expect(late).toMatchObject({ ok: false, error: 'STORAGE' })
    expect(directory.failures).toEqual([])
  })

  test('tell their sizes', async () => {
    const directory = testDirectory(memoryFiles({ sizeMax: 100_000 }), '/data', 'fsync')
    const { directory: opened, log } = await openOrders(directory)
    for (const batch of batchesOf([3, 3])) await log.append(1, batch.baseOffset, [batch])
    expect([...opened.logs].map(({ name, size }) => [name.topic, size])).toEqual([
      ['orders', opened.totalSize()]
    ])
    expect(opened.totalSize()).toBe(
      contentOf(directory.files, `/data/orders-0/${'0'.repeat(20)}.log`).length
    )
    expect(opened.usableSize()).toBeLessThan(100_000)
  })
})
