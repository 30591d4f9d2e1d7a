import { unreachable } from '../base/assert.ts'
import { classicNewMemberJoinTimeoutMs, pendingJoinsMax } from '../limits.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type { ClassicGroup } from './classic-group.ts'
import type { ClassicMember } from './classic-member.ts'
import { noAssignment, offersTheSame } from './classic-member.ts'
import { isSupportedByAll } from './classic-protocols.ts'
import {
  answerJoin,
  completeIfAllJoined,
  failedJoin,
  failSync,
  generationReply,
  prepareRebalance,
  rebalanceOrComplete,
  restartSession
} from './classic-rebalance.ts'
import { classicStates } from './classic-states.ts'
import { groupRecordSizeMax } from './group-records.ts'
import type { GroupTurn, JoinEvent } from './group-events.ts'
import { checkMember } from './member-check.ts'

/**
 * A member, or somebody who wants to become one, joins the next generation. Kafka:
 * classicGroupJoinToClassicGroup.
 */
export function join(group: ClassicGroup, event: JoinEvent, turn: GroupTurn): void {
  if (!hasRoomFor(group, event.memberId)) {
    // Somebody who has not joined yet may have to go, so that a group that is too large gets
    // smaller.
    group.remove(event.memberId)
    refuse(event, turn, 'GROUP_MAX_SIZE_REACHED', '')
    completeIfAllJoined(group, turn)
  } else if (!isCompatible(group, event)) {
    refuse(event, turn, 'INCONSISTENT_GROUP_PROTOCOL', event.memberId)
  } else if (event.memberId === '') {
    joinWithoutId(group, event, turn)
  } else if (group.pendingJoins.has(event.memberId) && event.groupInstanceId === null) {
    addMember(group, event, turn, event.memberId)
  } else {
    rejoin(group, event, turn)
  }
}

/**
 * Whether a JoinGroup fits in. While a rebalance is prepared those count that wait for it to
 * complete, so that the last to come are left out of a group that has become too large. Kafka:
 * acceptJoiningMember.
 */
function hasRoomFor(group: ClassicGroup, memberId: string): boolean {
  const member = group.members.get(memberId)
  const { counted } = classicStates[group.state]
  switch (counted) {
    case 'nobody':
      return true
    case 'waiting members':
      if (member !== undefined && member.joinTicket !== null) return true
      return group.joiningCount < group.settings.maxSize
    case 'members':
      return member !== undefined || group.members.size < group.settings.maxSize
    default:
      return unreachable(counted)
  }
}

function isCompatible(group: ClassicGroup, event: JoinEvent): boolean {
  if (group.state === 'Empty') return event.protocolType !== '' && event.protocols.length > 0
  if (event.protocolType !== group.protocolType) return false
  return isSupportedByAll(group.members.values(), event.protocols)
}

function joinWithoutId(group: ClassicGroup, event: JoinEvent, turn: GroupTurn): void {
  if (event.groupInstanceId !== null) {
    const knownMemberId = group.memberIdOf(event.groupInstanceId)
    const known = knownMemberId === undefined ? undefined : group.members.get(knownMemberId)
    if (known === undefined) addMember(group, event, turn, event.newMemberId)
    else replaceStaticMember(group, event, turn, known)
  } else if (!event.needsKnownMemberId) {
    addMember(group, event, turn, event.newMemberId)
  } else if (group.pendingJoins.size >= pendingJoinsMax) {
    refuse(event, turn, 'GROUP_MAX_SIZE_REACHED', '')
  } else {
    group.pendingJoins.add(event.newMemberId)
    group.sessions.set(event.newMemberId, turn.now.monotonicMs + event.sessionTimeoutMs)
    refuse(event, turn, 'MEMBER_ID_REQUIRED', event.newMemberId)
  }
}

function addMember(group: ClassicGroup, event: JoinEvent, turn: GroupTurn, memberId: string): void {
  if (group.state === 'PreparingRebalance' && group.previousState === 'Empty') {
    group.newMemberAdded = true
  }
  group.add({
    memberId,
    groupInstanceId: event.groupInstanceId,
    clientId: event.clientId,
    clientHost: event.clientHost,
    protocolType: event.protocolType,
    rebalanceTimeoutMs: event.rebalanceTimeoutMs,
    sessionTimeoutMs: event.sessionTimeoutMs,
    protocols: event.protocols,
    assignment: noAssignment,
    joinTicket: event.ticket,
    syncTicket: null,
    isNew: true
  })
  // A client that gave up while its first JoinGroup was parked joins again under another id. Nobody
  // can tell that the first one is gone, so new members have a time limit of their own, and are
  // expected to retry.
  group.sessions.set(memberId, turn.now.monotonicMs + classicNewMemberJoinTimeoutMs)
  rebalanceOrComplete(group, turn, `member ${memberId} joins: ${event.reason ?? 'no reason given'}`)
}

/** A JoinGroup with a member id. Kafka: classicGroupJoinExistingMember. */
function rejoin(group: ClassicGroup, event: JoinEvent, turn: GroupTurn): void {
  const error = checkMember(group, event)
  const member = group.members.get(event.memberId)
  if (error !== 'NONE' || member === undefined) return refuse(event, turn, error, event.memberId)
  switch (group.state) {
    case 'PreparingRebalance':
      return updateMember(group, event, turn, member, 'joins again')
    case 'CompletingRebalance':
      // The same offer once more: the answer to the first did not arrive, and is still right.
      if (offersTheSame(member, event.protocols)) return repeatGeneration(group, event, turn)
      return updateMember(group, event, turn, member, 'changes its metadata')
    case 'Stable':
      // A leader that joins asks for a rebalance: it has seen something that its metadata does not
      // show.
      if (group.isLeader(member.memberId))
        return updateMember(group, event, turn, member, 'leads and joins again')
      if (offersTheSame(member, event.protocols)) return repeatGeneration(group, event, turn)
      return updateMember(group, event, turn, member, 'changes its metadata')
    case 'Empty':
    case 'Dead':
      return refuse(event, turn, 'UNKNOWN_MEMBER_ID', event.memberId)
    default:
      return unreachable(group.state)
  }
}

function updateMember(
  group: ClassicGroup,
  event: JoinEvent,
  turn: GroupTurn,
  member: ClassicMember,
  what: string
): void {
  parkJoin(group, event, turn, member)
  const reason = event.reason ?? 'no reason given'
  rebalanceOrComplete(group, turn, `member ${member.memberId} ${what}: ${reason}`)
}

function parkJoin(
  group: ClassicGroup,
  event: JoinEvent,
  turn: GroupTurn,
  member: ClassicMember
): void {
  // Two requests of one member: the older one comes from a connection that is given up, or soon
  // will be.
  answerJoin(group, member, turn, failedJoin('REBALANCE_IN_PROGRESS', member.memberId))
  member.protocols = event.protocols
  member.rebalanceTimeoutMs = event.rebalanceTimeoutMs
  member.sessionTimeoutMs = event.sessionTimeoutMs
  group.setJoinTicket(member, event.ticket)
}

function repeatGeneration(group: ClassicGroup, event: JoinEvent, turn: GroupTurn): void {
  turn.replies.push({ ticket: event.ticket, reply: generationReply(group, event.memberId) })
}

/**
 * A static member is back without its id: it gets a new one, and whoever still uses the old one is
 * fenced. In a Stable group whose protocol stays the same nobody else notices. Kafka:
 * updateStaticMemberThenRebalanceOrCompleteJoin.
 */
function replaceStaticMember(
  group: ClassicGroup,
  event: JoinEvent,
  turn: GroupTurn,
  known: ClassicMember
): void {
  const formerLeaderId = group.leaderId
  answerJoin(group, known, turn, failedJoin('FENCED_INSTANCE_ID', known.memberId))
  failSync(known, turn, 'FENCED_INSTANCE_ID')
  const member = group.replace(known, event.newMemberId)
  restartSession(group, member, turn)
  parkJoin(group, event, turn, member)
  const who = `static member ${member.groupInstanceId} joins as ${member.memberId}`
  if (group.state === 'CompletingRebalance') {
    // The leader may have been told of the old id already, and would assign to nobody.
    prepareRebalance(group, turn, `${who} while the leader assigns`)
  } else if (group.state !== 'Stable') {
    completeIfAllJoined(group, turn)
  } else if (group.selectProtocol() !== group.protocolName) {
    prepareRebalance(group, turn, `${who} and changes the protocol`)
  } else {
    const value = group.toValue()
    const { groupId } = group
    if (groupRecordSizeMax(groupId, value) > group.settings.recordSizeMax) {
      return prepareRebalance(group, turn, `${who} with metadata too large to remember`)
    }
    turn.records.push({ type: 'group', groupId, value })
    const reply = generationReply(group, member.memberId)
    const isLeader = group.isLeader(member.memberId)
    // Before version 9 a leader cannot be told to assign nothing, so it is told that its former id
    // leads.
    answerJoin(group, member, turn, {
      ...reply,
      leaderId: event.canSkipAssignment ? reply.leaderId : (formerLeaderId ?? ''),
      skipAssignment: event.canSkipAssignment && isLeader,
      members: event.canSkipAssignment ? reply.members : []
    })
  }
}

function refuse(event: JoinEvent, turn: GroupTurn, error: ErrorName, memberId: string): void {
  turn.replies.push({ ticket: event.ticket, reply: failedJoin(error, memberId) })
}
