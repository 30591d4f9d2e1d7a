import type { Operation, RequestContext, ResourceType } from './handler.ts'

/** What an int32 of authorized operations says when nobody asked for it. */
export const operationsNotAsked = -2_147_483_648

/** Codes of Kafka's AclOperation: the bit that stands for each in an int32. */
const operationCode: Readonly<Record<Operation, number>> = {
  READ: 3,
  WRITE: 4,
  CREATE: 5,
  DELETE: 6,
  ALTER: 7,
  DESCRIBE: 8,
  CLUSTER_ACTION: 9,
  DESCRIBE_CONFIGS: 10,
  ALTER_CONFIGS: 11,
  IDEMPOTENT_WRITE: 12
}

/** What can be done to a resource at all (Kafka: AclEntry.supportedOperations). */
const supported: Readonly<Record<ResourceType, readonly Operation[]>> = {
  TOPIC: [
    'READ',
    'WRITE',
    'CREATE',
    'DELETE',
    'ALTER',
    'DESCRIBE',
    'DESCRIBE_CONFIGS',
    'ALTER_CONFIGS'
  ],
  GROUP: ['READ', 'DELETE', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS'],
  CLUSTER: [
    'CREATE',
    'ALTER',
    'DESCRIBE',
    'CLUSTER_ACTION',
    'DESCRIBE_CONFIGS',
    'ALTER_CONFIGS',
    'IDEMPOTENT_WRITE'
  ],
  TRANSACTIONAL_ID: ['WRITE', 'DESCRIBE']
}

/** The name of the only CLUSTER resource. */
export const clusterResourceName = 'kafka-cluster'

/** What the client may do to a resource, one bit for each operation (KIP-430). */
export function authorizedOperations(
  context: RequestContext,
  resource: ResourceType,
  name: string
): number {
  return supported[resource]
    .filter(operation => context.authorize(operation, resource, name))
    .reduce((bits, operation) => bits | (1 << operationCode[operation]), 0)
}
