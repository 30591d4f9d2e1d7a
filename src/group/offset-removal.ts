import type { ErrorName } from '../wire/generated/errors.ts'
import type { ClassicGroup } from './classic-group.ts'
import type {
  GroupSettings,
  GroupTurn,
  OffsetDeleteEvent,
  OffsetDeleteReply
} from './group-events.ts'
import type { CommittedOffset } from './group-records.ts'
import type { Offsets } from './offsets.ts'

/**
 * Deletes committed offsets that no member of the group uses. Kafka:
 * OffsetMetadataManager.deleteOffsets, KIP-496.
 */
export function deleteOffsets(
  group: ClassicGroup | undefined,
  offsets: Offsets,
  event: OffsetDeleteEvent,
  turn: GroupTurn
): void {
  const error = checkDelete(group)
  const topics = event.topics.map(({ topic, partitions }) => {
    const isUsed = group?.isSubscribedTo(topic) === true
    return {
      topic,
      partitions: partitions.map(partition => {
        if (isUsed) return { partition, error: 'GROUP_SUBSCRIBED_TO_TOPIC' as const }
        if (error === 'NONE') removeOffset(offsets, event.groupId, topic, partition, turn)
        return { partition, error: 'NONE' as const }
      })
    }
  })
  const reply: OffsetDeleteReply = {
    type: 'offsetDelete',
    error,
    topics: error === 'NONE' ? topics : []
  }
  turn.replies.push({ ticket: event.ticket, reply })
}

/** Only of consumers does the broker know what they subscribe to; others must have left. */
function checkDelete(group: ClassicGroup | undefined): ErrorName {
  if (group === undefined) return 'GROUP_ID_NOT_FOUND'
  return group.state === 'Empty' || group.usesConsumerProtocol ? 'NONE' : 'NON_EMPTY_GROUP'
}

/** Removes everything that a group has committed. */
export function removeAllOffsets(offsets: Offsets, groupId: string, turn: GroupTurn): void {
  for (const [topic, partitions] of offsets.of(groupId)) {
    for (const partition of partitions.keys()) {
      removeOffset(offsets, groupId, topic, partition, turn)
    }
  }
}

/** Removes the offsets of partitions that are not there any more. */
export function removeGoneOffsets(
  offsets: Offsets,
  isGone: (topic: string, partition: number) => boolean,
  turn: GroupTurn
): void {
  for (const groupId of offsets.groupIds()) {
    for (const [topic, partitions] of offsets.of(groupId)) {
      for (const partition of partitions.keys()) {
        if (isGone(topic, partition)) removeOffset(offsets, groupId, topic, partition, turn)
      }
    }
  }
}

/**
 * Removes what has not been used for offsets.retention.minutes: counted from the day the group
 * became empty, or, for topics that nobody in a stable consumer group subscribes to and for groups
 * without members, from the commit (KIP-211). Kafka: OffsetMetadataManager.cleanupExpiredOffsets.
 *
 * @returns whether the group has no offsets any more
 */
export function expireOffsets(
  group: ClassicGroup,
  offsets: Offsets,
  settings: GroupSettings,
  turn: GroupTurn
): boolean {
  const begin = retentionBegin(group)
  if (begin === null) return offsets.of(group.groupId).size === 0
  const { wallMs } = turn.now
  for (const [topic, partitions] of offsets.of(group.groupId)) {
    if (group.isSubscribedTo(topic)) continue
    for (const [partition, committed] of partitions) {
      const expiresMs =
        committed.expireTimestampMs ?? begin(committed) + settings.offsetsRetentionMs
      if (wallMs >= expiresMs) removeOffset(offsets, group.groupId, topic, partition, turn)
    }
  }
  return offsets.of(group.groupId).size === 0
}

/**
 * From when on an offset of the group ages (wall ms); null while it does not. Kafka:
 * offsetExpirationCondition.
 */
function retentionBegin(group: ClassicGroup): ((committed: CommittedOffset) => number) | null {
  if (group.protocolType === null) return sinceCommit
  if (group.state === 'Empty') {
    return group.stateTimestampMs === -1 ? sinceCommit : () => group.stateTimestampMs
  }
  const knowsTopics = group.usesConsumerProtocol && group.subscribedTopics !== null
  return knowsTopics && group.state === 'Stable' ? sinceCommit : null
}

function sinceCommit(committed: CommittedOffset): number {
  return committed.commitTimestampMs
}

function removeOffset(
  offsets: Offsets,
  groupId: string,
  topic: string,
  partition: number,
  turn: GroupTurn
): void {
  if (offsets.get(groupId, topic, partition) === undefined) return
  offsets.remove(groupId, topic, partition)
  turn.records.push({ type: 'offset', groupId, topic, partition, value: null })
}
