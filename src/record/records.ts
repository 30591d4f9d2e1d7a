import { assert } from '../base/assert.ts'
import { failure, success, type Result } from '../base/result.ts'
import { decompressedSizeMax } from '../limits.ts'
import * as batch from './batch.ts'
import { codecOf, decompress } from './compression.ts'
import { RecordCursor, type RecordHeader } from './record-cursor.ts'
import { recordBodySize, varintSize, writeRecord, type NewRecord } from './record-encoder.ts'

export type { RecordHeader } from './record-cursor.ts'
export type { NewRecord } from './record-encoder.ts'

/**
 * One record of a batch. Key, value and header values are views: copy what outlives the batch's
 * buffer.
 */
export interface Record {
  readonly offset: number
  readonly offsetDelta: number
  /** -1: the producer gave none. */
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
}

export type RecordsError =
  'INVALID_RECORD' | 'CORRUPT_MESSAGE' | 'MESSAGE_TOO_LARGE' | 'UNSUPPORTED_COMPRESSION_TYPE'

/** Where the records of a batch lie, unpacked. */
export interface RecordBytes {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
}

/**
 * The records of a batch, in order. The batch is unpacked and walked through before the first
 * record is given out, so going over them cannot fail, and can be done more than once. Its CRC is
 * not looked at.
 *
 * @returns INVALID_RECORD for records that are not what the header counts, CORRUPT_MESSAGE for
 *   bytes that cannot be unpacked, MESSAGE_TOO_LARGE beyond `decompressedSizeMax`,
 *   UNSUPPORTED_COMPRESSION_TYPE for a codec that Kafka does not have
 */
export function readRecords(buffer: Buffer, at: number): Result<Iterable<Record>, RecordsError> {
  const opened = openRecords(buffer, at)
  if (!opened.ok) return opened
  const records = opened.value
  const count = batch.recordCount(buffer, at)
  const cursor = new RecordCursor(records.bytes, records.start, records.end)
  let walked = 0
  while (walked < count && cursor.next()) walked++
  const fault = walkFault(cursor, walked, count)
  if (fault !== null) return failure('INVALID_RECORD', fault)
  return success({ [Symbol.iterator]: () => iterate(buffer, at, records) })
}

/**
 * The bytes of a batch's records: a view, or what they unpack to. The batch's size must have been
 * checked against the buffer; the records themselves are not looked at.
 */
export function openRecords(buffer: Buffer, at: number): Result<RecordBytes, RecordsError> {
  const packed = recordsOf(buffer, at)
  const compression = batch.compression(buffer, at)
  if (compression === 'none') return success(packed)
  if (compression === null) return unknownCodec
  const unpacked = decompress(compression, bytesOf(packed), decompressedSizeMax)
  return unpacked.ok ? success(all(unpacked.value)) : unpacked
}

/**
 * The same for who is done with the records when `work` returns: they are unpacked into memory that
 * the next batch will be unpacked into.
 *
 * @returns what `work` returns, or as `openRecords`
 */
export function withRecords<T>(
  buffer: Buffer,
  at: number,
  work: (records: RecordBytes) => T
): Result<T, RecordsError> {
  const packed = recordsOf(buffer, at)
  const compression = batch.compression(buffer, at)
  if (compression === 'none') return success(work(packed))
  if (compression === null) return unknownCodec
  return codecOf(compression).unpack(bytesOf(packed), decompressedSizeMax, unpacked =>
    work(all(unpacked))
  )
}

const unknownCodec = failure('UNSUPPORTED_COMPRESSION_TYPE', 'a codec that Kafka does not have')

/** Where the records of a batch lie as they are. */
function recordsOf(buffer: Buffer, at: number): RecordBytes {
  return { bytes: buffer, start: at + headerSize, end: at + batch.batchSize(buffer, at) }
}

function bytesOf({ bytes, start, end }: RecordBytes): Buffer {
  return bytes.subarray(start, end)
}

function all(bytes: Buffer): RecordBytes {
  return { bytes, start: 0, end: bytes.length }
}

/** How a batch is to be packed. */
export interface Packing {
  readonly compression: batch.Compression
  /** As in the config `compression.<codec>.level`; left out: the codec's default. */
  readonly level?: number | undefined
}

/** The batch at `at` with its records, which `openRecords` has unpacked, in another packing. */
export function repackBatch(
  buffer: Buffer,
  at: number,
  records: RecordBytes,
  { compression, level }: Packing
): Buffer {
  const plain = bytesOf(records)
  const body = compression === 'none' ? plain : codecOf(compression).compress(plain, level)
  const packed = Buffer.concat([buffer.subarray(at, at + headerSize), body])
  batch.stampPacking(packed, compression)
  return packed
}

/**
 * What is wrong after `walked` of `count` records, in Kafka's sense: no fault, no record missing,
 * no byte left over.
 */
export function walkFault(cursor: RecordCursor, walked: number, count: number): string | null {
  if (cursor.fault !== null) return `record ${walked}: ${cursor.fault}`
  if (walked < count) return `${walked} records where the header counts ${count}`
  return cursor.atEnd ? null : `bytes behind the ${count} records that the header counts`
}

function* iterate(buffer: Buffer, at: number, records: RecordBytes): Generator<Record, void> {
  const { bytes } = records
  const count = batch.recordCount(buffer, at)
  const baseOffset = batch.baseOffset(buffer, at)
  const baseTimestampMs = batch.baseTimestampMs(buffer, at)
  const appendTimeMs = batch.isLogAppendTime(buffer, at) ? batch.maxTimestampMs(buffer, at) : null
  const cursor = new RecordCursor(bytes, records.start, records.end)
  for (let index = 0; index < count && cursor.next(); index++) {
    yield {
      offset: baseOffset + cursor.offsetDelta,
      offsetDelta: cursor.offsetDelta,
      timestampMs: appendTimeMs ?? baseTimestampMs + cursor.timestampDelta,
      key: view(bytes, cursor.keyPosition, cursor.keySize),
      value: view(bytes, cursor.valuePosition, cursor.valueSize),
      headers: cursor.headerCount === 0 ? noHeaders : cursor.headers()
    }
  }
}

const noHeaders: readonly RecordHeader[] = []

function view(bytes: Buffer, position: number, size: number): Buffer | null {
  return size < 0 ? null : bytes.subarray(position, position + size)
}

export interface BatchOptions {
  readonly records: readonly NewRecord[]
  readonly baseOffset?: number
  /** Left out: none has stamped it yet. */
  readonly partitionLeaderEpoch?: number
  /** For the records that have no time of their own. Left out: none. */
  readonly timestampMs?: number
  /** All records get `timestampMs`, as the time of the append (`message.timestamp.type`). */
  readonly isLogAppendTime?: boolean
  readonly compression?: batch.Compression
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly isTransactional?: boolean
  readonly isControl?: boolean
  /** Of the batch before compaction took its last records out; an empty batch must have it. */
  readonly lastOffsetDelta?: number
  /** When the batch's tombstones may go (KIP-534), ms. */
  readonly deleteHorizonMs?: number
}

/** One batch, magic 2, with its CRC. The counterpart of `readRecords`. */
export function buildBatch(options: BatchOptions): Buffer {
  const { records, compression = 'none', timestampMs = batch.noTimestamp } = options
  const timestamps = records.map(record => record.timestampMs ?? timestampMs)
  const baseTimestampMs = options.deleteHorizonMs ?? timestamps[0] ?? batch.noTimestamp
  const plain = encodeRecords(records, timestamps, baseTimestampMs)
  const packed =
    compression === 'none' ? plain : pack(codecOf(compression).compress(plain.subarray(headerSize)))
  const last = records.at(-1)
  batch.writeHeader(packed, {
    baseOffset: options.baseOffset ?? 0,
    partitionLeaderEpoch: options.partitionLeaderEpoch ?? batch.noPartitionLeaderEpoch,
    attributes: attributesOf(options),
    lastOffsetDelta: options.lastOffsetDelta ?? last?.offsetDelta ?? records.length - 1,
    baseTimestampMs,
    maxTimestampMs:
      options.isLogAppendTime === true
        ? timestampMs
        : timestamps.reduce((most, each) => Math.max(most, each), batch.noTimestamp),
    producerId: options.producerId ?? batch.noProducerId,
    producerEpoch: options.producerEpoch ?? -1,
    baseSequence: options.baseSequence ?? -1,
    recordCount: records.length
  })
  return packed
}

const headerSize = batch.batchHeaderSize

/** The records, behind room for the header. */
function encodeRecords(
  records: readonly NewRecord[],
  timestamps: readonly number[],
  baseTimestampMs: number
): Buffer {
  let size = headerSize
  const deltas = records.map(({ offsetDelta }, index) => ({
    offset: offsetDelta ?? index,
    timestamp: timestamps[index]! - baseTimestampMs
  }))
  const bodySizes = records.map((record, index) => {
    const bodySize = recordBodySize(record, deltas[index]!.offset, deltas[index]!.timestamp)
    size += varintSize(bodySize) + bodySize
    return bodySize
  })
  const bytes = Buffer.allocUnsafe(size)
  let at = headerSize
  for (const [index, record] of records.entries())
    at = writeRecord(bytes, at, record, deltas[index]!, bodySizes[index]!)
  assert(at === size, 'a batch is as large as was computed')
  return bytes
}

function pack(compressed: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(headerSize + compressed.length)
  compressed.copy(bytes, headerSize)
  return bytes
}

function attributesOf(options: BatchOptions): number {
  let attributes = batch.compressions.indexOf(options.compression ?? 'none')
  if (options.isLogAppendTime === true) attributes |= batch.attributeBits.logAppendTime
  if (options.isTransactional === true) attributes |= batch.attributeBits.transactional
  if (options.isControl === true) attributes |= batch.attributeBits.control
  if (options.deleteHorizonMs !== undefined) attributes |= batch.attributeBits.deleteHorizon
  return attributes
}
