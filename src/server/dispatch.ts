import { unsupportedApiVersions } from '../handlers/api-versions.ts'
import type { AdvertisedApi, Handler } from '../handlers/handler.ts'
import { apiByKey, apis, type ApiDefinition, type ApiName } from '../wire/generated/api-table.ts'
import { readRequestHeader, type RequestHeader } from '../wire/header.ts'
import { MalformedRequest } from '../wire/malformed-request.ts'
import { Reader } from '../wire/reader.ts'
import { Exchange, type Origin } from './exchange.ts'

/** The handlers by API; an API without one is not served. */
export type Handlers = { readonly [A in ApiName]?: Handler<A> }

/** A handler and the definition of its API. The table's type proved that they belong together. */
interface Route {
  readonly definition: ApiDefinition<ApiName>
  /** The newest version that is advertised; the codec may know one that is not stable yet. */
  readonly maxVersion: number
  readonly handler: Handler<ApiName>
}

const produceKey = apis.Produce.key

/**
 * Requests whose byte fields a handler may look at after it has returned its promise. All others
 * are done with their bytes by then: they have no byte fields, or, as Produce, append them before
 * they return.
 */
const keysThatKeepBytes: ReadonlySet<number> = new Set(
  [
    apis.JoinGroup,
    apis.SyncGroup,
    apis.SaslAuthenticate,
    apis.CreateDelegationToken,
    apis.RenewDelegationToken,
    apis.ExpireDelegationToken,
    apis.AlterUserScramCredentials,
    apis.PushTelemetry
  ].map(({ key }) => key)
)

/** From the bytes of a request to its handler: header, version gate, decoding. */
export class Dispatch {
  /** What ApiVersions says: exactly what is served. */
  readonly advertised: readonly AdvertisedApi[]
  readonly #routes = new Map<number, Route>()

  constructor(handlers: Handlers) {
    for (const definition of Object.values(apis)) {
      const handler = handlers[definition.name]
      if (handler === undefined || definition.advertised === null) continue
      const maxVersion = definition.advertised.max
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table's type pairs them
      const route = { definition, maxVersion, handler } as unknown as Route
      this.#routes.set(definition.key, route)
    }
    this.advertised = advertisedApis([...this.#routes.values()])
  }

  /** Whether a frame holds a Produce request: these may overlap. */
  isProduce(frame: Buffer, start: number): boolean {
    return keyOf(frame, start) === produceKey
  }

  /** Whether the request's bytes must outlive the handler's return. */
  keepsBytes(frame: Buffer, start: number): boolean {
    return keysThatKeepBytes.has(keyOf(frame, start))
  }

  /**
   * Reads one request. An ApiVersions request in a version we do not know is answered already.
   *
   * @throws MalformedRequest when the bytes are not a request, or none of a version that is served
   */
  open(frame: Buffer, start: number, end: number, origin: Origin): Exchange {
    const reader = new Reader(frame, start, end)
    const header = readRequestHeader(reader)
    const route = this.#routes.get(header.apiKey)
    if (route === undefined) throw new MalformedRequest(notServed(header))
    const { definition, handler } = route
    const { apiVersion } = header
    if (apiVersion < definition.acceptedMin || apiVersion > route.maxVersion) {
      if (definition.name !== 'ApiVersions') throw new MalformedRequest(notServed(header))
      const exchange = new Exchange(origin, definition, { ...header, apiVersion: 0 }, null)
      exchange.settle(unsupportedApiVersions(this.advertised))
      return exchange
    }
    // Bytes behind the request are left alone, as Kafka's AbstractRequest does: librdkafka 2.12
    // sends three behind every Metadata v13 that asks for all topics, and could not connect
    // otherwise.
    const request = definition.readRequest(reader, apiVersion)
    return new Exchange(origin, definition, header, { handler, request })
  }
}

/** The API key that a request begins with; NaN when it is not even as long. */
function keyOf(frame: Buffer, start: number): number {
  return frame.length - start < 2 ? Number.NaN : (frame[start]! << 8) | frame[start + 1]!
}

function advertisedApis(routes: readonly Route[]): readonly AdvertisedApi[] {
  return routes
    .flatMap(({ definition: { key, advertised } }) =>
      advertised === null
        ? []
        : [{ apiKey: key, minVersion: advertised.min, maxVersion: advertised.max }]
    )
    .sort((a, b) => a.apiKey - b.apiKey)
}

/** Names an API as far as it is known, for the log: "Fetch v99", "API 4711 v0". */
export function describeApi(header: Pick<RequestHeader, 'apiKey' | 'apiVersion'>): string {
  return `${apiByKey.get(header.apiKey) ?? `API ${header.apiKey}`} v${header.apiVersion}`
}

function notServed(header: RequestHeader): string {
  const apiName = apiByKey.get(header.apiKey)
  if (apiName === undefined) return `API ${header.apiKey} is not a Kafka API`
  return `${describeApi(header)} is not served here`
}
