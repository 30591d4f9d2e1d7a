// AlterConfigs, deprecated since KIP-339: what is not named goes back to its default.

import { success } from '../base/result.ts'
import type { ConfigChange } from '../cluster/config-changes.ts'
import { configResourceType } from '../cluster/metadata-records.ts'
import type { AlterConfigsRequestResource } from '../wire/generated/alter-configs.ts'
import { alterConfigResources } from './config-alteration.ts'
import type { Handler } from './handler.ts'

export const alterConfigs: Handler<'AlterConfigs'> = async (context, request) => {
  const { resources, validateOnly } = request
  const changes = resources.map(resource => success(configChange(resource)))
  const outcomes = await alterConfigResources(context, changes, validateOnly)
  return {
    throttleTimeMs: 0,
    responses: outcomes.map((outcome, index) => {
      const { resourceType, resourceName } = resources[index]!
      return { ...outcome, resourceType, resourceName }
    })
  }
}

function configChange(resource: AlterConfigsRequestResource): ConfigChange {
  return {
    resourceType: configResourceType(resource.resourceType),
    resourceName: resource.resourceName,
    replacesAll: true,
    operations: resource.configs.map(({ name, value }) => ({ name, type: 'SET', value }))
  }
}
