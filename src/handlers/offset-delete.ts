// OffsetDelete. Outcomes come back in the order of the request.
import { errorCode } from '../wire/generated/errors.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type { OffsetDeleteRequestTopic } from '../wire/generated/offset-delete.ts'
import type { Handler, RequestContext } from './handler.ts'

export const offsetDelete: Handler<'OffsetDelete'> = async (context, request) => {
  const { groupId } = request
  if (!context.authorize('DELETE', 'GROUP', groupId)) {
    return { errorCode: errorCode('GROUP_AUTHORIZATION_FAILED'), topics: [] }
  }
  // As in Kafka, a topic without partitions is no part of the answer.
  const topics = request.topics.filter(({ partitions }) => partitions.length > 0)
  const checked = topics.map(topic => ({
    name: topic.name,
    partitions: topic.partitions.map(({ partitionIndex }) => ({
      partitionIndex,
      error: check(context, topic, partitionIndex)
    }))
  }))
  const deleted = await context.groups.deleteOffsets(
    groupId,
    checked.map(({ name, partitions }) => ({
      topic: name,
      partitions: partitions
        .filter(({ error }) => error === 'NONE')
        .map(({ partitionIndex }) => partitionIndex)
    }))
  )
  if (deleted.error !== 'NONE') return { errorCode: errorCode(deleted.error), topics: [] }
  return {
    errorCode: 0,
    topics: checked.map(({ name, partitions }, index) => {
      const outcomes = (deleted.topics[index]?.partitions ?? []).values()
      return {
        name,
        partitions: partitions.map(({ partitionIndex, error }) => ({
          partitionIndex,
          errorCode: errorCode(error === 'NONE' ? (outcomes.next().value?.error ?? error) : error)
        }))
      }
    })
  }
}

function check(
  context: RequestContext,
  topic: OffsetDeleteRequestTopic,
  partitionIndex: number
): ErrorName {
  if (!context.authorize('READ', 'TOPIC', topic.name)) return 'TOPIC_AUTHORIZATION_FAILED'
  const partition = context.cluster.partition(topic.name, partitionIndex)
  return partition === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'NONE'
}
