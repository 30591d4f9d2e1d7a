import type { BrokerProcess, Durability } from '../broker-process.ts'
import { batchOf, produceErrorAt, produceFrame } from '../frames.ts'
import { runLoad } from '../raw-load.ts'
import { interleaved, ofBrokers, per, withCpu } from '../rounds.ts'
import { partitionCount, withTopic } from '../topic.ts'
import type { Sample, Target, Workload } from '../workload.ts'

interface Singles {
  readonly name: string
  readonly connections: number
  readonly durability: Durability
  /** Requests of a full run. */
  readonly requests: number
  readonly targets: readonly Target[]
}

const recordSize = 1000

function singles({ name, connections, durability, requests, targets }: Singles): Workload {
  const plural = connections === 1 ? '' : 's'
  const ends = durability === 'fsync' ? ', on disk before the answer' : ''
  return {
    name,
    title: `Produce, one 1 KB record at a time, ${connections} connection${plural}${ends}`,
    method: [
      `Produce 7 with acks=all over raw sockets, one request in flight on each connection`,
      durability === 'fsync'
        ? '(odradek: durability fsync; Apache Kafka: flush.messages=1).'
        : '(durability os: the page cache, as Apache Kafka does by itself).'
    ].join(' '),
    metrics: [
      { name: 'requestsPerSecond', unit: 'requests/s', digits: 0 },
      { name: 'p50Ms', unit: 'p50 ms', digits: 3 },
      { name: 'p99Ms', unit: 'p99 ms', digits: 3 },
      { name: 'cpuMicrosPerRequest', unit: 'broker CPU us/request', digits: 1 }
    ],
    targets,
    async run(bench) {
      const count = Math.ceil(requests * bench.scale)
      const contenders = await ofBrokers(bench, durability, broker =>
        singlesOnce(broker, connections, count)
      )
      return { runs: await interleaved(bench, contenders, (count * recordSize * 4) / 1e6) }
    }
  }
}

function singlesOnce(
  broker: BrokerProcess,
  connections: number,
  requests: number
): Promise<Sample> {
  return withTopic(broker, async topic => {
    const batch = batchOf(1, recordSize)
    const frames = Array.from({ length: partitionCount }, (_, partition) =>
      produceFrame(topic, partition, batch)
    )
    const options = { connections, requests, 'error-at': produceErrorAt }
    const { value, cpuMs } = await withCpu(broker, () => runLoad(broker, frames, options))
    return {
      requestsPerSecond: (requests * 1000) / value.elapsedMs,
      p50Ms: value.p50Ms,
      p99Ms: value.p99Ms,
      cpuMicrosPerRequest: per(cpuMs === null ? null : cpuMs * 1000, requests)
    }
  })
}

const ratio = (metric: string, sense: Target['sense'], limit: number): Target => ({
  metric,
  against: 'Apache Kafka',
  sense,
  limit
})

export const singlesWorkloads: readonly Workload[] = [
  singles({
    name: 'produce-single-1',
    connections: 1,
    durability: 'os',
    requests: 10_000,
    targets: [ratio('p50Ms', 'at most', 1), ratio('p99Ms', 'at most', 1)]
  }),
  singles({
    name: 'produce-single-100',
    connections: 100,
    durability: 'os',
    requests: 60_000,
    targets: [ratio('p50Ms', 'at most', 1), ratio('p99Ms', 'at most', 1)]
  }),
  singles({
    name: 'produce-single-1-fsync',
    connections: 1,
    durability: 'fsync',
    requests: 800,
    targets: [ratio('p50Ms', 'at most', 1), ratio('p99Ms', 'at most', 1)]
  }),
  singles({
    name: 'produce-single-100-fsync',
    connections: 100,
    durability: 'fsync',
    requests: 5000,
    targets: [ratio('requestsPerSecond', 'at least', 2), ratio('p99Ms', 'at most', 1)]
  })
]
