import kafkajs from 'kafkajs'
import type { Consumer, Kafka, Producer } from 'kafkajs'
import { registerSnappyCodec } from '../../test/conformance/kafkajs/snappy-codec.ts'
import type { Scenario } from './scenario.ts'
import { expectFailure, pad, until } from './scenario.ts'

const { CompressionTypes, ConfigResourceTypes, logLevel } = kafkajs

/** What kafkajs 2.2.4 is made to do while its frames are recorded. */
export const kafkajsScenarios: Readonly<Record<string, Scenario>> = {
  produce: async bootstrapServers => {
    registerSnappyCodec()
    const kafka = client(bootstrapServers)
    await withAdmin(kafka, async admin => {
      await admin.createTopics({ topics: [{ topic: 'kafkajs-produce', numPartitions: 3 }] })
    })
    await withProducer(kafka.producer(), async producer => {
      const topic = 'kafkajs-produce'
      await producer.send({ topic, messages: [{ value: 'neither key nor headers' }] })
      await producer.send({ topic, acks: 1, messages: [{ key: 'tombstone', value: null }] })
      await producer.send({ topic, acks: 0, messages: [{ key: 'unanswered', value: 'acks 0' }] })
      await producer.send({
        topic,
        messages: [
          { key: 'a', value: 'one', headers: { plain: 'header', list: ['x', 'y'], empty: '' } },
          { key: Buffer.of(0, 255), value: '', timestamp: '1700000000000' },
          { value: 'at a partition', partition: 2, timestamp: '1600000000000' }
        ]
      })
      await producer.send({ topic, messages: [{ value: 'x', partition: 0, headers: { h: 'v' } }] })
    })
    await withProducer(kafka.producer(), async producer => {
      const topic = 'kafkajs-produce'
      const messages = Array.from({ length: 40 }, (_, index) => ({
        key: `key-${index % 4}`,
        value: `message ${index} ${pad(60)}`
      }))
      await producer.send({ topic, messages, compression: CompressionTypes.GZIP })
      await producer.send({ topic, messages, compression: CompressionTypes.Snappy })
    })
  },
  'produce-idempotent': async bootstrapServers => {
    const kafka = client(bootstrapServers)
    await withAdmin(kafka, async admin => {
      await admin.createTopics({ topics: [{ topic: 'kafkajs-idempotent', numPartitions: 1 }] })
    })
    const idempotent = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    await withProducer(idempotent, async producer => {
      for (const value of ['first', 'second', 'third']) {
        await producer.send({ topic: 'kafkajs-idempotent', messages: [{ value }, { value }] })
      }
    })
  },
  'produce-errors': async bootstrapServers => {
    const kafka = client(bootstrapServers)
    await withProducer(kafka.producer({ allowAutoTopicCreation: false }), async producer => {
      await expectFailure(
        producer.send({ topic: 'kafkajs-missing', messages: [{ value: 'nowhere to go' }] })
      )
    })
    await withProducer(kafka.producer(), async producer => {
      await producer.send({ topic: 'kafkajs-auto-created', messages: [{ value: 'made for it' }] })
    })
    await withAdmin(kafka, async admin => {
      const configEntries = [{ name: 'max.message.bytes', value: '1000' }]
      await admin.createTopics({ topics: [{ topic: 'kafkajs-small', configEntries }] })
      const compact = [{ name: 'cleanup.policy', value: 'compact' }]
      await admin.createTopics({ topics: [{ topic: 'kafkajs-compact', configEntries: compact }] })
    })
    await withProducer(kafka.producer(), async producer => {
      await expectFailure(
        producer.send({ topic: 'kafkajs-small', messages: [{ value: pad(2_000) }] })
      )
      await expectFailure(producer.send({ topic: 'kafkajs-compact', messages: [{ value: 'v' }] }))
    })
  },
  consume: async bootstrapServers => {
    registerSnappyCodec()
    const kafka = client(bootstrapServers)
    let count = 0
    await withConsumer(kafka.consumer({ groupId: 'kafkajs-consume' }), async consumer => {
      await consumer.subscribe({ topics: ['kafkajs-produce'], fromBeginning: true })
      await consumer.run({
        eachMessage: async () => {
          count++
        }
      })
      await until(() => count >= 80)
      consumer.seek({ topic: 'kafkajs-produce', partition: 0, offset: '1000000' })
      const before = count
      await until(() => count > before)
    })
  },
  group: async bootstrapServers => {
    const kafka = client(bootstrapServers)
    const groupId = 'kafkajs-group'
    const topic = 'kafkajs-group-topic'
    await withAdmin(kafka, admin => admin.createTopics({ topics: [{ topic, numPartitions: 4 }] }))
    await withProducer(kafka.producer(), async producer => {
      const messages = Array.from({ length: 40 }, (_, index) => ({ value: `${index}` }))
      await producer.send({ topic, messages })
    })
    let joins = 0
    let count = 0
    const start = async (consumer: Consumer): Promise<void> => {
      consumer.on(consumer.events.GROUP_JOIN, () => joins++)
      await consumer.subscribe({ topics: [topic], fromBeginning: true })
      await consumer.run({
        autoCommitInterval: 200,
        eachMessage: async () => {
          count++
        }
      })
    }
    const options = { groupId, sessionTimeout: 10_000, heartbeatInterval: 300 }
    await withConsumer(kafka.consumer(options), async first => {
      await start(first)
      await until(() => joins === 1 && count >= 40)
      await withConsumer(kafka.consumer(options), async second => {
        await start(second)
        await until(() => joins >= 3)
        await first.describeGroup()
      })
      await until(() => joins >= 4)
    })
    await withAdmin(kafka, async admin => {
      await admin.describeGroups([groupId, 'kafkajs-no-such-group'])
      await admin.fetchOffsets({ groupId, topics: [topic] })
      await admin.fetchOffsets({ groupId })
      await admin.listGroups()
      await admin.deleteGroups([groupId])
      await expectFailure(admin.deleteGroups(['kafkajs-no-such-group']))
    })
  },
  admin: async bootstrapServers => {
    await withAdmin(client(bootstrapServers), adminScenario)
  },
  transactions: async bootstrapServers => {
    const kafka = client(bootstrapServers)
    const topic = 'kafkajs-transactions'
    await withAdmin(kafka, admin => admin.createTopics({ topics: [{ topic, numPartitions: 2 }] }))
    const options = { transactionalId: 'kafkajs-txn', maxInFlightRequests: 1, idempotent: true }
    await withProducer(kafka.producer(options), async producer => {
      const committed = await producer.transaction()
      await committed.send({ topic, messages: [{ value: 'committed', partition: 0 }] })
      await committed.sendOffsets({
        consumerGroupId: 'kafkajs-txn-group',
        topics: [{ topic, partitions: [{ partition: 1, offset: '7' }] }]
      })
      await committed.commit()
      const aborted = await producer.transaction()
      await aborted.send({ topic, messages: [{ value: 'aborted', partition: 0 }] })
      await aborted.abort()
      const last = await producer.transaction()
      await last.send({ topic, messages: [{ value: 'last', partition: 0 }] })
      await last.commit()
    })
    const values: string[] = []
    await withConsumer(kafka.consumer({ groupId: 'kafkajs-txn-reader' }), async consumer => {
      await consumer.subscribe({ topics: [topic], fromBeginning: true })
      await consumer.run({
        eachMessage: async ({ message }) => {
          values.push(String(message.value))
        }
      })
      await until(() => values.includes('last'))
    })
    await withAdmin(kafka, admin => admin.fetchOffsets({ groupId: 'kafkajs-txn-group' }))
  }
}

async function adminScenario(admin: ReturnType<Kafka['admin']>): Promise<void> {
  const topic = 'kafkajs-admin'
  await admin.describeCluster()
  await admin.createTopics({
    topics: [{ topic, numPartitions: 2, configEntries: [{ name: 'retention.ms', value: '60000' }] }]
  })
  await expectFailure(admin.createTopics({ topics: [{ topic: 'bad/name' }] }))
  await admin.createTopics({ topics: [{ topic }] })
  await admin.createTopics({
    validateOnly: true,
    waitForLeaders: false,
    topics: [{ topic: 'kafkajs-validated' }]
  })
  await admin.listTopics()
  await admin.fetchTopicMetadata({ topics: [topic] })
  await admin.fetchTopicOffsets(topic)
  await admin.fetchTopicOffsetsByTimestamp(topic, 1)
  const resources = [
    { type: ConfigResourceTypes.TOPIC, name: topic },
    { type: ConfigResourceTypes.BROKER, name: '1', configNames: ['log.retention.ms'] }
  ]
  await admin.describeConfigs({ resources, includeSynonyms: true })
  await admin.describeConfigs({ resources: resources.slice(1), includeSynonyms: false })
  const altered = { type: ConfigResourceTypes.TOPIC, name: topic }
  const configEntries = [{ name: 'retention.ms', value: '120000' }]
  await admin.alterConfigs({ validateOnly: true, resources: [{ ...altered, configEntries }] })
  await admin.alterConfigs({ validateOnly: false, resources: [{ ...altered, configEntries }] })
  const wrong = [{ name: 'retention.ms', value: 'soon' }]
  await expectFailure(
    admin.alterConfigs({ validateOnly: false, resources: [{ ...altered, configEntries: wrong }] })
  )
  await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] })
  await expectFailure(admin.createPartitions({ topicPartitions: [{ topic, count: 1 }] }))
  await admin.setOffsets({
    groupId: 'kafkajs-offsets',
    topic,
    partitions: [{ partition: 0, offset: '0' }]
  })
  await admin.resetOffsets({ groupId: 'kafkajs-offsets', topic, earliest: true })
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '-1' }] })
  await admin.listPartitionReassignments({})
  const partitionAssignment = [{ partition: 0, replicas: [1] }]
  await admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment }] })
  await admin.deleteTopics({ topics: [topic] })
  await expectFailure(admin.deleteTopics({ topics: ['kafkajs-no-such-topic'] }))
}

function client(bootstrapServers: string): Kafka {
  return new kafkajs.Kafka({
    clientId: 'golden',
    brokers: bootstrapServers.split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 3, initialRetryTime: 50 }
  })
}

async function withAdmin(
  kafka: Kafka,
  use: (admin: ReturnType<Kafka['admin']>) => Promise<unknown>
): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    await use(admin)
  } finally {
    await admin.disconnect()
  }
}

async function withProducer(
  producer: Producer,
  use: (producer: Producer) => Promise<void>
): Promise<void> {
  await producer.connect()
  try {
    await use(producer)
  } finally {
    await producer.disconnect()
  }
}

async function withConsumer(
  consumer: Consumer,
  use: (consumer: Consumer) => Promise<void>
): Promise<void> {
  await consumer.connect()
  try {
    await use(consumer)
  } finally {
    await consumer.disconnect()
  }
}
