import type { ClassicGroup } from './classic-group.ts'
import { restartSession } from './classic-rebalance.ts'
import { classicStates } from './classic-states.ts'
import type { GroupTurn, HeartbeatEvent } from './group-events.ts'
import { checkGeneration } from './member-check.ts'

/**
 * A member shows that it is alive, and hears whether it has to join again. Kafka:
 * classicGroupHeartbeat.
 */
export function heartbeat(group: ClassicGroup, event: HeartbeatEvent, turn: GroupTurn): void {
  const error = checkGeneration(group, event)
  const member = group.members.get(event.memberId)
  const answer = error === 'NONE' ? (classicStates[group.state].heartbeat ?? 'NONE') : error
  if (error === 'NONE' && member !== undefined) restartSession(group, member, turn)
  turn.replies.push({ ticket: event.ticket, reply: { type: 'heartbeat', error: answer } })
}
