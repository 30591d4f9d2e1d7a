import type { Ticket, Turn } from '../coordinator/effects.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type { Protocol } from './classic-member.ts'
import type { GroupRecord } from './group-records.ts'

/** The configs that decide how groups behave; Kafka's names and meanings. */
export interface GroupSettings {
  /** Kafka: group.initial.rebalance.delay.ms. */
  readonly initialRebalanceDelayMs: number
  /** Members, at most. Kafka: group.max.size. */
  readonly maxSize: number
  /** UTF-16 units of an offset's metadata, at most. Kafka: offset.metadata.max.bytes. */
  readonly offsetMetadataMaxSize: number
  /** Kafka: offsets.retention.minutes. */
  readonly offsetsRetentionMs: number
  /** Kafka: offsets.retention.check.interval.ms. */
  readonly offsetsRetentionCheckIntervalMs: number
  /** Bytes of one record of the internal topic, at most. */
  readonly recordSizeMax: number
}

export type GroupTurn = Turn<GroupRecord, GroupReply>

/** What happens to one classic group. */
export type ClassicEvent = JoinEvent | SyncEvent | HeartbeatEvent | LeaveEvent | TickEvent

export interface JoinEvent {
  readonly type: 'join'
  readonly ticket: Ticket
  readonly groupId: string
  /** Empty for a member that has none yet. */
  readonly memberId: string
  /** The id that the member gets if it needs one. */
  readonly newMemberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly Protocol[]
  readonly reason: string | null
  /** From version 4 on a dynamic member has to come back with the id that it is given (KIP-394). */
  readonly needsKnownMemberId: boolean
  /** From version 9 on a static leader can be told that there is nothing to assign (KIP-814). */
  readonly canSkipAssignment: boolean
}

export interface SyncEvent {
  readonly type: 'sync'
  readonly ticket: Ticket
  readonly groupId: string
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly generationId: number
  /** What the member believes; null when it does not say. */
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignments: ReadonlyArray<{ readonly memberId: string; readonly assignment: Buffer }>
}

export interface HeartbeatEvent {
  readonly type: 'heartbeat'
  readonly ticket: Ticket
  readonly groupId: string
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly generationId: number
}

export interface LeaveEvent {
  readonly type: 'leave'
  readonly ticket: Ticket
  readonly groupId: string
  readonly members: readonly LeavingMember[]
}

export interface LeavingMember {
  /** Empty when an administrator removes a static member by its instance id. */
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly reason: string | null
}

/** Time has passed. */
export interface TickEvent {
  readonly type: 'tick'
}

/** What else happens to the groups of one shard. */
export type GroupEvent =
  | ClassicEvent
  | OffsetCommitEvent
  | OffsetFetchEvent
  | OffsetDeleteEvent
  | DescribeEvent
  | ListEvent
  | DeleteGroupsEvent
  | TopicsGoneEvent

export interface OffsetCommitEvent {
  readonly type: 'offsetCommit'
  readonly ticket: Ticket
  readonly groupId: string
  readonly memberId: string
  readonly groupInstanceId: string | null
  /** -1 from whoever is not a member. */
  readonly generationId: number
  /**
   * How long the client wants its offsets kept, ms; -1 leaves it to the broker (versions 2 to 4).
   */
  readonly retentionTimeMs: number
  readonly topics: readonly CommittedTopic[]
  readonly apiVersion: number
}

export interface CommittedTopic {
  readonly topic: string
  /** The zero id when the client commits by name. */
  readonly topicId: string
  readonly partitions: ReadonlyArray<{
    readonly partition: number
    /** Exactly as the client sent it, whatever it is. */
    readonly committedOffset: bigint
    readonly committedLeaderEpoch: number
    readonly metadata: string
    /** Wall ms (version 1); -1 for now. */
    readonly commitTimestampMs: number
  }>
}

export interface OffsetFetchEvent {
  readonly type: 'offsetFetch'
  readonly ticket: Ticket
  readonly groupId: string
  /** Null for every partition with a committed offset. */
  readonly topics: ReadonlyArray<{
    readonly topic: string
    readonly topicId: string
    readonly partitions: readonly number[]
  }> | null
}

export interface OffsetDeleteEvent {
  readonly type: 'offsetDelete'
  readonly ticket: Ticket
  readonly groupId: string
  readonly topics: ReadonlyArray<{ readonly topic: string; readonly partitions: readonly number[] }>
}

export interface DescribeEvent {
  readonly type: 'describe'
  readonly ticket: Ticket
  readonly groupId: string
}

export interface ListEvent {
  readonly type: 'list'
  readonly ticket: Ticket
  /** In any case; empty for all. */
  readonly states: readonly string[]
  readonly types: readonly string[]
}

export interface DeleteGroupsEvent {
  readonly type: 'deleteGroups'
  readonly ticket: Ticket
  readonly groupIds: readonly string[]
}

/** Partitions are no longer there: what was committed for them goes too. */
export interface TopicsGoneEvent {
  readonly type: 'topicsGone'
  readonly isGone: (topic: string, partition: number) => boolean
}

export type GroupReply =
  | JoinReply
  | SyncReply
  | HeartbeatReply
  | LeaveReply
  | OffsetCommitReply
  | OffsetFetchReply
  | OffsetDeleteReply
  | DescribeReply
  | ListReply
  | DeleteGroupsReply

export interface JoinReply {
  readonly type: 'join'
  readonly error: ErrorName
  readonly memberId: string
  /** -1 with an error. */
  readonly generationId: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  /** Member id of the leader, empty with an error. */
  readonly leaderId: string
  readonly skipAssignment: boolean
  /** Everybody in the generation, for the leader only. */
  readonly members: ReadonlyArray<{
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly metadata: Buffer
  }>
}

export interface SyncReply {
  readonly type: 'sync'
  readonly error: ErrorName
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignment: Buffer
}

export interface HeartbeatReply {
  readonly type: 'heartbeat'
  readonly error: ErrorName
}

export interface LeaveReply {
  readonly type: 'leave'
  readonly members: ReadonlyArray<{
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly error: ErrorName
  }>
}

export interface OffsetCommitReply {
  readonly type: 'offsetCommit'
  /** In the order of the request. */
  readonly topics: ReadonlyArray<{
    readonly topic: string
    readonly topicId: string
    readonly partitions: ReadonlyArray<{ readonly partition: number; readonly error: ErrorName }>
  }>
}

export interface OffsetFetchReply {
  readonly type: 'offsetFetch'
  readonly topics: ReadonlyArray<{
    readonly topic: string
    readonly topicId: string
    readonly partitions: ReadonlyArray<{
      readonly partition: number
      /** -1 when nothing is committed. */
      readonly committedOffset: bigint
      readonly committedLeaderEpoch: number
      readonly metadata: string
    }>
  }>
}

export interface OffsetDeleteReply {
  readonly type: 'offsetDelete'
  /** Of the whole group; `topics` is empty then. */
  readonly error: ErrorName
  readonly topics: ReadonlyArray<{
    readonly topic: string
    readonly partitions: ReadonlyArray<{ readonly partition: number; readonly error: ErrorName }>
  }>
}

export interface DescribeReply {
  readonly type: 'describe'
  /** Null for a group that is not there. */
  readonly group: {
    readonly state: string
    readonly protocolType: string
    /** Empty unless the group is Stable. */
    readonly protocolName: string
    readonly members: readonly DescribedMember[]
  } | null
}

export interface DescribedMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly metadata: Buffer
  readonly assignment: Buffer
}

export interface ListReply {
  readonly type: 'list'
  readonly groups: ReadonlyArray<{
    readonly groupId: string
    readonly protocolType: string
    readonly state: string
    readonly groupType: string
  }>
}

export interface DeleteGroupsReply {
  readonly type: 'deleteGroups'
  readonly groups: ReadonlyArray<{ readonly groupId: string; readonly error: ErrorName }>
}
