import { failure, success, type Result } from '../base/result.ts'
import * as batch from './batch.ts'
import { buildBatch, readRecords } from './records.ts'

// Control batches: what coordinators tell consumers through the log. Each takes one offset, and
// clients rely on its bytes: key int16 version, int16 type; value int16 version, int32 coordinator
// epoch (Kafka's `ControlRecordType` and `EndTransactionMarker`).

export type TransactionResult = 'commit' | 'abort'

export interface EndTxnMarker {
  readonly result: TransactionResult
  readonly coordinatorEpoch: number
}

export interface EndTxnMarkerOptions extends EndTxnMarker {
  readonly producerId: number
  readonly producerEpoch: number
  readonly timestampMs: number
}

const controlTypes: Readonly<Record<TransactionResult, number>> = { abort: 0, commit: 1 }

/** The batch that ends a transaction in one partition. */
export function endTxnMarker(options: EndTxnMarkerOptions): Buffer {
  const key = Buffer.alloc(4)
  key.writeInt16BE(controlTypes[options.result], 2)
  const value = Buffer.alloc(6)
  value.writeInt32BE(options.coordinatorEpoch, 2)
  return buildBatch({
    records: [{ key, value, timestampMs: options.timestampMs }],
    producerId: options.producerId,
    producerEpoch: options.producerEpoch,
    isTransactional: true,
    isControl: true
  })
}

/**
 * The marker in a control batch; null when the batch ends no transaction: a kind of control record
 * that is not ours to understand, or one that compaction has emptied.
 *
 * @returns INVALID_RECORD when the batch is not what a control batch must be
 */
export function readEndTxnMarker(
  buffer: Buffer,
  at: number
): Result<EndTxnMarker | null, 'INVALID_RECORD'> {
  const records = readRecords(buffer, at)
  if (!batch.isControl(buffer, at) || !records.ok)
    return failure('INVALID_RECORD', records.ok ? 'no control batch' : records.detail)
  for (const { key, value } of records.value) {
    const type = key === null ? null : readControlType(key)
    if (type === null) return failure('INVALID_RECORD', 'a control record without a type')
    if (type === 'other') return success(null)
    if (value === null || value.length < 6 || value.readInt16BE(0) < 0)
      return failure('INVALID_RECORD', 'a transaction marker without a coordinator epoch')
    return success({ result: type, coordinatorEpoch: value.readInt32BE(2) })
  }
  return success(null)
}

/**
 * What kind a control record is, by its key. Versions newer than ours are read as far as we know
 * them, as Kafka does.
 *
 * @returns null when the key is no control record's
 */
export function readControlType(key: Buffer): TransactionResult | 'other' | null {
  if (key.length < 4 || key.readInt16BE(0) < 0) return null
  switch (key.readInt16BE(2)) {
    case controlTypes.abort:
      return 'abort'
    case controlTypes.commit:
      return 'commit'
    default:
      return 'other'
  }
}
