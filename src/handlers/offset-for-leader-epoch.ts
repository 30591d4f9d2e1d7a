// OffsetForLeaderEpoch. replicaId is ignored: no replica follows this broker, and consumers get the
// same answer.
import type { Messages } from '../wire/generated/api-table.ts'
import { errorCode } from '../wire/generated/errors.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type { Handler } from './handler.ts'

type TopicResult = Messages['OffsetForLeaderEpoch']['response']['topics'][number]
type EpochEndOffset = TopicResult['partitions'][number]

export const offsetForLeaderEpoch: Handler<'OffsetForLeaderEpoch'> = (context, request) => {
  const isPeer = context.authorize('CLUSTER_ACTION', 'CLUSTER', 'kafka-cluster')
  const topics = request.topics.map(({ topic, partitions }) => {
    const isAuthorized = isPeer || context.authorize('DESCRIBE', 'TOPIC', topic)
    return {
      topic,
      partitions: partitions.map(asked => {
        if (!isAuthorized) return refused(asked.partition, 'TOPIC_AUTHORIZATION_FAILED')
        const partition = context.cluster.partition(topic, asked.partition)
        if (partition === undefined) return refused(asked.partition, 'UNKNOWN_TOPIC_OR_PARTITION')
        const end = partition.endOffsetForEpoch(asked.leaderEpoch, asked.currentLeaderEpoch)
        if (!end.ok) return refused(asked.partition, end.error)
        return { partition: asked.partition, errorCode: 0, ...end.value }
      })
    }
  })
  return { topics }
}

function refused(partition: number, error: ErrorName): EpochEndOffset {
  return { partition, errorCode: errorCode(error) }
}
