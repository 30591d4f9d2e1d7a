import { Kafka, logLevel, type Admin } from 'kafkajs'

/**
 * Records that every partition holds when a run begins: Apache Kafka says that a new partition has
 * a leader a little before that leader takes records, so one is sent until it is taken.
 */
export const recordsBefore = 1

/** Runs `work` while a topic of that name is there, and removes it: every run has an empty log. */
export async function withTopic<T>(
  broker: { readonly host: string; readonly port: number },
  options: { readonly topic: string; readonly numPartitions: number },
  work: () => Promise<T>
): Promise<T> {
  const kafka = new Kafka({
    brokers: [`${broker.host}:${broker.port}`],
    logLevel: logLevel.NOTHING
  })
  const admin: Admin = kafka.admin()
  await admin.connect()
  try {
    await admin.createTopics({ topics: [options], waitForLeaders: true })
    await sendOneToEach(kafka, options)
    const result = await work()
    await admin.deleteTopics({ topics: [options.topic] })
    return result
  } finally {
    await admin.disconnect()
  }
}

async function sendOneToEach(
  kafka: Kafka,
  { topic, numPartitions }: { readonly topic: string; readonly numPartitions: number }
): Promise<void> {
  const producer = kafka.producer()
  await producer.connect()
  const partitions = Array.from({ length: numPartitions }, (_, partition) => partition)
  await producer.send({ topic, messages: partitions.map(partition => ({ partition, value: '' })) })
  await producer.disconnect()
}
