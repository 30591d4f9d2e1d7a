import { assert } from '../base/assert.ts'
import type { RecordHeader } from './record-cursor.ts'

// Records in bytes, as Kafka's `DefaultRecord` has them: a size, attributes (none yet), deltas to
// the batch, key, value, headers. Sizes are computed first, so that a batch is allocated once and
// exactly.

/** A record to be put into a batch. */
export interface NewRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** Left out: the batch's `timestampMs`. */
  readonly timestampMs?: number
  readonly headers?: readonly RecordHeader[]
  /** Left out: the index of the record. Ascending; compaction leaves gaps. */
  readonly offsetDelta?: number
}

/** Size of a record, its own size field excluded, bytes. */
export function recordBodySize(
  record: NewRecord,
  offsetDelta: number,
  timestampDelta: number
): number {
  const { key, value, headers = [] } = record
  let size = 1 + varlongSize(timestampDelta) + varintSize(offsetDelta)
  size += bytesSize(key) + bytesSize(value) + varintSize(headers.length)
  for (const header of headers) {
    const keySize = Buffer.byteLength(header.key)
    size += varintSize(keySize) + keySize + bytesSize(header.value)
  }
  return size
}

/** Writes a record whose body has `bodySize` bytes; returns the position behind it. */
export function writeRecord(
  target: Buffer,
  at: number,
  record: NewRecord,
  delta: { readonly offset: number; readonly timestamp: number },
  bodySize: number
): number {
  const { key, value, headers = [] } = record
  const bodyAt = writeVarint(target, at, bodySize)
  let next = bodyAt
  target[next++] = 0
  next = writeVarlong(target, next, delta.timestamp)
  next = writeVarint(target, next, delta.offset)
  next = writeBytes(target, next, key)
  next = writeBytes(target, next, value)
  next = writeVarint(target, next, headers.length)
  for (const header of headers) {
    next = writeVarint(target, next, Buffer.byteLength(header.key))
    next += target.write(header.key, next)
    next = writeBytes(target, next, header.value)
  }
  assert(next === bodyAt + bodySize, 'a record is as large as was computed')
  return next
}

export function varintSize(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  if (zigzag < 0x80) return 1
  if (zigzag < 0x4000) return 2
  if (zigzag < 0x20_0000) return 3
  return zigzag < 0x1000_0000 ? 4 : 5
}

function bytesSize(bytes: Buffer | null): number {
  return bytes === null ? 1 : varintSize(bytes.length) + bytes.length
}

export function varlongSize(value: number): number {
  let size = 1
  for (let rest = zigzag64(value); rest >= 0x80; rest = Math.floor(rest / 0x80)) size++
  return size
}

/** Writes a varint; returns the position behind it. */
export function writeVarint(target: Buffer, at: number, value: number): number {
  let next = at
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  for (; rest >= 0x80; rest >>>= 7) target[next++] = rest | 0x80
  target[next++] = rest
  return next
}

/** Writes a varlong; returns the position behind it. */
export function writeVarlong(target: Buffer, at: number, value: number): number {
  let next = at
  let rest = zigzag64(value)
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) target[next++] = (rest % 0x80) | 0x80
  target[next++] = rest
  return next
}

function writeBytes(target: Buffer, at: number, bytes: Buffer | null): number {
  if (bytes === null) return writeVarint(target, at, -1)
  const next = writeVarint(target, at, bytes.length)
  bytes.copy(target, next)
  return next + bytes.length
}

function zigzag64(value: number): number {
  assert(Number.isInteger(value) && Math.abs(value) <= 2 ** 52, 'timestamps are milliseconds')
  return value < 0 ? -2 * value - 1 : 2 * value
}
