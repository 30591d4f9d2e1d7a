import { describe, expect, test } from 'vitest'
import { compareTranscripts, describeDifferences } from './compare.ts'
import { Explanations, parseExplanations } from './explained.ts'
import type { Exchange } from './talk.ts'
import { transcriptOf, type Json } from './transcript.ts'

const compared = (kafka: Json, ours: Json) =>
  compareTranscripts(new Map([['step', kafka]]), new Map([['step', ours]]))

describe('a comparison', () => {
  test('finds every field that is another, is missing or is too many', () => {
    expect(compared({ a: [1, { b: null }] }, { a: [1, { b: null }] })).toEqual([])
    expect(compared({ a: [1, 2], b: 'x' }, { a: [1, 3, 4], c: 'x' })).toEqual([
      { step: 'step', path: 'a[1]', kafka: 2, ours: 3 },
      { step: 'step', path: 'a[2]', kafka: undefined, ours: 4 },
      { step: 'step', path: 'b', kafka: 'x', ours: undefined },
      { step: 'step', path: 'c', kafka: undefined, ours: 'x' }
    ])
    expect(compared({ a: null }, { a: [] })).toHaveLength(1)
    expect(compared({ 'x.y': 1 }, { 'x.y': 2 })[0]!.path).toBe('["x.y"]')
  })

  test('finds a step that one of them does not have', () => {
    const one = new Map<string, Json>([['step', 1]])
    expect(compareTranscripts(one, new Map())).toHaveLength(1)
    expect(compareTranscripts(new Map(), one)).toHaveLength(1)
  })

  test('takes no answer for one difference, not for one in each field', () => {
    const paths = compared({ outcome: 'connection closed' }, { a: 1, b: 2 }).map(each => each.path)
    expect(paths).toEqual([''])
  })

  test('takes an error that one of them alone gives for one difference', () => {
    const good = { errorCode: 'NONE', offset: 5 }
    const differences = compared({ a: good }, { a: { errorCode: 'INVALID_REQUEST', offset: -1 } })
    expect(differences.map(each => each.path)).toEqual(['a.errorCode'])
    const two = compared({ errorCode: 'INVALID_REQUEST', x: 1 }, { errorCode: 'NOT_COORDINATOR' })
    expect(two.map(each => each.path)).toEqual(['errorCode', 'x'])
  })

  test('lets odradek give a message where Kafka refuses without one', () => {
    const silent = { errorCode: 'INVALID_REQUEST', errorMessage: null }
    expect(compared(silent, { ...silent, errorMessage: 'why' })).toEqual([])
    expect(compared({ ...silent, errorMessage: 'why' }, silent)).toHaveLength(1)
    const good = { errorCode: 'NONE', errorMessage: null }
    expect(compared(good, { ...good, errorMessage: 'why' })).toHaveLength(1)
  })

  test('leaves out the APIs that odradek does not serve, and no others', () => {
    const kafka = { apiKeys: { Produce: '3-13', UnregisterBroker: '0-0', 'key 500': '0-0' } }
    expect(compared(kafka, { apiKeys: { Produce: '3-13' } })).toEqual([])
    expect(compared(kafka, { apiKeys: {} })).toHaveLength(1)
  })

  test('is told with what versions share', () => {
    const steps = [4, 5, 6].map(version => `Fetch v${version}: at the end`)
    const kafka = new Map<string, Json>(steps.map(step => [step, { a: 1 }]))
    const ours = new Map<string, Json>(steps.map(step => [step, { a: 2 }]))
    const text = describeDifferences('fetch', compareTranscripts(kafka, ours))
    expect(text).toBe('fetch | Fetch v4 v5 v6: at the end | a\n    Kafka:   1\n    odradek: 2')
  })
})

describe('explanations', () => {
  const explanations = parseExplanations(
    [
      '# Title',
      '## A reason',
      '| Conversation | Step | Path | Kafka | odradek |',
      '|---|---|---|---|---|',
      '| fetch | Fetch v*: x | a[*].errorCode | "NONE" | * |',
      '| * | * | b | * | (not there) |'
    ].join('\n')
  )
  const difference = { step: 'Fetch v4: x', path: 'a[0].errorCode', kafka: 'NONE', ours: 'OTHER' }

  test('hold for the rows that match in every column', () => {
    const judge = (conversation: string, each: typeof difference) =>
      new Explanations(explanations).judge(conversation, [each]).explained.length
    expect(judge('fetch', difference)).toBe(1)
    expect(judge('produce', difference)).toBe(0)
    expect(judge('fetch', { ...difference, step: 'Fetch v4: xy' })).toBe(0)
    expect(judge('fetch', { ...difference, path: 'a[0]xerrorCode' })).toBe(0)
    expect(judge('fetch', { ...difference, kafka: 'OTHER' })).toBe(0)
  })

  test('that explain nothing are told', () => {
    const judge = new Explanations(explanations)
    judge.judge('fetch', [difference])
    expect(judge.unused().map(({ path, reason }) => [path, reason])).toEqual([['b', 'A reason']])
    judge.judge('x', [{ step: 's', path: 'b', kafka: 1, ours: undefined }])
    expect(judge.unused()).toEqual([])
  })

  test('of another form are refused', () => {
    expect(() => parseExplanations('| fetch | * | a | 1 |')).toThrow('five columns')
  })
})

describe('a transcript', () => {
  const context = {
    namePrefix: 'r1-talk-',
    runId: 'r1-',
    topics: [{ name: 'r1-talk-a', topicId: 'abcdefghijklmnopqrstuA' }],
    nodes: { ports: [9_092] },
    clusterId: 'cluster',
    nowMs: 1_800_000_000_000
  }
  const masked = (response: unknown, api: Exchange['api'] = 'Metadata') => {
    const exchange = { name: 'step', api, version: 1, request: {}, outcome: { response } }
    return transcriptOf([exchange], context).get('step')
  }

  test('has symbols for what a broker makes up, the same for the same', () => {
    const uuid = '123e4567-e89b-12d3-a456-426614174000'
    expect(masked({ a: `m-${uuid}`, b: uuid, producerId: 7, port: 9_092 })).toEqual({
      a: 'm-{uuid 1}',
      b: '{uuid 1}',
      producerId: '{producer id 1}',
      port: '{port}'
    })
    expect(masked({ topicId: 'abcdefghijklmnopqrstuA' })).toEqual({ topicId: '{id of talk-a}' })
    expect(masked({ timestamp: 1_800_000_000_500, other: 1_800_000_000_500 })).toEqual({
      timestamp: '{now}',
      other: 1_800_000_000_500
    })
  })

  test('leaves out what belongs to other conversations, and the order of hash maps', () => {
    const topics = ['r2-other-x', 'r1-talk-b', 'r1-talk-a'].map(name => ({ name }))
    expect(masked({ topics })).toEqual({ topics: [{ name: 'talk-a' }, { name: 'talk-b' }] })
  })

  test('names errors and keeps exact numbers', () => {
    expect(masked({ errorCode: 3, committedOffset: 2n ** 62n }, 'OffsetFetch')).toEqual({
      errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
      committedOffset: '4611686018427387904'
    })
  })
})
