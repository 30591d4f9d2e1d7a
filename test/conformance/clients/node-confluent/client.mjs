// What the steps share: how to make clients, send and read.
import { createRequire } from 'node:module'
import { bootstrap, until } from './scenario.mjs'

const require = createRequire(import.meta.url)
const { KafkaJS, librdkafkaVersion } = require('@confluentinc/kafka-javascript')
const packageVersion = require('@confluentinc/kafka-javascript/package.json').version
export const version = `${packageVersion} (librdkafka ${librdkafkaVersion})`
export const { IsolationLevel, ConsumerGroupStates } = KafkaJS

const kafka = new KafkaJS.Kafka({
  kafkaJS: { brokers: [bootstrap], clientId: 'conformance', logLevel: KafkaJS.logLevel.NOTHING }
})

async function connected(client) {
  await client.connect()
  return client
}

export const admin = await connected(kafka.admin())

export async function createTopic(topic, numPartitions, configs = {}) {
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
  const wanted = { topic, numPartitions, replicationFactor: 1, configEntries }
  const isNew = await admin.createTopics({ topics: [wanted] })
  if (!isNew) throw new Error('TOPIC_ALREADY_EXISTS')
}

/** @param kafkaJS its options in KafkaJS's manner; `more` are librdkafka's */
export const connectProducer = (kafkaJS = {}, more = {}) =>
  connected(kafka.producer({ kafkaJS, ...more }))

export async function send(topic, messages, kafkaJS, more) {
  const producer = await connectProducer(kafkaJS, more)
  try {
    // The client fills in fields of the messages that it is given.
    await producer.send({ topic, messages: messages.map(message => ({ ...message })) })
  } finally {
    await producer.disconnect()
  }
}

/** A member of a group that collects what it reads; `seek` is where it begins. */
export async function startConsumer(groupId, topic, options = {}) {
  const { kafkaJS = {}, more = {}, seek } = options
  const consumer = await connected(
    kafka.consumer({
      kafkaJS: { groupId, fromBeginning: true, autoCommit: false, ...kafkaJS },
      ...more
    })
  )
  consumer.messages = []
  await consumer.subscribe({ topics: [topic] })
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      consumer.messages.push({ ...message, partition })
    }
  })
  if (seek !== undefined) consumer.seek({ topic, partition: 0, offset: String(seek) })
  return consumer
}

let readers = 0

/** The first `count` records that a reader of its own group gets. */
export async function read(topic, count, options) {
  readers += 1
  const consumer = await startConsumer(`reader-${readers}`, topic, options)
  await until(`${count} records`, () => consumer.messages.length >= count)
  await consumer.disconnect()
  return consumer.messages
}

const text = bytes => (bytes === null || bytes === undefined ? null : `${bytes}`)

export const plain = messages =>
  messages.map(({ key, value }) => ({ key: text(key), value: text(value) }))

export async function committed(groupId, topic, partition) {
  const topics = [{ topic, partitions: [partition] }]
  const [answer] = await admin.fetchOffsets({ groupId, topics })
  return answer.partitions[0]
}

/** Commits for a group without members. */
export async function commitOffset(groupId, topic, partition, offset) {
  const committer = await connected(kafka.consumer({ kafkaJS: { groupId, autoCommit: false } }))
  await committer.commitOffsets([{ topic, partition, offset: String(offset), metadata: 'a note' }])
  await committer.disconnect()
}
