import { failure, type Failure, type Result } from '../base/result.ts'
import * as batch from '../record/batch.ts'
import { readRecords, type Record } from '../record/records.ts'
import type { PartitionLog, ReadError } from '../storage/partition-log.ts'
import { walkLog } from './log-reading.ts'
import type { ReplayedBatch } from './partition-data.ts'

/**
 * Opens every batch of a log, in order, and hands its records over; they are views that end with
 * the call of `onBatch`.
 *
 * @returns CORRUPT at a batch whose records cannot be read: nothing behind it is handed over
 */
export async function replayLog(
  log: PartitionLog,
  onBatch: (records: readonly Record[], batch: ReplayedBatch) => void
): Promise<Result<void, ReadError>> {
  let fault: Failure<ReadError> | null = null
  const walked = await walkLog(log, (bytes, at) => {
    if (fault !== null) return
    const records = readRecords(bytes, at)
    if (!records.ok) {
      fault = failure('CORRUPT', records.detail)
      return
    }
    onBatch([...records.value], {
      baseOffset: batch.baseOffset(bytes, at),
      lastOffset: batch.lastOffset(bytes, at),
      producerId: batch.producerId(bytes, at),
      producerEpoch: batch.producerEpoch(bytes, at),
      isTransactional: batch.isTransactional(bytes, at),
      isControl: batch.isControl(bytes, at)
    })
  })
  return fault ?? walked
}
