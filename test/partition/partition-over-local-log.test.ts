import { expect, test } from 'vitest'
import * as fc from 'fast-check'
import type { DurabilityMode } from '../../src/config/durability-mode.ts'
import type { Files } from '../../src/io/files.ts'
import { manualClock } from '../../src/io/manual-clock.ts'
import { memoryFiles } from '../../src/io/memory-files.ts'
import { seededRandom } from '../../src/io/seeded-random.ts'
import { Partition } from '../../src/partition/partition.ts'
import type { AppendInfo } from '../../src/partition/partition.ts'
import * as batch from '../../src/record/batch.ts'
import { buildBatch } from '../../src/record/records.ts'
import { LogDirectory } from '../../src/storage/local/log-dir.ts'
import { silentLogger } from '../../src/telemetry/logger.ts'
import { topicConfigs, topicId } from './fixture.ts'

const acked = { acks: -1, produceVersion: 9 }
const startMs = 1_700_000_000_000
/** Small segments and a dense index, so that a few hundred records cross both. */
const configs = { ...topicConfigs, segmentBytes: 2_000, indexIntervalBytes: 200 }

interface Run {
  readonly directory: LogDirectory
  readonly partition: Partition
}

/** One run of a broker over a disk that outlives it. */
async function open(files: Files, durability: DurabilityMode): Promise<Run> {
  const clock = manualClock(startMs)
  const directory = await LogDirectory.open({
    files,
    path: '/data',
    durability,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    onFailure(error) {
      throw error
    }
  })
  if (directory.clusterId === null) await directory.initialize('c2l4dGVlbi1ieXRlcy1pZA')
  const log = await directory.openLog({ topic: 'orders', topicId, partition: 0 }, configs)
  const partition = await Partition.open({
    topic: 'orders',
    topicId,
    partition: 0,
    leaderEpoch: 0,
    log,
    configs,
    clock,
    ownerEpoch: 0,
    producerIdExpirationMs: 86_400_000
  })
  return { directory, partition }
}

async function close({ directory, partition }: Run): Promise<void> {
  await partition.close()
  await directory.close()
}

interface SentBatch {
  readonly producerId: number
  readonly baseSequence: number
  readonly count: number
  readonly info: AppendInfo
}

/**
 * The records of a batch are named after their producer and sequence, their times after the
 * sequence.
 */
function bytesOf({ producerId, baseSequence, count }: Omit<SentBatch, 'info'>): Buffer {
  const records = Array.from({ length: count }, (_, index) => ({
    key: null,
    value: Buffer.from(`${producerId}:${baseSequence + index}`),
    timestampMs: startMs - 100_000 + baseSequence + index
  }))
  return buildBatch({ records, producerId, producerEpoch: 0, baseSequence })
}

async function append(partition: Partition, sent: Omit<SentBatch, 'info'>): Promise<AppendInfo> {
  const result = await partition.append(bytesOf(sent), acked)
  if (!result.ok) throw new Error(`${result.error}: ${result.detail}`)
  return result.value
}

/**
 * All records from `fromOffset` on, through reads of a size, as a consumer goes on from batch to
 * batch.
 */
async function consume(
  partition: Partition,
  fromOffset: number,
  maxBytes: number
): Promise<string[]> {
  const values: string[] = []
  let offset = fromOffset
  while (offset < partition.highWatermark) {
    const read = await partition.read({
      fromOffset: offset,
      maxBytes,
      isolationLevel: 'READ_COMMITTED',
      currentLeaderEpoch: 0,
      minOneBatch: true
    })
    if (!read.ok) throw new Error(read.error)
    const { bytes } = read.value
    expect(bytes.length).toBeGreaterThan(0)
    for (const at of batch.batchPositions(bytes)) {
      values.push(...valuesOf(bytes, at, offset))
      offset = batch.lastOffset(bytes, at) + 1
    }
    read.value.release()
  }
  return values
}

function valuesOf(bytes: Buffer, at: number, fromOffset: number): string[] {
  const base = batch.baseOffset(bytes, at)
  const first = `${batch.baseSequence(bytes, at)}`
  const names: string[] = []
  for (let offset = Math.max(base, fromOffset); offset <= batch.lastOffset(bytes, at); offset++) {
    names.push(`${batch.producerId(bytes, at)}:${Number(first) + offset - base}`)
  }
  return names
}

test('batches that are repeated over restarts are stored once, and in order', async () => {
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        type: fc.constant('send' as const),
        producerId: fc.integer({ min: 1, max: 2 }),
        count: fc.integer({ min: 1, max: 6 })
      })
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant('repeat' as const),
        producerId: fc.integer({ min: 1, max: 2 }),
        count: fc.integer({ min: 1, max: 5 })
      })
    },
    { weight: 1, arbitrary: fc.constant({ type: 'restart' as const, producerId: 0, count: 0 }) }
  )
  const modes = fc.constantFrom<DurabilityMode>('memory', 'os', 'fsync')
  await fc.assert(
    fc.asyncProperty(modes, fc.array(step, { maxLength: 60 }), async (mode, steps) => {
      const files = memoryFiles()
      let run = await open(files, mode)
      const sent: SentBatch[] = []
      const expected: string[] = []
      for (const { type, producerId, count } of steps) {
        const own = sent.filter(each => each.producerId === producerId)
        const last = own.at(-1)
        if (type === 'restart') {
          await close(run)
          run = await open(files, mode)
        } else if (type === 'send') {
          const baseSequence = last === undefined ? 0 : last.baseSequence + last.count
          const info = await append(run.partition, { producerId, baseSequence, count })
          expect(info.baseOffset).toBe(expected.length)
          sent.push({ producerId, baseSequence, count, info })
          for (let n = 0; n < count; n++) expected.push(`${producerId}:${baseSequence + n}`)
        } else {
          const repeated = own.at(-count)
          if (repeated === undefined) continue
          const { baseOffset, lastOffset } = await append(run.partition, repeated)
          expect([baseOffset, lastOffset]).toEqual([
            repeated.info.baseOffset,
            repeated.info.lastOffset
          ])
        }
        expect(run.partition.highWatermark).toBe(expected.length)
      }
      expect(await consume(run.partition, 0, 150)).toEqual(expected)
      const middle = Math.floor(expected.length / 2)
      expect(await consume(run.partition, middle, 1 << 20)).toEqual(expected.slice(middle))
      await close(run)
    }),
    { numRuns: 40 }
  )
})

test('a search by time finds what a look at every record finds, across segments', async () => {
  const run = await open(memoryFiles(), 'memory')
  const times: number[] = []
  const random = seededRandom(5)
  for (let n = 0; n < 60; n++) {
    const records = Array.from({ length: 1 + (n % 4) }, () => {
      const timestampMs = startMs - random.bytes(2).readUInt16BE()
      times.push(timestampMs)
      return { key: null, value: null, timestampMs }
    })
    const compression = n % 3 === 0 ? 'gzip' : 'none'
    await run.partition.append(buildBatch({ records, compression }), acked)
  }
  await run.partition.deleteRecords(5)
  for (let n = 0; n < 100; n++) {
    const timestamp = startMs - random.bytes(2).readUInt16BE()
    const offset = times.findIndex((each, at) => at >= 5 && each >= timestamp)
    const found = await run.partition.listOffset(timestamp, 'READ_UNCOMMITTED', -1)
    expect(found).toMatchObject({ ok: true, value: { offset, timestampMs: times[offset] ?? -1 } })
  }
  const largestMs = Math.max(...times)
  expect(await run.partition.listOffset(-3, 'READ_UNCOMMITTED', -1)).toMatchObject({
    value: { timestampMs: largestMs, offset: times.indexOf(largestMs) }
  })
  await close(run)
})

test('deleted records and leader epochs survive a restart', async () => {
  const files = memoryFiles()
  const first = await open(files, 'fsync')
  for (let sequence = 0; sequence < 9; sequence++) {
    await append(first.partition, { producerId: 1, baseSequence: sequence, count: 1 })
  }
  expect(await first.partition.deleteRecords(4)).toMatchObject({ value: { logStartOffset: 4 } })
  await close(first)
  const second = await open(files, 'fsync')
  expect([second.partition.logStartOffset, second.partition.highWatermark]).toEqual([4, 9])
  expect(second.partition.endOffsetForEpoch(0, -1)).toMatchObject({ value: { endOffset: 9 } })
  const repeated = await append(second.partition, { producerId: 1, baseSequence: 8, count: 1 })
  expect(repeated.baseOffset).toBe(8)
  await close(second)
})
