import { assert } from '../base/assert.ts'
import type { Cancellation } from '../base/cancellation.ts'
import {
  closeConnection,
  noAnswer,
  type Answer,
  type Handler,
  type Operation,
  type RequestContext,
  type ResourceType,
  type Services
} from '../handlers/handler.ts'
import type { ApiDefinition, ApiName, Messages } from '../wire/generated/api-table.ts'
import { writeResponseHeader } from '../wire/header.ts'
import type { Writer } from '../wire/writer.ts'

/** What is the same for all requests of one connection. */
export interface Origin {
  readonly services: Services
  readonly clientHost: string
  readonly connectionId: string
  readonly listenerName: string
  /** Of all that waits, when the connection is gone or the broker stops. */
  readonly cancellation: Cancellation
  monotonicMs(): number
}

export interface RequestHead {
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
}

/** What answers a request. */
export interface Call {
  readonly handler: Handler<ApiName>
  readonly request: Messages[ApiName]['request']
}

/**
 * One request and its answer, in the order of the connection. It is the context that the handler
 * sees.
 */
export class Exchange implements RequestContext {
  readonly definition: ApiDefinition<ApiName>
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
  readonly clientHost: string
  readonly connectionId: string
  readonly listenerName: string
  readonly cluster: Services['cluster']
  readonly groups: Services['groups']
  readonly diskWaits: Services['diskWaits']
  readonly fetchSessions: Services['fetchSessions']
  readonly fetchWaiters: Services['fetchWaiters']
  readonly config: Services['config']
  readonly logDirectory: Services['logDirectory']
  readonly advertised: Services['advertised']
  /** Bytes of the request that are held until the answer. */
  heldSize = 0
  readonly #origin: Origin
  #call: Call | null
  #answer: Answer<ApiName> | null = null
  #releases: (() => void)[] | null = null

  /** @param call null when the answer is settled without a handler */
  constructor(
    origin: Origin,
    definition: ApiDefinition<ApiName>,
    head: RequestHead,
    call: Call | null
  ) {
    const { services } = origin
    this.#origin = origin
    this.#call = call
    this.definition = definition
    this.apiVersion = head.apiVersion
    this.correlationId = head.correlationId
    this.clientId = head.clientId
    this.clientHost = origin.clientHost
    this.connectionId = origin.connectionId
    this.listenerName = origin.listenerName
    this.cluster = services.cluster
    this.groups = services.groups
    this.diskWaits = services.diskWaits
    this.fetchSessions = services.fetchSessions
    this.fetchWaiters = services.fetchWaiters
    this.config = services.config
    this.logDirectory = services.logDirectory
    this.advertised = services.advertised
  }

  get cancellation(): Cancellation {
    return this.#origin.cancellation
  }

  monotonicMs(): number {
    return this.#origin.monotonicMs()
  }

  /** Nobody is refused before there is an authorizer. */
  authorize(_operation: Operation, _resource: ResourceType, _name: string): boolean {
    return true
  }

  onAnswered(release: () => void): void {
    this.#releases ??= []
    this.#releases.push(release)
  }

  /** Calls the handler; the request is forgotten, for it may be large and the answer may wait. */
  run(): Answer<ApiName> | Promise<Answer<ApiName>> {
    const call = this.#call
    assert(call !== null, 'a request runs once')
    this.#call = null
    return call.handler(this, call.request)
  }

  get isAnswered(): boolean {
    return this.#answer !== null
  }

  get closesConnection(): boolean {
    return this.#answer === closeConnection
  }

  settle(answer: Answer<ApiName>): void {
    assert(this.#answer === null, 'a request is answered once')
    this.#answer = answer
  }

  /** Writes the response frame, if one is owed. */
  encode(writer: Writer): void {
    const answer = this.#answer
    assert(answer !== null, 'an answer is written when it is there')
    if (answer === noAnswer || answer === closeConnection) return
    writer.beginFrame()
    writeResponseHeader(writer, this.definition.name, this.apiVersion, this.correlationId)
    this.definition.writeResponse(writer, answer, this.apiVersion)
    writer.endFrame()
  }

  /** Hands over what is to be called when the answer has left, or never will. */
  takeReleases(): readonly (() => void)[] | null {
    const releases = this.#releases
    this.#releases = null
    return releases
  }
}
