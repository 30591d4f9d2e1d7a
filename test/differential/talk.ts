import { setTimeout as delay } from 'node:timers/promises'
import type { ApiName, Messages } from '../../src/wire/generated/api-table.ts'
import { errorName } from '../../src/wire/generated/errors.ts'
import { decodeResponse, encodeRequest } from '../../src/wire/header.ts'
import { Connection, type Outcome } from './connection.ts'
import type { SetupName } from './setups.ts'
import { realTime, type Time } from './time.ts'

/**
 * What is said to a broker, once for every broker: requests over one or more connections, later
 * ones built from earlier answers. It must not depend on which broker answers, nor on the time.
 */
export interface Conversation {
  /** Kebab-case and unique: names the recorded file and begins every topic and group in it. */
  readonly name: string
  /** How the broker is set up; plain unless it says more. */
  readonly setup?: SetupName
  /** APIs that it is about: odradek holds it when it serves them all. */
  readonly needs?: readonly ApiName[]
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
  /** Instead of a number: brokers with a copy of each partition, the preferred leader first. */
  readonly assignments?: readonly (readonly number[])[]
  readonly configs?: Readonly<Record<string, string>>
}

/** Brokers to talk to: one, or those of a cluster. */
export interface Nodes {
  /** Of the brokers 1, 2 and so on. */
  readonly ports: readonly number[]
  /** Of their listeners that demand authentication; none unless the setup is a secured one. */
  readonly securedPorts?: readonly number[]
  /** Ends and starts one of several brokers. */
  readonly stopNode?: (nodeId: number) => Promise<void>
  readonly startNode?: (nodeId: number) => Promise<void>
}

export interface TalkOptions {
  readonly nodes: Nodes
  /** How long an answer may take before it counts as none, ms. */
  readonly patienceMs: number
  /** How long nothing must come for a request to count as waiting, ms. */
  readonly quietMs: number
  /** Left out: that of everybody. */
  readonly time?: Time
  /** Begins every name, so that a conversation can be held with a broker again; of fixed length. */
  readonly runId: string
}

/** How often something that a broker does in the background is looked at again, ms. */
const pollMs = 20
const settleMs = 60_000
/** Questions and answers in which a member joins that is sent back for its id, and more. */
const turnsToArrive = 8

/** One conversation with one broker, as it goes. */
export class Talk {
  readonly #conversation: string
  readonly #options: TalkOptions
  readonly #exchanges: Exchange[] = []
  readonly #names = new Map<string, number>()
  readonly #speakers: Speaker[] = []
  readonly #topics: Topic[] = []
  readonly #time: Time
  readonly #setup: Speaker

  constructor(conversation: string, options: TalkOptions) {
    this.#conversation = conversation
    this.#options = options
    this.#time = options.time ?? realTime
    this.#setup = this.#speaker('setup', null, options.nodes.ports[0]!)
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

  /**
   * A connection of its own; what is said over it goes into the transcript.
   *
   * @param to the broker to talk to, and whether to its secured listener
   */
  connect(clientId: string | null = 'client', to: Place = {}): Speaker {
    const port = this.#port(to)
    const record: Recorder = (name, api, version, request) => {
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
    }
    return this.#speaker(clientId, record, port)
  }

  /** The brokers, for conversations that end and start them. */
  get nodes(): Nodes {
    return this.#options.nodes
  }

  /** A transactional id whose coordinator is there and loaded. Not part of the transcript. */
  async transactionalId(suffix: string): Promise<string> {
    const transactionalId = this.name(suffix)
    await this.#setup.askUntil(
      'InitProducerId',
      1,
      { transactionalId: null, transactionTimeoutMs: 0 },
      ({ errorCode }) => errorCode === 0
    )
    await this.until(`the coordinator of ${transactionalId} is ready`, async () => {
      const asked = { transactionalIds: [transactionalId] }
      const found = await this.#setup.ask('FindCoordinator', 1, {
        key: transactionalId,
        keyType: 1
      })
      if (found.errorCode !== 0) return false
      const { transactionStates } = await this.#setup.ask('DescribeTransactions', 0, asked)
      return errorName(transactionStates[0]!.errorCode) === 'TRANSACTIONAL_ID_NOT_FOUND'
    })
    return transactionalId
  }

  /** A connection that is not recorded: for what must be there before it is talked about. */
  get setup(): Speaker {
    return this.#setup
  }

  /** Creates a topic and waits until it can be used. Not part of the transcript. */
  async topic(suffix: string, shape: TopicShape = {}): Promise<Topic> {
    const { partitions = 1, configs = {}, assignments = [] } = shape
    const name = this.name(suffix)
    const { topics } = await this.#setup.ask('CreateTopics', 7, {
      topics: [
        {
          name,
          numPartitions: assignments.length > 0 ? -1 : partitions,
          replicationFactor: assignments.length > 0 ? -1 : 1,
          assignments: assignments.map((brokerIds, partitionIndex) => ({
            partitionIndex,
            brokerIds
          })),
          configs: Object.entries(configs).map(([name, value]) => ({ name, value }))
        }
      ],
      timeoutMs: 30_000
    })
    const [created] = topics
    if (created?.errorCode !== 0)
      throw new Error(`${name}: ${errorName(created?.errorCode ?? -1)} ${created?.errorMessage}`)
    if (assignments.length === 0) await this.ready(name, partitions)
    else await this.led(name, assignments)
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

  /** Waits until every broker knows every partition to be led by the first of its brokers. */
  async led(topic: string, assignments: readonly (readonly number[])[]): Promise<void> {
    for (const [index] of this.#options.nodes.ports.entries()) {
      const speaker = this.unrecorded({ nodeId: index + 1 })
      await this.until(`broker ${index + 1} knows ${topic}`, async () => {
        const { topics } = await speaker.ask('Metadata', 7, {
          topics: [{ name: topic }],
          allowAutoTopicCreation: false
        })
        const leaders = topics[0]!.partitions.map(({ partitionIndex, leaderId }) =>
          leaderId === assignments[partitionIndex]![0] ? leaderId : -1
        )
        return leaders.length === assignments.length && !leaders.includes(-1)
      })
    }
  }

  /** A connection that is not recorded, to any of the brokers. */
  unrecorded(to: Place & { readonly clientId?: string } = {}): Speaker {
    return this.#speaker(to.clientId ?? 'setup', null, this.#port(to))
  }

  #port({ nodeId = 1, isSecured = false }: Place): number {
    const { ports, securedPorts } = this.#options.nodes
    const port = (isSecured ? securedPorts : ports)?.[nodeId - 1]
    if (port === undefined) throw new Error('the broker is not set up so')
    return port
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
    // What was asked, and what it needs to be asked first, has arrived when these are answered.
    for (let turn = 0; turn < turnsToArrive; turn++)
      await this.#setup.ask('DescribeCluster', 0, { includeClusterAuthorizedOperations: false })
    const quiet = this.#time.rest(this.#options.quietMs).then(() => 'quiet')
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
    await this.#time.pass(ms)
  }

  async close(): Promise<void> {
    await Promise.all(this.#speakers.map(speaker => speaker.close()))
  }

  #speaker(clientId: string | null, record: Recorder | null, port: number): Speaker {
    const connection = new Connection(port, this.#options.patienceMs, this.#time)
    const speaker = new Speaker(connection, clientId, record)
    this.#speakers.push(speaker)
    return speaker
  }
}

export interface Place {
  readonly nodeId?: number
  readonly isSecured?: boolean
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
    const unrecorded = this.unrecorded()
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
    const unrecorded = this.unrecorded()
    const asked = { includeClusterAuthorizedOperations: false }
    const answer = await unrecorded.attempt('DescribeCluster', 0, asked)
    const outcome = answer === null ? 'connection closed' : 'connection open'
    if (exchange !== undefined) exchange.outcome = { outcome }
  }

  /** The same connection, for what is no part of the transcript. */
  unrecorded(): Speaker {
    return new Speaker(this.#connection, this.#clientId, null)
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
