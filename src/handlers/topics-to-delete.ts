import { failure, success, type Result } from '../base/result.ts'
import type { Topic } from '../cluster/topics.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import { zeroUuid } from '../wire/uuid.ts'
import { clusterResourceName } from './authorized-operations.ts'
import type { RequestContext } from './handler.ts'

/** One topic as a request names it: by name or by id. */
export interface NamedTopic {
  readonly name: string | null
  readonly topicId: string
}

/**
 * Finds the topic of each distinct name and id, or says why it is not deleted (Kafka:
 * ControllerApis.deleteTopics).
 */
export function topicsToDelete(
  context: RequestContext,
  named: readonly NamedTopic[]
): ReadonlyMap<NamedTopic, Result<Topic, ErrorName>> {
  const distinct = new Map<string, { topic: NamedTopic; times: number }>()
  for (const topic of named) {
    const key = `${topic.topicId}/${topic.name ?? ''}`
    const seen = distinct.get(key)
    if (seen === undefined) distinct.set(key, { topic, times: 1 })
    else seen.times += 1
  }
  const decided = new Map<NamedTopic, Result<Topic, ErrorName>>()
  const foundAs = new Map<string, NamedTopic>()
  for (const { topic, times } of distinct.values()) {
    const found = times > 1 ? duplicate(topic) : find(context, topic)
    const other = found.ok ? foundAs.get(found.value.topicId) : undefined
    if (!found.ok || other === undefined) {
      decided.set(topic, found)
      if (found.ok) foundAs.set(found.value.topicId, topic)
    } else {
      // NamedTopic twice, once each way: it is deleted through neither and answered once.
      decided.delete(other)
      decided.set({ name: found.value.name, topicId: found.value.topicId }, namedTwice())
    }
  }
  return decided
}

function namedTwice(): Result<never, ErrorName> {
  const detail = 'The provided topic name maps to an ID that was already supplied.'
  return failure('INVALID_REQUEST', detail)
}

function duplicate({ name }: NamedTopic): Result<never, ErrorName> {
  const what = name === null ? 'id' : 'name'
  return failure('INVALID_REQUEST', `Duplicate topic ${what}.`)
}

function find(context: RequestContext, { name, topicId }: NamedTopic): Result<Topic, ErrorName> {
  const { cluster } = context
  if (name === null && topicId === zeroUuid) {
    return failure('INVALID_REQUEST', 'Neither topic name nor id were specified.')
  }
  if (name !== null && topicId !== zeroUuid) {
    return failure('INVALID_REQUEST', 'You may not specify both topic name and topic id.')
  }
  const topic = name === null ? cluster.topicById(topicId) : cluster.topic(name)
  const knownName = topic?.name ?? name
  if (knownName !== null && !mayDelete(context, knownName)) {
    return failure('TOPIC_AUTHORIZATION_FAILED')
  }
  if (topic !== undefined) return success(topic)
  return failure(name === null ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION')
}

function mayDelete(context: RequestContext, name: string): boolean {
  return (
    context.authorize('DELETE', 'CLUSTER', clusterResourceName) ||
    (context.authorize('DESCRIBE', 'TOPIC', name) && context.authorize('DELETE', 'TOPIC', name))
  )
}
