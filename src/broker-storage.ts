import type { BrokerSettings } from './broker-options.ts'
import type { PartitionToOpen } from './cluster/cluster.ts'
import { randomTopicId } from './cluster/topic-id.ts'
import { clusterMetadataTopic, clusterMetadataTopicId } from './cluster/topic-name.ts'
import type { BrokerConfig } from './config/broker-config.ts'
import type { DurabilityMode } from './config/durability-mode.ts'
import { resolveTopicConfigs, type TopicConfigs } from './config/topic-configs.ts'
import type { Clock } from './io/clock.ts'
import { FileError, isFailedRead, type Files } from './io/files.ts'
import type { Random } from './io/random.ts'
import { logsTogetherMax, metadataBatchSizeMax } from './limits.ts'
import { Partition } from './partition/partition.ts'
import { StartError } from './start-error.ts'
import { LogDirectory } from './storage/local/log-dir.ts'
import { mapConcurrently } from './storage/local/map-concurrently.ts'
import type { Scrubber } from './storage/local/scrubber.ts'
import { unreadableLog } from './storage/local/unreadable-log.ts'
import type { PartitionLog } from './storage/partition-log.ts'

export interface StorageOptions {
  readonly settings: BrokerSettings
  readonly config: BrokerConfig
  readonly clock: Clock
  readonly random: Random
  readonly files: Files
  /** The disk has failed: the broker must stop. */
  readonly onFailure: (error: unknown) => void
  /** Puts something between a partition and its log; tests plant bugs there. */
  readonly wrapLog?: (log: PartitionLog, topic: string) => PartitionLog
}

/** The metadata log keeps everything: what it forgets, the cluster forgets. */
const metadataConfigs: ReadonlyMap<string, string> = new Map([
  ['cleanup.policy', 'delete'],
  ['retention.ms', '-1'],
  ['retention.bytes', '-1'],
  ['max.message.bytes', String(metadataBatchSizeMax)]
])
const metadataName = {
  topic: clusterMetadataTopic,
  topicId: clusterMetadataTopicId,
  partition: 0
}

/** The log directory of a broker, on disk or in memory, and the partitions over its logs. */
export class BrokerStorage {
  readonly clusterId: string
  readonly metadata: Partition
  /** Whether the last run ended in order. */
  readonly cleanStart: boolean
  readonly #directory: LogDirectory
  readonly #options: StorageOptions
  #scrubber: Scrubber | null = null
  readonly #startedMs: number
  /** Bytes that were read to know the producers of partitions. */
  #replayedSize = 0

  /**
   * Opens or makes the log directory and its metadata log.
   *
   * @throws LogDirectoryError or FileError when the folder cannot be used, StartError when it is
   *   another broker's
   */
  static async open(options: StorageOptions): Promise<BrokerStorage> {
    let directory: LogDirectory | null = null
    const startedMs = options.clock.monotonicMs()
    try {
      directory = await openDirectory(options)
      const clusterId = await identify(directory, options)
      refuseLostMetadata(directory)
      const configs = resolveTopicConfigs(metadataConfigs, options.config)
      const { durability } = options.settings
      const log = await openMetadataLog(directory, configs, metadataDurability(durability))
      // After a failure a log gives back what is surely on disk and no more: of this one a part
      // would be taken for all topics that there are.
      if (directory.failure !== null) throw directory.failure
      const metadata = await openPartition(
        { ...metadataName, leaderEpoch: 0, configs, isNew: false },
        log,
        options
      )
      return new BrokerStorage({ directory, clusterId, metadata, startedMs }, options)
    } catch (error) {
      await directory?.abandon()
      throw error
    }
  }

  private constructor(
    opened: {
      readonly directory: LogDirectory
      readonly clusterId: string
      readonly metadata: Partition
      readonly startedMs: number
    },
    options: StorageOptions
  ) {
    const { directory, clusterId, metadata, startedMs } = opened
    this.#directory = directory
    this.#options = options
    this.#startedMs = startedMs
    this.clusterId = clusterId
    this.metadata = metadata
    this.cleanStart = options.settings.dataDir === null || directory.cleanStart
  }

  /** What DescribeLogDirs says; the path is `memory:` when there is none. */
  get path(): string {
    return this.#options.settings.dataDir ?? 'memory:'
  }

  /** Whether so little is free that records and topics of clients are refused. */
  get isSpaceLow(): boolean {
    return this.#directory.isSpaceLow
  }

  /** Flushes of logs that have ended: while it grows, the disk does not stand still. */
  get flushCount(): number {
    return this.#directory.flushCount
  }

  totalSize(): number {
    return this.#directory.totalSize()
  }

  usableSize(): number {
    return this.#directory.usableSize()
  }

  async openPartitions(list: readonly PartitionToOpen[]): Promise<readonly Partition[]> {
    return mapConcurrently(list, logsTogetherMax, each => this.#openOrSetApart(each))
  }

  /** The folders of partitions that the disk did not give back. */
  get unreadable(): readonly string[] {
    return this.#directory.unreadable
  }

  /**
   * One partition that cannot be read is no reason to keep the others from clients: it refuses
   * everything until the next start.
   */
  async #openOrSetApart(each: PartitionToOpen): Promise<Partition> {
    const { settings } = this.#options
    let reason: string
    try {
      const log = await this.#directory.openLog(each, each.configs)
      const partition = await openPartition(each, log, this.#options)
      this.#replayedSize += partition.opening.sizeRead
      const { damage } = partition.opening
      if (damage?.error !== 'STORAGE') return partition
      reason = damage.detail ?? damage.error
    } catch (error) {
      if (!isFailedRead(error)) throw error
      reason = error.message
    }
    settings.logger.error(
      'a partition cannot be read and refuses everything until the next start; the others serve',
      { topic: each.topic, partition: each.partition, reason }
    )
    await this.#directory.setApart(each)
    return openPartition(each, unreadableLog(reason), this.#options)
  }

  /** Says in the log what the start has cost, once all partitions are open. */
  tellOpened(): void {
    const { settings, clock } = this.#options
    if (settings.dataDir === null) return
    settings.logger.info('logs are open', {
      partitions: [...this.#directory.logs].length,
      bytes: this.totalSize(),
      bytesScanned: this.#directory.scannedSize + this.#replayedSize,
      cleanStart: this.cleanStart,
      ms: Math.round(clock.monotonicMs() - this.#startedMs)
    })
  }

  async removePartitions(list: readonly Partition[]): Promise<void> {
    let refusal: FileError | null = null
    for (const partition of list) {
      await partition.close({ isRemoved: true })
      try {
        await this.#directory.removeLog(partition)
      } catch (error) {
        if (!(error instanceof FileError)) throw error
        refusal ??= error
      }
    }
    if (refusal !== null) throw refusal
  }

  /** Moves folders aside that no topic owns: left over from a crash, or from another program. */
  moveUnknownAside(known: Iterable<Partition>): void {
    for (const folder of this.#directory.moveUnknownAside([metadataName, ...known]))
      this.#options.settings.logger.warn('unknown partition folder moved aside', { folder })
  }

  /** Begins to look for damage on the disk, from time to time; nothing rots in memory. */
  startScrub(): void {
    const { config, settings, onFailure } = this.#options
    if (settings.durability === 'memory') return
    const { logScrubIntervalMs: intervalMs, logScrubIoMaxBytesPerSecond: bytesPerSecond } = config
    this.#scrubber = this.#directory.scrubber({ intervalMs, bytesPerSecond }, onFailure)
    this.#scrubber.start()
  }

  /** Makes everything durable, notes that the run ended in order, and lets go of the folder. */
  async close(): Promise<void> {
    await this.#scrubber?.stop(true)
    return this.#directory.close()
  }

  /** Lets go of the folder as it is: after a failure nothing more is written. */
  async abandon(): Promise<void> {
    await this.#scrubber?.stop(false)
    return this.#directory.abandon()
  }
}

/**
 * In the mode `os` the metadata log is synced all the same, as Kafka's is: a power cut that took a
 * deleted topic's end away would give it the files of the next topic of its name, and one that took
 * a raised leader epoch away would let it be given out twice.
 */
function metadataDurability(durability: DurabilityMode): DurabilityMode {
  return durability === 'os' ? 'fsync' : durability
}

/**
 * A topic is in the metadata log, on disk, before it takes its first record. Where there are
 * records and no such log somebody has lost it, and an empty cluster would set all of them aside.
 *
 * @throws StartError CORRUPT
 */
function refuseLostMetadata(directory: LogDirectory): void {
  const folder = directory.has(metadataName) ? null : directory.folderWithRecords()
  if (folder === null) return
  throw new StartError(
    'CORRUPT',
    `${directory.path} holds records, as in ${folder}, and the folder ${clusterMetadataTopic}-0 ` +
      'that says what they belong to is gone: restore it from a backup; without one, start a ' +
      'broker on a new data directory, create the topics, stop it, and take each partition over ' +
      'with odradek log import'
  )
}

async function openMetadataLog(
  directory: LogDirectory,
  configs: TopicConfigs,
  durability: DurabilityMode
): Promise<PartitionLog> {
  try {
    return await directory.openLog(metadataName, configs, 0, durability)
  } catch (error) {
    if (!isFailedRead(error)) throw error
    throw new StartError(
      'UNREADABLE',
      `the metadata log cannot be read, and nothing else says which topics there are: ` +
        `${error.message}; look after the disk, or restore the folder from a backup`
    )
  }
}

function openDirectory(options: StorageOptions): Promise<LogDirectory> {
  const { settings, config, clock, random, files } = options
  return LogDirectory.open({
    files,
    path: settings.dataDir ?? '/data',
    durability: settings.durability,
    clock,
    random,
    logger: settings.logger,
    minFreeSize: settings.dataDir === null ? 0 : config.logMinFreeBytes,
    onFailure: error => options.onFailure(error)
  })
}

/**
 * The cluster's id: the folder's own if it has one, else the one that was asked for, else a new
 * one.
 */
async function identify(
  directory: LogDirectory,
  { settings, random }: StorageOptions
): Promise<string> {
  const wanted = settings.clusterId
  const { clusterId: known, nodeId } = directory
  if (known === null) {
    const clusterId = wanted ?? randomTopicId(random)
    await directory.initialize(clusterId, settings.nodeId)
    return clusterId
  }
  const belongs = (to: string): StartError =>
    new StartError('FOREIGN', `data directory ${settings.dataDir} belongs to ${to}`)
  if (wanted !== null && wanted !== known) throw belongs(`the cluster ${known}, not to ${wanted}`)
  if (nodeId !== settings.nodeId)
    throw belongs(`the broker with node id ${nodeId}, not ${settings.nodeId}`)
  return known
}

async function openPartition(
  { topic, topicId, partition: index, leaderEpoch, configs }: PartitionToOpen,
  log: PartitionLog,
  { settings, config, clock, wrapLog }: StorageOptions
): Promise<Partition> {
  const partition = await Partition.open({
    topic,
    topicId,
    partition: index,
    leaderEpoch,
    log: wrapLog?.(log, topic) ?? log,
    configs,
    clock,
    ownerEpoch: 0,
    producerIdExpirationMs: config.producerIdExpirationMs
  })
  const { damage, passedOver } = partition.opening
  for (const fault of passedOver)
    settings.logger.warn('a snapshot of producers was passed over', {
      topic,
      partition: index,
      ...fault
    })
  // What is not served at all is told by whoever sets it apart.
  if (damage !== null && damage.error !== 'STORAGE')
    settings.logger.error('a partition cannot be read whole', {
      topic,
      partition: index,
      ...damage
    })
  return partition
}
