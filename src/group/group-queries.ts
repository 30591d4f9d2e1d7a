import { zeroUuid } from '../wire/uuid.ts'
import type { ClassicGroup } from './classic-group.ts'
import { metadataFor, noAssignment } from './classic-member.ts'
import type {
  DescribeReply,
  ListEvent,
  ListReply,
  OffsetFetchEvent,
  OffsetFetchReply
} from './group-events.ts'
import type { CommittedOffset } from './group-records.ts'
import type { Offsets } from './offsets.ts'

/** As Kafka's GroupType says it; other types of group are not kept yet. */
const classicType = 'classic'

/**
 * What administrators see of a group. Metadata and protocol are told in Stable only, when they are
 * one generation's. Kafka: GroupMetadataManager.describeGroups.
 */
export function describeGroup(group: ClassicGroup | undefined): DescribeReply {
  if (group === undefined) return { type: 'describe', group: null }
  const protocolName = group.state === 'Stable' ? group.protocolName : null
  return {
    type: 'describe',
    group: {
      state: group.state,
      protocolType: group.protocolType ?? '',
      protocolName: protocolName ?? '',
      members: [...group.members.values()].map(member => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        metadata: protocolName === null ? noAssignment : metadataFor(member, protocolName),
        assignment: member.assignment
      }))
    }
  }
}

/**
 * Groups in the asked-for states and of the asked-for types (KIP-518, KIP-848); unknown words match
 * nothing.
 */
export function listGroups(groups: Iterable<ClassicGroup>, event: ListEvent): ListReply {
  const states = new Set(event.states.map(state => state.toLowerCase().trim()))
  const types = new Set(event.types.map(type => type.toLowerCase()))
  const listed: ListReply['groups'][number][] = []
  for (const group of groups) {
    if (states.size > 0 && !states.has(group.state.toLowerCase())) continue
    if (types.size > 0 && !types.has(classicType)) continue
    listed.push({
      groupId: group.groupId,
      protocolType: group.protocolType ?? '',
      state: group.state,
      groupType: classicType
    })
  }
  return { type: 'list', groups: listed }
}

/**
 * Committed offsets; -1 where there is none, which is no error. An offset that was committed for an
 * earlier topic of the same name is none. Kafka: OffsetMetadataManager.fetchOffsets.
 */
export function fetchOffsets(offsets: Offsets, event: OffsetFetchEvent): OffsetFetchReply {
  const topics = event.topics ?? allTopics(offsets, event.groupId)
  return {
    type: 'offsetFetch',
    topics: topics.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map(partition => {
        const committed = offsets.get(event.groupId, topic, partition)
        const fits = committed !== undefined && isOfTopic(committed, topicId)
        return fits ? found(partition, committed) : { ...nothing, partition }
      })
    }))
  }
}

const nothing = { committedOffset: -1n, committedLeaderEpoch: -1, metadata: '' }

function found(
  partition: number,
  committed: CommittedOffset
): OffsetFetchReply['topics'][number]['partitions'][number] {
  const { offset: committedOffset, leaderEpoch: committedLeaderEpoch, metadata } = committed
  return { partition, committedOffset, committedLeaderEpoch, metadata }
}

function isOfTopic(committed: CommittedOffset, topicId: string): boolean {
  return committed.topicId === zeroUuid || topicId === zeroUuid || committed.topicId === topicId
}

function allTopics(offsets: Offsets, groupId: string): NonNullable<OffsetFetchEvent['topics']> {
  return [...offsets.of(groupId)].map(([topic, partitions]) => ({
    topic,
    topicId: zeroUuid,
    partitions: [...partitions.keys()]
  }))
}
