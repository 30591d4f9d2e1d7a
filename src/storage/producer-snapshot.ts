import { assert } from '../base/assert.ts'
import { failure, success, type Result } from '../base/result.ts'
import { crc32c } from '../record/crc32c.ts'
import { readInt64, writeInt64 } from './local/int64.ts'
import { rememberedBatchesMax } from './producer-state.ts'
import type { AbortedTransaction, ProducerEntry, RememberedBatch } from './producer-state.ts'

// The file `<offset>.snapshot`: what a partition knew of its producers when its log ended at that
// offset. All numbers are big-endian.
//
//   0  int16   version, 1
//   2  uint32  CRC-32C of everything behind it
//   6  int32   count of producers, and for each the 46 bytes of Kafka's `ProducerSnapshot`
//      then what Kafka does not keep there, or keeps elsewhere:
//      8 bytes signature, int16 version, topic id, int32 partition, int64 offset
//      for each producer, in the same order: int64 when it was last heard of, int8 count of
//      batches, and for each 32 bytes
//      int32 count of aborted transactions, and for each 32 bytes
//
// Kafka reads its own part, takes the checksum of the whole file, and does not look at what
// follows: its tools read these files. Why there is more: Kafka remembers one batch of each
// producer in a snapshot, so that of five that were sent together four could not be recognised
// after a start, and keeps aborted transactions in an index beside each segment, without a
// checksum.

const kafkaVersion = 1
const crcAt = 2
const coveredAt = 6
const entriesAt = coveredAt + 4
const kafkaEntrySize = 46
const noOffset = -1
const noSequence = -1

const signature = Buffer.from('ODRADEK\0', 'latin1')
const extensionVersion = 1
const extensionHeadSize = signature.length + 2 + 16 + 4 + 8
const batchSize = 32
const abortedSize = 32

/** Where Kafka's part of a snapshot has what, for those who read files of Kafka's too; bytes. */
export const kafkaSnapshotLayout = {
  version: kafkaVersion,
  crcAt,
  coveredAt,
  entriesAt,
  entrySize: kafkaEntrySize
} as const

/** The log and the offset that a snapshot is of. */
export interface SnapshotIdentity {
  /** 22 characters of base64url. */
  readonly topicId: string
  readonly partition: number
  /** Everything below it has been taken in, nothing from it on. */
  readonly offset: number
}

/** What Kafka's part says of one producer. */
export interface KafkaSnapshotEntry {
  readonly producerId: number
  readonly producerEpoch: number
  readonly lastSequence: number
  readonly lastOffset: number
  readonly offsetDelta: number
  readonly timestampMs: number
  readonly coordinatorEpoch: number
  /** -1: no transaction is open. */
  readonly currentTxnFirstOffset: number
}

export interface ProducerSnapshot {
  /** Longest idle first. */
  readonly producers: readonly ProducerEntry[]
  /** Ascending by `lastOffset`. */
  readonly aborted: readonly AbortedTransaction[]
}

/** The content of a snapshot file. */
export function encodeProducerSnapshot(
  identity: SnapshotIdentity,
  { producers, aborted }: ProducerSnapshot
): Buffer {
  const batchCount = producers.reduce((count, { batches }) => count + batches.length, 0)
  const bytes = Buffer.alloc(
    entriesAt +
      producers.length * (kafkaEntrySize + 9) +
      extensionHeadSize +
      batchCount * batchSize +
      4 +
      aborted.length * abortedSize
  )
  bytes.writeInt16BE(kafkaVersion)
  let at = bytes.writeInt32BE(producers.length, coveredAt)
  for (const entry of producers) at = writeKafkaEntry(bytes, entry, at)
  at += signature.copy(bytes, at)
  at = bytes.writeInt16BE(extensionVersion, at)
  at += Buffer.from(identity.topicId, 'base64url').copy(bytes, at, 0, 16)
  at = bytes.writeInt32BE(identity.partition, at)
  writeInt64(bytes, identity.offset, at)
  at += 8
  for (const { seenMs, batches } of producers) {
    writeInt64(bytes, seenMs, at)
    at = bytes.writeInt8(batches.length, at + 8)
    for (const batch of batches) at = writeBatch(bytes, batch, at)
  }
  at = bytes.writeInt32BE(aborted.length, at)
  for (const transaction of aborted) at = writeAborted(bytes, transaction, at)
  assert(at === bytes.length, 'a snapshot is as long as its parts')
  bytes.writeUInt32BE(crc32c(bytes, coveredAt, bytes.length), crcAt)
  return bytes
}

/**
 * What a snapshot file says.
 *
 * @returns DAMAGED when its checksum does not hold or it ends too early, FOREIGN when it is another
 *   log's or offset's or was written by Kafka, NEWER when a newer version of odradek wrote it
 */
export function decodeProducerSnapshot(
  bytes: Buffer,
  identity: SnapshotIdentity
): Result<ProducerSnapshot, 'DAMAGED' | 'FOREIGN' | 'NEWER'> {
  if (bytes.length < entriesAt) return failure('DAMAGED', 'it ends too early')
  if (bytes.readUInt32BE(crcAt) !== crc32c(bytes, coveredAt, bytes.length)) {
    return failure('DAMAGED', 'its checksum does not hold')
  }
  const version = bytes.readInt16BE(0)
  if (version !== kafkaVersion) return failure('NEWER', `its version is ${version}`)
  const count = bytes.readInt32BE(coveredAt)
  const extensionAt = entriesAt + count * kafkaEntrySize
  if (count < 0 || extensionAt > bytes.length) return failure('DAMAGED', 'it ends too early')
  const extension = bytes.subarray(extensionAt)
  const isOurs = extension.subarray(0, signature.length).equals(signature)
  if (!isOurs || extension.length < extensionHeadSize) {
    return failure('FOREIGN', 'it was not written by odradek')
  }
  const ownVersion = extension.readInt16BE(signature.length)
  if (ownVersion !== extensionVersion) return failure('NEWER', `its version is ${ownVersion}`)
  if (!isOf(identity, extension)) return failure('FOREIGN', 'it is of another log or offset')
  const read = readExtended(bytes, count, extensionAt + extensionHeadSize)
  return read === null ? failure('DAMAGED', 'it ends too early') : success(read)
}

function isOf({ topicId, partition, offset }: SnapshotIdentity, extension: Buffer): boolean {
  const at = signature.length + 2
  return (
    extension.toString('base64url', at, at + 16) === topicId &&
    extension.readInt32BE(at + 16) === partition &&
    readInt64(extension, at + 20) === offset
  )
}

/** Null when the counts in it reach beyond its end, or not to it. */
function readExtended(bytes: Buffer, count: number, from: number): ProducerSnapshot | null {
  const producers: ProducerEntry[] = []
  let at = from
  for (let index = 0; index < count; index++) {
    if (at + 9 > bytes.length) return null
    const seenMs = readInt64(bytes, at)
    const batchCount = bytes.readInt8(at + 8)
    at += 9
    const end = at + batchCount * batchSize
    if (batchCount < 0 || batchCount > rememberedBatchesMax || end > bytes.length) return null
    const batches: RememberedBatch[] = []
    for (; at < end; at += batchSize) batches.push(readBatch(bytes, at))
    producers.push({ ...producerOf(kafkaSnapshotEntry(bytes, index)), seenMs, batches })
  }
  if (at + 4 > bytes.length) return null
  const abortedCount = bytes.readInt32BE(at)
  at += 4
  if (abortedCount < 0 || at + abortedCount * abortedSize !== bytes.length) return null
  const aborted: AbortedTransaction[] = []
  for (; at < bytes.length; at += abortedSize) aborted.push(readAborted(bytes, at))
  return { producers, aborted }
}

function writeKafkaEntry(bytes: Buffer, entry: ProducerEntry, at: number): number {
  const last = entry.batches.at(-1)
  writeInt64(bytes, entry.producerId, at)
  bytes.writeInt16BE(entry.producerEpoch, at + 8)
  bytes.writeInt32BE(last?.lastSequence ?? noSequence, at + 10)
  writeInt64(bytes, last?.lastOffset ?? noOffset, at + 14)
  bytes.writeInt32BE(last === undefined ? 0 : last.lastOffset - last.baseOffset, at + 22)
  writeInt64(bytes, entry.lastTimestampMs, at + 26)
  bytes.writeInt32BE(entry.coordinatorEpoch, at + 34)
  writeInt64(bytes, entry.currentTxnFirstOffset ?? noOffset, at + 38)
  return at + kafkaEntrySize
}

/** The entry of the `index`-th producer; it must be there. */
export function kafkaSnapshotEntry(bytes: Buffer, index: number): KafkaSnapshotEntry {
  const at = entriesAt + index * kafkaEntrySize
  return {
    producerId: readInt64(bytes, at),
    producerEpoch: bytes.readInt16BE(at + 8),
    lastSequence: bytes.readInt32BE(at + 10),
    lastOffset: readInt64(bytes, at + 14),
    offsetDelta: bytes.readInt32BE(at + 22),
    timestampMs: readInt64(bytes, at + 26),
    coordinatorEpoch: bytes.readInt32BE(at + 34),
    currentTxnFirstOffset: readInt64(bytes, at + 38)
  }
}

function producerOf(entry: KafkaSnapshotEntry): Omit<ProducerEntry, 'seenMs' | 'batches'> {
  const { producerId, producerEpoch, coordinatorEpoch, timestampMs, currentTxnFirstOffset } = entry
  return {
    producerId,
    producerEpoch,
    coordinatorEpoch,
    lastTimestampMs: timestampMs,
    currentTxnFirstOffset: currentTxnFirstOffset === noOffset ? null : currentTxnFirstOffset
  }
}

function writeBatch(bytes: Buffer, batch: RememberedBatch, at: number): number {
  bytes.writeInt32BE(batch.baseSequence, at)
  bytes.writeInt32BE(batch.lastSequence, at + 4)
  writeInt64(bytes, batch.baseOffset, at + 8)
  writeInt64(bytes, batch.lastOffset, at + 16)
  writeInt64(bytes, batch.logAppendTimeMs, at + 24)
  return at + batchSize
}

function readBatch(bytes: Buffer, at: number): RememberedBatch {
  return {
    baseSequence: bytes.readInt32BE(at),
    lastSequence: bytes.readInt32BE(at + 4),
    baseOffset: readInt64(bytes, at + 8),
    lastOffset: readInt64(bytes, at + 16),
    logAppendTimeMs: readInt64(bytes, at + 24)
  }
}

function writeAborted(bytes: Buffer, transaction: AbortedTransaction, at: number): number {
  writeInt64(bytes, transaction.producerId, at)
  writeInt64(bytes, transaction.firstOffset, at + 8)
  writeInt64(bytes, transaction.lastOffset, at + 16)
  writeInt64(bytes, transaction.lastStableOffset, at + 24)
  return at + abortedSize
}

function readAborted(bytes: Buffer, at: number): AbortedTransaction {
  return {
    producerId: readInt64(bytes, at),
    firstOffset: readInt64(bytes, at + 8),
    lastOffset: readInt64(bytes, at + 16),
    lastStableOffset: readInt64(bytes, at + 24)
  }
}
