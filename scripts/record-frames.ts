import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts, startKafka } from './oracle/kafka.ts'
import { startRecordingProxy } from './oracle/recording-proxy.ts'
import type { Scenario } from './oracle/scenario.ts'
import { kafkajsScenarios } from './oracle/scenarios-kafkajs.ts'
import { kcatScenarios } from './oracle/scenarios-kcat.ts'
import { platformaticScenarios } from './oracle/scenarios-platformatic.ts'

// Records what real clients and Apache Kafka say to each other: one file of JSON lines for each
// client and scenario, into test/golden/frames. `tsx scripts/record-frames.ts [client]...`

const clients: Readonly<Record<string, Readonly<Record<string, Scenario>>>> = {
  kafkajs: kafkajsScenarios,
  kcat: kcatScenarios,
  platformatic: platformaticScenarios
}

const output = fileURLToPath(new URL('../test/golden/frames', import.meta.url))
const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(clients)

const [proxyPort] = await freePorts(1)
const kafka = await startKafka({ advertisedPort: proxyPort! })
const kafkaPort = Number(kafka.bootstrapServers.split(':')[1])
const proxy = await startRecordingProxy(proxyPort!, kafkaPort)
try {
  for (const client of wanted) {
    await mkdir(path.join(output, client), { recursive: true })
    for (const [name, scenario] of Object.entries(clients[client]!)) {
      proxy.begin()
      await scenario(`127.0.0.1:${proxyPort}`)
      const frames = proxy.end()
      const lines = frames.map(frame => `${JSON.stringify(frame)}\n`).join('')
      await writeFile(path.join(output, client, `${name}.jsonl`), lines)
      console.log(`${client}/${name}: ${frames.length} frames, ${lines.length} bytes`)
    }
  }
} finally {
  await proxy.close()
  await kafka.stop()
}
