import { assert } from '../base/assert.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type { ClassicGroup } from './classic-group.ts'
import type { ClassicMember } from './classic-member.ts'
import { metadataFor, noAssignment } from './classic-member.ts'
import { canRebalance } from './classic-states.ts'
import type { GroupTurn, JoinReply } from './group-events.ts'

/**
 * Begins a rebalance where one may begin; where one is under way, ends it if nobody is missing any
 * more.
 */
export function rebalanceOrComplete(group: ClassicGroup, turn: GroupTurn, reason: string): void {
  if (canRebalance(group.state)) prepareRebalance(group, turn, reason)
  else completeIfAllJoined(group, turn)
}

/**
 * Asks all members to join again: those that wait for an assignment at once, the others at their
 * next heartbeat.
 */
export function prepareRebalance(group: ClassicGroup, turn: GroupTurn, reason: string): void {
  if (group.state === 'CompletingRebalance') cancelSyncs(group, turn, 'REBALANCE_IN_PROGRESS')
  group.clearPendingSyncs()
  const isInitial = group.state === 'Empty'
  group.transition('PreparingRebalance', turn, reason)
  if (isInitial) waitForFirstMembers(group, turn)
  else if (group.hasAllJoined) completeJoin(group, turn)
  else waitForMembers(group, turn)
}

/**
 * A rebalance of a group that was empty ends by its delay only, so that a whole fleet can start.
 */
export function completeIfAllJoined(group: ClassicGroup, turn: GroupTurn): void {
  if (group.state !== 'PreparingRebalance' || group.previousState === 'Empty') return
  if (group.hasAllJoined) completeJoin(group, turn)
}

/**
 * Ends the wait for members: dynamic ones that have not joined are out, static ones stay in for
 * their session, and the next generation begins. Kafka:
 * GroupMetadataManager.completeClassicGroupJoin.
 */
export function completeJoin(group: ClassicGroup, turn: GroupTurn): void {
  const missing = [...group.members.values()].filter(
    member => member.joinTicket === null && member.groupInstanceId === null
  )
  for (const { memberId } of missing) group.remove(memberId)
  if (!group.electJoinedLeader() && group.members.size > 0) {
    // Only static members are left and none has joined: their sessions decide, not this rebalance.
    waitForMembers(group, turn)
    return
  }
  group.joinWait = null
  group.newMemberAdded = false
  group.beginGeneration(turn)
  if (group.state === 'Empty') {
    turn.records.push({ type: 'group', groupId: group.groupId, value: group.toValue() })
    return
  }
  for (const member of group.members.values()) {
    answerJoin(group, member, turn, generationReply(group, member.memberId))
    member.isNew = false
    restartSession(group, member, turn)
  }
  group.awaitSyncs(turn.now.monotonicMs + group.rebalanceTimeoutMs)
}

/** Wakes the wait for members: the initial one is extended while new members keep coming. */
export function endJoinWait(group: ClassicGroup, turn: GroupTurn): void {
  const wait = group.joinWait
  assert(wait !== null, 'a wait ends that has begun')
  if (wait.reason === 'rebalance' || !group.newMemberAdded || wait.remainingMs === 0) {
    completeJoin(group, turn)
    return
  }
  group.newMemberAdded = false
  const delayMs = Math.min(group.settings.initialRebalanceDelayMs, wait.remainingMs)
  group.joinWait = {
    reason: 'initial',
    deadlineMs: wait.deadlineMs + delayMs,
    delayMs,
    remainingMs: Math.max(wait.remainingMs - wait.delayMs, 0)
  }
}

/** Answers the parked JoinGroup of a member, if there is one. */
export function answerJoin(
  group: ClassicGroup,
  member: ClassicMember,
  turn: GroupTurn,
  reply: JoinReply
): void {
  const ticket = member.joinTicket
  if (ticket === null) return
  group.setJoinTicket(member, null)
  turn.replies.push({ ticket, reply })
}

/** Answers the parked SyncGroup of a member with an error, if there is one. */
export function failSync(member: ClassicMember, turn: GroupTurn, error: ErrorName): boolean {
  const ticket = member.syncTicket
  if (ticket === null) return false
  member.syncTicket = null
  const reply = { type: 'sync', error, assignment: noAssignment } as const
  turn.replies.push({ ticket, reply: { ...reply, protocolType: null, protocolName: null } })
  return true
}

/**
 * Takes the assignments back that the leader has made for this generation, and says so to all that
 * wait for theirs.
 */
export function cancelSyncs(group: ClassicGroup, turn: GroupTurn, error: ErrorName): void {
  assert(group.state === 'CompletingRebalance', 'syncs are parked while a rebalance completes')
  for (const member of group.members.values()) {
    member.assignment = noAssignment
    if (failSync(member, turn, error)) restartSession(group, member, turn)
  }
}

/**
 * A member is out: whatever it waits for is answered, so that it can begin anew if it is still
 * there.
 */
export function removeMember(group: ClassicGroup, member: ClassicMember, turn: GroupTurn): void {
  answerJoin(group, member, turn, failedJoin('UNKNOWN_MEMBER_ID', ''))
  failSync(member, turn, 'UNKNOWN_MEMBER_ID')
  group.remove(member.memberId)
}

/** The member has shown that it is alive. */
export function restartSession(group: ClassicGroup, member: ClassicMember, turn: GroupTurn): void {
  group.sessions.set(member.memberId, turn.now.monotonicMs + member.sessionTimeoutMs)
}

/**
 * What a member of the present generation is told by JoinGroup; its leader also learns who the
 * others are.
 */
export function generationReply(group: ClassicGroup, memberId: string): JoinReply {
  const { generationId, protocolType, protocolName, leaderId } = group
  assert(leaderId !== null && protocolName !== null, 'a generation has a leader and a protocol')
  const members = group.isLeader(memberId) ? [...group.members.values()] : []
  return {
    type: 'join',
    error: 'NONE',
    memberId,
    generationId,
    protocolType,
    protocolName,
    leaderId,
    skipAssignment: false,
    members: members.map(member => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      metadata: metadataFor(member, protocolName)
    }))
  }
}

export function failedJoin(error: ErrorName, memberId: string): JoinReply {
  return {
    type: 'join',
    error,
    memberId,
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leaderId: '',
    skipAssignment: false,
    members: []
  }
}

function waitForFirstMembers(group: ClassicGroup, turn: GroupTurn): void {
  const delayMs = group.settings.initialRebalanceDelayMs
  group.newMemberAdded = false
  group.joinWait = {
    reason: 'initial',
    deadlineMs: turn.now.monotonicMs + delayMs,
    delayMs,
    remainingMs: Math.max(group.rebalanceTimeoutMs - delayMs, 0)
  }
}

function waitForMembers(group: ClassicGroup, turn: GroupTurn): void {
  // At least a moment: members that allow none at all would otherwise be waited for without end.
  const deadlineMs = turn.now.monotonicMs + Math.max(group.rebalanceTimeoutMs, 1)
  group.joinWait = { reason: 'rebalance', deadlineMs }
}
