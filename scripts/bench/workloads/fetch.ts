import type { BrokerProcess } from '../broker-process.ts'
import { batchOf, fetchErrorAt, fetchFrame } from '../frames.ts'
import { runLoad } from '../raw-load.ts'
import { interleaved, ofBrokers, per, withCpu } from '../rounds.ts'
import { fill, partitionCount, recordsBefore, withTopic } from '../topic.ts'
import type { Sample, Workload } from '../workload.ts'

const recordsPerBatch = 1000
const recordSize = 1000

function fetching(name: string, connections: number, inFlight: number): Workload {
  const plural = connections === 1 ? '' : 's'
  return {
    name,
    title: `Fetch 1 MB answers from page cache, ${connections} consumer${plural}`,
    method: [
      'Fetch 4 over raw sockets, each answer one batch of 1,000 records; consumers walk through',
      'a log of 240 MB that was written right before. Apache Kafka sends it with sendfile and',
      'checks nothing; odradek checks CRC-32C of all that it reads, and lets consumers of one',
      'place share it for a while: the last 32 MiB at most.'
    ].join(' '),
    metrics: [
      { name: 'megabytesPerSecond', unit: 'MB/s', digits: 0 },
      { name: 'p99Ms', unit: 'p99 ms', digits: 3 },
      { name: 'cpuSecondsPerGigabyte', unit: 'broker CPU s/GB', digits: 3 }
    ],
    targets: [
      { metric: 'megabytesPerSecond', against: 'Apache Kafka', sense: 'at least', limit: 1 }
    ],
    async run(bench) {
      const written = Math.ceil(240 * bench.scale)
      const contenders = await ofBrokers(bench, 'os', broker =>
        fetchOnce(broker, { connections, inFlight, written, read: Math.ceil(1500 * bench.scale) })
      )
      return { runs: await interleaved(bench, contenders, written) }
    }
  }
}

interface FetchSize {
  readonly connections: number
  readonly inFlight: number
  /** Batches of 1 MB that are in the log, and that are read. */
  readonly written: number
  readonly read: number
}

function fetchOnce(broker: BrokerProcess, size: FetchSize): Promise<Sample> {
  return withTopic(broker, async topic => {
    const batch = batchOf(recordsPerBatch, recordSize)
    await fill(broker, topic, batch, size.written)
    const frames = Array.from({ length: size.written }, (_, index) =>
      fetchFrame({
        topic,
        partition: index % partitionCount,
        offset: recordsBefore + Math.floor(index / partitionCount) * recordsPerBatch,
        maxBytes: batch.length,
        maxWaitMs: 0
      })
    )
    const { value, cpuMs } = await withCpu(broker, () =>
      runLoad(broker, frames, {
        connections: size.connections,
        'in-flight': size.inFlight,
        requests: size.read,
        'error-at': fetchErrorAt,
        'size-min': batch.length
      })
    )
    const megabytes = value.answeredSize / 1e6
    return {
      megabytesPerSecond: (megabytes * 1000) / value.elapsedMs,
      p99Ms: value.p99Ms,
      cpuSecondsPerGigabyte: per(cpuMs, megabytes)
    }
  })
}

export const fetchWorkloads: readonly Workload[] = [
  fetching('fetch-1', 1, 3),
  fetching('fetch-10', 10, 1)
]
