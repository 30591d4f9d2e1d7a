// IncrementalAlterConfigs (KIP-339). Of topics, and of the broker what can change while it runs.

import { failure, success, type Result } from '../base/result.ts'
import type {
  ConfigChange,
  ConfigOperation,
  ConfigOperationType
} from '../cluster/config-changes.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type { IncrementalAlterConfigsRequest } from '../wire/generated/incremental-alter-configs.ts'
import { alterableType, alterConfigResources } from './config-alteration.ts'
import type { Handler } from './handler.ts'

type Resource = IncrementalAlterConfigsRequest['resources'][number]

/** By Kafka's AlterConfigOp.OpType. */
const operationTypes: readonly ConfigOperationType[] = ['SET', 'DELETE', 'APPEND', 'SUBTRACT']

export const incrementalAlterConfigs: Handler<'IncrementalAlterConfigs'> = (context, request) =>
  alterConfigResources(context, request, configChange)

function configChange(resource: Resource): Result<ConfigChange, ErrorName> {
  const resourceType = alterableType(resource.resourceType)
  if (!resourceType.ok) return resourceType
  const operations: ConfigOperation[] = []
  for (const { name, configOperation, value } of resource.configs) {
    const type = operationTypes[configOperation]
    if (type === undefined) {
      return failure('INVALID_REQUEST', `Unknown operations type ${configOperation}`)
    }
    operations.push({ name, type, value })
  }
  return success({
    resourceType: resourceType.value,
    resourceName: resource.resourceName,
    replacesAll: false,
    operations
  })
}
