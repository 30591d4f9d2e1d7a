import { parseArgs } from 'node:util'
import { startBroker } from '../../src/index.ts'
import { compareTranscripts, describeDifferences } from '../../test/differential/compare.ts'
import { conversations } from '../../test/differential/conversations/index.ts'
import { apisNotServed, servedVersions } from '../../test/differential/coverage.ts'
import {
  errorCoverage,
  errorReport,
  ofServed,
  possibleErrors,
  provokedErrors,
  readUnprovoked,
  writeErrorReport
} from '../../test/differential/errors.ts'
import { Explanations, readExplanations } from '../../test/differential/explained.ts'
import { writeGolden } from '../../test/differential/golden.ts'
import { endedEarly, hold, type Run } from '../../test/differential/run.ts'
import { setups, type Setup } from '../../test/differential/setups.ts'
import type { Conversation, Nodes } from '../../test/differential/talk.ts'
import { waitsFor } from '../../test/differential/waiting.ts'
import { interruption } from './interruption.ts'
import { defaultKafkaVersion, startKafka } from './kafka.ts'

const usage = `usage: tsx scripts/oracle/differential.ts [options]
Holds every conversation of test/differential with Apache Kafka and with an embedded odradek, and
says where their answers differ. What odradek cannot hold yet is held with Kafka alone.
  --record   writes what Kafka answered to test/golden/kafka-<version>, and ERRORS.md
  --only     NAME, only the conversations whose name contains it; may be repeated
  --kafka    HOST:PORT of an Apache Kafka that runs already, set up as test/differential/setups.ts
             says under plain; conversations of other setups are left out
  --version  the release of Kafka to start`

const { values } = parseArgs({
  options: {
    record: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    kafka: { type: 'string' },
    version: { type: 'string', default: defaultKafkaVersion },
    help: { type: 'boolean', default: false }
  }
})

const explanations = new Explanations(readExplanations())
const asked = new Set<string>()
const counts = { explained: 0, unexplained: 0, endedEarly: 0 }
const waiting: string[] = []

if (values.help) console.log(usage)
else process.exitCode = await main()

async function main(): Promise<number> {
  const isWhole = values.only.length === 0 && values.kafka === undefined
  const chosen = conversations.filter(
    ({ name }) => values.only.length === 0 || values.only.some(part => name.includes(part))
  )
  const signal = interruption()
  for (const setup of Object.values(setups)) {
    const ofSetup = chosen.filter(each => (each.setup ?? 'plain') === setup.name)
    if (ofSetup.length > 0) await holdAll(setup, ofSetup, signal)
  }
  return summarize(chosen.length, isWhole)
}

/** Starts Kafka as the setup says, and holds its conversations one after another. */
async function holdAll(
  setup: Setup,
  chosen: readonly Conversation[],
  signal: AbortSignal
): Promise<void> {
  if (values.kafka !== undefined) {
    const ports = [Number(values.kafka.slice(values.kafka.lastIndexOf(':') + 1))]
    if (setup.name === 'plain')
      for (const conversation of chosen) await compare(conversation, setup, { ports })
    return
  }
  const kafka = await startKafka({
    version: values.version,
    nodes: setup.nodes,
    secured: setup.secured,
    properties: { ...setup.configs, ...setup.kafkaConfigs },
    features: setup.kafkaFeatures,
    javaOptions: ['-Xmx512m'],
    signal
  })
  try {
    for (const conversation of chosen) {
      signal.throwIfAborted()
      await compare(conversation, setup, kafka)
    }
  } finally {
    await kafka.stop()
  }
}

async function compare(conversation: Conversation, setup: Setup, nodes: Nodes): Promise<void> {
  const { name } = conversation
  const kafka = await hold(conversation, { nodes, patienceMs: 15_000, quietMs: 500 })
  const early = kafka.transcript.get(endedEarly)
  if (early !== undefined) {
    counts.endedEarly++
    console.log(`${name} ended early with Kafka: ${JSON.stringify(early)}`)
  } else if (values.record) writeGolden(values.version, name, kafka.transcript)
  const reason = waitsFor(conversation)
  if (reason !== null) {
    waiting.push(`${name} (${reason})`)
    console.error(`${name}: ${kafka.transcript.size} steps, waits for ${reason}`)
    return
  }
  const ours = await holdWithOurs(conversation, setup)
  for (const each of ours.asked) asked.add(each)
  report(name, kafka, ours)
}

function report(name: string, kafka: Run, ours: Run): void {
  const differences = compareTranscripts(kafka.transcript, ours.transcript)
  const { explained, unexplained } = explanations.judge(name, differences)
  const early = kafka.transcript.has(endedEarly) || ours.transcript.has(endedEarly)
  const shown = unexplained.filter(
    each => !early || (each.kafka !== undefined && each.ours !== undefined)
  )
  if (shown.length > 0) console.log(describeDifferences(name, shown))
  if (ours.transcript.has(endedEarly))
    console.log(`${name} ended early: ${JSON.stringify(ours.transcript.get(endedEarly))}`)
  counts.explained += explained.length
  counts.unexplained += unexplained.length
  console.error(
    `${name}: ${kafka.transcript.size} steps, ` +
      `${explained.length} differences explained, ${unexplained.length} unexplained`
  )
}

/** Says what the whole came to; 0 when nothing is left to be explained. */
function summarize(conversationCount: number, isWhole: boolean): number {
  const unused = isWhole ? explanations.unused() : []
  for (const { line, conversation, step, path } of unused)
    console.log(`DIFFERENCES.md:${line} explains nothing: ${conversation} | ${step} | ${path}`)
  const missing = isWhole ? servedVersions().filter(each => !asked.has(each)) : []
  if (missing.length > 0) console.log(`not asked: ${missing.join(', ')}`)
  if (isWhole) console.log(`not served yet: ${apisNotServed().join(', ')}`)
  if (waiting.length > 0) console.log(`held with Kafka alone: ${waiting.join('; ')}`)
  console.log(
    `${conversationCount} conversations, ${waiting.length} of them with Kafka alone; ` +
      `${coveredText()}, ` +
      `${counts.explained} differences explained, ${counts.unexplained} unexplained`
  )
  const errorFaults = summarizeErrors()
  const faults =
    counts.unexplained + counts.endedEarly + unused.length + missing.length + errorFaults
  return faults === 0 ? 0 : 1
}

/** How many of the API versions that odradek serves were asked. */
function coveredText(): string {
  const served = servedVersions()
  return `${served.filter(each => asked.has(each)).length} of ${served.length} API versions`
}

/** Says which errors the recording holds, and writes ERRORS.md when asked to record. */
function summarizeErrors(): number {
  const possible = possibleErrors()
  const provoked = provokedErrors(values.version)
  const unprovoked = readUnprovoked()
  if (values.record) writeErrorReport(errorReport(values.version, possible, provoked, unprovoked))
  const all = errorCoverage(possible, provoked, unprovoked)
  const served = errorCoverage(ofServed(possible), ofServed(provoked), [])
  for (const each of all.unlisted) console.log(`provoked and not in protocol/apis: ${each}`)
  for (const each of all.missing) console.log(`neither provoked nor in UNPROVOKED.md: ${each}`)
  for (const each of all.needless) console.log(`needless in UNPROVOKED.md: ${each}`)
  const openCount = unprovoked.filter(({ reason }) => reason === 'Not provoked yet').length
  const provokableCount = all.provokedCount + openCount + all.missing.length
  console.log(
    `errors provoked: ${all.provokedCount} of ${provokableCount} that can be, and of ` +
      `${all.possibleCount} that Kafka knows; ${served.provokedCount} of ${served.possibleCount} ` +
      `of the APIs that odradek serves`
  )
  return all.unlisted.length + all.missing.length + all.needless.length
}

/** A broker of our own for each conversation, as the recorded test does. */
async function holdWithOurs(conversation: Conversation, setup: Setup): Promise<Run> {
  const broker = await startBroker({ config: setup.configs })
  try {
    const nodes = { ports: [broker.port] }
    return await hold(conversation, { nodes, patienceMs: 10_000, quietMs: 50 })
  } finally {
    await broker.close()
  }
}
