// DescribeGroups. A group that is not there is Dead, and from version 6 on also an error.
import { errorCode } from '../wire/generated/errors.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type { DescribeGroupsResponseDescribedGroupInit } from '../wire/generated/describe-groups.ts'
import type { Handler, Operation, RequestContext } from './handler.ts'

/**
 * What may be done with a group, and the bit that says so (KIP-430). Kafka:
 * AclEntry.supportedOperations.
 */
const groupOperations: ReadonlyArray<readonly [operation: Operation, bit: number]> = [
  ['READ', 3],
  ['DELETE', 6],
  ['DESCRIBE', 8],
  ['DESCRIBE_CONFIGS', 10],
  ['ALTER_CONFIGS', 11]
]
/** The operations were not asked for. */
const unasked = -0x8000_0000

export const describeGroups: Handler<'DescribeGroups'> = async (context, request) => {
  const withOperations = context.apiVersion >= 3 && request.includeAuthorizedOperations
  const groups = request.groups.map(groupId => describe(context, groupId, withOperations))
  return { groups: await Promise.all(groups) }
}

async function describe(
  context: RequestContext,
  groupId: string,
  withOperations: boolean
): Promise<DescribeGroupsResponseDescribedGroupInit> {
  if (!context.authorize('DESCRIBE', 'GROUP', groupId)) {
    return failed(groupId, 'GROUP_AUTHORIZATION_FAILED')
  }
  const described = await context.groups.describe(groupId)
  if (!described.ok) return failed(groupId, described.error)
  const group = described.value
  if (group === null && context.apiVersion >= 6) {
    const errorMessage = `Group ${groupId} not found.`
    return { ...failed(groupId, 'GROUP_ID_NOT_FOUND'), groupState: 'Dead', errorMessage }
  }
  return {
    errorCode: 0,
    groupId,
    groupState: group?.state ?? 'Dead',
    protocolType: group?.protocolType ?? '',
    protocolData: group?.protocolName ?? '',
    members: (group?.members ?? []).map(({ metadata, assignment, ...member }) => ({
      ...member,
      memberMetadata: metadata,
      memberAssignment: assignment
    })),
    authorizedOperations: withOperations ? operations(context, groupId) : unasked
  }
}

function failed(groupId: string, error: ErrorName): DescribeGroupsResponseDescribedGroupInit {
  return {
    errorCode: errorCode(error),
    groupId,
    groupState: '',
    protocolType: '',
    protocolData: '',
    members: []
  }
}

function operations(context: RequestContext, groupId: string): number {
  return groupOperations
    .filter(([operation]) => context.authorize(operation, 'GROUP', groupId))
    .reduce((bits, [, bit]) => bits | (1 << bit), 0)
}
