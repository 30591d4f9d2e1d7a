import { assert } from '../base/assert.ts'
import type { Ticket } from '../coordinator/effects.ts'

/**
 * One way of dividing work that a member offers; the metadata is the client's own and is never
 * looked into.
 */
export interface Protocol {
  readonly name: string
  readonly metadata: Buffer
}

/**
 * Of `members` in a group's present generation, or on its way into the next. Kafka:
 * ClassicGroupMember.
 */
export interface ClassicMember {
  readonly memberId: string
  /** Of a static member (KIP-345); null for a dynamic one. */
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly protocolType: string
  /** How long a rebalance waits for this member. */
  rebalanceTimeoutMs: number
  sessionTimeoutMs: number
  /** In the order of preference. */
  protocols: readonly Protocol[]
  /** Bytes of the leader's making; empty while there are none. */
  assignment: Buffer
  /** Its parked JoinGroup. */
  joinTicket: Ticket | null
  /** Its parked SyncGroup. */
  syncTicket: Ticket | null
  /**
   * Its first JoinGroup has not been answered: the client does not know its id and cannot send
   * heartbeats.
   */
  isNew: boolean
}

export const noAssignment: Buffer = Buffer.alloc(0)

/**
 * Whether its session may run out now without consequence: a parked request shows that the member
 * is there.
 */
export function isHeard(member: ClassicMember): boolean {
  if (member.isNew) return false
  return member.joinTicket !== null || member.syncTicket !== null
}

export function supports(member: ClassicMember, protocolName: string): boolean {
  return member.protocols.some(protocol => protocol.name === protocolName)
}

/** The member's metadata for a protocol that it supports. */
export function metadataFor(member: ClassicMember, protocolName: string): Buffer {
  const protocol = member.protocols.find(offered => offered.name === protocolName)
  assert(protocol !== undefined, `member ${member.memberId} supports ${protocolName}`)
  return protocol.metadata
}

/** Whether a member that joins again offers exactly what it offered before, in the same order. */
export function offersTheSame(member: ClassicMember, protocols: readonly Protocol[]): boolean {
  if (member.protocols.length !== protocols.length) return false
  return member.protocols.every((known, index) => {
    const offered = protocols[index]
    return (
      offered !== undefined &&
      offered.name === known.name &&
      offered.metadata.equals(known.metadata)
    )
  })
}
