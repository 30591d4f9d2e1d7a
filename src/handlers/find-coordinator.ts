// FindCoordinator. Every group and transactional id is coordinated by this broker, which answers at
// once: the offsets topic is made first, where Kafka answers COORDINATOR_NOT_AVAILABLE and lets the
// client ask again. There are no share groups: their keys are INVALID_REQUEST, as in a Kafka
// without them.
import { errorCode, errorMessage } from '../wire/generated/errors.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type { FindCoordinatorResponseCoordinatorInit } from '../wire/generated/find-coordinator.ts'
import type { Handler, RequestContext } from './handler.ts'

const groupKeyType = 0
const transactionKeyType = 1
/** From then on a request names several keys (KIP-699). */
const batchedSince = 4

export const findCoordinator: Handler<'FindCoordinator'> = async (context, request) => {
  const isBatch = context.apiVersion >= batchedSince
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
  const message = error === 'NONE' ? messageOfSuccess(context) : errorMessage(error)
  return { key, errorCode: errorCode(error), errorMessage: message, nodeId, host, port }
}

/** Kafka has a text even when all is well, and another one in the form with several keys. */
function messageOfSuccess({ apiVersion }: RequestContext): string {
  return apiVersion < batchedSince ? 'NONE' : ''
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
