import { assert } from '../base/assert.ts'

/** Spelled as clients see them in DescribeGroups and ListGroups. */
export type ClassicState =
  'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'

interface StateRules {
  /** States from which this one may be entered. */
  readonly enteredFrom: readonly ClassicState[]
  /** The answer to a Heartbeat of a member in its present generation; null is success. */
  readonly heartbeat:
    'UNKNOWN_MEMBER_ID' | 'REBALANCE_IN_PROGRESS' | 'COORDINATOR_NOT_AVAILABLE' | null
  /**
   * What happens to a SyncGroup of a member in its present generation: an error, or one of two ways
   * to succeed.
   */
  readonly sync:
    | 'UNKNOWN_MEMBER_ID'
    | 'REBALANCE_IN_PROGRESS'
    | 'COORDINATOR_NOT_AVAILABLE'
    | 'parks until the leader has assigned'
    | 'gets the present assignment'
  /** The answer to an OffsetCommit of a member in its present generation; null is success. */
  readonly offsetCommit:
    'UNKNOWN_MEMBER_ID' | 'REBALANCE_IN_PROGRESS' | 'COORDINATOR_NOT_AVAILABLE' | null
  /** Whether a member's OffsetCommit counts as a heartbeat too. */
  readonly commitKeepsSession: boolean
  /**
   * How many JoinGroups fit in: members of the group, or members that wait for the rebalance to
   * complete.
   */
  readonly counted: 'members' | 'waiting members' | 'nobody'
}

/**
 * The life of a classic group: Kafka's ClassicGroupState, and in one place what each state answers.
 */
export const classicStates: { readonly [S in ClassicState]: StateRules } = {
  /**
   * Nobody is in: a group that was left by all, or one that is nothing but its committed offsets.
   */
  Empty: {
    enteredFrom: ['PreparingRebalance'],
    heartbeat: 'UNKNOWN_MEMBER_ID',
    sync: 'UNKNOWN_MEMBER_ID',
    offsetCommit: 'UNKNOWN_MEMBER_ID',
    commitKeepsSession: false,
    counted: 'nobody'
  },
  /**
   * Members are asked to join again; JoinGroups park until all have, or the rebalance timeout is
   * over.
   */
  PreparingRebalance: {
    enteredFrom: ['Empty', 'CompletingRebalance', 'Stable'],
    heartbeat: 'REBALANCE_IN_PROGRESS',
    sync: 'REBALANCE_IN_PROGRESS',
    offsetCommit: null,
    commitKeepsSession: true,
    counted: 'waiting members'
  },
  /**
   * The generation is fixed, its leader knows who is in; SyncGroups park until the leader has
   * assigned.
   */
  CompletingRebalance: {
    enteredFrom: ['PreparingRebalance'],
    heartbeat: null,
    sync: 'parks until the leader has assigned',
    offsetCommit: 'REBALANCE_IN_PROGRESS',
    commitKeepsSession: false,
    counted: 'members'
  },
  /** Every member of the generation has its assignment, or gets it for the asking. */
  Stable: {
    enteredFrom: ['CompletingRebalance'],
    heartbeat: null,
    sync: 'gets the present assignment',
    offsetCommit: null,
    commitKeepsSession: true,
    counted: 'members'
  },
  /**
   * Deleted or expired. The group is no longer found; the state is what an event on its way would
   * meet.
   */
  Dead: {
    enteredFrom: ['Empty', 'PreparingRebalance', 'CompletingRebalance', 'Stable', 'Dead'],
    heartbeat: 'COORDINATOR_NOT_AVAILABLE',
    sync: 'COORDINATOR_NOT_AVAILABLE',
    offsetCommit: 'COORDINATOR_NOT_AVAILABLE',
    commitKeepsSession: false,
    counted: 'nobody'
  }
}

/** States from which a rebalance may begin. */
export function canRebalance(state: ClassicState): boolean {
  return classicStates.PreparingRebalance.enteredFrom.includes(state)
}

/** Every change of state passes here. */
export function assertTransition(groupId: string, from: ClassicState, to: ClassicState): void {
  assert(classicStates[to].enteredFrom.includes(from), `group ${groupId}: ${from} leads to ${to}`)
}
