import kafkajs from 'kafkajs'
import type {
  Admin,
  AdminConfig,
  Consumer,
  ConsumerConfig,
  ConsumerRunConfig,
  ITopicConfig,
  Kafka,
  KafkaConfig,
  KafkaMessage,
  Message,
  Producer,
  ProducerConfig
} from 'kafkajs'
import { onTestFinished } from 'vitest'
import { uniqueName, until } from '../waiting.ts'

/** What a consumer was given, with the place it came from. */
export interface ReceivedMessage {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: string | null
  readonly value: string | null
  readonly message: KafkaMessage
}

/** Makes connected kafkajs clients that are disconnected when the test that asked ends. */
export class Clients {
  readonly #broker: { readonly bootstrapServers: string }

  constructor(broker: { readonly bootstrapServers: string }) {
    this.#broker = broker
  }

  /** A kafkajs instance of its own: instances share committed offsets between their consumers. */
  kafka(config: Partial<KafkaConfig> = {}): Kafka {
    return new kafkajs.Kafka({
      clientId: 'conformance',
      brokers: this.#broker.bootstrapServers.split(','),
      logLevel: kafkajs.logLevel.NOTHING,
      // A second, as kafkajs has it, is little on a busy machine.
      connectionTimeout: 30_000,
      retry: { initialRetryTime: 50, retries: 8 },
      ...config
    })
  }

  async producer(config: ProducerConfig = {}): Promise<Producer> {
    const producer = this.kafka().producer(config)
    onTestFinished(() => producer.disconnect())
    await producer.connect()
    return producer
  }

  async admin(config: AdminConfig = {}): Promise<Admin> {
    const admin = this.kafka().admin(config)
    onTestFinished(() => admin.disconnect())
    await admin.connect()
    return admin
  }

  /** A connected consumer; its fetches wait only briefly, so that it stops quickly. */
  async consumer(config: Partial<ConsumerConfig> = {}): Promise<Consumer> {
    const consumer = this.kafka().consumer({
      groupId: uniqueName('group'),
      maxWaitTimeInMs: 100,
      heartbeatInterval: 300,
      ...config
    })
    onTestFinished(() => consumer.disconnect())
    await consumer.connect()
    return consumer
  }

  /**
   * Creates a topic under a new name and gives the name when every partition has a leader that
   * answers; Kafka says that a topic is created before its brokers know of it.
   */
  async createTopic(config: Partial<ITopicConfig> = {}): Promise<string> {
    const topic = config.topic ?? uniqueName('topic')
    const admin = this.kafka().admin()
    await admin.connect()
    try {
      const topics = [{ numPartitions: 1, ...config, topic }]
      await admin.createTopics({ topics, waitForLeaders: false })
      await until('every partition to have a leader', () => admin.fetchTopicOffsets(topic))
    } finally {
      await admin.disconnect()
    }
    return topic
  }

  /** Sends messages with a producer that is gone afterwards. */
  async produce(topic: string, messages: Message[]): Promise<void> {
    const producer = this.kafka().producer()
    await producer.connect()
    try {
      await producer.send({ topic, messages })
    } finally {
      await producer.disconnect()
    }
  }

  /** Runs a consumer that writes down what it is given. */
  async collect(
    consumer: Consumer,
    topics: string | (string | RegExp)[],
    config: Omit<ConsumerRunConfig, 'eachMessage' | 'eachBatch'> = {},
    fromBeginning = true
  ): Promise<ReceivedMessage[]> {
    const received: ReceivedMessage[] = []
    await consumer.subscribe({ topics: [topics].flat(), fromBeginning })
    await consumer.run({
      ...config,
      eachMessage: async ({ topic, partition, message }) => {
        received.push(receivedMessage(topic, partition, message))
      }
    })
    return received
  }

  /** Everything a topic holds, at least `count` messages of it, as a new group reads it. */
  async readTopic(
    topic: string,
    count: number,
    config: Partial<ConsumerConfig> = {}
  ): Promise<ReceivedMessage[]> {
    const consumer = await this.consumer(config)
    const received = await this.collect(consumer, topic)
    await until(`${count} messages of ${topic}`, () => received.length >= count)
    await consumer.stop()
    return received.toSorted(byPlace)
  }
}

export function receivedMessage(
  topic: string,
  partition: number,
  message: KafkaMessage
): ReceivedMessage {
  return {
    topic,
    partition,
    offset: Number(message.offset),
    key: message.key === null ? null : message.key.toString(),
    value: message.value === null ? null : message.value.toString(),
    message
  }
}

/** Resolves when a consumer that runs is a member of its group and knows its partitions. */
export function joined(consumer: Consumer): Promise<Record<string, number[]>> {
  return new Promise(resolve => {
    const remove = consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      remove()
      resolve(payload.memberAssignment)
    })
  })
}

/**
 * The Kafka errors, by name, behind what kafkajs rejected with: it wraps them in retry errors and
 * aggregates, and some APIs put them beside partitions or groups.
 *
 * @throws when the call did not fail
 */
export async function kafkaErrorsOf(call: Promise<unknown>): Promise<string[]> {
  const failure = await call.then(
    () => null,
    (error: unknown) => ({ error })
  )
  if (failure === null) throw new Error('the call was expected to fail and did not')
  const names = new Set<string>()
  collectErrorNames(failure.error, names)
  if (names.size === 0)
    throw new Error('no Kafka error is in this failure', { cause: failure.error })
  return [...names]
}

/** Passes a value where its type is not allowed, to see what kafkajs does with it. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function mistyped<T>(value: unknown): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return value as T
}

function collectErrorNames(error: unknown, names: Set<string>): void {
  if (typeof error !== 'object' || error === null) return
  if ('type' in error && typeof error.type === 'string') names.add(error.type)
  if ('cause' in error) collectErrorNames(error.cause, names)
  if ('error' in error) collectErrorNames(error.error, names)
  for (const list of ['errors', 'partitions', 'groups'] as const) {
    const nested: unknown = Reflect.get(error, list)
    if (Array.isArray(nested)) for (const one of nested) collectErrorNames(one, names)
  }
}

function byPlace(a: ReceivedMessage, b: ReceivedMessage): number {
  return a.partition - b.partition || a.offset - b.offset
}
