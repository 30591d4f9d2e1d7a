import { setTimeout as delay } from 'node:timers/promises'
import type { ApiName, Messages } from '../../src/wire/generated/api-table.ts'
import { errorName } from '../../src/wire/generated/errors.ts'
import { decodeResponse, encodeRequest } from '../../src/wire/header.ts'
import { Connection, type Outcome } from './connection.ts'

/**
 * What is said to a broker, once for every broker: requests over one or more connections, later
 * ones built from earlier answers. It must not depend on which broker answers, nor on the time.
 */
export interface Conversation {
  /** Kebab-case and unique: names the recorded file and begins every topic and group in it. */
  readonly name: string
  run(talk: Talk): Promise<void>
}

export type Request<A extends ApiName> = Messages[A]['requestInit']
export type Response<A extends ApiName> = Messages[A]['readResponse']

/** One request of a conversation and what came of it. */
export interface Exchange {
  /** Unique in the conversation. */
  readonly name: string
  /** Null: bytes that are no request of a known API. */
  readonly api: ApiName | null
  readonly version: number
  readonly request: unknown
  /** Filled in when it is there. */
  outcome: { readonly response: unknown } | { readonly outcome: string }
}

export interface Topic {
  readonly name: string
  readonly topicId: string
}

export interface TopicShape {
  readonly partitions?: number
  readonly configs?: Readonly<Record<string, string>>
}

export interface TalkOptions {
  readonly port: number
  /** How long an answer may take before it counts as none, ms. */
  readonly patienceMs: number
  /** How long nothing must come for a request to count as waiting, ms. */
  readonly quietMs: number
  /** Begins every name, so that a conversation can be held with a broker again; of fixed length. */
  readonly runId: string
}

/** How often something that a broker does in the background is looked at again, ms. */
const pollMs = 20
const settleMs = 10_000

/** One conversation with one broker, as it goes. */
export class Talk {
  readonly #conversation: string
  readonly #options: TalkOptions
  readonly #exchanges: Exchange[] = []
  readonly #names = new Map<string, number>()
  readonly #speakers: Speaker[] = []
  readonly #topics: Topic[] = []
  readonly #setup: Speaker

  constructor(conversation: string, options: TalkOptions) {
    this.#conversation = conversation
    this.#options = options
    this.#setup = this.#speaker('setup', null)
  }

  /** The topics that `topic` has made. */
  get topics(): readonly Topic[] {
    return this.#topics
  }

  get exchanges(): readonly Exchange[] {
    return this.#exchanges
  }

  /** A name of a topic, group or transactional id that no other conversation uses. */
  name(suffix: string): string {
    return `${this.#options.runId}${this.#conversation}-${suffix}`
  }

  /** A connection of its own; what is said over it goes into the transcript. */
  connect(clientId: string | null = 'client'): Speaker {
    return this.#speaker(clientId, (name, api, version, request) => {
      const count = (this.#names.get(name) ?? 0) + 1
      this.#names.set(name, count)
      const unique = count === 1 ? name : `${name} #${count}`
      const exchange: Exchange = {
        name: unique,
        api,
        version,
        request,
        outcome: { outcome: 'not there when the conversation ended' }
      }
      this.#exchanges.push(exchange)
      return exchange
    })
  }

  /** A connection that is not recorded: for what must be there before it is talked about. */
  get setup(): Speaker {
    return this.#setup
  }

  /** Creates a topic and waits until it can be used. Not part of the transcript. */
  async topic(suffix: string, { partitions = 1, configs = {} }: TopicShape = {}): Promise<Topic> {
    const name = this.name(suffix)
    const { topics } = await this.#setup.ask('CreateTopics', 7, {
      topics: [
        {
          name,
          numPartitions: partitions,
          replicationFactor: 1,
          assignments: [],
          configs: Object.entries(configs).map(([name, value]) => ({ name, value }))
        }
      ],
      timeoutMs: 30_000
    })
    const [created] = topics
    if (created?.errorCode !== 0)
      throw new Error(`${name}: ${errorName(created?.errorCode ?? -1)} ${created?.errorMessage}`)
    await this.ready(name, partitions)
    const topic = { name, topicId: created.topicId }
    this.#topics.push(topic)
    return topic
  }

  /** A group id whose coordinator is there and loaded. Not part of the transcript. */
  async group(suffix: string): Promise<string> {
    const groupId = this.name(suffix)
    await this.until(`the coordinator of ${groupId} is ready`, async () => {
      const found = await this.#setup.ask('FindCoordinator', 1, { key: groupId })
      if (found.errorCode !== 0) return false
      const { errorCode } = await this.#setup.ask('OffsetFetch', 5, { groupId, topics: [] })
      return errorCode === 0
    })
    return groupId
  }

  /** Waits until all partitions of a topic have their leader. */
  async ready(topic: string, partitions: number): Promise<void> {
    const partitionIndexes = Array.from({ length: partitions }, (_, index) => index)
    await this.until(`${topic} is ready`, async () => {
      const { topics } = await this.#setup.ask('ListOffsets', 1, {
        replicaId: -1,
        topics: [
          {
            name: topic,
            partitions: partitionIndexes.map(partitionIndex => ({ partitionIndex, timestamp: -1 }))
          }
        ]
      })
      return topics[0]!.partitions.every(({ errorCode }) => errorCode === 0)
    })
  }

  /** Waits until a topic is gone. */
  async gone(topic: string): Promise<void> {
    await this.until(`${topic} is gone`, async () => {
      const { topics } = await this.#setup.ask('Metadata', 7, {
        topics: [{ name: topic }],
        allowAutoTopicCreation: false
      })
      return topics[0]!.errorCode !== 0
    })
  }

  /** Waits for what a broker does in the background. Not part of the transcript. */
  async until(what: string, condition: () => Promise<boolean>): Promise<void> {
    const deadlineMs = Date.now() + settleMs
    while (!(await condition())) {
      if (Date.now() > deadlineMs) throw new Error(`${what}: not so within ${settleMs} ms`)
      await delay(pollMs)
    }
  }

  /** Whether a request is still unanswered after a while, in which an answer would have come. */
  async isWaiting(answer: Promise<unknown>): Promise<boolean> {
    const quiet = delay(this.#options.quietMs, 'quiet')
    return (await Promise.race([answer.then(() => 'answered'), quiet])) === 'quiet'
  }

  /** Says in the transcript whether a request waits. */
  async noteWaiting(note: string, answer: Promise<unknown>): Promise<void> {
    const isWaiting = await this.isWaiting(answer)
    this.#exchanges.push({
      name: note,
      api: null,
      version: -1,
      request: null,
      outcome: { outcome: isWaiting ? 'waits' : 'is answered' }
    })
  }

  /** Lets time pass, for time-outs that are counted by the broker. */
  async pass(ms: number): Promise<void> {
    await delay(ms)
  }

  async close(): Promise<void> {
    await Promise.all(this.#speakers.map(speaker => speaker.close()))
  }

  #speaker(clientId: string | null, record: Recorder | null): Speaker {
    const connection = new Connection(this.#options.port, this.#options.patienceMs)
    const speaker = new Speaker(connection, clientId, record)
    this.#speakers.push(speaker)
    return speaker
  }
}

type Recorder = (name: string, api: ApiName | null, version: number, request: unknown) => Exchange

/** One connection of a conversation. */
export class Speaker {
  readonly #connection: Connection
  readonly #record: Recorder | null
  readonly #clientId: string | null

  constructor(connection: Connection, clientId: string | null, record: Recorder | null) {
    this.#connection = connection
    this.#clientId = clientId
    this.#record = record
  }

  /**
   * Asks for an answer that the conversation needs in order to go on.
   *
   * @throws Error when there is none
   */
  async ask<A extends ApiName>(
    api: A,
    version: number,
    request: Request<A>,
    note = ''
  ): Promise<Response<A>> {
    const response = await this.attempt(api, version, request, note)
    if (response === null) throw new Error(`${stepName(api, version, note)}: no answer`)
    return response
  }

  /**
   * Asks for whatever comes; null when no answer does. A request that says what its version cannot
   * say is left out, so that one list of requests does for all versions.
   */
  async attempt<A extends ApiName>(
    api: A,
    version: number,
    request: Request<A>,
    note = ''
  ): Promise<Response<A> | null> {
    const exchange = this.#record?.(stepName(api, version, note), api, version, request)
    const correlationId = this.#connection.nextCorrelationId()
    const bytes = this.#encode(api, version, correlationId, request)
    if (bytes === null) return null
    const outcome = await this.#connection.ask(correlationId, bytes)
    const decoded = decode(api, version, outcome)
    if (exchange !== undefined) exchange.outcome = decoded
    return 'response' in decoded ? decoded.response : null
  }

  /**
   * Asks again and again until the answer is as it must become, and records the last one alone.
   * For what brokers do in their own time, such as making a config change known.
   */
  async askUntil<A extends ApiName>(
    api: A,
    version: number,
    request: Request<A>,
    isThere: (response: Response<A>) => boolean,
    note = ''
  ): Promise<Response<A>> {
    const exchange = this.#record?.(stepName(api, version, note), api, version, request)
    const unrecorded = new Speaker(this.#connection, this.#clientId, null)
    const deadlineMs = Date.now() + settleMs
    for (;;) {
      const response = await unrecorded.ask(api, version, request, note)
      if (exchange !== undefined) exchange.outcome = { response }
      if (isThere(response) || Date.now() > deadlineMs) return response
      await delay(pollMs)
    }
  }

  /** Sends a request that has no answer when all is well (acks=0). */
  async tell<A extends ApiName>(api: A, version: number, request: Request<A>): Promise<void> {
    const correlationId = this.#connection.nextCorrelationId()
    const bytes = encodeRequest(api, version, correlationId, this.#clientId, request)
    await this.#connection.tell(Buffer.concat(bytes))
  }

  /**
   * Sends a frame (without its size) that may be anything but begins with a correlation id at byte
   * 4, and records what comes back: bytes without their correlation id, or an answer of `as`.
   */
  async raw(
    note: string,
    frame: Buffer,
    as?: readonly [api: ApiName, version: number]
  ): Promise<void> {
    const exchange = this.#record?.(note, as?.[0] ?? null, as?.[1] ?? -1, frame)
    const size = Buffer.alloc(4)
    size.writeInt32BE(frame.length)
    const correlationId = frame.length < 8 ? 0 : frame.readInt32BE(4)
    const outcome = await this.#connection.ask(correlationId, Buffer.concat([size, frame]))
    if (exchange === undefined) return
    if (as !== undefined) exchange.outcome = decode(as[0], as[1], outcome)
    else if (typeof outcome === 'string') exchange.outcome = { outcome }
    else exchange.outcome = { response: { bytes: outcome.subarray(4) } }
  }

  /** Says in the transcript whether the broker has closed the connection, where none is due. */
  async noteOpen(note: string): Promise<void> {
    const exchange = this.#record?.(note, null, -1, null)
    const unrecorded = new Speaker(this.#connection, this.#clientId, null)
    const asked = { includeClusterAuthorizedOperations: false }
    const answer = await unrecorded.attempt('DescribeCluster', 0, asked)
    const outcome = answer === null ? 'connection closed' : 'connection open'
    if (exchange !== undefined) exchange.outcome = { outcome }
  }

  close(): Promise<void> {
    return this.#connection.close()
  }

  #encode<A extends ApiName>(
    api: A,
    version: number,
    correlationId: number,
    request: Request<A>
  ): Buffer | null {
    try {
      return Buffer.concat(encodeRequest(api, version, correlationId, this.#clientId, request))
    } catch (error) {
      if (String(error).endsWith(' is not in this version')) return null
      throw error
    }
  }
}

function stepName(api: ApiName, version: number, note: string): string {
  return note === '' ? `${api} v${version}` : `${api} v${version}: ${note}`
}

function decode<A extends ApiName>(
  api: A,
  version: number,
  outcome: Outcome
): { response: Response<A> } | { outcome: string } {
  if (typeof outcome === 'string') return { outcome }
  try {
    return { response: decodeResponse(api, version, outcome).response }
  } catch (error) {
    return { outcome: `undecodable: ${String(error)} in ${outcome.toString('hex')}` }
  }
}
