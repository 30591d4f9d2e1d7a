import { openCluster, brokerConfig, groupCoordinator } from '../../src/broker.ts'
import { brokerSettings } from '../../src/broker-options.ts'
import { BrokerStorage } from '../../src/broker-storage.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import type { DurabilityMode } from '../../src/config/durability-mode.ts'
import type { GroupCoordinator } from '../../src/group/group-coordinator.ts'
import type { Clock } from '../../src/io/clock.ts'
import type { Files } from '../../src/io/files.ts'
import { seededRandom } from '../../src/io/seeded-random.ts'
import type { Logger } from '../../src/telemetry/logger.ts'
import type { Plant } from './plant.ts'

export interface PlaneOptions {
  readonly files: Files
  readonly clock: Clock
  readonly seed: number
  readonly durability: Exclude<DurabilityMode, 'memory'>
  readonly logger: Logger
  readonly plant?: Plant
}

/** All of a broker but its sockets, put together by the functions that `Broker` uses. */
export class Plane {
  readonly storage: BrokerStorage
  readonly cluster: Cluster
  readonly groups: GroupCoordinator
  readonly #failure: { error: unknown }

  /** @throws StartError, LogDirectoryError, MetadataLogError or FileError, as a start does */
  static async open(options: PlaneOptions): Promise<Plane> {
    const { clock, seed, durability, logger, plant } = options
    const files = plant?.wrapFiles?.(options.files) ?? options.files
    const random = seededRandom(seed)
    const settings = brokerSettings({
      dataDir: '/data',
      durability,
      logger,
      config: {
        'offsets.topic.num.partitions': 2,
        'group.initial.rebalance.delay.ms': 0,
        'group.min.session.timeout.ms': 1000,
        'log.segment.delete.delay.ms': 50,
        'log.scrub.interval.ms': 1000
      }
    })
    const config = brokerConfig(settings)
    const failure: { error: unknown } = { error: null }
    const onFailure = (error: unknown): void => void (failure.error ??= error)
    const storage = await BrokerStorage.open({
      settings,
      config,
      clock,
      random,
      files,
      onFailure,
      wrapLog: (log, topic) => plant?.wrapLog?.(log, topic) ?? log
    })
    try {
      const planted = plant?.wrapStorage?.(storage) ?? storage
      const cluster = await openCluster(planted, { settings, config, clock, random })
      const groups = groupCoordinator(cluster, { settings, clock, random, onFailure })
      await groups.load()
      if (failure.error !== null) throw failure.error
      return new Plane(storage, cluster, groups, failure)
    } catch (error) {
      await storage.abandon()
      throw error
    }
  }

  private constructor(
    storage: BrokerStorage,
    cluster: Cluster,
    groups: GroupCoordinator,
    failure: { error: unknown }
  ) {
    this.storage = storage
    this.cluster = cluster
    this.groups = groups
    this.#failure = failure
  }

  /** What stopped the broker; null while it runs. */
  get failure(): unknown {
    return this.#failure.error
  }

  /** Ends in order, as `Broker.close` does. */
  async close(): Promise<void> {
    await this.groups.close()
    await this.cluster.close()
    await this.storage.close()
  }

  /** Lets go after a failure. */
  async abandon(): Promise<void> {
    void this.groups.close()
    await this.storage.abandon()
  }
}
