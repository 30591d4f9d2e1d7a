import type { Cancellation } from '../base/cancellation.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { GroupCoordinator } from '../group/group-coordinator.ts'
import type { DiskWaits } from '../partition/disk-waits.ts'
import type { FetchSessions } from '../partition/fetch-session.ts'
import type { FetchWaiters } from '../partition/fetch-waiters.ts'
import type { BrokerConfig } from '../config/broker-config.ts'
import type { ApiName, Messages } from '../wire/generated/api-table.ts'

/** What handlers may call: the domains, put together once by `broker.ts`. */
export interface Services {
  readonly cluster: Cluster
  readonly groups: GroupCoordinator
  readonly diskWaits: DiskWaits
  readonly fetchSessions: FetchSessions
  readonly fetchWaiters: FetchWaiters
  readonly config: BrokerConfig
  /** The APIs that are served and the versions that ApiVersions says, ascending by key. */
  readonly advertised: readonly AdvertisedApi[]
  /**
   * Folder of the logs and its sizes in bytes, for DescribeLogDirs; `path` is `memory:` without a
   * folder.
   */
  readonly logDirectory: {
    readonly path: string
    /** Folders of partitions that could not be read when the broker started. */
    readonly unreadable: readonly string[]
    totalSize(): number
    usableSize(): number
  }
}

export interface AdvertisedApi {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

/** One request on its way: who sent it, in which version, and the domains that can answer it. */
export interface RequestContext extends Services {
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
  /** Address of the client as text, without its port; IPv4 in its short form. */
  readonly clientHost: string
  readonly connectionId: string
  readonly listenerName: string
  /** Monotonic time, milliseconds. */
  monotonicMs(): number
  /**
   * Whether the connection's principal may do this. Always true until an authorizer is configured.
   */
  authorize(operation: Operation, resource: ResourceType, name: string): boolean
  /** Calls `release` when the answer has left, or never will: for pooled bytes inside it. */
  onAnswered(release: () => void): void
  /** Comes when the connection is gone: what waits for it can stop. */
  readonly cancellation: Cancellation
}

export type Operation =
  | 'READ'
  | 'WRITE'
  | 'CREATE'
  | 'DELETE'
  | 'ALTER'
  | 'DESCRIBE'
  | 'CLUSTER_ACTION'
  | 'DESCRIBE_CONFIGS'
  | 'ALTER_CONFIGS'
  | 'IDEMPOTENT_WRITE'
export type ResourceType = 'TOPIC' | 'GROUP' | 'CLUSTER' | 'TRANSACTIONAL_ID'

/** No answer is owed (acks=0). */
export const noAnswer: unique symbol = Symbol('no answer')
/** The only signal left is to close the connection (acks=0 that failed). */
export const closeConnection: unique symbol = Symbol('close the connection')

export type Answer<A extends ApiName> =
  Messages[A]['response'] | typeof noAnswer | typeof closeConnection

/**
 * Answers one API in every version that its definition advertises: authorize, call the domain,
 * shape the answer. Requests are never changed; byte fields are views that are valid until the
 * answer, and copied when kept.
 */
export type Handler<A extends ApiName> = (
  context: RequestContext,
  request: Messages[A]['request']
) => Answer<A> | Promise<Answer<A>>
