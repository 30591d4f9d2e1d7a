import type { FetchOutcome, FetchPartition } from '../partition/fetch-session.ts'
import type { FetchedRecords } from '../partition/fetch-reads.ts'
import { errorCode } from '../wire/generated/errors.ts'
import type { FetchResponseInit, FetchResponsePartitionDataInit } from '../wire/generated/fetch.ts'

/** What a fetch has found in one partition; `read` is null when it was refused. */
export interface Outcome extends FetchOutcome {
  readonly read: FetchedRecords | null
  /** False when the partition is not there, or not for this client: then nobody looked into it. */
  readonly wasRead: boolean
}

/** Older clients do not know KAFKA_STORAGE_ERROR, and would not look for the leader. */
const storageErrorSince = 6
const noRecords = Buffer.alloc(0)

/**
 * The answer in the order of the request: neighbours of one topic share an entry, a topic named
 * twice has two.
 */
export function fetchResponses(
  apiVersion: number,
  partitions: readonly FetchPartition[],
  outcomes: readonly Outcome[],
  included: readonly number[] | null
): FetchResponseInit['responses'] {
  const topics: { topic: string; topicId: string; partitions: FetchResponsePartitionDataInit[] }[] =
    []
  for (const index of included ?? partitions.keys()) {
    const { topic, topicId, partition } = partitions[index]!
    let last = topics.at(-1)
    if (last === undefined || last.topic !== topic || last.topicId !== topicId) {
      last = { topic, topicId, partitions: [] }
      topics.push(last)
    }
    last.partitions.push(partitionResponse(apiVersion, partition, outcomes[index]!))
  }
  return topics
}

function partitionResponse(
  apiVersion: number,
  partitionIndex: number,
  { error, highWatermark, logStartOffset, read, wasRead }: Outcome
): FetchResponsePartitionDataInit {
  if (read === null) {
    const isTooNew = error === 'KAFKA_STORAGE_ERROR' && apiVersion < storageErrorSince
    const name = isTooNew ? 'NOT_LEADER_OR_FOLLOWER' : (error ?? 'NONE')
    // Kafka's FetchResponse.partitionResponse lists none, and a log that was read uncommitted null.
    const nothing = { abortedTransactions: wasRead ? null : [], records: noRecords }
    return { partitionIndex, errorCode: errorCode(name), highWatermark, ...nothing }
  }
  return {
    partitionIndex,
    errorCode: 0,
    highWatermark,
    lastStableOffset: read.lastStableOffset,
    logStartOffset,
    abortedTransactions: read.abortedTransactions,
    records: read.pieces
  }
}
