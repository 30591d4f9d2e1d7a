import { cpus } from 'node:os'
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { startBrokerProcess, type BrokerProcess, type Durability } from './broker-process.ts'
import { batchOf, checkFetched, checkProduced, fetchFrame, produceFrame, topic } from './frames.ts'
import { LatencyHistogram, median } from './histogram.ts'
import { runLoad } from './load.ts'
import { createTopic } from './topic.ts'

const usage = `npm run bench [-- OPTIONS]

Measures a broker in a process of its own over loopback, with prebuilt requests over raw sockets, so that
no client library is in the figures. Prints a table; medians of RUNS runs, durability modes interleaved.

  --runs N            runs of every workload (default 5)
  --megabytes N       data per throughput run (default 256)
  --requests N        requests per latency run (default 5000)
  --durability LIST   of memory,os,fsync (default: all three)
  --json FILE         writes every single run too
`

/** One kind of work; `requests` is chosen so that a run is short and its log small. */
interface Workload {
  readonly name: string
  readonly kind: 'produce' | 'fetch'
  readonly recordSize: number
  readonly recordsPerBatch: number
  readonly connections: number
  readonly inFlight: number
  readonly bound: 'size' | 'requests'
}

const partitionCount = 12
const workloads: readonly Workload[] = [
  {
    name: 'produce, 100 B records, 1 MB batches, 1 connection',
    kind: 'produce',
    recordSize: 100,
    recordsPerBatch: 9_000,
    connections: 1,
    inFlight: 5,
    bound: 'size'
  },
  {
    name: 'produce, 1 KB records, 16 KB batches, 10 connections',
    kind: 'produce',
    recordSize: 1000,
    recordsPerBatch: 16,
    connections: 10,
    inFlight: 5,
    bound: 'size'
  },
  {
    name: 'produce, one 1 KB record at a time, 1 connection',
    kind: 'produce',
    recordSize: 1000,
    recordsPerBatch: 1,
    connections: 1,
    inFlight: 1,
    bound: 'requests'
  },
  {
    name: 'produce, one 1 KB record at a time, 100 connections',
    kind: 'produce',
    recordSize: 1000,
    recordsPerBatch: 1,
    connections: 100,
    inFlight: 1,
    bound: 'requests'
  },
  {
    name: 'fetch, 1 MB answers, 1 connection',
    kind: 'fetch',
    recordSize: 1000,
    recordsPerBatch: 1000,
    connections: 1,
    inFlight: 3,
    bound: 'size'
  },
  {
    name: 'fetch, 1 MB answers, 10 connections',
    kind: 'fetch',
    recordSize: 1000,
    recordsPerBatch: 1000,
    connections: 10,
    inFlight: 1,
    bound: 'size'
  }
]

interface Figures {
  readonly durability: Durability
  readonly workload: string
  readonly megabytesPerSecond: number
  readonly recordsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly brokerCpuMsPerMegabyte: number | null
  readonly readyMs: number
  readonly residentMegabytes: number | null
}

interface Options {
  readonly runs: number
  readonly megabytes: number
  readonly requests: number
}

async function measure(
  durability: Durability,
  workload: Workload,
  options: Options
): Promise<Figures> {
  const broker = await startBrokerProcess(durability)
  try {
    await createTopic(broker, topic, partitionCount)
    const batch = batchOf(workload.recordsPerBatch, workload.recordSize)
    const requests =
      workload.bound === 'requests'
        ? options.requests
        : Math.ceil((options.megabytes * 1e6) / batch.length)
    if (workload.kind === 'fetch') await fill(broker, batch)
    const latencies = new LatencyHistogram()
    const cpuBefore = broker.cpuSeconds()
    const { elapsedMs, answeredSize } = await runLoad({
      host: broker.host,
      port: broker.port,
      connections: workload.connections,
      inFlight: workload.inFlight,
      requests,
      latencies,
      ...traffic(workload, batch)
    })
    const cpuAfter = broker.cpuSeconds()
    const megabytes = (workload.kind === 'fetch' ? answeredSize : requests * batch.length) / 1e6
    const records = requests * workload.recordsPerBatch
    const resident = broker.residentSize()
    return {
      durability,
      workload: workload.name,
      megabytesPerSecond: (megabytes * 1000) / elapsedMs,
      recordsPerSecond: (records * 1000) / elapsedMs,
      p50Ms: latencies.percentileMs(50),
      p99Ms: latencies.percentileMs(99),
      brokerCpuMsPerMegabyte:
        cpuBefore === null || cpuAfter === null
          ? null
          : ((cpuAfter - cpuBefore) * 1000) / megabytes,
      readyMs: broker.readyMs,
      residentMegabytes: resident === null ? null : resident / 1e6
    }
  } finally {
    await broker.stop()
  }
}

function traffic(
  workload: Workload,
  batch: Buffer
): {
  frame: (connection: number, sent: number) => Buffer
  check: (head: Buffer, size: number) => void
} {
  const frames = Array.from({ length: partitionCount }, (_, partition) =>
    workload.kind === 'produce'
      ? produceFrame(partition, -1, batch)
      : fetchFrame(partition, 0, batch.length)
  )
  return {
    frame: (connection, sent) => frames[(connection + sent) % partitionCount]!,
    check: workload.kind === 'produce' ? checkProduced : checkFetched
  }
}

/** One batch in every partition: what the fetch workloads read over and over, from the page cache. */
async function fill(broker: BrokerProcess, batch: Buffer): Promise<void> {
  await runLoad({
    host: broker.host,
    port: broker.port,
    connections: 1,
    inFlight: 1,
    requests: partitionCount,
    frame: (_, sent) => produceFrame(sent, -1, batch),
    check: checkProduced,
    latencies: new LatencyHistogram()
  })
}

function printTable(figures: readonly Figures[], durabilities: readonly Durability[]): void {
  const rows = workloads.flatMap(workload =>
    durabilities.map(durability => {
      const runs = figures.filter(f => f.workload === workload.name && f.durability === durability)
      const middle = (pick: (f: Figures) => number | null): number =>
        median(runs.map(f => pick(f) ?? NaN))
      return {
        workload: workload.name,
        mode: durability,
        'MB/s': round(
          middle(f => f.megabytesPerSecond),
          1
        ),
        'records/s': Math.round(middle(f => f.recordsPerSecond)),
        'p50 ms': round(
          middle(f => f.p50Ms),
          3
        ),
        'p99 ms': round(
          middle(f => f.p99Ms),
          3
        ),
        'broker CPU ms/MB': round(
          middle(f => f.brokerCpuMsPerMegabyte),
          2
        ),
        'spread MB/s': `${round(Math.min(...runs.map(f => f.megabytesPerSecond)), 1)}-${round(Math.max(...runs.map(f => f.megabytesPerSecond)), 1)}`
      }
    })
  )
  const heads = Object.keys(rows[0]!)
  const lines = [heads, heads.map(() => '---'), ...rows.map(row => Object.values(row).map(String))]
  for (const line of lines) console.log(`| ${line.join(' | ')} |`)
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '5' },
      megabytes: { type: 'string', default: '256' },
      requests: { type: 'string', default: '5000' },
      durability: { type: 'string', default: 'memory,os,fsync' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) return console.log(usage)
  const options = {
    runs: Number(values.runs),
    megabytes: Number(values.megabytes),
    requests: Number(values.requests)
  }
  const durabilities = values.durability.split(',') as Durability[]
  console.log(
    `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, loopback, ` +
      `broker and load in two processes, ${partitionCount} partitions, acks=all, ` +
      `prebuilt Produce 7 and Fetch 4 over raw sockets, closed loop, medians of ${options.runs} runs, modes interleaved\n`
  )
  const figures: Figures[] = []
  for (const workload of workloads) {
    for (let run = 0; run < options.runs; run++) {
      for (const durability of durabilities) {
        figures.push(await measure(durability, workload, options))
      }
    }
  }
  printTable(figures, durabilities)
  const resident = figures.flatMap(f => f.residentMegabytes ?? [])
  console.log(
    `\nspawn to ready: ${round(median(figures.map(f => f.readyMs)), 0)} ms; ` +
      `resident after a run: ${resident.length === 0 ? 'not known here' : `${round(median(resident), 0)} MB`}`
  )
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(figures, null, 2))
}

await main()
