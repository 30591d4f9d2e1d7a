import { failure, success, type Failure, type Success } from '../base/result.ts'
import { recordErrorsMax } from '../limits.ts'
import * as batch from './batch.ts'
import { RecordCursor } from './record-cursor.ts'
import {
  repackBatch,
  walkFault,
  withRecords,
  type RecordBytes,
  type RecordsError
} from './records.ts'

/** What a topic and a request allow. */
export interface BatchRules {
  /** Kafka: max.message.bytes of the topic. */
  readonly maxMessageBytes: number
  /** Every record needs a key. */
  readonly compactedTopic: boolean
  /** Kafka: message.timestamp.type. */
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  /**
   * How far a record's timestamp may lie behind `nowMs`, and ahead of it, ms; ignored with
   * LogAppendTime.
   */
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
  readonly produceVersion: number
  readonly nowMs: number
  /**
   * Kafka: compression.type of the topic. Left out: `producer`, batches stay as they were packed.
   */
  readonly compressionType?: string
  /** Kafka: compression.gzip.level and compression.zstd.level. Left out: the codec's default. */
  readonly compressionLevels?: Readonly<Partial<Record<batch.Compression, number>>>
  /** Named in the errors of records, as `topic-0`. */
  readonly topicPartition?: string
}

export type BatchError =
  | 'CORRUPT_MESSAGE'
  | 'INVALID_RECORD'
  | 'MESSAGE_TOO_LARGE'
  | 'INVALID_TIMESTAMP'
  | 'UNSUPPORTED_COMPRESSION_TYPE'
  | 'UNSUPPORTED_FOR_MESSAGE_FORMAT'

export interface ValidatedBatch {
  /**
   * The batch alone, as it is to be stored: what follows it in the request, if anything does, is no
   * part of it.
   */
  readonly bytes: Buffer
  readonly recordCount: number
  /** Largest timestamp of the records as the producer set them; -1: none has one. */
  readonly maxTimestampMs: number
}

/** One record that made its batch invalid (KIP-467). */
export interface RecordError {
  /** Index of the record in its batch. */
  readonly batchIndex: number
  readonly message: string
}

export interface BatchFailure extends Failure<BatchError> {
  /**
   * The records at fault; empty when the batch as a whole is. Then Kafka answers without an error
   * message.
   */
  readonly recordErrors: readonly RecordError[]
}

export type Validation = Success<ValidatedBatch> | BatchFailure

/**
 * Checks what a client wants to append to a partition, as Kafka 4.2 does before it assigns offsets
 * (`ProduceRequest.validateRecords`, `UnifiedLog.analyzeAndValidateRecords`, `LogValidator`):
 * exactly one batch, its lengths, checksum and header, and then every record.
 *
 * Stricter than Kafka: offsets in a batch must count 0, 1, 2 … (Kafka lets an uncompressed batch
 * through that does otherwise, and stumbles over a compressed one), and compressed records must be
 * whole in every field. Kinder: what cannot be unpacked is INVALID_RECORD, where Kafka says
 * UNKNOWN_SERVER_ERROR.
 *
 * With CreateTime it puts right in `records` what Kafka puts right: the header's largest timestamp
 * is that of its records (kafkajs writes the last one), and its timestamp type is the topic's. A
 * topic with a compression of its own gets a batch that is packed anew.
 *
 * @returns CORRUPT_MESSAGE for bytes that were damaged, INVALID_RECORD for a batch that no producer
 *   may send, MESSAGE_TOO_LARGE beyond the topic's limit or when too much would be unpacked,
 *   INVALID_TIMESTAMP out of the topic's range, UNSUPPORTED_COMPRESSION_TYPE for zstd below Produce
 *   7 and for unknown codecs, UNSUPPORTED_FOR_MESSAGE_FORMAT for message sets of Produce below 3
 */
export function validateProduced(records: Buffer, rules: BatchRules): Validation {
  const fault = layoutFault(records, rules) ?? headerFault(records, rules)
  if (fault !== null) return fault
  const size = batch.batchSize(records, 0)
  const sent = size === records.length ? records : records.subarray(0, size)
  const validated = withRecords(sent, 0, opened => validateRecords(sent, opened, rules))
  return validated.ok ? validated.value : unpackFault(validated.error, validated.detail)
}

/** The part that needs the batch's records, which `opened` has for as long as this runs. */
function validateRecords(sent: Buffer, opened: RecordBytes, rules: BatchRules): Validation {
  const timestamps = walkRecords(sent, opened, rules)
  if (!timestamps.ok) return timestamps
  const bytes = packedForTopic(sent, opened, rules)
  if (bytes.length > rules.maxMessageBytes) return tooLarge(bytes.length, rules)
  const maxTimestampMs = timestamps.value
  if (rules.timestampType === 'CreateTime') {
    const isRight =
      batch.maxTimestampMs(bytes, 0) === maxTimestampMs && !batch.isLogAppendTime(bytes, 0)
    if (!isRight) batch.stampMaxTimestamp(bytes, 0, maxTimestampMs)
  }
  return success({ bytes, recordCount: batch.recordCount(bytes, 0), maxTimestampMs })
}

/**
 * Sending the same bytes again would not help: their checksum is right, and CORRUPT_MESSAGE makes
 * producers do that.
 */
function unpackFault(error: RecordsError, detail: string | null): BatchFailure {
  return refuse(error === 'CORRUPT_MESSAGE' ? 'INVALID_RECORD' : error, detail)
}

/** The batch in the packing that the topic wants. Kafka too leaves one alone that has the codec. */
function packedForTopic(sent: Buffer, opened: RecordBytes, rules: BatchRules): Buffer {
  const { compressionType = 'producer' } = rules
  if (compressionType === 'producer') return sent
  const wanted = batch.compressions.find(
    each => each === (compressionType === 'uncompressed' ? 'none' : compressionType)
  )
  if (wanted === undefined || wanted === batch.compression(sent, 0)) return sent
  const level = rules.compressionLevels?.[wanted]
  return repackBatch(sent, 0, opened, { compression: wanted, level })
}

function tooLarge(size: number, rules: BatchRules): BatchFailure {
  const detail = `${size} bytes in one batch, ${rules.maxMessageBytes} are allowed`
  return refuse('MESSAGE_TOO_LARGE', detail)
}

function refuse(error: BatchError, detail: string | null): BatchFailure {
  return { ...failure(error, detail), recordErrors: [] }
}

/** Smallest `batchLength` of any message format: that of magic 0. */
const batchLengthMin = 14
/** Bytes that show the magic. */
const magicEnd = 17

/** Whether the bytes are one batch of magic 2, by its sizes. */
function layoutFault(records: Buffer, rules: BatchRules): BatchFailure | null {
  const first = batchEnd(records, 0)
  if (typeof first !== 'number') return refuse('CORRUPT_MESSAGE', first.corrupt)
  if (first < 0) return refuse('INVALID_RECORD', 'no whole record batch')
  const magic = batch.magic(records, 0)
  if (magic !== 2) {
    const detail = `record batches of magic 2 are needed, and this is magic ${magic}`
    return rules.produceVersion < 3
      ? refuse('UNSUPPORTED_FOR_MESSAGE_FORMAT', detail)
      : refuse('INVALID_RECORD', detail)
  }
  if (first >= batch.batchHeaderSize && rules.produceVersion < 7) {
    if (batch.compression(records, 0) === 'zstd')
      return refuse('UNSUPPORTED_COMPRESSION_TYPE', 'zstd needs Produce 7 or later')
  }
  // Half a batch behind the first is cut off, as Kafka does; a whole one is refused.
  const second = batchEnd(records, first)
  if (typeof second !== 'number') return refuse('CORRUPT_MESSAGE', second.corrupt)
  return second < 0 ? null : refuse('INVALID_RECORD', 'more than one record batch')
}

/**
 * Position behind the batch at `at`; -1 when it is not whole (Kafka's `ByteBufferLogInputStream`).
 */
function batchEnd(records: Buffer, at: number): number | { readonly corrupt: string } {
  const available = records.length - at
  if (available < batch.batchOverhead) return -1
  const size = batch.batchSize(records, at)
  const batchLength = size - batch.batchOverhead
  if (batchLength < batchLengthMin) {
    const minimum = `the minimum record overhead (${batchLengthMin})`
    return { corrupt: `Record size ${batchLength} is less than ${minimum}` }
  }
  if (available < magicEnd) return -1
  const magic = batch.magic(records, at)
  if (magic < 0 || magic > 2) return { corrupt: `Invalid magic found in record: ${magic}` }
  return size > available ? -1 : at + size
}

function headerFault(records: Buffer, rules: BatchRules): BatchFailure | null {
  const size = batch.batchSize(records, 0)
  if (batch.baseOffset(records, 0) !== 0)
    return refuse('INVALID_RECORD', 'the base offset is assigned by the broker and must be 0')
  if (size > rules.maxMessageBytes) return tooLarge(size, rules)
  if (size < batch.batchHeaderSize)
    return refuse('CORRUPT_MESSAGE', `a record batch of ${size} bytes has no whole header`)
  const storedCrc = batch.storedCrc(records, 0)
  if (storedCrc !== batch.computeCrc(records, 0))
    return refuse('CORRUPT_MESSAGE', `the checksum is not ${storedCrc}`)
  if (batch.compression(records, 0) === null)
    return refuse('UNSUPPORTED_COMPRESSION_TYPE', 'a codec that Kafka does not have')
  const count = batch.recordCount(records, 0)
  const lastOffsetDelta = batch.lastOffsetDelta(records, 0)
  if (count <= 0 || count !== lastOffsetDelta + 1) {
    const detail = `${count} records with offsets from 0 to ${lastOffsetDelta}`
    return refuse('INVALID_RECORD', detail)
  }
  if (batch.isControl(records, 0))
    return refuse('INVALID_RECORD', 'clients may not write control records')
  const producerId = batch.producerId(records, 0)
  if (producerId < 0) return null
  if (!Number.isSafeInteger(producerId))
    return refuse('INVALID_RECORD', 'a producer id that no broker gave out')
  const baseSequence = batch.baseSequence(records, 0)
  if (baseSequence >= 0) return null
  return refuse('INVALID_RECORD', `sequence ${baseSequence} of producer ${producerId}`)
}

/** Looks at every record; the value is the largest timestamp. */
function walkRecords(
  bytes: Buffer,
  opened: RecordBytes,
  rules: BatchRules
): Success<number> | BatchFailure {
  const count = batch.recordCount(bytes, 0)
  const baseTimestampMs = batch.baseTimestampMs(bytes, 0)
  const isLogAppendTime = batch.isLogAppendTime(bytes, 0)
  const appendTimeMs = batch.maxTimestampMs(bytes, 0)
  const cursor = new RecordCursor(opened.bytes, opened.start, opened.end)
  const faults = new RecordFaults(rules)
  const range = timestampRange(rules)
  let maxTimestampMs = batch.noTimestamp
  let index = 0
  for (; index < count && cursor.next(); index++) {
    if (cursor.offsetDelta !== index)
      return refuse('INVALID_RECORD', `record ${index} has offset ${cursor.offsetDelta}`)
    const timestampMs = isLogAppendTime ? appendTimeMs : baseTimestampMs + cursor.timestampDelta
    if (rules.compactedTopic && cursor.keySize < 0) faults.addMissingKey(index)
    else if (timestampMs < range.earliestMs || timestampMs > range.latestMs || isLogAppendTime) {
      const fault = timestampFault(timestampMs, index, rules, isLogAppendTime)
      if (fault !== null) faults.addTimestamp(index, fault)
    }
    if (timestampMs > maxTimestampMs) maxTimestampMs = timestampMs
  }
  const fault = walkFault(cursor, index, count)
  if (fault !== null) return refuse('INVALID_RECORD', fault)
  return faults.refusal() ?? success(maxTimestampMs)
}

interface TimestampRange {
  readonly earliestMs: number
  readonly latestMs: number
}

/**
 * The timestamps with which there is nothing wrong; `timestampFault` knows why the others are
 * refused, if they are.
 */
function timestampRange(rules: BatchRules): TimestampRange {
  if (rules.timestampType === 'LogAppendTime') return { earliestMs: -Infinity, latestMs: Infinity }
  return {
    earliestMs: Math.max(rules.nowMs - rules.timestampBeforeMaxMs, Number.MIN_SAFE_INTEGER),
    latestMs: Math.min(rules.nowMs + rules.timestampAfterMaxMs, Number.MAX_SAFE_INTEGER)
  }
}

/** What is wrong with a record's timestamp, in Kafka's words: clients show them to people. */
function timestampFault(
  timestampMs: number,
  offset: number,
  rules: BatchRules,
  isLogAppendTime: boolean
): string | null {
  if (rules.timestampType === 'CreateTime' && timestampMs !== batch.noTimestamp) {
    const earliestMs = rules.nowMs - rules.timestampBeforeMaxMs
    const latestMs = rules.nowMs + rules.timestampAfterMaxMs
    const isInside = timestampMs >= earliestMs && timestampMs <= latestMs
    if (isInside && Number.isSafeInteger(timestampMs)) return null
    return (
      `Timestamp ${timestampMs} of message with offset ${offset} is out of range. ` +
      `The timestamp should be within [${earliestMs}, ${latestMs}]`
    )
  }
  if (!isLogAppendTime) return null
  return (
    `Invalid timestamp type in message with offset ${offset}. ` +
    'Producer should not set timestamp type to LogAppendTime.'
  )
}

/** The records at fault of one batch: a batch is refused only after all of them are known. */
class RecordFaults {
  readonly #where: string
  readonly #errors: RecordError[] = []
  #count = 0
  #hasTimestamp = false

  constructor(rules: BatchRules) {
    this.#where =
      rules.topicPartition === undefined ? '' : ` in topic partition ${rules.topicPartition}`
  }

  addMissingKey(batchIndex: number): void {
    this.#add(batchIndex, `Compacted topic cannot accept message without key${this.#where}`)
  }

  addTimestamp(batchIndex: number, message: string): void {
    this.#hasTimestamp = true
    this.#add(batchIndex, message)
  }

  refusal(): BatchFailure | null {
    if (this.#count === 0) return null
    const recordErrors = this.#errors
    if (this.#hasTimestamp) {
      const detail = 'One or more records have been rejected due to invalid timestamp'
      return { ...failure('INVALID_TIMESTAMP', detail), recordErrors }
    }
    const shown = recordErrors
      .slice(0, 3)
      .map(
        ({ batchIndex, message }) => `RecordError(batchIndex=${batchIndex}, message='${message}')`
      )
    const detail =
      `One or more records have been rejected due to ${this.#count} record errors in total, ` +
      `and only showing the first three errors at most: [${shown.join(', ')}]`
    return { ...failure('INVALID_RECORD', detail), recordErrors }
  }

  #add(batchIndex: number, message: string): void {
    this.#count++
    if (this.#errors.length < recordErrorsMax) this.#errors.push({ batchIndex, message })
  }
}
