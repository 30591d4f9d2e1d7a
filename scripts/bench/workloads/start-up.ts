import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { freePorts, startKafka } from '../../oracle/kafka.ts'
import { kafkaJavaOptions, spawnOdradek, usageOf } from '../broker-process.ts'
import { apiVersionsFrame } from '../frames.ts'
import { per } from '../rounds.ts'
import type { ContenderRuns, Sample, Workload } from '../workload.ts'

/** Apache Kafka is formatted and shut down each time, which takes far longer than its start. */
const kafkaRunsMax = 3
/** How long a broker settles before its memory is looked at, ms. */
const settleMs = 2000

/** From spawning a broker to its first answer. */
export const startUpWorkload: Workload = {
  name: 'start-up',
  title: 'Cold start, and memory at rest',
  method: [
    'From spawning node (or java) until a client, which tries every millisecond, is connected, and',
    'until it has its first ApiVersions answer; an empty data directory, formatted before for',
    `Apache Kafka; memory ${settleMs / 1000} s later.`
  ].join(' '),
  metrics: [
    { name: 'listeningMs', unit: 'ms to listening', digits: 0 },
    { name: 'answeredMs', unit: 'ms to the first answer', digits: 0 },
    { name: 'residentMegabytes', unit: 'resident MB at rest', digits: 0 }
  ],
  targets: [
    { metric: 'listeningMs', against: null, sense: 'at most', limit: 70 },
    { metric: 'residentMegabytes', against: null, sense: 'at most', limit: 60 }
  ],
  async run(bench) {
    await bench.brokers.stop()
    const ours: Sample[] = []
    for (let round = -1; round < bench.runs * 2; round++) {
      const sample = await startOurs()
      if (round >= 0) ours.push(sample)
    }
    const runs: ContenderRuns[] = [{ contender: 'odradek', samples: ours }]
    if (bench.besideKafka) {
      const theirs: Sample[] = []
      for (let round = 0; round < Math.min(bench.runs, kafkaRunsMax); round++) {
        theirs.push(await startTheirs())
      }
      runs.push({ contender: 'Apache Kafka', samples: theirs })
    }
    return { runs }
  }
}

async function startOurs(): Promise<Sample> {
  const [port] = await freePorts(1)
  const startedAtMs = performance.now()
  const { child, stop } = spawnOdradek('os', port!)
  try {
    const { connectedAtMs, answeredAtMs } = await firstAnswer(port!)
    await delay(settleMs)
    return {
      listeningMs: connectedAtMs - startedAtMs,
      answeredMs: answeredAtMs - startedAtMs,
      residentMegabytes: per(usageOf(child.pid!).residentSize(), 1e6)
    }
  } finally {
    await stop()
  }
}

async function startTheirs(): Promise<Sample> {
  let startedAtMs = 0
  let answer: Promise<FirstAnswer> | undefined
  const kafka = await startKafka({
    javaOptions: kafkaJavaOptions,
    onSpawned(bootstrapServers) {
      startedAtMs = performance.now()
      answer = firstAnswer(Number(bootstrapServers.split(':')[1]))
    }
  })
  try {
    const { connectedAtMs, answeredAtMs } = await answer!
    await delay(settleMs)
    return {
      listeningMs: connectedAtMs - startedAtMs,
      answeredMs: answeredAtMs - startedAtMs,
      residentMegabytes: per(usageOf(kafka.pids()[0]!).residentSize(), 1e6)
    }
  } finally {
    await kafka.stop()
  }
}

interface FirstAnswer {
  readonly connectedAtMs: number
  readonly answeredAtMs: number
}

async function firstAnswer(port: number): Promise<FirstAnswer> {
  for (;;) {
    const socket = connect({ host: '127.0.0.1', port })
    try {
      await once(socket, 'connect')
      const connectedAtMs = performance.now()
      socket.write(apiVersionsFrame())
      await once(socket, 'data')
      return { connectedAtMs, answeredAtMs: performance.now() }
    } catch {
      await delay(1)
    } finally {
      socket.destroy()
    }
  }
}
