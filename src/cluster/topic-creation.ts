import { failure, success, type Result } from '../base/result.ts'
import type { BrokerConfig } from '../config/broker-config.ts'
import { validateTopicConfigs } from '../config/topic-configs.ts'
import { configValueLengthMax, partitionsPerRequestMax } from '../limits.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import { partitionRecord, type MetadataImage } from './metadata-image.ts'
import { configResourceTypes, type MetadataRecord } from './metadata-records.ts'
import { validateReplicas, type ReplicaAssignment } from './replica-assignment.ts'
import { clusterMetadataTopic, isInternalTopic, topicNameFault } from './topic-name.ts'

/** A topic that somebody wants. */
export interface NewTopic {
  readonly name: string
  /** -1: what `num.partitions` says. */
  readonly numPartitions: number
  /** -1: what `default.replication.factor` says. */
  readonly replicationFactor: number
  /** Instead of the two numbers, which must be -1 then. */
  readonly assignments: readonly ReplicaAssignment[]
  readonly configs: ReadonlyArray<{ readonly name: string; readonly value: string | null }>
}

/** A topic that may be made. */
export interface TopicPlan {
  readonly name: string
  readonly topicId: string
  readonly partitionCount: number
  readonly replicationFactor: number
  readonly configs: ReadonlyMap<string, string>
}

/** What the decisions look at. */
export interface TopicSurroundings {
  readonly image: MetadataImage
  readonly config: BrokerConfig
  /** Ids of the brokers of the cluster. */
  readonly brokers: readonly number[]
  /** Whether there is no room for topics of clients; the broker's own are made all the same. */
  readonly isSpaceLow: boolean
}

/** Names of one request with what may become of each. */
export type TopicPlans = ReadonlyMap<string, Result<TopicPlan, ErrorName>>

/**
 * Decides which topics of one request can be made (Kafka: ReplicationControlManager.createTopics).
 * Every name is answered once, in the order of the request.
 */
export function planTopics(
  topics: readonly NewTopic[],
  surroundings: TopicSurroundings,
  newTopicId: () => string
): TopicPlans {
  const plans = new Map<string, Result<TopicPlan, ErrorName>>()
  const tooMany = partitionsWanted(topics, surroundings.config) > partitionsPerRequestMax
  for (const topic of topics) {
    if (plans.has(topic.name)) {
      plans.set(topic.name, failure('INVALID_REQUEST', 'Duplicate topic name.'))
    } else if (tooMany) {
      const detail = 'Excessively large number of partitions per request.'
      plans.set(topic.name, failure('POLICY_VIOLATION', detail))
    } else {
      plans.set(topic.name, planTopic(topic, surroundings, newTopicId))
    }
  }
  return plans
}

/** The records that make a topic, in Kafka's order: topic, configs, partitions. */
export function topicRecords(plan: TopicPlan, nodeId: number): readonly MetadataRecord[] {
  const { name, topicId } = plan
  const records: MetadataRecord[] = [{ type: 'TopicRecord', name, topicId }]
  for (const [configName, value] of plan.configs) {
    records.push({
      type: 'ConfigRecord',
      resourceType: configResourceTypes.TOPIC,
      resourceName: name,
      name: configName,
      value
    })
  }
  for (let partitionId = 0; partitionId < plan.partitionCount; partitionId++) {
    records.push(newPartitionRecord(topicId, partitionId, nodeId))
  }
  return records
}

/** The record of a partition that begins: led by its only replica, at epoch 0. */
export function newPartitionRecord(
  topicId: string,
  partitionId: number,
  nodeId: number
): MetadataRecord {
  const partition = { replicas: [nodeId], leader: nodeId, leaderEpoch: 0, partitionEpoch: 0 }
  return partitionRecord(topicId, partitionId, partition)
}

/**
 * Clients would repeat KAFKA_STORAGE_ERROR until their time is up; of this one they show the text.
 */
export const noRoom = failure(
  'INVALID_REQUEST',
  'The disk of the broker is nearly full: no topics or partitions are made until there is room. ' +
    'Delete topics or records, shorten retention, or make the disk larger.'
)

function partitionsWanted(topics: readonly NewTopic[], config: BrokerConfig): number {
  let wanted = 0
  for (const { assignments, numPartitions } of topics) {
    if (assignments.length > 0) wanted += assignments.length
    else if (numPartitions === -1) wanted += config.numPartitions
    else wanted += Math.max(numPartitions, 0)
  }
  return wanted
}

function planTopic(
  topic: NewTopic,
  surroundings: TopicSurroundings,
  newTopicId: () => string
): Result<TopicPlan, ErrorName> {
  const named = validateName(topic.name, surroundings.image)
  if (!named.ok) return named
  if (surroundings.isSpaceLow && !isInternalTopic(topic.name)) return noRoom
  const configs = validateConfigs(topic, surroundings.config)
  if (!configs.ok) return configs
  const partitionCount =
    topic.assignments.length > 0
      ? validateAssignments(topic, surroundings.brokers)
      : validateNumbers(topic, surroundings)
  if (!partitionCount.ok) return partitionCount
  return success({
    name: topic.name,
    topicId: newTopicId(),
    partitionCount: partitionCount.value,
    // Whatever was asked for passed only if one broker can hold it.
    replicationFactor: 1,
    configs: configs.value
  })
}

function validateName(name: string, image: MetadataImage): Result<void, ErrorName> {
  if (name === clusterMetadataTopic) {
    const detail = `Creation of internal topic ${clusterMetadataTopic} is prohibited.`
    return failure('INVALID_REQUEST', detail)
  }
  const fault = topicNameFault(name)
  if (fault !== null) return failure('INVALID_TOPIC_EXCEPTION', fault)
  if (image.topic(name) !== undefined) {
    return failure('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`)
  }
  const colliding = image.collidingTopic(name)
  if (colliding !== undefined) {
    const detail = `Topic '${name}' collides with existing topic: ${colliding}`
    return failure('INVALID_TOPIC_EXCEPTION', detail)
  }
  return success(undefined)
}

function validateConfigs(
  topic: NewTopic,
  broker: BrokerConfig
): Result<ReadonlyMap<string, string>, ErrorName> {
  const nulls = topic.configs.filter(({ value }) => value === null).map(({ name }) => name)
  if (nulls.length > 0) {
    const detail = `Null value not supported for topic configs: ${nulls.join(',')}`
    return failure('INVALID_CONFIG', detail)
  }
  const configs = new Map(topic.configs.map(({ name, value }) => [name, value ?? '']))
  for (const value of configs.values()) {
    if (value.length > configValueLengthMax) return configValueTooLong()
  }
  const valid = validateTopicConfigs(configs, broker)
  return valid.ok ? success(configs) : valid
}

/** A config value that no record can hold (Kafka: DISALLOWED_CONFIG_VALUE_SIZE_ERROR). */
export function configValueTooLong(): Result<never, 'INVALID_CONFIG'> {
  return failure(
    'INVALID_CONFIG',
    'The configuration value cannot be added because it exceeds the maximum value size of ' +
      `${configValueLengthMax} bytes.`
  )
}

function validateAssignments(
  topic: NewTopic,
  brokers: readonly number[]
): Result<number, ErrorName> {
  if (topic.replicationFactor !== -1) {
    return failure(
      'INVALID_REQUEST',
      'A manual partition assignment was specified, but replication factor was not set to -1.'
    )
  }
  if (topic.numPartitions !== -1) {
    return failure(
      'INVALID_REQUEST',
      'A manual partition assignment was specified, but numPartitions was not set to -1.'
    )
  }
  const indexes = new Set<number>()
  let replicationFactor: number | null = null
  for (const { partitionIndex, brokerIds } of topic.assignments) {
    if (indexes.has(partitionIndex)) {
      const detail = `Found multiple manual partition assignments for partition ${partitionIndex}`
      return failure('INVALID_REPLICA_ASSIGNMENT', detail)
    }
    const valid = validateReplicas(brokerIds, replicationFactor, brokers)
    if (!valid.ok) return valid
    replicationFactor = brokerIds.length
    indexes.add(partitionIndex)
  }
  for (let index = 0; index < indexes.size; index++) {
    if (indexes.has(index)) continue
    const detail = 'partitions should be a consecutive 0-based integer sequence'
    return failure('INVALID_REPLICA_ASSIGNMENT', detail)
  }
  return success(indexes.size)
}

function validateNumbers(
  topic: NewTopic,
  { config, brokers }: TopicSurroundings
): Result<number, ErrorName> {
  if (topic.replicationFactor < -1 || topic.replicationFactor === 0) {
    return failure(
      'INVALID_REPLICATION_FACTOR',
      'Replication factor must be larger than 0, or -1 to use the default value.'
    )
  }
  if (topic.numPartitions < -1 || topic.numPartitions === 0) {
    return failure(
      'INVALID_PARTITIONS',
      'Number of partitions was set to an invalid non-positive value.'
    )
  }
  const replicationFactor =
    topic.replicationFactor === -1 ? config.defaultReplicationFactor : topic.replicationFactor
  if (replicationFactor > brokers.length) {
    return failure(
      'INVALID_REPLICATION_FACTOR',
      `Unable to replicate the partition ${replicationFactor} time(s): The target replication ` +
        `factor of ${replicationFactor} cannot be reached because only ${brokers.length} ` +
        'broker(s) are registered.'
    )
  }
  return success(topic.numPartitions === -1 ? config.numPartitions : topic.numPartitions)
}
