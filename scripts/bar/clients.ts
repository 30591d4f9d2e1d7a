import kafkajs from 'kafkajs'
import type { Kafka, KafkaConfig } from 'kafkajs'
import { codecOf, decompress } from '../../src/record/compression.ts'
import type { ReadPartition, ReadRecord } from './ledger.ts'

/**
 * A reader that has crashed so often without a new record, or has fetched nothing so often, has met
 * the end of what it will ever get: not the one that has only waited long, on a slow machine.
 */
const crashesMax = 5
const emptyFetchesMax = 50
/** A reader that gets no answers at all gives up after so long. */
const silenceMs = 60_000
const unpackedSizeMax = 64 * 1024 * 1024

export const compressions = [
  kafkajs.CompressionTypes.None,
  kafkajs.CompressionTypes.GZIP,
  kafkajs.CompressionTypes.Snappy,
  kafkajs.CompressionTypes.LZ4,
  kafkajs.CompressionTypes.ZSTD
] as const

/** Teaches kafkajs the codecs that it does not bring along. */
export function registerCodecs(): void {
  for (const [type, name] of [
    [kafkajs.CompressionTypes.Snappy, 'snappy'],
    [kafkajs.CompressionTypes.LZ4, 'lz4'],
    [kafkajs.CompressionTypes.ZSTD, 'zstd']
  ] as const) {
    kafkajs.CompressionCodecs[type] = () => ({
      compress: async (encoder: { readonly buffer: Buffer }) =>
        codecOf(name).compress(encoder.buffer),
      async decompress(buffer: Buffer) {
        const unpacked = decompress(name, buffer, unpackedSizeMax)
        if (!unpacked.ok) throw new Error(`${name}: ${unpacked.detail ?? unpacked.error}`)
        return unpacked.value
      }
    })
  }
}

/** Clients that go on trying for as long as it takes. */
export function patientKafka(address: string, config: Partial<KafkaConfig> = {}): Kafka {
  return new kafkajs.Kafka({
    clientId: 'bar',
    brokers: [address],
    logLevel: kafkajs.logLevel.NOTHING,
    connectionTimeout: 30_000,
    retry: { initialRetryTime: 20, maxRetryTime: 250, retries: 100_000 },
    ...config
  })
}

/** Clients that say at once what went wrong. */
export function hastyKafka(address: string): Kafka {
  return patientKafka(address, { retry: { initialRetryTime: 10, retries: 0 } })
}

/**
 * Repeats what may be repeated while there is no connection; kafkajs retries much by itself, but
 * not what its admin client asks.
 *
 * @throws any other error, and that one after a minute
 */
export async function insist<T>(action: () => Promise<T>): Promise<T> {
  const deadlineMs = Date.now() + 60_000
  for (;;) {
    try {
      return await action()
    } catch (error) {
      if (!isConnectionError(error) || Date.now() > deadlineMs) throw error
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }
}

function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { name, cause } = error
  if (/Connection|RequestTimeout|BrokerNotFound|MetadataNotLoaded/.test(name)) return true
  if ('type' in error && notYet.has(String(error.type))) return true
  return isConnectionError(cause)
}

/** What a broker says that has just been started. */
const notYet: ReadonlySet<string> = new Set([
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'LEADER_NOT_AVAILABLE'
])

/** The Kafka errors, by name, behind what kafkajs threw: it wraps them in errors of its own. */
export function errorTypes(error: unknown): readonly string[] {
  if (typeof error !== 'object' || error === null) return []
  if ('errors' in error && Array.isArray(error.errors)) return error.errors.flatMap(errorTypes)
  if ('type' in error && typeof error.type === 'string') return [error.type]
  return 'cause' in error ? errorTypes(error.cause) : []
}

/**
 * Commits one offset as the only member of a group. The admin client of kafkajs does it as well,
 * and waits five seconds for nothing.
 */
export async function commitOffset(
  address: string,
  groupId: string,
  place: { readonly topic: string; readonly partition: number; readonly offset: string }
): Promise<void> {
  const consumer = patientKafka(address, {
    retry: { initialRetryTime: 20, maxRetryTime: 100, retries: 3 }
  }).consumer({ groupId, maxWaitTimeInMs: 20 })
  try {
    await consumer.connect()
    await consumer.subscribe({ topics: [place.topic] })
    const joined = new Promise(resolve => consumer.on(consumer.events.GROUP_JOIN, resolve))
    const crashed = new Promise<never>((_, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
    })
    await consumer.run({ autoCommit: false, eachBatch: async () => {} })
    await Promise.race([joined, crashed])
    let isAcknowledged = false
    consumer.on(consumer.events.COMMIT_OFFSETS, () => (isAcknowledged = true))
    await consumer.commitOffsets([place])
    // A consumer that has crashed meanwhile passes over the call without an error.
    if (!isAcknowledged) throw new Error('the commit was not sent')
  } finally {
    await consumer.disconnect()
  }
}

/** How a partition is called in ledgers. */
export function placeName(topic: string, partition: number): string {
  return `${topic}/${partition}`
}

/**
 * Reads all that can be read of some topics, by place. Where a reader gets no further, the rest
 * counts as not there. Where the logs start is asked last: retention may have gone on meanwhile.
 */
export async function readTopics(
  address: string,
  topics: readonly string[]
): Promise<ReadonlyMap<string, ReadPartition>> {
  const kafka = patientKafka(address, { retry: { initialRetryTime: 20, retries: 8 } })
  const found = await partitionEnds(kafka, topics)
  const waiting = new Set([...found].filter(([, { low, high }]) => low < high).map(([at]) => at))
  if (waiting.size > 0) await consumeAll(kafka, topics, found, waiting)
  const after = await partitionEnds(kafka, topics)
  return new Map(
    [...found].map(([place, { high, records }]) => [
      place,
      { logStartOffset: after.get(place)!.low, logEndOffset: high, records }
    ])
  )
}

interface Found {
  readonly low: number
  readonly high: number
  readonly records: ReadRecord[]
}

async function partitionEnds(kafka: Kafka, topics: readonly string[]): Promise<Map<string, Found>> {
  const admin = kafka.admin()
  await admin.connect()
  const found = new Map<string, Found>()
  try {
    for (const topic of topics) {
      for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
        const ends = { low: Number(low), high: Number(high), records: [] }
        found.set(placeName(topic, partition), ends)
      }
    }
  } finally {
    await admin.disconnect()
  }
  return found
}

async function consumeAll(
  kafka: Kafka,
  topics: readonly string[],
  found: ReadonlyMap<string, Found>,
  waiting: Set<string>
): Promise<void> {
  const groupId = `reader-${process.pid}-${process.hrtime.bigint()}`
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 50, sessionTimeout: 60_000 })
  let lastMs = Date.now()
  let crashes = 0
  let emptyFetches = 0
  consumer.on(consumer.events.FETCH, () => emptyFetches++)
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    crashes += payload.restart ? 1 : crashesMax
  })
  const isAtEnd = (): boolean =>
    crashes >= crashesMax || emptyFetches >= emptyFetchesMax || Date.now() - lastMs > silenceMs
  try {
    await consumer.connect()
    await consumer.subscribe({ topics: [...topics], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: 4,
      eachBatch: async ({ batch }) => {
        emptyFetches = 0
        const place = placeName(batch.topic, batch.partition)
        const { high, records } = found.get(place)!
        // A reader that met an error begins again at the beginning.
        const last = records.at(-1)?.offset ?? -1
        for (const { offset, value } of batch.messages) {
          if (Number(offset) <= last) continue
          records.push({ offset: Number(offset), value: String(value) })
          lastMs = Date.now()
          crashes = 0
        }
        if (Number(batch.lastOffset()) >= high - 1) waiting.delete(place)
      }
    })
    while (waiting.size > 0 && !isAtEnd()) {
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  } finally {
    await consumer.disconnect()
  }
}
