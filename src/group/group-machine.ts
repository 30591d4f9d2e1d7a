import { unreachable } from '../base/assert.ts'
import { Deadlines } from '../base/deadlines.ts'
import { watchWallClock, type WallClockWatch } from '../base/wall-clock-watch.ts'
import type { Effects, Moment } from '../coordinator/effects.ts'
import { beginTurn } from '../coordinator/effects.ts'
import type { Machine } from '../coordinator/machine.ts'
import { groupsPerShardMax, wallClockBounds } from '../limits.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import { ClassicGroup } from './classic-group.ts'
import { noAssignment } from './classic-member.ts'
import { failedJoin, prepareRebalance, restartSession } from './classic-rebalance.ts'
import { step } from './classic-step.ts'
import type {
  ClassicEvent,
  DeleteGroupsEvent,
  GroupEvent,
  GroupReply,
  GroupSettings,
  GroupTurn,
  JoinEvent,
  OffsetCommitEvent
} from './group-events.ts'
import { describeGroup, fetchOffsets, listGroups } from './group-queries.ts'
import type { GroupRecord, GroupValue } from './group-records.ts'
import { groupRecordSizeMax } from './group-records.ts'
import { commitOffsets } from './offset-commit.ts'
import {
  deleteOffsets,
  expireOffsets,
  removeAllOffsets,
  removeGoneOffsets
} from './offset-removal.ts'
import { Offsets } from './offsets.ts'

type AddressedEvent = Exclude<ClassicEvent, { type: 'tick' }>

/**
 * All groups of one partition of `__consumer_offsets`, with their offsets: finds the group that an
 * event is for, lets the rules of `classic-*.ts` and `offset-*.ts` decide, and keeps the next
 * deadline of them all.
 */
export class GroupMachine implements Machine<GroupEvent, GroupRecord, GroupReply> {
  readonly #settings: GroupSettings
  readonly #groups = new Map<string, ClassicGroup>()
  readonly #offsets = new Offsets()
  readonly #deadlines = new Deadlines<string>()
  #expiryMs: number | null = null
  #wallClock: WallClockWatch | null = null

  constructor(settings: GroupSettings) {
    this.#settings = settings
  }

  get groups(): ReadonlyMap<string, ClassicGroup> {
    return this.#groups
  }

  get offsets(): Offsets {
    return this.#offsets
  }

  replay(record: GroupRecord): void {
    if (record.type === 'group') {
      if (record.value === null) this.#groups.delete(record.groupId)
      else this.#put(record.groupId, record.value)
    } else if (record.value === null) {
      this.#offsets.remove(record.groupId, record.topic, record.partition)
    } else {
      this.#offsets.put(record.groupId, record.topic, record.partition, record.value)
      if (!this.#groups.has(record.groupId)) this.#put(record.groupId, emptyGroup(-1))
    }
  }

  /**
   * Sessions begin anew: nobody is out because the broker was. Kafka:
   * GroupMetadataManager.onLoaded.
   */
  loaded(now: Moment): Effects<GroupRecord, GroupReply> {
    const turn: GroupTurn = beginTurn(now)
    for (const group of this.#groups.values()) {
      for (const member of group.members.values()) restartSession(group, member, turn)
      if (group.members.size > this.#settings.maxSize) {
        const reason = `${group.members.size} members, ${this.#settings.maxSize} are allowed`
        prepareRebalance(group, turn, reason)
      }
      this.#reschedule(group)
    }
    this.#wallClock = watchWallClock(null, now, wallClockBounds)
    this.#expiryMs = now.monotonicMs + this.#settings.offsetsRetentionCheckIntervalMs
    return this.#effects(turn)
  }

  tick(now: Moment): Effects<GroupRecord, GroupReply> {
    const turn: GroupTurn = beginTurn(now)
    for (;;) {
      const groupId = this.#deadlines.earliestKey
      const deadlineMs = this.#deadlines.earliestMs
      if (groupId === undefined || deadlineMs === null || deadlineMs > now.monotonicMs) break
      const group = this.#groups.get(groupId)
      if (group === undefined) this.#deadlines.delete(groupId)
      else this.#stepGroup(group, { type: 'tick' }, turn)
    }
    if (this.#expiryMs !== null && this.#expiryMs <= now.monotonicMs) this.#expire(turn)
    return this.#effects(turn)
  }

  step(event: GroupEvent, now: Moment): Effects<GroupRecord, GroupReply> {
    const turn: GroupTurn = beginTurn(now)
    this.#decide(event, turn)
    return this.#effects(turn)
  }

  #decide(event: GroupEvent, turn: GroupTurn): void {
    switch (event.type) {
      case 'join':
        return this.#join(event, turn)
      case 'sync':
      case 'heartbeat':
      case 'leave': {
        const group = this.#groups.get(event.groupId)
        if (group === undefined) turn.replies.push({ ticket: event.ticket, reply: notThere(event) })
        else this.#stepGroup(group, event, turn)
        return
      }
      case 'tick':
        return
      case 'offsetCommit':
        return this.#commit(event, turn)
      case 'offsetFetch': {
        const reply = fetchOffsets(this.#offsets, event)
        turn.replies.push({ ticket: event.ticket, reply })
        return
      }
      case 'offsetDelete':
        return deleteOffsets(this.#groups.get(event.groupId), this.#offsets, event, turn)
      case 'describe': {
        const reply = describeGroup(this.#groups.get(event.groupId))
        turn.replies.push({ ticket: event.ticket, reply })
        return
      }
      case 'list': {
        const reply = listGroups(this.#groups.values(), event)
        turn.replies.push({ ticket: event.ticket, reply })
        return
      }
      case 'deleteGroups':
        return this.#deleteGroups(event, turn)
      case 'topicsGone':
        return removeGoneOffsets(this.#offsets, event.isGone, turn)
      default:
        return unreachable(event)
    }
  }

  #stepGroup(group: ClassicGroup, event: ClassicEvent, turn: GroupTurn): void {
    const effects = step(group, event, turn.now)
    turn.records.push(...effects.records)
    turn.replies.push(...effects.replies)
    turn.notes.push(...effects.notes)
    this.#reschedule(group)
  }

  /**
   * A group begins when somebody without a member id joins; it is remembered from then on, even
   * while it is Empty.
   */
  #join(event: JoinEvent, turn: GroupTurn): void {
    const { groupId } = event
    const known = this.#groups.get(groupId)
    const error = known === undefined ? this.#checkNewGroup(event) : 'NONE'
    if (error !== 'NONE') {
      turn.replies.push({ ticket: event.ticket, reply: failedJoin(error, event.memberId) })
      return
    }
    const group = known ?? this.#put(groupId, emptyGroup(turn.now.wallMs))
    if (known === undefined) {
      turn.records.push({ type: 'group', groupId, value: emptyGroup(turn.now.wallMs) })
    }
    this.#stepGroup(group, event, turn)
  }

  #checkNewGroup(event: JoinEvent): ErrorName {
    if (event.memberId !== '') return 'UNKNOWN_MEMBER_ID'
    if (this.#groups.size >= groupsPerShardMax) return 'COORDINATOR_NOT_AVAILABLE'
    const value = { ...emptyGroup(-1), protocolType: event.protocolType }
    const size = groupRecordSizeMax(event.groupId, value)
    return size > this.#settings.recordSizeMax ? 'INVALID_GROUP_ID' : 'NONE'
  }

  #commit(event: OffsetCommitEvent, turn: GroupTurn): void {
    const group = this.#groups.get(event.groupId)
    commitOffsets({ group, offsets: this.#offsets, settings: this.#settings }, event, turn)
    if (group !== undefined) this.#reschedule(group)
    else if (turn.records.length > 0) this.#put(event.groupId, emptyGroup(-1))
  }

  #deleteGroups(event: DeleteGroupsEvent, turn: GroupTurn): void {
    const groups = event.groupIds.map(groupId => {
      const group = this.#groups.get(groupId)
      if (group === undefined) return { groupId, error: 'GROUP_ID_NOT_FOUND' as const }
      if (group.state !== 'Empty') return { groupId, error: 'NON_EMPTY_GROUP' as const }
      this.#delete(group, turn, 'an administrator deletes it')
      return { groupId, error: 'NONE' as const }
    })
    turn.replies.push({ ticket: event.ticket, reply: { type: 'deleteGroups', groups } })
  }

  /**
   * Removes old offsets, and groups that have none left and nobody in or on the way in; not while
   * the wall clock, by which they are old, may be wrong.
   */
  #expire(turn: GroupTurn): void {
    this.#expiryMs = turn.now.monotonicMs + this.#settings.offsetsRetentionCheckIntervalMs
    this.#wallClock = watchWallClock(this.#wallClock, turn.now, wallClockBounds)
    if (this.#wallClock.jump !== null) return
    for (const group of this.#groups.values()) {
      const isBare = expireOffsets(group, this.#offsets, this.#settings, turn)
      if (!isBare || group.state !== 'Empty' || group.pendingJoins.size > 0) continue
      this.#delete(group, turn, 'its offsets have expired')
    }
  }

  #delete(group: ClassicGroup, turn: GroupTurn, reason: string): void {
    const { groupId } = group
    removeAllOffsets(this.#offsets, groupId, turn)
    group.transition('Dead', turn, reason)
    turn.records.push({ type: 'group', groupId, value: null })
    this.#groups.delete(groupId)
    this.#deadlines.delete(groupId)
  }

  #put(groupId: string, value: GroupValue): ClassicGroup {
    const group = new ClassicGroup(groupId, this.#settings, value)
    this.#groups.set(groupId, group)
    return group
  }

  #reschedule(group: ClassicGroup): void {
    const { deadlineMs } = group
    if (deadlineMs === null) this.#deadlines.delete(group.groupId)
    else this.#deadlines.set(group.groupId, deadlineMs)
  }

  #effects(turn: GroupTurn): Effects<GroupRecord, GroupReply> {
    const { records, replies, notes } = turn
    const earliestMs = Math.min(this.#deadlines.earliestMs ?? Infinity, this.#expiryMs ?? Infinity)
    return { records, replies, notes, deadlineMs: earliestMs === Infinity ? null : earliestMs }
  }
}

/**
 * A group of which nothing is known but its id; its records say so in the same words as Kafka's.
 */
function emptyGroup(wallMs: number): GroupValue {
  return {
    protocolType: '',
    generationId: 0,
    protocolName: null,
    leaderId: null,
    currentStateTimestampMs: wallMs,
    members: []
  }
}

/** What members of a group hear that is not there. */
function notThere(event: Exclude<AddressedEvent, JoinEvent>): GroupReply {
  const error = 'UNKNOWN_MEMBER_ID'
  switch (event.type) {
    case 'sync': {
      const assignment = noAssignment
      return { type: 'sync', error, protocolType: null, protocolName: null, assignment }
    }
    case 'heartbeat':
      return { type: 'heartbeat', error }
    case 'leave':
      return {
        type: 'leave',
        members: event.members.map(({ memberId, groupInstanceId }) => ({
          memberId,
          groupInstanceId,
          error
        }))
      }
    default:
      return unreachable(event)
  }
}
