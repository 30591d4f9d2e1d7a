import * as batch from '../../record/batch.ts'
import { readControlType } from '../../record/control.ts'
import { readRecords, type Record } from '../../record/records.ts'
import { decodeInternalRecord, type InternalRecord } from './internal-records.ts'

// What `odradek log inspect --json` says of batches and records. The names of the fields are a
// promise: programs read them.

export interface BatchView {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly position: number
  readonly size: number
  readonly recordCount: number
  readonly compression: batch.Compression | 'unknown'
  /** -1: not stamped. */
  readonly partitionLeaderEpoch: number
  /** -1: not idempotent; epoch and sequences mean nothing then. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly lastSequence: number
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly baseTimestampMs: number
  readonly maxTimestampMs: number
  readonly isTransactional: boolean
  readonly isControl: boolean
  /** When compaction may take its tombstones out; null when it has not looked at them. */
  readonly deleteHorizonMs: number | null
  readonly crc: number
  readonly crcHolds: true
}

/** What the header of a sound batch says. */
export function batchView(buffer: Buffer, at: number, position: number): BatchView {
  const baseTimestampMs = batch.baseTimestampMs(buffer, at)
  return {
    baseOffset: batch.baseOffset(buffer, at),
    lastOffset: batch.lastOffset(buffer, at),
    position,
    size: batch.batchSize(buffer, at),
    recordCount: batch.recordCount(buffer, at),
    compression: batch.compression(buffer, at) ?? 'unknown',
    partitionLeaderEpoch: batch.partitionLeaderEpoch(buffer, at),
    producerId: batch.producerId(buffer, at),
    producerEpoch: batch.producerEpoch(buffer, at),
    baseSequence: batch.baseSequence(buffer, at),
    lastSequence: batch.lastSequence(buffer, at),
    timestampType: batch.isLogAppendTime(buffer, at) ? 'LogAppendTime' : 'CreateTime',
    baseTimestampMs,
    maxTimestampMs: batch.maxTimestampMs(buffer, at),
    isTransactional: batch.isTransactional(buffer, at),
    isControl: batch.isControl(buffer, at),
    deleteHorizonMs: batch.hasDeleteHorizon(buffer, at) ? baseTimestampMs : null,
    crc: batch.storedCrc(buffer, at),
    crcHolds: true
  }
}

/** Text where the bytes are UTF-8, base64 otherwise. */
export type BytesView = string | { readonly base64: string } | null

export interface RecordView {
  readonly topic: string | null
  readonly partition: number | null
  readonly offset: number
  /** -1: none. */
  readonly timestampMs: number
  readonly key: BytesView
  readonly value: BytesView
  readonly headers: readonly { readonly key: string; readonly value: BytesView }[]
  /** Of a control record: which one. */
  readonly control?: 'commit' | 'abort' | 'other'
  /** Of a record in an internal topic: what it says. */
  readonly decoded?: InternalRecord
}

/** The records of the batch at `at`; a sentence instead when they cannot be read. */
export function recordViews(
  place: { readonly topic: string | null; readonly partition: number | null },
  buffer: Buffer,
  at: number
): readonly RecordView[] | string {
  const records = readRecords(buffer, at)
  if (!records.ok) return `${records.error}: ${records.detail ?? 'the records cannot be read'}`
  const isControl = batch.isControl(buffer, at)
  return Array.from(records.value, record => recordView(place, record, isControl))
}

function recordView(
  { topic, partition }: { readonly topic: string | null; readonly partition: number | null },
  record: Record,
  isControl: boolean
): RecordView {
  const { offset, timestampMs, key, value, headers } = record
  const decoded = isControl || topic === null ? null : decodeInternalRecord(topic, key, value)
  return {
    topic,
    partition,
    offset,
    timestampMs,
    key: bytesView(key),
    value: bytesView(value),
    headers: headers.map(header => ({ key: header.key, value: bytesView(header.value) })),
    ...(isControl && key !== null ? { control: readControlType(key) ?? 'other' } : {}),
    ...(decoded === null ? {} : { decoded })
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function bytesView(bytes: Buffer | null): BytesView {
  if (bytes === null) return null
  try {
    return utf8.decode(bytes)
  } catch {
    return { base64: bytes.toString('base64') }
  }
}

interface Fields {
  readonly [name: string]: unknown
}

/** JSON of anything that is shown: int64 beyond the safe integers as text, bytes as base64. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, function (this: Fields, key: string, each: unknown) {
    const raw = this[key]
    if (Buffer.isBuffer(raw)) return { base64: raw.toString('base64') }
    if (typeof each !== 'bigint') return each
    const number = Number(each)
    return Number.isSafeInteger(number) ? number : String(each)
  })
}
