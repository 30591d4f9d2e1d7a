import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import {
  apacheKafka,
  odradek,
  type BrokerProcess,
  type Contender,
  type Durability
} from './broker-process.ts'
import { measure, type Figures } from './measure.ts'
import { footprints, ratios, table, type Footprint, type Series } from './table.ts'
import { partitionCount, workloads } from './workloads.ts'

const usage = `npm run bench [-- OPTIONS]

Measures a broker in a process of its own over loopback, with prebuilt requests over raw sockets,
so that no client library is in the figures. Prints a table of medians.

  --runs N            runs of every workload (default 5)
  --megabytes N       data per throughput run (default 256)
  --requests N        requests per latency run (default 5000)
  --durability LIST   of memory,os,fsync (default: all three)
  --beside kafka      the same against Apache Kafka, run by run in turn (needs Java and Maven)
  --json FILE         writes every single run too
`

const allDurabilities: readonly Durability[] = ['memory', 'os', 'fsync']

interface Options {
  readonly runs: number
  readonly megabytes: number
  readonly requests: number
  readonly durabilities: readonly Durability[]
  readonly besideKafka: boolean
  readonly json: string | undefined
}

/** @throws Error that says which option is wrong */
function options(): Options | 'help' {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '5' },
      megabytes: { type: 'string', default: '256' },
      requests: { type: 'string', default: '5000' },
      durability: { type: 'string', default: allDurabilities.join(',') },
      beside: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) return 'help'
  if (values.beside !== undefined && values.beside !== 'kafka') {
    throw new Error('--beside takes kafka')
  }
  const names = new Set(values.durability.split(','))
  const durabilities = allDurabilities.filter(durability => names.has(durability))
  if (durabilities.length !== names.size) throw new Error('--durability takes memory, os and fsync')
  return {
    runs: positive('--runs', values.runs),
    megabytes: positive('--megabytes', values.megabytes),
    requests: positive('--requests', values.requests),
    durabilities,
    besideKafka: values.beside === 'kafka',
    json: values.json
  }
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`${name} takes a number above 0, not ${text}`)
  return value
}

function contendersOf({ durabilities, besideKafka }: Options): readonly Contender[] {
  return durabilities.flatMap(durability =>
    besideKafka && durability !== 'memory'
      ? [odradek(durability), apacheKafka(durability)]
      : [odradek(durability)]
  )
}

function method({ runs }: Options): string {
  const processor = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}`
  return [
    `Node ${process.version}, ${processor}.`,
    'Brokers and load in processes of their own over loopback; prebuilt Produce 7 (acks=all,',
    `uncompressed) and Fetch 4 over raw sockets, closed loop; a new topic of ${partitionCount}`,
    `partitions for every run; one run to warm up, then medians of ${runs} runs, one contender`,
    'after the other in each round.'
  ].join('\n')
}

async function main(): Promise<void> {
  const chosen = options()
  if (chosen === 'help') return console.log(usage)
  console.log(`${method(chosen)}\n`)
  const contenders = contendersOf(chosen)
  const brokers: BrokerProcess[] = []
  for (const contender of contenders) brokers.push(await contender.start())
  try {
    const series: Series[] = []
    for (const workload of workloads) {
      const runs: Figures[][] = contenders.map(() => [])
      for (let round = 0; round <= chosen.runs; round++) {
        for (const [index, broker] of brokers.entries()) {
          const figures = await measure(broker, workload, chosen)
          if (round > 0) runs[index]!.push(figures)
        }
      }
      for (const [index, contender] of contenders.entries()) {
        series.push({ workload: workload.name, contender, runs: runs[index]! })
      }
    }
    const sizes: Footprint[] = contenders.map((contender, index) => ({
      contender,
      readyMs: brokers[index]!.readyMs,
      residentSize: brokers[index]!.residentSize()
    }))
    console.log(table(series))
    if (chosen.besideKafka) console.log(`\nodradek to Apache Kafka\n\n${ratios(series)}`)
    console.log(`\n${footprints(sizes)}`)
    if (chosen.json !== undefined) writeFileSync(chosen.json, JSON.stringify({ series, sizes }))
  } finally {
    for (const broker of brokers) await broker.stop()
  }
}

await main()
