// Fetch. Nobody follows this broker: replica ids are refused with NOT_LEADER_OR_FOLLOWER, as Kafka
// does with a replica that it does not know. rackId and lastFetchedEpoch are ignored: there is one
// replica, and a diverging epoch is for followers. clusterId is not compared. zstd goes out in
// every version, as from Kafka: a client that asks in an old one may well have the codec.
import type { Result } from '../base/result.ts'
import type { FetchContext, FetchPartition, FetchSessionError } from '../partition/fetch-session.ts'
import { readOrWait } from '../partition/fetch-reads.ts'
import type {
  FetchedRecords,
  FetchLimits,
  FetchReads,
  PartitionToRead
} from '../partition/fetch-reads.ts'
import { errorCode } from '../wire/generated/errors.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type { FetchRequest, FetchResponseInit } from '../wire/generated/fetch.ts'
import { fetchResponses } from './fetch-responses.ts'
import type { Outcome } from './fetch-responses.ts'
import type { Handler, RequestContext } from './handler.ts'

const topicIdsSince = 13
const replicaStateSince = 15
/** What clients send for a replica id, and what was one of those that may read. */
const consumer = -1

/**
 * While it waits a fetch holds on to little, for there is one for each consumer that has read all:
 * what is needed for the answer, and nothing of the request beyond it.
 */
export const fetch: Handler<'Fetch'> = (context, request) => {
  const begun = begin(context, request)
  if (!begun.ok) return { errorCode: errorCode(begun.error), responses: [] }
  const session = begun.value
  const targets = targetsOf(context, request, session.partitions)
  const reads = readOrWait(
    targets.every(isReadable) ? targets : targets.filter(isReadable),
    limitsOf(request, context.config),
    context.fetchWaiters,
    context.cancellation
  )
  return reads.then(found => answered(context, session, targets, found))
}

function begin(
  context: RequestContext,
  request: FetchRequest
): Result<FetchContext, FetchSessionError> {
  const { sessionId, sessionEpoch } = request
  return context.fetchSessions.begin(
    {
      sessionId,
      sessionEpoch,
      usesTopicIds: context.apiVersion >= topicIdsSince,
      partitions: requestedPartitions(request),
      forgotten: request.forgottenTopicsData.flatMap(({ topic, topicId, partitions }) =>
        partitions.map(partition => ({ topic, topicId, partition }))
      )
    },
    context.monotonicMs()
  )
}

function answered(
  context: RequestContext,
  session: FetchContext,
  targets: readonly (PartitionToRead | ErrorName)[],
  reads: FetchReads
): FetchResponseInit {
  if (reads.size > 0) context.onAnswered(() => reads.release())
  else reads.release()
  const { partitions } = session
  let next = 0
  const outcomes = targets.map((each, index): Outcome => {
    if (!isReadable(each)) return refused(each, false)
    const result = reads.results[next++]!
    if (result.ok) return found(result)
    // The topic may have been deleted meanwhile, which says more than that its partition is closed.
    const now = target(context, partitions[index]!, consumer)
    return refused(isReadable(now) ? result.error : now, true)
  })
  const answer = session.answer(outcomes, context.monotonicMs())
  if (!answer.ok) return { errorCode: errorCode(answer.error), responses: [] }
  const { sessionId, included } = answer.value
  return {
    sessionId,
    responses: fetchResponses(context.apiVersion, partitions, outcomes, included)
  }
}

function targetsOf(
  context: RequestContext,
  request: FetchRequest,
  partitions: readonly FetchPartition[]
): readonly (PartitionToRead | ErrorName)[] {
  const hasReplicaState = context.apiVersion >= replicaStateSince
  const replicaId = hasReplicaState ? request.replicaState.replicaId : request.replicaId
  return partitions.map(each => target(context, each, replicaId))
}

/** What is asked for, in the order of the request; any leader epoch below zero is none. */
function requestedPartitions(request: FetchRequest): readonly FetchPartition[] {
  const requested: FetchPartition[] = []
  for (const { topic, topicId, partitions } of request.topics) {
    for (const asked of partitions) {
      const { partition, fetchOffset, partitionMaxBytes } = asked
      const currentLeaderEpoch = Math.max(asked.currentLeaderEpoch, -1)
      const each = { topic, topicId, partition, fetchOffset, partitionMaxBytes, currentLeaderEpoch }
      requested.push(each)
    }
  }
  return requested.length < 2 ? requested : eachOnce(requested)
}

/**
 * Of a partition that is asked for twice the last request counts, in the place of the first, as in
 * Kafka's `FetchRequest.fetchData`.
 */
function eachOnce(requested: readonly FetchPartition[]): readonly FetchPartition[] {
  const byPartition = new Map<string, FetchPartition>()
  for (const each of requested)
    byPartition.set(`${each.topicId} ${each.partition} ${each.topic}`, each)
  return [...byPartition.values()]
}

function limitsOf(
  { minBytes, maxBytes, maxWaitMs, isolationLevel }: FetchRequest,
  { fetchMaxBytes }: RequestContext['config']
): FetchLimits {
  const isCommitted = isolationLevel === 1
  return {
    minBytes,
    maxBytes: Math.min(maxBytes, fetchMaxBytes),
    maxWaitMs,
    isolationLevel: isCommitted ? 'READ_COMMITTED' : 'READ_UNCOMMITTED'
  }
}

/** Where to read, or why not. */
function target(
  context: RequestContext,
  asked: FetchPartition,
  replicaId: number
): PartitionToRead | ErrorName {
  const byId = context.apiVersion >= topicIdsSince
  const topic = byId ? context.cluster.topicById(asked.topicId)?.name : asked.topic
  if (topic === undefined) return 'UNKNOWN_TOPIC_ID'
  const isAuthorized =
    replicaId >= 0
      ? context.authorize('CLUSTER_ACTION', 'CLUSTER', 'kafka-cluster')
      : context.authorize('READ', 'TOPIC', topic)
  if (!isAuthorized) return 'TOPIC_AUTHORIZATION_FAILED'
  const partition = context.cluster.partition(topic, asked.partition)
  if (partition === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
  if (replicaId >= 0) return 'NOT_LEADER_OR_FOLLOWER'
  const { fetchOffset, partitionMaxBytes: maxBytes, currentLeaderEpoch } = asked
  return { partition, fetchOffset, maxBytes, currentLeaderEpoch }
}

function isReadable(target: PartitionToRead | ErrorName): target is PartitionToRead {
  return typeof target !== 'string'
}

function found(read: FetchedRecords): Outcome {
  const { size, highWatermark, logStartOffset } = read
  return { error: null, size, highWatermark, logStartOffset, read, wasRead: true }
}

/** @param wasRead whether the partition was there to be read, as Kafka's answer shows */
function refused(error: ErrorName, wasRead: boolean): Outcome {
  return { error, size: 0, highWatermark: -1, logStartOffset: -1, read: null, wasRead }
}
