import type { ErrorName } from '../wire/generated/errors.ts'
import type { ClassicGroup } from './classic-group.ts'
import { restartSession } from './classic-rebalance.ts'
import { classicStates } from './classic-states.ts'
import type {
  CommittedTopic,
  GroupSettings,
  GroupTurn,
  OffsetCommitEvent,
  OffsetCommitReply
} from './group-events.ts'
import type { CommittedOffset } from './group-records.ts'
import { offsetRecordSizeMax } from './group-records.ts'
import { checkGeneration } from './member-check.ts'
import type { Offsets } from './offsets.ts'

/** What a commit needs to know of the shard. */
export interface CommitContext {
  /** Undefined while nobody has joined or committed under this id. */
  readonly group: ClassicGroup | undefined
  readonly offsets: Offsets
  readonly settings: GroupSettings
}

/**
 * Commits offsets. Whoever is not a member may commit while the group is empty, and so makes a
 * group that is nothing but its offsets. Kafka: OffsetMetadataManager.commitOffset.
 */
export function commitOffsets(
  context: CommitContext,
  event: OffsetCommitEvent,
  turn: GroupTurn
): void {
  const { group } = context
  const error = group === undefined ? checkWithoutGroup(event) : checkCommit(group, event)
  const member = group?.members.get(event.memberId)
  if (error === 'NONE' && group !== undefined && member !== undefined) {
    if (classicStates[group.state].commitKeepsSession) restartSession(group, member, turn)
  }
  const reply: OffsetCommitReply = {
    type: 'offsetCommit',
    topics: event.topics.map(topic => ({
      topic: topic.topic,
      topicId: topic.topicId,
      partitions: topic.partitions.map(each => ({
        partition: each.partition,
        error: error === 'NONE' ? commitOne(context, event, topic, each, turn) : error
      }))
    }))
  }
  turn.replies.push({ ticket: event.ticket, reply })
}

function checkWithoutGroup(event: OffsetCommitEvent): ErrorName {
  if (event.generationId < 0) return 'NONE'
  return event.apiVersion >= 9 ? 'GROUP_ID_NOT_FOUND' : 'ILLEGAL_GENERATION'
}

/** Kafka: ClassicGroup.validateOffsetCommit. */
function checkCommit(group: ClassicGroup, event: OffsetCommitEvent): ErrorName {
  const { generationId, memberId, groupInstanceId } = event
  if (generationId < 0 && group.state === 'Empty') return 'NONE'
  if (generationId < 0 && memberId === '' && groupInstanceId === null) return 'UNKNOWN_MEMBER_ID'
  const error = checkGeneration(group, event)
  return error === 'NONE' ? (classicStates[group.state].offsetCommit ?? 'NONE') : error
}

function commitOne(
  context: CommitContext,
  event: OffsetCommitEvent,
  topic: CommittedTopic,
  each: CommittedTopic['partitions'][number],
  turn: GroupTurn
): ErrorName {
  const { offsets, settings } = context
  if (each.metadata.length > settings.offsetMetadataMaxSize) return 'OFFSET_METADATA_TOO_LARGE'
  const { wallMs } = turn.now
  const value: CommittedOffset = {
    offset: each.committedOffset,
    leaderEpoch: each.committedLeaderEpoch,
    metadata: each.metadata,
    commitTimestampMs: each.commitTimestampMs === -1 ? wallMs : each.commitTimestampMs,
    expireTimestampMs: event.retentionTimeMs === -1 ? null : later(wallMs, event.retentionTimeMs),
    topicId: topic.topicId
  }
  const { groupId } = event
  const { partition } = each
  const record = { type: 'offset', groupId, topic: topic.topic, partition, value } as const
  if (offsetRecordSizeMax(record) > settings.recordSizeMax) return 'INVALID_COMMIT_OFFSET_SIZE'
  offsets.put(groupId, topic.topic, partition, value)
  turn.records.push(record)
  return 'NONE'
}

/** A moment that a client chose, kept within what can be written down. */
function later(wallMs: number, durationMs: number): number {
  return Math.min(Math.max(wallMs + durationMs, 0), Number.MAX_SAFE_INTEGER)
}
