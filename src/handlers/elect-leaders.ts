// ElectLeaders. Every partition is led by its only replica: no election is ever needed.

import { failure, type Failure } from '../base/result.ts'
import type {
  ElectLeadersRequest,
  ElectLeadersResponseInit
} from '../wire/generated/elect-leaders.ts'
import { errorCode, errorMessage, type ErrorName } from '../wire/generated/errors.ts'
import { clusterResourceName } from './authorized-operations.ts'
import type { Handler, RequestContext } from './handler.ts'

/** Kafka's ElectionType: the first replica in the list, or any that lives. */
const electionTypes: readonly number[] = [0, 1]

export const electLeaders: Handler<'ElectLeaders'> = (context, request) => {
  const fault = requestFault(context, request)
  if (fault !== null) return refuseAll(request, fault)
  const wanted = request.topicPartitions
  // When all are meant, those that are led by the right replica are left out.
  if (wanted === null) {
    const topics = [...context.cluster.topics()]
    return answer(topics.map(({ name }) => ({ topic: name, partitionResult: [] })))
  }
  return answer(
    wanted.map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map(index => result(index, election(context, topic, index)))
    }))
  )
}

type TopicResult = ElectLeadersResponseInit['replicaElectionResults'][number]
type PartitionResult = TopicResult['partitionResult'][number]

function requestFault(
  context: RequestContext,
  { electionType }: ElectLeadersRequest
): Failure<ErrorName> | null {
  if (!context.authorize('ALTER', 'CLUSTER', clusterResourceName)) {
    return failure('CLUSTER_AUTHORIZATION_FAILED')
  }
  if (electionTypes.includes(electionType)) return null
  return failure('INVALID_REQUEST', `Unknown election type ${electionType}`)
}

function election({ cluster }: RequestContext, topic: string, index: number): Failure<ErrorName> {
  const unknown = 'UNKNOWN_TOPIC_OR_PARTITION'
  if (cluster.topic(topic) === undefined) return failure(unknown, `No such topic as ${topic}`)
  if (cluster.partition(topic, index) === undefined) {
    return failure(unknown, `No such partition as ${topic}-${index}`)
  }
  return failure('ELECTION_NOT_NEEDED')
}

function result(partitionId: number, { error, detail }: Failure<ErrorName>): PartitionResult {
  return { partitionId, errorCode: errorCode(error), errorMessage: detail ?? errorMessage(error) }
}

function answer(replicaElectionResults: readonly TopicResult[]): ElectLeadersResponseInit {
  return { throttleTimeMs: 0, replicaElectionResults }
}

/** Version 0 has no place for the error of the whole request: every partition says it too. */
function refuseAll(
  { topicPartitions }: ElectLeadersRequest,
  fault: Failure<ErrorName>
): ElectLeadersResponseInit {
  const results = (topicPartitions ?? []).map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions.map(index => result(index, fault))
  }))
  return { ...answer(results), errorCode: errorCode(fault.error) }
}
