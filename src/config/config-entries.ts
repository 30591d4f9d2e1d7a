import { assert } from '../base/assert.ts'
import { brokerConfigDefault, type BrokerConfig } from './broker-config.ts'
import type { ConfigDefinition, ConfigType } from './config-definition.ts'
import { parseConfigValue } from './config-value.ts'
import { brokerConfigDefinitions, topicConfigDefinitions } from './generated.ts'
import { topicConfigValues } from './topic-configs.ts'

/** Where a value comes from, by Kafka's ConfigSource. */
export const configSources = {
  TOPIC_CONFIG: 1,
  DYNAMIC_BROKER_CONFIG: 2,
  DYNAMIC_DEFAULT_BROKER_CONFIG: 3,
  STATIC_BROKER_CONFIG: 4,
  DEFAULT_CONFIG: 5
} as const

export type ConfigSource = keyof typeof configSources

/** One config of a resource as clients are told. */
export interface ConfigEntry {
  readonly name: string
  /** Null for a secret, and for what is not set. */
  readonly value: string | null
  readonly source: ConfigSource
  readonly isSensitive: boolean
  readonly isReadOnly: boolean
  readonly type: ConfigType
  /** Everything that was said about it, the strongest first. */
  readonly synonyms: readonly ConfigSynonymEntry[]
  readonly documentation: string
}

export interface ConfigSynonymEntry {
  readonly name: string
  readonly value: string | null
  readonly source: ConfigSource
}

/**
 * Broker configs that say the same in several units; each describes all of them, the strongest
 * first.
 */
const unitGroups: ReadonlyArray<readonly string[]> = [
  ['log.roll.ms', 'log.roll.hours'],
  ['log.roll.jitter.ms', 'log.roll.jitter.hours'],
  ['log.flush.interval.ms', 'log.flush.scheduler.interval.ms'],
  ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours']
]
const definitionOf = new Map(
  brokerConfigDefinitions.map(definition => [definition.name, definition])
)

/**
 * Every config of a topic (Kafka: ConfigHelper.createTopicConfigEntry).
 *
 * @param overrides the configs of its own, which must be valid
 */
export function topicConfigEntries(
  overrides: ReadonlyMap<string, string>,
  broker: BrokerConfig
): readonly ConfigEntry[] {
  const values = topicConfigValues(overrides, broker)
  return topicConfigDefinitions.map(definition => {
    const { name } = definition
    const value = values.get(name)?.text
    assert(value !== undefined, `the topic config ${name} has a value`)
    const [strongest] = definition.synonyms ?? []
    const inherited = strongest === undefined ? [] : brokerSynonyms(strongest.name, broker)
    const synonyms = overrides.has(name)
      ? [{ name, value, source: 'TOPIC_CONFIG' as const }, ...inherited]
      : inherited
    return entry(definition, value, synonyms, false)
  })
}

/** Every config of this broker (Kafka: ConfigHelper.createBrokerConfigEntry). */
export function brokerConfigEntries(broker: BrokerConfig): readonly ConfigEntry[] {
  return brokerConfigDefinitions.map(definition => {
    const text = broker.raw.get(definition.name) ?? defaultText(definition, broker)
    const synonyms = brokerSynonyms(definition.name, broker)
    const value = text === null ? null : canonicalText(definition, text)
    return entry(definition, value, synonyms, definition.update === undefined)
  })
}

/**
 * The configs that were set at run time for all brokers: what the BROKER resource without a name
 * has.
 */
export function clusterConfigEntries(broker: BrokerConfig): readonly ConfigEntry[] {
  const source = 'DYNAMIC_DEFAULT_BROKER_CONFIG'
  return [...broker.layers.dynamicDefaultConfigs].map(([name, text]) => {
    const definition = definitionOf.get(name)
    assert(definition !== undefined, `${name} was known when it was set`)
    const value = canonicalText(definition, text)
    return entry(definition, value, [{ name, value: text, source }], false)
  })
}

function entry(
  definition: ConfigDefinition,
  value: string | null,
  synonyms: readonly ConfigSynonymEntry[],
  isReadOnly: boolean
): ConfigEntry {
  const isSensitive = definition.type === 'password'
  return {
    name: definition.name,
    value: isSensitive ? null : value,
    source: synonyms[0]?.source ?? 'DEFAULT_CONFIG',
    isSensitive,
    isReadOnly,
    type: definition.type,
    synonyms: isSensitive ? synonyms.map(synonym => ({ ...synonym, value: null })) : synonyms,
    documentation: definition.meaning
  }
}

/**
 * What was said about a broker config, layer by layer; what stands before its own name is of no use
 * to it.
 */
function brokerSynonyms(name: string, broker: BrokerConfig): readonly ConfigSynonymEntry[] {
  const names = unitGroups.find(group => group.includes(name)) ?? [name]
  const { dynamicBrokerConfigs, dynamicDefaultConfigs, staticConfigs } = broker.layers
  const said = [
    ...layer(names, 'DYNAMIC_BROKER_CONFIG', each => dynamicBrokerConfigs.get(each)),
    ...layer(names, 'DYNAMIC_DEFAULT_BROKER_CONFIG', each => dynamicDefaultConfigs.get(each)),
    ...layer(names, 'STATIC_BROKER_CONFIG', each => staticConfigs.get(each)),
    ...layer(names, 'DEFAULT_CONFIG', each => {
      const definition = definitionOf.get(each)
      return definition === undefined ? null : defaultText(definition, broker)
    })
  ]
  const own = said.findIndex(synonym => synonym.name === name)
  return own === -1 ? [] : said.slice(own)
}

function layer(
  names: readonly string[],
  source: ConfigSource,
  textOf: (name: string) => string | null | undefined
): readonly ConfigSynonymEntry[] {
  return names.flatMap(name => {
    const value = textOf(name)
    return value === undefined || value === null ? [] : [{ name, value, source }]
  })
}

function defaultText(definition: ConfigDefinition, broker: BrokerConfig): string | null {
  return brokerConfigDefault(definition, broker.durability)
}

function canonicalText(definition: ConfigDefinition, text: string): string {
  const parsed = parseConfigValue(definition, text)
  assert(parsed.ok, `${definition.name} was valid when it was set`)
  return parsed.value.text
}
