import { beforeEach, expect, test } from 'vitest'
import { success } from '../../src/base/result.ts'
import { Shard, type ShardLog } from '../../src/coordinator/shard.ts'
import type { ManualClock } from '../../src/io/manual-clock.ts'
import { manualClock } from '../../src/io/manual-clock.ts'
import { shardReloadDelayMs } from '../../src/limits.ts'
import { refused } from '../../src/partition/append-result.ts'
import type { Partition } from '../../src/partition/partition.ts'
import { silentLogger } from '../../src/telemetry/logger.ts'
import { FakeLog } from '../partition/fake-log.ts'
import { openPartition } from '../partition/fixture.ts'
import type { CounterEvent, CounterRecord, CounterReply } from './counter-machine.ts'
import { CounterMachine, decodeCounter, encodeCounter } from './counter-machine.ts'

let clock: ManualClock
let log: FakeLog
let partition: Partition
let broken: unknown[]

beforeEach(async () => {
  clock = manualClock()
  log = new FakeLog('manual')
  partition = await openPartition(log)
  broken = []
})

function newShard(
  options: {
    firstEvents?: readonly CounterEvent[]
    batchSizeMax?: number
    log?: ShardLog
  } = {}
): Shard<CounterEvent, CounterRecord, CounterReply> {
  return new Shard({
    name: 'sums-0',
    log: options.log ?? partition,
    clock,
    logger: silentLogger,
    batchSizeMax: options.batchSizeMax ?? 1_000_000,
    writeTimeoutMs: 5000,
    newMachine: () => new CounterMachine(),
    encode: encodeCounter,
    decode: decodeCounter,
    firstEvents: () => options.firstEvents ?? [],
    onBroken: error => broken.push(error)
  })
}

async function loadedShard(): Promise<ReturnType<typeof newShard>> {
  const shard = newShard()
  await shard.load()
  return shard
}

function add(shard: ReturnType<typeof newShard>, name: string, by: number) {
  return observed(shard.submit(ticket => ({ type: 'add', ticket, name, by })))
}

function read(shard: ReturnType<typeof newShard>, name: string) {
  return observed(shard.submit(ticket => ({ type: 'read', ticket, name })))
}

/** What a promise has come to so far: its value or error name, or 'waits'. */
function observed(promise: Promise<{ ok: boolean }>): { outcome: unknown } {
  const seen: { outcome: unknown } = { outcome: 'waits' }
  void promise.then((result: { ok: boolean; value?: unknown; error?: unknown }) => {
    seen.outcome = result.ok ? result.value : result.error
  })
  return seen
}

/** Lets everything happen that waits for nothing but its turn. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

test('a reply is released when its record is durable, not before', async () => {
  const shard = await loadedShard()
  const added = add(shard, 'a', 5)
  await settle()
  expect(added.outcome).toBe('waits')
  expect(log.logEndOffset).toBe(1)
  log.sync()
  await settle()
  expect(added.outcome).toBe(5)
})

test('a read does not show what is not durable yet, and shows it as soon as it is', async () => {
  const shard = await loadedShard()
  add(shard, 'a', 5)
  const seen = read(shard, 'a')
  await settle()
  expect(seen.outcome).toBe('waits')
  log.sync()
  await settle()
  expect(seen.outcome).toBe(5)
  const again = read(shard, 'a')
  await settle()
  expect(again.outcome).toBe(5)
})

test('what is decided while a batch is on its way is one next batch', async () => {
  const shard = await loadedShard()
  const replies = [1, 2, 3].map(by => add(shard, 'a', by))
  await settle()
  expect(log.logEndOffset).toBe(1)
  log.sync()
  await settle()
  expect(log.logEndOffset).toBe(3)
  expect(replies.map(reply => reply.outcome)).toEqual([1, 'waits', 'waits'])
  log.sync()
  await settle()
  expect(replies.map(reply => reply.outcome)).toEqual([1, 3, 6])
})

test('what does not fit one batch is appended in several; the reply waits for all', async () => {
  const shard = newShard({ batchSizeMax: 40 })
  await shard.load()
  add(shard, 'a', 1)
  const replies = ['b', 'c', 'd'].map(name => add(shard, name, 1))
  log.sync()
  await settle()
  expect(log.logEndOffset).toBe(4)
  log.sync(1)
  await settle()
  expect(replies.map(reply => reply.outcome)).toEqual(['waits', 'waits', 'waits'])
  log.sync()
  await settle()
  expect(replies.map(reply => reply.outcome)).toEqual([1, 1, 1])
})

test('when an append fails, all hear NOT_COORDINATOR and the log is read again', async () => {
  const shard = await loadedShard()
  const durable = add(shard, 'a', 5)
  log.sync()
  await settle()
  const parked = observed(shard.submit(ticket => ({ type: 'wait', ticket, untilMs: 1000 })))
  const lost = add(shard, 'a', 100)
  const behind = read(shard, 'a')
  const next = add(shard, 'b', 1)
  log.fail()
  await settle()
  expect(durable.outcome).toBe(5)
  for (const { outcome } of [parked, lost, behind, next]) expect(outcome).toBe('NOT_COORDINATOR')
  const seen = read(shard, 'a')
  const never = read(shard, 'b')
  await settle()
  expect([seen.outcome, never.outcome]).toEqual([5, 0])
  const after = add(shard, 'a', 1)
  log.sync()
  await settle()
  expect(after.outcome).toBe(6)
})

test('a log that takes nothing is not read over and over, but once more after a while', async () => {
  let loads = 0
  const full = {
    replay: () => {
      loads++
      return Promise.resolve(success(undefined))
    },
    appendRecords: () => Promise.resolve(refused('KAFKA_STORAGE_ERROR', 'no space left'))
  }
  const shard = newShard({ log: full, firstEvents: [{ type: 'add', ticket: 0, name: 'a', by: 1 }] })
  await shard.load()
  for (let turn = 0; turn < 1000; turn++) await Promise.resolve()
  expect(loads).toBe(2)
  clock.advance(shardReloadDelayMs)
  await settle()
  expect(loads).toBe(3)
  expect(broken).toEqual([])
})

test('while the log is read, requests hear that it is', async () => {
  const shard = newShard()
  const loading = shard.load()
  const early = read(shard, 'a')
  await settle()
  expect(early.outcome).toBe('COORDINATOR_LOAD_IN_PROGRESS')
  await loading
  const seen = read(shard, 'a')
  await settle()
  expect(seen.outcome).toBe(0)
})

test('a log that cannot be read is tried again a little later', async () => {
  const first = await loadedShard()
  add(first, 'a', 5)
  log.sync()
  await settle()
  log.corruptFrom = 0
  const shard = newShard()
  await shard.load()
  expect(shard.isLoaded).toBe(false)
  log.corruptFrom = null
  clock.advance(shardReloadDelayMs)
  await settle()
  const seen = read(shard, 'a')
  await settle()
  expect(seen.outcome).toBe(5)
})

test('a new machine knows what its records say, and nothing of other records', async () => {
  const shard = await loadedShard()
  add(shard, 'a', 5)
  add(shard, 'a', 1)
  add(shard, 'b', 7)
  shard.post({ type: 'clear', name: 'b' })
  log.sync()
  await settle()
  log.sync()
  await settle()
  const others = partition.appendRecords([{ key: Buffer.from('#c'), value: Buffer.from('9') }])
  const keyless = partition.appendRecords([{ key: null, value: Buffer.from('9') }])
  log.sync()
  await Promise.all([others, keyless])
  const again = newShard()
  await again.load()
  const seen = ['a', 'b', '#c'].map(name => read(again, name))
  await settle()
  expect(seen.map(each => each.outcome)).toEqual([6, 0, 0])
})

test('events that a fresh machine has to hear come right after its records', async () => {
  const first = await loadedShard()
  add(first, 'a', 5)
  log.sync()
  await settle()
  const shard = newShard({ firstEvents: [{ type: 'clear', name: 'a' }] })
  await shard.load()
  log.sync()
  const seen = read(shard, 'a')
  await settle()
  expect(seen.outcome).toBe(0)
  expect(log.logEndOffset).toBe(2)
})

test('the alarm wakes the machine at its deadline, and one alarm serves them all', async () => {
  const shard = await loadedShard()
  const waits = [3000, 1000, 2000].map(untilMs =>
    observed(shard.submit(ticket => ({ type: 'wait', ticket, untilMs })))
  )
  expect(clock.pendingCount).toBe(1)
  clock.advance(1500)
  await settle()
  expect(waits.map(wait => wait.outcome)).toEqual(['waits', 'woken', 'waits'])
  clock.advance(1500)
  await settle()
  expect(waits.map(wait => wait.outcome)).toEqual(['woken', 'woken', 'woken'])
  expect(clock.pendingCount).toBe(0)
})

test('replies wait for a disk that stands still no longer than the write timeout', async () => {
  const shard = await loadedShard()
  const added = add(shard, 'a', 5)
  clock.advance(4000)
  const behind = read(shard, 'a')
  const next = add(shard, 'a', 1)
  await settle()
  expect(added.outcome).toBe('waits')
  clock.advance(1000)
  await settle()
  expect(added.outcome).toBe('REQUEST_TIMED_OUT')
  expect([behind.outcome, next.outcome]).toEqual(['waits', 'waits'])
  clock.advance(3999)
  await settle()
  expect([behind.outcome, next.outcome]).toEqual(['waits', 'waits'])
  clock.advance(1)
  await settle()
  expect([behind.outcome, next.outcome]).toEqual(['REQUEST_TIMED_OUT', 'REQUEST_TIMED_OUT'])
  expect(clock.pendingCount).toBe(0)
  // Only the waiting was over: what was decided becomes durable with the rest.
  const last = add(shard, 'a', 1)
  log.sync()
  await settle()
  log.sync()
  await settle()
  expect(last.outcome).toBe(7)
  expect(log.logEndOffset).toBe(3)
})

test('a reply that the machine has not decided yet waits as long as the machine wants', async () => {
  const shard = await loadedShard()
  const parked = observed(shard.submit(ticket => ({ type: 'wait', ticket, untilMs: 60_000 })))
  add(shard, 'a', 5)
  clock.advance(59_000)
  await settle()
  expect(parked.outcome).toBe('waits')
  clock.advance(1000)
  clock.advance(4999)
  await settle()
  expect(parked.outcome).toBe('waits')
  clock.advance(1)
  await settle()
  expect(parked.outcome).toBe('REQUEST_TIMED_OUT')
})

test('a shard says when its disk is far behind, and when it has caught up', async () => {
  const shard = await loadedShard()
  add(shard, 'a', 1)
  const name = 'b'.repeat(1024 * 1024)
  for (let count = 0; count < 4; count++) {
    expect(shard.isBehind).toBe(false)
    add(shard, name, 1)
  }
  expect(shard.isBehind).toBe(true)
  log.sync()
  await settle()
  expect(shard.isBehind).toBe(false)
})

test('a stalled disk does not keep anybody waiting for a shard that closes', async () => {
  const shard = await loadedShard()
  const added = add(shard, 'a', 5)
  const closed = shard.close()
  clock.advance(5000)
  await settle()
  expect(added.outcome).toBe('REQUEST_TIMED_OUT')
  log.sync()
  await closed
  expect(clock.pendingCount).toBe(0)
})

test('closing waits for what was decided and lets go of the rest', async () => {
  const shard = await loadedShard()
  const added = add(shard, 'a', 5)
  const queued = add(shard, 'a', 1)
  const parked = observed(shard.submit(ticket => ({ type: 'wait', ticket, untilMs: 1000 })))
  const closed = shard.close()
  const late = read(shard, 'a')
  await settle()
  expect(late.outcome).toBe('COORDINATOR_NOT_AVAILABLE')
  expect(parked.outcome).toBe('waits')
  log.sync()
  await settle()
  log.sync()
  await closed
  await settle()
  expect([added.outcome, queued.outcome, parked.outcome]).toEqual([5, 6, 'NOT_COORDINATOR'])
  expect(clock.pendingCount).toBe(0)
})

test('closing ends although the last append fails', async () => {
  const shard = await loadedShard()
  const added = add(shard, 'a', 5)
  const closed = shard.close()
  log.fail()
  await closed
  await settle()
  expect(added.outcome).toBe('NOT_COORDINATOR')
})

test('a wrong belief stops the shard and is reported, and nobody waits for ever', async () => {
  const shard = await loadedShard()
  const parked = observed(shard.submit(ticket => ({ type: 'wait', ticket, untilMs: 1000 })))
  const asked = observed(shard.submit(ticket => ({ type: 'break', ticket })))
  await settle()
  expect(broken).toHaveLength(1)
  expect([parked.outcome, asked.outcome]).toEqual(['NOT_COORDINATOR', 'NOT_COORDINATOR'])
  const late = read(shard, 'a')
  await settle()
  expect(late.outcome).toBe('COORDINATOR_NOT_AVAILABLE')
})
