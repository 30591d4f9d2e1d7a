import type { BrokerConfig } from '../config/broker-config.ts'
import type { TopicConfigs } from '../config/topic-configs.ts'
import type { Clock } from '../io/clock.ts'
import type { Random } from '../io/random.ts'
import type { Partition } from '../partition/partition.ts'
import type { Logger } from '../telemetry/logger.ts'

export interface PartitionToOpen {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly leaderEpoch: number
  readonly configs: TopicConfigs
  /** There must be nothing of it on disk yet. */
  readonly isNew: boolean
}

export interface ClusterOptions {
  readonly clusterId: string
  readonly nodeId: number
  /** As configured at start; what was set at run time is added from the metadata log. */
  readonly config: BrokerConfig
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /**
   * The metadata log. It must take one batch of as many records as one request may make partitions.
   */
  readonly metadata: Partition
  /**
   * Whether the last run ended in order. After any other end every leader epoch is raised, to fence
   * old readers.
   */
  readonly cleanStart: boolean
  /**
   * Opens partitions, in the order given: all of them, or it throws FileError and leaves nothing
   * new behind.
   */
  openPartitions(list: readonly PartitionToOpen[]): Promise<readonly Partition[]>
  /** Whether there is so little space that topics of clients are refused. */
  isSpaceLow(): boolean
  /** Closes partitions and removes what is on disk of them. */
  removePartitions(list: readonly Partition[]): Promise<void>
}

/** How a client wants the cluster changed. */
export interface ChangeOptions {
  /** Whether it is only to be said what would come of it. */
  readonly validateOnly: boolean
  /**
   * How long the client waits for the disk; `diskWaitMinMs` at least. Left out: until it is done.
   */
  readonly timeoutMs?: number
}
