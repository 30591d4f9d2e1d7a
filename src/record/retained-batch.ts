import { assert } from '../base/assert.ts'
import * as batch from './batch.ts'
import { codecOf } from './compression.ts'
import { varintSize, varlongSize, writeVarint, writeVarlong } from './record-encoder.ts'
import type { RecordBytes } from './records.ts'

// Batches that compaction has taken records out of. Offsets, sequences, producer and leader epoch
// stay those of the batch before, so that producers and consumers do not notice; see Kafka's
// `MemoryRecords.filterTo`.

/** A record that stays: where its bytes are, and its timestamp. */
export interface RetainedRecord {
  readonly start: number
  readonly end: number
  readonly timestampMs: number
}

/** Largest distance of a timestamp to the base of its batch that can be written, ms. */
const timestampDeltaMax = 2 ** 52

/** Whether all timestamps can be told relative to `baseTimestampMs`. */
export function canRebase(records: readonly RetainedRecord[], baseTimestampMs: number): boolean {
  return records.every(
    ({ timestampMs }) => Math.abs(timestampMs - baseTimestampMs) <= timestampDeltaMax
  )
}

/**
 * The batch at `at` with some of its records only, in the codec that it has.
 *
 * @param unpacked the records of the batch, all of them
 * @param deleteHorizonMs when its tombstones may go, if that is set now (KIP-534); null leaves it
 */
export function retainedBatch(
  buffer: Buffer,
  at: number,
  unpacked: RecordBytes,
  retained: readonly RetainedRecord[],
  deleteHorizonMs: number | null
): Buffer {
  assert(retained.length > 0, 'a batch without records is an empty one')
  const compression = batch.compression(buffer, at)
  assert(compression !== null, 'what was unpacked has a codec')
  const plain =
    deleteHorizonMs === null
      ? Buffer.concat(retained.map(({ start, end }) => unpacked.bytes.subarray(start, end)))
      : Buffer.concat(retained.map(record => rebased(unpacked.bytes, record, deleteHorizonMs)))
  const packed = compression === 'none' ? plain : codecOf(compression).compress(plain)
  const bytes = Buffer.allocUnsafe(batch.batchHeaderSize + packed.length)
  packed.copy(bytes, batch.batchHeaderSize)
  const attributes = batch.attributes(buffer, at)
  const isLogAppendTime = batch.isLogAppendTime(buffer, at)
  const largestMs = retained.reduce(
    (most, { timestampMs }) => Math.max(most, timestampMs),
    batch.noTimestamp
  )
  batch.writeHeader(bytes, {
    ...headerOf(buffer, at),
    attributes:
      deleteHorizonMs === null ? attributes : attributes | batch.attributeBits.deleteHorizon,
    baseTimestampMs: deleteHorizonMs ?? batch.baseTimestampMs(buffer, at),
    maxTimestampMs: isLogAppendTime ? batch.maxTimestampMs(buffer, at) : largestMs,
    recordCount: retained.length
  })
  return bytes
}

/** The batch at `at` without records: what is left to remember its producer by. */
export function emptiedBatch(buffer: Buffer, at: number): Buffer {
  const bytes = Buffer.allocUnsafe(batch.batchHeaderSize)
  const { logAppendTime, transactional, control } = batch.attributeBits
  batch.writeHeader(bytes, {
    ...headerOf(buffer, at),
    attributes: batch.attributes(buffer, at) & (logAppendTime | transactional | control),
    baseTimestampMs: batch.noTimestamp,
    maxTimestampMs: batch.maxTimestampMs(buffer, at),
    recordCount: 0
  })
  return bytes
}

/** What stays of a header. */
function headerOf(
  buffer: Buffer,
  at: number
): Omit<batch.BatchHeader, 'attributes' | 'baseTimestampMs' | 'maxTimestampMs' | 'recordCount'> {
  return {
    baseOffset: batch.baseOffset(buffer, at),
    partitionLeaderEpoch: batch.partitionLeaderEpoch(buffer, at),
    lastOffsetDelta: batch.lastOffsetDelta(buffer, at),
    producerId: batch.producerId(buffer, at),
    producerEpoch: batch.producerEpoch(buffer, at),
    baseSequence: batch.baseSequence(buffer, at)
  }
}

/** The record with its timestamp told relative to another base; all else stays bit for bit. */
function rebased(
  bytes: Buffer,
  { start, end, timestampMs }: RetainedRecord,
  baseTimestampMs: number
): Buffer {
  const delta = timestampMs - baseTimestampMs
  const attributesAt = behindVarint(bytes, start)
  const restAt = behindVarint(bytes, attributesAt + 1)
  const bodySize = 1 + varlongSize(delta) + (end - restAt)
  const record = Buffer.allocUnsafe(varintSize(bodySize) + bodySize)
  const bodyAt = writeVarint(record, 0, bodySize)
  record[bodyAt] = bytes[attributesAt]!
  const next = writeVarlong(record, bodyAt + 1, delta)
  bytes.copy(record, next, restAt, end)
  return record
}

/** The position behind the varint or varlong at `at`, which was read before. */
function behindVarint(bytes: Buffer, at: number): number {
  let next = at
  while (bytes[next]! >= 0x80) next++
  return next + 1
}
