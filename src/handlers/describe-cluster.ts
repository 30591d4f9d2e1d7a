// DescribeCluster (KIP-700). Controllers are not listed: this broker answers for them.

import type { DescribeClusterResponseInit } from '../wire/generated/describe-cluster.ts'
import { errorCode } from '../wire/generated/errors.ts'
import {
  authorizedOperations,
  clusterResourceName,
  operationsNotAsked
} from './authorized-operations.ts'
import type { Handler, RequestContext } from './handler.ts'

/** Kafka's EndpointType (KIP-919). */
const brokerEndpoint = 1
const controllerEndpoint = 2

export const describeCluster: Handler<'DescribeCluster'> = (context, request) => {
  const fault = endpointFault(request.endpointType)
  if (fault !== null) return fault
  const { cluster } = context
  const { nodeId, host, port } = cluster.endpointFor(context.listenerName)
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    clusterId: cluster.clusterId,
    controllerId: cluster.controllerId,
    brokers: [{ brokerId: nodeId, host, port, rack: cluster.config.brokerRack }],
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? operations(context)
      : operationsNotAsked
  }
}

function endpointFault(endpointType: number): DescribeClusterResponseInit | null {
  if (endpointType === brokerEndpoint) return null
  const nobody = { throttleTimeMs: 0, clusterId: '', brokers: [] }
  if (endpointType === controllerEndpoint) {
    return {
      ...nobody,
      errorCode: errorCode('MISMATCHED_ENDPOINT_TYPE'),
      errorMessage:
        'The request was sent to an endpoint of type BROKER, ' +
        'but we wanted an endpoint of type CONTROLLER'
    }
  }
  return {
    ...nobody,
    errorCode: errorCode('UNSUPPORTED_ENDPOINT_TYPE'),
    errorMessage: `Unsupported endpoint type ${endpointType}`
  }
}

function operations(context: RequestContext): number {
  if (!context.authorize('DESCRIBE', 'CLUSTER', clusterResourceName)) return 0
  return authorizedOperations(context, 'CLUSTER', clusterResourceName)
}
