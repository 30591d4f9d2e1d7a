import { createHash } from 'node:crypto'
import * as batch from '../../src/record/batch.ts'
import { readRecords, type Record as BatchRecord } from '../../src/record/records.ts'
import type { Json } from './transcript.ts'

const shownSizeMax = 40

/**
 * Bytes as people can compare them: text if it is text, else hexadecimal; long ones by a digest.
 */
export function readableBytes(bytes: Buffer): string {
  if (bytes.length > shownSizeMax * 4) return `${bytes.length} bytes, sha256 ${digest(bytes)}`
  const text = bytes.toString('latin1')
  return /^[ -~]*$/.test(text) ? text : `0x${bytes.toString('hex')}`
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 12)
}

/** The batches of a Fetch answer, every field and record; bytes that are no batch by their size. */
export function readableBatches(bytes: Buffer): Json[] {
  const batches: Json[] = []
  let end = 0
  for (const at of batch.batchPositions(bytes)) {
    batches.push(readableBatch(bytes, at))
    end = at + batch.batchSize(bytes, at)
  }
  // Kafka fills a limit with the beginning of the next batch, which every client throws away.
  if (end < bytes.length && end === 0) batches.push(`${bytes.length} bytes of a batch`)
  return batches
}

function readableBatch(bytes: Buffer, at: number): Json {
  const isCrcRight = batch.computeCrc(bytes, at) === batch.storedCrc(bytes, at)
  return {
    baseOffset: batch.baseOffset(bytes, at),
    // How small bytes become is up to the library that packs them.
    size: batch.compression(bytes, at) === 'none' ? batch.batchSize(bytes, at) : '{packed}',
    leaderEpoch: batch.partitionLeaderEpoch(bytes, at),
    magic: batch.magic(bytes, at),
    crc: isCrcRight ? 'right' : 'wrong',
    attributes: attributeNames(bytes, at),
    lastOffsetDelta: batch.lastOffsetDelta(bytes, at),
    baseTimestampMs: batch.baseTimestampMs(bytes, at),
    maxTimestampMs: batch.maxTimestampMs(bytes, at),
    producerId: batch.producerId(bytes, at),
    producerEpoch: batch.producerEpoch(bytes, at),
    baseSequence: batch.baseSequence(bytes, at),
    recordCount: batch.recordCount(bytes, at),
    records: readableRecords(bytes, at)
  }
}

function attributeNames(bytes: Buffer, at: number): string {
  const names = [batch.compression(bytes, at) ?? 'no codec of Kafka']
  if (batch.isLogAppendTime(bytes, at)) names.push('LogAppendTime')
  if (batch.isTransactional(bytes, at)) names.push('transactional')
  if (batch.isControl(bytes, at)) names.push('control')
  return names.join(' ')
}

function readableRecords(bytes: Buffer, at: number): Json {
  const records = readRecords(bytes, at)
  if (!records.ok) return records.error
  return [...records.value].map(record => ({
    offset: record.offset,
    timestampMs: record.timestampMs,
    key: record.key === null ? null : readableBytes(record.key),
    value: record.value === null ? null : readableBytes(record.value),
    headers: readableHeaders(record)
  }))
}

function readableHeaders({ headers }: BatchRecord): Json {
  return headers.map(({ key, value }) => [key, value === null ? null : readableBytes(value)])
}
