import { setTimeout as delay } from 'node:timers/promises'
import { ask, createTopics, deleteTopics } from './asking.ts'
import type { BrokerProcess } from './broker-process.ts'
import { batchOf, nextTopic, produceErrorAt, produceFrame } from './frames.ts'
import { runLoad, type Address } from './raw-load.ts'

export const partitionCount = 12

/** Records that `withTopic` leaves in every partition. */
export const recordsBefore = 1

/**
 * Runs `work` while a topic of its own is there: every run has logs of its own. Each partition has
 * one record already.
 */
export async function withTopic<T>(
  broker: BrokerProcess,
  work: (topic: string) => Promise<T>
): Promise<T> {
  const topic = nextTopic()
  await createTopics(broker, [topic], partitionCount)
  await waitForLeaders(broker, topic)
  try {
    return await work(topic)
  } finally {
    await deleteTopics(broker, [topic])
  }
}

/**
 * Apache Kafka says that a new partition has a leader a little before that leader takes records, so
 * one is sent to each until it is taken.
 */
async function waitForLeaders(address: Address, topic: string): Promise<void> {
  let missing = Array.from({ length: partitionCount }, (_, partition) => partition)
  for (let attempt = 0; attempt < 1000; attempt++) {
    const records = batchOf(1, 1)
    const { responses } = await ask(address, 'Produce', 7, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 30_000,
      topicData: [{ name: topic, partitionData: missing.map(index => ({ index, records })) }]
    })
    missing = responses
      .flatMap(({ partitionResponses }) => partitionResponses)
      .flatMap(({ index, errorCode }) => (errorCode === 0 ? [] : [index]))
    if (missing.length === 0) return
    await delay(10)
  }
  throw new Error(`${topic} takes no records`)
}

/** Puts batches into the partitions of a topic in turn. */
export async function fill(
  address: Address,
  topic: string,
  batch: Buffer,
  batches: number
): Promise<void> {
  const frames = Array.from({ length: partitionCount }, (_, partition) =>
    produceFrame(topic, partition, batch)
  )
  await runLoad(address, frames, { requests: batches, 'error-at': produceErrorAt })
}
