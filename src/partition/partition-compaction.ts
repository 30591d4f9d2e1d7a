import { failure, type Failure, type Result } from '../base/result.ts'
import type { TopicConfigs } from '../config/topic-configs.ts'
import type {
  Compaction,
  CompactionError,
  CompactionMoment,
  CompactionNeed,
  CompactionOutcome,
  LastRecord,
  PartitionLog
} from '../storage/partition-log.ts'
import type { ProducerState } from '../storage/producer-state.ts'
import type { ProducerSnapshots } from './producer-snapshots.ts'

/** What the broker lets a compaction use. */
export type CompactionMeans = Pick<Compaction, 'dedupeBufferSize' | 'dedupeLoadFactor' | 'proceed'>

/** Why a partition was not compacted. */
export type CompactionFailure = Failure<CompactionError>

export interface PartitionCompactionOptions {
  readonly log: PartitionLog
  readonly producers: ProducerState
  readonly snapshots: Pick<ProducerSnapshots, 'take'>
  readonly ownerEpoch: number
  readonly partition: {
    readonly isClosed: boolean
    readonly lastStableOffset: number
    readonly configs: TopicConfigs
  }
}

/** Lets the log of a partition be compacted, with what the partition knows of its producers. */
export class PartitionCompaction {
  readonly #options: PartitionCompactionOptions

  constructor(options: PartitionCompactionOptions) {
    const { log, producers, snapshots, ownerEpoch, partition } = options
    this.#options = { log, producers, snapshots, ownerEpoch, partition }
  }

  /** What compaction would do now; null when the topic wants none. */
  need(wallMs: number): CompactionNeed | null {
    const { log, partition } = this.#options
    if (partition.isClosed || !partition.configs.cleanupPolicy.compact) return null
    return log.compactionNeed({ wallMs, stableOffset: partition.lastStableOffset })
  }

  /** Keeps the newest record of each key; see `PartitionLog.compact`. */
  async run(
    wallMs: number,
    means: CompactionMeans
  ): Promise<Result<CompactionOutcome, CompactionError>> {
    const { log, producers, snapshots, ownerEpoch, partition } = this.#options
    if (partition.isClosed) return failure('INTERRUPTED', 'the partition is closed')
    const moment = { wallMs, stableOffset: partition.lastStableOffset }
    const compacted = await log.compact(ownerEpoch, compactionWith(producers, moment, means))
    // Compaction may have removed the snapshots, and the log alone tells less than before.
    if (log.snapshots.offsets.length === 0 && !partition.isClosed) await snapshots.take()
    return compacted
  }
}

/** A compaction as the log needs it. */
function compactionWith(
  producers: ProducerState,
  moment: CompactionMoment,
  means: CompactionMeans
): Compaction {
  return {
    ...moment,
    ...means,
    abortedRecords: (fromOffset, upToOffset) =>
      producers.abortedTransactions(fromOffset, upToOffset),
    lastRecords: () => lastRecords(producers),
    forgetAborted: markerOffsets => producers.forgetAborted(markerOffsets)
  }
}

/** Kafka: `ProducerStateManager.lastRecords`. */
function lastRecords(producers: ProducerState): ReadonlyMap<number, LastRecord> {
  const records = new Map<number, LastRecord>()
  for (const { producerId, producerEpoch, batches } of producers.producers()) {
    records.set(producerId, { lastDataOffset: batches.at(-1)?.lastOffset ?? null, producerEpoch })
  }
  return records
}
