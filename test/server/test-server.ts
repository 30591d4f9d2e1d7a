import { onTestFinished } from 'vitest'
import { deferred, type Deferred } from '../../src/base/deferred.ts'
import { apiVersions } from '../../src/handlers/api-versions.ts'
import {
  noAnswer,
  type Answer,
  type RequestContext,
  type Services
} from '../../src/handlers/handler.ts'
import { nodeClock } from '../../src/io/node-clock.ts'
import type { Clock } from '../../src/io/clock.ts'
import { Dispatch, type Handlers } from '../../src/server/dispatch.ts'
import { Server, type ServerBounds } from '../../src/server/server.ts'
import type { Messages } from '../../src/wire/generated/api-table.ts'
import { collectingLogger, type LoggedLine } from '../collecting-logger.ts'
import { RawClient } from './raw-client.ts'

/** A server with handlers of the test's own, on a port of its own. */
export interface TestServer {
  readonly server: Server
  readonly port: number
  readonly lines: readonly LoggedLine[]
  readonly failures: readonly unknown[]
  /** What handlers were called with, in order: `Metadata 3`. */
  readonly started: readonly string[]
  readonly connect: () => Promise<RawClient>
}

export interface TestServerOptions {
  readonly handlers?: Handlers
  readonly clock?: Clock
  readonly bounds?: Partial<ServerBounds>
  readonly sharesReadBuffer?: boolean
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const lines: LoggedLine[] = []
  const failures: unknown[] = []
  const started: string[] = []
  const handlers = { ApiVersions: apiVersions, ...options.handlers }
  const dispatch = new Dispatch(noting(handlers, started))
  const server = new Server({
    dispatch,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else is used
    services: { advertised: dispatch.advertised } as unknown as Services,
    clock: options.clock ?? nodeClock,
    logger: collectingLogger(lines),
    keepProcessAlive: false,
    sharesReadBuffer: options.sharesReadBuffer ?? true,
    onFailure: error => {
      failures.push(error)
      void server.destroy()
    },
    ...(options.bounds === undefined ? {} : { bounds: options.bounds })
  })
  let port = 0
  const listening = await server.listen(
    [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 0 }],
    (_address, bound) => {
      port = bound
    }
  )
  if (!listening.ok) throw new Error(listening.detail ?? listening.error)
  const clients: RawClient[] = []
  onTestFinished(async () => {
    for (const client of clients) client.socket.destroy()
    await server.destroy()
  })
  return {
    server,
    port,
    lines,
    failures,
    started,
    async connect() {
      const client = await RawClient.connect(port)
      clients.push(client)
      return client
    }
  }
}

function noting(handlers: Handlers, started: string[]): Handlers {
  const noted: Record<string, unknown> = {}
  for (const [apiName, handler] of Object.entries(handlers)) {
    noted[apiName] = (context: RequestContext, request: never) => {
      started.push(`${apiName} ${context.correlationId}`)
      return handler(context, request)
    }
  }
  return noted
}

function entry<T>(map: Map<number, Deferred<T>>, id: number): Deferred<T> {
  const found = map.get(id) ?? deferred<T>()
  map.set(id, found)
  return found
}

/** A handler whose answers wait until the test gives them, by correlation id. */
export function heldAnswers<Response>(): {
  readonly handler: (context: RequestContext) => Promise<Response>
  answer(correlationId: number, response: Response): void
  /** Resolves when the request has reached the handler. */
  reached(correlationId: number): Promise<RequestContext>
} {
  const held = new Map<number, Deferred<Response>>()
  const arrived = new Map<number, Deferred<RequestContext>>()
  return {
    handler: context => {
      entry(arrived, context.correlationId).resolve(context)
      return entry(held, context.correlationId).promise
    },
    answer: (correlationId, response) => entry(held, correlationId).resolve(response),
    reached: correlationId => entry(arrived, correlationId).promise
  }
}

export const produceRequest = (
  acks: number,
  records: Buffer | null = null
): Messages['Produce']['requestInit'] => ({
  acks,
  timeoutMs: 1000,
  topicData: [{ name: 't', partitionData: [{ index: 0, records }] }]
})

export const emptyProduceAnswer: Messages['Produce']['response'] = { responses: [] }
export const emptyMetadataAnswer: Messages['Metadata']['response'] = {
  brokers: [],
  topics: [],
  controllerId: 1
}

/** A Produce handler that owes no answer for acks=0 and answers the rest at once. */
export const produceAtOnce = (
  _context: RequestContext,
  request: Messages['Produce']['request']
): Answer<'Produce'> => (request.acks === 0 ? noAnswer : emptyProduceAnswer)
