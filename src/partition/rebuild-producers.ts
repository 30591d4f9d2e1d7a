import { producersPerPartitionMax } from '../limits.ts'
import * as batch from '../record/batch.ts'
import { readEndTxnMarker } from '../record/control.ts'
import type { PartitionLog } from '../storage/partition-log.ts'
import { decodeProducerSnapshot } from '../storage/producer-snapshot.ts'
import { ProducerState, type SequencedBatch } from '../storage/producer-state.ts'
import { walkLog } from './log-reading.ts'
import type { PartitionOpening, SnapshotFault } from './partition-data.ts'

/** The producers of a log, and what it took to know them. */
export interface RebuiltProducers extends PartitionOpening {
  readonly producers: ProducerState
}

export interface LogOfProducers {
  readonly log: PartitionLog
  readonly topicId: string
  readonly partition: number
  /** Kafka: producer.id.expiration.ms. */
  readonly producerIdExpirationMs: number
}

/**
 * Learns the producers of a log from its newest snapshot that holds and the batches behind it, or
 * from the whole log. Nothing is checked: what is in the log was accepted.
 *
 * @param nowMs counts as the moment the producers of the batches were last heard of: forgetting one
 *   too early would let a repeated batch in twice, forgetting it late costs memory only
 */
export async function rebuildProducers(
  of: LogOfProducers,
  nowMs: number
): Promise<RebuiltProducers> {
  const { log, producerIdExpirationMs } = of
  const limits = { producerIdExpirationMs, producerCountMax: producersPerPartitionMax }
  const producers = new ProducerState(limits)
  const passedOver: SnapshotFault[] = []
  const fromOffset = (await restoreNewest(of, producers, passedOver, nowMs)) ?? log.logStartOffset
  producers.onLogStartOffset(log.logStartOffset)
  let sizeRead = 0
  const walked = await walkLog(
    log,
    (bytes, at) => {
      sizeRead += batch.batchSize(bytes, at)
      takeIn(producers, bytes, at, nowMs)
    },
    fromOffset
  )
  if (walked.ok) return { producers, damage: null, sizeRead, passedOver }
  // Half a state would refuse producers that are in order; with none, any next sequence is
  // accepted.
  const damage = { error: walked.error, detail: walked.detail }
  return { producers: new ProducerState(limits), damage, sizeRead, passedOver }
}

/**
 * Begins with the newest snapshot that holds; the offset that it is of, null when there is none.
 * One of less than the log's start does not help: what came between is gone.
 */
async function restoreNewest(
  { log, topicId, partition }: LogOfProducers,
  producers: ProducerState,
  passedOver: SnapshotFault[],
  nowMs: number
): Promise<number | null> {
  for (const offset of log.snapshots.offsets) {
    if (offset < log.logStartOffset) return null
    const content = await log.snapshots.read(offset)
    if (content === null) {
      passedOver.push({ offset, detail: 'it cannot be read' })
      continue
    }
    const decoded = decodeProducerSnapshot(content, { topicId, partition, offset })
    if (decoded.ok) {
      producers.restore(decoded.value.producers, decoded.value.aborted, nowMs)
      return offset
    }
    passedOver.push({ offset, detail: decoded.detail ?? decoded.error })
  }
  return null
}

function takeIn(producers: ProducerState, bytes: Buffer, at: number, nowMs: number): void {
  if (batch.producerId(bytes, at) < 0) return
  if (!batch.isControl(bytes, at)) {
    producers.append(sequencedBatch(bytes, at), nowMs)
    return
  }
  const marker = readEndTxnMarker(bytes, at)
  // Other kinds of control batches, and markers that compaction has emptied, end no transaction.
  if (!marker.ok || marker.value === null) return
  producers.complete(
    {
      producerId: batch.producerId(bytes, at),
      producerEpoch: batch.producerEpoch(bytes, at),
      coordinatorEpoch: marker.value.coordinatorEpoch,
      type: marker.value.result,
      offset: batch.baseOffset(bytes, at),
      timestampMs: batch.maxTimestampMs(bytes, at)
    },
    nowMs
  )
}

/** What the header of a data batch with a producer id says. Its offsets must be stamped already. */
export function sequencedBatch(bytes: Buffer, at: number): SequencedBatch {
  const maxTimestampMs = batch.maxTimestampMs(bytes, at)
  return {
    producerId: batch.producerId(bytes, at),
    producerEpoch: batch.producerEpoch(bytes, at),
    baseSequence: batch.baseSequence(bytes, at),
    lastSequence: batch.lastSequence(bytes, at),
    baseOffset: batch.baseOffset(bytes, at),
    lastOffset: batch.lastOffset(bytes, at),
    maxTimestampMs,
    logAppendTimeMs: batch.isLogAppendTime(bytes, at) ? maxTimestampMs : batch.noTimestamp,
    isTransactional: batch.isTransactional(bytes, at)
  }
}
