import { Kafka, logLevel } from 'kafkajs'

/** Creates the topic that a load run writes to. */
export async function createTopic(
  broker: { readonly host: string; readonly port: number },
  topic: string,
  numPartitions: number
): Promise<void> {
  const kafka = new Kafka({ brokers: [`${broker.host}:${broker.port}`], logLevel: logLevel.ERROR })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions }] })
  await admin.disconnect()
}
