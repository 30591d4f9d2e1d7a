import { expect } from 'vitest'
import { unreachable } from '../../src/base/assert.ts'
import type { Effects, Ticket } from '../../src/coordinator/effects.ts'
import type { GroupEvent, GroupReply, GroupSettings } from '../../src/group/group-events.ts'
import { GroupMachine } from '../../src/group/group-machine.ts'
import type { GroupRecord } from '../../src/group/group-records.ts'
import { decodeGroupRecord, encodeGroupRecord } from '../../src/group/group-records.ts'
import { classicNewMemberJoinTimeoutMs } from '../../src/limits.ts'
import { zeroUuid } from '../../src/wire/uuid.ts'

/** One random action; the numbers choose among what there is at that moment. */
export interface Action {
  readonly kind:
    | 'join'
    | 'rejoin'
    | 'sync'
    | 'heartbeat'
    | 'leave'
    | 'commit'
    | 'delete'
    | 'topicGone'
    | 'advance'
    | 'restart'
  readonly group: number
  readonly who: number
  readonly how: number
}

export const settings: GroupSettings = {
  initialRebalanceDelayMs: 3_000,
  maxSize: 4,
  offsetMetadataMaxSize: 4_096,
  offsetsRetentionMs: 50_000,
  offsetsRetentionCheckIntervalMs: 20_000,
  recordSizeMax: 1_000_000
}

/** The longest that any client asks for. */
const sessionTimeoutMaxMs = 10_500
const instanceIds = ['i1', 'i2', null, null, null]
const protocolNames = [['range'], ['range', 'sticky'], ['sticky', 'range'], ['robin']]

/**
 * Clients without sense or memory act upon the groups of a shard; whatever they do, what must hold
 * is checked.
 */
export class RandomGroups {
  #machine = new GroupMachine(settings)
  #nowMs = 0
  #deadlineMs: number | null = null
  #lastTicket = 0
  #lastId = 0
  readonly #open = new Map<Ticket, GroupEvent>()
  readonly #memberIds: string[] = []
  readonly #log: GroupRecord[] = []
  /** By group: the newest generation anybody heard of, and who leads each. */
  #generations = new Map<string, number>()
  #leaders = new Map<string, string>()

  constructor() {
    this.#take(this.#machine.loaded(this.#now()))
  }

  act(action: Action): void {
    if (action.kind === 'advance') this.advance(action.how * 37)
    else if (action.kind === 'restart') this.#restart()
    else {
      const event = this.#eventOf(action, ++this.#lastTicket)
      if ('ticket' in event) this.#open.set(event.ticket, event)
      this.#take(this.#machine.step(event, this.#now()))
      if ('ticket' in event) this.#expectAnswered(event)
    }
    this.#checkGroups()
  }

  /** Lets time pass; nobody sends anything meanwhile. */
  advance(delayMs: number): void {
    const endMs = this.#nowMs + delayMs
    while (this.#deadlineMs !== null && this.#deadlineMs <= endMs) {
      this.#nowMs = this.#deadlineMs
      this.#take(this.#machine.tick(this.#now()))
      expect(this.#deadlineMs).toBeGreaterThan(this.#nowMs)
    }
    this.#nowMs = endMs
  }

  /** When everybody has been silent for long: no request waits, no group has members. */
  expectRest(): void {
    expect([...this.#open.values()]).toEqual([])
    for (const group of this.#machine.groups.values()) {
      expect(group.state).toBe('Empty')
      expect(group.deadlineMs).toBeNull()
    }
  }

  /** Groups at rest, and all offsets, come back from the log as they are. */
  expectSameAfterReplay(): void {
    const replayed = this.#replayed()
    for (const group of this.#machine.groups.values()) {
      const again = replayed.groups.get(group.groupId)
      expect(again).toBeDefined()
      if (group.state !== 'Stable' && group.state !== 'Empty') continue
      expect(again?.state === group.state || group.state === 'Empty').toBe(true)
      if (again?.state === group.state) expect(again.toValue()).toEqual(group.toValue())
    }
    expect([...replayed.offsets.groupIds()].sort()).toEqual(
      [...this.#machine.offsets.groupIds()].sort()
    )
    for (const groupId of replayed.offsets.groupIds()) {
      expect(replayed.offsets.of(groupId)).toEqual(this.#machine.offsets.of(groupId))
    }
  }

  #take(effects: Effects<GroupRecord, GroupReply>): void {
    this.#log.push(...effects.records)
    this.#deadlineMs = effects.deadlineMs
    for (const record of effects.records) {
      if (record.type === 'group' && record.value === null) this.#forget(record.groupId)
    }
    for (const { ticket, reply } of effects.replies) {
      const event = this.#open.get(ticket)
      expect(event, 'every ticket is answered once').toBeDefined()
      this.#open.delete(ticket)
      if (event !== undefined) this.#hear(event, reply)
    }
  }

  #hear(event: GroupEvent, reply: GroupReply): void {
    expect(reply.type).toBe(event.type)
    if (reply.type !== 'join' || event.type !== 'join') return
    if (reply.memberId !== '') this.#memberIds.push(reply.memberId)
    if (reply.error !== 'NONE') {
      expect(reply.members).toEqual([])
      return
    }
    const { groupId } = event
    expect(reply.generationId).toBeGreaterThanOrEqual(this.#generations.get(groupId) ?? 0)
    this.#generations.set(groupId, reply.generationId)
    // A static leader may come back under another id, and then some hear of the former one.
    const generation = `${groupId} ${reply.generationId}`
    const leader = reply.leaderId.replace(/^(i\d)-.*/, '$1')
    expect(this.#leaders.get(generation) ?? leader).toBe(leader)
    this.#leaders.set(generation, leader)
    const isLeader = reply.memberId === reply.leaderId
    expect(reply.members.length > 0).toBe(isLeader)
    const ids = reply.members.map(member => member.memberId)
    expect(new Set(ids).size).toBe(ids.length)
    if (isLeader) expect(ids).toContain(reply.memberId)
  }

  /** Only a JoinGroup and a SyncGroup may wait. */
  #expectAnswered(event: GroupEvent & { readonly ticket: Ticket }): void {
    if (event.type === 'join' || event.type === 'sync') return
    expect(this.#open.has(event.ticket)).toBe(false)
  }

  #checkGroups(): void {
    const tickets = new Set<Ticket>()
    for (const group of this.#machine.groups.values()) {
      group.assertInvariants()
      for (const member of group.members.values()) {
        expect(member.joinTicket === null || member.syncTicket === null).toBe(true)
        if (member.joinTicket !== null) tickets.add(member.joinTicket)
        if (member.syncTicket !== null) tickets.add(member.syncTicket)
        const sessionEndMs = group.sessions.get(member.memberId)
        const isParked = member.joinTicket !== null || member.syncTicket !== null
        expect(sessionEndMs !== null || isParked, 'a member is heard of, or out').toBe(true)
        const longestMs = member.isNew ? classicNewMemberJoinTimeoutMs : sessionTimeoutMaxMs
        expect(sessionEndMs ?? this.#nowMs).toBeLessThanOrEqual(this.#nowMs + longestMs)
      }
      const { deadlineMs } = group
      expect(
        deadlineMs === null || deadlineMs > this.#nowMs || this.#deadlineMs === deadlineMs
      ).toBe(true)
    }
    expect([...this.#open.keys()].sort(ascending), 'whoever waits is known to a group').toEqual(
      [...tickets].sort(ascending)
    )
  }

  #restart(): void {
    this.expectSameAfterReplay()
    // The connections are gone, and with them whoever waited.
    this.#open.clear()
    this.#leaders = new Map()
    this.#machine = this.#replayed()
    this.#generations = new Map(
      [...this.#machine.groups].map(([groupId, group]) => [groupId, group.generationId])
    )
    this.#take(this.#machine.loaded(this.#now()))
  }

  #replayed(): GroupMachine {
    const machine = new GroupMachine(settings)
    for (const record of this.#log) {
      const { key, value } = encodeGroupRecord(record)
      const decoded = decodeGroupRecord(key, value)
      if (decoded !== null) machine.replay(decoded)
    }
    return machine
  }

  #eventOf({ kind, group, who, how }: Action, ticket: Ticket): GroupEvent {
    const groupId = `g${group % 2}`
    const known = this.#machine.groups.get(groupId)
    const current = known === undefined ? [] : [...known.members.values()]
    const member = current[who % Math.max(current.length, 1)]
    const stranger = this.#memberIds[who % Math.max(this.#memberIds.length, 1)] ?? 'nobody'
    const isSelf = how % 8 > 0
    const memberId = isSelf ? (member?.memberId ?? stranger) : stranger
    const groupInstanceId = isSelf ? (member?.groupInstanceId ?? null) : null
    const generationId = (known?.generationId ?? 0) + (how % 11 === 0 ? 1 : 0)
    const whose = { ticket, groupId, memberId, groupInstanceId, generationId }
    switch (kind) {
      case 'join':
      case 'rejoin':
        return this.#join({ groupId, who, how, ticket }, kind === 'join' ? null : whose)
      case 'sync':
        return {
          ...whose,
          type: 'sync',
          protocolType: null,
          protocolName: null,
          assignments: current.map(each => ({
            memberId: each.memberId,
            assignment: Buffer.from(`${generationId}:${each.memberId}`)
          }))
        }
      case 'heartbeat':
        return { ...whose, type: 'heartbeat' }
      case 'leave':
        return {
          type: 'leave',
          ticket,
          groupId,
          members: [{ memberId, groupInstanceId, reason: null }]
        }
      case 'commit':
        return {
          ...whose,
          type: 'offsetCommit',
          ...(how % 5 === 0 ? { memberId: '', groupInstanceId: null, generationId: -1 } : {}),
          retentionTimeMs: how % 7 === 0 ? 10_000 : -1,
          topics: [
            {
              topic: `t${who % 3}`,
              topicId: zeroUuid,
              partitions: [
                {
                  partition: how % 3,
                  committedOffset: BigInt(how),
                  committedLeaderEpoch: -1,
                  metadata: '',
                  commitTimestampMs: -1
                }
              ]
            }
          ],
          apiVersion: 8
        }
      case 'delete':
        return { type: 'deleteGroups', ticket, groupIds: [groupId] }
      case 'topicGone':
        return { type: 'topicsGone', isGone: topic => topic === `t${who % 3}` }
      case 'advance':
      case 'restart':
        throw new Error(`${kind} is no event`)
      default:
        return unreachable(kind)
    }
  }

  #join(
    { groupId, who, how, ticket }: { groupId: string; who: number; how: number; ticket: Ticket },
    self: { readonly memberId: string; readonly groupInstanceId: string | null } | null
  ): GroupEvent {
    const groupInstanceId =
      self === null ? (instanceIds[who % instanceIds.length] ?? null) : self.groupInstanceId
    const names = protocolNames[how % 13 === 0 ? 3 : how % 3] ?? []
    return {
      type: 'join',
      ticket,
      groupId,
      memberId: self?.memberId ?? '',
      newMemberId: `${groupInstanceId ?? 'm'}-${++this.#lastId}`,
      groupInstanceId,
      clientId: 'm',
      clientHost: '/127.0.0.1',
      sessionTimeoutMs: sessionTimeoutMaxMs - 500 * (how % 10),
      rebalanceTimeoutMs: 5_000 + 1_000 * (how % 10),
      protocolType: 'consumer',
      protocols: names.map(name => ({ name, metadata: Buffer.from([0, 0, how % 2]) })),
      reason: null,
      needsKnownMemberId: how % 4 === 0,
      canSkipAssignment: how % 2 === 0
    }
  }

  /** A group that was deleted or has expired begins at the beginning. */
  #forget(groupId: string): void {
    this.#generations.delete(groupId)
    for (const key of this.#leaders.keys()) {
      if (key.startsWith(`${groupId} `)) this.#leaders.delete(key)
    }
  }

  #now() {
    return { monotonicMs: this.#nowMs, wallMs: 1_000_000 + this.#nowMs }
  }
}

function ascending(a: number, b: number): number {
  return a - b
}
