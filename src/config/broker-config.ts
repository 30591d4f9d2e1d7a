import { assert } from '../base/assert.ts'
import { failure, success, type Result } from '../base/result.ts'
import type { ConfigDefinition } from './config-definition.ts'
import { parseConfigValue, type ConfigValue } from './config-value.ts'
import {
  booleanValue,
  listValue,
  numberValue,
  textValue,
  type ConfigValues
} from './config-values.ts'
import type { DurabilityMode } from './durability-mode.ts'
import { brokerConfigDefinitions, topicConfigDefinitions } from './generated.ts'
import { nearestName } from './nearest-name.ts'
import { validateTopicValues } from './topic-config-rules.ts'

/**
 * The configs of the broker, resolved. Names are Kafka's in camelCase; times in ms unless the name
 * says otherwise.
 */
export interface BrokerConfig {
  readonly durability: DurabilityMode
  /** What is set, as text: at start, then at run time for all brokers, then for this one. */
  readonly raw: ReadonlyMap<string, string>
  readonly layers: ConfigLayers
  /** The value of every topic config for a topic without any of its own, in Kafka's order. */
  readonly topicDefaults: ConfigValues
  readonly nodeId: number
  /** The older name of `nodeId`; -1 when neither was given. */
  readonly brokerId: number
  readonly brokerRack: string | null
  readonly numPartitions: number
  readonly defaultReplicationFactor: number
  readonly autoCreateTopicsEnable: boolean
  readonly deleteTopicEnable: boolean
  readonly maxRequestPartitionSizeLimit: number
  readonly messageMaxBytes: number
  readonly logRetentionCheckIntervalMs: number
  readonly logCleanerEnable: boolean
  readonly logCleanerBackoffMs: number
  readonly logCleanerDedupeBufferSize: number
  readonly logCleanerIoBufferLoadFactor: number
  /** -1: a twentieth of the file system, 512 MiB at most. */
  readonly logMinFreeBytes: number
  readonly logScrubIntervalMs: number
  readonly logScrubIoMaxBytesPerSecond: number
  readonly socketRequestMaxBytes: number
  readonly maxConnections: number
  readonly maxConnectionsPerIp: number
  readonly connectionsMaxIdleMs: number
  readonly connectionsMaxReauthMs: number
  readonly fetchMaxBytes: number
  readonly maxIncrementalFetchSessionCacheSlots: number
  readonly offsetsTopicNumPartitions: number
  readonly offsetsTopicSegmentBytes: number
  readonly offsetMetadataMaxBytes: number
  readonly offsetsCommitTimeoutMs: number
  readonly offsetsRetentionMinutes: number
  readonly offsetsRetentionCheckIntervalMs: number
  readonly groupMinSessionTimeoutMs: number
  readonly groupMaxSessionTimeoutMs: number
  readonly groupInitialRebalanceDelayMs: number
  readonly groupMaxSize: number
  readonly groupConsumerSessionTimeoutMs: number
  readonly groupConsumerHeartbeatIntervalMs: number
  readonly groupConsumerMaxSize: number
  readonly groupConsumerAssignors: readonly string[]
  readonly groupConsumerMigrationPolicy: string
  readonly groupConsumerRegexRefreshIntervalMs: number
  readonly transactionStateLogNumPartitions: number
  readonly transactionStateLogSegmentBytes: number
  readonly transactionMaxTimeoutMs: number
  readonly transactionAbortTimedOutTransactionCleanupIntervalMs: number
  readonly transactionRemoveExpiredTransactionCleanupIntervalMs: number
  readonly transactionalIdExpirationMs: number
  readonly producerIdExpirationMs: number
  readonly saslEnabledMechanisms: readonly string[]
}

/** Where a broker config can be set; the later ones win. */
export interface ConfigLayers {
  /** At start. */
  readonly staticConfigs: ReadonlyMap<string, string>
  /** While the broker runs, for every broker of the cluster. */
  readonly dynamicDefaultConfigs: ReadonlyMap<string, string>
  /** While the broker runs, for this broker. */
  readonly dynamicBrokerConfigs: ReadonlyMap<string, string>
}

const none: ReadonlyMap<string, string> = new Map()
const definitionOf = new Map(
  brokerConfigDefinitions.map(definition => [definition.name, definition])
)

/** The definition of a broker config; undefined for a name that Kafka or we do not have. */
export function brokerConfigDefinition(name: string): ConfigDefinition | undefined {
  return definitionOf.get(name)
}

/** What a broker config is without being set, as text; null when it is nothing then. */
export function brokerConfigDefault(
  definition: ConfigDefinition,
  durability: DurabilityMode
): string | null {
  if (definition.name === 'durability.mode') return durability
  // Kafka waits three seconds for more members. A broker in memory serves tests, where that is only
  // a delay.
  if (definition.name === 'group.initial.rebalance.delay.ms' && durability === 'memory') return '0'
  return definition.defaultValue
}

/**
 * Resolves the configs that the broker starts with, under Kafka's names.
 *
 * @returns INVALID_CONFIG with a sentence that names the config, and its nearest neighbour when the
 *   name is unknown
 */
export function parseBrokerConfig(
  overrides: Readonly<Record<string, string>> | ReadonlyMap<string, string>,
  durability: DurabilityMode
): Result<BrokerConfig, 'INVALID_CONFIG'> {
  const given = overrides instanceof Map ? overrides : new Map(Object.entries(overrides))
  const staticConfigs = withBothIds(given)
  return withLayers(
    { staticConfigs, dynamicDefaultConfigs: none, dynamicBrokerConfigs: none },
    durability
  )
}

/**
 * `broker.id` is the older name of `node.id`: whichever is given says both (Kafka:
 * KafkaConfig.populateSynonyms).
 */
function withBothIds(given: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const id = given.get('node.id') ?? given.get('broker.id')
  if (id === undefined || id.trim() === '-1') return given
  return new Map([['node.id', id], ['broker.id', id], ...given])
}

type DynamicLayers = Pick<ConfigLayers, 'dynamicDefaultConfigs' | 'dynamicBrokerConfigs'>

function isEmpty({ dynamicDefaultConfigs, dynamicBrokerConfigs }: DynamicLayers): boolean {
  return dynamicDefaultConfigs.size === 0 && dynamicBrokerConfigs.size === 0
}

/**
 * The same broker with other configs set at run time.
 *
 * @returns INVALID_CONFIG with Kafka's sentence
 */
export function withDynamicConfigs(
  config: BrokerConfig,
  dynamic: DynamicLayers
): Result<BrokerConfig, 'INVALID_CONFIG'> {
  if (isEmpty(config.layers) && isEmpty(dynamic)) return success(config)
  return withLayers({ ...config.layers, ...dynamic }, config.durability)
}

function withLayers(
  layers: ConfigLayers,
  durability: DurabilityMode
): Result<BrokerConfig, 'INVALID_CONFIG'> {
  const raw = new Map([
    ...layers.staticConfigs,
    ...layers.dynamicDefaultConfigs,
    ...layers.dynamicBrokerConfigs
  ])
  const values = parseAll(raw, durability)
  if (!values.ok) return values
  const topicDefaults = topicDefaultValues(raw)
  if (!topicDefaults.ok) return topicDefaults
  const config = {
    durability,
    raw,
    layers,
    topicDefaults: topicDefaults.value,
    ...namedValues(values.value)
  }
  const conflict = validateBroker(config)
  return conflict === null ? success(config) : failure('INVALID_CONFIG', conflict)
}

function parseAll(
  raw: ReadonlyMap<string, string>,
  durability: DurabilityMode
): Result<ConfigValues, 'INVALID_CONFIG'> {
  for (const name of raw.keys()) {
    if (definitionOf.has(name)) continue
    const near = nearestName(name, definitionOf.keys())
    const question = near === null ? '' : ` Did you mean ${near}?`
    return failure('INVALID_CONFIG', `Unknown broker config name: ${name}.${question}`)
  }
  const values = new Map<string, ConfigValue>()
  for (const definition of brokerConfigDefinitions) {
    const text = raw.get(definition.name) ?? brokerConfigDefault(definition, durability)
    if (text === null) continue
    const parsed = parseConfigValue(definition, text)
    if (!parsed.ok) return parsed
    values.set(definition.name, parsed.value)
  }
  if (values.get('durability.mode')?.value !== durability) {
    return failure('INVALID_CONFIG', `durability.mode is ${durability}: it is chosen at start`)
  }
  return success(values)
}

/** What a topic gets from the broker: the first of the synonyms that is set, or Kafka's default. */
function topicDefaultValues(
  raw: ReadonlyMap<string, string>
): Result<ConfigValues, 'INVALID_CONFIG'> {
  const values = new Map<string, ConfigValue>()
  for (const definition of topicConfigDefinitions) {
    const synonym = (definition.synonyms ?? []).find(({ name }) => raw.has(name))
    assert(definition.defaultValue !== null, `the topic config ${definition.name} has a default`)
    const text = synonym === undefined ? definition.defaultValue : raw.get(synonym.name)!.trim()
    const scaled =
      synonym === undefined || synonym.factor === 1 ? text : scale(text, synonym.factor)
    const parsed = parseConfigValue(definition, scaled)
    if (!parsed.ok) return parsed
    values.set(definition.name, parsed.value)
  }
  const together = validateTopicValues(values)
  return together.ok ? success(values) : together
}

/** Hours or minutes as milliseconds; a negative number stands for no bound in every unit. */
function scale(text: string, factor: number): string {
  const exact = BigInt(text)
  return (exact < 0n ? -1n : exact * BigInt(factor)).toString()
}

type NamedValues = Omit<BrokerConfig, 'durability' | 'raw' | 'layers' | 'topicDefaults'>

function namedValues(values: ConfigValues): NamedValues {
  const number = (name: string): number => numberValue(values, name)
  return {
    nodeId: number('node.id'),
    brokerId: number('broker.id'),
    brokerRack: values.get('broker.rack')?.text ?? null,
    numPartitions: number('num.partitions'),
    defaultReplicationFactor: number('default.replication.factor'),
    autoCreateTopicsEnable: booleanValue(values, 'auto.create.topics.enable'),
    deleteTopicEnable: booleanValue(values, 'delete.topic.enable'),
    maxRequestPartitionSizeLimit: number('max.request.partition.size.limit'),
    messageMaxBytes: number('message.max.bytes'),
    logRetentionCheckIntervalMs: number('log.retention.check.interval.ms'),
    logCleanerEnable: booleanValue(values, 'log.cleaner.enable'),
    logCleanerBackoffMs: number('log.cleaner.backoff.ms'),
    logCleanerDedupeBufferSize: number('log.cleaner.dedupe.buffer.size'),
    logCleanerIoBufferLoadFactor: number('log.cleaner.io.buffer.load.factor'),
    logMinFreeBytes: number('log.min.free.bytes'),
    logScrubIntervalMs: number('log.scrub.interval.ms'),
    logScrubIoMaxBytesPerSecond: number('log.scrub.io.max.bytes.per.second'),
    socketRequestMaxBytes: number('socket.request.max.bytes'),
    maxConnections: number('max.connections'),
    maxConnectionsPerIp: number('max.connections.per.ip'),
    connectionsMaxIdleMs: number('connections.max.idle.ms'),
    connectionsMaxReauthMs: number('connections.max.reauth.ms'),
    fetchMaxBytes: number('fetch.max.bytes'),
    maxIncrementalFetchSessionCacheSlots: number('max.incremental.fetch.session.cache.slots'),
    offsetsTopicNumPartitions: number('offsets.topic.num.partitions'),
    offsetsTopicSegmentBytes: number('offsets.topic.segment.bytes'),
    offsetMetadataMaxBytes: number('offset.metadata.max.bytes'),
    offsetsCommitTimeoutMs: number('offsets.commit.timeout.ms'),
    offsetsRetentionMinutes: number('offsets.retention.minutes'),
    offsetsRetentionCheckIntervalMs: number('offsets.retention.check.interval.ms'),
    groupMinSessionTimeoutMs: number('group.min.session.timeout.ms'),
    groupMaxSessionTimeoutMs: number('group.max.session.timeout.ms'),
    groupInitialRebalanceDelayMs: number('group.initial.rebalance.delay.ms'),
    groupMaxSize: number('group.max.size'),
    groupConsumerSessionTimeoutMs: number('group.consumer.session.timeout.ms'),
    groupConsumerHeartbeatIntervalMs: number('group.consumer.heartbeat.interval.ms'),
    groupConsumerMaxSize: number('group.consumer.max.size'),
    groupConsumerAssignors: listValue(values, 'group.consumer.assignors'),
    groupConsumerMigrationPolicy: textValue(values, 'group.consumer.migration.policy'),
    groupConsumerRegexRefreshIntervalMs: number('group.consumer.regex.refresh.interval.ms'),
    transactionStateLogNumPartitions: number('transaction.state.log.num.partitions'),
    transactionStateLogSegmentBytes: number('transaction.state.log.segment.bytes'),
    transactionMaxTimeoutMs: number('transaction.max.timeout.ms'),
    transactionAbortTimedOutTransactionCleanupIntervalMs: number(
      'transaction.abort.timed.out.transaction.cleanup.interval.ms'
    ),
    transactionRemoveExpiredTransactionCleanupIntervalMs: number(
      'transaction.remove.expired.transaction.cleanup.interval.ms'
    ),
    transactionalIdExpirationMs: number('transactional.id.expiration.ms'),
    producerIdExpirationMs: number('producer.id.expiration.ms'),
    saslEnabledMechanisms: listValue(values, 'sasl.enabled.mechanisms')
  }
}

/**
 * Rules between configs (Kafka: KafkaConfig.validateValues, GroupCoordinatorConfig.validate); null
 * when all hold.
 */
function validateBroker(config: BrokerConfig): string | null {
  if (config.brokerId !== -1 && config.brokerId !== config.nodeId) {
    return 'You must set `node.id` to the same value as `broker.id`.'
  }
  const retentionMs = config.topicDefaults.get('retention.ms')?.text
  if (retentionMs === '0') {
    return 'log.retention.ms must be unlimited (-1) or, greater than or equal to 1'
  }
  if (config.groupMinSessionTimeoutMs > config.groupMaxSessionTimeoutMs) {
    return 'group.max.session.timeout.ms must not be less than group.min.session.timeout.ms'
  }
  if (config.groupConsumerHeartbeatIntervalMs >= config.groupConsumerSessionTimeoutMs) {
    return 'group.consumer.heartbeat.interval.ms must be below group.consumer.session.timeout.ms'
  }
  // Every partition has exactly one replica, on this broker.
  if (config.defaultReplicationFactor > 1) {
    const factor = config.defaultReplicationFactor
    return `default.replication.factor is ${factor}, but the cluster has one broker`
  }
  return null
}
