// Heartbeat.
import { errorCode } from '../wire/generated/errors.ts'
import type { Handler } from './handler.ts'

export const heartbeat: Handler<'Heartbeat'> = async (context, request) => {
  if (!context.authorize('READ', 'GROUP', request.groupId)) {
    return { errorCode: errorCode('GROUP_AUTHORIZATION_FAILED') }
  }
  return { errorCode: errorCode(await context.groups.heartbeat(request)) }
}
