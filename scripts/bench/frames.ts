import { buildBatch } from '../../src/record/records.ts'
import type { ApiName, Messages } from '../../src/wire/generated/api-table.ts'
import { encodeRequest } from '../../src/wire/header.ts'

let topicCount = 0

/** A topic of its own for a run; names of one length, so that answers are read at fixed places. */
export function nextTopic(): string {
  return `bench-${String(topicCount++).padStart(6, '0')}`
}

export const topicSize = 'bench-000000'.length

/** Produce 7 with acks=all of one batch to one partition; the batch is the end of the frame. */
export function produceFrame(topic: string, partition: number, batch: Buffer): Buffer {
  return frameOf('Produce', 7, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 30_000,
    topicData: [{ name: topic, partitionData: [{ index: partition, records: batch }] }]
  })
}

/** Where the error code of an answer to `produceFrame` stands. */
export const produceErrorAt = 4 + 4 + 4 + 2 + topicSize + 4 + 4

export interface FetchedFrom {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly maxBytes: number
  /** With 0 the answer comes at once. */
  readonly maxWaitMs: number
}

/** Fetch 4 of one partition. */
export function fetchFrame(from: FetchedFrom): Buffer {
  const { topic, partition, offset, maxBytes, maxWaitMs } = from
  return frameOf('Fetch', 4, {
    replicaId: -1,
    maxWaitMs,
    minBytes: 1,
    maxBytes,
    isolationLevel: 0,
    topics: [
      { topic, partitions: [{ partition, fetchOffset: offset, partitionMaxBytes: maxBytes }] }
    ]
  })
}

/** Where the error code of an answer to `fetchFrame` stands, and where its batches begin. */
export const fetchErrorAt = 4 + 4 + 4 + 4 + 2 + topicSize + 4 + 4
export const fetchRecordsAt = fetchErrorAt + 2 + 8 + 8 + 4 + 4

/** Where the offset stands in a `fetchFrame`: before the most bytes of its partition. */
export function fetchOffsetAt(frame: Buffer): number {
  return frame.length - 4 - 8
}

/** OffsetCommit 7 of a group without members. */
export function commitFrame(groupId: string, topic: string): Buffer {
  return frameOf('OffsetCommit', 7, {
    groupId,
    topics: [
      {
        name: topic,
        partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: null }]
      }
    ]
  })
}

/** Where the error code of an answer to `commitFrame` stands: as in that of a Fetch. */
export const commitErrorAt = fetchErrorAt

/** ApiVersions 0: what a client says first. */
export function apiVersionsFrame(): Buffer {
  return frameOf('ApiVersions', 0, {})
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

function frameOf<A extends ApiName>(
  apiName: A,
  version: number,
  request: Messages[A]['requestInit']
): Buffer {
  return Buffer.concat(encodeRequest(apiName, version, 0, 'bench', request))
}
