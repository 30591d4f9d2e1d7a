// JoinGroup. The answer waits until the next generation begins; a client that goes away meanwhile
// is noticed by its session, not by its connection, as in Kafka.
import { errorCode } from '../wire/generated/errors.ts'
import type { Handler } from './handler.ts'

export const joinGroup: Handler<'JoinGroup'> = async (context, request) => {
  // Version 7 is the first that can say that there is no protocol.
  const noProtocol = context.apiVersion >= 7 ? null : ''
  if (!context.authorize('READ', 'GROUP', request.groupId)) {
    return {
      errorCode: errorCode('GROUP_AUTHORIZATION_FAILED'),
      protocolName: noProtocol,
      leader: '',
      memberId: '',
      members: []
    }
  }
  const joined = await context.groups.join(request, context)
  return {
    errorCode: errorCode(joined.error),
    generationId: joined.generationId,
    protocolType: joined.protocolType,
    protocolName: joined.protocolName ?? noProtocol,
    leader: joined.leaderId,
    skipAssignment: joined.skipAssignment,
    memberId: joined.memberId,
    members: joined.members
  }
}
