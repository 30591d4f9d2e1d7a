import { crc32c } from './crc32c.ts'

// Views over the bytes of a record batch, magic 2. Nothing here allocates, and nothing checks: `at`
// is the position of a batch whose header (`batchHeaderSize` bytes) the caller knows to be in the
// buffer. `validate.ts` makes sure of that for what clients send, `batchPositions` for what is read
// back. Where a field is documented: Kafka's `DefaultRecordBatch`.

/** Bytes before the first record. */
export const batchHeaderSize = 61
/** Bytes before those that `batchLength` counts: base offset and the length itself. */
export const batchOverhead = 12

export const noProducerId = -1
export const noTimestamp = -1
export const noPartitionLeaderEpoch = -1

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** Codecs by the number in the three low bits of a batch's attributes. */
export const compressions: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

const batchLengthAt = 8
const partitionLeaderEpochAt = 12
const magicAt = 16
const crcAt = 17
const attributesAt = 21
const lastOffsetDeltaAt = 23
const baseTimestampAt = 27
const maxTimestampAt = 35
const producerIdAt = 43
const producerEpochAt = 51
const baseSequenceAt = 53
const recordCountAt = 57

const compressionMask = 0x07
const logAppendTimeBit = 0x08
const transactionalBit = 0x10
const controlBit = 0x20
const deleteHorizonBit = 0x40

/** The bits of `attributes` by name, for those who build batches. */
export const attributeBits = {
  logAppendTime: logAppendTimeBit,
  transactional: transactionalBit,
  control: controlBit,
  deleteHorizon: deleteHorizonBit
} as const

export interface BatchHeader {
  readonly baseOffset: number
  readonly partitionLeaderEpoch: number
  readonly attributes: number
  readonly lastOffsetDelta: number
  readonly baseTimestampMs: number
  readonly maxTimestampMs: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
}

/**
 * Size of the whole batch, header included, bytes. Negative or tiny when the bytes are no batch.
 */
export function batchSize(buffer: Buffer, at: number): number {
  return batchOverhead + int32(buffer, at + batchLengthAt)
}

export function baseOffset(buffer: Buffer, at: number): number {
  return int64(buffer, at)
}

export function lastOffsetDelta(buffer: Buffer, at: number): number {
  return int32(buffer, at + lastOffsetDeltaAt)
}

/**
 * Offset of the last record that the batch had when it was written; compaction may have taken that
 * record out.
 */
export function lastOffset(buffer: Buffer, at: number): number {
  return baseOffset(buffer, at) + lastOffsetDelta(buffer, at)
}

/** -1: not stamped by any leader. */
export function partitionLeaderEpoch(buffer: Buffer, at: number): number {
  return int32(buffer, at + partitionLeaderEpochAt)
}

export function magic(buffer: Buffer, at: number): number {
  return (buffer[at + magicAt]! << 24) >> 24
}

/** The CRC that the header claims, unsigned. */
export function storedCrc(buffer: Buffer, at: number): number {
  return int32(buffer, at + crcAt) >>> 0
}

/** All 16 bits, unsigned; Kafka defines the low seven. */
export function attributes(buffer: Buffer, at: number): number {
  return (buffer[at + attributesAt]! << 8) | buffer[at + attributesAt + 1]!
}

/** Null when the attributes name a codec that Kafka does not have. */
export function compression(buffer: Buffer, at: number): Compression | null {
  return compressions[lowAttributes(buffer, at) & compressionMask] ?? null
}

export function isLogAppendTime(buffer: Buffer, at: number): boolean {
  return (lowAttributes(buffer, at) & logAppendTimeBit) !== 0
}

export function isTransactional(buffer: Buffer, at: number): boolean {
  return (lowAttributes(buffer, at) & transactionalBit) !== 0
}

export function isControl(buffer: Buffer, at: number): boolean {
  return (lowAttributes(buffer, at) & controlBit) !== 0
}

/** When set, compaction keeps in `baseTimestampMs` when the batch's tombstones may go (KIP-534). */
export function hasDeleteHorizon(buffer: Buffer, at: number): boolean {
  return (lowAttributes(buffer, at) & deleteHorizonBit) !== 0
}

/**
 * What the records' timestamp deltas are added to; not always the first record's timestamp. -1:
 * none.
 */
export function baseTimestampMs(buffer: Buffer, at: number): number {
  return int64(buffer, at + baseTimestampAt)
}

/**
 * Largest record timestamp; of a batch with `isLogAppendTime` the timestamp of every record. -1:
 * none.
 */
export function maxTimestampMs(buffer: Buffer, at: number): number {
  return int64(buffer, at + maxTimestampAt)
}

/**
 * -1: the batch is not idempotent, and its epoch and sequence mean nothing (kafkajs writes 0
 * there).
 */
export function producerId(buffer: Buffer, at: number): number {
  return int64(buffer, at + producerIdAt)
}

export function producerEpoch(buffer: Buffer, at: number): number {
  return ((buffer[at + producerEpochAt]! << 24) >> 16) | buffer[at + producerEpochAt + 1]!
}

/** -1: none (control batches). */
export function baseSequence(buffer: Buffer, at: number): number {
  return int32(buffer, at + baseSequenceAt)
}

/** Sequence of the last record; sequences go on from 0 after 2^31 - 1. -1: none. */
export function lastSequence(buffer: Buffer, at: number): number {
  const first = baseSequence(buffer, at)
  return first === -1 ? -1 : (first + lastOffsetDelta(buffer, at)) % 0x80000000
}

/** Records in the batch; 0 only where compaction left an empty batch for its producer's sake. */
export function recordCount(buffer: Buffer, at: number): number {
  return int32(buffer, at + recordCountAt)
}

/** CRC-32C of everything from the attributes to the end; the whole batch must be there. */
export function computeCrc(buffer: Buffer, at: number): number {
  return crc32c(buffer, at + attributesAt, at + batchSize(buffer, at))
}

/** Puts a batch at its place in the log. The CRC covers neither field, so it stays right. */
export function stampOffsets(
  buffer: Buffer,
  at: number,
  newBaseOffset: number,
  leaderEpoch: number
): void {
  writeInt64(buffer, at, newBaseOffset)
  writeInt32(buffer, at + partitionLeaderEpochAt, leaderEpoch)
}

/**
 * Makes `timestampMs` the timestamp of every record (`message.timestamp.type=LogAppendTime`);
 * rewrites the CRC.
 */
export function stampLogAppendTime(buffer: Buffer, at: number, timestampMs: number): void {
  stampTimestamp(buffer, at, timestampMs, true)
}

/**
 * Corrects the largest timestamp of a batch that keeps its producer's timestamps; rewrites the CRC.
 */
export function stampMaxTimestamp(buffer: Buffer, at: number, timestampMs: number): void {
  stampTimestamp(buffer, at, timestampMs, false)
}

/**
 * Fills in the header of a batch that takes up all of `buffer` and has its records already;
 * computes the CRC.
 */
export function writeHeader(buffer: Buffer, header: BatchHeader): void {
  writeInt64(buffer, 0, header.baseOffset)
  writeInt32(buffer, batchLengthAt, buffer.length - batchOverhead)
  writeInt32(buffer, partitionLeaderEpochAt, header.partitionLeaderEpoch)
  buffer[magicAt] = 2
  writeInt16(buffer, attributesAt, header.attributes)
  writeInt32(buffer, lastOffsetDeltaAt, header.lastOffsetDelta)
  writeInt64(buffer, baseTimestampAt, header.baseTimestampMs)
  writeInt64(buffer, maxTimestampAt, header.maxTimestampMs)
  writeInt64(buffer, producerIdAt, header.producerId)
  writeInt16(buffer, producerEpochAt, header.producerEpoch)
  writeInt32(buffer, baseSequenceAt, header.baseSequence)
  writeInt32(buffer, recordCountAt, header.recordCount)
  writeInt32(buffer, crcAt, computeCrc(buffer, 0))
}

/**
 * Makes a batch of `packed`: the header of another batch, followed by that batch's records in
 * another packing. Size, codec and CRC are those of the bytes that are there now.
 */
export function stampPacking(packed: Buffer, codec: Compression): void {
  writeInt32(packed, batchLengthAt, packed.length - batchOverhead)
  packed[attributesAt + 1] =
    (lowAttributes(packed, 0) & ~compressionMask) | compressions.indexOf(codec)
  writeInt32(packed, crcAt, computeCrc(packed, 0))
}

/**
 * Positions of the whole batches in `buffer`, in order. Stops before a batch that the end of the
 * buffer cuts, and before bytes that cannot be a batch header.
 */
export function* batchPositions(buffer: Buffer): IterableIterator<number> {
  let at = 0
  while (at + batchHeaderSize <= buffer.length) {
    const size = batchSize(buffer, at)
    if (size < batchHeaderSize || size > buffer.length - at) return
    yield at
    at += size
  }
}

/** Like Kafka, clears attribute bits that have no meaning when it rewrites them. */
function stampTimestamp(buffer: Buffer, at: number, timestampMs: number, logAppend: boolean): void {
  const kept = lowAttributes(buffer, at) & 0x77
  buffer[at + attributesAt] = 0
  buffer[at + attributesAt + 1] = logAppend ? kept | logAppendTimeBit : kept
  writeInt64(buffer, at + maxTimestampAt, timestampMs)
  writeInt32(buffer, at + crcAt, computeCrc(buffer, at))
}

function lowAttributes(buffer: Buffer, at: number): number {
  return buffer[at + attributesAt + 1]!
}

// Shifts over bytes: about four times as fast as Buffer's own readers and writers, which check
// their arguments.

function int32(buffer: Buffer, at: number): number {
  return (buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!
}

/** Exact within the safe integers; beyond them the nearest double. */
function int64(buffer: Buffer, at: number): number {
  return int32(buffer, at) * 0x1_0000_0000 + (int32(buffer, at + 4) >>> 0)
}

function writeInt16(buffer: Buffer, at: number, value: number): void {
  buffer[at] = value >>> 8
  buffer[at + 1] = value
}

function writeInt32(buffer: Buffer, at: number, value: number): void {
  buffer[at] = value >>> 24
  buffer[at + 1] = value >>> 16
  buffer[at + 2] = value >>> 8
  buffer[at + 3] = value
}

function writeInt64(buffer: Buffer, at: number, value: number): void {
  writeInt32(buffer, at, Math.floor(value / 0x1_0000_0000))
  writeInt32(buffer, at + 4, value)
}
