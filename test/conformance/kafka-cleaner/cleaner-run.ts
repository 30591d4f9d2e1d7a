import { deepEqual } from 'node:assert/strict'
import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { unreachable } from '../../../src/base/assert.ts'
import type { Result } from '../../../src/base/result.ts'
import type { TopicConfigs } from '../../../src/config/topic-configs.ts'
import { readWhole } from '../../../src/io/files.ts'
import { manualClock } from '../../../src/io/manual-clock.ts'
import { memoryFiles } from '../../../src/io/memory-files.ts'
import { seededRandom } from '../../../src/io/seeded-random.ts'
import { Partition } from '../../../src/partition/partition.ts'
import type { Compression } from '../../../src/record/batch.ts'
import { buildBatch } from '../../../src/record/records.ts'
import { LogDirectory } from '../../../src/storage/local/log-dir.ts'
import type { LocalLog } from '../../../src/storage/local/local-log.ts'
import { silentLogger } from '../../../src/telemetry/logger.ts'
import { topicConfigs, topicId } from '../../partition/fixture.ts'
import type {
  CleanerAnswer,
  CleanerRequest,
  DescribedSegment,
  KafkaCleaner
} from './kafka-cleaner.ts'

export interface SentRecord {
  /** Null for one without a key, which a topic refuses while it compacts. */
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly { readonly key: string; readonly value: string | null }[]
  /** Against the clock, ms; null for a record without a timestamp. */
  readonly aheadMs: number | null
}

/** The configs that a history changes. */
export type ChangedConfigs = Partial<
  Pick<
    TopicConfigs,
    | 'cleanupPolicy'
    | 'deleteRetentionMs'
    | 'minCompactionLagMs'
    | 'maxCompactionLagMs'
    | 'minCleanableDirtyRatio'
    | 'segmentBytes'
    | 'messageTimestampType'
    | 'retentionBytes'
    | 'retentionMs'
  >
>

/** Producer 0 is a plain one, 1 is idempotent, the others are transactional. */
export type CleanerStep =
  | {
      readonly type: 'send'
      readonly producer: number
      readonly records: readonly SentRecord[]
      readonly codec: Compression
    }
  | {
      readonly type: 'end'
      readonly producer: number
      readonly result: 'commit' | 'abort'
      /** 2: the marker raises the producer's epoch (KIP-890). */
      readonly transactionVersion: 1 | 2
    }
  /** Compacts, with room for so many keys. */
  | { readonly type: 'compact'; readonly slots: number }
  | { readonly type: 'retain' | 'reopen' }
  /** Deletes the records before that share of the log. */
  | { readonly type: 'deleteRecords'; readonly share: number }
  | { readonly type: 'advance'; readonly ms: number }
  | { readonly type: 'configure'; readonly configs: ChangedConfigs }

const loadFactor = 0.9
/** Bytes, here as in Kafka. */
const slotSize = 24

interface ProducerSequence {
  epoch: number
  nextSequence: number
  /** Where its open transaction began. */
  openSince: number | null
}

/**
 * One partition of odradek that goes through a history. Before each compaction and each round of
 * retention its segments are handed to Kafka's own code, which is asked to do the same at the same
 * moment; what is left has to be the same.
 */
class CleanerRun {
  readonly #kafka: Pick<KafkaCleaner, 'ask'>
  /** A folder of this run's own. */
  readonly #scratch: string
  readonly #clock = manualClock(1_700_000_000_000)
  readonly #files = memoryFiles()
  readonly #producers = new Map<number, ProducerSequence>()
  #configs: TopicConfigs = {
    ...topicConfigs,
    segmentBytes: 500,
    segmentIndexBytes: 4096,
    indexIntervalBytes: 100,
    cleanupPolicy: { delete: false, compact: true },
    deleteRetentionMs: 1000
  }
  #directory!: LogDirectory
  #log!: LocalLog
  #partition!: Partition
  /** What Kafka would have kept in its cleaner-offset-checkpoint. */
  #checkpoint = -1
  #comparedCount = 0

  constructor(kafka: Pick<KafkaCleaner, 'ask'>, scratch: string) {
    this.#kafka = kafka
    this.#scratch = scratch
  }

  /** How often the two were compared. */
  get comparedCount(): number {
    return this.#comparedCount
  }

  async open(): Promise<void> {
    this.#directory = await LogDirectory.open({
      files: this.#files,
      path: '/data',
      durability: 'fsync',
      clock: this.#clock,
      random: seededRandom(1),
      logger: silentLogger,
      onFailure(error) {
        throw error
      }
    })
    if (this.#directory.clusterId === null) await this.#directory.initialize('test-cluster', 1)
    const name = { topic: 'orders', topicId, partition: 0 }
    this.#log = await this.#directory.openLog(name, this.#configs)
    this.#partition = await Partition.open({
      ...name,
      log: this.#log,
      configs: this.#configs,
      clock: this.#clock,
      leaderEpoch: 0,
      ownerEpoch: 0,
      producerIdExpirationMs: 2 ** 31 - 1
    })
  }

  async close(): Promise<void> {
    await this.#partition.close()
    await this.#directory.close()
    rmSync(this.#scratch, { recursive: true, force: true })
  }

  /** @throws AssertionError when Kafka does something else */
  async do(step: CleanerStep): Promise<void> {
    switch (step.type) {
      case 'send':
        return this.#send(step)
      case 'end':
        return this.#end(step)
      case 'compact':
        return this.#isBegun ? this.#compact(step.slots * slotSize) : undefined
      case 'retain':
        return this.#isBegun ? this.#retain() : undefined
      case 'deleteRecords':
        return this.#deleteRecords(step.share)
      case 'advance':
        return this.#clock.advance(step.ms)
      case 'configure':
        this.#configs = { ...this.#configs, ...step.configs }
        return this.#partition.reconfigure(this.#configs)
      case 'reopen':
        await this.#partition.close()
        await this.#directory.close()
        return this.open()
      default:
        return unreachable(step)
    }
  }

  /** A log has no segment before its first batch, where Kafka has an empty one. */
  get #isBegun(): boolean {
    return this.#log.segments.all.length > 0
  }

  async #send({ producer, records, codec }: CleanerStep & { type: 'send' }): Promise<void> {
    const { compact } = this.#configs.cleanupPolicy
    const taken = compact ? records.filter(({ key }) => key !== null) : records
    if (taken.length === 0) return
    const sequence = this.#producer(producer)
    const isTransactional = producer >= 2
    const bytes = buildBatch({
      records: taken.map(({ key, value, headers, aheadMs }) => ({
        key: key === null ? null : Buffer.from(key),
        value: value === null ? null : Buffer.from(value),
        headers: headers.map(each => ({
          key: each.key,
          value: each.value === null ? null : Buffer.from(each.value)
        })),
        // Kafka forgets a producer without timestamps at once; here it is remembered for a while.
        timestampMs: aheadMs === null && producer === 0 ? -1 : this.#clock.wallMs() + (aheadMs ?? 0)
      })),
      compression: codec,
      isTransactional,
      ...(producer === 0
        ? {}
        : {
            producerId: producer,
            producerEpoch: sequence.epoch,
            baseSequence: sequence.nextSequence
          })
    })
    const options = { acks: -1, produceVersion: 9, isTransactionVerified: isTransactional }
    const { baseOffset } = succeeded(await this.#partition.append(bytes, options))
    sequence.nextSequence += taken.length
    if (isTransactional) sequence.openSince ??= baseOffset
  }

  async #end(step: CleanerStep & { type: 'end' }): Promise<void> {
    const { producer, result, transactionVersion } = step
    const sequence = this.#producer(producer)
    if (sequence.openSince === null) return
    if (transactionVersion === 2) {
      sequence.epoch++
      sequence.nextSequence = 0
    }
    sequence.openSince = null
    succeeded(
      await this.#partition.endTransaction({
        producerId: producer,
        producerEpoch: sequence.epoch,
        coordinatorEpoch: 0,
        result,
        transactionVersion
      })
    )
  }

  async #compact(dedupeBufferSize: number): Promise<void> {
    const wallMs = this.#clock.wallMs()
    const need = this.#partition.compaction.need(wallMs)
    if (need === null) return
    const { lastStableOffset } = this.#partition
    const means = { dedupeBufferSize, dedupeLoadFactor: loadFactor }
    const theirs = await this.#kafka.ask({ action: 'clean', ...this.#moment(means) })
    const outcome = succeeded(
      await this.#partition.compaction.run(wallMs, {
        ...means,
        proceed: () => Promise.resolve(true)
      })
    )
    const { firstDirtyOffset, nextDirtyOffset } = outcome
    const decided = { ...need, lastStableOffset, firstDirtyOffset, nextDirtyOffset }
    deepEqual(decided, decisionOf(theirs))
    this.#checkpoint = theirs.nextDirtyOffset
    await this.#compare(theirs)
  }

  async #retain(): Promise<void> {
    const means = { dedupeBufferSize: 0, dedupeLoadFactor: loadFactor }
    const theirs = await this.#kafka.ask({ action: 'retain', ...this.#moment(means) })
    succeeded(await this.#partition.applyRetention(this.#clock.wallMs()))
    await this.#compare(theirs)
    await this.#abortHeadless()
  }

  /** A topic that only compacts refuses it. */
  async #deleteRecords(share: number): Promise<void> {
    const { logStartOffset, logEndOffset } = this.#partition
    const beforeOffset = Math.round(logStartOffset + share * (logEndOffset - logStartOffset))
    await this.#partition.deleteRecords(beforeOffset)
    await this.#abortHeadless()
  }

  /** Of a transaction whose beginning is gone, the segments alone do not tell that it is open. */
  async #abortHeadless(): Promise<void> {
    for (const [producer, { openSince }] of this.#producers) {
      if (openSince === null || openSince >= this.#partition.logStartOffset) continue
      await this.#end({ type: 'end', producer, result: 'abort', transactionVersion: 1 })
    }
  }

  #producer(producer: number): ProducerSequence {
    const known = this.#producers.get(producer)
    if (known !== undefined) return known
    const sequence = { epoch: 0, nextSequence: 0, openSince: null }
    this.#producers.set(producer, sequence)
    return sequence
  }

  #moment(
    means: Pick<CleanerRequest & { action: 'clean' }, 'dedupeBufferSize' | 'dedupeLoadFactor'>
  ): Omit<CleanerRequest & { action: 'clean' }, 'action'> {
    return {
      folder: this.#export(),
      wallMs: this.#clock.wallMs(),
      logStartOffset: this.#partition.logStartOffset,
      lastFirstDirtyOffset: this.#checkpoint,
      ...means,
      configs: kafkaConfigs(this.#configs)
    }
  }

  /** Holds what Kafka has left against what is left here, both as Kafka reads it. */
  async #compare(theirs: CleanerAnswer): Promise<void> {
    const { logStartOffset } = this.#partition
    const ours = await this.#kafka.ask({ action: 'describe', folder: this.#export() })
    deepEqual(
      { logStartOffset, segments: visible(ours.segments, logStartOffset) },
      {
        logStartOffset: theirs.logStartOffset,
        segments: visible(theirs.segments, theirs.logStartOffset)
      }
    )
    this.#comparedCount++
  }

  /** Writes the segments as they are where Kafka can find them. */
  #export(): string {
    const folder = join(this.#scratch, 'orders-0')
    rmSync(this.#scratch, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    const segments = this.#log.segments.all
    for (const [index, { baseOffset, size }] of segments.entries()) {
      const name = `${String(baseOffset).padStart(20, '0')}.log`
      // An active segment has no file before its first batch.
      const bytes = size === 0 ? Buffer.alloc(0) : readWhole(this.#files, `/data/orders-0/${name}`)
      const path = join(folder, name)
      writeFileSync(path, bytes.subarray(0, size))
      const sealedMs = segments[index + 1]?.createdMs ?? this.#clock.wallMs()
      utimesSync(path, sealedMs / 1000, sealedMs / 1000)
    }
    return folder
  }
}

/**
 * Takes a partition through a history, and at last compacts it.
 *
 * @param scratch a folder of its own
 * @returns how often the two were compared
 * @throws AssertionError when Kafka does something else
 */
export async function runHistory(
  steps: readonly CleanerStep[],
  kafka: Pick<KafkaCleaner, 'ask'>,
  scratch: string
): Promise<number> {
  const run = new CleanerRun(kafka, scratch)
  await run.open()
  for (const step of steps) await run.do(step)
  await run.do({ type: 'compact', slots: 1000 })
  await run.close()
  return run.comparedCount
}

function succeeded<T>(result: Result<T, string>): T {
  if (!result.ok) throw new Error(`${result.error}: ${result.detail}`)
  return result.value
}

function decisionOf(answer: CleanerAnswer): Readonly<Record<string, unknown>> {
  const { isWanted, cleanableRatio, lastStableOffset, firstDirtyOffset, nextDirtyOffset } = answer
  return { isWanted, cleanableRatio, lastStableOffset, firstDirtyOffset, nextDirtyOffset }
}

/**
 * What has to be the same. The two differ in batches that nobody can read any more:
 *
 * - before the start of the log, where they go here, and stay in Kafka until their segment goes;
 * - markers that were emptied, which stay while their producer is remembered: Kafka, which is told
 *   of producers by the segments alone here, does not remember these.
 */
function visible(
  segments: readonly DescribedSegment[],
  logStartOffset: number
): readonly DescribedSegment[] {
  return segments.map(({ baseOffset, batches }) => ({
    baseOffset,
    batches: batches.filter(
      ({ lastOffset, isControl, records }) =>
        lastOffset >= logStartOffset && !(isControl && records.length === 0)
    )
  }))
}

function kafkaConfigs(configs: TopicConfigs): Readonly<Record<string, string | number>> {
  const { cleanupPolicy } = configs
  const policies = [cleanupPolicy.compact ? 'compact' : [], cleanupPolicy.delete ? 'delete' : []]
  return {
    'cleanup.policy': policies.flat().join(','),
    'delete.retention.ms': configs.deleteRetentionMs,
    'min.compaction.lag.ms': configs.minCompactionLagMs,
    'max.compaction.lag.ms': configs.maxCompactionLagMs,
    'min.cleanable.dirty.ratio': configs.minCleanableDirtyRatio,
    // segment.bytes has a larger minimum.
    'internal.segment.bytes': configs.segmentBytes,
    'segment.index.bytes': configs.segmentIndexBytes,
    'index.interval.bytes': configs.indexIntervalBytes,
    'retention.bytes': configs.retentionBytes,
    'retention.ms': configs.retentionMs
  }
}
