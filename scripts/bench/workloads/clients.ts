import {
  Producer as PlatformaticProducer,
  Consumer as PlatformaticConsumer
} from '@platformatic/kafka'
import { Kafka, logLevel } from 'kafkajs'
import type { BrokerProcess } from '../broker-process.ts'
import { interleaved, ofBrokers, per, withCpu } from '../rounds.ts'
import { partitionCount, withTopic } from '../topic.ts'
import type { Workload } from '../workload.ts'

const recordSize = 1000
const recordsPerSend = 500
const value = Buffer.alloc(recordSize, 'odradek ')

interface UserClient {
  produce(broker: BrokerProcess, topic: string, records: number): Promise<void>
  /**
   * Reads that many records from the start of a topic.
   *
   * @returns milliseconds from the first records to the last: joining a group is not counted
   */
  consume(broker: BrokerProcess, topic: string, records: number): Promise<number>
}

function userClient(name: string, title: string, client: UserClient): Workload {
  return {
    name,
    title: `${title}, 1 KB records, one producer and then one consumer`,
    method: [
      `${recordsPerSend} records a send, acks=all; the client runs in one Node process and is the`,
      'limit here, not the broker: for information. Closing the consumer is not counted.'
    ].join(' '),
    metrics: [
      { name: 'produceMegabytesPerSecond', unit: 'MB/s produced', digits: 0 },
      { name: 'consumeMegabytesPerSecond', unit: 'MB/s consumed', digits: 0 },
      { name: 'cpuSecondsPerGigabyte', unit: 'broker CPU s/GB', digits: 2 }
    ],
    targets: [],
    async run(bench) {
      const records = Math.ceil(60_000 * bench.scale)
      const megabytes = (records * recordSize) / 1e6
      const contenders = await ofBrokers(bench, 'os', broker =>
        withTopic(broker, async topic => {
          const { value: times, cpuMs } = await withCpu(broker, async () => {
            const startedAtMs = performance.now()
            await client.produce(broker, topic, records)
            const producedAtMs = performance.now()
            const consumedMs = await client.consume(broker, topic, records)
            return [producedAtMs - startedAtMs, consumedMs] as const
          })
          return {
            produceMegabytesPerSecond: (megabytes * 1000) / times[0],
            consumeMegabytesPerSecond: (megabytes * 1000) / times[1],
            cpuSecondsPerGigabyte: per(cpuMs, 2 * megabytes)
          }
        })
      )
      return { runs: await interleaved(bench, contenders, megabytes) }
    }
  }
}

let groups = 0

const kafkajs: UserClient = {
  async produce(broker, topic, records) {
    const producer = kafkajsOf(broker).producer()
    await producer.connect()
    for (let sent = 0; sent < records; sent += recordsPerSend) {
      const partition = (sent / recordsPerSend) % partitionCount
      const messages = Array.from({ length: recordsPerSend }, () => ({ value, partition }))
      await producer.send({ topic, messages, acks: -1 })
    }
    await producer.disconnect()
  },
  async consume(broker, topic, records) {
    const consumer = kafkajsOf(broker).consumer({ groupId: `bench-kafkajs-${groups++}` })
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    let seen = 0
    let firstAtMs: number | null = null
    const elapsedMs = await new Promise<number>((resolve, reject) => {
      const eachBatch = async ({ batch }: { readonly batch: { readonly messages: unknown[] } }) => {
        firstAtMs ??= performance.now()
        seen += batch.messages.length
        if (seen >= records) resolve(performance.now() - firstAtMs)
        return Promise.resolve()
      }
      consumer.run({ eachBatch }).catch(reject)
    })
    await consumer.disconnect()
    return elapsedMs
  }
}

function kafkajsOf({ host, port }: BrokerProcess): Kafka {
  return new Kafka({ brokers: [`${host}:${port}`], logLevel: logLevel.NOTHING })
}

const platformatic: UserClient = {
  async produce(broker, topic, records) {
    const producer = new PlatformaticProducer(platformaticOptions(broker))
    for (let sent = 0; sent < records; sent += recordsPerSend) {
      const partition = (sent / recordsPerSend) % partitionCount
      const messages = Array.from({ length: recordsPerSend }, () => ({ topic, value, partition }))
      await producer.send({ messages, acks: -1 })
    }
    await producer.close()
  },
  async consume(broker, topic, records) {
    const groupId = `bench-platformatic-${groups++}`
    const consumer = new PlatformaticConsumer({ ...platformaticOptions(broker), groupId })
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: true })
    let seen = 0
    let firstAtMs: number | null = null
    for await (const _ of stream) {
      firstAtMs ??= performance.now()
      if (++seen >= records) break
    }
    const elapsedMs = performance.now() - firstAtMs!
    await stream.close()
    await new Promise<void>((resolve, reject) => {
      consumer.close(true, error => (error ? reject(error) : resolve()))
    })
    return elapsedMs
  }
}

function platformaticOptions({ host, port }: BrokerProcess) {
  return { clientId: 'bench', bootstrapBrokers: [`${host}:${port}`] }
}

export const clientWorkloads: readonly Workload[] = [
  userClient('client-kafkajs', 'kafkajs', kafkajs),
  userClient('client-platformatic', '@platformatic/kafka', platformatic)
]
