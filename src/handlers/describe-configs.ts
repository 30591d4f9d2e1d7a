// DescribeConfigs. Of topics and of this broker; there are no dynamic loggers, client metrics or
// group configs.

import { failure, success, type Result } from '../base/result.ts'
import { configResourceType } from '../cluster/metadata-records.ts'
import { topicNameFault } from '../cluster/topic-name.ts'
import type { ConfigType } from '../config/config-definition.ts'
import {
  brokerConfigEntries,
  clusterConfigEntries,
  configSources,
  topicConfigEntries,
  type ConfigEntry
} from '../config/config-entries.ts'
import type {
  DescribeConfigsRequest,
  DescribeConfigsRequestResource,
  DescribeConfigsResponseResourceResultInit,
  DescribeConfigsResponseResultInit
} from '../wire/generated/describe-configs.ts'
import { errorCode, type ErrorName } from '../wire/generated/errors.ts'
import { clusterResourceName } from './authorized-operations.ts'
import type { Handler, RequestContext } from './handler.ts'

/** Numbers of Kafka's DescribeConfigsResponse.ConfigType. */
const configTypeCode: Readonly<Record<ConfigType, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
  password: 9
}

export const describeConfigs: Handler<'DescribeConfigs'> = (context, request) => ({
  throttleTimeMs: 0,
  results: request.resources.map(resource => describe(context, request, resource))
})

function describe(
  context: RequestContext,
  request: DescribeConfigsRequest,
  resource: DescribeConfigsRequestResource
): DescribeConfigsResponseResultInit {
  const { resourceType, resourceName } = resource
  const entries = entriesOf(context, resource)
  if (entries.ok) {
    const configs = chosen(entries.value, resource.configurationKeys).map(entry =>
      described(entry, request, context.apiVersion)
    )
    return { errorCode: 0, errorMessage: '', resourceType, resourceName, configs }
  }
  return {
    errorCode: errorCode(entries.error),
    errorMessage: entries.detail ?? '',
    resourceType,
    resourceName,
    configs: []
  }
}

function entriesOf(
  context: RequestContext,
  { resourceType, resourceName }: DescribeConfigsRequestResource
): Result<readonly ConfigEntry[], ErrorName> {
  const type = configResourceType(resourceType)
  if (type === 'TOPIC') return topicEntries(context, resourceName)
  if (type === 'BROKER') return brokerEntries(context, resourceName)
  return failure('INVALID_REQUEST', `Unsupported resource type: ${type}`)
}

function topicEntries(
  context: RequestContext,
  name: string
): Result<readonly ConfigEntry[], ErrorName> {
  if (!context.authorize('DESCRIBE_CONFIGS', 'TOPIC', name)) {
    return failure('TOPIC_AUTHORIZATION_FAILED')
  }
  const fault = topicNameFault(name)
  if (fault !== null) return failure('INVALID_TOPIC_EXCEPTION', fault)
  const topic = context.cluster.topic(name)
  if (topic === undefined) return failure('UNKNOWN_TOPIC_OR_PARTITION')
  return success(topicConfigEntries(topic.configOverrides, context.cluster.config))
}

function brokerEntries(
  context: RequestContext,
  name: string
): Result<readonly ConfigEntry[], ErrorName> {
  if (!context.authorize('DESCRIBE_CONFIGS', 'CLUSTER', clusterResourceName)) {
    return failure('CLUSTER_AUTHORIZATION_FAILED')
  }
  const { config, nodeId } = context.cluster
  if (name === '') return success(clusterConfigEntries(config))
  if (!/^[+-]?\d+$/.test(name)) {
    return failure('INVALID_REQUEST', `Broker id must be an integer, but it is: ${name}`)
  }
  if (Number(name) === nodeId) return success(brokerConfigEntries(config))
  return failure(
    'INVALID_REQUEST',
    `Unexpected broker id, expected ${nodeId} or empty string, but received ${name}`
  )
}

/** The configs asked for, in the order asked; all of them when none is named. */
function chosen(
  entries: readonly ConfigEntry[],
  keys: readonly string[] | null
): readonly ConfigEntry[] {
  if (keys === null || keys.length === 0) return entries
  const byName = new Map(entries.map(entry => [entry.name, entry]))
  return [...new Set(keys)].map(key => byName.get(key)).filter(entry => entry !== undefined)
}

function described(
  entry: ConfigEntry,
  request: DescribeConfigsRequest,
  apiVersion: number
): DescribeConfigsResponseResourceResultInit {
  const { name, value, source, isReadOnly, isSensitive, synonyms } = entry
  const common = { name, value, readOnly: isReadOnly, isSensitive, synonyms: [] }
  if (apiVersion === 0) return { ...common, isDefault: source === 'DEFAULT_CONFIG' }
  const withSynonyms = {
    ...common,
    configSource: configSources[source],
    synonyms: request.includeSynonyms
      ? synonyms.map(synonym => ({ ...synonym, source: configSources[synonym.source] }))
      : []
  }
  if (apiVersion < 3) return withSynonyms
  const documentation = request.includeDocumentation ? entry.documentation : null
  return { ...withSynonyms, configType: configTypeCode[entry.type], documentation }
}
