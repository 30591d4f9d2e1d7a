// FindCoordinator. Every group and transactional id is coordinated by this broker, which answers at
// once: the offsets topic is made first, where Kafka answers COORDINATOR_NOT_AVAILABLE and lets the
// client ask again. There are no share groups: their keys are INVALID_REQUEST, as in a Kafka
// without them.
import { errorCode } from '../wire/generated/errors.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type { FindCoordinatorResponseCoordinatorInit } from '../wire/generated/find-coordinator.ts'
import type { Handler, RequestContext } from './handler.ts'

const groupKeyType = 0
const transactionKeyType = 1

export const findCoordinator: Handler<'FindCoordinator'> = async (context, request) => {
  const isBatch = context.apiVersion >= 4
  const keys = isBatch ? request.coordinatorKeys : [request.key]
  const coordinators = await Promise.all(keys.map(key => find(context, request.keyType, key)))
  if (isBatch) return { coordinators }
  const [only] = coordinators
  if (only === undefined) return { errorCode: errorCode('INVALID_REQUEST') }
  const { errorMessage, nodeId, host, port } = only
  return { errorCode: only.errorCode, errorMessage, nodeId, host, port }
}

async function find(
  context: RequestContext,
  keyType: number,
  key: string
): Promise<FindCoordinatorResponseCoordinatorInit> {
  const error = await check(context, keyType, key)
  const node =
    error === 'NONE'
      ? context.cluster.endpointFor(context.listenerName)
      : { nodeId: -1, host: '', port: -1 }
  const { nodeId, host, port } = node
  return { key, errorCode: errorCode(error), errorMessage: null, nodeId, host, port }
}

async function check(context: RequestContext, keyType: number, key: string): Promise<ErrorName> {
  if (keyType === transactionKeyType) {
    // This broker would coordinate it: whoever goes on hears from InitProducerId whether
    // transactions are offered.
    const mayDescribe = context.authorize('DESCRIBE', 'TRANSACTIONAL_ID', key)
    return mayDescribe ? 'NONE' : 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
  }
  if (keyType !== groupKeyType) return 'INVALID_REQUEST'
  if (!context.authorize('DESCRIBE', 'GROUP', key)) return 'GROUP_AUTHORIZATION_FAILED'
  const ready = await context.groups.ready()
  return ready.ok ? 'NONE' : ready.error
}
