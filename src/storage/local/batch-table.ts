import { assert } from '../../base/assert.ts'
import { FileError, type Files } from '../../io/files.ts'
import { EntryList } from './entry-list.ts'
import { readInt64, writeInt64 } from './int64.ts'
import { relativeOffsetMax } from './offset-index.ts'
import { isSealed, seal, sealKey, type SegmentOwner } from './sidecar-format.ts'

// The table of a segment that compaction has written (`<base offset>.batches`): where each of its
// batches begins, by offset and by position. In such a segment the base offset of a batch does not
// follow from the batch before it, and no CRC of Kafka's covers it; this table is what vouches for
// it. It is written once, in bulk, and synced before the segment counts.
//
//      0  head, 64 bytes        what the segment holds
//     64  chunks                512 entries each (the last one fewer);
//                               an entry: relative base offset int32, position int32
//
// Each part ends with its CRC-32C, mixed with the key of the segment's sidecar and with the
// position: one that belongs elsewhere does not hold here.

const signature = Buffer.from('ODRBATCH', 'latin1')
const formatVersion = 1
const headSize = 64
const entrySize = 8
const chunkEntries = 512
const chunkSize = chunkEntries * entrySize + 4

/** What a segment that compaction has written holds. */
export interface BatchTableHead {
  /** The offset up to which the segment stands for the log, with or without records there. */
  readonly endOffset: number
  /** Of the `.log`, bytes. */
  readonly size: number
  readonly batchCount: number
}

/** Where the batches of one sparse segment begin, ascending. */
export class BatchTable {
  readonly baseOffset: number
  readonly entries = new EntryList(entrySize)

  constructor(baseOffset: number) {
    this.baseOffset = baseOffset
  }

  get count(): number {
    return this.entries.count
  }

  append(baseOffset: number, position: number): void {
    const relativeOffset = baseOffset - this.baseOffset
    const { count } = this
    assert(relativeOffset >= 0 && relativeOffset <= relativeOffsetMax, 'relative offset fits')
    assert(position <= relativeOffsetMax, 'the position fits')
    assert(count === 0 || baseOffset > this.offsetAt(count - 1), 'batches ascend')
    const at = this.entries.add()
    this.entries.bytes.writeInt32BE(relativeOffset, at)
    this.entries.bytes.writeInt32BE(position, at + 4)
  }

  /** The base offset of batch `index`. */
  offsetAt(index: number): number {
    return this.baseOffset + this.entries.bytes.readInt32BE(index * entrySize)
  }

  positionAt(index: number): number {
    return this.entries.bytes.readInt32BE(index * entrySize + 4)
  }

  /** The base offset of the batch that begins at `position`; -1 when none does. */
  offsetOf(position: number): number {
    const index = this.#last(position, at => this.positionAt(at))
    return index >= 0 && this.positionAt(index) === position ? this.offsetAt(index) : -1
  }

  /** The last batch that begins at or before `offset`; -1 when all begin behind it. */
  lookup(offset: number): number {
    return this.#last(offset, at => this.offsetAt(at))
  }

  /** Forgets the batches from `size` on; returns the offset of the first of them, null for none. */
  truncate(size: number): number | null {
    const kept = this.#last(size - 1, at => this.positionAt(at)) + 1
    if (kept === this.count) return null
    const offset = this.offsetAt(kept)
    this.entries.truncate(kept)
    return offset
  }

  #last(bound: number, valueAt: (index: number) => number): number {
    let low = -1
    let high = this.count - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (valueAt(middle) <= bound) low = middle
      else high = middle - 1
    }
    return low
  }
}

/**
 * The table as a file holds it.
 *
 * @param key of the segment (`sealKey`)
 */
export function encodeBatchTable(
  table: BatchTable,
  { endOffset, size }: { readonly endOffset: number; readonly size: number },
  key: number
): Buffer {
  const { count } = table
  const bytes = Buffer.alloc(headSize + sizeOfChunks(count))
  signature.copy(bytes)
  bytes.writeInt16BE(formatVersion, 8)
  writeInt64(bytes, endOffset, 16)
  bytes.writeUInt32BE(size, 24)
  bytes.writeUInt32BE(count, 28)
  seal(bytes, 0, headSize, key)
  let at = headSize
  for (let from = 0; from < count; from += chunkEntries) {
    const entries = table.entries.slice(from, Math.min(from + chunkEntries, count))
    entries.copy(bytes, at)
    seal(bytes, at, entries.length + 4, key ^ at)
    at += entries.length + 4
  }
  return bytes
}

/** A table as far as its checksums hold. */
export interface ReadBatchTable {
  readonly head: BatchTableHead | null
  /** The entries of the chunks that are sound. */
  readonly table: BatchTable
  /** Whether every entry is there. */
  readonly isWhole: boolean
}

export function decodeBatchTable(bytes: Buffer, baseOffset: number, key: number): ReadBatchTable {
  const head = decodeHead(bytes, key)
  const table = new BatchTable(baseOffset)
  if (head === null) return { head, table, isWhole: false }
  let isWhole = true
  for (let from = 0; from < head.batchCount; from += chunkEntries) {
    const count = Math.min(chunkEntries, head.batchCount - from)
    const at = headSize + (from / chunkEntries) * chunkSize
    const end = at + count * entrySize
    const isSound = end + 4 <= bytes.length && isSealed(bytes, at, end + 4 - at, key ^ at)
    if (isSound) takeEntries(table, bytes.subarray(at, end))
    else isWhole = false
  }
  return { head, table, isWhole }
}

/** The table of the segment that `owner` tells of; whatever cannot be read of it is missing. */
export async function readBatchTable(
  files: Files,
  path: string,
  owner: SegmentOwner
): Promise<ReadBatchTable> {
  const { baseOffset } = owner
  try {
    const file = files.open(path, 'read')
    try {
      const bytes = Buffer.allocUnsafeSlow(file.size())
      const size = await file.read(bytes, 0)
      return decodeBatchTable(bytes.subarray(0, size), baseOffset, sealKey(owner))
    } finally {
      file.close()
    }
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    return { head: null, table: new BatchTable(baseOffset), isWhole: false }
  }
}

function decodeHead(bytes: Buffer, key: number): BatchTableHead | null {
  if (bytes.length < headSize || !bytes.subarray(0, 8).equals(signature)) return null
  if (!isSealed(bytes, 0, headSize, key) || bytes.readInt16BE(8) !== formatVersion) return null
  return {
    endOffset: readInt64(bytes, 16),
    size: bytes.readUInt32BE(24),
    batchCount: bytes.readUInt32BE(28)
  }
}

function takeEntries(table: BatchTable, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; at += entrySize) {
    table.append(table.baseOffset + bytes.readInt32BE(at), bytes.readInt32BE(at + 4))
  }
}

function sizeOfChunks(count: number): number {
  return count * entrySize + Math.ceil(count / chunkEntries) * 4
}
