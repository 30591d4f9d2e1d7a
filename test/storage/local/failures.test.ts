import { describe, expect, test } from 'vitest'
import { deferred } from '../../../src/base/deferred.ts'
import { allSettled } from '../../../src/base/settled.ts'
import { FileError } from '../../../src/io/files.ts'
import { memoryFiles } from '../../../src/io/memory-files.ts'
import { descriptorRetryMs, noteSyncIntervalMs } from '../../../src/limits.ts'
import type { LocalLog } from '../../../src/storage/local/local-log.ts'
import { batchOf, logConfigs } from '../batches.ts'
import { crashable, openOrders, orders, testDirectory } from './directory.ts'
import { faultyFiles } from './faulty-files.ts'

const refused = { ok: false, error: 'STORAGE' }
const accepted = { ok: true }

function append(log: LocalLog, count = 1, valueSize = 10): ReturnType<LocalLog['append']> {
  const baseOffset = log.logEndOffset
  return log.append(1, baseOffset, [batchOf({ baseOffset, count, valueSize })])
}

async function endReadable(log: LocalLog): Promise<number> {
  let offset = log.logStartOffset
  for (;;) {
    const read = await log.read({
      fromOffset: offset,
      upToOffset: Number.MAX_SAFE_INTEGER,
      maxSize: 1,
      minOneBatch: true
    })
    if (!read.ok || read.value.bytes.length === 0) return offset
    offset += read.value.bytes.readInt32BE(23) + 1
    read.value.release()
  }
}

describe('a full disk', () => {
  test('is NO_SPACE for the append; the log keeps serving and takes more later', async () => {
    const files = memoryFiles({ sizeMax: 20_000 })
    const ballast = files.open('/ballast', 'create')
    ballast.writeSync([Buffer.alloc(8_000)], 0)
    const directory = testDirectory(crashable(files), '/data', 'fsync')
    const { log } = await openOrders(directory)
    let result = await append(log, 1, 1000)
    while (result.ok) result = await append(log, 1, 1000)
    await append(log, 1, 1000)
    expect(result).toMatchObject({ ok: false, error: 'NO_SPACE' })
    const end = log.logEndOffset
    expect([await endReadable(log), log.durableEndOffset]).toEqual([end, end])
    ballast.truncate(0)
    expect(await append(log, 1, 1000)).toMatchObject(accepted)
    expect(await endReadable(log)).toBe(end + 1)
    expect(directory.failures).toEqual([])
    const said = directory.lines.filter(({ message }) => /disk/.test(message))
    expect(said.map(({ level, message }) => [level, message.split(':')[0]])).toEqual([
      ['warn', 'the disk is full'],
      ['info', 'the disk has room again']
    ])
    expect(await endReadable((await openOrders(directory)).log)).toBe(end + 1)
  })

  test('leaves the file at its last whole batch', async () => {
    const files = faultyFiles(memoryFiles())
    const directory = testDirectory(files, '/data', 'os')
    const { log } = await openOrders(directory)
    await append(log)
    const path = `/data/orders-0/${'0'.repeat(20)}.log`
    const { size } = log
    files.fault = (operation, at) => (operation === 'write' && at === path ? 'ENOSPC' : null)
    expect(await append(log)).toMatchObject({ ok: false, error: 'NO_SPACE' })
    expect(files.open(path, 'read').size()).toBe(size)
    files.fault = () => null
    expect(await append(log)).toMatchObject(accepted)
  })

  test('before the first record of a log, or of a segment, does no harm either', async () => {
    for (const suffix of ['partition.metadata', '.odradek', '.log', 'checkpoint']) {
      const files = faultyFiles(memoryFiles())
      const directory = testDirectory(files, '/data', 'fsync')
      const { log } = await openOrders(directory, { segmentBytes: 100 })
      for (let round = 0; round < 3; round++) {
        files.fault = (operation, path) =>
          operation === 'write' && path.endsWith(suffix) ? 'ENOSPC' : null
        await append(log)
        files.fault = () => null
        expect([suffix, await append(log)]).toMatchObject([suffix, accepted])
      }
      const end = log.logEndOffset
      expect(await endReadable(log)).toBe(end)
      expect(await endReadable((await openOrders(directory)).log)).toBe(end)
    }
  })
})

describe('a segment that cannot be begun', () => {
  test('leaves nothing behind that would cut off what the log goes on with', async () => {
    for (const operation of ['open', 'write'] as const) {
      const files = faultyFiles(memoryFiles())
      const directory = testDirectory(files, '/data', 'fsync')
      const { log } = await openOrders(directory, { segmentBytes: 1_000 })
      await append(log, 1, 500)
      files.fault = (met, path) =>
        met === operation && path.endsWith('1.odradek') ? 'ENOSPC' : null
      expect(await append(log, 1, 700)).toMatchObject({ ok: false, error: 'NO_SPACE' })
      files.fault = () => null
      expect(await append(log, 1, 100)).toMatchObject(accepted)
      expect(files.list('/data/orders-0').filter(({ name }) => /1\./.test(name))).toEqual([])
      const again = (await openOrders(directory)).log
      expect([operation, again.logEndOffset, await endReadable(again)]).toEqual([operation, 2, 2])
    }
  })
})

describe('a note of the durable end', () => {
  test('that finds no space is left out, and the log goes on', async () => {
    const files = faultyFiles(memoryFiles())
    const directory = testDirectory(files, '/data', 'fsync')
    const { log } = await openOrders(directory)
    await append(log)
    files.fault = (operation, path) =>
      operation === 'write' && path.endsWith('.odradek') ? 'ENOSPC' : null
    expect(await append(log)).toMatchObject(accepted)
    files.fault = () => null
    expect(await append(log)).toMatchObject(accepted)
    expect(directory.failures).toEqual([])
    expect(await endReadable((await openOrders(directory)).log)).toBe(3)
  })
})

describe('a sync that fails', () => {
  test('fails everything that waits and everything after it, once and for all', async () => {
    const files = faultyFiles(memoryFiles())
    const directory = testDirectory(files, '/data', 'fsync')
    const { directory: opened, log } = await openOrders(directory)
    const other = await opened.openLog({ ...orders, partition: 1 }, logConfigs())
    expect(await append(log)).toMatchObject(accepted)
    files.fault = operation => (operation === 'datasync' ? 'EIO' : null)
    const pending = [append(log), append(log), append(other)]
    expect(await allSettled(pending)).toMatchObject([refused, refused, refused])
    files.fault = () => null
    files.forget()
    expect(await append(log)).toMatchObject(refused)
    expect(await append(other)).toMatchObject(refused)
    expect(await log.raiseLogStartOffset(1, 1)).toMatchObject(refused)
    expect(directory.failures).toHaveLength(1)
    await opened.close()
    expect(files.count('datasync', '')).toBe(0)
    expect(files.exists('/data/.kafka_cleanshutdown')).toBe(false)
  })

  test('leaves what was durable readable, and nothing else', async () => {
    const files = faultyFiles(memoryFiles())
    const { log } = await openOrders(testDirectory(files, '/data', 'fsync'))
    await append(log, 3)
    files.fault = operation => (operation === 'datasync' ? 'EIO' : null)
    expect(await append(log, 2)).toMatchObject(refused)
    expect([log.durableEndOffset, await endReadable(log)]).toEqual([3, 3])
  })

  test('in the background of the mode os is no less the end', async () => {
    const files = faultyFiles(memoryFiles())
    const directory = testDirectory(files, '/data', 'os')
    const { log } = await openOrders(directory, { segmentBytes: 100 })
    files.fault = operation => (operation === 'datasync' ? 'EIO' : null)
    await append(log)
    await append(log)
    await expect.poll(() => directory.failures.length).toBe(1)
    expect(await append(log)).toMatchObject(refused)
  })

  test('of the folder’s name counts as well', async () => {
    const files = faultyFiles(memoryFiles())
    const directory = testDirectory(files, '/data', 'fsync')
    const { log } = await openOrders(directory)
    files.syncDirectory = () => Promise.reject(new Error('EIO'))
    expect(await append(log)).toMatchObject(refused)
    expect(directory.failures).toHaveLength(1)
  })

  test('of the names of logs counts as well, and whoever removed one hears of it', async () => {
    const files = faultyFiles(memoryFiles())
    const directory = testDirectory(files, '/data', 'fsync')
    const { directory: opened, log } = await openOrders(directory)
    await append(log)
    const other = await opened.openLog({ ...orders, partition: 1 }, logConfigs())
    await append(other)
    files.syncDirectory = path => Promise.reject(new FileError('EIO', path, 'i/o error', 'sync'))
    await expect(opened.removeLog(orders)).rejects.toThrow(/i\/o error/)
    expect(directory.failures).toHaveLength(1)
    expect(await append(other)).toMatchObject(refused)
  })

  test('moves no folder aside: who knows them may have been read in part only', async () => {
    const files = faultyFiles(memoryFiles())
    const { directory, log } = await openOrders(testDirectory(files, '/data', 'fsync'))
    files.fault = operation => (operation === 'datasync' ? 'EIO' : null)
    await append(log)
    expect(directory.failure).not.toBeNull()
    expect(directory.moveUnknownAside([])).toEqual([])
    expect(files.exists('/data/orders-0')).toBe(true)
  })

  test('makes the next start write the unsynced batches again before it syncs them', async () => {
    const files = faultyFiles(memoryFiles())
    const directory = testDirectory(files, '/data', 'fsync')
    const { log } = await openOrders(directory)
    await append(log, 3)
    files.fault = operation => (operation === 'datasync' ? 'EIO' : null)
    await append(log, 2)
    files.fault = () => null
    files.forget()
    const again = (await openOrders(directory)).log
    expect([again.logEndOffset, again.durableEndOffset]).toEqual([5, 5])
    expect(files.count('write', '.log')).toBe(1)
    expect(files.count('datasync', '.log')).toBe(1)
  })
})

describe('other refusals of the system', () => {
  test('a write error ends the directory, and nothing of the write is ever read', async () => {
    const files = faultyFiles(memoryFiles())
    const directory = testDirectory(files, '/data', 'os')
    const { log } = await openOrders(directory)
    await append(log)
    files.fault = (operation, path) =>
      operation === 'write' && path.endsWith('.log') ? 'EIO' : null
    expect(await append(log)).toMatchObject(refused)
    expect(directory.failures).toMatchObject([{ code: 'EIO' }])
    files.fault = () => null
    expect(await append(log)).toMatchObject(refused)
    expect([log.logEndOffset, await endReadable(log)]).toEqual([1, 1])
  })

  test('a read error is STORAGE for that read only', async () => {
    const files = faultyFiles(memoryFiles())
    const directory = testDirectory(files, '/data', 'fsync')
    const { log } = await openOrders(directory)
    await append(log)
    files.fault = operation => (operation === 'read' ? 'EIO' : null)
    const request = { fromOffset: 0, upToOffset: 1, maxSize: 100, minOneBatch: true }
    expect(await log.read(request)).toMatchObject(refused)
    files.fault = () => null
    expect(await append(log)).toMatchObject(accepted)
    expect(await endReadable(log)).toBe(2)
    expect(directory.failures).toEqual([])
  })

  test('running out of descriptors lets go of some, and is no failure of the disk', async () => {
    const files = faultyFiles(memoryFiles())
    const directory = testDirectory(files, '/data', 'fsync')
    const { directory: opened, log } = await openOrders(directory)
    await append(log)
    const other = await opened.openLog({ ...orders, partition: 1 }, logConfigs())
    let left = 1
    files.fault = operation => (operation === 'open' && left-- > 0 ? 'EMFILE' : null)
    await append(other)
    files.fault = operation => (operation === 'open' ? 'EMFILE' : null)
    const third = await opened.openLog({ ...orders, partition: 2 }, logConfigs())
    expect(await append(third)).toMatchObject(refused)
    files.fault = () => null
    expect(await append(third)).toMatchObject(accepted)
    expect(directory.failures).toEqual([])
  })
})

describe('a process without descriptors', () => {
  test('waits with the sync of a folder until it has one', async () => {
    const inner = memoryFiles()
    const files = faultyFiles(inner)
    const directory = testDirectory(files, '/data', 'fsync')
    const { log } = await openOrders(directory)
    let isShort = true
    files.syncDirectory = path =>
      isShort
        ? Promise.reject(new FileError('EMFILE', path, 'too many open files'))
        : inner.syncDirectory(path)
    let isAnswered = false
    const appended = Promise.resolve(append(log)).finally(() => (isAnswered = true))
    await expect.poll(() => directory.clock.pendingCount).toBe(2)
    directory.clock.advance(descriptorRetryMs)
    await expect.poll(() => directory.clock.pendingCount).toBe(2)
    expect(isAnswered).toBe(false)
    isShort = false
    directory.clock.advance(descriptorRetryMs)
    expect(await appended).toMatchObject(accepted)
    expect(directory.failures).toEqual([])
  })
})

test('a folder that keeps its name when its log is removed is not taken for an empty one', async () => {
  const files = faultyFiles(memoryFiles())
  const { directory: opened, log } = await openOrders(testDirectory(files, '/data', 'fsync'))
  await append(log, 3)
  files.fault = operation => (operation === 'rename' ? 'ENOSPC' : null)
  await expect(opened.removeLog(orders)).rejects.toThrow(/ENOSPC/)
  files.fault = () => null
  const next = { ...orders, topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' }
  expect((await opened.openLog(next, logConfigs())).logEndOffset).toBe(0)
  expect(files.list('/data').filter(({ name }) => name.endsWith('-stray'))).toHaveLength(1)
})

describe('group commit', () => {
  test('appends of one turn share a sync, and those during it share the next', async () => {
    const files = faultyFiles(memoryFiles())
    const { log } = await openOrders(testDirectory(files, '/data', 'fsync'))
    await append(log)
    files.forget()
    const gate = deferred<void>()
    files.syncGate = gate.promise
    const first = [append(log), append(log), append(log)]
    await expect.poll(() => files.count('datasync', '.log')).toBe(1)
    const second = [append(log), append(log)]
    expect([log.logEndOffset, log.durableEndOffset]).toEqual([6, 1])
    gate.resolve()
    await allSettled(first)
    expect(log.durableEndOffset).toBe(4)
    await allSettled(second)
    expect(log.durableEndOffset).toBe(6)
    expect(files.count('datasync', '.log')).toBe(2)
  })

  test('listeners hear once of each sync', async () => {
    const { log } = await openOrders(testDirectory(memoryFiles(), '/data', 'fsync'))
    const heard: number[] = []
    log.onDurable(() => heard.push(log.durableEndOffset))
    await allSettled([append(log), append(log), append(log)])
    expect(heard).toEqual([3])
  })

  test('many logs are synced side by side, and all are acknowledged', async () => {
    const directory = testDirectory(memoryFiles(), '/data', 'fsync')
    const opened = await directory.open()
    const logs: LocalLog[] = []
    for (let partition = 0; partition < 50; partition++)
      logs.push(await opened.openLog({ ...orders, partition }, logConfigs()))
    const appended = await allSettled(logs.flatMap(log => [append(log), append(log)]))
    expect(appended.every(({ ok }) => ok)).toBe(true)
    expect(logs.map(log => log.durableEndOffset)).toEqual(logs.map(() => 2))
  })

  test('the note of the durable end rides with a later sync, not with each', async () => {
    const files = faultyFiles(memoryFiles())
    const directory = testDirectory(files, '/data', 'fsync')
    const { log } = await openOrders(directory)
    await append(log)
    files.forget()
    for (let count = 0; count < 5; count++) await append(log)
    expect(files.count('datasync', '.odradek')).toBe(0)
    directory.clock.advance(noteSyncIntervalMs)
    for (let count = 0; count < 5; count++) await append(log)
    expect(files.count('datasync', '.odradek')).toBe(1)
    expect(files.count('datasync', '.log')).toBe(10)
  })
})
