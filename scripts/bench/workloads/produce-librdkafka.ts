import type { BrokerProcess } from '../broker-process.ts'
import { runProducers } from '../raw-load.ts'
import { interleaved, ofBrokers, per, withCpu } from '../rounds.ts'
import { withTopic } from '../topic.ts'
import type { Sample, Target, Workload } from '../workload.ts'

interface Producing {
  readonly name: string
  readonly title: string
  readonly producers: number
  readonly recordSize: number
  /** Of a full run, over all producers. */
  readonly megabytes: number
  readonly configs: Readonly<Record<string, string>>
  readonly targets: readonly Target[]
}

const throughputMetrics = [
  { name: 'megabytesPerSecond', unit: 'MB/s', digits: 0 },
  { name: 'cpuSecondsPerGigabyte', unit: 'broker CPU s/GB', digits: 2 },
  { name: 'clientCpuSecondsPerGigabyte', unit: 'client CPU s/GB', digits: 2 }
]

function producing(work: Producing): Workload {
  const configs = { acks: 'all', ...work.configs }
  const chosen = Object.entries(configs).map(([name, value]) => `${name}=${value}`)
  return {
    name: work.name,
    title: work.title,
    method: [
      `librdkafka in one C program (instances: ${work.producers}), ${work.recordSize} B values,`,
      `${chosen.join(' ')}, all else its defaults; 12 partitions; MB of values until all are`,
      'acknowledged.'
    ].join(' '),
    metrics: throughputMetrics,
    targets: work.targets,
    async run(bench) {
      const megabytes = work.megabytes * bench.scale
      const contenders = await ofBrokers(bench, 'os', broker =>
        produceOnce(broker, work, configs, megabytes)
      )
      return { runs: await interleaved(bench, contenders, megabytes) }
    }
  }
}

function produceOnce(
  broker: BrokerProcess,
  { producers, recordSize }: Producing,
  configs: Readonly<Record<string, string>>,
  megabytes: number
): Promise<Sample> {
  return withTopic(broker, async topic => {
    const records = Math.ceil((megabytes * 1e6) / recordSize)
    const { value, cpuMs } = await withCpu(broker, () =>
      runProducers(broker, { topic, producers, records, recordSize, configs })
    )
    const sent = (records * recordSize) / 1e6
    return {
      megabytesPerSecond: (sent * 1000) / value.elapsedMs,
      cpuSecondsPerGigabyte: per(cpuMs, sent),
      clientCpuSecondsPerGigabyte: value.ownCpuMs / sent
    }
  })
}

const ratio = (metric: string, sense: Target['sense'], limit: number): Target => ({
  metric,
  against: 'Apache Kafka',
  sense,
  limit
})

export const producingWorkloads: readonly Workload[] = [
  producing({
    name: 'produce-librdkafka',
    title: 'Produce, 1 producer, 100 B records',
    producers: 1,
    recordSize: 100,
    megabytes: 200,
    configs: {},
    targets: [
      ratio('megabytesPerSecond', 'at least', 1),
      ratio('cpuSecondsPerGigabyte', 'at most', 1)
    ]
  }),
  producing({
    name: 'produce-ten',
    title: 'Produce, 10 producers, 1 KB records',
    producers: 10,
    recordSize: 1000,
    megabytes: 300,
    configs: {},
    targets: [ratio('megabytesPerSecond', 'at least', 1.2)]
  }),
  producing({
    name: 'produce-ten-lz4',
    title: 'Produce, 10 producers, 1 KB records, lz4',
    producers: 10,
    recordSize: 1000,
    megabytes: 300,
    configs: { 'compression.type': 'lz4' },
    targets: [ratio('megabytesPerSecond', 'at least', 1.2)]
  })
]
