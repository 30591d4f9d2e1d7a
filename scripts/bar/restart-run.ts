import { buildBatch } from '../../src/record/records.ts'
import { RawClient } from '../../test/server/raw-client.ts'

// A broker with much data that is stopped and killed and started again: how long until it answers,
// how much of the logs it had to read for that, and whether all is there that was acknowledged.

/** A broker that can be ended in both ways and started again, on the same data. */
export interface RestartedBroker {
  /** Resolves when it answers ApiVersions. */
  start(): Promise<StartFigures>
  stop(): Promise<void>
  kill(): Promise<void>
}

/** What one start took. */
export interface StartFigures {
  readonly port: number
  /** From the start of the process to the first answer. */
  readonly readyMs: number
  /** What the broker itself says it has read of its logs. */
  readonly bytesScanned: number
}

export interface RestartOptions {
  readonly partitions: number
  /** Bytes of all batches. */
  readonly bytes: number
  /** Bytes of one batch, about. */
  readonly batchBytes: number
}

export type StartAfter = 'a kill under load' | 'a stop in order' | 'a kill soon after'

export interface RestartOutcome {
  readonly starts: Readonly<Record<StartAfter, StartFigures>>
  readonly loadSeconds: number
  readonly stopMs: number
  readonly records: number
  readonly bytes: number
  /** Acknowledged records that were not there after some start. */
  readonly lost: number
  /** Repeated batches that were not recognised after a start. */
  readonly duplicated: number
}

const topic = 'restart'
const recordsPerBatch = 10
/** Requests that wait for their answer at a time. */
const inFlightMax = 16
/** One in so many partitions is written to before the last kill. */
const touchedShare = 4

/** Fills a broker, ends it in three ways, starts it after each, and looks at what is there. */
export async function runRestarts(
  broker: RestartedBroker,
  options: RestartOptions
): Promise<RestartOutcome> {
  const run = new RestartRun(options)
  await run.connect(await broker.start())
  await run.createTopic()
  const loadStartedMs = performance.now()
  const { partitions, bytes, batchBytes } = options
  const rounds = Math.max(1, Math.round(bytes / partitions / batchBytes))
  for (let round = 0; round < rounds; round++) await run.produce(1, batchBytes)
  const loadSeconds = (performance.now() - loadStartedMs) / 1000

  await broker.kill()
  const afterLoad = await broker.start()
  await run.look(afterLoad)
  const stopStartedMs = performance.now()
  await broker.stop()
  const stopMs = performance.now() - stopStartedMs
  const afterStop = await broker.start()
  await run.look(afterStop)
  await run.produce(touchedShare, 1_000)
  await broker.kill()
  const afterKill = await broker.start()
  await run.look(afterKill)
  await run.close()
  await broker.stop()
  return {
    starts: {
      'a kill under load': afterLoad,
      'a stop in order': afterStop,
      'a kill soon after': afterKill
    },
    loadSeconds,
    stopMs,
    ...run.counts
  }
}

/** What was sent to one partition and acknowledged. */
interface Sent {
  endOffset: number
  /** Of the last batch. */
  lastBatchBytes: number
}

class RestartRun {
  readonly #sent: readonly Sent[]
  #client: RawClient | null = null
  #producerId = -1
  /** Of the first record: recent, so that retention leaves the records alone. */
  readonly #startedMs = Date.now()
  readonly counts = { records: 0, bytes: 0, lost: 0, duplicated: 0 }

  constructor({ partitions }: RestartOptions) {
    this.#sent = Array.from({ length: partitions }, () => ({ endOffset: 0, lastBatchBytes: 0 }))
  }

  async connect({ port }: StartFigures): Promise<void> {
    await this.close()
    this.#client = await RawClient.connect(port)
  }

  async close(): Promise<void> {
    await this.#client?.close()
  }

  async createTopic(): Promise<void> {
    const numPartitions = this.#sent.length
    const asked = { name: topic, numPartitions, replicationFactor: 1, assignments: [], configs: [] }
    const { topics } = await this.#ask().ask('CreateTopics', 4, {
      topics: [asked],
      timeoutMs: 60_000
    })
    if (topics[0]?.errorCode !== 0) throw new Error(`CreateTopics: error ${topics[0]?.errorCode}`)
    const request = { transactionalId: null, transactionTimeoutMs: 60_000 }
    const { errorCode, producerId } = await this.#ask().ask('InitProducerId', 1, request)
    if (errorCode !== 0) throw new Error(`InitProducerId: error ${errorCode}`)
    this.#producerId = producerId
  }

  /** Sends one batch to every partition, or to one in `share`, and waits for the answers. */
  async produce(share: number, batchBytes: number): Promise<void> {
    let next = 0
    const lane = async (): Promise<void> => {
      for (let at = next; at < this.#sent.length; at = next) {
        next += share
        const sent = this.#sent[at]!
        const bytes = this.#batch(sent.endOffset, batchBytes)
        const baseOffset = await this.#send(at, bytes)
        if (baseOffset !== sent.endOffset) throw new Error(`${at}: written at ${baseOffset}`)
        sent.endOffset += recordsPerBatch
        sent.lastBatchBytes = batchBytes
        this.counts.records += recordsPerBatch
        this.counts.bytes += bytes.length
      }
    }
    await Promise.all(Array.from({ length: inFlightMax }, lane))
  }

  /** Connects to the broker that was started anew, and looks for all that was acknowledged. */
  async look(started: StartFigures): Promise<void> {
    await this.connect(started)
    await this.#repeatLastBatches()
    const ends = await this.#endOffsets()
    for (const [partition, { endOffset }] of this.#sent.entries()) {
      const found = ends.get(partition) ?? 0
      this.counts.lost += Math.max(0, endOffset - found)
      this.counts.duplicated += Math.max(0, found - endOffset)
    }
  }

  /**
   * A client that did not hear the answer sends its batch again: it is stored once all the same.
   */
  async #repeatLastBatches(): Promise<void> {
    for (const [partition, { endOffset, lastBatchBytes }] of this.#sent.entries()) {
      if (lastBatchBytes === 0 || partition % touchedShare !== 0) continue
      const baseOffset = endOffset - recordsPerBatch
      await this.#send(partition, this.#batch(baseOffset, lastBatchBytes))
    }
  }

  async #endOffsets(): Promise<ReadonlyMap<number, number>> {
    const partitions = this.#sent.map((_, partitionIndex) => ({ partitionIndex, timestamp: -1 }))
    const { topics } = await this.#ask().ask('ListOffsets', 4, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name: topic, partitions }]
    })
    const found = topics[0]?.partitions ?? []
    return new Map(found.map(({ partitionIndex, offset }) => [partitionIndex, offset]))
  }

  /** The batch of the records from `baseOffset` on; the same bytes whenever it is made. */
  #batch(baseOffset: number, batchBytes: number): Buffer {
    const value = Buffer.alloc(Math.floor(batchBytes / recordsPerBatch), `${baseOffset} `)
    return buildBatch({
      records: Array.from({ length: recordsPerBatch }, () => ({ key: null, value })),
      timestampMs: this.#startedMs + baseOffset,
      producerId: this.#producerId,
      producerEpoch: 0,
      baseSequence: baseOffset
    })
  }

  async #send(partition: number, records: Buffer): Promise<number> {
    const partitionData = [{ index: partition, records }]
    const topicData = [{ name: topic, partitionData }]
    const request = { transactionalId: null, acks: -1, timeoutMs: 60_000, topicData }
    const { responses } = await this.#ask().ask('Produce', 7, request)
    const answer = responses[0]?.partitionResponses[0]
    if (answer?.errorCode !== 0) throw new Error(`Produce: error ${answer?.errorCode}`)
    return answer.baseOffset
  }

  #ask(): RawClient {
    if (this.#client === null) throw new Error('there is no connection yet')
    return this.#client
  }
}
