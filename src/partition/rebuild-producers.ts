import type { Result } from '../base/result.ts'
import * as batch from '../record/batch.ts'
import { readEndTxnMarker } from '../record/control.ts'
import type { PartitionLog, ReadError } from '../storage/partition-log.ts'
import { walkLog } from './log-reading.ts'
import type { ProducerState, SequencedBatch } from '../storage/producer-state.ts'

/**
 * Reads a whole log into an empty producer state, as Kafka does for the part behind its last
 * snapshot. Nothing is checked: what is in the log was accepted.
 *
 * @param nowMs counts as the moment the producers were last heard of: forgetting one too early
 *   would let a repeated batch in twice, forgetting it late costs memory only
 */
export function rebuildProducers(
  log: PartitionLog,
  producers: ProducerState,
  nowMs: number
): Promise<Result<void, ReadError>> {
  return walkLog(log, (bytes, at) => takeIn(producers, bytes, at, nowMs))
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
