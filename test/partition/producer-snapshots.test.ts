import { describe, expect, test } from 'vitest'
import { deferred } from '../../src/base/deferred.ts'
import type { DurabilityMode } from '../../src/config/durability-mode.ts'
import type { Files } from '../../src/io/files.ts'
import { manualClock, type ManualClock } from '../../src/io/manual-clock.ts'
import { memoryFiles } from '../../src/io/memory-files.ts'
import { snapshotInterval } from '../../src/limits.ts'
import type { Partition } from '../../src/partition/partition.ts'
import type { LogDirectory } from '../../src/storage/local/log-dir.ts'
import {
  contentOf,
  crashable,
  flipBit,
  putContent,
  testDirectory
} from '../storage/local/directory.ts'
import { FakeLog } from './fake-log.ts'
import {
  clientBatch,
  openPartition,
  producerIdExpirationMs,
  topicConfigs,
  topicId
} from './fixture.ts'

const acked = { acks: -1, produceVersion: 9 }
const folder = '/data/orders-0'

interface Life {
  readonly directory: LogDirectory
  readonly partition: Partition
}

/** A broker's disk, and lives of one partition upon it. */
class Machine {
  readonly files: Files = crashable(memoryFiles())
  readonly clock: ManualClock
  readonly #durability: DurabilityMode
  #topicId = topicId

  constructor(durability: DurabilityMode = 'fsync') {
    this.#durability = durability
    this.clock = manualClock(1_700_000_000_000)
  }

  async start(): Promise<Life> {
    const { files, clock } = this
    const directory = await testDirectory(files, '/data', this.#durability, clock).open()
    const name = { topic: 'orders', topicId: this.#topicId, partition: 0 }
    const log = await directory.openLog(name, topicConfigs)
    return { directory, partition: await openPartition(log, { clock }) }
  }

  async restart({ directory, partition }: Life): Promise<Life> {
    await partition.close()
    await directory.close()
    return this.start()
  }

  /** The topic goes, and another of its name comes. */
  async recreate({ directory, partition }: Life): Promise<Life> {
    await partition.close({ isRemoved: true })
    await directory.removeLog({ topic: 'orders', topicId: this.#topicId, partition: 0 })
    this.#topicId = 'AAAAAAAAAAAAAAAAAAAABA'
    await directory.close()
    return this.start()
  }

  snapshots(): readonly string[] {
    const names = this.files.list(folder).map(({ name }) => name)
    return names.filter(name => name.endsWith('.snapshot')).map(name => `${folder}/${name}`)
  }
}

interface Sent {
  readonly producerId?: number
  readonly size?: number
  readonly isTransactional?: boolean
}

/** Appends one record; its base offset, or the error. */
async function send(partition: Partition, baseSequence: number, sent: Sent = {}) {
  const { producerId = 7, size = 1, isTransactional = false } = sent
  const bytes = clientBatch(['x'.repeat(size)], {
    producerId,
    producerEpoch: 0,
    baseSequence,
    isTransactional
  })
  const result = await partition.append(bytes, { ...acked, isTransactionVerified: true })
  return result.ok ? result.value.baseOffset : result.error
}

async function sendMany(partition: Partition, count: number, from = 0): Promise<void> {
  for (let n = from; n < from + count; n++)
    expect(await send(partition, n)).toEqual(expect.any(Number))
}

function end(partition: Partition, producerId: number, result: 'commit' | 'abort') {
  return partition.endTransaction({
    producerId,
    producerEpoch: 0,
    coordinatorEpoch: 1,
    result,
    transactionVersion: 1
  })
}

describe('after a clean shutdown', () => {
  test('nothing of the log is read, and the last five batches of a producer are recognised', async () => {
    const machine = new Machine()
    const first = await machine.start()
    await sendMany(first.partition, 8)
    const { partition } = await machine.restart(first)
    expect(partition.opening).toEqual({ damage: null, sizeRead: 0, passedOver: [] })
    for (let n = 3; n < 8; n++) expect(await send(partition, n)).toBe(n)
    expect(await send(partition, 9)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(await send(partition, 8)).toBe(8)
  })

  test('a shutdown that follows at once changes no file', async () => {
    const machine = new Machine()
    const first = await machine.start()
    await sendMany(first.partition, 3)
    const second = await machine.restart(first)
    const before = machine.snapshots().map(path => contentOf(machine.files, path))
    await machine.restart(second)
    expect(machine.snapshots().map(path => contentOf(machine.files, path))).toEqual(before)
  })

  test('a log without producers is not read either', async () => {
    const machine = new Machine()
    const first = await machine.start()
    await first.partition.append(clientBatch(['a', 'b']), acked)
    const { partition } = await machine.restart(first)
    expect([partition.opening.sizeRead, partition.logEndOffset]).toEqual([0, 2])
  })

  test('transactions that were open still are, and aborted ones are told of', async () => {
    const machine = new Machine()
    const first = await machine.start()
    await send(first.partition, 0, { producerId: 1, isTransactional: true })
    await send(first.partition, 0, { producerId: 2, isTransactional: true })
    await end(first.partition, 2, 'abort')
    await send(first.partition, 0, { producerId: 3, isTransactional: true })
    await end(first.partition, 3, 'abort')
    const { partition } = await machine.restart(first)
    expect(partition.opening.sizeRead).toBe(0)
    expect(partition.lastStableOffset).toBe(0)
    await end(partition, 1, 'commit')
    expect(partition.lastStableOffset).toBe(6)
    const read = await partition.read({
      fromOffset: 0,
      maxBytes: 1_000_000,
      isolationLevel: 'READ_COMMITTED',
      currentLeaderEpoch: -1,
      minOneBatch: true
    })
    expect(read).toMatchObject({
      value: {
        abortedTransactions: [
          { producerId: 2, firstOffset: 1, lastOffset: 2 },
          { producerId: 3, firstOffset: 3, lastOffset: 4 }
        ]
      }
    })
  })

  test('a producer that was idle for a day is forgotten, one with an open transaction is not', async () => {
    const machine = new Machine()
    const first = await machine.start()
    await send(first.partition, 0, { producerId: 1, isTransactional: true })
    await send(first.partition, 0, { producerId: 2 })
    machine.clock.advance(producerIdExpirationMs - 1)
    const second = await machine.restart(first)
    expect(await send(second.partition, 5, { producerId: 2 })).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    machine.clock.advance(1)
    const { partition } = await machine.restart(second)
    expect(await send(partition, 5, { producerId: 2 })).toBe(2)
    expect(partition.lastStableOffset).toBe(0)
  })

  test('producers whose records were deleted are still known', async () => {
    const machine = new Machine()
    const first = await machine.start()
    await sendMany(first.partition, 4)
    await first.partition.deleteRecords(4)
    const { partition } = await machine.restart(first)
    expect(await send(partition, 3)).toBe(3)
    expect(await send(partition, 5)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  })

  test('retention keeps what it knows of producers when it takes their records, and only then', async () => {
    const machine = new Machine()
    const first = await machine.start()
    await sendMany(first.partition, 4)
    await first.partition.applyRetention(machine.clock.wallMs())
    expect(machine.snapshots()).toEqual([])
    first.partition.reconfigure({ ...topicConfigs, retentionBytes: 0 })
    await first.partition.applyRetention(machine.clock.wallMs())
    expect(first.partition.logStartOffset).toBe(4)
    expect(machine.snapshots()).toHaveLength(1)
    const { partition } = await machine.start()
    expect(await send(partition, 3)).toBe(3)
  })

  test('a topic made anew knows nothing of the one that had its name', async () => {
    const machine = new Machine()
    const first = await machine.start()
    await sendMany(first.partition, 4)
    const second = await machine.restart(first)
    const { partition } = await machine.recreate(second)
    expect(partition.logEndOffset).toBe(0)
    expect(await send(partition, 9)).toBe(0)
  })
})

for (const durability of ['os', 'fsync'] as const) {
  describe(`after a crash (${durability})`, () => {
    test('what came after the newest snapshot is read, and nothing else', async () => {
      const machine = new Machine(durability)
      const first = await machine.start()
      await sendMany(first.partition, 6)
      const second = await machine.restart(first)
      const sizeBefore = second.partition.size
      await sendMany(second.partition, 3, 6)
      const { partition } = await machine.start()
      expect(partition.opening.sizeRead).toBe(partition.size - sizeBefore)
      for (let n = 4; n < 9; n++) expect(await send(partition, n)).toBe(n)
    })

    test('a snapshot is there after so many bytes, though nobody closed the log', async () => {
      const machine = new Machine(durability)
      const { partition } = await machine.start()
      const size = 1_000_000
      const count = Math.ceil(snapshotInterval / size) + 2
      for (let n = 0; n < count; n++) await send(partition, n, { size })
      while (machine.snapshots().length === 0) await new Promise(resolve => setImmediate(resolve))
      const again = await machine.start()
      expect(again.partition.opening.sizeRead).toBeLessThan(3 * size)
      expect(await send(again.partition, count - 5)).toBe(count - 5)
    })

    test('a log that is written to fast has one each second', async () => {
      const machine = new Machine(durability)
      const { partition } = await machine.start()
      const saved = async (count: number): Promise<void> => {
        while (machine.snapshots().length < count)
          await new Promise(resolve => setImmediate(resolve))
        // Its name is there a little before it is durable.
        await new Promise(resolve => setImmediate(resolve))
      }
      const size = 1_000_000
      const count = Math.ceil(snapshotInterval / size)
      for (let n = 0; n < 2 * count; n++) await send(partition, n, { size })
      await saved(1)
      machine.clock.advance(1000)
      await send(partition, 2 * count, { size })
      await saved(2)
      const offsets = machine.snapshots().map(path => Number(/\d+(?=\.snapshot)/.exec(path)![0]))
      expect(offsets).toEqual([count, 2 * count + 1])
    })

    test('records that were deleted beyond the snapshot leave their producers known', async () => {
      const machine = new Machine(durability)
      const first = await machine.start()
      await sendMany(first.partition, 4)
      const second = await machine.restart(first)
      await sendMany(second.partition, 4, 4)
      await second.partition.deleteRecords(8)
      const { partition } = await machine.start()
      expect(await send(partition, 7)).toBe(7)
      expect(await send(partition, 9)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    })
  })
}

/** A log with a snapshot at offset 3 and one at 6, and two records behind it. */
async function withTwo(): Promise<{ readonly machine: Machine; readonly total: number }> {
  const machine = new Machine()
  const first = await machine.start()
  await sendMany(first.partition, 3)
  const second = await machine.restart(first)
  await sendMany(second.partition, 3, 3)
  const third = await machine.restart(second)
  await sendMany(third.partition, 2, 6)
  return { machine, total: third.partition.size }
}

async function expectKnown(partition: Partition): Promise<void> {
  for (let n = 3; n < 8; n++) expect(await send(partition, n)).toBe(n)
  expect(await send(partition, 9)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
}

describe('a snapshot that cannot be used', () => {
  test('is passed over for an older one when it is damaged', async () => {
    const { machine, total } = await withTwo()
    flipBit(machine.files, machine.snapshots()[1]!, 40)
    const { partition } = await machine.start()
    const { passedOver, sizeRead } = partition.opening
    expect(passedOver).toEqual([{ offset: 6, detail: 'its checksum does not hold' }])
    expect(sizeRead).toBe((total / 8) * 5)
    await expectKnown(partition)
  })

  test('leads to the whole log when there is no other', async () => {
    const { machine, total } = await withTwo()
    const [older, newer] = machine.snapshots()
    putContent(machine.files, older!, Buffer.alloc(0))
    putContent(machine.files, newer!, contentOf(machine.files, newer!).subarray(0, 50))
    const { partition } = await machine.start()
    expect(partition.opening.passedOver.map(({ offset }) => offset)).toEqual([6, 3])
    expect(partition.opening.sizeRead).toBe(total)
    await expectKnown(partition)
  })

  test('is one that has the name of another', async () => {
    const { machine } = await withTwo()
    const [older, newer] = machine.snapshots()
    putContent(machine.files, newer!, contentOf(machine.files, older!))
    const { partition } = await machine.start()
    const { passedOver } = partition.opening
    expect(passedOver).toEqual([{ offset: 6, detail: 'it is of another log or offset' }])
    await expectKnown(partition)
  })

  test('is one from before the start of the log: what came between is gone', async () => {
    const log = new FakeLog()
    const first = await openPartition(log)
    await sendMany(first, 3)
    await first.close()
    const second = await openPartition(log)
    await sendMany(second, 3, 3)
    const [kept] = log.snapshots.offsets
    expect(kept).toBe(3)
    log.logStartOffset = 6
    const third = await openPartition(log)
    expect(third.opening.sizeRead).toBe(0)
    expect(await send(third, 50)).toBe(6)
  })

  test('is written anew when all of a large log had to be read', async () => {
    const machine = new Machine()
    const { partition } = await machine.start()
    const size = 1_000_000
    for (let n = 0; n < 18; n++) await send(partition, n, { size })
    while (machine.snapshots().length === 0) await new Promise(resolve => setImmediate(resolve))
    for (const path of machine.snapshots()) putContent(machine.files, path, Buffer.alloc(9))
    const second = await machine.start()
    expect(second.partition.opening.sizeRead).toBe(second.partition.size)
    const third = await machine.start()
    expect(third.partition.opening.sizeRead).toBe(0)
  })
})

test('while a disk stands still no snapshots gather', async () => {
  const log = new FakeLog()
  const clock = manualClock()
  const partition = await openPartition(log, { clock })
  const disk = deferred<void>()
  const save = log.snapshots.save.bind(log.snapshots)
  let count = 0
  log.snapshots.save = async (...given) => {
    count++
    await disk.promise
    return save(...given)
  }
  const size = 1_000_000
  const fill = Math.ceil(snapshotInterval / size)
  for (let n = 0; n < 3 * fill; n++) {
    await send(partition, n, { size })
    clock.advance(1000)
  }
  expect(count).toBe(1)
  disk.resolve()
  await new Promise(resolve => setImmediate(resolve))
  await send(partition, 3 * fill, { size })
  expect(count).toBe(2)
})

test('a kill right after retention forgets no producer whose records are gone', async () => {
  const machine = new Machine('os')
  const { directory, partition } = await machine.start()
  await sendMany(partition, 3)
  const wallMs = machine.clock.wallMs() + 30 * 86_400_000
  const retained = await partition.applyRetention(wallMs)
  const kept = machine.snapshots()
  await directory.abandon()
  expect(kept).toEqual([`${folder}/00000000000000000003.snapshot`])
  expect(retained).toMatchObject({ ok: true, value: { logStartOffset: 3 } })
  const { partition: after } = await machine.start()
  expect(await send(after, 2)).toBe(2)
  expect(after.logEndOffset).toBe(3)
})
