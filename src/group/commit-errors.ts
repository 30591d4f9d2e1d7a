import type { ErrorName } from '../wire/generated/errors.ts'
import type { CommittedTopic, OffsetCommitReply } from './group-events.ts'

/** An outcome for every partition of a commit, in the order of the request. */
export function commitErrors(
  topics: readonly CommittedTopic[],
  outcome: (topic: CommittedTopic, partition: CommittedTopic['partitions'][number]) => ErrorName
): OffsetCommitReply {
  return {
    type: 'offsetCommit',
    topics: topics.map(topic => ({
      topic: topic.topic,
      topicId: topic.topicId,
      partitions: topic.partitions.map(each => ({
        partition: each.partition,
        error: outcome(topic, each)
      }))
    }))
  }
}
