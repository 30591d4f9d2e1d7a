// DeleteTopics. A topic is gone when it is answered; one that takes longer than timeoutMs goes all
// the same.

import { failure, type Result } from '../base/result.ts'
import type {
  DeleteTopicsRequest,
  DeleteTopicsResponseDeletableTopicResultInit
} from '../wire/generated/delete-topics.ts'
import { errorCode, errorMessage, type ErrorName } from '../wire/generated/errors.ts'
import { zeroUuid } from '../wire/uuid.ts'
import type { Handler } from './handler.ts'
import { topicsToDelete, type NamedTopic } from './topics-to-delete.ts'

/** The first version that can say that deletion is switched off. */
const deletionDisabledVersion = 3

export const deleteTopics: Handler<'DeleteTopics'> = async (context, request) => {
  const named = namedTopics(request)
  if (!context.cluster.config.deleteTopicEnable) {
    const disabled = deletionDisabled(context.apiVersion)
    return { responses: named.map(topic => answer(topic, disabled)) }
  }
  const decided = topicsToDelete(context, named)
  const doomed = [...decided.values()].filter(found => found.ok).map(({ value }) => value.topicId)
  const deleted = await context.cluster.deleteTopics(doomed, request)
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

function namedTopics(request: DeleteTopicsRequest): readonly NamedTopic[] {
  const byName = request.topicNames.map(name => ({ name, topicId: zeroUuid }))
  return [...byName, ...request.topics]
}

function deletionDisabled(apiVersion: number): Result<never, ErrorName> {
  return apiVersion < deletionDisabledVersion
    ? failure('INVALID_REQUEST', 'This version does not support topic deletion.')
    : failure('TOPIC_DELETION_DISABLED', 'Topic deletion is disabled.')
}

function answer(
  { name, topicId }: NamedTopic,
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
