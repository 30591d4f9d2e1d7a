// DeleteRecords. What takes longer than timeoutMs to be durable is deleted all the same.
import { failure } from '../base/result.ts'
import { errorCode } from '../wire/generated/errors.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type {
  DeleteRecordsRequestTopic,
  DeleteRecordsResponsePartitionResultInit
} from '../wire/generated/delete-records.ts'
import type { Handler, RequestContext } from './handler.ts'

export const deleteRecords: Handler<'DeleteRecords'> = async (context, request) => {
  const topics = await Promise.all(
    request.topics.map(async topic => ({
      name: topic.name,
      partitions: await deleteOfTopic(context, topic, request.timeoutMs)
    }))
  )
  // As in Kafka, a topic without partitions is no part of the answer.
  return { throttleTimeMs: 0, topics: topics.filter(({ partitions }) => partitions.length > 0) }
}

/** All partitions begin together: each waits for its own sync. */
function deleteOfTopic(
  context: RequestContext,
  { name, partitions }: DeleteRecordsRequestTopic,
  timeoutMs: number
): Promise<DeleteRecordsResponsePartitionResultInit[]> {
  const refusal = topicRefusal(context, name)
  const isInternal = context.cluster.topic(name)?.isInternal === true
  return Promise.all(
    partitions.map(async ({ partitionIndex, offset }) => {
      if (refusal !== null) return refused(partitionIndex, refusal)
      const partition = context.cluster.partition(name, partitionIndex)
      if (partition === undefined) return refused(partitionIndex, 'UNKNOWN_TOPIC_OR_PARTITION')
      if (isInternal) return refused(partitionIndex, 'INVALID_TOPIC_EXCEPTION')
      const deleting = partition.deleteRecords(offset)
      const deleted = await context.diskWaits.within(deleting, timeoutMs, late)
      if (!deleted.ok) return refused(partitionIndex, deleted.error)
      return { partitionIndex, lowWatermark: deleted.value.logStartOffset, errorCode: 0 }
    })
  )
}

const late = failure('REQUEST_TIMED_OUT')

function topicRefusal(context: RequestContext, name: string): ErrorName | null {
  if (!context.authorize('DELETE', 'TOPIC', name)) return 'TOPIC_AUTHORIZATION_FAILED'
  return context.cluster.topic(name) === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : null
}

function refused(
  partitionIndex: number,
  error: ErrorName
): DeleteRecordsResponsePartitionResultInit {
  return { partitionIndex, lowWatermark: -1, errorCode: errorCode(error) }
}
