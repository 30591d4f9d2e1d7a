// Fetch. Nobody follows this broker: replica ids are refused with NOT_LEADER_OR_FOLLOWER, as Kafka
// does with a replica that it does not know. rackId and lastFetchedEpoch are ignored: there is one
// replica, and a diverging epoch is for followers. clusterId is not compared. zstd goes out in
// every version, as from Kafka: a client that asks in an old one may well have the codec.
import type { FetchPartition } from '../partition/fetch-session.ts'
import { readOrWait } from '../partition/fetch-reads.ts'
import type { FetchedRecords, FetchLimits, PartitionToRead } from '../partition/fetch-reads.ts'
import { errorCode } from '../wire/generated/errors.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type { FetchRequest } from '../wire/generated/fetch.ts'
import { fetchResponses } from './fetch-responses.ts'
import type { Outcome } from './fetch-responses.ts'
import type { Handler, RequestContext } from './handler.ts'

const topicIdsSince = 13
const replicaStateSince = 15
export const fetch: Handler<'Fetch'> = async (context, request) => {
  const session = context.fetchSessions.begin(
    {
      sessionId: request.sessionId,
      sessionEpoch: request.sessionEpoch,
      usesTopicIds: context.apiVersion >= topicIdsSince,
      partitions: requestedPartitions(request),
      forgotten: request.forgottenTopicsData.flatMap(({ topic, topicId, partitions }) =>
        partitions.map(partition => ({ topic, topicId, partition }))
      )
    },
    context.nowMs()
  )
  if (!session.ok) return { errorCode: errorCode(session.error), responses: [] }
  const { partitions } = session.value
  const hasReplicaState = context.apiVersion >= replicaStateSince
  const replicaId = hasReplicaState ? request.replicaState.replicaId : request.replicaId
  const targets = partitions.map(each => target(context, each, replicaId))
  const reads = await readOrWait(
    targets.every(isReadable) ? targets : targets.filter(isReadable),
    limitsOf(request, context.config),
    context.fetchWaiters,
    context.cancellation
  )
  context.onAnswered(() => reads.release())
  let next = 0
  const outcomes = targets.map((each, index): Outcome => {
    if (!isReadable(each)) return refused(each, false)
    const result = reads.results[next++]!
    if (result.ok) return found(result)
    // The topic may have been deleted meanwhile, which says more than that its partition is closed.
    const now = target(context, partitions[index]!, replicaId)
    return refused(isReadable(now) ? result.error : now, true)
  })
  const answer = session.value.answer(outcomes, context.nowMs())
  if (!answer.ok) return { errorCode: errorCode(answer.error), responses: [] }
  const { sessionId, included } = answer.value
  return {
    sessionId,
    responses: fetchResponses(context.apiVersion, partitions, outcomes, included)
  }
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
