// DescribeTopicPartitions (KIP-966). Topics come sorted by name, in pages of partitions; replicas
// never fall behind.

import { topicNameFault } from '../cluster/topic-name.ts'
import type { Topic } from '../cluster/topics.ts'
import type {
  DescribeTopicPartitionsRequest,
  DescribeTopicPartitionsResponseInit,
  DescribeTopicPartitionsResponsePartitionInit,
  DescribeTopicPartitionsResponseTopicInit
} from '../wire/generated/describe-topic-partitions.ts'
import { errorCode, type ErrorName } from '../wire/generated/errors.ts'
import { zeroUuid } from '../wire/uuid.ts'
import { authorizedOperations } from './authorized-operations.ts'
import type { Handler, RequestContext } from './handler.ts'

export const describeTopicPartitions: Handler<'DescribeTopicPartitions'> = (context, request) => {
  const { cursor } = request
  const names = namesFromCursor(context, request)
  const namesCursor =
    cursor === null || request.topics.length === 0 || names[0] === cursor.topicName
  if (!namesCursor || (cursor !== null && cursor.partitionIndex < 0)) return refusal(request)
  return page(context, request, names)
}

/** The names asked for, or all, sorted and without those before the cursor. */
function namesFromCursor(
  context: RequestContext,
  { topics, cursor }: DescribeTopicPartitionsRequest
): readonly string[] {
  const wanted = topics.length === 0 ? [...context.cluster.topics()] : topics
  const names = new Set(wanted.map(({ name }) => name))
  return [...names].filter(name => cursor === null || name >= cursor.topicName).sort()
}

function page(
  context: RequestContext,
  request: DescribeTopicPartitionsRequest,
  names: readonly string[]
): DescribeTopicPartitionsResponseInit {
  const { maxRequestPartitionSizeLimit } = context.cluster.config
  const wantsAll = request.topics.length === 0
  const topics: DescribeTopicPartitionsResponseTopicInit[] = []
  let room = Math.max(Math.min(maxRequestPartitionSizeLimit, request.responsePartitionLimit), 1)
  for (const name of names) {
    if (!context.authorize('DESCRIBE', 'TOPIC', name)) {
      if (!wantsAll) topics.push(unknownTopic('TOPIC_AUTHORIZATION_FAILED', name))
      continue
    }
    if (room === 0) return { topics, nextCursor: { topicName: name, partitionIndex: 0 } }
    const topic = context.cluster.topic(name)
    if (topic === undefined) {
      if (!wantsAll) topics.push(absentTopic(context, name))
      continue
    }
    const from = request.cursor?.topicName === name ? request.cursor.partitionIndex : 0
    const partitions = partitionsOf(context, topic, from, from + room)
    topics.push(knownTopic(context, topic, partitions))
    room -= partitions.length
    const next = from + partitions.length
    if (next < topic.partitions.length) {
      return { topics, nextCursor: { topicName: name, partitionIndex: next } }
    }
  }
  return { topics, nextCursor: null }
}

function knownTopic(
  context: RequestContext,
  { name, topicId, isInternal }: Topic,
  partitions: readonly DescribeTopicPartitionsResponsePartitionInit[]
): DescribeTopicPartitionsResponseTopicInit {
  const topicAuthorizedOperations = authorizedOperations(context, 'TOPIC', name)
  return { errorCode: 0, name, topicId, isInternal, partitions, topicAuthorizedOperations }
}

function partitionsOf(
  { cluster }: RequestContext,
  topic: Topic,
  from: number,
  to: number
): readonly DescribeTopicPartitionsResponsePartitionInit[] {
  return topic.partitions.slice(from, to).map(({ partition, leaderEpoch }) => ({
    errorCode: 0,
    partitionIndex: partition,
    leaderId: cluster.nodeId,
    leaderEpoch,
    replicaNodes: cluster.brokerIds,
    isrNodes: cluster.brokerIds,
    eligibleLeaderReplicas: [],
    lastKnownElr: [],
    offlineReplicas: []
  }))
}

function absentTopic(
  context: RequestContext,
  name: string
): DescribeTopicPartitionsResponseTopicInit {
  const isLegal = topicNameFault(name) === null
  const error = isLegal ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION'
  const topicAuthorizedOperations = authorizedOperations(context, 'TOPIC', name)
  return { ...unknownTopic(error, name), topicAuthorizedOperations }
}

function unknownTopic(error: ErrorName, name: string): DescribeTopicPartitionsResponseTopicInit {
  return { errorCode: errorCode(error), name, topicId: zeroUuid, partitions: [] }
}

/** The cursor points to nothing that was asked for. */
function refusal({ topics }: DescribeTopicPartitionsRequest): DescribeTopicPartitionsResponseInit {
  return { topics: topics.map(({ name }) => unknownTopic('INVALID_REQUEST', name)) }
}
