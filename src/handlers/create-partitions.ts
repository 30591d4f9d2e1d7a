// CreatePartitions. Partitions are ready when they are answered; those that take longer than
// timeoutMs are made all the same.

import { errorCode } from '../wire/generated/errors.ts'
import type { Handler } from './handler.ts'

export const createPartitions: Handler<'CreatePartitions'> = async (context, request) => {
  const { topics, validateOnly, timeoutMs } = request
  const allowed = topics.filter(({ name }) => context.authorize('ALTER', 'TOPIC', name))
  const plans = await context.cluster.createPartitions(allowed, { validateOnly, timeoutMs })
  const names = new Set(topics.map(({ name }) => name))
  return {
    throttleTimeMs: 0,
    results: [...names].map(name => {
      const plan = plans.get(name)
      if (plan === undefined) return { name, errorCode: errorCode('TOPIC_AUTHORIZATION_FAILED') }
      if (plan.ok) return { name, errorCode: 0 }
      return {
        name,
        errorCode: errorCode(plan.error),
        errorMessage: plan.detail
      }
    })
  }
}
