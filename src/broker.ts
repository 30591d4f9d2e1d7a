import { hostname } from 'node:os'
import { deferred } from './base/deferred.ts'
import {
  configTexts,
  formatHostAndPort,
  type BrokerSettings,
  type HostAndPort,
  type TopicOptions
} from './broker-options.ts'
import { BrokerStorage } from './broker-storage.ts'
import { Cluster } from './cluster/cluster.ts'
import { MetadataLogError } from './cluster/metadata-log.ts'
import { CompactionChecks } from './cluster/compaction-checks.ts'
import { RetentionChecks } from './cluster/retention-checks.ts'
import { consumerOffsetsTopic } from './cluster/topic-name.ts'
import { success } from './base/result.ts'
import { parseBrokerConfig, type BrokerConfig } from './config/broker-config.ts'
import { GroupCoordinator } from './group/group-coordinator.ts'
import { handlers } from './handlers/index.ts'
import { AwakeClock } from './io/awake-clock.ts'
import type { Alarm, Clock } from './io/clock.ts'
import { FileError, type Files } from './io/files.ts'
import { memoryFiles } from './io/memory-files.ts'
import { nodeClock } from './io/node-clock.ts'
import { nodeFiles } from './io/node-files.ts'
import { nodeRandom } from './io/node-random.ts'
import type { Random } from './io/random.ts'
import { ownPauseMinMs, shutdownGraceMs, shutdownStallMs } from './limits.ts'
import { DiskWaits } from './partition/disk-waits.ts'
import { FetchSessions } from './partition/fetch-session.ts'
import { FetchWaiters } from './partition/fetch-waiters.ts'
import { Dispatch } from './server/dispatch.ts'
import { Server, type ListenAddress, type ServerBounds } from './server/server.ts'
import { StartError } from './start-error.ts'
import { LogDirectoryError } from './storage/local/log-directory-error.ts'

/** The outside, which tests may replace. */
export interface Outside {
  readonly clock: Clock
  readonly random: Random
  /** Null: the machine's files for a data directory, and otherwise files in RAM. */
  readonly files: Files | null
}

/** What a broker is made of, from the disk upwards. */
interface Parts {
  readonly settings: BrokerSettings
  readonly clock: Clock
  readonly awake: AwakeClock
  readonly storage: BrokerStorage
  readonly cluster: Cluster
  readonly groups: GroupCoordinator
  readonly retention: RetentionChecks
  readonly compaction: CompactionChecks
  readonly diskWaits: DiskWaits
  readonly fetchWaiters: FetchWaiters
  readonly server: Server
}

/** The disk stood still while the broker stopped; whatever waits for the disk still waits. */
export class StalledDisk extends Error {
  override readonly name = 'StalledDisk'
}

/** One broker. Everything is constructed here, once, and torn down in the opposite order. */
export class Broker {
  /** Addresses that it listens on, with the ports that were chosen. */
  readonly listeners: readonly HostAndPort[]
  readonly clusterId: string
  /** Resolves when the broker has closed, rejects when a failure stopped it. */
  readonly closed: Promise<void>
  readonly #closed = deferred<void>()
  readonly #parts: Parts
  #state: 'running' | 'closing' | 'failed' = 'running'
  #lettingGo: Promise<void> = Promise.resolve()
  #stallAlarm: Alarm | null = null

  /**
   * Starts a broker.
   *
   * @throws StartError when a config is wrong, an address is taken, or the data directory cannot be
   *   used
   */
  static async start(
    settings: BrokerSettings,
    { clock, random, files }: Outside = { clock: nodeClock, random: nodeRandom, files: null }
  ): Promise<Broker> {
    const config = brokerConfig(settings)
    const failure = new FirstFailure()
    const onFailure = (error: unknown): void => failure.report(error)
    const awake = awakeClock(settings, config, clock)
    let storage: BrokerStorage | null = null
    let server: Server | null = null
    try {
      storage = await BrokerStorage.open({
        settings,
        config,
        clock,
        random,
        files: files ?? (settings.dataDir === null ? memoryFiles() : nodeFiles()),
        onFailure
      })
      const cluster = await openCluster(storage, { settings, config, clock: awake, random })
      storage.tellOpened()
      const groups = groupCoordinator(cluster, { settings, clock: awake, random, onFailure })
      await groups.load()
      const upkeep = upkeepOf(cluster, { settings, clock, onFailure })
      const diskWaits = new DiskWaits(awake)
      const fetchWaiters = new FetchWaiters(clock)
      const countMax = config.maxIncrementalFetchSessionCacheSlots
      const fetchSessions = new FetchSessions({ random, countMax })
      const dispatch = new Dispatch(handlers)
      const { advertised } = dispatch
      const logDirectory = storage
      const waits = { diskWaits, fetchWaiters }
      const services = { cluster, groups, fetchSessions, ...waits, config, logDirectory }
      const { keepProcessAlive, logger } = settings
      server = new Server({
        dispatch,
        services: { ...services, advertised },
        clock: awake,
        logger,
        keepProcessAlive,
        onFailure,
        bounds: serverBounds(config)
      })
      await makeTopics(cluster, settings.topics)
      const listeners = await listen(server, cluster, settings)
      const own = { settings, clock, awake, storage, cluster, groups, ...waits, server }
      const parts = { ...own, ...upkeep }
      const broker = new Broker(parts, listeners)
      failure.passOn(error => broker.fail(error))
      upkeep.retention.start()
      upkeep.compaction.start()
      storage.startScrub()
      return broker
    } catch (error) {
      awake.stop()
      await server?.destroy()
      await storage?.abandon()
      throw startErrorOf(error)
    }
  }

  private constructor(parts: Parts, listeners: readonly HostAndPort[]) {
    this.#parts = parts
    this.listeners = listeners
    this.clusterId = parts.cluster.clusterId
    this.closed = this.#closed.promise
    // Whoever does not look at `closed` must not be stopped by an unhandled rejection.
    this.closed.catch(() => {})
  }

  /** `host:port` of each listener; of what is advertised where it listens on all addresses. */
  get bootstrapServers(): readonly string[] {
    const { settings, cluster } = this.#parts
    return settings.listeners.map(({ name }, index) => {
      const listener = this.listeners[index]!
      return formatHostAndPort(isWildcard(listener.host) ? cluster.endpointFor(name) : listener)
    })
  }

  /**
   * Stops: finishes what is at work, makes everything durable, lets go of ports and files. May be
   * called again. When the disk finishes nothing for `shutdownStallMs`, `closed` rejects with
   * StalledDisk, and the next start is as after a crash.
   */
  close(): Promise<void> {
    if (this.#state === 'running') {
      this.#state = 'closing'
      this.#watchDisk()
      this.#shutDown()
        .catch((error: unknown) => this.fail(error))
        .finally(() => this.#stallAlarm?.cancel())
    }
    // Whoever wants to know of a failure looks at `closed`; here, only that port and folder are
    // free.
    return this.closed.catch(() => {}).then(() => this.#lettingGo)
  }

  /**
   * Stops at once after a bug of ours or a failed disk: nothing more is answered, nothing more is
   * written.
   */
  fail(error: unknown): void {
    if (this.#state === 'failed') return
    this.#state = 'failed'
    const { settings, storage, groups, retention, compaction, fetchWaiters, server } = this.#parts
    settings.logger.error('the broker stops because of a failure', { error })
    this.#parts.awake.stop()
    void retention.stop()
    void compaction.stop()
    void groups.close()
    this.#parts.diskWaits.close()
    fetchWaiters.close()
    const lettingGo = letGo(storage, server)
    // A disk that stands still keeps its folder; nobody waits for that any more.
    this.#lettingGo = error instanceof StalledDisk ? server.destroy() : lettingGo
    this.#closed.reject(error)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #watchDisk(): void {
    const { clock, storage } = this.#parts
    const { flushCount } = storage
    this.#stallAlarm = clock.schedule(shutdownStallMs, () => {
      if (storage.flushCount > flushCount) this.#watchDisk()
      else this.fail(new StalledDisk(`the disk has finished nothing for ${shutdownStallMs} ms`))
    })
  }

  async #shutDown(): Promise<void> {
    const { clock, storage, cluster, groups, retention, compaction, fetchWaiters, server } =
      this.#parts
    this.#parts.awake.stop()
    const answered = server.finish()
    this.#parts.diskWaits.close()
    fetchWaiters.close()
    await groups.close()
    const grace = deferred<void>()
    const alarm = clock.schedule(shutdownGraceMs, () => grace.resolve())
    await Promise.race([answered, grace.promise])
    alarm.cancel()
    await server.destroy()
    await retention.stop()
    await compaction.stop()
    await cluster.close()
    await storage.close()
    this.#closed.resolve()
  }
}

async function letGo(storage: BrokerStorage, server: Server): Promise<void> {
  await Promise.allSettled([storage.abandon(), server.destroy()])
}

/** Failures may come before there is a broker to hear of them; the first one counts. */
class FirstFailure {
  #error: { readonly error: unknown } | null = null
  #listener: ((error: unknown) => void) | null = null

  report(error: unknown): void {
    this.#error ??= { error }
    this.#listener?.(error)
  }

  /** @throws what was reported before */
  passOn(listener: (error: unknown) => void): void {
    if (this.#error !== null) throw this.#error.error
    this.#listener = listener
  }
}

/**
 * What the data directory has to say about a start that failed; anything else is a bug and stays
 * what it is.
 */
function startErrorOf(error: unknown): unknown {
  if (error instanceof LogDirectoryError) return new StartError(error.code, error.message)
  if (error instanceof FileError) return new StartError('UNREADABLE', error.message)
  if (error instanceof MetadataLogError) return new StartError('CORRUPT', error.message)
  return error
}

/** @throws StartError INVALID_CONFIG */
export function brokerConfig(settings: BrokerSettings): BrokerConfig {
  const { listeners } = settings
  const own = {
    'node.id': String(settings.nodeId),
    listeners: listeners.map(each => `${each.name}://${formatHostAndPort(each)}`).join(','),
    ...(settings.dataDir === null ? {} : { 'log.dirs': settings.dataDir })
  }
  const parsed = parseBrokerConfig(
    new Map([...settings.config, ...Object.entries(own)]),
    settings.durability
  )
  if (!parsed.ok) throw new StartError('INVALID_CONFIG', parsed.detail ?? parsed.error)
  return parsed.value
}

/** The cluster over its log directory, with every partition that it knows. */
export async function openCluster(
  storage: BrokerStorage,
  options: Pick<Outside, 'clock' | 'random'> & {
    readonly settings: BrokerSettings
    readonly config: BrokerConfig
  }
): Promise<Cluster> {
  const { settings, config, clock, random } = options
  const cluster = await Cluster.open({
    clusterId: storage.clusterId,
    nodeId: settings.nodeId,
    config,
    clock,
    random,
    logger: settings.logger,
    metadata: storage.metadata,
    cleanStart: storage.cleanStart,
    isSpaceLow: () => storage.isSpaceLow,
    openPartitions: list => storage.openPartitions(list),
    removePartitions: list => storage.removePartitions(list)
  })
  storage.moveUnknownAside([...cluster.topics()].flatMap(topic => topic.partitions))
  return cluster
}

/** The groups of a cluster; not loaded yet. */
export function groupCoordinator(
  cluster: Cluster,
  options: Pick<Outside, 'clock' | 'random'> & {
    readonly settings: BrokerSettings
    onFailure(error: unknown): void
  }
): GroupCoordinator {
  const { settings, clock, random } = options
  const groups = new GroupCoordinator({
    offsetsPartition: index => cluster.partition(consumerOffsetsTopic, index),
    async ensureOffsetsTopic() {
      const topic = await cluster.ensureTopic(consumerOffsetsTopic)
      return topic.ok ? success(topic.value.partitions.length) : topic
    },
    topicExists: (topic, partition) => cluster.partition(topic, partition) !== undefined,
    config: cluster.config,
    clock,
    random,
    logger: settings.logger,
    onBroken: error => options.onFailure(error)
  })
  cluster.onTopicDeleted(topic => groups.onTopicDeleted(topic.name))
  return groups
}

/** What looks after partitions from time to time; not started yet. */
function upkeepOf(
  cluster: Cluster,
  options: Pick<Outside, 'clock'> & {
    readonly settings: BrokerSettings
    onFailure(error: unknown): void
  }
): { readonly retention: RetentionChecks; readonly compaction: CompactionChecks } {
  const means = {
    clock: options.clock,
    logger: options.settings.logger,
    topics: () => cluster.topics(),
    onFailure: (error: unknown) => options.onFailure(error)
  }
  return {
    retention: new RetentionChecks({
      ...means,
      intervalMs: () => cluster.config.logRetentionCheckIntervalMs
    }),
    compaction: new CompactionChecks({ ...means, configs: () => cluster.config })
  }
}

function serverBounds(config: BrokerConfig): Partial<ServerBounds> {
  return {
    connections: config.maxConnections,
    connectionsPerAddress: config.maxConnectionsPerIp,
    requestSize: config.socketRequestMaxBytes,
    idleMs: config.connectionsMaxIdleMs
  }
}

/** Makes the topics that a broker is to begin with; those that are there stay as they are. */
async function makeTopics(cluster: Cluster, topics: readonly TopicOptions[]): Promise<void> {
  const missing = topics.filter(({ name }) => cluster.topic(name) === undefined)
  if (missing.length === 0) return
  const made = await cluster.createTopics(
    missing.map(({ name, partitions, configs }) => ({
      name,
      numPartitions: partitions ?? -1,
      replicationFactor: -1,
      assignments: [],
      configs: [...configTexts(configs ?? {})].map(([key, value]) => ({ name: key, value }))
    })),
    { validateOnly: false }
  )
  for (const [name, topic] of made) {
    if (topic.ok) continue
    const reason = topic.detail ?? topic.error
    throw new StartError('INVALID_OPTION', `the topic ${name} cannot be made: ${reason}`)
  }
}

/**
 * The clock of what waits for clients. A pause counts from half of the shortest session on: a
 * member that is heard of in time cannot have lost its place by less.
 */
function awakeClock(
  { logger }: BrokerSettings,
  { groupMinSessionTimeoutMs }: BrokerConfig,
  clock: Clock
): AwakeClock {
  return new AwakeClock({
    clock,
    pauseMinMs: Math.max(groupMinSessionTimeoutMs / 2, ownPauseMinMs),
    onPause: pausedMs => {
      logger.warn('this process stood still: the sessions of members go on where they were', {
        pausedMs: Math.round(pausedMs)
      })
    }
  })
}

async function listen(
  server: Server,
  cluster: Cluster,
  { listeners }: BrokerSettings
): Promise<readonly HostAndPort[]> {
  const bound: HostAndPort[] = []
  const opened = await server.listen(listeners, (address: ListenAddress, port) => {
    const { host, name } = address
    bound.push({ host, port })
    const advertised = listeners.find(each => each.name === name)?.advertised ?? null
    if (advertised !== null) cluster.setEndpoint(name, advertised.host, advertised.port || port)
    else cluster.setEndpoint(name, isWildcard(host) ? hostname() : host, port)
  })
  if (!opened.ok) throw new StartError(opened.error, opened.detail ?? opened.error)
  return bound
}

/** Whether a host stands for every address of the machine, which no client can connect to. */
function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}
