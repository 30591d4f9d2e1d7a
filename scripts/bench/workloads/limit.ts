import { startSink, type BrokerProcess } from '../broker-process.ts'
import { batchOf, nextTopic, produceErrorAt, produceFrame, topicSize } from '../frames.ts'
import { runLoad } from '../raw-load.ts'
import { interleaved, per, withCpu } from '../rounds.ts'
import { partitionCount, withTopic } from '../topic.ts'
import type { ContenderName, Sample, Workload } from '../workload.ts'

interface Limit {
  readonly name: string
  readonly what: string
  readonly recordSize: number
  readonly recordsPerBatch: number
  readonly connections: number
  readonly inFlight: number
  /** Requests of a full run. */
  readonly requests: number
  readonly metric: 'megabytesPerSecond' | 'requestsPerSecond'
  /** Share of the sink's figure that is asked for. */
  readonly share: number
}

/** Against a C program that does the least which a broker must do. */
function limit(work: Limit): Workload {
  return {
    name: work.name,
    title: `Against the machine's limit: ${work.what}`,
    method: [
      'The same load against a single-threaded C program that frames a request, checks CRC-32C',
      '(SSE 4.2), appends to one file and answers: no topics, index, producers or consumers.',
      `Requests in flight: ${work.connections} x ${work.inFlight}.`
    ].join(' '),
    metrics: [
      { name: 'megabytesPerSecond', unit: 'MB/s', digits: 0 },
      { name: 'requestsPerSecond', unit: 'requests/s', digits: 0 },
      { name: 'cpuMicrosPerRequest', unit: 'CPU us/request', digits: 1 }
    ],
    targets: [{ metric: work.metric, against: 'C sink', sense: 'at least', limit: work.share }],
    async run(bench) {
      const requests = Math.ceil(work.requests * bench.scale)
      const batch = batchOf(work.recordsPerBatch, work.recordSize)
      const broker = await bench.brokers.of('odradek', 'os')
      const newMegabytes = (requests * batch.length) / 1e6
      const contenders = [
        {
          name: 'odradek' as ContenderName,
          run: () => withTopic(broker, topic => once(broker, topic, batch, work, requests))
        },
        { name: 'C sink' as ContenderName, run: () => sinkOnce(batch, work, requests) }
      ]
      return { runs: await interleaved(bench, contenders, newMegabytes) }
    }
  }
}

/** A sink of its own for every run, so that its file is as new as the topic of the other. */
async function sinkOnce(batch: Buffer, work: Limit, requests: number): Promise<Sample> {
  const topic = nextTopic()
  const recordsAt = produceFrame(topic, 0, batch).length - batch.length
  const sink = await startSink(recordsAt, topicSize)
  try {
    return await once(sink, topic, batch, work, requests)
  } finally {
    await sink.stop()
  }
}

async function once(
  server: BrokerProcess,
  topic: string,
  batch: Buffer,
  { connections, inFlight }: Limit,
  requests: number
): Promise<Sample> {
  const frames = Array.from({ length: partitionCount }, (_, partition) =>
    produceFrame(topic, partition, batch)
  )
  const options = { connections, 'in-flight': inFlight, requests, 'error-at': produceErrorAt }
  const { value, cpuMs } = await withCpu(server, () => runLoad(server, frames, options))
  return {
    megabytesPerSecond: (requests * batch.length) / 1000 / value.elapsedMs,
    requestsPerSecond: (requests * 1000) / value.elapsedMs,
    cpuMicrosPerRequest: per(cpuMs === null ? null : cpuMs * 1000, requests)
  }
}

export const limitWorkloads: readonly Workload[] = [
  limit({
    name: 'limit-16k',
    what: '16 KB batches',
    recordSize: 1000,
    recordsPerBatch: 16,
    connections: 1,
    inFlight: 5,
    requests: 20_000,
    metric: 'megabytesPerSecond',
    share: 0.5
  }),
  limit({
    name: 'limit-1m',
    what: '1 MB batches',
    recordSize: 1000,
    recordsPerBatch: 1000,
    connections: 1,
    inFlight: 5,
    requests: 400,
    metric: 'megabytesPerSecond',
    share: 0.5
  }),
  limit({
    name: 'limit-1k',
    what: '1 KB batches, 100 connections',
    recordSize: 1000,
    recordsPerBatch: 1,
    connections: 100,
    inFlight: 1,
    requests: 60_000,
    metric: 'requestsPerSecond',
    share: 0.35
  })
]
