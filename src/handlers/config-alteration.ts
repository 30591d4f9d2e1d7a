import { failure, success, type Result } from '../base/result.ts'
import type { ConfigChange } from '../cluster/config-changes.ts'
import { configResourceType, type ConfigResourceType } from '../cluster/metadata-records.ts'
import { errorCode, errorMessage, type ErrorName } from '../wire/generated/errors.ts'
import { clusterResourceName } from './authorized-operations.ts'
import type { RequestContext } from './handler.ts'

/** Kinds of resources whose configs can be changed. */
const alterableTypes: ReadonlySet<ConfigResourceType> = new Set(['TOPIC', 'BROKER'])

/** A resource of a request, as both APIs that change configs name it. */
interface NamedResource {
  readonly resourceType: number
  readonly resourceName: string
}

/** What became of the change of one resource, as both APIs say it. */
interface AlterationOutcome {
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** The answer of both APIs. */
export interface AlterationResponse {
  readonly throttleTimeMs: number
  readonly responses: readonly (NamedResource & AlterationOutcome)[]
}

/**
 * Makes the changes that the client may make.
 *
 * @param configChange what is asked of one resource; a failure when it cannot be understood
 * @returns what became of each resource, in the order of the request
 */
export async function alterConfigResources<R extends NamedResource>(
  context: RequestContext,
  request: { readonly resources: readonly R[]; readonly validateOnly: boolean },
  configChange: (resource: R) => Result<ConfigChange, ErrorName>
): Promise<AlterationResponse> {
  const { resources, validateOnly } = request
  const changes = resources.map(configChange)
  const permitted = changes.map(change =>
    change.ok && !mayAlter(context, change.value) ? refusal(change.value) : change
  )
  const wanted = permitted.filter(change => change.ok).map(({ value }) => value)
  const altered = await context.cluster.alterConfigs(wanted, { validateOnly })
  const remaining = altered.values()
  const responses = permitted.map((change, index) => {
    const { resourceType, resourceName } = resources[index]!
    const altering = outcome(change.ok ? remaining.next().value! : change)
    return { ...altering, resourceType, resourceName }
  })
  return { throttleTimeMs: 0, responses }
}

/**
 * The kind of resource that a request means.
 *
 * @returns INVALID_REQUEST for one without configs that could be changed
 */
export function alterableType(resourceType: number): Result<ConfigResourceType, ErrorName> {
  const type = configResourceType(resourceType)
  if (alterableTypes.has(type)) return success(type)
  return failure('INVALID_REQUEST', `Unknown resource type ${resourceType}`)
}

function mayAlter(context: RequestContext, { resourceType, resourceName }: ConfigChange): boolean {
  return resourceType === 'TOPIC'
    ? context.authorize('ALTER_CONFIGS', 'TOPIC', resourceName)
    : context.authorize('ALTER_CONFIGS', 'CLUSTER', clusterResourceName)
}

function refusal({ resourceType }: ConfigChange): Result<never, ErrorName> {
  const isTopic = resourceType === 'TOPIC'
  return failure(isTopic ? 'TOPIC_AUTHORIZATION_FAILED' : 'CLUSTER_AUTHORIZATION_FAILED')
}

function outcome(result: Result<void, ErrorName>): AlterationOutcome {
  if (result.ok) return { errorCode: 0, errorMessage: null }
  const { error, detail } = result
  return { errorCode: errorCode(error), errorMessage: detail ?? errorMessage(error) }
}
