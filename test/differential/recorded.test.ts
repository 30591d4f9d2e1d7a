import { describe, expect, test } from 'vitest'
import { startBroker } from '../../src/index.ts'
import { brokerConfigs } from './broker-configs.ts'
import { compareTranscripts, describeDifferences } from './compare.ts'
import { conversations } from './conversations/index.ts'
import { servedVersions } from './coverage.ts'
import { Explanations, readExplanations } from './explained.ts'
import { readGolden, recordedConversations, recordedKafkaVersion } from './golden.ts'
import { hold } from './run.ts'

const explanations = new Explanations(readExplanations())
const asked = new Set<string>()
const judged = new Set<string>()
let explainedCount = 0
let unexplainedCount = 0

describe(`odradek answers what Apache Kafka ${recordedKafkaVersion} answered`, () => {
  test.each(conversations.map(conversation => [conversation.name, conversation] as const))(
    '%s',
    async (name, conversation) => {
      const kafka = readGolden(recordedKafkaVersion, name)
      expect(kafka, 'recorded by npm run differential -- --record').not.toBeNull()
      const broker = await startBroker({ config: brokerConfigs })
      const target = { port: broker.port, patienceMs: 10_000, quietMs: 50 }
      const ours = await hold(conversation, target)
      await broker.close()
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
  const isWhole = judged.size === conversations.length
  const unused = explanations
    .unused()
    .filter(({ conversation }) => isWhole || judged.has(conversation))
  expect(unused.map(({ line, conversation, path }) => `${line}: ${conversation} ${path}`)).toEqual(
    []
  )
})

test('every version of every API that is served is asked in some conversation', () => {
  if (judged.size < conversations.length) return
  const served = servedVersions()
  const missing = served.filter(each => !asked.has(each))
  const covered = `${served.length - missing.length} of ${served.length} API versions`
  const differences = `${explainedCount} differences explained, ${unexplainedCount} unexplained`
  console.log(`${conversations.length} conversations, ${covered}, ${differences}`)
  expect(missing).toEqual([])
})

test('every recorded conversation is still held', () => {
  const names = conversations.map(({ name }) => name)
  expect(recordedConversations(recordedKafkaVersion).toSorted()).toEqual(names.toSorted())
})
