// DescribeConfigs. Of topics and of this broker; there are no dynamic loggers, client metrics or
// group configs.

import type { ConfigType } from '../config/config-definition.ts'
import { configSources, type ConfigEntry } from '../config/config-entries.ts'
import type {
  DescribeConfigsRequest,
  DescribeConfigsRequestResource,
  DescribeConfigsResponseResourceResultInit,
  DescribeConfigsResponseResultInit
} from '../wire/generated/describe-configs.ts'
import { errorCode } from '../wire/generated/errors.ts'
import { describableConfigs } from './describable-configs.ts'
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
  const entries = describableConfigs(context, resource)
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
