import { failure, success, type Result } from '../base/result.ts'
import { configResourceType } from '../cluster/metadata-records.ts'
import { topicNameFault } from '../cluster/topic-name.ts'
import {
  brokerConfigEntries,
  clusterConfigEntries,
  topicConfigEntries,
  type ConfigEntry
} from '../config/config-entries.ts'
import type { DescribeConfigsRequestResource } from '../wire/generated/describe-configs.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import { clusterResourceName } from './authorized-operations.ts'
import type { RequestContext } from './handler.ts'

/**
 * Every config of a resource that the client may see.
 *
 * @returns INVALID_REQUEST for a resource that has none, or is another broker's
 */
export function describableConfigs(
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
