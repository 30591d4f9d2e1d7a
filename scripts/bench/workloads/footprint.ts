import { setTimeout as delay } from 'node:timers/promises'
import { ask, createTopics } from '../asking.ts'
import type { BrokerProcess } from '../broker-process.ts'
import { apiVersionsFrame, fetchFrame } from '../frames.ts'
import { startLoad } from '../raw-load.ts'
import { per, withCpu } from '../rounds.ts'
import { recordsBefore, withTopic } from '../topic.ts'
import type { Bench, ContenderRuns, Sample, Target, Workload } from '../workload.ts'

const third = 1 / 3
/** How long a broker is watched while nothing happens, ms. */
const watchMs = 5000

const below = (metric: string): Target => ({
  metric,
  against: 'Apache Kafka',
  sense: 'at most',
  limit: third
})

/** What a broker holds and uses while it is left alone. */
async function watched(broker: BrokerProcess): Promise<Sample> {
  const { cpuMs } = await withCpu(broker, () => delay(watchMs))
  return { residentMegabytes: residentMegabytes(broker), cpuPercent: per(cpuMs, watchMs / 100) }
}

export function residentMegabytes(broker: BrokerProcess): number | null {
  return per(broker.residentSize(), 1e6)
}

/** The same work on fresh brokers, each alone on the machine; `runs` times in turn. */
async function alone(
  bench: Bench,
  runs: number,
  work: (broker: BrokerProcess) => Promise<Sample>
): Promise<readonly ContenderRuns[]> {
  const names = bench.besideKafka ? (['odradek', 'Apache Kafka'] as const) : (['odradek'] as const)
  const samples: Sample[][] = names.map(() => [])
  for (let round = 0; round < runs; round++) {
    for (const [index, name] of names.entries()) {
      await bench.brokers.stop()
      const broker = await bench.brokers.of(name, 'os')
      samples[index]!.push(await work(broker))
    }
  }
  await bench.brokers.stop()
  return names.map((contender, index) => ({ contender, samples: samples[index]! }))
}

const residentMetrics = [
  { name: 'residentMegabytes', unit: 'resident MB', digits: 0 },
  { name: 'cpuPercent', unit: 'CPU % of one core', digits: 1 }
]

const topics: Workload = {
  name: 'topics-10000',
  title: '10,000 topics of 1 partition',
  method: [
    'Created with 500 in a request on a fresh broker, until all have leaders; then Metadata of all',
    `of them; then the broker is left alone for ${watchMs / 1000} s.`
  ].join(' '),
  metrics: [
    ...residentMetrics,
    { name: 'createSeconds', unit: 's to create', digits: 1 },
    { name: 'createCpuSeconds', unit: 'broker CPU s to create', digits: 1 },
    { name: 'metadataMs', unit: 'ms for Metadata of all', digits: 0 }
  ],
  targets: [below('residentMegabytes'), below('createCpuSeconds'), below('cpuPercent')],
  async run(bench) {
    const count = Math.ceil(10_000 * bench.scale)
    const names = Array.from({ length: count }, (_, index) => `topic-${index}`)
    return {
      runs: await alone(bench, 1, async broker => {
        const startedAtMs = performance.now()
        const { cpuMs } = await withCpu(broker, () => createTopics(broker, names, 1))
        const createdAtMs = performance.now()
        await ask(broker, 'Metadata', 4, { topics: null, allowAutoTopicCreation: false })
        const metadataMs = performance.now() - createdAtMs
        return {
          ...(await watched(broker)),
          createSeconds: (createdAtMs - startedAtMs) / 1000,
          createCpuSeconds: per(cpuMs, 1000),
          metadataMs
        }
      })
    }
  }
}

function idleConnections(count: number): Workload {
  return {
    name: `connections-${count}`,
    title: `${count.toLocaleString('en')} idle connections`,
    method: [
      'Each has asked for ApiVersions once; memory is that of the whole broker, CPU that of',
      `${watchMs / 1000} s in which nobody says anything.`
    ].join(' '),
    metrics: [...residentMetrics, { name: 'kilobytesEach', unit: 'KB a connection', digits: 1 }],
    targets: [below('residentMegabytes'), below('cpuPercent')],
    async run(bench) {
      const connections = Math.ceil(count * bench.scale)
      return {
        runs: await alone(bench, Math.min(bench.runs, 3), async broker => {
          const before = broker.residentSize()
          const load = await startLoad(broker, [apiVersionsFrame()], { connections, once: 1 })
          await delay(1000)
          const sample = await watched(broker)
          const after = broker.residentSize()
          load.end()
          await load.result
          const grown = before === null || after === null ? null : after - before
          return { ...sample, kilobytesEach: per(grown, connections * 1000) }
        })
      }
    }
  }
}

const idleConsumers: Workload = {
  name: 'consumers-1000',
  title: '1,000 idle consumers',
  method: [
    'Each has a Fetch waiting at the end of one of 12 partitions (max wait 500 ms, as clients do',
    `by default) and asks again at once; CPU over ${watchMs / 1000} s.`
  ].join(' '),
  metrics: residentMetrics,
  targets: [below('residentMegabytes'), below('cpuPercent')],
  async run(bench) {
    const connections = Math.ceil(1000 * bench.scale)
    return {
      runs: await alone(bench, Math.min(bench.runs, 3), broker =>
        withTopic(broker, async topic => {
          const frames = Array.from({ length: 12 }, (_, partition) =>
            fetchFrame({
              topic,
              partition,
              offset: recordsBefore,
              maxBytes: 1_000_000,
              maxWaitMs: 500
            })
          )
          const load = await startLoad(broker, frames, { connections })
          await delay(1000)
          const sample = await watched(broker)
          load.end()
          await load.result
          return sample
        })
      )
    }
  }
}

export const footprintWorkloads: readonly Workload[] = [
  topics,
  idleConnections(1000),
  idleConnections(10_000),
  idleConsumers
]
