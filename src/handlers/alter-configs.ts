// AlterConfigs, deprecated since KIP-339: what is not named goes back to its default.

import { success, type Result } from '../base/result.ts'
import type { ConfigChange } from '../cluster/config-changes.ts'
import type { AlterConfigsRequestResource } from '../wire/generated/alter-configs.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import { alterableType, alterConfigResources } from './config-alteration.ts'
import type { Handler } from './handler.ts'

export const alterConfigs: Handler<'AlterConfigs'> = (context, request) =>
  alterConfigResources(context, request, configChange)

function configChange(resource: AlterConfigsRequestResource): Result<ConfigChange, ErrorName> {
  const resourceType = alterableType(resource.resourceType)
  if (!resourceType.ok) return resourceType
  return success({
    resourceType: resourceType.value,
    resourceName: resource.resourceName,
    replacesAll: true,
    operations: resource.configs.map(({ name, value }) => ({ name, type: 'SET', value }))
  })
}
