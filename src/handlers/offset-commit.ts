// OffsetCommit. Offsets are kept as they come, negative ones too: kafkajs commits -1 and -2.
// Outcomes come back in the order of the request.
import { errorCode } from '../wire/generated/errors.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type { OffsetCommitRequestTopic } from '../wire/generated/offset-commit.ts'
import { zeroUuid } from '../wire/uuid.ts'
import type { Handler, RequestContext } from './handler.ts'

interface NamedTopic {
  readonly request: OffsetCommitRequestTopic
  readonly topic: string
  /** Why nothing may be committed for the topic, or NONE. */
  readonly error: ErrorName
}

export const offsetCommit: Handler<'OffsetCommit'> = async (context, request) => {
  if (!context.authorize('READ', 'GROUP', request.groupId)) {
    const error = 'GROUP_AUTHORIZATION_FAILED'
    return answer(request.topics.map(each => ({ request: each, topic: each.name, error })))
  }
  // As in Kafka, a topic without partitions is no part of the answer.
  const topics = request.topics
    .filter(({ partitions }) => partitions.length > 0)
    .map(each => named(context, each))
  const committed = await context.groups.commitOffsets({
    groupId: request.groupId,
    memberId: request.memberId,
    groupInstanceId: request.groupInstanceId,
    generationId: request.generationIdOrMemberEpoch,
    retentionTimeMs: request.retentionTimeMs,
    topics: topics.filter(each => each.error === 'NONE').map(committedTopic),
    apiVersion: context.apiVersion
  })
  const outcomes = committed.topics.values()
  return answer(topics, () => outcomes.next().value?.partitions.map(each => each.error) ?? [])
}

/** From version 10 on topics come by id; which topic it is decides who may commit. */
function named(context: RequestContext, request: OffsetCommitRequestTopic): NamedTopic {
  const { topicId } = request
  const topic =
    topicId === zeroUuid ? request.name : (context.cluster.topicById(topicId)?.name ?? '')
  if (context.apiVersion >= 10 && topic === '') return { request, topic, error: 'UNKNOWN_TOPIC_ID' }
  const mayRead = context.authorize('READ', 'TOPIC', topic)
  return { request, topic, error: mayRead ? 'NONE' : 'TOPIC_AUTHORIZATION_FAILED' }
}

function committedTopic({ request, topic }: NamedTopic) {
  return {
    topic,
    topicId: request.topicId,
    partitions: request.partitions.map(each => ({
      partition: each.partitionIndex,
      committedOffset: each.committedOffset,
      committedLeaderEpoch: each.committedLeaderEpoch,
      metadata: each.committedMetadata ?? '',
      commitTimestampMs: each.commitTimestamp
    }))
  }
}

/** @param errorsOf outcomes of the partitions of the next topic that was let through */
function answer(topics: readonly NamedTopic[], errorsOf: () => readonly ErrorName[] = () => []) {
  return {
    topics: topics.map(({ request, error }) => {
      const errors = error === 'NONE' ? errorsOf() : []
      return {
        name: request.name,
        topicId: request.topicId,
        partitions: request.partitions.map(({ partitionIndex }, index) => ({
          partitionIndex,
          errorCode: errorCode(errors[index] ?? error)
        }))
      }
    })
  }
}
