import * as batch from '../../src/record/batch.ts'
import { buildBatch, type BatchOptions } from '../../src/record/records.ts'

/** The time of all records that say none, ms: long ago, and the same in every run. */
export const recordTimeMs = 1_700_000_000_000

/** A record whose key and value are texts. */
export interface TextRecord {
  readonly key?: string | null
  readonly value?: string | null
  readonly timestampMs?: number
  readonly headers?: readonly (readonly [key: string, value: string | null])[]
}

function bytesOf(text: string | null | undefined): Buffer | null {
  return text === null || text === undefined ? null : Buffer.from(text)
}

/** A batch as a client sends it. */
export function batchOf(
  records: readonly (TextRecord | string)[],
  options: Omit<BatchOptions, 'records'> = {}
): Buffer {
  return buildBatch({
    timestampMs: recordTimeMs,
    ...options,
    records: records.map(record => {
      const { key, value, headers, ...rest } =
        typeof record === 'string' ? { value: record } : record
      return {
        ...rest,
        key: bytesOf(key),
        value: bytesOf(value),
        headers: (headers ?? []).map(([name, text]) => ({ key: name, value: bytesOf(text) }))
      }
    })
  })
}

/** Where the fields of a batch's header begin. */
export const fieldAt = {
  baseOffset: 0,
  batchLength: 8,
  partitionLeaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57
} as const

/** A copy with other bytes in it, and the checksum of what it then holds. */
export function changed(bytes: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = damaged(bytes, change)
  copy.writeUInt32BE(batch.computeCrc(copy, 0), fieldAt.crc)
  return copy
}

/** A copy with other bytes in it, and the checksum of what it held before. */
export function damaged(bytes: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes)
  change(copy)
  return copy
}

/** A batch with any bytes for its records, which it counts as it is told. */
export function rawBatch(
  records: Buffer,
  header: { readonly recordCount: number; readonly attributes?: number }
): Buffer {
  const empty = buildBatch({ timestampMs: recordTimeMs, records: [], lastOffsetDelta: 0 })
  const whole = Buffer.concat([empty, records])
  return changed(whole, copy => {
    copy.writeInt32BE(whole.length - batch.batchOverhead, fieldAt.batchLength)
    copy.writeInt16BE(header.attributes ?? 0, fieldAt.attributes)
    copy.writeInt32BE(header.recordCount - 1, fieldAt.lastOffsetDelta)
    copy.writeInt32BE(header.recordCount, fieldAt.recordCount)
    copy.writeBigInt64BE(BigInt(recordTimeMs), fieldAt.baseTimestamp)
    copy.writeBigInt64BE(BigInt(recordTimeMs), fieldAt.maxTimestamp)
  })
}
