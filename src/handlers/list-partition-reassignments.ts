// ListPartitionReassignments. Nothing ever moves on a single broker.

import { errorCode, errorMessage } from '../wire/generated/errors.ts'
import { clusterResourceName } from './authorized-operations.ts'
import type { Handler } from './handler.ts'

export const listPartitionReassignments: Handler<'ListPartitionReassignments'> = context => {
  if (context.authorize('DESCRIBE', 'CLUSTER', clusterResourceName)) {
    return { throttleTimeMs: 0, errorCode: 0, errorMessage: null, topics: [] }
  }
  const error = 'CLUSTER_AUTHORIZATION_FAILED'
  return {
    throttleTimeMs: 0,
    errorCode: errorCode(error),
    errorMessage: errorMessage(error),
    topics: []
  }
}
