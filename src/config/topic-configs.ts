import { assert } from '../base/assert.ts'
import { failure, type Result } from '../base/result.ts'
import type { BrokerConfig } from './broker-config.ts'
import { invalidValue, parseConfigValue, type ConfigValue } from './config-value.ts'
import { listValue, numberValue, textValue, type ConfigValues } from './config-values.ts'
import { topicConfigDefinitions } from './generated.ts'
import { validateTopicValues } from './topic-config-rules.ts'

/**
 * The configs of one topic, resolved: its own, then the broker's, then Kafka's defaults. Times in
 * ms, sizes in bytes.
 */
export interface TopicConfigs {
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly segmentJitterMs: number
  readonly segmentIndexBytes: number
  readonly indexIntervalBytes: number
  /** -1 sets no bound. */
  readonly retentionBytes: number
  /** -1 keeps records for ever. */
  readonly retentionMs: number
  readonly fileDeleteDelayMs: number
  readonly maxMessageBytes: number
  readonly messageTimestampType: 'CreateTime' | 'LogAppendTime'
  readonly messageTimestampBeforeMaxMs: number
  readonly messageTimestampAfterMaxMs: number
  readonly compressionType: string
  /** What a batch is packed anew with, when it is; lz4 has one level here, and snappy none. */
  readonly compressionLevels: { readonly gzip: number; readonly zstd: number }
  readonly cleanupPolicy: { readonly delete: boolean; readonly compact: boolean }
  readonly minInsyncReplicas: number
  readonly deleteRetentionMs: number
  readonly minCompactionLagMs: number
  readonly maxCompactionLagMs: number
  readonly minCleanableDirtyRatio: number
  readonly flushMessages: number
  readonly flushMs: number
}

const definitionOf = new Map(
  topicConfigDefinitions.map(definition => [definition.name, definition])
)
const throttledReplicasConfigs = new Set([
  'leader.replication.throttled.replicas',
  'follower.replication.throttled.replicas'
])

/**
 * Checks the configs that a topic would have of its own (Kafka: LogConfig.validate).
 *
 * @returns INVALID_CONFIG with Kafka's sentence for the first that is wrong
 */
export function validateTopicConfigs(
  overrides: ReadonlyMap<string, string>,
  broker: BrokerConfig
): Result<void, 'INVALID_CONFIG'> {
  for (const name of overrides.keys()) {
    if (!definitionOf.has(name)) {
      return failure('INVALID_CONFIG', `Unknown topic config name: ${name}`)
    }
  }
  for (const [name, text] of overrides) {
    const parsed = parseTopicConfig(name, text)
    if (!parsed.ok) return parsed
  }
  return validateTopicValues(topicConfigValues(overrides, broker))
}

/** Parses one config of a topic, which must be one that Kafka knows. */
export function parseTopicConfig(
  name: string,
  text: string
): Result<ConfigValue, 'INVALID_CONFIG'> {
  const definition = definitionOf.get(name)
  assert(definition !== undefined, `${name} is a topic config`)
  const parsed = parseConfigValue(definition, text)
  if (!parsed.ok || !throttledReplicasConfigs.has(name)) return parsed
  const pairs = parsed.value.text.split(',')
  if (parsed.value.text === '*' || pairs.every(pair => /^(\d+:\d+)?$/.test(pair))) return parsed
  return invalidValue(
    name,
    `[${pairs.join(', ')}]`,
    `${name} must be the literal '*' or a list of replicas in the following format: ` +
      '[partitionId]:[brokerId],[partitionId]:[brokerId],...'
  )
}

/** Every topic config with the value that is in force, in Kafka's order. */
export function topicConfigValues(
  overrides: ReadonlyMap<string, string>,
  broker: BrokerConfig
): ConfigValues {
  if (overrides.size === 0) return broker.topicDefaults
  const values = new Map(broker.topicDefaults)
  for (const [name, text] of overrides) {
    const parsed = parseTopicConfig(name, text)
    assert(parsed.ok, `${name} was valid when it was set`)
    values.set(name, parsed.value)
  }
  return values
}

/** The configs in force for a topic whose overrides have been validated. */
export function resolveTopicConfigs(
  overrides: ReadonlyMap<string, string>,
  broker: BrokerConfig
): TopicConfigs {
  const values = topicConfigValues(overrides, broker)
  const number = (name: string): number => numberValue(values, name)
  const policy = listValue(values, 'cleanup.policy')
  return {
    segmentBytes: number('segment.bytes'),
    segmentMs: number('segment.ms'),
    segmentJitterMs: number('segment.jitter.ms'),
    segmentIndexBytes: number('segment.index.bytes'),
    indexIntervalBytes: number('index.interval.bytes'),
    retentionBytes: number('retention.bytes'),
    retentionMs: number('retention.ms'),
    fileDeleteDelayMs: number('file.delete.delay.ms'),
    maxMessageBytes: number('max.message.bytes'),
    messageTimestampType:
      textValue(values, 'message.timestamp.type') === 'LogAppendTime'
        ? 'LogAppendTime'
        : 'CreateTime',
    messageTimestampBeforeMaxMs: number('message.timestamp.before.max.ms'),
    messageTimestampAfterMaxMs: number('message.timestamp.after.max.ms'),
    compressionType: textValue(values, 'compression.type'),
    compressionLevels: {
      gzip: number('compression.gzip.level'),
      zstd: number('compression.zstd.level')
    },
    cleanupPolicy: { delete: policy.includes('delete'), compact: policy.includes('compact') },
    minInsyncReplicas: number('min.insync.replicas'),
    deleteRetentionMs: number('delete.retention.ms'),
    minCompactionLagMs: number('min.compaction.lag.ms'),
    maxCompactionLagMs: number('max.compaction.lag.ms'),
    minCleanableDirtyRatio: number('min.cleanable.dirty.ratio'),
    flushMessages: number('flush.messages'),
    flushMs: number('flush.ms')
  }
}

/** Whether APPEND and SUBTRACT of IncrementalAlterConfigs may touch it. */
export function isListTopicConfig(name: string): boolean {
  return definitionOf.get(name)?.type === 'list'
}
