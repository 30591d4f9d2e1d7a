// DeleteTopics. timeoutMs is ignored: a topic is gone when it is answered.

import { failure, type Result } from '../base/result.ts'
import type { Topic } from '../cluster/topics.ts'
import type {
  DeleteTopicsRequest,
  DeleteTopicsResponseDeletableTopicResultInit
} from '../wire/generated/delete-topics.ts'
import { errorCode, errorMessage, type ErrorName } from '../wire/generated/errors.ts'
import { zeroUuid } from '../wire/uuid.ts'
import { clusterResourceName } from './authorized-operations.ts'
import type { Handler, RequestContext } from './handler.ts'

/** The first version that can say that deletion is switched off. */
const deletionDisabledVersion = 3

/** One topic as a request names it: by name or by id. */
interface Named {
  readonly name: string | null
  readonly topicId: string
}

export const deleteTopics: Handler<'DeleteTopics'> = async (context, request) => {
  const named = namedTopics(request)
  if (!context.cluster.config.deleteTopicEnable) {
    const disabled = deletionDisabled(context.apiVersion)
    return { responses: named.map(topic => answer(topic, disabled)) }
  }
  const decided = decide(context, named)
  const doomed = [...decided.values()].filter(found => found.ok).map(({ value }) => value.topicId)
  const deleted = await context.cluster.deleteTopics(doomed)
  return {
    responses: [...decided].map(([topic, found]) =>
      found.ok
        ? answer(
            { name: found.value.name, topicId: found.value.topicId },
            deleted.get(found.value.topicId) ?? failure('UNKNOWN_TOPIC_ID')
          )
        : answer(topic, found)
    )
  }
}

function namedTopics(request: DeleteTopicsRequest): readonly Named[] {
  const byName = request.topicNames.map(name => ({ name, topicId: zeroUuid }))
  return [...byName, ...request.topics]
}

function deletionDisabled(apiVersion: number): Result<never, ErrorName> {
  return apiVersion < deletionDisabledVersion
    ? failure('INVALID_REQUEST', 'This version does not support topic deletion.')
    : failure('TOPIC_DELETION_DISABLED', 'Topic deletion is disabled.')
}

/** Finds the topic of each distinct name and id, or says why it is not deleted (Kafka: ControllerApis.deleteTopics). */
function decide(
  context: RequestContext,
  named: readonly Named[]
): ReadonlyMap<Named, Result<Topic, ErrorName>> {
  const distinct = new Map<string, { topic: Named; times: number }>()
  for (const topic of named) {
    const key = `${topic.topicId}/${topic.name ?? ''}`
    const seen = distinct.get(key)
    if (seen === undefined) distinct.set(key, { topic, times: 1 })
    else seen.times += 1
  }
  const decided = new Map<Named, Result<Topic, ErrorName>>()
  const topicIds = new Set<string>()
  for (const { topic, times } of distinct.values()) {
    const found = times > 1 ? duplicate(topic) : find(context, topic)
    if (found.ok && topicIds.has(found.value.topicId)) {
      const detail = 'The provided topic name maps to an ID that was already supplied.'
      decided.set(topic, failure('INVALID_REQUEST', detail))
    } else {
      decided.set(topic, found)
    }
    if (found.ok) topicIds.add(found.value.topicId)
  }
  return decided
}

function duplicate({ name }: Named): Result<never, ErrorName> {
  const what = name === null ? 'id' : 'name'
  return failure('INVALID_REQUEST', `Duplicate topic ${what}.`)
}

function find(context: RequestContext, { name, topicId }: Named): Result<Topic, ErrorName> {
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
  if (topic !== undefined) return { ok: true, value: topic }
  return failure(name === null ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION')
}

function mayDelete(context: RequestContext, name: string): boolean {
  return (
    context.authorize('DELETE', 'CLUSTER', clusterResourceName) ||
    (context.authorize('DESCRIBE', 'TOPIC', name) && context.authorize('DELETE', 'TOPIC', name))
  )
}

function answer(
  { name, topicId }: Named,
  outcome: Result<unknown, ErrorName>
): DeleteTopicsResponseDeletableTopicResultInit {
  if (outcome.ok) return { name, topicId, errorCode: 0 }
  return {
    name,
    topicId,
    errorCode: errorCode(outcome.error),
    errorMessage: outcome.detail ?? errorMessage(outcome.error)
  }
}
