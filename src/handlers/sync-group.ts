// SyncGroup. A member that the leader left out gets empty bytes.
import { errorCode } from '../wire/generated/errors.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type { SyncGroupResponseInit } from '../wire/generated/sync-group.ts'
import type { Handler } from './handler.ts'

const noAssignment = Buffer.alloc(0)

export const syncGroup: Handler<'SyncGroup'> = async (context, request) => {
  const saysProtocol = request.protocolType !== null && request.protocolName !== null
  if (context.apiVersion >= 5 && !saysProtocol) return refusal('INCONSISTENT_GROUP_PROTOCOL')
  if (!context.authorize('READ', 'GROUP', request.groupId)) {
    return refusal('GROUP_AUTHORIZATION_FAILED')
  }
  const { error, protocolType, protocolName, assignment } = await context.groups.sync(request)
  return { errorCode: errorCode(error), protocolType, protocolName, assignment }
}

function refusal(error: ErrorName): SyncGroupResponseInit {
  return { errorCode: errorCode(error), assignment: noAssignment }
}
