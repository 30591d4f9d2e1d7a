import { startBrokerProcess, type BrokerProcess, type Durability } from './broker-process.ts'
import { batchOf, checkFetched, checkProduced, fetchFrame, produceFrame, topic } from './frames.ts'
import { LatencyHistogram } from './histogram.ts'
import { runLoad, type Load } from './load.ts'
import { createTopic } from './topic.ts'
import { partitionCount, type Workload } from './workloads.ts'

/** How large one run is. */
export interface RunSize {
  readonly megabytes: number
  readonly requests: number
}

/** What one run showed. Null where the system does not tell. */
export interface Figures {
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

/** One run of a workload against a broker of its own, with an empty log. */
export async function measure(
  durability: Durability,
  workload: Workload,
  size: RunSize
): Promise<Figures> {
  const broker = await startBrokerProcess(durability)
  try {
    await createTopic(broker, topic, partitionCount)
    const batch = batchOf(workload.recordsPerBatch, workload.recordSize)
    if (workload.kind === 'fetch') await fill(broker, batch)
    const requests =
      workload.bound === 'requests'
        ? size.requests
        : Math.ceil((size.megabytes * 1e6) / batch.length)
    const latencies = new LatencyHistogram()
    const cpuBefore = broker.cpuSeconds()
    const { host, port } = broker
    const { connections, inFlight } = workload
    const load = { host, port, connections, inFlight, requests, latencies }
    const { elapsedMs } = await runLoad({ ...load, ...traffic(workload, batch) })
    const cpuAfter = broker.cpuSeconds()
    const resident = broker.residentSize()
    const megabytes = (requests * batch.length) / 1e6
    return {
      durability,
      workload: workload.name,
      megabytesPerSecond: (megabytes * 1000) / elapsedMs,
      recordsPerSecond: (requests * workload.recordsPerBatch * 1000) / elapsedMs,
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

function traffic(workload: Workload, batch: Buffer): Pick<Load, 'frame' | 'check'> {
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

/**
 * One batch in every partition: what the fetch workloads read over and over, from the page cache.
 */
async function fill({ host, port }: BrokerProcess, batch: Buffer): Promise<void> {
  await runLoad({
    host,
    port,
    connections: 1,
    inFlight: 1,
    requests: partitionCount,
    frame: (_, sent) => produceFrame(sent, -1, batch),
    check: checkProduced,
    latencies: new LatencyHistogram()
  })
}
