import {
  Admin,
  Consumer,
  Producer,
  stringDeserializers,
  stringSerializers,
  type ConsumeOptions,
  type ConsumerOptions,
  type Message,
  type MessageToProduce,
  type ProducerOptions
} from '@platformatic/kafka'
import { onTestFinished } from 'vitest'
import { range, uniqueName, until } from '../waiting.ts'

/** Of messages that have a time of their own, ms: recent, so that retention leaves them alone. */
export const baseMs = BigInt(Date.now() - 3_600_000)

export type TextMessage = Message<string, string, string, string>
export type TextProducer = Producer<string, string, string, string>
export type TextConsumer = Consumer<string, string, string, string>
type TextProducerOptions = Partial<ProducerOptions<string, string, string, string>>
type TextConsumerOptions = Partial<ConsumerOptions<string, string, string, string>>
type TextConsumeOptions = ConsumeOptions<string, string, string, string>

/** Makes @platformatic/kafka clients that are closed when the test that asked ends. */
export class PlatformaticClients {
  readonly #broker: { readonly bootstrapServers: string }

  constructor(broker: { readonly bootstrapServers: string }) {
    this.#broker = broker
  }

  get #options() {
    return {
      clientId: 'conformance',
      bootstrapBrokers: this.#broker.bootstrapServers.split(','),
      retries: 20,
      retryDelay: 50
    }
  }

  admin(): Admin {
    const admin = new Admin(this.#options)
    onTestFinished(async () => admin.close())
    return admin
  }

  producer(options: TextProducerOptions = {}): TextProducer {
    const producer = new Producer<string, string, string, string>({
      ...this.#options,
      serializers: stringSerializers,
      ...options
    })
    onTestFinished(async () => producer.close(true))
    return producer
  }

  consumer(options: TextConsumerOptions = {}): TextConsumer {
    const merged = {
      ...this.#options,
      groupId: uniqueName('group'),
      deserializers: stringDeserializers,
      maxWaitTime: 100,
      ...options
    }
    const consumer = new Consumer<string, string, string, string>(merged)
    onTestFinished(async () => consumer.close(true))
    return consumer
  }

  /** Creates a topic under a new name and gives the name. */
  async createTopic(partitions = 1, configs: Record<string, string> = {}): Promise<string> {
    const topic = uniqueName('topic')
    const admin = new Admin(this.#options)
    try {
      const configList = Object.entries(configs).map(([name, value]) => ({ name, value }))
      await admin.createTopics({ topics: [topic], partitions, replicas: 1, configs: configList })
      // Kafka answers before every partition has its leader, and this client then sends a whole
      // request again, also what was written: without this wait, messages come twice.
      const timestamps = range(partitions).map(partitionIndex => ({
        partitionIndex,
        timestamp: -1n
      }))
      await until('every partition to have a leader', () =>
        admin.listOffsets({ topics: [{ name: topic, partitions: timestamps }] })
      )
    } finally {
      await admin.close()
    }
    return topic
  }

  async produce(
    messages: MessageToProduce<string, string, string, string>[],
    options: TextProducerOptions = {}
  ): Promise<void> {
    await this.producer(options).send({ messages })
  }

  /** Starts to consume, and gives the list that the messages are written into. */
  async collect(
    consumer: TextConsumer,
    options: Omit<TextConsumeOptions, 'mode'> & Pick<Partial<TextConsumeOptions>, 'mode'>
  ): Promise<TextMessage[]> {
    const received: TextMessage[] = []
    const stream = await consumer.consume({ mode: 'earliest', ...options })
    stream.on('data', message => received.push(message))
    return received
  }

  /** Everything a topic holds, at least `count` messages of it, in the order of the log. */
  async readTopic(topic: string, count: number): Promise<TextMessage[]> {
    const consumer = this.consumer()
    const received = await this.collect(consumer, { topics: [topic] })
    await until(`${count} messages of ${topic}`, () => received.length >= count)
    return received.toSorted(byPlace)
  }
}

/**
 * The Kafka errors, by name, behind what a call rejected with; they hang in trees of causes.
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

function collectErrorNames(error: unknown, names: Set<string>): void {
  if (!(error instanceof Error)) return
  if ('apiId' in error && typeof error.apiId === 'string') names.add(error.apiId)
  collectErrorNames(error.cause, names)
  if (error instanceof AggregateError) for (const one of error.errors) collectErrorNames(one, names)
}

function byPlace(a: TextMessage, b: TextMessage): number {
  return a.partition - b.partition || Number(a.offset - b.offset)
}
