import { offsetIndexEntrySize } from '../../storage/local/offset-index.ts'
import { readInt64 } from '../../storage/local/int64.ts'
import { timeIndexEntrySize } from '../../storage/local/time-index.ts'

// The index files as they are on disk. Kafka makes them larger than they have to be while their
// segment is active: zeros behind the entries are room, not entries.

export interface OffsetIndexEntry {
  /** Of the batch at `position`. */
  readonly lastOffset: number
  readonly position: number
}

export interface TimeIndexEntry {
  /** The largest timestamp up to the batch that ends at `lastOffset`. */
  readonly timestampMs: number
  readonly lastOffset: number
}

/** A transaction that was aborted, in Kafka's `.txnindex` (AbortedTxn). */
export interface AbortedTransactionEntry {
  readonly producerId: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly lastStableOffset: number
}

const txnIndexEntrySize = 34

export function offsetIndexEntries(bytes: Buffer, baseOffset: number): readonly OffsetIndexEntry[] {
  return entries(bytes, offsetIndexEntrySize, at => ({
    lastOffset: baseOffset + bytes.readInt32BE(at),
    position: bytes.readInt32BE(at + 4)
  }))
}

export function timeIndexEntries(bytes: Buffer, baseOffset: number): readonly TimeIndexEntry[] {
  return entries(bytes, timeIndexEntrySize, at => ({
    timestampMs: readInt64(bytes, at),
    lastOffset: baseOffset + bytes.readInt32BE(at + 8)
  }))
}

export function txnIndexEntries(bytes: Buffer): readonly AbortedTransactionEntry[] {
  return entries(bytes, txnIndexEntrySize, at => ({
    producerId: readInt64(bytes, at + 2),
    firstOffset: readInt64(bytes, at + 10),
    lastOffset: readInt64(bytes, at + 18),
    lastStableOffset: readInt64(bytes, at + 26)
  }))
}

function entries<T>(bytes: Buffer, size: number, read: (at: number) => T): readonly T[] {
  let count = Math.floor(bytes.length / size)
  while (count > 0 && isZero(bytes.subarray((count - 1) * size, count * size))) count--
  return Array.from({ length: count }, (_, index) => read(index * size))
}

function isZero(bytes: Buffer): boolean {
  return bytes.every(byte => byte === 0)
}
