import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { defaultKafkaVersion } from '../oracle/kafka.ts'
import { answerWrongOptions, WrongOption } from '../wrong-option.ts'
import { kafkaJavaOptions } from './broker-process.ts'
import { Brokers } from './brokers.ts'
import { describeMachine } from './machine.ts'
import { plot } from './plot.ts'
import { figuresTable, methodText, targetsTable, type Report } from './report.ts'
import { reportText } from './results.ts'
import type { Workload } from './workload.ts'
import { workloads } from './workloads/index.ts'

const usage = `npm run bench [-- WORKLOAD ... OPTIONS]

Measures brokers in processes of their own over loopback. Prints tables of medians. Needs gcc and
librdkafka's headers (apt-get install gcc libc6-dev librdkafka-dev).

  --beside kafka   the same against Apache Kafka, run by run in turn (needs Java 17 and Maven)
  --runs N         runs of every workload (default 5)
  --quick          3 runs with a tenth of the work: to see that it works
  --json FILE      writes every single run; npm run docs makes the README's part from it
  --plot FILE      writes the figures as an SVG
  --list           names the workloads

Workloads, or how their names begin (default: all):
${workloads.map(({ name, title }) => `  ${name.padEnd(25)}${title}`).join('\n')}
`

interface Options {
  readonly runs: number
  readonly scale: number
  readonly besideKafka: boolean
  readonly chosen: readonly Workload[]
  readonly json: string | undefined
  readonly plot: string | undefined
}

/** @throws WrongOption, or what `parseArgs` throws */
function options(): Options | 'help' {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      runs: { type: 'string' },
      quick: { type: 'boolean', default: false },
      beside: { type: 'string' },
      json: { type: 'string' },
      plot: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help || values.list) return 'help'
  if (values.beside !== undefined && values.beside !== 'kafka') {
    throw new WrongOption('--beside takes kafka')
  }
  const runs = Number(values.runs ?? (values.quick ? 3 : 5))
  if (!Number.isInteger(runs) || runs < 1)
    throw new WrongOption('--runs takes a whole number above 0')
  for (const wanted of positionals) {
    if (!workloads.some(({ name }) => name.startsWith(wanted))) {
      throw new WrongOption(`no workload begins with ${wanted}; --list names them`)
    }
  }
  const isWanted = ({ name }: Workload): boolean =>
    positionals.length === 0 || positionals.some(wanted => name.startsWith(wanted))
  return {
    runs,
    scale: values.quick ? 0.1 : 1,
    besideKafka: values.beside === 'kafka',
    chosen: workloads.filter(isWanted),
    json: values.json,
    plot: values.plot
  }
}

function describeKafka(): string {
  const version = process.env.ODRADEK_ORACLE_VERSION ?? defaultKafkaVersion
  return [
    `Apache Kafka ${version} (KRaft, one node, ${kafkaJavaOptions.join(' ')}, no replication,`,
    'log.flush.interval.messages=1 where fsync is said, all else its defaults)'
  ].join(' ')
}

async function keep(report: Report, file: string): Promise<void> {
  write(file, await reportText(report, file))
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

function say(text: string): void {
  console.error(text)
}

async function main(): Promise<number> {
  const chosen = options()
  if (chosen === 'help') {
    console.log(usage)
    return 0
  }
  let good = true
  const brokers = new Brokers()
  const { runs, scale, besideKafka } = chosen
  const reports: Report['workloads'][number][] = []
  const report: Report = {
    madeAt: new Date().toISOString(),
    machine: describeMachine(),
    kafka: besideKafka ? describeKafka() : null,
    runs,
    scale,
    workloads: reports
  }
  try {
    for (const { run, ...about } of chosen.chosen) {
      const startedAtMs = performance.now()
      try {
        const outcome = await run({ runs, scale, besideKafka, brokers, say })
        reports.push({ ...about, ...outcome })
      } catch (error) {
        // The others are worth having all the same.
        say(`${about.name} failed: ${String(error)}`)
        good = false
        await brokers.stop()
      }
      say(`${about.name}: ${Math.round((performance.now() - startedAtMs) / 1000)} s`)
      if (chosen.json !== undefined) await keep(report, chosen.json)
    }
  } finally {
    await brokers.stop()
  }
  console.log(`${methodText(report)}\n\n${figuresTable(reports)}\n\n${targetsTable(reports)}`)
  if (chosen.plot !== undefined) write(chosen.plot, plot(report))
  return good ? 0 : 1
}

process.exitCode = await answerWrongOptions(usage, main)
