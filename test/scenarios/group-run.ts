import type { Answered, Effects, Moment } from '../../src/coordinator/effects.ts'
import type { Protocol } from '../../src/group/classic-member.ts'
import type { GroupEvent, GroupReply, GroupSettings } from '../../src/group/group-events.ts'
import { GroupMachine } from '../../src/group/group-machine.ts'
import type { GroupRecord } from '../../src/group/group-records.ts'
import { decodeGroupRecord, encodeGroupRecord } from '../../src/group/group-records.ts'
import {
  writeConsumerProtocolSubscription,
  type ConsumerProtocolSubscriptionInit
} from '../../src/wire/generated/records/consumer-protocol-subscription.ts'
import { zeroUuid } from '../../src/wire/uuid.ts'
import { Writer } from '../../src/wire/writer.ts'
import { printNote, printRecord, printReply } from './group-trace.ts'
import type { Words } from './scenario.ts'
import { wordsOf } from './scenario.ts'

/** Wall time at monotonic 0: what is written down is not mixed up with what is waited for. */
const wallStartMs = 1_000_000

/**
 * Runs commands against the groups of one shard and prints what comes of them. Time moves only by
 * `advance`, and `restart` makes the groups anew from their records, through the bytes of the log.
 */
export class GroupRun {
  #settings: GroupSettings = {
    initialRebalanceDelayMs: 3_000,
    maxSize: 1_000,
    offsetMetadataMaxSize: 4_096,
    offsetsRetentionMs: 60_000,
    offsetsRetentionCheckIntervalMs: 1_000_000_000,
    recordSizeMax: 1_000_000
  }
  #machine = new GroupMachine(this.#settings)
  #nowMs = 0
  #deadlineMs: number | null = null
  #shownDeadlineMs: number | null = null
  #lastTicket = 0
  readonly #askers = new Map<number, string>()
  readonly #idsGiven = new Map<string, number>()
  readonly #log: GroupRecord[] = []

  /** Does what a command says; returns the lines of its trace. */
  run(command: string): readonly string[] {
    const words = wordsOf(command)
    const lines = this.#execute(words)
    const deadlineMs = this.#nextDeadline()
    if (deadlineMs !== this.#shownDeadlineMs) lines.push(`deadlineMs ${deadlineMs ?? 'none'}`)
    this.#shownDeadlineMs = deadlineMs
    return lines
  }

  /** Requests that are parked now. */
  get parked(): readonly string[] {
    return [...this.#askers.values()]
  }

  #execute(words: Words): string[] {
    switch (words.verb) {
      case 'settings':
        return this.#configure(words)
      case 'advance':
        return this.#advance(Number(words.names[0]))
      case 'restart':
        return this.#restart()
      case 'parked':
        return [this.parked.length === 0 ? 'nobody waits' : `${this.parked.join(', ')} wait`]
      default: {
        const ticket = ++this.#lastTicket
        const { event, asker } = this.#eventOf(words, ticket)
        this.#askers.set(ticket, asker)
        return this.#print(this.#machine.step(event, this.#now()))
      }
    }
  }

  #configure({ options }: Words): string[] {
    const changed = Object.fromEntries([...options].map(([name, value]) => [name, Number(value)]))
    this.#settings = { ...this.#settings, ...changed }
    // As configs do, they count from the next start on; a run that has not begun starts with them.
    if (this.#lastTicket > 0) return []
    this.#machine = new GroupMachine(this.#settings)
    return this.#print(this.#machine.loaded(this.#now()))
  }

  #advance(delayMs: number): string[] {
    const lines: string[] = []
    const endMs = this.#nowMs + delayMs
    while (this.#deadlineMs !== null && this.#deadlineMs <= endMs) {
      this.#nowMs = Math.max(this.#nowMs, this.#deadlineMs)
      const trace = this.#print(this.#machine.tick(this.#now()))
      if (trace.length > 0) lines.push(`at ${this.#nowMs}`, ...trace)
    }
    this.#nowMs = endMs
    return lines
  }

  #restart(): string[] {
    this.#machine = new GroupMachine(this.#settings)
    this.#askers.clear()
    for (const record of this.#log) {
      const { key, value } = encodeGroupRecord(record)
      const decoded = decodeGroupRecord(key, value)
      if (decoded !== null) this.#machine.replay(decoded)
    }
    return this.#print(this.#machine.loaded(this.#now()))
  }

  #eventOf(words: Words, ticket: number): { event: GroupEvent; asker: string } {
    const { verb, names, options } = words
    const groupId = options.get('group') ?? 'g'
    const groupInstanceId = options.get('instance') ?? null
    const generationId = Number(options.get('generation') ?? -1)
    const memberId = names[0] ?? ''
    const whose = { ticket, groupId, memberId, groupInstanceId, generationId }
    switch (verb) {
      case 'join':
        return { event: this.#join(words, ticket, groupId), asker: `join ${memberId}` }
      case 'sync':
        return {
          event: {
            ...whose,
            type: 'sync',
            protocolType: options.get('type') ?? null,
            protocolName: options.get('protocol') ?? null,
            assignments: pairsOf(options.get('assign')).map(([member, assignment]) => ({
              memberId: member,
              assignment: Buffer.from(assignment)
            }))
          },
          asker: `sync ${memberId}`
        }
      case 'heartbeat':
        return { event: { ...whose, type: 'heartbeat' }, asker: `heartbeat ${memberId}` }
      case 'leave':
        return { event: { type: 'leave', ticket, groupId, members: leaving(names) }, asker: verb }
      case 'commit':
        return { event: commitOf(words, whose), asker: verb }
      case 'fetch':
        return {
          event: {
            type: 'offsetFetch',
            ticket,
            groupId,
            topics:
              names.length === 0
                ? null
                : names.map(name => {
                    const { topic, partition } = partitionOf(name)
                    const topicId = options.get('topicId') ?? zeroUuid
                    return { topic, topicId, partitions: [partition] }
                  })
          },
          asker: verb
        }
      case 'delete-offsets':
        return {
          event: {
            type: 'offsetDelete',
            ticket,
            groupId,
            topics: names.map(name => {
              const { topic, partition } = partitionOf(name)
              return { topic, partitions: [partition] }
            })
          },
          asker: verb
        }
      case 'topic-gone': {
        const isGone = (topic: string): boolean => topic === names[0]
        return { event: { type: 'topicsGone', isGone }, asker: verb }
      }
      case 'delete-groups':
        return { event: { type: 'deleteGroups', ticket, groupIds: names }, asker: verb }
      case 'describe':
        return { event: { type: 'describe', ticket, groupId }, asker: verb }
      case 'list': {
        const states = wordsIn(options.get('states'))
        return {
          event: { type: 'list', ticket, states, types: wordsIn(options.get('types')) },
          asker: verb
        }
      }
      default:
        throw new Error(`unknown command: ${verb}`)
    }
  }

  #join({ names, options }: Words, ticket: number, groupId: string): GroupEvent {
    const groupInstanceId = options.get('instance') ?? null
    const [clientId = ''] = names
    const version = Number(options.get('version') ?? 5)
    const sessionTimeoutMs = Number(options.get('session') ?? 10_000)
    return {
      type: 'join',
      ticket,
      groupId,
      memberId: options.get('memberId') ?? '',
      newMemberId: options.has('memberId') ? 'unused' : this.#newId(groupInstanceId ?? clientId),
      groupInstanceId,
      clientId,
      clientHost: '/127.0.0.1',
      sessionTimeoutMs,
      rebalanceTimeoutMs: Number(options.get('rebalance') ?? 60_000),
      protocolType: options.get('type') ?? 'consumer',
      protocols: protocolsOf(options.get('protocols') ?? 'range'),
      reason: null,
      needsKnownMemberId: version >= 4,
      canSkipAssignment: version >= 9
    }
  }

  #newId(prefix: string): string {
    const count = (this.#idsGiven.get(prefix) ?? 0) + 1
    this.#idsGiven.set(prefix, count)
    return `${prefix}-${count}`
  }

  #print(effects: Effects<GroupRecord, GroupReply>): string[] {
    this.#log.push(...effects.records)
    this.#deadlineMs = effects.deadlineMs
    return [
      ...effects.notes.map(printNote),
      ...effects.records.map(printRecord),
      ...effects.replies.map(answered => this.#printReply(answered))
    ]
  }

  #printReply({ ticket, reply }: Answered<GroupReply>): string {
    const asker = this.#askers.get(ticket)
    if (asker === undefined) throw new Error(`ticket ${ticket} is answered twice`)
    this.#askers.delete(ticket)
    return `${asker} <- ${printReply(reply)}`
  }

  /** Of the groups; that offsets are looked at from time to time is not told. */
  #nextDeadline(): number | null {
    const deadlines = [...this.#machine.groups.values()].flatMap(group => group.deadlineMs ?? [])
    return deadlines.length === 0 ? null : Math.min(...deadlines)
  }

  #now(): Moment {
    return { monotonicMs: this.#nowMs, wallMs: wallStartMs + this.#nowMs }
  }
}

function commitOf(
  { names, options }: Words,
  whose: { ticket: number; groupId: string; groupInstanceId: string | null; generationId: number }
): GroupEvent {
  const committed = [...options].filter(([name]) => /-\d+$/.test(name))
  return {
    ...whose,
    type: 'offsetCommit',
    memberId: names[0] ?? '',
    retentionTimeMs: Number(options.get('retention') ?? -1),
    topics: committed.map(([name, offset]) => {
      const { topic, partition } = partitionOf(name)
      return {
        topic,
        topicId: options.get('topicId') ?? zeroUuid,
        partitions: [
          {
            partition,
            committedOffset: BigInt(offset),
            committedLeaderEpoch: Number(options.get('epoch') ?? -1),
            metadata: 'm'.repeat(Number(options.get('metadataLength') ?? 0)),
            commitTimestampMs: Number(options.get('timestamp') ?? -1)
          }
        ]
      }
    }),
    apiVersion: Number(options.get('version') ?? 8)
  }
}

/**
 * `range:orders,sticky` is two protocols; the topics after the colon, with `+` between, are
 * subscribed to.
 */
function protocolsOf(text: string): readonly Protocol[] {
  if (text === 'none') return []
  return text.split(',').map(word => {
    const [name = '', topics = ''] = word.split(':')
    return { name, metadata: topics === 'junk' ? Buffer.from([9]) : subscription(topics) }
  })
}

function subscription(topics: string): Buffer {
  const writer = new Writer(64)
  writer.int16(0)
  const subscribed: ConsumerProtocolSubscriptionInit = {
    topics: topics === '' ? [] : topics.split('+')
  }
  writeConsumerProtocolSubscription(writer, subscribed, 0)
  return Buffer.concat(writer.takeChunks())
}

function pairsOf(text: string | undefined): ReadonlyArray<readonly [string, string]> {
  return wordsIn(text).map(pair => {
    const [name = '', value = ''] = pair.split(':')
    return [name, value] as const
  })
}

function wordsIn(text: string | undefined): readonly string[] {
  return text === undefined || text === '' ? [] : text.split(',')
}

function partitionOf(name: string): { topic: string; partition: number } {
  const at = name.lastIndexOf('-')
  return { topic: name.slice(0, at), partition: Number(name.slice(at + 1)) }
}

/** `m1-1` leaves as a member, `@i1` as the holder of an instance id, `m1-1@i1` as both. */
function leaving(names: readonly string[]) {
  return names.map(name => {
    const [memberId = '', groupInstanceId = null] = name.split('@')
    return { memberId, groupInstanceId, reason: null }
  })
}
