import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { startKafka } from './kafka.ts'
import { interruption } from './interruption.ts'

const usage = `usage: tsx scripts/oracle/main.ts start [options]
  --version 4.x.y, --nodes n, --property name=value (may be repeated),
  --heap size (of each node, as Java's -Xmx takes it; by default that of Kafka's own script)
Starts Apache Kafka, prints the bootstrap address and runs until it is interrupted.`

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    version: { type: 'string' },
    nodes: { type: 'string', default: '1' },
    heap: { type: 'string' },
    property: { type: 'string', multiple: true, default: [] }
  }
})

if (positionals[0] !== 'start') {
  console.error(usage)
  process.exitCode = 2
} else {
  await run()
}

async function run(): Promise<void> {
  const signal = interruption()
  try {
    const kafka = await startKafka({
      nodes: Number(values.nodes),
      properties: Object.fromEntries(values.property.map(splitProperty)),
      signal,
      ...(values.version === undefined ? {} : { version: values.version }),
      ...(values.heap === undefined ? {} : { javaOptions: [`-Xmx${values.heap}`] })
    })
    console.log(kafka.bootstrapServers)
    console.error(`Apache Kafka ${kafka.version} runs in ${kafka.directory}; interrupt to stop it.`)
    if (!signal.aborted) await once(signal, 'abort')
    await kafka.stop()
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

function splitProperty(property: string): [name: string, value: string] {
  const equals = property.indexOf('=')
  if (equals < 1) throw new Error(`a property is name=value, not ${property}`)
  return [property.slice(0, equals), property.slice(equals + 1)]
}
