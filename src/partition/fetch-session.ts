import { failure, success } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import type { Random } from '../io/random.ts'
import { fetchSessionEvictionMs, fetchSessionPartitionsMax } from '../limits.ts'
import type { ErrorName } from '../wire/generated/errors.ts'

/**
 * What a fetch asks of one partition. Named by `topic` up to version 12, by `topicId` from 13 on.
 */
export interface FetchPartition {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly fetchOffset: number
  readonly partitionMaxBytes: number
  readonly currentLeaderEpoch: number
}

/** A partition that an incremental fetch wants no longer. */
export interface ForgottenPartition {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
}

export interface FetchSessionRequest {
  /** 0 without a session. */
  readonly sessionId: number
  /**
   * -1 asks for no session and ends the one named, 0 for a new one, above for the next fetch of the
   * one named.
   */
  readonly sessionEpoch: number
  /** Version 13 and above. */
  readonly usesTopicIds: boolean
  readonly partitions: readonly FetchPartition[]
  readonly forgotten: readonly ForgottenPartition[]
}

/** What matters to a session of the answer for one partition. */
export interface FetchOutcome {
  /** Null when it could be read. */
  readonly error: ErrorName | null
  /** Bytes of records. */
  readonly size: number
  readonly highWatermark: number
  readonly logStartOffset: number
}

export interface FetchAnswer {
  /** 0 when there is no session (any more). */
  readonly sessionId: number
  /** Indexes of the partitions to be answered, ascending; null: all of them. */
  readonly included: readonly number[] | null
}

export type FetchSessionError =
  'FETCH_SESSION_ID_NOT_FOUND' | 'INVALID_FETCH_SESSION_EPOCH' | 'FETCH_SESSION_TOPIC_ID_ERROR'

/**
 * One fetch on its way: which partitions it is about, and in the end which of them the client has
 * to hear of.
 */
export interface FetchContext {
  readonly partitions: readonly FetchPartition[]
  /**
   * Takes what was found, in the order of `partitions`, and says what to answer. To be called once.
   *
   * @returns INVALID_FETCH_SESSION_EPOCH when another fetch of the same session has come in between
   */
  answer(
    outcomes: readonly FetchOutcome[],
    nowMs: number
  ): Result<FetchAnswer, 'INVALID_FETCH_SESSION_EPOCH'>
}

interface CachedPartition {
  request: FetchPartition
  /** As last answered; -1 when the client has to hear of the partition in any case. */
  highWatermark: number
  logStartOffset: number
}

interface FetchSession {
  readonly sessionId: number
  readonly usesTopicIds: boolean
  readonly createdMs: number
  lastUsedMs: number
  /** Of the next request. */
  epoch: number
  /** By topic and partition, in the order in which they are read. */
  readonly partitions: Map<string, CachedPartition>
}

const finalEpoch = -1
const initialEpoch = 0

/**
 * Fetch sessions (KIP-227): the client names its partitions once, then only what changes, and hears
 * only of partitions that have something new. Pure but for the source of ids. Kafka: FetchManager,
 * FetchSessionCache. Kafka's privileged sessions are those of replica fetchers, which have no place
 * here.
 */
export class FetchSessions {
  readonly #random: Random
  readonly #countMax: number
  /** Longest unused first. */
  readonly #sessions = new Map<number, FetchSession>()
  #partitionCount = 0

  /** @param options `countMax` may be 0. Kafka: max.incremental.fetch.session.cache.slots */
  constructor(options: { readonly random: Random; readonly countMax: number }) {
    this.#random = options.random
    this.#countMax = options.countMax
  }

  get count(): number {
    return this.#sessions.size
  }

  /** Partitions remembered, over all sessions. */
  get partitionCount(): number {
    return this.#partitionCount
  }

  /**
   * Begins a fetch.
   *
   * @param nowMs monotonic
   * @returns FETCH_SESSION_ID_NOT_FOUND for a session that has ended or was evicted,
   *   INVALID_FETCH_SESSION_EPOCH for one whose turn it is not, FETCH_SESSION_TOPIC_ID_ERROR when
   *   names and ids of topics are mixed in one
   */
  begin(request: FetchSessionRequest, nowMs: number): Result<FetchContext, FetchSessionError> {
    const { sessionId, sessionEpoch } = request
    if (sessionEpoch === initialEpoch || sessionEpoch === finalEpoch) {
      const known = this.#sessions.get(sessionId)
      if (known !== undefined) this.#remove(known)
      if (sessionEpoch === finalEpoch) return success(sessionless(request.partitions))
      return success(this.#fullFetch(request))
    }
    const session = this.#sessions.get(sessionId)
    if (session === undefined) return failure('FETCH_SESSION_ID_NOT_FOUND')
    if (session.epoch !== sessionEpoch) {
      const detail = `epoch ${session.epoch} comes next in session ${sessionId}`
      return failure('INVALID_FETCH_SESSION_EPOCH', detail)
    }
    if (session.usesTopicIds !== request.usesTopicIds) {
      return failure('FETCH_SESSION_TOPIC_ID_ERROR')
    }
    this.#update(session, request)
    if (session.partitions.size === 0) {
      this.#remove(session)
      return success(sessionless(request.partitions))
    }
    if (this.#partitionCount > fetchSessionPartitionsMax) {
      // It has outgrown what all sessions may hold: the client starts anew, and gets a session only
      // if there is room.
      this.#remove(session)
      return failure('FETCH_SESSION_ID_NOT_FOUND')
    }
    this.#touch(session, nowMs)
    session.epoch = nextEpoch(session.epoch)
    return success(incrementalFetch(session))
  }

  /** Every partition is answered, and becomes a session if there is room for one. */
  #fullFetch(request: FetchSessionRequest): FetchContext {
    const { partitions, usesTopicIds } = request
    return {
      partitions,
      answer: (outcomes, nowMs) => {
        const cached = new Map<string, CachedPartition>()
        for (const [index, each] of partitions.entries()) {
          const { highWatermark, logStartOffset } = outcomes[index]!
          cached.set(keyOf(each), { request: each, highWatermark, logStartOffset })
        }
        if (!this.#makeRoom(cached.size, nowMs)) return success({ sessionId: 0, included: null })
        const session = {
          sessionId: this.#newSessionId(),
          usesTopicIds,
          createdMs: nowMs,
          lastUsedMs: nowMs,
          epoch: nextEpoch(initialEpoch),
          partitions: cached
        }
        this.#sessions.set(session.sessionId, session)
        this.#partitionCount += cached.size
        return success({ sessionId: session.sessionId, included: null })
      }
    }
  }

  #update(session: FetchSession, request: FetchSessionRequest): void {
    const { partitions } = session
    const before = partitions.size
    for (const each of request.partitions) {
      const key = keyOf(each)
      const known = partitions.get(key)
      if (known !== undefined) known.request = each
      else partitions.set(key, { request: each, highWatermark: -1, logStartOffset: -1 })
    }
    for (const each of request.forgotten) partitions.delete(keyOf(each))
    this.#partitionCount += partitions.size - before
  }

  #touch(session: FetchSession, nowMs: number): void {
    session.lastUsedMs = nowMs
    this.#sessions.delete(session.sessionId)
    this.#sessions.set(session.sessionId, session)
  }

  #remove(session: FetchSession): void {
    this.#sessions.delete(session.sessionId)
    this.#partitionCount -= session.partitions.size
  }

  /**
   * Whether a session of `size` partitions may be made, for which another may have to go: one that
   * has not been used for two minutes, or the smallest of those that are as old, if it is smaller
   * than the new one.
   */
  #makeRoom(size: number, nowMs: number): boolean {
    for (;;) {
      const isCrowded = this.#partitionCount + size > fetchSessionPartitionsMax
      if (this.#sessions.size < this.#countMax && !isCrowded) return true
      const victim = this.#victim(size, nowMs)
      if (victim === null) return false
      this.#remove(victim)
    }
  }

  #victim(size: number, nowMs: number): FetchSession | null {
    let smallest: FetchSession | null = null
    for (const session of this.#sessions.values()) {
      if (nowMs - session.lastUsedMs > fetchSessionEvictionMs) return session
      if (nowMs - session.createdMs <= fetchSessionEvictionMs) continue
      if (smallest === null || session.partitions.size < smallest.partitions.size) {
        smallest = session
      }
    }
    return smallest !== null && smallest.partitions.size < size ? smallest : null
  }

  /** Positive and not in use: 0 stands for no session. */
  #newSessionId(): number {
    for (;;) {
      const sessionId = this.#random.bytes(4).readUInt32BE() >>> 1
      if (sessionId !== 0 && !this.#sessions.has(sessionId)) return sessionId
    }
  }
}

function sessionless(partitions: readonly FetchPartition[]): FetchContext {
  return { partitions, answer: () => success({ sessionId: 0, included: null }) }
}

function incrementalFetch(session: FetchSession): FetchContext {
  const cached = [...session.partitions]
  const epoch = session.epoch
  return {
    partitions: cached.map(([, each]) => each.request),
    answer: outcomes => {
      if (session.epoch !== epoch) return failure('INVALID_FETCH_SESSION_EPOCH')
      const included: number[] = []
      for (const [index, outcome] of outcomes.entries()) {
        const [key, partition] = cached[index]!
        if (!hasNews(partition, outcome)) continue
        included.push(index)
        // An error is told again until it is over, and then the partition once more.
        partition.highWatermark = outcome.error === null ? outcome.highWatermark : -1
        partition.logStartOffset = outcome.logStartOffset
        if (outcome.size > 0) moveToEnd(session, key, partition)
      }
      return success({ sessionId: session.sessionId, included })
    }
  }
}

function hasNews(known: CachedPartition, outcome: FetchOutcome): boolean {
  return (
    outcome.size > 0 ||
    outcome.error !== null ||
    outcome.highWatermark !== known.highWatermark ||
    outcome.logStartOffset !== known.logStartOffset
  )
}

/**
 * Who got records goes to the end of the line, so that busy partitions do not starve the others.
 */
function moveToEnd(session: FetchSession, key: string, partition: CachedPartition): void {
  session.partitions.delete(key)
  session.partitions.set(key, partition)
}

function nextEpoch(epoch: number): number {
  return epoch === 0x7fff_ffff ? 1 : epoch + 1
}

/** No topic name and no id contains a colon, and only one of the two is set. */
function keyOf(partition: ForgottenPartition): string {
  return `${partition.topic}:${partition.topicId}:${partition.partition}`
}
