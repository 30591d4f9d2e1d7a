import { describe, expect, test } from 'vitest'
import { brokerSettings } from '../../src/broker-options.ts'
import { Broker } from '../../src/broker.ts'
import { memoryFiles } from '../../src/io/memory-files.ts'
import { nodeRandom } from '../../src/io/node-random.ts'
import { compareTranscripts, describeDifferences } from './compare.ts'
import { conversations } from './conversations/index.ts'
import { recordedVersions, servedVersions, versionsOfOthers } from './coverage.ts'
import {
  errorCoverage,
  errorReport,
  possibleErrors,
  provokedErrors,
  readErrorReport,
  readUnprovoked
} from './errors.ts'
import { Explanations, readExplanations } from './explained.ts'
import { readGolden, recordedConversations, recordedKafkaVersion } from './golden.ts'
import { hold } from './run.ts'
import { setups } from './setups.ts'
import { SteppedTime } from './time.ts'
import type { Json } from './transcript.ts'
import { waitsFor } from './waiting.ts'

const held = conversations.filter(each => waitsFor(each) === null)
const explanations = new Explanations(readExplanations())
const asked = new Set<string>()
const judged = new Set<string>()
let explainedCount = 0
let unexplainedCount = 0

describe(`odradek answers what Apache Kafka ${recordedKafkaVersion} answered`, () => {
  test.each(held.map(conversation => [conversation.name, conversation] as const))(
    '%s',
    async (name, conversation) => {
      const kafka = readGolden(recordedKafkaVersion, name)
      expect(kafka, 'recorded by npm run differential -- --record').not.toBeNull()
      const time = new SteppedTime()
      const { configs } = setups[conversation.setup ?? 'plain']
      const outside = { clock: time.clock, random: nodeRandom, files: memoryFiles() }
      const broker = await Broker.start(brokerSettings({ config: configs }), outside)
      const nodes = { ports: broker.listeners.map(({ port }) => port) }
      const ours = await hold(conversation, { nodes, patienceMs: 60_000, quietMs: 50, time })
      await broker.close()
      time.stop()
      for (const each of ours.asked) asked.add(each)
      const judgement = explanations.judge(name, compareTranscripts(kafka!, ours.transcript))
      judged.add(name)
      explainedCount += judgement.explained.length
      unexplainedCount += judgement.unexplained.length
      expect(
        describeDifferences(name, judgement.unexplained),
        'differences that DIFFERENCES.md does not explain'
      ).toBe('')
    }
  )
})

test('every row of DIFFERENCES.md explains a difference that is there', () => {
  const isWhole = judged.size === held.length
  const unused = explanations
    .unused()
    .filter(({ conversation }) => isWhole || judged.has(conversation))
  expect(unused.map(({ line, conversation, path }) => `${line}: ${conversation} ${path}`)).toEqual(
    []
  )
})

test('every version of every API that is served is asked in some conversation', () => {
  if (judged.size < held.length) return
  const served = servedVersions()
  const missing = served.filter(each => !asked.has(each))
  const covered = `${served.length - missing.length} of ${served.length} API versions`
  const differences = `${explainedCount} differences explained, ${unexplainedCount} unexplained`
  console.log(`${held.length} conversations, ${covered}, ${differences}`)
  expect(missing).toEqual([])
})

test('every recorded conversation is still held', () => {
  const names = conversations.map(({ name }) => name)
  expect(recordedConversations(recordedKafkaVersion).toSorted()).toEqual(names.toSorted())
})

test('conversations that odradek cannot hold yet wait for what it does not serve', () => {
  const waiting = conversations
    .map(each => [each.name, waitsFor(each)] as const)
    .filter(([, reason]) => reason !== null)
  console.log(
    waiting.map(([name, reason]) => `${name} is not replayed: odradek has no ${reason}`).join('\n')
  )
  expect(waiting.length + held.length).toBe(conversations.length)
})

test('every version of every API that is not served yet is recorded', () => {
  const steps = readGolden(recordedKafkaVersion, 'api-versions')!
  const answer = steps.get('ApiVersions v4')
  const recorded = recordedVersions(recordedKafkaVersion)
  const others =
    isObject(answer) && isObject(answer.apiKeys) ? versionsOfOthers(answer.apiKeys) : []
  const missing = others.filter(each => !recorded.has(each))
  console.log(`${others.length - missing.length} of ${others.length} API versions not served yet`)
  expect(others.length).toBeGreaterThan(0)
  expect(missing).toEqual([])
})

function isObject(value: Json | undefined): value is { [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

describe('every error that Kafka can answer', () => {
  const possible = possibleErrors()
  const provoked = provokedErrors(recordedKafkaVersion)
  const unprovoked = readUnprovoked()
  const coverage = errorCoverage(possible, provoked, unprovoked)

  test('was provoked in a conversation, or has a reason in UNPROVOKED.md', () => {
    expect(coverage.missing).toEqual([])
    expect(coverage.needless).toEqual([])
  })

  test('stands in the definition of its API', () => {
    expect(coverage.unlisted).toEqual([])
  })

  test('stands in ERRORS.md', () => {
    const report = errorReport(recordedKafkaVersion, possible, provoked, unprovoked)
    expect(readErrorReport()).toBe(report)
  })
})
