import { unreachable } from '../base/assert.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type { ClassicGroup } from './classic-group.ts'
import { completeIfAllJoined, rebalanceOrComplete, removeMember } from './classic-rebalance.ts'
import type { GroupTurn, LeaveEvent, LeavingMember } from './group-events.ts'
import { checkMember } from './member-check.ts'

/**
 * Members leave, or an administrator removes them; one rebalance for all that went. Kafka:
 * classicGroupLeave.
 */
export function leave(group: ClassicGroup, event: LeaveEvent, turn: GroupTurn): void {
  const members = event.members.map(leaving => ({
    memberId: leaving.memberId,
    groupInstanceId: leaving.groupInstanceId,
    error: leaveOne(group, leaving, turn)
  }))
  turn.replies.push({ ticket: event.ticket, reply: { type: 'leave', members } })
  const gone = event.members.filter((_, index) => members[index]?.error === 'NONE')
  if (gone.length === 0) return
  switch (group.state) {
    case 'Stable':
    case 'CompletingRebalance':
      return rebalanceOrComplete(group, turn, `left: ${gone.map(describe).join(', ')}`)
    case 'PreparingRebalance':
      return completeIfAllJoined(group, turn)
    case 'Empty':
    case 'Dead':
      return
    default:
      unreachable(group.state)
  }
}

function leaveOne(group: ClassicGroup, leaving: LeavingMember, turn: GroupTurn): ErrorName {
  if (group.pendingJoins.has(leaving.memberId)) {
    group.remove(leaving.memberId)
    return 'NONE'
  }
  const isByInstanceId = leaving.memberId === '' && leaving.groupInstanceId !== null
  const memberId = isByInstanceId ? group.memberIdOf(leaving.groupInstanceId) : leaving.memberId
  if (memberId === undefined) return 'UNKNOWN_MEMBER_ID'
  const error = checkMember(group, { memberId, groupInstanceId: leaving.groupInstanceId })
  const member = group.members.get(memberId)
  if (error === 'NONE' && member !== undefined) removeMember(group, member, turn)
  return error
}

function describe(leaving: LeavingMember): string {
  const who = leaving.memberId === '' ? leaving.groupInstanceId : leaving.memberId
  return leaving.reason === null ? `${who}` : `${who} (${leaving.reason})`
}
