// ListGroups. Without DESCRIBE on the cluster, only the groups that the client may describe are
// listed.
import { errorCode } from '../wire/generated/errors.ts'
import type { Handler } from './handler.ts'

export const listGroups: Handler<'ListGroups'> = async (context, request) => {
  const listed = await context.groups.list(request.statesFilter, request.typesFilter)
  if (!listed.ok) return { errorCode: errorCode(listed.error), groups: [] }
  const seesAll = context.authorize('DESCRIBE', 'CLUSTER', 'kafka-cluster')
  const groups = listed.value
    .filter(({ groupId }) => seesAll || context.authorize('DESCRIBE', 'GROUP', groupId))
    .map(({ groupId, protocolType, state, groupType }) => ({
      groupId,
      protocolType,
      groupState: state,
      groupType
    }))
  return { errorCode: 0, groups }
}
