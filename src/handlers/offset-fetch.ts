// OffsetFetch. requireStable changes nothing: without transactions no committed offset is ever
// unstable, and what is answered is durable in any case.
import { errorCode } from '../wire/generated/errors.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type {
  OffsetFetchRequestGroup,
  OffsetFetchRequestTopics,
  OffsetFetchResponseGroupInit,
  OffsetFetchResponseTopicsInit
} from '../wire/generated/offset-fetch.ts'
import { zeroUuid } from '../wire/uuid.ts'
import type { Handler, RequestContext } from './handler.ts'

type Group = Pick<OffsetFetchRequestGroup, 'groupId' | 'topics'>

export const offsetFetch: Handler<'OffsetFetch'> = async (context, request) => {
  if (context.apiVersion >= 8) {
    return { groups: await Promise.all(request.groups.map(group => fetchGroup(context, group))) }
  }
  const { groupId } = request
  const topics = request.topics?.map(topic => ({ ...topic, topicId: zeroUuid })) ?? null
  const group = await fetchGroup(context, { groupId, topics })
  return {
    errorCode: group.errorCode,
    topics: group.topics.map(({ name = '', partitions }) => ({ name, partitions }))
  }
}

async function fetchGroup(
  context: RequestContext,
  group: Group
): Promise<OffsetFetchResponseGroupInit> {
  const { groupId } = group
  if (!context.authorize('DESCRIBE', 'GROUP', groupId)) {
    return groupError(context, group, 'GROUP_AUTHORIZATION_FAILED')
  }
  const checked = group.topics?.map(topic => ({ topic, ...nameOf(context, topic) })) ?? null
  const allowed = checked?.filter(({ error }) => error === 'NONE') ?? null
  const fetched = await context.groups.fetchOffsets(
    groupId,
    allowed?.map(({ name, topic: { topicId, partitionIndexes } }) => ({
      topic: name,
      topicId,
      partitions: partitionIndexes
    })) ?? null
  )
  if (!fetched.ok) return groupError(context, group, fetched.error)
  const answers = fetched.value.topics.map(({ topic, topicId, partitions }) => ({
    name: topic,
    topicId: topicId === zeroUuid ? (context.cluster.topic(topic)?.topicId ?? zeroUuid) : topicId,
    partitions: partitions.map(({ partition, ...committed }) => ({
      ...committed,
      partitionIndex: partition,
      errorCode: 0
    }))
  }))
  if (checked === null) {
    return { groupId, topics: answers.filter(answer => mayShow(context, answer)) }
  }
  const next = answers.values()
  const topics = checked.map(({ topic, error }) =>
    error === 'NONE' ? (next.next().value ?? topicError(topic, error)) : topicError(topic, error)
  )
  return { groupId, topics }
}

/** Which topic it is (an id from version 10 on), and why it may not be looked at. */
function nameOf(
  context: RequestContext,
  topic: OffsetFetchRequestTopics
): { readonly name: string; readonly error: ErrorName } {
  const { topicId } = topic
  const name = topicId === zeroUuid ? topic.name : (context.cluster.topicById(topicId)?.name ?? '')
  if (context.apiVersion >= 10 && name === '') return { name, error: 'UNKNOWN_TOPIC_ID' }
  const mayDescribe = context.authorize('DESCRIBE', 'TOPIC', name)
  return { name, error: mayDescribe ? 'NONE' : 'TOPIC_AUTHORIZATION_FAILED' }
}

/** Of all topics of a group, those the client may describe, and can name by id where it must. */
function mayShow(
  context: RequestContext,
  topic: { readonly name: string; readonly topicId: string }
): boolean {
  if (!context.authorize('DESCRIBE', 'TOPIC', topic.name)) return false
  return context.apiVersion < 10 || topic.topicId !== zeroUuid
}

/** Version 1 has no place for an error but the partitions. */
function groupError(
  context: RequestContext,
  { groupId, topics }: Group,
  error: ErrorName
): OffsetFetchResponseGroupInit {
  if (context.apiVersion >= 2) return { groupId, errorCode: errorCode(error), topics: [] }
  return { groupId, topics: topics?.map(topic => topicError(topic, error)) ?? [] }
}

function topicError(
  topic: OffsetFetchRequestTopics,
  error: ErrorName
): OffsetFetchResponseTopicsInit {
  return {
    name: topic.name,
    topicId: topic.topicId,
    partitions: topic.partitionIndexes.map(partitionIndex => ({
      partitionIndex,
      committedOffset: -1n,
      committedLeaderEpoch: -1,
      metadata: '',
      errorCode: errorCode(error)
    }))
  }
}
