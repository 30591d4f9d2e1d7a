import { describe, expect, test } from 'vitest'
import { FakeLog } from './fake-log.ts'
import { clientBatch, openPartition } from './fixture.ts'

const options = { acks: 1, produceVersion: 9 }

describe('retention of a partition', () => {
  test('asks the log with the wall time and the high watermark, not the log end', async () => {
    const log = new FakeLog('manual')
    const partition = await openPartition(log)
    const visible = partition.append(clientBatch(['a', 'b']), options)
    log.sync()
    await visible
    void partition.append(clientBatch(['c']), options)
    log.retainFrom = 1
    const applied = await partition.applyRetention(5)
    expect(log.retentions).toEqual([{ wallMs: 5, highWatermark: 2 }])
    expect(applied).toMatchObject({ ok: true, value: { logStartOffset: 1 } })
    log.sync()
  })

  test('wakes readers of committed records whose open transaction has gone', async () => {
    const log = new FakeLog()
    const partition = await openPartition(log)
    const open = { producerId: 7, producerEpoch: 0, baseSequence: 0, isTransactional: true }
    await partition.append(clientBatch(['a', 'b'], open), {
      ...options,
      isTransactionVerified: true
    })
    let told = 0
    partition.onProgress(() => told++)
    expect(partition.lastStableOffset).toBe(0)
    log.retainFrom = 2
    await partition.applyRetention(5)
    expect([partition.logStartOffset, partition.lastStableOffset, told]).toEqual([2, 2, 1])
  })

  test.each([
    ['only compacts', { compact: true, delete: false }],
    ['does nothing', { compact: false, delete: false }]
  ])('leaves the log alone where the cleanup policy %s', async (_, cleanupPolicy) => {
    const log = new FakeLog()
    const partition = await openPartition(log, { configs: { cleanupPolicy } })
    expect(await partition.applyRetention(5)).toMatchObject({ ok: true })
    expect(log.retentions).toEqual([])
  })

  test('is refused with NOT_LEADER_OR_FOLLOWER after close', async () => {
    const partition = await openPartition(new FakeLog())
    await partition.close()
    const refused = { ok: false, error: 'NOT_LEADER_OR_FOLLOWER' }
    expect(await partition.applyRetention(5)).toMatchObject(refused)
  })
})

test('what makes room goes on when the disk is nearly full, and transactions end', async () => {
  const log = new FakeLog()
  const partition = await openPartition(log)
  const open = { producerId: 7, producerEpoch: 0, baseSequence: 0, isTransactional: true }
  const verified = { ...options, isTransactionVerified: true }
  await partition.append(clientBatch(['a', 'b'], open), verified)
  log.isSpaceLow = true
  expect(await partition.append(clientBatch(['c']), options)).toMatchObject({ ok: false })
  const end = { producerId: 7, producerEpoch: 0, coordinatorEpoch: 0, transactionVersion: 1 }
  expect(await partition.endTransaction({ ...end, result: 'commit' })).toMatchObject({ ok: true })
  expect([partition.lastStableOffset, partition.logEndOffset]).toEqual([3, 3])
  expect(await partition.deleteRecords(1)).toMatchObject({ ok: true })
  log.retainFrom = 2
  expect(await partition.applyRetention(5)).toMatchObject({ ok: true })
  expect(partition.logStartOffset).toBe(2)
})
