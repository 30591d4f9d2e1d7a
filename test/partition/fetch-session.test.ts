import { expect, test } from 'vitest'
import * as fc from 'fast-check'
import { seededRandom } from '../../src/io/seeded-random.ts'
import { fetchSessionEvictionMs } from '../../src/limits.ts'
import { FetchSessions } from '../../src/partition/fetch-session.ts'
import type {
  FetchOutcome,
  FetchPartition,
  FetchSessionRequest
} from '../../src/partition/fetch-session.ts'

const zeroUuid = 'AAAAAAAAAAAAAAAAAAAAAA'

const fetchSessionsMax = 20

function sessions(countMax = fetchSessionsMax): FetchSessions {
  return new FetchSessions({ random: seededRandom(1), countMax })
}

function asked(name: string, fetchOffset = 0): FetchPartition {
  const [topic = '', partition = '0'] = name.split('-')
  return {
    topic,
    topicId: zeroUuid,
    partition: Number(partition),
    fetchOffset,
    partitionMaxBytes: 1000,
    currentLeaderEpoch: -1
  }
}

function nameOf({ topic, partition }: FetchPartition): string {
  return `${topic}-${partition}`
}

function request(options: Partial<FetchSessionRequest>): FetchSessionRequest {
  return {
    sessionId: 0,
    sessionEpoch: 0,
    usesTopicIds: false,
    partitions: [],
    forgotten: [],
    ...options
  }
}

const quiet: FetchOutcome = { error: null, size: 0, highWatermark: 5, logStartOffset: 0 }

interface Exchange {
  readonly error?: string
  readonly sessionId?: number
  /** All partitions that were read, in order. */
  readonly read?: string[]
  /** Those of them in the answer. */
  readonly told?: string[]
}

/** One whole fetch; `outcomes` are by name, `quiet` where left out. */
function exchange(
  cache: FetchSessions,
  options: Partial<FetchSessionRequest>,
  outcomes: Readonly<Record<string, FetchOutcome>> = {},
  nowMs = 0
): Exchange {
  const begun = cache.begin(request(options), nowMs)
  if (!begun.ok) return { error: begun.error }
  const { partitions } = begun.value
  const read = partitions.map(nameOf)
  const answer = begun.value.answer(
    read.map(name => outcomes[name] ?? quiet),
    nowMs
  )
  if (!answer.ok) return { error: answer.error }
  const { sessionId, included } = answer.value
  return { sessionId, read, told: included?.map(index => read[index]!) ?? read }
}

test('session id 0 with epoch -1 is no session, and everything is answered', () => {
  const cache = sessions()
  const fetch = exchange(cache, { sessionEpoch: -1, partitions: [asked('a-0'), asked('a-1')] })
  expect(fetch).toEqual({ sessionId: 0, read: ['a-0', 'a-1'], told: ['a-0', 'a-1'] })
  expect(cache.count).toBe(0)
})

test('the fetches of a session name only what changes and hear only of news', () => {
  const cache = sessions()
  const full = exchange(cache, { partitions: [asked('a-0'), asked('a-1'), asked('b-0')] })
  expect(full.told).toEqual(['a-0', 'a-1', 'b-0'])
  const sessionId = full.sessionId!
  expect(sessionId).toBeGreaterThan(0)

  expect(exchange(cache, { sessionId, sessionEpoch: 1 })).toEqual({
    sessionId,
    read: ['a-0', 'a-1', 'b-0'],
    told: []
  })
  const withData = exchange(
    cache,
    { sessionId, sessionEpoch: 2 },
    { 'a-0': { ...quiet, size: 10 }, 'b-0': { ...quiet, highWatermark: 6 } }
  )
  expect(withData.told).toEqual(['a-0', 'b-0'])
  const next = exchange(cache, {
    sessionId,
    sessionEpoch: 3,
    partitions: [asked('c-0')],
    forgotten: [asked('a-1')]
  })
  expect(next.read).toEqual(['b-0', 'a-0', 'c-0'])
  expect(next.told).toEqual(['b-0', 'c-0'])
  expect(cache.partitionCount).toBe(3)
})

test('an error is told every time, and the partition once more when it is over', () => {
  const cache = sessions()
  const { sessionId = 0 } = exchange(cache, { partitions: [asked('a-0')] })
  const failed: FetchOutcome = {
    error: 'OFFSET_OUT_OF_RANGE',
    size: 0,
    highWatermark: -1,
    logStartOffset: -1
  }
  for (const sessionEpoch of [1, 2]) {
    const fetch = exchange(cache, { sessionId, sessionEpoch }, { 'a-0': failed })
    expect(fetch.told).toEqual(['a-0'])
  }
  expect(exchange(cache, { sessionId, sessionEpoch: 3 }).told).toEqual(['a-0'])
  expect(exchange(cache, { sessionId, sessionEpoch: 4 }).told).toEqual([])
})

test('a changed log start offset is news', () => {
  const cache = sessions()
  const { sessionId = 0 } = exchange(cache, { partitions: [asked('a-0')] })
  const moved = { ...quiet, logStartOffset: 3 }
  expect(exchange(cache, { sessionId, sessionEpoch: 1 }, { 'a-0': moved }).told).toEqual(['a-0'])
})

test('a fetch of the session changes the offsets that later fetches read from', () => {
  const cache = sessions()
  const { sessionId = 0 } = exchange(cache, { partitions: [asked('a-0', 1)] })
  exchange(cache, { sessionId, sessionEpoch: 1, partitions: [asked('a-0', 7)] })
  const begun = cache.begin(request({ sessionId, sessionEpoch: 2 }), 0)
  expect(begun.ok && begun.value.partitions.map(each => each.fetchOffset)).toEqual([7])
})

test('an unknown session is 70, a wrong epoch 71, names in a session of ids 106', () => {
  const cache = sessions()
  expect(exchange(cache, { sessionId: 5, sessionEpoch: 1 }).error).toBe(
    'FETCH_SESSION_ID_NOT_FOUND'
  )
  const { sessionId = 0 } = exchange(cache, { partitions: [asked('a-0')], usesTopicIds: true })
  const ids = { sessionId, usesTopicIds: true }
  expect(exchange(cache, { ...ids, sessionEpoch: 2 }).error).toBe('INVALID_FETCH_SESSION_EPOCH')
  expect(exchange(cache, { sessionId, sessionEpoch: 1 }).error).toBe('FETCH_SESSION_TOPIC_ID_ERROR')
  expect(exchange(cache, { ...ids, sessionEpoch: 1 }).sessionId).toBe(sessionId)
})

test('of two fetches of one session at a time the first to begin is refused', () => {
  const cache = sessions()
  const { sessionId = 0 } = exchange(cache, { partitions: [asked('a-0')] })
  const first = cache.begin(request({ sessionId, sessionEpoch: 1 }), 0)
  const second = cache.begin(request({ sessionId, sessionEpoch: 2 }), 0)
  if (!first.ok || !second.ok) throw new Error('both fetches have begun')
  expect(first.value.answer([quiet], 0)).toMatchObject({ error: 'INVALID_FETCH_SESSION_EPOCH' })
  expect(second.value.answer([quiet], 0)).toMatchObject({ ok: true })
})

test('a full fetch ends the session it names; epoch -1 makes no new one', () => {
  const cache = sessions()
  const { sessionId = 0 } = exchange(cache, { partitions: [asked('a-0')] })
  const renewed = exchange(cache, { sessionId, sessionEpoch: 0, partitions: [asked('a-0')] })
  expect(renewed.sessionId).not.toBe(sessionId)
  expect(cache.count).toBe(1)
  exchange(cache, { sessionId: renewed.sessionId!, sessionEpoch: -1 })
  expect([cache.count, cache.partitionCount]).toEqual([0, 0])
})

test('a session that forgets its last partition ends', () => {
  const cache = sessions()
  const { sessionId = 0 } = exchange(cache, { partitions: [asked('a-0')] })
  const fetch = exchange(cache, { sessionId, sessionEpoch: 1, forgotten: [asked('a-0')] })
  expect(fetch).toEqual({ sessionId: 0, read: [], told: [] })
  expect(cache.count).toBe(0)
})

test('without any slot there are no sessions', () => {
  const cache = sessions(0)
  expect(exchange(cache, { partitions: [asked('a-0')] }).sessionId).toBe(0)
  expect(cache.count).toBe(0)
})

test('without a free slot there is no session, until one is unused for two minutes', () => {
  const cache = sessions()
  const first = exchange(cache, { partitions: [asked('a-0')] })
  for (let n = 1; n < fetchSessionsMax; n++) exchange(cache, { partitions: [asked('a-0')] })
  expect(cache.count).toBe(fetchSessionsMax)
  const crowded = exchange(cache, { partitions: [asked('a-0'), asked('a-1')] })
  expect(crowded).toEqual({ sessionId: 0, read: ['a-0', 'a-1'], told: ['a-0', 'a-1'] })

  const afterMs = fetchSessionEvictionMs + 1
  const late = exchange(cache, { partitions: [asked('a-0')] }, {}, afterMs)
  expect(late.sessionId).toBeGreaterThan(0)
  expect(exchange(cache, { sessionId: first.sessionId!, sessionEpoch: 1 }, {}, afterMs).error).toBe(
    'FETCH_SESSION_ID_NOT_FOUND'
  )
})

test('a larger session evicts the smallest of the old ones, an equal one none', () => {
  const cache = sessions()
  const ids: number[] = []
  for (let n = 0; n < fetchSessionsMax; n++) {
    const partitions = n === 3 ? [asked('a-0')] : [asked('a-0'), asked('a-1')]
    ids.push(exchange(cache, { partitions }).sessionId!)
  }
  const nowMs = fetchSessionEvictionMs + 1
  for (const sessionId of ids) {
    exchange(cache, { sessionId, sessionEpoch: 1 }, {}, fetchSessionEvictionMs - 1)
  }
  expect(exchange(cache, { partitions: [asked('a-0')] }, {}, nowMs).sessionId).toBe(0)
  const partitions = [asked('a-0'), asked('a-1')]
  expect(exchange(cache, { partitions }, {}, nowMs).sessionId).toBeGreaterThan(0)
  expect(exchange(cache, { sessionId: ids[3]!, sessionEpoch: 2 }, {}, nowMs).error).toBe(
    'FETCH_SESSION_ID_NOT_FOUND'
  )
  expect(exchange(cache, { partitions }, {}, nowMs).sessionId).toBe(0)
})

test('a client of random fetches always knows what it would know without a session', () => {
  const names = ['a-0', 'a-1', 'b-0', 'b-1', 'c-0']
  const step = fc.record({
    add: fc.subarray(names),
    forget: fc.subarray(names),
    moves: fc.subarray(names),
    fails: fc.subarray(names),
    data: fc.subarray(names)
  })
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), steps => {
      const cache = sessions()
      const watermarks = new Map(names.map(name => [name, 0]))
      /** What the client has been told of each partition it is interested in; null: nothing yet. */
      const known = new Map<string, number | string | null>([['a-0', null]])
      const state = { sessionId: 0, sessionEpoch: 0 }
      let pending: string[] = ['a-0']
      let forgotten: string[] = []
      for (const { add, forget, moves, fails, data } of steps) {
        for (const name of moves) watermarks.set(name, watermarks.get(name)! + 1)
        const outcomes: Record<string, FetchOutcome> = {}
        for (const name of names) {
          outcomes[name] = fails.includes(name)
            ? { error: 'CORRUPT_MESSAGE', size: 0, highWatermark: -1, logStartOffset: -1 }
            : {
                error: null,
                size: data.includes(name) ? 1 : 0,
                highWatermark: watermarks.get(name)!,
                logStartOffset: 0
              }
        }
        const fetch = exchange(
          cache,
          {
            ...state,
            partitions: pending.map(name => asked(name)),
            forgotten: forgotten.map(name => asked(name))
          },
          outcomes
        )
        expect(fetch.error).toBeUndefined()
        expect(fetch.read!.toSorted()).toEqual([...known.keys()].toSorted())
        for (const name of fetch.told!) {
          const outcome = outcomes[name]!
          known.set(name, outcome.error ?? outcome.highWatermark)
        }
        for (const [name, told] of known) {
          expect(told).toBe(outcomes[name]!.error ?? outcomes[name]!.highWatermark)
          if (outcomes[name]!.size > 0) expect(fetch.told).toContain(name)
        }
        state.sessionId = fetch.sessionId!
        state.sessionEpoch++
        if (state.sessionId === 0) break
        pending = add
        forgotten = forget.filter(name => !add.includes(name) && known.has(name))
        for (const name of add) if (!known.has(name)) known.set(name, null)
        for (const name of forgotten) known.delete(name)
        if (known.size === 0) break
      }
    }),
    { numRuns: 300 }
  )
})
