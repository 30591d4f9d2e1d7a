import type { TopicConfigs } from '../../src/config/topic-configs.ts'
import { manualClock } from '../../src/io/manual-clock.ts'
import type { ManualClock } from '../../src/io/manual-clock.ts'
import { Partition } from '../../src/partition/partition.ts'
import { buildBatch } from '../../src/record/records.ts'
import type { BatchOptions } from '../../src/record/records.ts'
import type { PartitionLog } from '../../src/storage/partition-log.ts'

export const topicId = 'AAAAAAAAAAAAAAAAAAAAAg'
export const producerIdExpirationMs = 86_400_000
export const topicConfigs: TopicConfigs = {
  segmentBytes: 1 << 30,
  segmentMs: 604_800_000,
  segmentJitterMs: 0,
  segmentIndexBytes: 10 << 20,
  indexIntervalBytes: 4096,
  retentionBytes: -1,
  retentionMs: 604_800_000,
  fileDeleteDelayMs: 60_000,
  maxMessageBytes: 1_048_588,
  messageTimestampType: 'CreateTime',
  messageTimestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  messageTimestampAfterMaxMs: 3_600_000,
  compressionType: 'producer',
  compressionLevels: { gzip: -1, zstd: 3 },
  cleanupPolicy: { delete: true, compact: false },
  minInsyncReplicas: 1,
  deleteRetentionMs: 86_400_000,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  minCleanableDirtyRatio: 0.5,
  flushMessages: Number.MAX_SAFE_INTEGER,
  flushMs: Number.MAX_SAFE_INTEGER
}

export interface OpenOptions {
  readonly configs?: Partial<TopicConfigs>
  readonly leaderEpoch?: number
  readonly clock?: ManualClock
  readonly producerIdExpirationMs?: number
}

export function openPartition(log: PartitionLog, options: OpenOptions = {}): Promise<Partition> {
  return Partition.open({
    topic: 'orders',
    topicId,
    partition: 0,
    leaderEpoch: options.leaderEpoch ?? 0,
    log,
    configs: { ...topicConfigs, ...options.configs },
    clock: options.clock ?? manualClock(),
    ownerEpoch: 0,
    producerIdExpirationMs: options.producerIdExpirationMs ?? producerIdExpirationMs
  })
}

export interface ProducerFields {
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly isTransactional?: boolean
}

/** A batch as a client sends it, one record for each value. */
export function clientBatch(
  values: readonly string[],
  options: ProducerFields & Partial<BatchOptions> = {}
): Buffer {
  const records = values.map(value => ({ key: null, value: Buffer.from(value) }))
  return buildBatch({ records, timestampMs: 1_700_000_000_000, ...options })
}

/** A batch of an idempotent producer. */
export function idempotentBatch(baseSequence: number, count = 1, producerEpoch = 0): Buffer {
  const values = Array.from({ length: count }, (_, index) => `${baseSequence + index}`)
  return clientBatch(values, { producerId: 7, producerEpoch, baseSequence })
}
