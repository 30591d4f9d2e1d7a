import type { ErrorName } from '../wire/generated/errors.ts'
import type { CommittedTopic, OffsetCommitReply } from './group-events.ts'

/**
 * The answer to a commit, in the order of the request.
 *
 * @param outcome of a partition, by the places of topic and partition in the request; asked for in
 *   their order
 */
export function commitOutcomes(
  topics: readonly CommittedTopic[],
  outcome: (topicIndex: number, partitionIndex: number) => ErrorName
): OffsetCommitReply {
  return {
    type: 'offsetCommit',
    topics: topics.map(({ topic, topicId, partitions }, index) => ({
      topic,
      topicId,
      partitions: partitions.map(({ partition }, at) => ({ partition, error: outcome(index, at) }))
    }))
  }
}
