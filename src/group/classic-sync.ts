import { assert, unreachable } from '../base/assert.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type { ClassicGroup } from './classic-group.ts'
import type { ClassicMember } from './classic-member.ts'
import { noAssignment } from './classic-member.ts'
import { cancelSyncs, failSync, rebalanceOrComplete, restartSession } from './classic-rebalance.ts'
import { classicStates } from './classic-states.ts'
import type { GroupTurn, SyncEvent, SyncReply } from './group-events.ts'
import { groupRecordSizeMax } from './group-records.ts'
import { checkGeneration } from './member-check.ts'

/**
 * A member asks for its assignment; the leader brings everybody's. Kafka:
 * classicGroupSyncToClassicGroup.
 */
export function sync(group: ClassicGroup, event: SyncEvent, turn: GroupTurn): void {
  const error = checkSync(group, event)
  const member = group.members.get(event.memberId)
  if (error !== 'NONE' || member === undefined) return refuse(event, turn, error)
  const answer = classicStates[group.state].sync
  switch (answer) {
    case 'UNKNOWN_MEMBER_ID':
    case 'REBALANCE_IN_PROGRESS':
    case 'COORDINATOR_NOT_AVAILABLE':
      return refuse(event, turn, answer)
    case 'gets the present assignment':
      group.removePendingSync(member.memberId)
      turn.replies.push({ ticket: event.ticket, reply: assigned(group, member) })
      return
    case 'parks until the leader has assigned':
      failSync(member, turn, 'REBALANCE_IN_PROGRESS')
      member.syncTicket = event.ticket
      group.removePendingSync(member.memberId)
      if (group.isLeader(member.memberId)) assign(group, event, turn)
      return
    default:
      unreachable(answer)
  }
}

function checkSync(group: ClassicGroup, event: SyncEvent): ErrorName {
  const error = checkGeneration(group, event)
  if (error !== 'NONE') return error
  const { protocolType, protocolName } = group
  return differs(event.protocolType, protocolType) || differs(event.protocolName, protocolName)
    ? 'INCONSISTENT_GROUP_PROTOCOL'
    : 'NONE'
}

function differs(said: string | null, known: string | null): boolean {
  return said !== null && known !== null && said !== known
}

/**
 * The leader has assigned: the generation is remembered and every parked SyncGroup gets its part of
 * it.
 */
function assign(group: ClassicGroup, event: SyncEvent, turn: GroupTurn): void {
  const assignments = new Map(event.assignments.map(each => [each.memberId, each.assignment]))
  for (const member of group.members.values()) {
    // Who was left out by the leader gets nothing to do, which is not an error: kafkajs leaves out
    // idle members.
    member.assignment = assignments.get(member.memberId) ?? noAssignment
  }
  const { groupId } = group
  const sizeMax = groupRecordSizeMax(groupId, group.toValue())
  if (sizeMax > group.settings.recordSizeMax) {
    const { recordSizeMax } = group.settings
    const reason = `the assignment needs ${sizeMax} bytes, ${recordSizeMax} are allowed`
    turn.notes.push({ message: 'group is too large to remember', fields: { groupId, reason } })
    cancelSyncs(group, turn, 'UNKNOWN_SERVER_ERROR')
    rebalanceOrComplete(group, turn, reason)
    return
  }
  group.transition('Stable', turn, `leader ${event.memberId} has assigned`)
  turn.records.push({ type: 'group', groupId, value: group.toValue() })
  for (const member of group.members.values()) {
    const ticket = member.syncTicket
    if (ticket === null) continue
    member.syncTicket = null
    turn.replies.push({ ticket, reply: assigned(group, member) })
    restartSession(group, member, turn)
  }
}

function assigned(group: ClassicGroup, member: ClassicMember): SyncReply {
  assert(group.state === 'Stable', 'assignments are handed out in Stable')
  const { protocolType, protocolName } = group
  return { type: 'sync', error: 'NONE', protocolType, protocolName, assignment: member.assignment }
}

function refuse(event: SyncEvent, turn: GroupTurn, error: ErrorName): void {
  const reply: SyncReply = {
    type: 'sync',
    error,
    protocolType: null,
    protocolName: null,
    assignment: noAssignment
  }
  turn.replies.push({ ticket: event.ticket, reply })
}
