import { assert } from '../base/assert.ts'
import { Deadlines } from '../base/deadlines.ts'
import type { Ticket } from '../coordinator/effects.ts'
import type { ClassicMember } from './classic-member.ts'
import { consumerProtocolType, selectProtocol, subscribedTopics } from './classic-protocols.ts'
import type { ClassicState } from './classic-states.ts'
import { assertTransition } from './classic-states.ts'
import type { GroupSettings, GroupTurn } from './group-events.ts'
import type { GroupValue } from './group-records.ts'

/**
 * The largest generation; the one after it is 1, for a negative one means "no member" in
 * OffsetCommit.
 */
const generationIdMax = 0x7fff_ffff

/** What the wait for members to join is for, and until when (monotonic ms). */
export type JoinWait =
  | {
      /**
       * A group that was empty waits a little longer for each new member, up to its rebalance
       * timeout.
       */
      readonly reason: 'initial'
      readonly deadlineMs: number
      readonly delayMs: number
      readonly remainingMs: number
    }
  | { readonly reason: 'rebalance'; readonly deadlineMs: number }

/**
 * Members, generation and waits of one group: what the rules in `classic-*.ts` work on. It keeps
 * the counts and the leader in step with the members and lets states follow one another only as
 * `classic-states.ts` says. Kafka: ClassicGroup.
 */
export class ClassicGroup {
  readonly groupId: string
  readonly settings: GroupSettings
  #state: ClassicState
  #previousState: ClassicState = 'Dead'
  #stateTimestampMs: number
  #generationId: number
  #protocolType: string | null
  #protocolName: string | null
  #leaderId: string | null
  #subscribedTopics: ReadonlySet<string> | null = null
  readonly #members = new Map<string, ClassicMember>()
  /** Member ids by group instance id. */
  readonly #staticMembers = new Map<string, string>()
  #joiningCount = 0
  /** Ids that were given out and have not come back with a JoinGroup (KIP-394). */
  readonly pendingJoins = new Set<string>()
  readonly #pendingSyncs = new Set<string>()
  #syncDeadlineMs: number | null = null
  /** Until when each member, and each pending one, must be heard of. */
  readonly sessions = new Deadlines<string>()
  joinWait: JoinWait | null = null
  /** Somebody joined since the initial wait was last extended. */
  newMemberAdded = false

  /** A group as its record remembers it; sessions begin with `restartSessions`. */
  constructor(groupId: string, settings: GroupSettings, value: GroupValue) {
    this.groupId = groupId
    this.settings = settings
    this.#state = value.members.length === 0 ? 'Empty' : 'Stable'
    this.#stateTimestampMs = value.currentStateTimestampMs
    this.#generationId = value.generationId
    this.#protocolType = value.protocolType === '' ? null : value.protocolType
    this.#protocolName = value.protocolName
    this.#leaderId = value.leaderId
    for (const member of value.members) this.#restore(member)
    if (!this.#members.has(this.#leaderId ?? '')) this.#leaderId = this.#firstMemberId()
    this.#subscribedTopics = this.#computeSubscribedTopics()
    this.assertInvariants()
  }

  get state(): ClassicState {
    return this.#state
  }

  /** The state before the present one; Dead for a group fresh from the log. */
  get previousState(): ClassicState {
    return this.#previousState
  }

  /** Wall ms of the last change of state, -1 when unknown. */
  get stateTimestampMs(): number {
    return this.#stateTimestampMs
  }

  get generationId(): number {
    return this.#generationId
  }

  /** Of the members, or of the last ones; null for a group that never had any. */
  get protocolType(): string | null {
    return this.#protocolType
  }

  get protocolName(): string | null {
    return this.#protocolName
  }

  get leaderId(): string | null {
    return this.#leaderId
  }

  /** In the order in which they came. */
  get members(): ReadonlyMap<string, ClassicMember> {
    return this.#members
  }

  /** Members whose JoinGroup is parked. */
  get joiningCount(): number {
    return this.#joiningCount
  }

  /** Whether nobody is missing for the next generation. */
  get hasAllJoined(): boolean {
    return this.#joiningCount === this.#members.size && this.pendingJoins.size === 0
  }

  /** How long the slowest member may take to join again, ms; 0 without members. */
  get rebalanceTimeoutMs(): number {
    let longestMs = 0
    for (const member of this.#members.values()) {
      longestMs = Math.max(longestMs, member.rebalanceTimeoutMs)
    }
    return longestMs
  }

  /** Topics of the members' subscriptions, when the broker can tell; null otherwise. */
  get subscribedTopics(): ReadonlySet<string> | null {
    return this.#subscribedTopics
  }

  get usesConsumerProtocol(): boolean {
    return this.#protocolType === consumerProtocolType
  }

  /** Members of the present generation that have sent no SyncGroup yet. */
  get pendingSyncs(): ReadonlySet<string> {
    return this.#pendingSyncs
  }

  /** Until when the missing SyncGroups are waited for (monotonic ms); null when none is missing. */
  get syncDeadlineMs(): number | null {
    return this.#syncDeadlineMs
  }

  /** The next moment at which `tick` has something to do (monotonic ms), or null. */
  get deadlineMs(): number | null {
    const waits = [this.sessions.earliestMs, this.joinWait?.deadlineMs, this.#syncDeadlineMs]
    const deadlineMs = Math.min(...waits.map(waitMs => waitMs ?? Infinity))
    return deadlineMs === Infinity ? null : deadlineMs
  }

  /** A subscription that cannot be read counts as one to every topic. */
  isSubscribedTo(topic: string): boolean {
    return this.#subscribedTopics?.has(topic) ?? this.usesConsumerProtocol
  }

  memberIdOf(groupInstanceId: string): string | undefined {
    return this.#staticMembers.get(groupInstanceId)
  }

  isLeader(memberId: string): boolean {
    return this.#leaderId === memberId
  }

  add(member: ClassicMember): void {
    assert(!this.#members.has(member.memberId), 'a member is added once')
    if (member.groupInstanceId !== null) {
      assert(!this.#staticMembers.has(member.groupInstanceId), 'an instance id is held once')
      this.#staticMembers.set(member.groupInstanceId, member.memberId)
    }
    if (this.#members.size === 0) this.#protocolType = member.protocolType
    assert(member.protocolType === this.#protocolType, 'members share a protocol type')
    this.#leaderId ??= member.memberId
    this.#members.set(member.memberId, member)
    if (member.joinTicket !== null) this.#joiningCount++
    this.pendingJoins.delete(member.memberId)
  }

  /**
   * Removes a member or a pending one; the first of the others leads from now on. The caller
   * answers its requests.
   */
  remove(memberId: string): void {
    const member = this.#members.get(memberId)
    if (member !== undefined) {
      assert(member.joinTicket === null && member.syncTicket === null, 'a member leaves answered')
      this.#members.delete(memberId)
      if (member.groupInstanceId !== null) this.#staticMembers.delete(member.groupInstanceId)
    }
    if (this.isLeader(memberId)) this.#leaderId = this.#firstMemberId()
    this.pendingJoins.delete(memberId)
    this.removePendingSync(memberId)
    this.sessions.delete(memberId)
  }

  /** Gives the place of a static member to a new member id, everything else unchanged (KIP-345). */
  replace(member: ClassicMember, newMemberId: string): ClassicMember {
    assert(member.groupInstanceId !== null, 'only static members are replaced')
    assert(member.joinTicket === null && member.syncTicket === null, 'a member goes answered')
    const newMember: ClassicMember = { ...member, memberId: newMemberId, isNew: false }
    this.#members.delete(member.memberId)
    this.#members.set(newMemberId, newMember)
    this.#staticMembers.set(member.groupInstanceId, newMemberId)
    if (this.isLeader(member.memberId)) this.#leaderId = newMemberId
    this.sessions.delete(member.memberId)
    if (this.#pendingSyncs.delete(member.memberId)) this.#pendingSyncs.add(newMemberId)
    return newMember
  }

  /** Waits for a SyncGroup of every member until `deadlineMs` (monotonic). */
  awaitSyncs(deadlineMs: number): void {
    assert(this.#members.size > 0, 'syncs are awaited of members')
    for (const memberId of this.#members.keys()) this.#pendingSyncs.add(memberId)
    this.#syncDeadlineMs = deadlineMs
  }

  removePendingSync(memberId: string): void {
    this.#pendingSyncs.delete(memberId)
    if (this.#pendingSyncs.size === 0) this.#syncDeadlineMs = null
  }

  clearPendingSyncs(): void {
    this.#pendingSyncs.clear()
    this.#syncDeadlineMs = null
  }

  /** Parks a JoinGroup, or takes the parked one out (null). */
  setJoinTicket(member: ClassicMember, ticket: Ticket | null): void {
    if (member.joinTicket === null && ticket !== null) this.#joiningCount++
    if (member.joinTicket !== null && ticket === null) this.#joiningCount--
    member.joinTicket = ticket
  }

  selectProtocol(): string {
    return selectProtocol(this.#members)
  }

  /**
   * Makes sure that the leader is somebody who has joined, if anybody has.
   *
   * @returns false when nobody has joined, or nobody is left
   */
  electJoinedLeader(): boolean {
    if (this.#leaderId === null) return false
    if (this.#members.get(this.#leaderId)?.joinTicket !== null) return true
    for (const member of this.#members.values()) {
      if (member.joinTicket === null) continue
      this.#leaderId = member.memberId
      return true
    }
    return false
  }

  transition(state: ClassicState, turn: GroupTurn, reason: string): void {
    assertTransition(this.groupId, this.#state, state)
    this.#previousState = this.#state
    this.#state = state
    this.#stateTimestampMs = turn.now.wallMs
    const { groupId, generationId, previousState: from } = this
    turn.notes.push({
      message: 'group changes state',
      fields: { groupId, from, to: state, generationId, reason }
    })
  }

  /** Begins the next generation with whoever is a member now. */
  beginGeneration(turn: GroupTurn): void {
    this.#generationId = this.#generationId === generationIdMax ? 1 : this.#generationId + 1
    this.clearPendingSyncs()
    const isEmpty = this.#members.size === 0
    this.#protocolName = isEmpty ? null : this.selectProtocol()
    this.#subscribedTopics = this.#computeSubscribedTopics()
    const next = isEmpty ? 'Empty' : 'CompletingRebalance'
    this.transition(next, turn, isEmpty ? 'nobody is left' : 'members have joined')
  }

  /** The group as it is to be remembered: with its members, or, when it is Empty, without. */
  toValue(): GroupValue {
    const isSettled = this.#state !== 'PreparingRebalance' || this.#members.size === 0
    assert(isSettled, 'a group is written in one generation')
    const protocolName = this.#protocolName
    return {
      protocolType: this.#protocolType ?? '',
      generationId: this.#generationId,
      protocolName,
      leaderId: this.#leaderId,
      currentStateTimestampMs: this.#stateTimestampMs,
      members: [...this.#members.values()].map(member => {
        const subscription = member.protocols.find(({ name }) => name === protocolName)?.metadata
        assert(subscription !== undefined, 'members support the protocol of their generation')
        const { memberId, groupInstanceId, clientId, clientHost, assignment } = member
        const { rebalanceTimeoutMs, sessionTimeoutMs } = member
        return {
          memberId,
          groupInstanceId,
          clientId,
          clientHost,
          rebalanceTimeoutMs,
          sessionTimeoutMs,
          subscription,
          assignment
        }
      })
    }
  }

  assertInvariants(): void {
    const { groupId } = this
    assert(this.#leaderId === null || this.#members.has(this.#leaderId), `${groupId}: leader is in`)
    assert(
      (this.#leaderId === null) === (this.#members.size === 0),
      `${groupId}: members, a leader`
    )
    assert(this.#staticMembers.size <= this.#members.size, `${groupId}: instance ids <= members`)
    assert(this.#joiningCount <= this.#members.size, `${groupId}: joining members <= members`)
    const isWaiting = this.#state === 'PreparingRebalance'
    assert(isWaiting === (this.joinWait !== null), `${groupId}: waits exactly while it prepares`)
    assert(isWaiting || this.#joiningCount === 0, `${groupId}: parks joins while it prepares`)
    assert(this.#state !== 'Empty' || this.#members.size === 0, `${groupId}: Empty has no members`)
    const isSyncing = this.#pendingSyncs.size > 0
    assert(
      isSyncing === (this.#syncDeadlineMs !== null),
      `${groupId}: waits for missing syncs only`
    )
  }

  #restore(value: GroupValue['members'][number]): void {
    const { rebalanceTimeoutMs, sessionTimeoutMs, subscription, ...rest } = value
    assert(this.#protocolName !== null, 'a group with members has a protocol')
    this.add({
      ...rest,
      protocolType: this.#protocolType ?? '',
      rebalanceTimeoutMs: rebalanceTimeoutMs === -1 ? sessionTimeoutMs : rebalanceTimeoutMs,
      sessionTimeoutMs,
      protocols: [{ name: this.#protocolName, metadata: subscription }],
      joinTicket: null,
      syncTicket: null,
      isNew: false
    })
  }

  #firstMemberId(): string | null {
    for (const memberId of this.#members.keys()) return memberId
    return null
  }

  #computeSubscribedTopics(): ReadonlySet<string> | null {
    return subscribedTopics(this.#protocolType, this.#protocolName, this.#members)
  }
}
