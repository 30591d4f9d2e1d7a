// ListConfigResources (KIP-1142). There are no client metrics, dynamic loggers or group configs to
// list.

import { configResourceTypes } from '../cluster/metadata-records.ts'
import { errorCode, type ErrorName } from '../wire/generated/errors.ts'
import type { ListConfigResourcesResponseInit } from '../wire/generated/list-config-resources.ts'
import { clusterResourceName } from './authorized-operations.ts'
import type { Handler, RequestContext } from './handler.ts'

const { TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP } = configResourceTypes
/** What can be asked for from version 1 on; before, the API listed client metrics only. */
const supportedTypes: readonly number[] = [TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP]

export const listConfigResources: Handler<'ListConfigResources'> = (context, request) => {
  if (!context.authorize('DESCRIBE_CONFIGS', 'CLUSTER', clusterResourceName)) {
    return refusal('CLUSTER_AUTHORIZATION_FAILED')
  }
  const supported = context.apiVersion === 0 ? [CLIENT_METRICS] : supportedTypes
  const wanted = request.resourceTypes.length === 0 ? supported : request.resourceTypes
  if (!wanted.every(type => supported.includes(type))) return refusal('UNSUPPORTED_VERSION')
  const configResources = [...new Set(wanted)].flatMap(resourceType =>
    resourceNames(context, resourceType).map(resourceName => ({ resourceName, resourceType }))
  )
  return { throttleTimeMs: 0, errorCode: 0, configResources }
}

function resourceNames({ cluster }: RequestContext, resourceType: number): readonly string[] {
  if (resourceType === TOPIC) return [...cluster.topics()].map(({ name }) => name)
  if (resourceType === BROKER) return cluster.brokerIds.map(String)
  return []
}

function refusal(error: ErrorName): ListConfigResourcesResponseInit {
  return { throttleTimeMs: 0, errorCode: errorCode(error), configResources: [] }
}
