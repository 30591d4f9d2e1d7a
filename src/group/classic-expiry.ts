import { assert } from '../base/assert.ts'
import type { ClassicGroup } from './classic-group.ts'
import { isHeard } from './classic-member.ts'
import {
  completeJoin,
  endJoinWait,
  prepareRebalance,
  rebalanceOrComplete,
  removeMember
} from './classic-rebalance.ts'
import type { GroupTurn } from './group-events.ts'

/** Lets everything happen whose time has come, in the order of the deadlines. */
export function tick(group: ClassicGroup, turn: GroupTurn): void {
  for (;;) {
    const deadlineMs = group.deadlineMs
    if (deadlineMs === null || deadlineMs > turn.now.monotonicMs) return
    if (group.joinWait?.deadlineMs === deadlineMs) endJoinWait(group, turn)
    else if (group.syncDeadlineMs === deadlineMs) expireSyncs(group, turn)
    else expireSession(group, turn)
  }
}

/**
 * Members that got their generation and never asked for their assignment are out, also when the
 * group has long been Stable without them. Kafka: expirePendingSync.
 */
function expireSyncs(group: ClassicGroup, turn: GroupTurn): void {
  const late = [...group.pendingSyncs]
  for (const memberId of late) {
    const member = group.members.get(memberId)
    assert(member !== undefined, 'syncs are awaited of members')
    removeMember(group, member, turn)
  }
  prepareRebalance(group, turn, `no SyncGroup came from ${late.join(', ')}`)
}

/**
 * Nothing was heard of a member for its session timeout. Kafka: expireClassicGroupMemberHeartbeat.
 */
function expireSession(group: ClassicGroup, turn: GroupTurn): void {
  const memberId = group.sessions.earliestKey
  assert(memberId !== undefined, 'a session expires that has begun')
  group.sessions.delete(memberId)
  const member = group.members.get(memberId)
  if (member !== undefined) {
    // A session that does not count now begins again when the parked request is answered.
    if (isHeard(member)) return
    removeMember(group, member, turn)
  } else {
    group.remove(memberId)
  }
  const { groupId } = group
  turn.notes.push({ message: 'member is not heard of any more', fields: { groupId, memberId } })
  const isRebalancing = group.state === 'PreparingRebalance'
  if (isRebalancing && group.hasAllJoined) completeJoin(group, turn)
  else if (member !== undefined && !isRebalancing) {
    rebalanceOrComplete(group, turn, `member ${memberId} is not heard of any more`)
  }
}
