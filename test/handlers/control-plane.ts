import { Cancellation } from '../../src/base/cancellation.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { handlers } from '../../src/handlers/index.ts'
import { closeConnection, noAnswer, type RequestContext } from '../../src/handlers/handler.ts'
import { manualClock } from '../../src/io/manual-clock.ts'
import { seededRandom } from '../../src/io/seeded-random.ts'
import { FetchSessions } from '../../src/partition/fetch-session.ts'
import { FetchWaiters } from '../../src/partition/fetch-waiters.ts'
import { apis, type ApiName, type Messages } from '../../src/wire/generated/api-table.ts'
import { decodeResponse, encodeResponse } from '../../src/wire/header.ts'
import { Reader } from '../../src/wire/reader.ts'
import { Writer } from '../../src/wire/writer.ts'
import { Disk, type OpenClusterOptions } from '../cluster/fixture.ts'

/**
 * A real cluster on a disk of the test's, and requests that reach its handlers through the codecs
 * of their version.
 */
export class ControlPlane {
  readonly disk: Disk
  readonly cluster: Cluster
  /** Folders of partitions that the disk does not give back. */
  unreadable: readonly string[] = []
  /** What the principal may not do, as `CREATE TOPIC orders`. */
  readonly denied = new Set<string>()
  /** Moves for fetches that wait; nothing else looks at it. */
  readonly clock = manualClock()
  readonly #fetchWaiters = new FetchWaiters(this.clock)
  readonly #fetchSessions = new FetchSessions({ random: seededRandom(1), countMax: 1000 })

  static async open(options: OpenClusterOptions = {}): Promise<ControlPlane> {
    const disk = new Disk()
    return new ControlPlane(disk, await disk.open(options))
  }

  protected constructor(disk: Disk, cluster: Cluster) {
    this.disk = disk
    this.cluster = cluster
  }

  /** The answer to a request, both through their bytes. */
  async ask<A extends ApiName>(
    apiName: A,
    version: number,
    request: Messages[A]['requestInit']
  ): Promise<Messages[A]['readResponse']> {
    const handler = handlers[apiName]
    if (handler === undefined) throw new Error(`${apiName} has no handler`)
    const writer = new Writer()
    apis[apiName].writeRequest(writer, request, version)
    const body = Buffer.concat(writer.takeChunks())
    const answer = await handler(
      this.#context(version),
      apis[apiName].readRequest(new Reader(body), version)
    )
    if (answer === noAnswer || answer === closeConnection) throw new Error('an answer is owed')
    const frame = Buffer.concat(encodeResponse(apiName, version, 1, answer)).subarray(4)
    return decodeResponse(apiName, version, frame).response
  }

  /** Every version of an API, oldest first. */
  static versions(apiName: ApiName): readonly number[] {
    const { minVersion, maxVersion } = apis[apiName]
    return Array.from({ length: maxVersion - minVersion + 1 }, (_, index) => minVersion + index)
  }

  /** What other handlers use besides. */
  protected services(): Partial<RequestContext> {
    return {}
  }

  #context(apiVersion: number): RequestContext {
    const context: Partial<RequestContext> = {
      cluster: this.cluster,
      fetchWaiters: this.#fetchWaiters,
      fetchSessions: this.#fetchSessions,
      config: this.cluster.config,
      logDirectory: {
        path: '/data',
        unreadable: this.unreadable,
        totalSize: () => 1000,
        usableSize: () => 400
      },
      apiVersion,
      correlationId: 1,
      clientId: 'test',
      clientHost: '127.0.0.1',
      connectionId: '1',
      listenerName: 'PLAINTEXT',
      monotonicMs: () => 0,
      authorize: (operation, resource, name) =>
        !this.denied.has(`${operation} ${resource} ${name}`) &&
        !this.denied.has(`${operation} ${resource}`),
      onAnswered: () => {},
      cancellation: new Cancellation(),
      ...this.services()
    }
    // Handlers of the control plane use nothing else.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return context as RequestContext
  }
}
