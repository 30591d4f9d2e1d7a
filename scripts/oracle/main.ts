import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { startKafka } from './kafka.ts'

const usage = `usage: tsx scripts/oracle/main.ts start [options]
  --version 4.x.y, --nodes n, --property name=value (may be repeated)
Starts Apache Kafka, prints the bootstrap address and runs until it is interrupted.`

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    version: { type: 'string' },
    nodes: { type: 'string', default: '1' },
    property: { type: 'string', multiple: true, default: [] }
  }
})

if (positionals[0] !== 'start') {
  console.error(usage)
  process.exitCode = 2
} else {
  const kafka = await startKafka({
    nodes: Number(values.nodes),
    properties: Object.fromEntries(values.property.map(splitProperty)),
    ...(values.version === undefined ? {} : { version: values.version })
  })
  console.log(kafka.bootstrapServers)
  console.error(`Apache Kafka ${kafka.version} runs in ${kafka.directory}; interrupt to stop it.`)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  // A shell and its child often get the same signal twice; the second must not end the clean-up.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {})
  await kafka.stop()
}

function splitProperty(property: string): [name: string, value: string] {
  const equals = property.indexOf('=')
  if (equals < 1) throw new Error(`a property is name=value, not ${property}`)
  return [property.slice(0, equals), property.slice(equals + 1)]
}
