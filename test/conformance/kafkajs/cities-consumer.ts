import kafkajs from 'kafkajs'
import type { Consumer } from 'kafkajs'
import { recordDigest } from './cities-protocol.ts'
import type { WorkerCommand, WorkerReport } from './cities-protocol.ts'
import { registerSnappyCodec } from './snappy-codec.ts'

// A process with members of one consumer group. It reports every batch it is given and every commit
// that was acknowledged, and works on after a batch only when it is told to, so that the test knows
// at every moment what was delivered.

const [bootstrapServers, groupId, topics, memberCount] = process.argv.slice(2)
const goOnQueue: (() => void)[] = []

registerSnappyCodec()
const consumers = await Promise.all(Array.from({ length: Number(memberCount) }, startMember))

process.on('message', (command: WorkerCommand) => {
  if (command === 'go on') goOnQueue.shift()?.()
  else void stop()
})

// Without the test there is nobody to work for.
process.on('disconnect', () => process.exit())

async function startMember(): Promise<Consumer> {
  const kafka = new kafkajs.Kafka({
    clientId: 'cities',
    brokers: bootstrapServers!.split(','),
    logLevel: kafkajs.logLevel.NOTHING,
    connectionTimeout: 30_000,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 100 }
  })
  const consumer = kafka.consumer({
    groupId: groupId!,
    sessionTimeout: 15_000,
    rebalanceTimeout: 20_000,
    heartbeatInterval: 500,
    maxWaitTimeInMs: 100,
    // Small answers: many batches, so that the broker is killed between and inside many commits.
    maxBytesPerPartition: 40_000,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 100 }
  })
  consumer.on(consumer.events.COMMIT_OFFSETS, ({ payload }) => {
    for (const { topic, partitions } of payload.topics) {
      for (const { partition, offset } of partitions) {
        const atMs = Date.now()
        // kafkajs gives the partition as text here, whatever its types say.
        const at = { topic, partition: Number(`${partition}`), offset: Number(offset) }
        report({ type: 'committed', atMs, ...at })
      }
    }
  })
  await consumer.connect()
  await consumer.subscribe({ topics: topics!.split(','), fromBeginning: true })
  await consumer.run({
    eachBatch: async ({ batch: { topic, partition, messages } }) => {
      const records = messages.map(
        ({ offset, key, value }) => [Number(offset), recordDigest(key, value)] as const
      )
      const mayGoOn = new Promise<void>(resolve => goOnQueue.push(resolve))
      report({ type: 'delivered', atMs: Date.now(), topic, partition, records })
      await mayGoOn
    }
  })
  return consumer
}

async function stop(): Promise<void> {
  await Promise.all(consumers.map(consumer => consumer.disconnect()))
  process.disconnect()
}

function report(message: WorkerReport): void {
  process.send?.(message)
}
