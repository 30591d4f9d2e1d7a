import { unreachable } from '../base/assert.ts'
import type { Effects, Moment } from '../coordinator/effects.ts'
import { beginTurn } from '../coordinator/effects.ts'
import { tick } from './classic-expiry.ts'
import type { ClassicGroup } from './classic-group.ts'
import { heartbeat } from './classic-heartbeat.ts'
import { join } from './classic-join.ts'
import { leave } from './classic-leave.ts'
import { sync } from './classic-sync.ts'
import type { ClassicEvent, GroupReply, GroupTurn } from './group-events.ts'
import type { GroupRecord } from './group-records.ts'

/**
 * Decides what an event means for a group: changes the group and returns what the world must do
 * about it. Kafka: the classicGroup… methods of GroupMetadataManager. Two things differ from there:
 * a generation is Stable as soon as its leader has assigned, for replies wait for the record
 * anyway; and a request that a newer one of the same member pushes out is answered, not forgotten.
 */
export function step(
  group: ClassicGroup,
  event: ClassicEvent,
  now: Moment
): Effects<GroupRecord, GroupReply> {
  const turn: GroupTurn = beginTurn(now)
  decide(group, event, turn)
  group.assertInvariants()
  return { ...turn, deadlineMs: group.deadlineMs }
}

function decide(group: ClassicGroup, event: ClassicEvent, turn: GroupTurn): void {
  switch (event.type) {
    case 'join':
      return join(group, event, turn)
    case 'sync':
      return sync(group, event, turn)
    case 'heartbeat':
      return heartbeat(group, event, turn)
    case 'leave':
      return leave(group, event, turn)
    case 'tick':
      return tick(group, turn)
    default:
      return unreachable(event)
  }
}
