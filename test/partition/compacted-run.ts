import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'vitest'
import { unreachable } from '../../src/base/assert.ts'
import type { Result } from '../../src/base/result.ts'
import type { TopicConfigs } from '../../src/config/topic-configs.ts'
import type { DurabilityMode } from '../../src/config/durability-mode.ts'
import type { Files } from '../../src/io/files.ts'
import { manualClock } from '../../src/io/manual-clock.ts'
import { seededRandom } from '../../src/io/seeded-random.ts'
import { Partition } from '../../src/partition/partition.ts'
import * as batch from '../../src/record/batch.ts'
import { readControlType } from '../../src/record/control.ts'
import { buildBatch, readRecords } from '../../src/record/records.ts'
import { LogDirectory } from '../../src/storage/local/log-dir.ts'
import type { LocalLog } from '../../src/storage/local/local-log.ts'
import type { CompactionError, CompactionOutcome } from '../../src/storage/partition-log.ts'
import { silentLogger } from '../../src/telemetry/logger.ts'
import { topicConfigs, topicId } from './fixture.ts'

export const startMs = 1_700_000_000_000
export const compactedConfigs: TopicConfigs = {
  ...topicConfigs,
  segmentBytes: 500,
  indexIntervalBytes: 100,
  cleanupPolicy: { delete: false, compact: true },
  deleteRetentionMs: 1000,
  fileDeleteDelayMs: 10
}

/** What a producer sends: a value of null takes the key away. */
export interface SentRecord {
  readonly key: number
  readonly value: string | null
}

export type CompactionStep =
  | {
      readonly type: 'send'
      /** 0 is a plain producer, 1 an idempotent one, 2 and 3 are transactional. */
      readonly producer: number
      readonly records: readonly SentRecord[]
      readonly codec: batch.Compression
    }
  | { readonly type: 'end'; readonly producer: number; readonly result: 'commit' | 'abort' }
  | { readonly type: 'compact' }
  | { readonly type: 'advance'; readonly ms: number }
  | { readonly type: 'reopen' | 'drop' }

/** A record as it was sent, or is found. */
export interface KnownRecord {
  readonly offset: number
  readonly key: string
  readonly value: string | null
  readonly timestampMs: number
}

/** What was sent, and what became of it. */
export interface CompactedModel {
  readonly records: (KnownRecord & { readonly transaction: number | null })[]
  /** By number; null while it is open. */
  readonly transactions: ('commit' | 'abort' | null)[]
  readonly open: Map<number, number>
  readonly sequences: Map<number, number>
}

export function newModel(): CompactedModel {
  return { records: [], transactions: [], open: new Map(), sequences: new Map() }
}

/** A partition of a compacted topic over a log on some files, life after life. */
export class CompactedRun {
  readonly clock = manualClock(startMs)
  readonly model: CompactedModel
  readonly #files: Files
  readonly #durability: DurabilityMode
  readonly #configs: TopicConfigs
  failures: unknown[] = []
  log!: LocalLog
  partition!: Partition
  #directory!: LogDirectory

  /** @param model what was sent in an earlier life */
  constructor(
    files: Files,
    durability: DurabilityMode,
    configs: Partial<TopicConfigs> = {},
    model: CompactedModel = newModel()
  ) {
    this.model = model
    this.#files = files
    this.#durability = durability
    this.#configs = { ...compactedConfigs, ...configs }
  }

  async open(): Promise<void> {
    this.#directory = await LogDirectory.open({
      files: this.#files,
      path: '/data',
      durability: this.#durability,
      clock: this.clock,
      random: seededRandom(1),
      logger: silentLogger,
      onFailure: error => void this.failures.push(error)
    })
    if (this.#directory.clusterId === null) await this.#directory.initialize('test-cluster', 1)
    const name = { topic: 'orders', topicId, partition: 0 }
    const { clock } = this
    this.log = await this.#directory.openLog(name, this.#configs)
    const own = { log: this.log, configs: this.#configs, clock, leaderEpoch: 0, ownerEpoch: 0 }
    this.partition = await Partition.open({ ...name, ...own, producerIdExpirationMs: 86_400_000 })
  }

  async close(): Promise<void> {
    await this.partition.close()
    await this.#directory.close()
  }

  async do(step: CompactionStep): Promise<void> {
    switch (step.type) {
      case 'send':
        return this.#send(step)
      case 'end':
        return this.#end(step.producer, step.result)
      case 'compact':
        await this.compact()
        return undefined
      case 'advance':
        return this.clock.advance(step.ms)
      case 'reopen':
        await this.close()
        return this.open()
      case 'drop':
        // A process that dies removes nothing any more; what this one has begun has to end.
        await nextTurn()
        return this.open()
      default:
        return unreachable(step)
    }
  }

  /** @throws when it does not succeed */
  async compact(dedupeBufferSize = 1024): Promise<CompactionOutcome> {
    const compacted = await this.tryCompact(dedupeBufferSize)
    if (!compacted.ok) throw new Error(`${compacted.error}: ${compacted.detail}`)
    return compacted.value
  }

  tryCompact(dedupeBufferSize = 1024): Promise<Result<CompactionOutcome, CompactionError>> {
    return this.partition.compaction.run(this.clock.wallMs(), {
      dedupeBufferSize,
      dedupeLoadFactor: 0.9,
      proceed: () => Promise.resolve(true)
    })
  }

  async #send(step: CompactionStep & { type: 'send' }): Promise<void> {
    const { producer, codec } = step
    const { model } = this
    const isTransactional = producer >= 2
    const timestampMs = this.clock.wallMs()
    const baseSequence = model.sequences.get(producer) ?? 0
    const count = step.records.length
    const sequence = producer === 0 ? {} : { producerId: producer, producerEpoch: 0, baseSequence }
    const records = step.records.map(({ key, value }, index) => ({
      key: Buffer.from(`key ${key}`),
      value: value === null ? null : Buffer.from(value),
      timestampMs: timestampMs - index,
      headers: [{ key: 'of', value: Buffer.from(`${producer}`) }]
    }))
    const bytes = buildBatch({ records, compression: codec, isTransactional, ...sequence })
    const options = { acks: -1, produceVersion: 9, isTransactionVerified: isTransactional }
    const appended = await this.partition.append(bytes, options)
    if (!appended.ok) throw new Error(`${appended.error}: ${appended.detail}`)
    if (producer > 0) model.sequences.set(producer, baseSequence + count)
    if (isTransactional && !model.open.has(producer)) {
      model.open.set(producer, model.transactions.push(null) - 1)
    }
    for (const [index, { key, value }] of step.records.entries()) {
      model.records.push({
        offset: appended.value.baseOffset + index,
        key: `key ${key}`,
        value,
        timestampMs: timestampMs - index,
        transaction: model.open.get(producer) ?? null
      })
    }
  }

  async #end(producer: number, result: 'commit' | 'abort'): Promise<void> {
    const transaction = this.model.open.get(producer)
    if (transaction === undefined) return
    const ended = await this.partition.endTransaction({
      producerId: producer,
      producerEpoch: 0,
      coordinatorEpoch: 0,
      result,
      transactionVersion: 1
    })
    if (!ended.ok) throw new Error(`${ended.error}: ${ended.detail}`)
    this.model.transactions[transaction] = result
    this.model.open.delete(producer)
  }
}

/** What is found in a partition by one that reads it as the Java consumer does. */
export interface FoundInPartition {
  /** In the order in which they are read. */
  readonly all: readonly KnownRecord[]
  /** Those that a reader of committed records keeps. */
  readonly committed: readonly KnownRecord[]
  readonly batches: readonly { readonly baseOffset: number; readonly lastOffset: number }[]
}

export async function readPartition(partition: Partition): Promise<FoundInPartition> {
  const found = { all: [] as KnownRecord[], committed: [] as KnownRecord[], batches: [] as never[] }
  const batches: { baseOffset: number; lastOffset: number }[] = []
  const aborting = new Set<number>()
  let fromOffset = partition.logStartOffset
  while (fromOffset < partition.lastStableOffset) {
    const read = await partition.read({
      fromOffset,
      maxBytes: 700,
      isolationLevel: 'READ_COMMITTED',
      currentLeaderEpoch: -1,
      minOneBatch: true
    })
    if (!read.ok) throw new Error(`${read.error} at ${fromOffset}: ${read.detail}`)
    const { bytes } = read.value
    if (bytes.length === 0) break
    const aborted = [...(read.value.abortedTransactions ?? [])]
    for (const at of batch.batchPositions(bytes)) {
      const lastOffset = batch.lastOffset(bytes, at)
      batches.push({ baseOffset: batch.baseOffset(bytes, at), lastOffset })
      fromOffset = lastOffset + 1
      const producerId = batch.producerId(bytes, at)
      while (aborted[0] !== undefined && aborted[0].firstOffset <= lastOffset) {
        aborting.add(aborted.shift()!.producerId)
      }
      const records = readRecords(bytes, at)
      if (!records.ok) throw new Error(`${records.error} at ${lastOffset}`)
      if (batch.isControl(bytes, at)) {
        for (const { key } of records.value) {
          if (key !== null && readControlType(key) === 'abort') aborting.delete(producerId)
        }
        continue
      }
      const isAborted = batch.isTransactional(bytes, at) && aborting.has(producerId)
      for (const { offset, key, value, timestampMs } of records.value) {
        const record = {
          offset,
          key: key!.toString(),
          value: value?.toString() ?? null,
          timestampMs
        }
        found.all.push(record)
        if (!isAborted) found.committed.push(record)
      }
    }
    read.value.release()
  }
  return { ...found, batches }
}

/** The last value of each key; keys that were taken away have none. */
export function lastValues(records: readonly KnownRecord[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const { key, value } of records) {
    values.delete(key)
    if (value !== null) values.set(key, value)
  }
  return new Map([...values].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/**
 * Holds a partition against what was sent to it: offsets, order and both ends stay, what is there
 * was sent, and the last committed value of each key is there.
 *
 * @param logEndOffset null: the end of the log may have been lost
 * @throws AssertionError
 */
export async function checkCompacted(
  run: CompactedRun,
  logEndOffset: number | null
): Promise<void> {
  const { partition, model, log } = run
  const expectedEnd = logEndOffset ?? partition.logEndOffset
  expect([partition.logStartOffset, partition.logEndOffset]).toEqual([0, expectedEnd])
  expect(log.damage).toEqual([])
  expect(run.failures).toEqual([])
  const found = await readPartition(partition)
  for (const [index, { baseOffset }] of found.batches.entries()) {
    if (index > 0) expect(baseOffset).toBeGreaterThan(found.batches[index - 1]!.lastOffset)
  }
  const sent = new Map(model.records.map(each => [each.offset, each]))
  for (const each of found.all) {
    const { offset = -1, key, value, timestampMs } = sent.get(each.offset) ?? {}
    expect(each).toEqual({ offset, key, value, timestampMs })
  }
  const committed = committedRecords(model, partition.lastStableOffset)
  expect(lastValues(found.committed)).toEqual(lastValues(committed))
}

/** The records that were committed, below an offset. */
export function committedRecords(model: CompactedModel, below: number): readonly KnownRecord[] {
  return model.records.filter(({ offset, transaction }) => {
    return offset < below && (transaction === null || model.transactions[transaction] === 'commit')
  })
}
