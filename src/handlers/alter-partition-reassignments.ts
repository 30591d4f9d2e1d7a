// AlterPartitionReassignments. Nothing can move: the only assignment that is accepted is the
// present one.

import { failure, success, type Result } from '../base/result.ts'
import { validateReplicas } from '../cluster/replica-assignment.ts'
import type {
  AlterPartitionReassignmentsRequest,
  AlterPartitionReassignmentsResponseInit
} from '../wire/generated/alter-partition-reassignments.ts'
import { errorCode, errorMessage, type ErrorName } from '../wire/generated/errors.ts'
import { clusterResourceName } from './authorized-operations.ts'
import type { Handler, RequestContext } from './handler.ts'

type TopicResponse = AlterPartitionReassignmentsResponseInit['responses'][number]
type PartitionResponse = TopicResponse['partitions'][number]

export const alterPartitionReassignments: Handler<'AlterPartitionReassignments'> = (
  context,
  request
) => {
  const { topics, allowReplicationFactorChange } = request
  const base = { throttleTimeMs: 0, allowReplicationFactorChange }
  if (!context.authorize('ALTER', 'CLUSTER', clusterResourceName)) {
    const error = 'CLUSTER_AUTHORIZATION_FAILED'
    const errorText = errorMessage(error)
    return { ...base, errorCode: errorCode(error), errorMessage: errorText, responses: [] }
  }
  return {
    ...base,
    errorCode: 0,
    errorMessage: null,
    responses: topics.map(topic => topicResponse(context, topic))
  }
}

function topicResponse(
  context: RequestContext,
  { name, partitions }: AlterPartitionReassignmentsRequest['topics'][number]
): TopicResponse {
  return {
    name,
    partitions: partitions.map(({ partitionIndex, replicas }) =>
      partitionResponse(partitionIndex, reassign(context, name, partitionIndex, replicas))
    )
  }
}

/**
 * Kafka: ReplicationControlManager.alterPartitionReassignment, where every replica list is this
 * broker.
 */
function reassign(
  { cluster }: RequestContext,
  topic: string,
  index: number,
  replicas: readonly number[] | null
): Result<void, ErrorName> {
  const unknown = 'UNKNOWN_TOPIC_OR_PARTITION'
  if (cluster.topic(topic) === undefined) {
    return failure(unknown, `Unable to find a topic named ${topic}.`)
  }
  if (cluster.partition(topic, index) === undefined) {
    return failure(unknown, `Unable to find partition ${topic}:${index}.`)
  }
  if (replicas === null) return failure('NO_REASSIGNMENT_IN_PROGRESS')
  const valid = validateReplicas(replicas, null, cluster.brokerIds)
  return valid.ok ? success(undefined) : valid
}

function partitionResponse(
  partitionIndex: number,
  outcome: Result<void, ErrorName>
): PartitionResponse {
  if (outcome.ok) return { partitionIndex, errorCode: 0, errorMessage: null }
  const { error, detail } = outcome
  return {
    partitionIndex,
    errorCode: errorCode(error),
    errorMessage: detail
  }
}
