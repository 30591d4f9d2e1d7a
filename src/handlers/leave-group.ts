// LeaveGroup. Up to version 2 one member leaves, and its outcome is the answer's; later each has
// its own.
import { errorCode } from '../wire/generated/errors.ts'
import type { Handler } from './handler.ts'

export const leaveGroup: Handler<'LeaveGroup'> = async (context, request) => {
  if (!context.authorize('READ', 'GROUP', request.groupId)) {
    return { errorCode: errorCode('GROUP_AUTHORIZATION_FAILED'), members: [] }
  }
  const isBatch = context.apiVersion >= 3
  const single = [{ memberId: request.memberId, groupInstanceId: null, reason: null }]
  const left = await context.groups.leave(request.groupId, isBatch ? request.members : single)
  if (!left.ok) return { errorCode: errorCode(left.error), members: [] }
  const members = left.value.members.map(({ memberId, groupInstanceId, error }) => ({
    memberId,
    groupInstanceId,
    errorCode: errorCode(error)
  }))
  return isBatch
    ? { errorCode: 0, members }
    : { errorCode: members[0]?.errorCode ?? 0, members: [] }
}
