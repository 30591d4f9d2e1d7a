import { createTopics, deleteTopics } from '../asking.ts'
import type { BrokerProcess } from '../broker-process.ts'
import {
  batchOf,
  commitErrorAt,
  commitFrame,
  fetchErrorAt,
  fetchFrame,
  nextTopic,
  produceErrorAt,
  produceFrame
} from '../frames.ts'
import { recyclePages } from '../page-cache.ts'
import { runLoad, type LoadOptions } from '../raw-load.ts'
import { withCpu } from '../rounds.ts'
import { median } from '../statistics.ts'
import type { Bench, GrowthSeries, Metric, Outcome, Sample, Workload } from '../workload.ts'
import { residentMegabytes } from './footprint.ts'

/** Requests of one measurement; their CPU is counted in hundredths of a second. */
const requestsPerPoint = 20_000
const connections = 10
/** The cost at the largest size over that at the smallest, at most. */
const flatness = 1.5

/** Rounds of one point: one to warm up, and up to three that count. */
function roundsOf(bench: Bench): number {
  return 1 + Math.min(bench.runs, 3)
}

/** Broker CPU of one request, microseconds, `frames` in turn: median over the runs. */
async function cost(
  bench: Bench,
  broker: BrokerProcess,
  frames: readonly Buffer[],
  options: LoadOptions
): Promise<number> {
  const requests = Math.ceil(requestsPerPoint * bench.scale)
  const costs: number[] = []
  for (let round = 0; round < roundsOf(bench); round++) {
    const { cpuMs } = await withCpu(broker, () =>
      runLoad(broker, frames, { ...options, connections, requests, 'in-turn': 1 })
    )
    if (round > 0) costs.push(((cpuMs ?? Number.NaN) * 1000) / requests)
  }
  return median(costs)
}

function growthMetric(name: string, what: string): Metric {
  return { name, unit: `times the cost ${what}`, digits: 2 }
}

/** One run, whose figures say how much dearer a request is at the largest size. */
function outcomeOf(growth: readonly GrowthSeries[], names: readonly string[]): Outcome {
  const sample: Sample = Object.fromEntries(
    growth.map(({ points }, index) => [names[index]!, points.at(-1)![1] / points[0]![1]])
  )
  return { runs: [{ contender: 'odradek', samples: [sample] }], growth }
}

const flat = (metric: string) =>
  ({ metric, against: null, sense: 'at most', limit: flatness }) as const

const partitions: Workload = {
  name: 'growth-partitions',
  title: 'Cost of a Produce request as partitions go from 1 to 10,000',
  method: [
    'One 1 KB record a request, to all partitions in turn, 10 connections; broker CPU of a',
    'request. The broker is started for it, and has no topics of other workloads to remove.'
  ].join(' '),
  metrics: [growthMetric('produce', 'at 10,000 partitions')],
  targets: [flat('produce')],
  async run(bench) {
    await bench.brokers.stop()
    const broker = await bench.brokers.of('odradek', 'os')
    const batch = batchOf(1, 1000)
    const points: [number, number][] = []
    // The first size is measured twice, so that it is not the one at which code is still compiled.
    for (const count of [1, 1, 10, 100, 1000, 10_000]) {
      const topic = nextTopic()
      await createTopics(broker, [topic], count)
      const frames = Array.from({ length: count }, (_, each) => produceFrame(topic, each, batch))
      recyclePages((requestsPerPoint * 5 * batch.length) / 1e6)
      points.push([count, await cost(bench, broker, frames, { 'error-at': produceErrorAt })])
      await deleteTopics(broker, [topic])
    }
    const axis = { axis: 'partitions', unit: 'us CPU a request' }
    return outcomeOf([{ title: 'Produce, 1 KB', ...axis, points: points.slice(1) }], ['produce'])
  }
}

const batchRecords = 1000
const batchRecordSize = 1000

const logSize: Workload = {
  name: 'growth-log',
  title: 'Cost of a request as one log goes from 1 MB to 10 GB, and memory behind it',
  method: [
    'One partition, written in 1 MB batches; then one 1 KB record a request, and Fetch of one such',
    'record at the end; resident memory after the last of them.'
  ].join(' '),
  metrics: [
    growthMetric('produce', 'at 10 GB (produce)'),
    growthMetric('fetch', 'at 10 GB (fetch)'),
    { name: 'residentMegabytes', unit: 'resident MB after 10 GB', digits: 0 }
  ],
  targets: [
    flat('produce'),
    flat('fetch'),
    { metric: 'residentMegabytes', against: null, sense: 'at most', limit: 130 }
  ],
  async run(bench) {
    await bench.brokers.stop()
    const broker = await bench.brokers.of('odradek', 'os')
    const topic = nextTopic()
    await createTopics(broker, [topic], 1)
    const batch = batchOf(batchRecords, batchRecordSize)
    const single = produceFrame(topic, 0, batchOf(1, batchRecordSize))
    const produced: [number, number][] = []
    const fetched: [number, number][] = []
    let written = 0
    let offset = 0
    for (const megabytes of [1, 1, 10, 100, 1000, 10_000].map(each => each * bench.scale)) {
      const requests = Math.max(1, Math.ceil(megabytes - written))
      const options = { requests, 'in-flight': 5, 'error-at': produceErrorAt }
      await runLoad(broker, [produceFrame(topic, 0, batch)], options)
      written += requests
      offset += requests * batchRecords
      const before = await cost(bench, broker, [single], { 'error-at': produceErrorAt })
      offset += Math.ceil(requestsPerPoint * bench.scale) * roundsOf(bench)
      const last = { topic, partition: 0, offset: offset - 1, maxBytes: 1_000_000, maxWaitMs: 0 }
      const options2 = { 'error-at': fetchErrorAt, 'size-min': batchRecordSize }
      produced.push([megabytes, before])
      fetched.push([megabytes, await cost(bench, broker, [fetchFrame(last)], options2)])
    }
    const resident = residentMegabytes(broker)
    await deleteTopics(broker, [topic])
    const axis = { axis: 'MB in the log', unit: 'us CPU a request' }
    const growth = [
      { title: 'Produce, 1 KB', ...axis, points: produced.slice(1) },
      { title: 'Fetch of the last record', ...axis, points: fetched.slice(1) }
    ]
    const { runs } = outcomeOf(growth, ['produce', 'fetch'])
    const sample = { ...runs[0]!.samples[0]!, residentMegabytes: resident }
    return { runs: [{ contender: 'odradek', samples: [sample] }], growth }
  }
}

const groups: Workload = {
  name: 'growth-groups',
  title: 'Cost of an OffsetCommit as groups go from 1 to 1,000',
  method: [
    'Commits of groups without members, all groups in turn, 10 connections; broker CPU. The broker',
    'is started for it, and has no topics of other workloads to remove.'
  ].join(' '),
  metrics: [growthMetric('commit', 'at 1,000 groups')],
  targets: [flat('commit')],
  async run(bench) {
    await bench.brokers.stop()
    const broker = await bench.brokers.of('odradek', 'os')
    const topic = nextTopic()
    await createTopics(broker, [topic], 1)
    const points: [number, number][] = []
    for (const count of [1, 1, 10, 100, 1000]) {
      const frames = Array.from({ length: count }, (_, each) => commitFrame(`g-${each}`, topic))
      points.push([count, await cost(bench, broker, frames, { 'error-at': commitErrorAt })])
    }
    await deleteTopics(broker, [topic])
    const axis = { axis: 'groups', unit: 'us CPU a request' }
    return outcomeOf([{ title: 'OffsetCommit', ...axis, points: points.slice(1) }], ['commit'])
  }
}

export const growthWorkloads: readonly Workload[] = [partitions, groups, logSize]
