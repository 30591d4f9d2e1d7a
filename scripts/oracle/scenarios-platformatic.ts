import {
  Admin,
  Consumer,
  Producer,
  stringDeserializers,
  stringSerializers
} from '@platformatic/kafka'
import type { Scenario } from './scenario.ts'
import { expectFailure, pad, until } from './scenario.ts'

type Options = ConstructorParameters<typeof Producer<string, string, string, string>>[0]

/** What @platformatic/kafka is made to do while its frames are recorded. */
export const platformaticScenarios: Readonly<Record<string, Scenario>> = {
  produce: async bootstrapServers => {
    await createTopics(bootstrapServers, 'platformatic-produce')
    await withProducer(bootstrapServers, {}, async producer => {
      const topic = 'platformatic-produce'
      await producer.send({ messages: [{ topic, value: 'no key' }] })
      await producer.send({ messages: [{ topic, key: 'tombstone' }] })
      await producer.send({ messages: [{ topic, key: 'k', value: 'v', headers: { h: 'v' } }] })
    })
    for (const compression of ['gzip', 'snappy', 'lz4'] as const) {
      await withProducer(bootstrapServers, { compression }, async producer => {
        const messages = Array.from({ length: 20 }, (_, index) => ({
          topic: 'platformatic-produce',
          key: `${index}`,
          value: pad(100)
        }))
        await producer.send({ messages })
      })
    }
    await withProducer(bootstrapServers, { idempotent: true }, async producer => {
      for (const value of ['a', 'b']) {
        await producer.send({ messages: [{ topic: 'platformatic-produce', value }] })
      }
    })
    await withProducer(bootstrapServers, { autocreateTopics: true }, async producer => {
      await producer.send({ messages: [{ topic: 'platformatic-auto-created', value: 'x' }] })
    })
  },
  consume: async bootstrapServers => {
    await withConsumer(bootstrapServers, 'platformatic-consume', async consumer => {
      const stream = await consumer.consume({
        topics: ['platformatic-produce'],
        mode: 'earliest',
        maxWaitTime: 200
      })
      let count = 0
      stream.on('data', () => count++)
      await until(() => count >= 65)
      await stream.close()
      await consumer.listOffsets({ topics: ['platformatic-produce'] })
      await consumer.listOffsets({ topics: ['platformatic-produce'], timestamp: -2n })
    })
  },
  group: async bootstrapServers => {
    const topic = 'platformatic-produce'
    await withConsumer(bootstrapServers, 'platformatic-group', async first => {
      const mode = { mode: 'committed', fallbackMode: 'earliest' } as const
      const options = { topics: [topic], ...mode }
      let count = 0
      const stream = await first.consume({ ...options, maxWaitTime: 200, autocommit: 100 })
      stream.on('data', () => count++)
      await until(() => count >= 65)
      await withConsumer(bootstrapServers, 'platformatic-group', async second => {
        const joined: unknown[] = []
        first.on('consumer:group:join', event => joined.push(event))
        const other = await second.consume({ ...options, maxWaitTime: 200 })
        other.resume()
        await until(() => joined.length > 0)
        await other.close()
      })
      await first.commit({ offsets: [{ topic, partition: 0, offset: 3n, leaderEpoch: 0 }] })
      await first.listCommittedOffsets({ topics: [{ topic, partitions: [0, 1, 2] }] })
      await stream.close()
    })
  },
  'consumer-group': async bootstrapServers => {
    const topic = 'platformatic-produce'
    const groupId = 'platformatic-consumer-group'
    const consumer = new Consumer({
      ...clientOptions(bootstrapServers),
      groupId,
      groupProtocol: 'consumer',
      deserializers: stringDeserializers
    })
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest', maxWaitTime: 200 })
    let count = 0
    stream.on('data', () => count++)
    await until(() => count >= 65)
    await stream.close()
    await consumer.close()
  },
  admin: async bootstrapServers => {
    await withAdmin(bootstrapServers, adminScenario)
  },
  transactions: async bootstrapServers => {
    await createTopics(bootstrapServers, 'platformatic-txn')
    const options = { transactionalId: 'platformatic-txn', idempotent: true }
    await withProducer(bootstrapServers, options, async producer => {
      const committed = await producer.beginTransaction()
      await committed.send({ messages: [{ topic: 'platformatic-txn', value: 'committed' }] })
      await committed.commit()
      const aborted = await producer.beginTransaction()
      await aborted.send({ messages: [{ topic: 'platformatic-txn', value: 'aborted' }] })
      await aborted.abort()
    })
  }
}

async function adminScenario(admin: Admin): Promise<void> {
  const topic = 'platformatic-admin'
  const name = topic
  await admin.createTopics({
    topics: [topic],
    partitions: 2,
    replicas: 1,
    configs: [{ name: 'retention.ms', value: '60000' }]
  })
  await expectFailure(admin.createTopics({ topics: [topic] }))
  await expectFailure(admin.createTopics({ topics: ['bad/name'] }))
  await admin.listTopics({ includeInternals: true })
  await admin.metadata({ topics: [topic] })
  await admin.createPartitions({ topics: [{ name, count: 3, assignments: [{ brokerIds: [1] }] }] })
  await admin.describeConfigs({
    resources: [{ resourceType: 2, resourceName: topic, configurationKeys: null }],
    includeDocumentation: false,
    includeSynonyms: true
  })
  await admin.incrementalAlterConfigs({
    resources: [
      {
        resourceType: 2,
        resourceName: topic,
        configs: [{ name: 'retention.ms', configOperation: 0, value: '70000' }]
      }
    ]
  })
  await admin.alterConfigs({
    resources: [
      {
        resourceType: 2,
        resourceName: topic,
        configs: [{ name: 'retention.ms', value: '80000' }]
      }
    ]
  })
  await admin.listOffsets({
    topics: [{ name, partitions: [{ partitionIndex: 0, timestamp: -1n }] }]
  })
  await admin.deleteRecords({ topics: [{ name, partitions: [{ partition: 0, offset: 0n }] }] })
  await admin.describeLogDirs({ topics: [{ name, partitions: [0] }] })
  await admin.findCoordinator({ keyType: 0, keys: ['platformatic-group'] })
  await admin.listGroups()
  await admin.describeGroups({ groups: ['platformatic-group'] })
  const groupId = 'platformatic-offsets'
  const partitionOffsets = [{ partition: 0, offset: 1n }]
  await admin.alterConsumerGroupOffsets({ groupId, topics: [{ name, partitionOffsets }] })
  await admin.listConsumerGroupOffsets({ groups: [groupId] })
  const partitionIndexes = [0]
  await admin.deleteConsumerGroupOffsets({ groupId, topics: [{ name, partitionIndexes }] })
  await admin.deleteGroups({ groups: ['platformatic-group'] })
  await admin.describeClientQuotas({ components: [{ entityType: 'client-id', matchType: 2 }] })
  await admin.deleteTopics({ topics: [topic] })
  await expectFailure(admin.deleteTopics({ topics: [topic] }))
}

function clientOptions(bootstrapServers: string) {
  return {
    clientId: 'golden',
    bootstrapBrokers: bootstrapServers.split(','),
    retries: 20,
    retryDelay: 100
  }
}

async function createTopics(bootstrapServers: string, topic: string): Promise<void> {
  await withAdmin(bootstrapServers, async admin => {
    await admin.createTopics({ topics: [topic], partitions: 3, replicas: 1 })
  })
}

async function withAdmin(
  bootstrapServers: string,
  use: (admin: Admin) => Promise<void>
): Promise<void> {
  const admin = new Admin(clientOptions(bootstrapServers))
  try {
    await use(admin)
  } finally {
    await admin.close()
  }
}

async function withProducer(
  bootstrapServers: string,
  options: Partial<Options>,
  use: (producer: Producer<string, string, string, string>) => Promise<void>
): Promise<void> {
  const producer = new Producer<string, string, string, string>({
    ...clientOptions(bootstrapServers),
    serializers: stringSerializers,
    ...options
  })
  try {
    await use(producer)
  } finally {
    await producer.close()
  }
}

async function withConsumer(
  bootstrapServers: string,
  groupId: string,
  use: (consumer: Consumer<string, string, string, string>) => Promise<void>
): Promise<void> {
  const consumer = new Consumer<string, string, string, string>({
    ...clientOptions(bootstrapServers),
    groupId,
    heartbeatInterval: 500,
    deserializers: stringDeserializers
  })
  try {
    await use(consumer)
  } finally {
    await consumer.close()
  }
}
