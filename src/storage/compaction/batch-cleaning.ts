import { failure, success, type Result } from '../../base/result.ts'
import * as batch from '../../record/batch.ts'
import { readControlType } from '../../record/control.ts'
import { RecordCursor } from '../../record/record-cursor.ts'
import { openRecords, walkFault, type RecordsError } from '../../record/records.ts'
import {
  canRebase,
  emptiedBatch,
  retainedBatch,
  type RetainedRecord
} from '../../record/retained-batch.ts'
import type { LastRecord } from '../partition-log.ts'
import type { CleanedTransactions, ControlType } from './cleaned-transactions.ts'

/** What one compaction goes by. */
export interface CleaningRules {
  readonly nowMs: number
  /** Kafka: delete.retention.ms. */
  readonly deleteRetentionMs: number
  /** The newest offset of a key; -1 when it was not seen. */
  readonly keys: { get(key: Uint8Array): number }
  /** Records beyond were not looked at, and stay. */
  readonly latestOffset: number
  /** Where the log ends: the batch before stays, so that readers get there. */
  readonly logEndOffset: number
  readonly transactions: CleanedTransactions
  readonly lastRecords: ReadonlyMap<number, LastRecord>
}

export interface CleanedBatch {
  /** The batch as it stays, perhaps the very bytes; null when it goes. */
  readonly bytes: Buffer | null
  /** The offset of an abort marker of whose transaction nothing is left; null for other batches. */
  readonly finishedAbortOffset: number | null
}

/**
 * What stays of the batch at `at` (Kafka: `Cleaner.cleanInto` with `MemoryRecords.filterTo`).
 * Batches have to come in the order of the log.
 *
 * @returns INVALID_RECORD, CORRUPT_MESSAGE, MESSAGE_TOO_LARGE or UNSUPPORTED_COMPRESSION_TYPE for
 *   a batch that cannot be opened
 */
export function cleanBatch(
  buffer: Buffer,
  at: number,
  rules: CleaningRules
): Result<CleanedBatch, RecordsError> {
  const isControl = batch.isControl(buffer, at)
  const about = transactionalBatch(buffer, at)
  const controlType = isControl ? controlTypeOf(buffer, at) : null
  const isFinished = isControl
    ? rules.transactions.onControlBatch(about, controlType)
    : rules.transactions.onBatch(about)
  const finishedAbortOffset = isFinished && controlType === 'abort' ? about.lastOffset : null
  const horizonMs = batch.hasDeleteHorizon(buffer, at) ? batch.baseTimestampMs(buffer, at) : null
  const isPastHorizon = horizonMs !== null && horizonMs <= rules.nowMs
  const isDiscarded = isFinished && (!isControl || isPastHorizon)
  const staysEmpty =
    isLastOfProducer(buffer, at, rules) || about.lastOffset + 1 === rules.logEndOffset
  const empty = (): Buffer | null => (staysEmpty ? emptiedBatch(buffer, at) : null)
  if (isDiscarded) return success({ bytes: empty(), finishedAbortOffset })
  const filtered = filterRecords(buffer, at, { rules, isControl, isPastHorizon })
  if (!filtered.ok) return filtered
  const { retained, isWhole, hasTombstones, unpacked } = filtered.value
  if (retained.length === 0) return success({ bytes: empty(), finishedAbortOffset })
  const newHorizonMs = rules.nowMs + rules.deleteRetentionMs
  const wantsHorizon = horizonMs === null && (hasTombstones || (isControl && isFinished))
  const setsHorizon = wantsHorizon && canRebase(retained, newHorizonMs)
  const bytes =
    isWhole && !setsHorizon
      ? buffer.subarray(at, at + batch.batchSize(buffer, at))
      : retainedBatch(buffer, at, unpacked, retained, setsHorizon ? newHorizonMs : null)
  return success({ bytes, finishedAbortOffset })
}

/** What transactions are told of a batch. */
export function transactionalBatch(
  buffer: Buffer,
  at: number
): { producerId: number; lastOffset: number; isTransactional: boolean } {
  return {
    producerId: batch.producerId(buffer, at),
    lastOffset: batch.lastOffset(buffer, at),
    isTransactional: batch.isTransactional(buffer, at)
  }
}

/** What the first record of a control batch says. */
export function controlTypeOf(buffer: Buffer, at: number): ControlType {
  if (batch.recordCount(buffer, at) === 0) return null
  const opened = openRecords(buffer, at)
  if (!opened.ok) return 'other'
  const { bytes, start, end } = opened.value
  const cursor = new RecordCursor(bytes, start, end)
  if (!cursor.next() || cursor.keySize < 0) return 'other'
  const key = bytes.subarray(cursor.keyPosition, cursor.keyPosition + cursor.keySize)
  return readControlType(key) ?? 'other'
}

/**
 * Whether a batch has to stay for what it says of its producer: the last sequence of one that is
 * remembered, or the epoch when a marker is the last that it wrote.
 */
function isLastOfProducer(buffer: Buffer, at: number, { lastRecords }: CleaningRules): boolean {
  const last = lastRecords.get(batch.producerId(buffer, at))
  if (last === undefined || batch.producerId(buffer, at) < 0) return false
  if (last.lastDataOffset !== null) return batch.lastOffset(buffer, at) === last.lastDataOffset
  return batch.isControl(buffer, at) && batch.producerEpoch(buffer, at) === last.producerEpoch
}

interface Filtered {
  readonly unpacked: { readonly bytes: Buffer; readonly start: number; readonly end: number }
  readonly retained: readonly RetainedRecord[]
  readonly isWhole: boolean
  readonly hasTombstones: boolean
}

function filterRecords(
  buffer: Buffer,
  at: number,
  options: {
    readonly rules: CleaningRules
    readonly isControl: boolean
    readonly isPastHorizon: boolean
  }
): Result<Filtered, RecordsError> {
  const { rules, isControl, isPastHorizon } = options
  const opened = openRecords(buffer, at)
  if (!opened.ok) return opened
  const unpacked = opened.value
  const count = batch.recordCount(buffer, at)
  const baseOffset = batch.baseOffset(buffer, at)
  const baseTimestampMs = batch.baseTimestampMs(buffer, at)
  const cursor = new RecordCursor(unpacked.bytes, unpacked.start, unpacked.end)
  const retained: RetainedRecord[] = []
  let hasTombstones = false
  let walked = 0
  for (let start = unpacked.start; walked < count && cursor.next(); walked++) {
    const offset = baseOffset + cursor.offsetDelta
    const isTombstone = cursor.valueSize < 0
    const stays =
      isControl || offset > rules.latestOffset || isNewest(unpacked.bytes, cursor, offset, rules)
    if (stays && (isControl || offset > rules.latestOffset || !isTombstone || !isPastHorizon)) {
      const timestampMs = baseTimestampMs + cursor.timestampDelta
      retained.push({ start, end: cursor.position, timestampMs })
      hasTombstones ||= isTombstone
    }
    start = cursor.position
  }
  const fault = walkFault(cursor, walked, count)
  if (fault !== null) return failure('INVALID_RECORD', fault)
  return success({ unpacked, retained, isWhole: retained.length === count, hasTombstones })
}

/** Whether nobody has written the record's key later. Records without a key do not stay. */
function isNewest(
  bytes: Buffer,
  { keyPosition, keySize }: RecordCursor,
  offset: number,
  { keys }: CleaningRules
): boolean {
  if (keySize < 0) return false
  return offset >= keys.get(bytes.subarray(keyPosition, keyPosition + keySize))
}
