import type { BrokerProcess } from './broker-process.ts'
import {
  batchOf,
  checkFetched,
  checkProduced,
  fetchFrame,
  produceFrame,
  topicOfRun
} from './frames.ts'
import { LatencyHistogram } from './histogram.ts'
import { runLoad, type Load } from './load.ts'
import { withTopic } from './topic.ts'
import { partitionCount, type Workload } from './workloads.ts'

/** How large one run is. */
export interface RunSize {
  readonly megabytes: number
  readonly requests: number
}

/** What one run showed. Null where the system does not tell. */
export interface Figures {
  readonly megabytesPerSecond: number
  readonly recordsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly brokerCpuMsPerMegabyte: number | null
}

let runs = 0

/** One run of a workload, on a topic of its own. */
export function measure(
  broker: BrokerProcess,
  workload: Workload,
  size: RunSize
): Promise<Figures> {
  const topic = topicOfRun(runs++)
  return withTopic(broker, { topic, numPartitions: partitionCount }, async () => {
    const batch = batchOf(workload.recordsPerBatch, workload.recordSize)
    if (workload.kind === 'fetch') await fill(broker, topic, batch)
    const requests =
      workload.bound === 'requests'
        ? size.requests
        : Math.ceil((size.megabytes * 1e6) / batch.length)
    const latencies = new LatencyHistogram()
    const { host, port } = broker
    const { connections, inFlight } = workload
    const load = { host, port, connections, inFlight, requests, latencies }
    const cpuBefore = broker.cpuSeconds()
    const { elapsedMs } = await runLoad({ ...load, ...traffic(workload, topic, batch) })
    const cpuAfter = broker.cpuSeconds()
    const megabytes = (requests * batch.length) / 1e6
    return {
      megabytesPerSecond: (megabytes * 1000) / elapsedMs,
      recordsPerSecond: (requests * workload.recordsPerBatch * 1000) / elapsedMs,
      p50Ms: latencies.percentileMs(50),
      p99Ms: latencies.percentileMs(99),
      brokerCpuMsPerMegabyte:
        cpuBefore === null || cpuAfter === null ? null : ((cpuAfter - cpuBefore) * 1000) / megabytes
    }
  })
}

function traffic(workload: Workload, topic: string, batch: Buffer): Pick<Load, 'frame' | 'check'> {
  const frames = Array.from({ length: partitionCount }, (_, partition) =>
    workload.kind === 'produce'
      ? produceFrame(topic, partition, batch)
      : fetchFrame(topic, partition, batch.length)
  )
  return {
    frame: (connection, sent) => frames[(connection + sent) % partitionCount]!,
    check: workload.kind === 'produce' ? checkProduced : checkFetched
  }
}

/** One batch in every partition: what fetch workloads read over and over, from the page cache. */
async function fill({ host, port }: BrokerProcess, topic: string, batch: Buffer): Promise<void> {
  await runLoad({
    host,
    port,
    connections: 1,
    inFlight: 1,
    requests: partitionCount,
    frame: (_, sent) => produceFrame(topic, sent, batch),
    check: checkProduced,
    latencies: new LatencyHistogram()
  })
}
