import { buildBatch } from '../../src/record/records.ts'
import { recordsBefore } from './topic.ts'
import { encodeRequest } from '../../src/wire/header.ts'

/** The topic of a run; all names are of one length, so that answers are read at fixed places. */
export function topicOfRun(run: number): string {
  return `bench-${String(run).padStart(6, '0')}`
}

const topicSize = topicOfRun(0).length

/**
 * Produce 7 with acks=all of one batch to one partition; the answer's error code then stands at a
 * fixed place.
 */
export function produceFrame(topic: string, partition: number, batch: Buffer): Buffer {
  return frameOf(
    encodeRequest('Produce', 7, 0, 'bench', {
      transactionalId: null,
      acks: -1,
      timeoutMs: 30_000,
      topicData: [{ name: topic, partitionData: [{ index: partition, records: batch }] }]
    })
  )
}

/** Throws unless an answer to `produceFrame` says NONE. */
export function checkProduced(head: Buffer): void {
  const errorAt = 4 + 4 + 4 + 2 + topicSize + 4 + 4
  const errorCode = head.readInt16BE(errorAt)
  if (errorCode !== 0) throw new Error(`Produce was answered with error ${errorCode}`)
}

/** Fetch 4 of the batch that a run has put into a partition, answered at once. */
export function fetchFrame(topic: string, partition: number, maxBytes: number): Buffer {
  return frameOf(
    encodeRequest('Fetch', 4, 0, 'bench', {
      replicaId: -1,
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes,
      isolationLevel: 0,
      topics: [
        {
          topic,
          partitions: [{ partition, fetchOffset: recordsBefore, partitionMaxBytes: maxBytes }]
        }
      ]
    })
  )
}

/** Throws unless an answer to `fetchFrame` says NONE and holds records. */
export function checkFetched(head: Buffer, size: number): void {
  const errorAt = 4 + 4 + 4 + 4 + 2 + topicSize + 4 + 4
  const errorCode = head.readInt16BE(errorAt)
  if (errorCode !== 0) throw new Error(`Fetch was answered with error ${errorCode}`)
  if (size < 100) throw new Error('Fetch was answered without records')
}

/**
 * One uncompressed batch of `count` records, each with a value of `recordSize` bytes and no key.
 */
export function batchOf(count: number, recordSize: number): Buffer {
  const value = Buffer.alloc(recordSize, 'odradek ')
  const timestampMs = Date.now()
  return buildBatch({
    records: Array.from({ length: count }, () => ({ key: null, value, timestampMs, headers: [] }))
  })
}

function frameOf(pieces: readonly Buffer[]): Buffer {
  return Buffer.concat(pieces)
}
