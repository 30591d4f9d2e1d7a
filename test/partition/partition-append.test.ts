import { allSettled, type Settled } from '../../src/base/settled.ts'
import { expect, test } from 'vitest'
import * as fc from 'fast-check'
import { manualClock } from '../../src/io/manual-clock.ts'
import { appendTimeHeldMs, unheardAppendsMax } from '../../src/limits.ts'
import type { AppendInfo, AppendResult } from '../../src/partition/partition.ts'
import * as batch from '../../src/record/batch.ts'
import { FakeLog } from './fake-log.ts'
import { clientBatch, idempotentBatch, openPartition } from './fixture.ts'

const acked = { acks: -1, produceVersion: 9 }

function info(result: AppendResult): AppendInfo {
  if (!result.ok) throw new Error(`${result.error}: ${result.detail}`)
  return result.value
}

test('offsets are assigned when append is called: one turn keeps its order', async () => {
  const partition = await openPartition(new FakeLog())
  const appends = [
    partition.append(clientBatch(['a', 'b']), acked),
    partition.append(clientBatch(['c']), acked),
    partition.append(clientBatch(['d', 'e', 'f']), acked)
  ]
  expect(partition.logEndOffset).toBe(6)
  expect((await allSettled(appends)).map(each => info(each).baseOffset)).toEqual([0, 2, 3])
  expect(partition.highWatermark).toBe(6)
})

test('the offset and the leader epoch are stamped into the batch that is read', async () => {
  const partition = await openPartition(new FakeLog(), { leaderEpoch: 4 })
  await partition.append(clientBatch(['a']), acked)
  await partition.append(clientBatch(['b']), acked)
  const read = await partition.read({
    fromOffset: 1,
    maxBytes: 1000,
    isolationLevel: 'READ_UNCOMMITTED',
    currentLeaderEpoch: -1,
    minOneBatch: true
  })
  if (!read.ok) throw new Error(read.error)
  const { bytes } = read.value
  expect(batch.baseOffset(bytes, 0)).toBe(1)
  expect(batch.partitionLeaderEpoch(bytes, 0)).toBe(4)
  expect(batch.storedCrc(bytes, 0)).toBe(batch.computeCrc(bytes, 0))
  read.value.release()
})

test('acks=0 waits as well while the disk is far behind', async () => {
  const log = new FakeLog('manual')
  const partition = await openPartition(log)
  const append = () => partition.append(clientBatch(['a']), { acks: 0, produceVersion: 9 })
  for (let count = 0; count < unheardAppendsMax; count++) {
    expect(append()).not.toBeInstanceOf(Promise)
  }
  const waiting = append()
  expect(waiting).toBeInstanceOf(Promise)
  log.sync()
  expect(info(await waiting).baseOffset).toBe(unheardAppendsMax)
  expect(append()).not.toBeInstanceOf(Promise)
})

test('an append resolves when its batch is durable; acks=0 does not wait', async () => {
  const log = new FakeLog('manual')
  const partition = await openPartition(log)
  let isAcked = false
  const append = Promise.resolve(
    partition.append(clientBatch(['a']), { acks: 1, produceVersion: 9 })
  )
  void append.then(() => (isAcked = true))
  const unacked = await partition.append(clientBatch(['b']), { acks: 0, produceVersion: 9 })
  expect(info(unacked).baseOffset).toBe(1)
  expect(isAcked).toBe(false)
  expect(partition.highWatermark).toBe(0)
  log.sync()
  expect(partition.highWatermark).toBe(2)
  expect(info(await append)).toEqual({
    baseOffset: 0,
    lastOffset: 0,
    logAppendTimeMs: -1,
    logStartOffset: 0
  })
})

test('a client that believes in another leader epoch is refused', async () => {
  const partition = await openPartition(new FakeLog(), { leaderEpoch: 3 })
  const append = (currentLeaderEpoch: number): Settled<AppendResult> =>
    partition.append(clientBatch(['a']), { ...acked, currentLeaderEpoch })
  expect(await append(2)).toMatchObject({ error: 'FENCED_LEADER_EPOCH' })
  expect(await append(4)).toMatchObject({ error: 'UNKNOWN_LEADER_EPOCH' })
  expect(await append(3)).toMatchObject({ ok: true })
  expect(partition.logEndOffset).toBe(1)
})

test('a batch that is refused leaves no trace, and names the records at fault', async () => {
  const partition = await openPartition(new FakeLog(), {
    configs: { cleanupPolicy: { delete: false, compact: true } }
  })
  const result = await partition.append(clientBatch(['a', 'b']), acked)
  expect(result).toMatchObject({ ok: false, error: 'INVALID_RECORD' })
  expect(result.ok ? [] : result.recordErrors.map(each => each.batchIndex)).toEqual([0, 1])
  expect(partition.logEndOffset).toBe(0)
})

test('max.message.bytes is that of the topic, and changes with it', async () => {
  const log = new FakeLog()
  const partition = await openPartition(log)
  const small = { ...partition.configs, maxMessageBytes: 70 }
  partition.reconfigure(small)
  expect(await partition.append(clientBatch(['x'.repeat(100)]), acked)).toMatchObject({
    error: 'MESSAGE_TOO_LARGE'
  })
  partition.reconfigure({ ...small, maxMessageBytes: 1000 })
  expect(await partition.append(clientBatch(['x'.repeat(100)]), acked)).toMatchObject({ ok: true })
})

test('a batch that no segment can hold is RECORD_LIST_TOO_LARGE, and not stored', async () => {
  const partition = await openPartition(new FakeLog())
  const whole = clientBatch(['x'.repeat(100)])
  partition.reconfigure({ ...partition.configs, segmentBytes: whole.length - 1 })
  expect(await partition.append(whole, acked)).toMatchObject({ error: 'RECORD_LIST_TOO_LARGE' })
  expect(partition.logEndOffset).toBe(0)
  partition.reconfigure({ ...partition.configs, segmentBytes: whole.length })
  expect(await partition.append(whole, acked)).toMatchObject({ ok: true })
})

test('LogAppendTime stamps the broker time, which a corrected clock does not take back', async () => {
  const clock = manualClock(5_000)
  const partition = await openPartition(new FakeLog(), {
    clock,
    configs: { messageTimestampType: 'LogAppendTime' }
  })
  expect(info(await partition.append(clientBatch(['a']), acked)).logAppendTimeMs).toBe(5_000)
  clock.setWallMs(1_000)
  expect(info(await partition.append(clientBatch(['b']), acked)).logAppendTimeMs).toBe(5_000)
  clock.setWallMs(9_000)
  expect(info(await partition.append(clientBatch(['c']), acked)).logAppendTimeMs).toBe(9_000)
})

test('LogAppendTime is the present where the log holds times that are far ahead', async () => {
  const log = new FakeLog()
  const clock = manualClock(1_000_000)
  const stamps = { clock, configs: { messageTimestampType: 'LogAppendTime' } } as const
  const farAhead = { messageTimestampAfterMaxMs: Number.MAX_SAFE_INTEGER }
  const first = await openPartition(log, { clock, configs: farAhead })
  await first.append(clientBatch(['a'], { timestampMs: 4_102_444_800_000 }), acked)
  const second = await openPartition(log, stamps)
  expect(info(await second.append(clientBatch(['b']), acked)).logAppendTimeMs).toBe(1_000_000)
  clock.setWallMs(1_000_000 - appendTimeHeldMs)
  expect(info(await second.append(clientBatch(['c']), acked)).logAppendTimeMs).toBe(1_000_000)
  clock.setWallMs(1_000_000 - appendTimeHeldMs - 1)
  expect(info(await second.append(clientBatch(['d']), acked)).logAppendTimeMs).toBe(
    1_000_000 - appendTimeHeldMs - 1
  )
})

test('a repeated batch is answered with its first offsets and time, and written once', async () => {
  const clock = manualClock(5_000)
  const partition = await openPartition(new FakeLog(), {
    clock,
    configs: { messageTimestampType: 'LogAppendTime' }
  })
  const first = info(await partition.append(idempotentBatch(0, 3), acked))
  await partition.append(idempotentBatch(3), acked)
  clock.advance(1_000)
  expect(info(await partition.append(idempotentBatch(0, 3), acked))).toEqual(first)
  expect(partition.logEndOffset).toBe(4)
})

test('a repeated batch waits for its original to be durable', async () => {
  const log = new FakeLog('manual')
  const partition = await openPartition(log)
  const outcomes: string[] = []
  for (const name of ['original', 'repetition']) {
    const append = Promise.resolve(partition.append(idempotentBatch(0), acked))
    void append.then(() => outcomes.push(name))
  }
  await Promise.resolve()
  expect(outcomes).toEqual([])
  log.sync()
  await new Promise(resolve => setImmediate(resolve))
  expect(outcomes.toSorted()).toEqual(['original', 'repetition'])
  expect(partition.logEndOffset).toBe(1)
})

test('a repetition of a batch that then fails fails too, a later retry is written', async () => {
  const log = new FakeLog('manual')
  const partition = await openPartition(log)
  const original = partition.append(idempotentBatch(0), acked)
  const repetition = partition.append(idempotentBatch(0), acked)
  const behind = partition.append(idempotentBatch(1), acked)
  log.fail()
  for (const each of await Promise.all([original, repetition, behind])) {
    expect(each).toMatchObject({ ok: false, error: 'KAFKA_STORAGE_ERROR' })
  }
  const retry = partition.append(idempotentBatch(0), acked)
  const next = partition.append(idempotentBatch(1), acked)
  log.sync()
  expect(info(await retry).baseOffset).toBe(0)
  expect(info(await next).baseOffset).toBe(1)
})

test('a failure that is heard of late does not touch what was written after it', async () => {
  const log = new FakeLog('manual')
  const partition = await openPartition(log)
  const lost = [
    partition.append(idempotentBatch(0), acked),
    partition.append(idempotentBatch(1), acked)
  ]
  log.fail()
  await lost[0]
  const retried = [
    partition.append(idempotentBatch(0), acked),
    partition.append(idempotentBatch(1), acked)
  ]
  await lost[1]
  log.sync()
  expect((await allSettled(retried)).map(each => info(each).baseOffset)).toEqual([0, 1])
  expect(info(await partition.append(idempotentBatch(1), acked)).baseOffset).toBe(1)
})

test('a batch that comes before the failure ahead of it was heard of takes its place', async () => {
  const log = new FakeLog('manual')
  const partition = await openPartition(log)
  const lost = [
    partition.append(idempotentBatch(0), acked),
    partition.append(idempotentBatch(1), acked)
  ]
  log.fail()
  const retried = partition.append(idempotentBatch(0), acked)
  log.sync()
  expect(info(await retried)).toMatchObject({ baseOffset: 0 })
  expect(await allSettled(lost)).toMatchObject([{ ok: false }, { ok: false }])
  const next = partition.append(idempotentBatch(1), acked)
  log.sync()
  expect(info(await next).baseOffset).toBe(1)
})

test('a full disk is KAFKA_STORAGE_ERROR, and the batch is not remembered', async () => {
  const log = new FakeLog()
  const partition = await openPartition(log)
  log.failNext = 'NO_SPACE'
  expect(await partition.append(idempotentBatch(0), acked)).toMatchObject({
    error: 'KAFKA_STORAGE_ERROR'
  })
  expect(partition.logEndOffset).toBe(0)
  expect(info(await partition.append(idempotentBatch(0), acked)).baseOffset).toBe(0)
})

test('an owner that was fenced sends clients to look for the leader', async () => {
  const log = new FakeLog()
  const partition = await openPartition(log)
  log.failNext = 'FENCED'
  expect(await partition.append(clientBatch(['a']), acked)).toMatchObject({
    error: 'NOT_LEADER_OR_FOLLOWER'
  })
})

test('gaps and stale epochs are refused through the partition', async () => {
  const partition = await openPartition(new FakeLog())
  await partition.append(idempotentBatch(0, 2), acked)
  expect(await partition.append(idempotentBatch(5), acked)).toMatchObject({
    error: 'OUT_OF_ORDER_SEQUENCE_NUMBER'
  })
  await partition.append(idempotentBatch(0, 1, 1), acked)
  expect(await partition.append(idempotentBatch(2, 1, 0), acked)).toMatchObject({
    error: 'INVALID_PRODUCER_EPOCH'
  })
})

test('a transactional batch outside of a transaction is INVALID_TXN_STATE', async () => {
  const partition = await openPartition(new FakeLog())
  const records = clientBatch(['a'], {
    producerId: 1,
    producerEpoch: 0,
    baseSequence: 0,
    isTransactional: true
  })
  expect(await partition.append(records, acked)).toMatchObject({ error: 'INVALID_TXN_STATE' })
})

test('producer sequences are known again after the log is opened anew', async () => {
  const log = new FakeLog()
  const before = await openPartition(log)
  await before.append(idempotentBatch(0, 3), acked)
  await before.append(idempotentBatch(3, 2), acked)
  const after = await openPartition(log, { leaderEpoch: 1 })
  expect(info(await after.append(idempotentBatch(3, 2), acked)).baseOffset).toBe(3)
  expect(await after.append(idempotentBatch(6), acked)).toMatchObject({
    error: 'OUT_OF_ORDER_SEQUENCE_NUMBER'
  })
  expect(info(await after.append(idempotentBatch(5), acked)).baseOffset).toBe(5)
})

test('a log that is not readable to its end still opens, for any next sequence', async () => {
  const log = new FakeLog()
  const before = await openPartition(log)
  await before.append(idempotentBatch(0), acked)
  await before.append(idempotentBatch(1), acked)
  log.corruptFrom = 1
  const after = await openPartition(log)
  expect(after.opening.damage).toEqual({ error: 'CORRUPT', detail: 'rotten' })
  expect(info(await after.append(idempotentBatch(2), acked)).baseOffset).toBe(2)
})

test('records of the broker are one batch with the times given or the present', async () => {
  const clock = manualClock(5_000)
  const partition = await openPartition(new FakeLog(), { clock })
  const key = Buffer.from('k')
  const value = Buffer.from('v')
  const result = await partition.appendRecords([
    { key, value, timestampMs: 1 },
    { key, value: null }
  ])
  expect(info(result)).toMatchObject({ baseOffset: 0, lastOffset: 1, logAppendTimeMs: -1 })
  const seen: unknown[] = []
  const replayed = await partition.replay((records, { baseOffset, lastOffset, isControl }) => {
    seen.push({ baseOffset, lastOffset, isControl })
    seen.push(...records.map(each => [each.offset, each.timestampMs, each.value?.toString()]))
  })
  expect(replayed.ok).toBe(true)
  expect(seen).toEqual([
    { baseOffset: 0, lastOffset: 1, isControl: false },
    [0, 1, 'v'],
    [1, 5_000, undefined]
  ])
})

test('records of the broker beyond max.message.bytes are MESSAGE_TOO_LARGE', async () => {
  const partition = await openPartition(new FakeLog(), { configs: { maxMessageBytes: 100 } })
  const value = Buffer.alloc(200)
  expect(await partition.appendRecords([{ key: null, value }])).toMatchObject({
    error: 'MESSAGE_TOO_LARGE'
  })
})

test('a closed partition is NOT_LEADER_OR_FOLLOWER and wakes who waits', async () => {
  const log = new FakeLog('manual')
  const partition = await openPartition(log)
  let wakes = 0
  partition.onProgress(() => wakes++)
  const inFlight = partition.append(clientBatch(['a']), acked)
  const closed = partition.close()
  expect(wakes).toBeGreaterThan(0)
  expect(await partition.append(clientBatch(['b']), acked)).toMatchObject({
    error: 'NOT_LEADER_OR_FOLLOWER'
  })
  await closed
  expect(await inFlight).toMatchObject({ ok: true })
})

test('whatever bytes a client sends, they are a refusal or a batch that can be read', async () => {
  const change = fc.record({ at: fc.nat(130), byte: fc.nat(255) })
  const mutated = fc.record({
    isCompressed: fc.boolean(),
    changes: fc.array(change, { maxLength: 4 }),
    size: fc.option(fc.nat(140), { nil: undefined, freq: 3 }),
    hasRightCrc: fc.boolean()
  })
  await fc.assert(
    fc.asyncProperty(fc.array(mutated, { maxLength: 8 }), async mutations => {
      const partition = await openPartition(new FakeLog())
      for (const { isCompressed, changes, size, hasRightCrc } of mutations) {
        const sent = clientBatch(['some', 'records', 'x'.repeat(40)], {
          producerId: 3,
          producerEpoch: 0,
          baseSequence: partition.logEndOffset,
          compression: isCompressed ? 'gzip' : 'none'
        })
        for (const { at, byte } of changes) if (at < sent.length) sent[at] = byte
        if (hasRightCrc && batch.batchSize(sent, 0) === sent.length) {
          sent.writeUInt32BE(batch.computeCrc(sent, 0), 17)
        }
        const before = partition.logEndOffset
        const result = await partition.append(sent.subarray(0, size ?? sent.length), acked)
        if (result.ok) expect(result.value.baseOffset).toBeLessThanOrEqual(before)
        else expect(partition.logEndOffset).toBe(before)
      }
      const appended = await partition.append(clientBatch(['good']), acked)
      expect(appended.ok).toBe(true)
      const read = await partition.read({
        fromOffset: 0,
        maxBytes: 1 << 20,
        isolationLevel: 'READ_COMMITTED',
        currentLeaderEpoch: -1,
        minOneBatch: true
      })
      if (!read.ok) throw new Error(read.error)
      const { bytes } = read.value
      let offset = 0
      for (const at of batch.batchPositions(bytes)) {
        expect(batch.storedCrc(bytes, at)).toBe(batch.computeCrc(bytes, at))
        expect(batch.baseOffset(bytes, at)).toBe(offset)
        offset = batch.lastOffset(bytes, at) + 1
      }
      expect(offset).toBe(partition.highWatermark)
    }),
    { numRuns: 300 }
  )
})

test("on a nearly full disk only the broker's own records are taken", async () => {
  const log = new FakeLog()
  const partition = await openPartition(log)
  log.isSpaceLow = true
  const refused = await partition.append(clientBatch(['a']), acked)
  expect(refused).toMatchObject({ ok: false, error: 'KAFKA_STORAGE_ERROR' })
  expect(partition.logEndOffset).toBe(0)
  const own = { key: null, value: Buffer.from('b'), headers: [] }
  expect(info(await partition.appendRecords([own])).baseOffset).toBe(0)
  log.isSpaceLow = false
  expect(info(await partition.append(clientBatch(['a']), acked)).baseOffset).toBe(1)
})
