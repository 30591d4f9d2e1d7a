// InitProducerId, for idempotent producers: each call gives a new id with epoch 0, also to a
// producer that names its old one, as Kafka does. Transactions are not offered yet. A transactional
// id is refused with TRANSACTIONAL_ID_AUTHORIZATION_FAILED: kafkajs, the Java clients and
// librdkafka all give up at once on it, while every code that says it better is retried by one of
// them until its time is over. That WRITE on any topic implies IDEMPOTENT_WRITE (KIP-679) is for
// the authorizer to know.
import { errorCode } from '../wire/generated/errors.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type {
  InitProducerIdRequest,
  InitProducerIdResponseInit
} from '../wire/generated/init-producer-id.ts'
import type { Handler, RequestContext } from './handler.ts'

export const initProducerId: Handler<'InitProducerId'> = async (context, request) => {
  const refusal = refusalOf(context, request)
  if (refusal !== null) return refused(refusal)
  const producerId = await context.cluster.nextProducerId()
  if (!producerId.ok) return refused(producerId.error)
  return { errorCode: 0, producerId: producerId.value, producerEpoch: 0 }
}

function refusalOf(context: RequestContext, request: InitProducerIdRequest): ErrorName | null {
  const { transactionalId, producerId, producerEpoch } = request
  if (transactionalId === null) {
    if (!context.authorize('IDEMPOTENT_WRITE', 'CLUSTER', 'kafka-cluster')) {
      return 'CLUSTER_AUTHORIZATION_FAILED'
    }
  } else if (!context.authorize('WRITE', 'TRANSACTIONAL_ID', transactionalId)) {
    return 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
  }
  // Who names an id names its epoch, and the other way round.
  if ((producerId === -1) !== (producerEpoch === -1)) return 'INVALID_REQUEST'
  if (transactionalId === '') return 'INVALID_REQUEST'
  return transactionalId === null ? null : 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
}

function refused(error: ErrorName): InitProducerIdResponseInit {
  return { errorCode: errorCode(error), producerEpoch: -1 }
}
