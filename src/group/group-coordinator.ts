import type { Result } from '../base/result.ts'
import { failure, success } from '../base/result.ts'
import type { BrokerConfig } from '../config/broker-config.ts'
import type { Shard, ShardError } from '../coordinator/shard.ts'
import type { ShardsOptions } from '../coordinator/shards.ts'
import { Shards } from '../coordinator/shards.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type { JoinGroupRequest } from '../wire/generated/join-group.ts'
import type { SyncGroupRequest } from '../wire/generated/sync-group.ts'
import { assert, unreachable } from '../base/assert.ts'
import { noAssignment } from './classic-member.ts'
import { failedJoin } from './classic-rebalance.ts'
import { commitOutcomes } from './commit-outcomes.ts'
import type {
  DeleteGroupsReply,
  DescribeReply,
  GroupEvent,
  GroupReply,
  GroupSettings,
  HeartbeatEvent,
  JoinReply,
  LeaveReply,
  LeavingMember,
  ListReply,
  OffsetCommitEvent,
  OffsetCommitReply,
  OffsetDeleteEvent,
  OffsetDeleteReply,
  OffsetFetchEvent,
  OffsetFetchReply,
  SyncReply
} from './group-events.ts'
import { GroupMachine } from './group-machine.ts'
import type { GroupRecord } from './group-records.ts'
import { decodeGroupRecord, encodeGroupRecord } from './group-records.ts'
import { newMemberId } from './member-id.ts'

type GroupShards = ShardsOptions<GroupEvent, GroupRecord, GroupReply>

export interface GroupCoordinatorOptions {
  /**
   * Partition of `__consumer_offsets` by index; undefined beyond the last, and while there is no
   * such topic.
   */
  offsetsPartition(index: number): ReturnType<GroupShards['partition']>
  /**
   * Makes `__consumer_offsets` if it is missing, durably; resolves with the number of its
   * partitions.
   */
  ensureOffsetsTopic(): Promise<Result<number, ErrorName>>
  topicExists(topic: string, partition: number): boolean
  readonly config: BrokerConfig
  readonly clock: GroupShards['clock']
  readonly random: { bytes(size: number): Buffer }
  readonly logger: GroupShards['logger']
  /**
   * A belief of ours was wrong: the groups have stopped, and so should the broker. Thrown when left
   * out.
   */
  onBroken?(error: unknown): void
}

/** Who asks, and how. */
export interface Caller {
  readonly clientId: string | null
  readonly clientHost: string
  readonly apiVersion: number
}

type GroupShard = Shard<GroupEvent, GroupRecord, GroupReply>
type ReplyOf<T extends GroupReply['type']> = Extract<GroupReply, { type: T }>

/**
 * Groups and committed offsets, as the handlers see them: checks what needs no group, finds the
 * shard, and says what a shard that cannot answer means for the request. Everything else is decided
 * in `GroupMachine`.
 */
export class GroupCoordinator {
  readonly #options: GroupCoordinatorOptions
  readonly #shards: Shards<GroupEvent, GroupRecord, GroupReply>

  constructor(options: GroupCoordinatorOptions) {
    this.#options = options
    const isGone = (topic: string, partition: number): boolean =>
      !options.topicExists(topic, partition)
    this.#shards = new Shards({
      topic: '__consumer_offsets',
      partition: index => options.offsetsPartition(index),
      ensureTopic: () => options.ensureOffsetsTopic(),
      clock: options.clock,
      logger: options.logger,
      writeTimeoutMs: options.config.offsetsCommitTimeoutMs,
      newMachine: recordSizeMax => new GroupMachine(settingsFrom(options.config, recordSizeMax)),
      encode: encodeGroupRecord,
      decode: decodeGroupRecord,
      // A topic may have been deleted just before the crash that left its offsets behind.
      firstEvents: () => [{ type: 'topicsGone', isGone }],
      onBroken(error) {
        if (options.onBroken === undefined) throw error
        options.onBroken(error)
      }
    })
  }

  /** Brings all groups back from `__consumer_offsets`, if there is one. */
  async load(): Promise<void> {
    await this.#shards.load()
    await this.#durable()
  }

  close(): Promise<void> {
    return this.#shards.close()
  }

  /**
   * Makes sure that groups can be kept: what FindCoordinator promises.
   *
   * @returns COORDINATOR_NOT_AVAILABLE when the offsets topic cannot be made
   */
  ready(): Promise<Result<void, ShardError>> {
    return this.#shards.ready()
  }

  /**
   * Forgets what was committed for a topic that is gone; resolves when that is durable. Before, a
   * crash would give these offsets to the next topic of this name.
   */
  onTopicDeleted(topic: string): Promise<void> {
    const isGone = (other: string): boolean => other === topic
    for (const shard of this.#shards.all()) shard.post({ type: 'topicsGone', isGone })
    return this.#durable()
  }

  /**
   * Joins a group; resolves when the next generation begins, which may take the rebalance timeout.
   */
  async join(request: JoinGroupRequest, caller: Caller): Promise<JoinReply> {
    const { groupId, memberId, sessionTimeoutMs, groupInstanceId } = request
    const { config, random } = this.#options
    if (groupId === '') return failedJoin('INVALID_GROUP_ID', memberId)
    const isAllowed =
      sessionTimeoutMs >= config.groupMinSessionTimeoutMs &&
      sessionTimeoutMs <= config.groupMaxSessionTimeoutMs
    if (!isAllowed) return failedJoin('INVALID_SESSION_TIMEOUT', memberId)
    const clientId = caller.clientId ?? ''
    const reply = await this.#ask('join', groupId, ticket => ({
      type: 'join',
      ticket,
      groupId,
      memberId,
      newMemberId: newMemberId(groupInstanceId ?? clientId, random.bytes(16)),
      groupInstanceId,
      clientId,
      clientHost: `/${caller.clientHost}`,
      sessionTimeoutMs,
      // Version 0 has no rebalance timeout, and kafkajs's low level sends 0: both mean the session
      // timeout.
      rebalanceTimeoutMs:
        request.rebalanceTimeoutMs > 0 ? request.rebalanceTimeoutMs : sessionTimeoutMs,
      protocolType: request.protocolType,
      protocols: request.protocols.map(({ name, metadata }) => ({
        name,
        metadata: Buffer.from(metadata)
      })),
      reason: request.reason,
      needsKnownMemberId: caller.apiVersion >= 4,
      canSkipAssignment: caller.apiVersion >= 9
    }))
    return reply.ok ? reply.value : failedJoin(reply.error, memberId)
  }

  /** Asks for an assignment; resolves when the leader has assigned. */
  async sync(request: SyncGroupRequest): Promise<SyncReply> {
    const { groupId, memberId, groupInstanceId, generationId } = request
    if (groupId === '') return failedSync('INVALID_GROUP_ID')
    const reply = await this.#ask('sync', groupId, ticket => ({
      type: 'sync',
      ticket,
      groupId,
      memberId,
      groupInstanceId,
      generationId,
      protocolType: request.protocolType,
      protocolName: request.protocolName,
      assignments: request.assignments.map(each => ({
        memberId: each.memberId,
        assignment: Buffer.from(each.assignment)
      }))
    }))
    return reply.ok ? reply.value : failedSync(reply.error)
  }

  /**
   * A member shows that it is there. While its group is being loaded nobody is out: it hears NONE,
   * as in Kafka.
   */
  async heartbeat(request: Omit<HeartbeatEvent, 'type' | 'ticket'>): Promise<ErrorName> {
    const { groupId, memberId, groupInstanceId, generationId } = request
    if (groupId === '') return 'INVALID_GROUP_ID'
    const reply = await this.#ask('heartbeat', groupId, ticket => ({
      type: 'heartbeat',
      ticket,
      groupId,
      memberId,
      groupInstanceId,
      generationId
    }))
    if (reply.ok) return reply.value.error
    return reply.error === 'COORDINATOR_LOAD_IN_PROGRESS' ? 'NONE' : reply.error
  }

  /** Takes members out of a group; each has its own outcome. */
  async leave(
    groupId: string,
    members: readonly LeavingMember[]
  ): Promise<Result<LeaveReply, ErrorName>> {
    if (groupId === '') return { ok: false, error: 'INVALID_GROUP_ID', detail: null }
    return this.#ask('leave', groupId, ticket => ({ type: 'leave', ticket, groupId, members }))
  }

  /**
   * Commits offsets for partitions that exist; the others hear UNKNOWN_TOPIC_OR_PARTITION.
   *
   * @returns an outcome for every partition, in the order of the request
   */
  async commitOffsets(
    request: Omit<OffsetCommitEvent, 'type' | 'ticket'>
  ): Promise<OffsetCommitReply> {
    const shard = await this.#shards.for(request.groupId)
    const isThere = request.topics.map(({ topic, partitions }) =>
      partitions.map(({ partition }) => this.#options.topicExists(topic, partition))
    )
    const topics = request.topics.map((topic, index) => ({
      ...topic,
      partitions: topic.partitions.filter((_, at) => isThere[index]?.[at])
    }))
    if (topics.every(({ partitions }) => partitions.length === 0)) {
      return commitOutcomes(request.topics, () => 'UNKNOWN_TOPIC_OR_PARTITION')
    }
    const reply = shard.ok
      ? await submitWrite(shard.value, ticket => ({
          ...request,
          type: 'offsetCommit',
          ticket,
          topics
        }))
      : shard
    if (!reply.ok) return commitOutcomes(request.topics, () => reply.error)
    const { value } = reply
    assert(value.type === 'offsetCommit', 'a reply is of the kind of its event')
    const outcomes = value.topics.map(({ partitions }) => partitions.values())
    return commitOutcomes(request.topics, (index, at) => {
      if (isThere[index]?.[at] !== true) return 'UNKNOWN_TOPIC_OR_PARTITION'
      const next = outcomes[index]?.next().value
      assert(next !== undefined, 'every partition of a commit has an outcome')
      return next.error
    })
  }

  /**
   * Reads committed offsets; null for every topic of the group. A slow disk is NOT_COORDINATOR, for
   * Java's consumers before 3.9 know nothing of COORDINATOR_NOT_AVAILABLE here (Kafka:
   * GroupCoordinatorService.handleOffsetFetchException).
   */
  async fetchOffsets(
    groupId: string,
    topics: OffsetFetchEvent['topics']
  ): Promise<Result<OffsetFetchReply, ErrorName>> {
    const event = { type: 'offsetFetch', groupId, topics } as const
    return this.#ask('offsetFetch', groupId, ticket => ({ ...event, ticket }), 'NOT_COORDINATOR')
  }

  /** Deletes committed offsets that nobody uses. */
  async deleteOffsets(
    groupId: string,
    topics: OffsetDeleteEvent['topics']
  ): Promise<OffsetDeleteReply> {
    if (groupId === '') return { type: 'offsetDelete', error: 'INVALID_GROUP_ID', topics: [] }
    const reply = await this.#ask('offsetDelete', groupId, ticket => ({
      type: 'offsetDelete',
      ticket,
      groupId,
      topics
    }))
    return reply.ok ? reply.value : { type: 'offsetDelete', error: reply.error, topics: [] }
  }

  async describe(groupId: string): Promise<Result<DescribeReply['group'], ErrorName>> {
    const reply = await this.#ask('describe', groupId, ticket => ({
      type: 'describe',
      ticket,
      groupId
    }))
    return reply.ok ? success(reply.value.group) : reply
  }

  /** All groups in these states and of these types; empty lists are no filters. */
  async list(
    states: readonly string[],
    types: readonly string[]
  ): Promise<Result<ListReply['groups'], ErrorName>> {
    const replies = await Promise.all(
      this.#shards
        .all()
        .map(shard => submit(shard, ticket => ({ type: 'list', ticket, states, types })))
    )
    const groups: ListReply['groups'][number][] = []
    for (const reply of replies) {
      if (!reply.ok && reply.error === 'NOT_COORDINATOR') continue
      if (!reply.ok) return reply
      assert(reply.value.type === 'list', 'a reply is of the kind of its event')
      groups.push(...reply.value.groups)
    }
    return success(groups)
  }

  /**
   * Deletes groups without members, with their offsets; each has its own outcome, in the order of
   * the request.
   */
  async deleteGroups(groupIds: readonly string[]): Promise<DeleteGroupsReply['groups']> {
    const outcomes = [...new Set(groupIds)].map(async groupId => {
      const reply = await this.#ask('deleteGroups', groupId, ticket => ({
        type: 'deleteGroups',
        ticket,
        groupIds: [groupId]
      }))
      return reply.ok ? reply.value.groups : [{ groupId, error: reply.error }]
    })
    return (await Promise.all(outcomes)).flat()
  }

  /** Resolves when everything decided so far is durable, however long that takes. */
  async #durable(): Promise<void> {
    await Promise.all(this.#shards.all().map(durable))
  }

  async #ask<T extends GroupReply['type']>(
    type: T,
    groupId: string,
    eventWith: (ticket: number) => GroupEvent,
    whenLate?: ShardError
  ): Promise<Result<ReplyOf<T>, ShardError>> {
    const shard = await this.#shards.for(groupId)
    if (!shard.ok) return shard
    const reply = isWrite(type)
      ? await submitWrite(shard.value, eventWith)
      : await submit(shard.value, eventWith, whenLate)
    if (!reply.ok) return reply
    assert(isReplyOf(type, reply.value), 'a reply is of the kind of its event')
    return success(reply.value)
  }
}

/**
 * Hands over what a client asks.
 *
 * @param whenLate what the client hears when the disk is too slow (Kafka:
 *   CoordinatorOperationExceptionHelper)
 */
async function submit(
  shard: GroupShard,
  eventWith: (ticket: number) => GroupEvent,
  whenLate: ShardError = 'COORDINATOR_NOT_AVAILABLE'
): Promise<Result<GroupReply, ShardError>> {
  const reply = await shard.submit(eventWith)
  return reply.ok || reply.error !== 'REQUEST_TIMED_OUT' ? reply : failure(whenLate)
}

/**
 * The same for what is to be written: not while the disk has too much to write already. A heartbeat
 * still counts then.
 */
async function submitWrite(
  shard: GroupShard,
  eventWith: (ticket: number) => GroupEvent
): Promise<Result<GroupReply, ShardError>> {
  return shard.isBehind ? failure('COORDINATOR_NOT_AVAILABLE') : submit(shard, eventWith)
}

function isWrite(type: GroupReply['type']): boolean {
  switch (type) {
    case 'join':
    case 'sync':
    case 'leave':
    case 'offsetCommit':
    case 'offsetDelete':
    case 'deleteGroups':
      return true
    case 'heartbeat':
    case 'offsetFetch':
    case 'describe':
    case 'list':
      return false
    default:
      return unreachable(type)
  }
}

/** A shard answers nobody before what was decided earlier is durable. */
async function durable(shard: GroupShard): Promise<void> {
  for (;;) {
    const answer = await shard.submit(ticket => ({ type: 'describe', ticket, groupId: '' }))
    if (answer.ok || answer.error !== 'REQUEST_TIMED_OUT') return
  }
}

function isReplyOf<T extends GroupReply['type']>(type: T, reply: GroupReply): reply is ReplyOf<T> {
  return reply.type === type
}

function failedSync(error: ErrorName): SyncReply {
  return {
    type: 'sync',
    error,
    protocolType: null,
    protocolName: null,
    assignment: noAssignment
  }
}

function settingsFrom(config: BrokerConfig, recordSizeMax: number): GroupSettings {
  return {
    initialRebalanceDelayMs: config.groupInitialRebalanceDelayMs,
    maxSize: config.groupMaxSize,
    offsetMetadataMaxSize: config.offsetMetadataMaxBytes,
    offsetsRetentionMs: config.offsetsRetentionMinutes * 60_000,
    offsetsRetentionCheckIntervalMs: config.offsetsRetentionCheckIntervalMs,
    recordSizeMax
  }
}
