import { unreachable } from '../base/assert.ts'
import { failure, success, type Result } from '../base/result.ts'
import {
  brokerConfigDefinition,
  withDynamicConfigs,
  type BrokerConfig
} from '../config/broker-config.ts'
import { parseConfigValue } from '../config/config-value.ts'
import { isListTopicConfig, validateTopicConfigs } from '../config/topic-configs.ts'
import { configValueLengthMax } from '../limits.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type { MetadataImage } from './metadata-image.ts'
import {
  configResourceTypes,
  type ConfigResourceType,
  type MetadataRecord
} from './metadata-records.ts'
import { configValueTooLong } from './topic-creation.ts'
import { topicNameFault } from './topic-name.ts'

/** What somebody wants to change about the configs of one resource. */
export interface ConfigChange {
  readonly resourceType: ConfigResourceType
  readonly resourceName: string
  /** AlterConfigs: what is not named goes back to its default. */
  readonly replacesAll: boolean
  readonly operations: readonly ConfigOperation[]
}

export interface ConfigOperation {
  readonly name: string
  readonly type: ConfigOperationType
  readonly value: string | null
}

export type ConfigOperationType = 'SET' | 'DELETE' | 'APPEND' | 'SUBTRACT'

/** What the decisions look at. */
export interface ConfigSurroundings {
  readonly image: MetadataImage
  readonly config: BrokerConfig
  readonly nodeId: number
}

/**
 * Decides one change (Kafka: ConfigAdminManager.preprocess, then ConfigurationControlManager).
 *
 * @returns the records that make it; none when everything is as wanted. INVALID_REQUEST for a
 *   change that is malformed or not possible at run time, INVALID_CONFIG for a value,
 *   UNKNOWN_TOPIC_OR_PARTITION
 */
export function planConfigChange(
  change: ConfigChange,
  surroundings: ConfigSurroundings
): Result<readonly MetadataRecord[], ErrorName> {
  const wellFormed = validateForm(change.operations)
  if (!wellFormed.ok) return wellFormed
  switch (change.resourceType) {
    case 'TOPIC':
      return planTopicConfigs(change, surroundings)
    case 'BROKER':
      return planBrokerConfigs(change, surroundings)
    case 'BROKER_LOGGER':
    case 'CLIENT_METRICS':
    case 'GROUP':
    case 'UNKNOWN':
      return failure('INVALID_REQUEST', `Unexpected resource type ${change.resourceType}.`)
    default:
      return unreachable(change.resourceType)
  }
}

function validateForm(operations: readonly ConfigOperation[]): Result<void, ErrorName> {
  if (new Set(operations.map(({ name }) => name)).size !== operations.length) {
    return failure('INVALID_REQUEST', 'Error due to duplicate config keys')
  }
  const nulls = operations.filter(({ type, value }) => type !== 'DELETE' && value === null)
  if (nulls.length === 0) return success(undefined)
  const names = nulls.map(({ name }) => name).join(', ')
  return failure('INVALID_REQUEST', `Null value not supported for : ${names}`)
}

function planTopicConfigs(
  change: ConfigChange,
  { image, config }: ConfigSurroundings
): Result<readonly MetadataRecord[], ErrorName> {
  const { resourceName } = change
  if (resourceName === '') {
    return failure('INVALID_REQUEST', 'Default topic resources are not allowed.')
  }
  const present = image.configs(configResourceTypes.TOPIC, resourceName)
  const changed = applyOperations(change, present, {
    isList: isListTopicConfig,
    notAList: (type, name) => `Can't ${type} to key ${name} because its type is not LIST.`,
    inherited: name => config.topicDefaults.get(name)?.text
  })
  if (!changed.ok) return changed
  const wanted = changed.value
  const fault = topicNameFault(resourceName)
  if (fault !== null) return failure('INVALID_TOPIC_EXCEPTION', fault)
  const valid = validateTopicConfigs(wanted, config)
  if (!valid.ok) return valid
  if (image.topic(resourceName) === undefined) {
    const detail = `The topic '${resourceName}' does not exist.`
    return failure('UNKNOWN_TOPIC_OR_PARTITION', detail)
  }
  return success(configRecords('TOPIC', resourceName, present, wanted))
}

/** What the operations of a kind of resource need to know of its configs. */
interface ConfigRules {
  isList(name: string): boolean
  /** Kafka's sentence about APPEND and SUBTRACT to what is no list. */
  notAList(type: ConfigOperationType, name: string): string
  /** What a list is that the resource has not set. */
  inherited(name: string): string | undefined
}

/** The configs of a resource after a change; values are not looked at yet. */
function applyOperations(
  change: ConfigChange,
  present: ReadonlyMap<string, string>,
  rules: ConfigRules
): Result<ReadonlyMap<string, string>, ErrorName> {
  const wanted = new Map(change.replacesAll ? [] : present)
  for (const { name, type, value } of change.operations) {
    if (type === 'DELETE' || value === null) {
      wanted.delete(name)
      continue
    }
    const isList = type === 'APPEND' || type === 'SUBTRACT'
    if (isList && !rules.isList(name)) {
      return failure('INVALID_CONFIG', rules.notAList(type, name))
    }
    const old = wanted.get(name) ?? rules.inherited(name) ?? ''
    const text = isList ? changedList(type, old, value) : value
    if (text.length > configValueLengthMax) return configValueTooLong()
    wanted.set(name, text)
  }
  return success(wanted)
}

function changedList(type: 'APPEND' | 'SUBTRACT', old: string, value: string): string {
  const words = old.split(',').filter(word => word !== '')
  const named = value.split(',')
  return type === 'APPEND'
    ? [...new Set([...words, ...named])].join(',')
    : words.filter(word => !named.includes(word)).join(',')
}

function planBrokerConfigs(
  change: ConfigChange,
  { image, config, nodeId }: ConfigSurroundings
): Result<readonly MetadataRecord[], ErrorName> {
  const named = validateBrokerName(change.resourceName, nodeId)
  if (!named.ok) return named
  const resourceName = change.resourceName === '' ? '' : String(nodeId)
  const present = image.configs(configResourceTypes.BROKER, resourceName)
  const changed = applyOperations(change, present, {
    isList: name => brokerConfigDefinition(name)?.type === 'list',
    notAList: (type, name) =>
      `Config value ${type.toLowerCase()} is not allowed for config key: ${name}`,
    inherited: name => defaultText(name, config)
  })
  if (!changed.ok) return changed
  const wanted = changed.value
  // Kafka answers INVALID_REQUEST for values too, although they are well formed (KAFKA-13609).
  const fixed = [...wanted.keys()].filter(
    name => brokerConfigDefinition(name)?.update === undefined
  )
  if (fixed.length > 0) {
    const detail = `Cannot update these configs dynamically: [${fixed.join(', ')}]`
    return failure('INVALID_REQUEST', detail)
  }
  for (const [name, text] of wanted) {
    const parsed = parseConfigValue(brokerConfigDefinition(name)!, text)
    if (!parsed.ok) return failure('INVALID_REQUEST', parsed.detail)
  }
  const valid = withDynamicConfigs(config, {
    dynamicDefaultConfigs: resourceName === '' ? wanted : config.layers.dynamicDefaultConfigs,
    dynamicBrokerConfigs: resourceName === '' ? config.layers.dynamicBrokerConfigs : wanted
  })
  if (!valid.ok) return failure('INVALID_REQUEST', valid.detail)
  return success(configRecords('BROKER', resourceName, present, wanted))
}

/**
 * Whether a BROKER resource is the whole cluster (empty name) or this broker.
 *
 * @returns INVALID_REQUEST with Kafka's sentence
 */
function validateBrokerName(resourceName: string, nodeId: number): Result<void, ErrorName> {
  if (resourceName === '') return success(undefined)
  if (!/^[+-]?\d+$/.test(resourceName)) {
    return failure('INVALID_REQUEST', `Node id must be an integer, but it is: ${resourceName}`)
  }
  if (Number(resourceName) !== nodeId) {
    const detail = `Unexpected broker id, expected ${nodeId}, but received ${resourceName}`
    return failure('INVALID_REQUEST', detail)
  }
  return success(undefined)
}

function defaultText(name: string, config: BrokerConfig): string | undefined {
  return (
    config.layers.staticConfigs.get(name) ?? brokerConfigDefinition(name)?.defaultValue ?? undefined
  )
}

function configRecords(
  resourceType: 'TOPIC' | 'BROKER',
  resourceName: string,
  present: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, string>
): readonly MetadataRecord[] {
  const names = new Set([...present.keys(), ...wanted.keys()])
  return [...names]
    .filter(name => present.get(name) !== wanted.get(name))
    .map(name => ({
      type: 'ConfigRecord',
      resourceType: configResourceTypes[resourceType],
      resourceName,
      name,
      value: wanted.get(name) ?? null
    }))
}
