import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import type { Durability } from './broker-process.ts'
import { measure, type Figures } from './measure.ts'
import { footnote, table } from './table.ts'
import { partitionCount, workloads } from './workloads.ts'

const usage = `npm run bench [-- OPTIONS]

Measures a broker in a process of its own over loopback, with prebuilt requests over raw sockets,
so that no client library is in the figures. Prints a table of medians.

  --runs N            runs of every workload (default 5)
  --megabytes N       data per throughput run (default 256)
  --requests N        requests per latency run (default 5000)
  --durability LIST   of memory,os,fsync (default: all three)
  --json FILE         writes every single run too
`

const allDurabilities: readonly Durability[] = ['memory', 'os', 'fsync']

interface Options {
  readonly runs: number
  readonly megabytes: number
  readonly requests: number
  readonly durabilities: readonly Durability[]
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
      json: { type: 'string' },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) return 'help'
  const names = new Set(values.durability.split(','))
  const durabilities = allDurabilities.filter(durability => names.has(durability))
  if (durabilities.length !== names.size) throw new Error('--durability takes memory, os and fsync')
  return {
    runs: positive('--runs', values.runs),
    megabytes: positive('--megabytes', values.megabytes),
    requests: positive('--requests', values.requests),
    durabilities,
    json: values.json
  }
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`${name} takes a number above 0, not ${text}`)
  return value
}

function method({ runs }: Options): string {
  const processor = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}`
  return [
    `Node ${process.version}, ${processor}.`,
    'Broker and load in two processes over loopback; prebuilt Produce 7 and Fetch 4 over raw',
    `sockets, closed loop; ${partitionCount} partitions, acks=all, uncompressed; a new broker`,
    `for every run; medians of ${runs} runs, durability modes interleaved.`
  ].join('\n')
}

async function main(): Promise<void> {
  const chosen = options()
  if (chosen === 'help') return console.log(usage)
  const figures: Figures[] = []
  console.log(`${method(chosen)}\n`)
  for (const workload of workloads) {
    for (let run = 0; run < chosen.runs; run++) {
      for (const durability of chosen.durabilities) {
        figures.push(await measure(durability, workload, chosen))
      }
    }
  }
  console.log(table(figures, chosen.durabilities))
  console.log(`\n${footnote(figures)}`)
  if (chosen.json !== undefined) writeFileSync(chosen.json, JSON.stringify(figures, null, 2))
}

await main()
