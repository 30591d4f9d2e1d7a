// CreateTopics. A topic is ready when it is answered; one that takes longer than timeoutMs is made
// all the same. There are no policies to ask.

import type { TopicPlan, TopicPlans } from '../cluster/topic-creation.ts'
import { configSources, topicConfigEntries } from '../config/config-entries.ts'
import type { Failure } from '../base/result.ts'
import type { CreateTopicsResponseInit } from '../wire/generated/create-topics.ts'
import { errorCode, type ErrorName } from '../wire/generated/errors.ts'
import { clusterResourceName } from './authorized-operations.ts'
import type { Handler, RequestContext } from './handler.ts'

type TopicResult = CreateTopicsResponseInit['topics'][number]

export const createTopics: Handler<'CreateTopics'> = async (context, request) => {
  const { topics, validateOnly, timeoutMs } = request
  const mayCreateAll = context.authorize('CREATE', 'CLUSTER', clusterResourceName)
  const allowed = topics.filter(
    ({ name }) => mayCreateAll || context.authorize('CREATE', 'TOPIC', name)
  )
  const plans = await context.cluster.createTopics(allowed, { validateOnly, timeoutMs })
  const names = new Set(topics.map(({ name }) => name))
  return { topics: [...names].map(name => result(context, name, plans, validateOnly)) }
}

function result(
  context: RequestContext,
  name: string,
  plans: TopicPlans,
  validateOnly: boolean
): TopicResult {
  const plan = plans.get(name)
  if (plan === undefined) {
    return refusal(name, { error: 'TOPIC_AUTHORIZATION_FAILED', detail: 'Authorization failed.' })
  }
  return plan.ok ? made(context, plan.value, validateOnly) : refusal(name, plan)
}

function refusal(
  name: string,
  { error, detail }: Pick<Failure<ErrorName>, 'error' | 'detail'>
): TopicResult {
  return { name, errorCode: errorCode(error), errorMessage: detail, configs: [] }
}

/** From version 5 on, who may describe the configs is told them (KIP-525). */
function made(context: RequestContext, plan: TopicPlan, validateOnly: boolean): TopicResult {
  const { name, topicId, partitionCount, replicationFactor } = plan
  // A topic that is only tried has no id.
  const identity = validateOnly ? { name } : { name, topicId }
  const success = { ...identity, errorCode: 0, errorMessage: null }
  if (!context.authorize('DESCRIBE_CONFIGS', 'TOPIC', name)) {
    const topicConfigErrorCode = errorCode('TOPIC_AUTHORIZATION_FAILED')
    return { ...success, topicConfigErrorCode, configs: [] }
  }
  const entries = topicConfigEntries(plan.configs, context.cluster.config)
  const configs = entries.map(entry => ({
    name: entry.name,
    value: entry.value,
    readOnly: entry.isReadOnly,
    configSource: configSources[entry.source],
    isSensitive: entry.isSensitive
  }))
  return { ...success, numPartitions: partitionCount, replicationFactor, configs }
}
