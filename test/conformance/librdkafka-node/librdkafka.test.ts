import { describe, expect, onTestFinished, test } from 'vitest'
import { useBroker } from '../broker.ts'
import { byText, range, uniqueName, until } from '../waiting.ts'
import { loadNodeRdkafka, missingReason } from './node-rdkafka.ts'
import type {
  DeliveryReport,
  Done,
  RdkafkaAdmin,
  RdkafkaClient,
  RdkafkaConsumer,
  RdkafkaMessage,
  RdkafkaProducer,
  TopicPartition
} from './node-rdkafka.ts'

const reason = missingReason()
if (reason !== null) console.warn(`${reason}: skipped`)

const broker = useBroker()
const timeoutMs = 60_000

type Config = Readonly<Record<string, unknown>>

async function startProducer(config: Config = {}): Promise<RdkafkaProducer> {
  const { Producer } = loadNodeRdkafka()
  const producer = new Producer({
    'bootstrap.servers': broker.bootstrapServers,
    dr_cb: true,
    ...config
  })
  await done(callback => producer.connect({ timeout: timeoutMs }, callback))
  onTestFinished(() => disconnect(producer))
  producer.setPollInterval(10)
  return producer
}

type Send = (producer: RdkafkaProducer) => void

/** Sends messages and gives what the broker has acknowledged, once it has answered for all. */
async function sendAll(
  producer: RdkafkaProducer,
  sends: readonly Send[]
): Promise<DeliveryReport[]> {
  const reports: DeliveryReport[] = []
  const failures: Error[] = []
  producer.on('delivery-report', (error: Error | null, report: DeliveryReport) => {
    if (error === null) reports.push(report)
    else failures.push(error)
  })
  for (const send of sends) send(producer)
  await until('all reports', () => reports.length + failures.length === sends.length)
  if (failures[0] !== undefined) throw failures[0]
  return reports
}

async function produceLines(topic: string, count: number, config: Config = {}): Promise<void> {
  const producer = await startProducer(config)
  await sendAll(
    producer,
    range(count).map(
      index => () => producer.produce(topic, null, Buffer.from(`line ${index}`), `key-${index % 7}`)
    )
  )
}

interface Reader {
  readonly consumer: RdkafkaConsumer
  readonly messages: RdkafkaMessage[]
}

async function startConsumer(topic: string, config: Config = {}): Promise<Reader> {
  const { KafkaConsumer } = loadNodeRdkafka()
  const consumer = new KafkaConsumer(
    {
      'bootstrap.servers': broker.bootstrapServers,
      'group.id': uniqueName('group'),
      'enable.auto.commit': false,
      'session.timeout.ms': 6_000,
      'heartbeat.interval.ms': 500,
      ...config
    },
    { 'auto.offset.reset': 'earliest' }
  )
  const messages: RdkafkaMessage[] = []
  consumer.on('data', (message: RdkafkaMessage) => messages.push(message))
  await done(callback => consumer.connect({ timeout: timeoutMs }, callback))
  onTestFinished(() => disconnect(consumer))
  consumer.subscribe([topic])
  consumer.consume()
  return { consumer, messages }
}

async function createTopic(partitions = 1, config: Config = {}): Promise<string> {
  const topic = uniqueName('topic')
  await withAdmin((admin, callback) =>
    admin.createTopic(
      { topic, num_partitions: partitions, replication_factor: 1, config },
      timeoutMs,
      callback
    )
  )
  return topic
}

function withAdmin(use: (admin: RdkafkaAdmin, callback: Done<unknown>) => void): Promise<unknown> {
  const admin = loadNodeRdkafka().AdminClient.create({
    'bootstrap.servers': broker.bootstrapServers
  })
  return done(callback => use(admin, callback)).finally(() => admin.disconnect())
}

/** Disconnects a client unless it is gone already: node-rdkafka never answers a second time. */
async function disconnect(client: RdkafkaClient): Promise<void> {
  if (client.isConnected()) await done(callback => client.disconnect(callback))
}

/** Turns a call with a callback into a promise. */
function done<T = unknown>(call: (callback: Done<T>) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => {
      // node-rdkafka gives undefined as well as null when all is well.
      if (error instanceof Error) reject(error)
      else resolve(value)
    })
  })
}

describe.skipIf(reason !== null)('librdkafka 2.12 in node-rdkafka', () => {
  test('a message comes back as it was, and its offset is reported', async () => {
    const topic = await createTopic()
    const producer = await startProducer()
    const headers = [{ first: '1' }, { second: 'two' }]
    // Recent, so that retention leaves it alone.
    const timestamp = Date.now() - 3_600_000
    const reports = await sendAll(producer, [
      () => producer.produce(topic, 0, Buffer.from('value'), 'key', timestamp, null, headers)
    ])
    expect(reports).toMatchObject([{ topic, partition: 0, offset: 0 }])
    const { messages } = await startConsumer(topic)
    await until('the message', () => messages.length === 1)
    const [message] = messages
    expect(message).toMatchObject({ partition: 0, offset: 0, timestamp })
    expect([String(message?.key), String(message?.value)]).toEqual(['key', 'value'])
    expect(message?.headers?.map(header => Object.entries(header).flat().map(String))).toEqual([
      ['first', '1'],
      ['second', 'two']
    ])
  })

  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    test(`2,000 messages compressed with ${codec} come back in order`, async () => {
      const topic = await createTopic()
      await produceLines(topic, 2_000, { 'compression.codec': codec })
      const { messages } = await startConsumer(topic, { 'check.crcs': true })
      await until('all messages', () => messages.length === 2_000)
      expect(messages.map(({ value }) => String(value))).toEqual(range(2_000).map(i => `line ${i}`))
    })
  }

  test('an idempotent producer with five requests in flight writes once, in order', async () => {
    const topic = await createTopic()
    await produceLines(topic, 20_000, {
      'enable.idempotence': true,
      'batch.num.messages': 100,
      'linger.ms': 1
    })
    const { messages } = await startConsumer(topic)
    await until('all messages', () => messages.length >= 20_000)
    expect(messages.map(({ offset }) => offset)).toEqual(range(20_000))
    expect(messages.map(({ value }) => String(value))).toEqual(range(20_000).map(i => `line ${i}`))
  })

  for (const [name, config] of [
    ['the range assignor', {}],
    ['the cooperative-sticky assignor', { 'partition.assignment.strategy': 'cooperative-sticky' }]
  ] as const) {
    test(`two members share partitions with ${name}, one takes over`, async () => {
      const topic = await createTopic(6)
      const group = { 'group.id': uniqueName('group'), ...config }
      const first = await startConsumer(topic, group)
      await until('one to have all', () => first.consumer.assignments().length === 6)
      const second = await startConsumer(topic, group)
      await until('both to have a half', () => {
        return [first, second].every(({ consumer }) => consumer.assignments().length === 3)
      })
      const partitions = [first, second].flatMap(({ consumer }) => consumer.assignments())
      expect(partitions.map(({ partition }) => partition).toSorted(byText)).toEqual(range(6))
      await disconnect(second.consumer)
      await until('one to have all again', () => first.consumer.assignments().length === 6)
    })
  }

  test('a committed offset is told and is where the next member of the group starts', async () => {
    const topic = await createTopic()
    await produceLines(topic, 10)
    const group = { 'group.id': uniqueName('group') }
    const first = await startConsumer(topic, group)
    await until('all messages', () => first.messages.length === 10)
    first.consumer.commit([{ topic, partition: 0, offset: 6 }])
    await until('the commit', async () => {
      const committed = await done<TopicPartition[]>(callback =>
        first.consumer.committed([{ topic, partition: 0 }], timeoutMs, callback)
      )
      return committed[0]?.offset === 6
    })
    await disconnect(first.consumer)
    const second = await startConsumer(topic, group)
    await until('the rest', () => second.messages.length === 4)
    expect(second.messages.map(({ offset }) => offset)).toEqual([6, 7, 8, 9])
  })

  test('watermarks and offsets for times are told', async () => {
    const topic = await createTopic()
    const producer = await startProducer()
    // Recent, so that retention leaves them alone.
    const baseMs = Date.now() - 3_600_000
    const times = [baseMs + 1_000, baseMs + 2_000, baseMs + 3_000]
    await sendAll(
      producer,
      times.map(time => () => producer.produce(topic, 0, Buffer.of(1), null, time))
    )
    const { consumer, messages } = await startConsumer(topic)
    await until('all messages', () => messages.length === 3)
    const watermarks = await done(callback =>
      consumer.queryWatermarkOffsets(topic, 0, timeoutMs, callback)
    )
    expect(watermarks).toEqual({ lowOffset: 0, highOffset: 3 })
    const offsets = await done(callback =>
      consumer.offsetsForTimes(
        [{ topic, partition: 0, offset: baseMs + 1_500 }],
        timeoutMs,
        callback
      )
    )
    expect(offsets).toMatchObject([{ topic, partition: 0, offset: 1 }])
  })

  test('a message larger than its topic allows is refused', async () => {
    const topic = await createTopic(1, { 'max.message.bytes': '1000' })
    const producer = await startProducer()
    const sent = sendAll(producer, [() => producer.produce(topic, 0, Buffer.alloc(2_000, 'x'))])
    await expect(sent).rejects.toThrow(/message size too large/i)
  })

  test('the admin client manages topics and is told why when it cannot', async () => {
    const topic = await createTopic()
    const create = (name: string, config: Config = {}) =>
      withAdmin((admin, callback) =>
        admin.createTopic(
          { topic: name, num_partitions: 1, replication_factor: 1, config },
          timeoutMs,
          callback
        )
      )
    await expect(create(topic)).rejects.toThrow(/already exists/i)
    await expect(create('no topic')).rejects.toThrow(/invalid|illegal/i)
    await expect(create(uniqueName('t'), { 'no.such': '1' })).rejects.toThrow(/no\.such|config/i)
    await withAdmin((admin, callback) => admin.createPartitions(topic, 3, timeoutMs, callback))
    const extend = withAdmin((admin, callback) =>
      admin.createPartitions(topic, 2, timeoutMs, callback)
    )
    await expect(extend).rejects.toThrow(/partition/i)
    await withAdmin((admin, callback) => admin.deleteTopic(topic, timeoutMs, callback))
    const again = withAdmin((admin, callback) => admin.deleteTopic(topic, timeoutMs, callback))
    await expect(again).rejects.toThrow(/unknown topic/i)
  })
})
