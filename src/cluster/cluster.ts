import { assert } from '../base/assert.ts'
import { failure, success, type Failure, type Result } from '../base/result.ts'
import { withDynamicConfigs, type BrokerConfig } from '../config/broker-config.ts'
import { resolveTopicConfigs, type TopicConfigs } from '../config/topic-configs.ts'
import { FileError } from '../io/files.ts'
import {
  configChangeWaitMs,
  diskWaitMinMs,
  implicitChangeWaitMs,
  producerIdBlockSize
} from '../limits.ts'
import type { Partition } from '../partition/partition.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import { autoCreatedTopic } from './auto-created-topic.ts'
import { Changes } from './changes.ts'
import type { ChangeOptions, ClusterOptions, PartitionToOpen } from './cluster-options.ts'
import { planConfigChange, type ConfigChange } from './config-changes.ts'
import { Endpoints, type Endpoint } from './endpoints.ts'
import type { TopicImage } from './metadata-image.ts'
import { raisedLeaderEpochs } from './leader-epochs.ts'
import { MetadataLog, MetadataLogError } from './metadata-log.ts'
import { configResourceTypes, type MetadataRecord } from './metadata-records.ts'
import { planGrowths, type GrowthPlan, type TopicGrowth } from './partition-growth.ts'
import { ProducerIds } from './producer-ids.ts'
import {
  newPartitionRecord,
  planTopics,
  topicRecords,
  type NewTopic,
  type TopicPlan,
  type TopicPlans,
  type TopicSurroundings
} from './topic-creation.ts'
import { randomTopicId } from './topic-id.ts'
import { Topics, type Topic } from './topics.ts'

export type * from './cluster-options.ts'

/**
 * What exists: topics, their partitions and configs, the broker's own configs, producer ids. Every
 * change is decided against the image of the metadata log, made durable there and only then seen
 * and answered. Changes happen one after the other; reading never waits.
 *
 * Who waits for a disk that stands still hears REQUEST_TIMED_OUT in the end. A change that was
 * begun goes on then, and one that was not never begins.
 */
export class Cluster {
  readonly clusterId: string
  readonly nodeId: number
  readonly #options: ClusterOptions
  readonly #log: MetadataLog
  readonly #topics = new Topics()
  readonly #endpoints: Endpoints
  readonly #changes: Changes
  readonly #producerIds: ProducerIds
  readonly #deletionListeners: Array<(topic: Topic) => Promise<void>> = []
  #config: BrokerConfig

  /**
   * Replays the metadata log and opens every partition in it.
   *
   * @throws MetadataLogError when the log is damaged or cannot be written
   */
  static async open(options: ClusterOptions): Promise<Cluster> {
    const log = await MetadataLog.open(options.metadata)
    const cluster = new Cluster(options, log)
    if (!options.cleanStart) {
      for (const records of raisedLeaderEpochs(log.image, options.nodeId)) {
        const raised = await log.append(records)
        if (!raised.ok)
          throw new MetadataLogError(
            `leader epochs cannot be raised: ${raised.detail ?? raised.error}`
          )
      }
    }
    await cluster.#openAll()
    return cluster
  }

  private constructor(options: ClusterOptions, log: MetadataLog) {
    this.clusterId = options.clusterId
    this.nodeId = options.nodeId
    this.#options = options
    this.#log = log
    this.#changes = new Changes(options.clock)
    this.#endpoints = new Endpoints(options.nodeId)
    this.#producerIds = new ProducerIds(() =>
      this.#changes.run(() => this.#takeProducerIds(), {
        waitMs: implicitChangeWaitMs,
        // What Kafka's RPCProducerIdManager says while it has no block of ids.
        whenLate: () => failure('COORDINATOR_LOAD_IN_PROGRESS')
      })
    )
    this.#config = this.#dynamicConfig()
  }

  /** The broker that answers for the cluster: this one. */
  get controllerId(): number {
    return this.nodeId
  }

  /** Ids of all brokers. */
  get brokerIds(): readonly number[] {
    return [this.nodeId]
  }

  /** The broker's configs in force now. */
  get config(): BrokerConfig {
    return this.#config
  }

  /** Says where clients of a listener reach this broker. */
  setEndpoint(listenerName: string, host: string, port: number): void {
    this.#endpoints.set(listenerName, host, port)
  }

  endpointFor(listenerName: string): Endpoint {
    return this.#endpoints.for(listenerName)
  }

  /** In the order they were created. */
  topics(): Iterable<Topic> {
    return this.#topics.all()
  }

  topic(name: string): Topic | undefined {
    return this.#topics.byName(name)
  }

  topicById(topicId: string): Topic | undefined {
    return this.#topics.byId(topicId)
  }

  partition(topic: string, index: number): Partition | undefined {
    return this.#topics.byName(topic)?.partitions[index]
  }

  partitionById(topicId: string, index: number): Partition | undefined {
    return this.#topics.byId(topicId)?.partitions[index]
  }

  /**
   * Makes topics. Each name is answered once; one that cannot be made does not hinder the others.
   *
   * @returns for each name the topic as it was (or, with `validateOnly`, would be) made, or why not
   */
  createTopics(topics: readonly NewTopic[], options: ChangeOptions): Promise<TopicPlans> {
    const names = topics.map(({ name }) => name)
    return this.#change(names, options.timeoutMs, async () => {
      const plans = this.#planTopics(topics)
      if (options.validateOnly) return plans
      const made = await this.#makeTopics(accepted(plans.values()))
      return made.ok ? plans : withFailure(plans, made)
    })
  }

  /**
   * The topic of this name, which is made with the broker's defaults if there is none. The broker's
   * own topics get the settings that their coordinators need. Callers that come together get the
   * same topic.
   */
  async ensureTopic(name: string): Promise<Result<Topic, ErrorName>> {
    const ensured = (await this.ensureTopics([name])).get(name)
    assert(ensured !== undefined, 'every name is answered')
    return ensured
  }

  /** `ensureTopic` for several names, made durable together. */
  async ensureTopics(
    names: readonly string[]
  ): Promise<ReadonlyMap<string, Result<Topic, ErrorName>>> {
    const missing = (): string[] => [...new Set(names)].filter(name => !this.topic(name))
    const refused = new Map<string, Result<never, ErrorName>>()
    if (missing().length > 0) {
      const plans = await this.#change(missing(), implicitChangeWaitMs, async () => {
        const plans = this.#planTopics(missing().map(name => autoCreatedTopic(name, this.#config)))
        const made = await this.#makeTopics(accepted(plans.values()))
        return made.ok ? plans : withFailure(plans, made)
      })
      for (const [name, plan] of plans) if (!plan.ok) refused.set(name, plan)
    }
    return new Map(names.map(name => [name, refused.get(name) ?? this.#existing(name)]))
  }

  /**
   * Deletes topics for good: first in the log, then for readers, then on disk.
   *
   * @returns for each id nothing, or UNKNOWN_TOPIC_ID, or INVALID_REQUEST for a topic that the
   *   broker itself needs
   */
  deleteTopics(
    topicIds: readonly string[],
    { timeoutMs }: Pick<ChangeOptions, 'timeoutMs'> = {}
  ): Promise<ReadonlyMap<string, Result<void, ErrorName>>> {
    return this.#change(topicIds, timeoutMs, async () => {
      const decided = new Map(topicIds.map(topicId => [topicId, this.#mayDelete(topicId)]))
      const doomed = [...decided].filter(([, may]) => may.ok).map(([topicId]) => topicId)
      const appended = await this.#log.append(
        doomed.map(topicId => ({ type: 'RemoveTopicRecord', topicId }))
      )
      if (!appended.ok) return withFailure(decided, appended)
      await this.#dropTopics(doomed.map(topicId => this.#topics.remove(topicId)))
      return decided
    })
  }

  /** Adds partitions to topics. Each name is answered once. */
  createPartitions(
    growths: readonly TopicGrowth[],
    options: ChangeOptions
  ): Promise<ReadonlyMap<string, Result<GrowthPlan, ErrorName>>> {
    const names = growths.map(({ name }) => name)
    return this.#change(names, options.timeoutMs, async () => {
      const plans = planGrowths(growths, this.#surroundings())
      if (options.validateOnly) return plans
      const grown = await this.#grow(accepted(plans.values()))
      return grown.ok ? plans : withFailure(plans, grown)
    })
  }

  /**
   * Changes configs of topics and brokers, in force when the promise resolves.
   *
   * @returns for each change, in order, nothing or why not
   */
  alterConfigs(
    changes: readonly ConfigChange[],
    { validateOnly }: Pick<ChangeOptions, 'validateOnly'>
  ): Promise<ReadonlyArray<Result<void, ErrorName>>> {
    const whenLate = (): Failure<ErrorName>[] => changes.map(() => failure('REQUEST_TIMED_OUT'))
    const change = async (): Promise<ReadonlyArray<Result<void, ErrorName>>> => {
      const plans = this.#planConfigChanges(changes)
      const records = accepted(plans).flat()
      if (!validateOnly && records.length > 0) {
        const appended = await this.#log.append(records)
        if (!appended.ok) return plans.map(plan => (plan.ok ? appended : plan))
        this.#reconfigure(records)
      }
      return plans.map(plan => (plan.ok ? success(undefined) : plan))
    }
    return this.#changes.run(change, { waitMs: configChangeWaitMs, whenLate })
  }

  /** A producer id that nobody ever had. */
  nextProducerId(): Promise<Result<number, ErrorName>> {
    return this.#producerIds.next()
  }

  /**
   * Tells of every topic that is deleted, when it is gone for readers; the deletion is answered
   * when the listeners are done.
   */
  onTopicDeleted(listener: (topic: Topic) => Promise<void>): void {
    this.#deletionListeners.push(listener)
  }

  /** Waits for the changes at work, then closes every partition and the metadata log. */
  close(): Promise<void> {
    return this.#changes.run(async () => {
      const partitions = [...this.topics()].flatMap(topic => topic.partitions)
      await Promise.all(partitions.map(partition => partition.close()))
      await this.#options.metadata.close()
    }, null)
  }

  /** Makes a change of several things; each is REQUEST_TIMED_OUT when that takes too long. */
  #change<T>(
    names: readonly string[],
    timeoutMs: number | undefined,
    change: () => Promise<ReadonlyMap<string, Result<T, ErrorName>>>
  ): Promise<ReadonlyMap<string, Result<T, ErrorName>>> {
    if (timeoutMs === undefined) return this.#changes.run(change, null)
    return this.#changes.run(change, {
      waitMs: Math.max(timeoutMs, diskWaitMinMs),
      whenLate: () => new Map(names.map(name => [name, failure('REQUEST_TIMED_OUT')]))
    })
  }

  #surroundings(): TopicSurroundings {
    const isSpaceLow = this.#options.isSpaceLow()
    return { image: this.#log.image, config: this.#config, brokers: this.brokerIds, isSpaceLow }
  }

  #planTopics(topics: readonly NewTopic[]): TopicPlans {
    const { random } = this.#options
    return planTopics(topics, this.#surroundings(), () => randomTopicId(random))
  }

  #planConfigChanges(
    changes: readonly ConfigChange[]
  ): ReadonlyArray<Result<readonly MetadataRecord[], ErrorName>> {
    const seen = new Map<string, number>()
    const resources = changes.map(change => `${change.resourceType} ${change.resourceName}`)
    for (const resource of resources) seen.set(resource, (seen.get(resource) ?? 0) + 1)
    const surroundings = { ...this.#surroundings(), nodeId: this.nodeId }
    return changes.map((change, index) =>
      seen.get(resources[index]!) === 1
        ? planConfigChange(change, surroundings)
        : failure('INVALID_REQUEST', 'Each resource must appear at most once.')
    )
  }

  #existing(name: string): Result<Topic, ErrorName> {
    const topic = this.topic(name)
    return topic === undefined ? failure('UNKNOWN_TOPIC_OR_PARTITION') : success(topic)
  }

  /** Opens first: a topic whose partitions cannot be opened leaves no trace in the log. */
  async #makeTopics(plans: readonly TopicPlan[]): Promise<Result<void, ErrorName>> {
    const records = plans.flatMap(plan => topicRecords(plan, this.nodeId))
    const list = plans.flatMap(plan => {
      const configs = resolveTopicConfigs(plan.configs, this.#config)
      return range(0, plan.partitionCount).map(index => newPartition(plan, index, configs))
    })
    const opened = await this.#openAndRecord(list, records)
    if (!opened.ok) return opened
    let from = 0
    for (const plan of plans) {
      const partitions = opened.value.slice(from, from + plan.partitionCount)
      this.#topics.add(plan, partitions, plan.configs, this.#config)
      from += plan.partitionCount
    }
    return success(undefined)
  }

  async #grow(plans: readonly GrowthPlan[]): Promise<Result<void, ErrorName>> {
    const indexes = plans.flatMap(plan =>
      range(plan.fromCount, plan.toCount).map(index => ({ plan, index }))
    )
    const opened = await this.#openAndRecord(
      indexes.map(({ plan, index }) => {
        const topic = this.topicById(plan.topicId)
        assert(topic !== undefined, `the topic ${plan.name} exists`)
        return newPartition(plan, index, topic.configs)
      }),
      indexes.map(({ plan, index }) => newPartitionRecord(plan.topicId, index, this.nodeId))
    )
    if (!opened.ok) return opened
    let from = 0
    for (const { name, fromCount, toCount } of plans) {
      this.#topics.grow(name, opened.value.slice(from, from + toCount - fromCount))
      from += toCount - fromCount
    }
    return success(undefined)
  }

  /**
   * @returns KAFKA_STORAGE_ERROR when files or records could not be written; nothing is left of the
   * partitions then
   */
  async #openAndRecord(
    list: readonly PartitionToOpen[],
    records: readonly MetadataRecord[]
  ): Promise<Result<readonly Partition[], ErrorName>> {
    if (list.length === 0) return success([])
    const opened = await this.#open(list)
    if (!opened.ok) return opened
    const appended = await this.#log.append(records)
    if (appended.ok) return opened
    await this.#remove(opened.value)
    return appended
  }

  async #open(list: readonly PartitionToOpen[]): Promise<Result<readonly Partition[], ErrorName>> {
    try {
      const opened = await this.#options.openPartitions(list)
      assert(opened.length === list.length, 'every partition is opened')
      return success(opened)
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      this.#options.logger.error('partitions cannot be created', { reason: error.message })
      return failure('KAFKA_STORAGE_ERROR', `The partitions cannot be created: ${error.message}`)
    }
  }

  /**
   * What cannot be removed now is moved aside at the next start, for the log does not know it any
   * more.
   */
  async #remove(partitions: readonly Partition[]): Promise<void> {
    try {
      await this.#options.removePartitions(partitions)
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      this.#options.logger.error('deleted partitions stay on disk', { reason: error.message })
    }
  }

  #mayDelete(topicId: string): Result<void, ErrorName> {
    const topic = this.topicById(topicId)
    if (topic === undefined) return failure('UNKNOWN_TOPIC_ID')
    if (!topic.isInternal) return success(undefined)
    return failure('INVALID_REQUEST', `The topic ${topic.name} is the broker's own.`)
  }

  async #dropTopics(topics: readonly Topic[]): Promise<void> {
    const told = topics.flatMap(topic => this.#deletionListeners.map(listener => listener(topic)))
    const partitions = topics.flatMap(topic => topic.partitions)
    if (partitions.length > 0) await this.#remove(partitions)
    await Promise.all(told)
  }

  /** Lets the config records that have been applied take effect. */
  #reconfigure(records: readonly MetadataRecord[]): void {
    const configRecords = records.filter(record => record.type === 'ConfigRecord')
    const brokerChanged = configRecords.some(
      ({ resourceType }) => resourceType === configResourceTypes.BROKER
    )
    if (brokerChanged) this.#config = this.#dynamicConfig()
    const names = brokerChanged
      ? [...this.topics()].map(({ name }) => name)
      : new Set(configRecords.map(({ resourceName }) => resourceName))
    for (const name of names) {
      this.#topics.reconfigure(name, this.#topicOverrides(name), this.#config)
    }
  }

  #topicOverrides(name: string): ReadonlyMap<string, string> {
    return this.#log.image.configs(configResourceTypes.TOPIC, name)
  }

  #dynamicConfig(): BrokerConfig {
    const { image } = this.#log
    const dynamic = withDynamicConfigs(this.#options.config, {
      dynamicDefaultConfigs: image.configs(configResourceTypes.BROKER, ''),
      dynamicBrokerConfigs: image.configs(configResourceTypes.BROKER, String(this.nodeId))
    })
    if (dynamic.ok) return dynamic.value
    const detail = `configs set at run time do not fit those of this start: ${dynamic.detail}`
    throw new MetadataLogError(detail)
  }

  async #openAll(): Promise<void> {
    const topics = [...this.#log.image.topics()]
    const list = topics.flatMap(topic => this.#knownPartitions(topic))
    const opened = await this.#options.openPartitions(list)
    assert(opened.length === list.length, 'every partition is opened')
    let from = 0
    for (const topic of topics) {
      const partitions = opened.slice(from, from + topic.partitions.length)
      this.#topics.add(topic, partitions, this.#topicOverrides(topic.name), this.#config)
      from += topic.partitions.length
    }
  }

  #knownPartitions({ name, topicId, partitions }: TopicImage): PartitionToOpen[] {
    const configs = resolveTopicConfigs(this.#topicOverrides(name), this.#config)
    return partitions.map(({ leaderEpoch }, partition) => {
      return { topic: name, topicId, partition, leaderEpoch, configs, isNew: false }
    })
  }

  async #takeProducerIds(): Promise<Result<number, ErrorName>> {
    const first = this.#log.image.nextProducerId
    const nextProducerId = first + producerIdBlockSize
    const appended = await this.#log.append([
      { type: 'ProducerIdsRecord', brokerId: this.nodeId, brokerEpoch: -1, nextProducerId }
    ])
    return appended.ok ? success(first) : appended
  }
}

function newPartition(
  { name, topicId }: Pick<Topic, 'name' | 'topicId'>,
  partition: number,
  configs: TopicConfigs
): PartitionToOpen {
  return { topic: name, topicId, partition, leaderEpoch: 0, configs, isNew: true }
}

/** What the successful ones of some results hold. */
function accepted<T>(results: Iterable<Result<T, ErrorName>>): readonly T[] {
  return [...results].filter(result => result.ok).map(({ value }) => value)
}

/** The same answers, but those that were to succeed fail together. */
function withFailure<T>(
  results: ReadonlyMap<string, Result<T, ErrorName>>,
  failed: Failure<ErrorName>
): ReadonlyMap<string, Result<T, ErrorName>> {
  return new Map([...results].map(([name, result]) => [name, result.ok ? failed : result]))
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, index) => from + index)
}
