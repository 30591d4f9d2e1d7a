// DeleteGroups. A group that is named twice is answered once.
import { errorCode } from '../wire/generated/errors.ts'
import type { Handler } from './handler.ts'

export const deleteGroups: Handler<'DeleteGroups'> = async (context, request) => {
  const groupIds = [...new Set(request.groupsNames)]
  const allowed = groupIds.filter(groupId => context.authorize('DELETE', 'GROUP', groupId))
  const deleted = await context.groups.deleteGroups(allowed)
  const errors = new Map(deleted.map(({ groupId, error }) => [groupId, error]))
  const results = groupIds.map(groupId => ({
    groupId,
    errorCode: errorCode(errors.get(groupId) ?? 'GROUP_AUTHORIZATION_FAILED')
  }))
  return { throttleTimeMs: 0, results }
}
