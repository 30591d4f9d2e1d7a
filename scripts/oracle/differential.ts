import { parseArgs } from 'node:util'
import { startBroker } from '../../src/index.ts'
import { brokerConfigs, kafkaOnlyConfigs } from '../../test/differential/broker-configs.ts'
import { compareTranscripts, describeDifferences } from '../../test/differential/compare.ts'
import { conversations } from '../../test/differential/conversations/index.ts'
import { apisNotServed, servedVersions } from '../../test/differential/coverage.ts'
import { Explanations, readExplanations } from '../../test/differential/explained.ts'
import { writeGolden } from '../../test/differential/golden.ts'
import { endedEarly, hold, type Run } from '../../test/differential/run.ts'
import type { Conversation } from '../../test/differential/talk.ts'
import { defaultKafkaVersion, startKafka } from './kafka.ts'

const usage = `usage: tsx scripts/oracle/differential.ts [options]
Holds every conversation of test/differential with Apache Kafka and with an embedded odradek, and
says where their answers differ.
  --record   writes what Kafka answered to test/golden/kafka-<version>
  --only     NAME, only the conversations whose name contains it; may be repeated
  --kafka    HOST:PORT of an Apache Kafka that runs already, with the configs of
             test/differential/broker-configs.ts
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

if (values.help) console.log(usage)
else process.exitCode = await main()

async function main(): Promise<number> {
  if (values.kafka !== undefined) return compareAll(portOf(values.kafka))
  const properties = { ...brokerConfigs, ...kafkaOnlyConfigs }
  const kafka = await startKafka({ version: values.version, properties })
  try {
    return await compareAll(portOf(kafka.bootstrapServers))
  } finally {
    await kafka.stop()
  }
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1))
}

async function compareAll(kafkaPort: number): Promise<number> {
  const isWhole = values.only.length === 0
  const chosen = conversations.filter(
    ({ name }) => isWhole || values.only.some(part => name.includes(part))
  )
  const explanations = new Explanations(readExplanations())
  const asked = new Set<string>()
  const counts = { explained: 0, unexplained: 0 }
  for (const conversation of chosen) {
    const kafka = await hold(conversation, { port: kafkaPort, patienceMs: 15_000, quietMs: 500 })
    const ours = await holdWithOurs(conversation)
    for (const each of ours.asked) asked.add(each)
    report(conversation, kafka, ours, explanations, counts)
  }
  const unused = isWhole ? explanations.unused() : []
  for (const { line, conversation, step, path } of unused)
    console.log(`DIFFERENCES.md:${line} explains nothing: ${conversation} | ${step} | ${path}`)
  const missing = isWhole ? servedVersions().filter(each => !asked.has(each)) : []
  if (missing.length > 0) console.log(`not asked: ${missing.join(', ')}`)
  if (isWhole) console.log(`not served yet: ${apisNotServed().join(', ')}`)
  console.log(
    `${chosen.length} conversations, ${asked.size} API versions, ` +
      `${counts.explained} differences explained, ${counts.unexplained} unexplained`
  )
  return counts.unexplained + unused.length + missing.length === 0 ? 0 : 1
}

function report(
  { name }: Conversation,
  kafka: Run,
  ours: Run,
  explanations: Explanations,
  counts: { explained: number; unexplained: number }
): void {
  const differences = compareTranscripts(kafka.transcript, ours.transcript)
  const { explained, unexplained } = explanations.judge(name, differences)
  const early = kafka.transcript.get(endedEarly) ?? ours.transcript.get(endedEarly)
  const shown = unexplained.filter(
    each => early === undefined || (each.kafka !== undefined && each.ours !== undefined)
  )
  if (shown.length > 0) console.log(describeDifferences(name, shown))
  if (early !== undefined) console.log(`${name} ended early: ${JSON.stringify(early)}`)
  if (values.record && !kafka.transcript.has(endedEarly))
    writeGolden(values.version, name, kafka.transcript)
  counts.explained += explained.length
  counts.unexplained += unexplained.length
  console.error(
    `${name}: ${kafka.transcript.size} steps, ` +
      `${explained.length} differences explained, ${unexplained.length} unexplained`
  )
}

/** A broker of our own for each conversation, as the recorded test does. */
async function holdWithOurs(conversation: Conversation): Promise<Run> {
  const broker = await startBroker({ config: brokerConfigs })
  try {
    return await hold(conversation, { port: broker.port, patienceMs: 10_000, quietMs: 50 })
  } finally {
    await broker.close()
  }
}
