// Metadata. Every partition is led by this broker, its only replica. Topics are created before the
// answer, where Kafka answers UNKNOWN_TOPIC_OR_PARTITION while it creates them, which kafkajs takes
// for final.

import { errorCode } from '../wire/generated/errors.ts'
import type {
  MetadataRequest,
  MetadataRequestTopic,
  MetadataResponseInit,
  MetadataResponseTopicInit
} from '../wire/generated/metadata.ts'
import { zeroUuid } from '../wire/uuid.ts'
import {
  authorizedOperations,
  clusterResourceName,
  operationsNotAsked
} from './authorized-operations.ts'
import type { Handler, RequestContext } from './handler.ts'
import {
  createMissing,
  knownTopic,
  topicById,
  topicByName,
  unknownTopic,
  withOperations
} from './topic-metadata.ts'

/** The first version that asks by topic id, and whose answer may have no name. */
const topicIdVersion = 12

export const metadata: Handler<'Metadata'> = async (context, request) => {
  const { cluster, apiVersion } = context
  if (apiVersion < topicIdVersion && request.topics?.some(asksById)) return refusal(request)
  const { nodeId, host, port } = cluster.endpointFor(context.listenerName)
  const wantsAll = request.topics === null || (apiVersion === 0 && request.topics.length === 0)
  const topics = wantsAll ? allTopics(context) : await askedTopics(context, request)
  return {
    brokers: [{ nodeId, host, port, rack: cluster.config.brokerRack }],
    clusterId: cluster.clusterId,
    controllerId: cluster.controllerId,
    topics: request.includeTopicAuthorizedOperations
      ? topics.map(topic => withOperations(context, topic))
      : topics,
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? clusterOperations(context)
      : operationsNotAsked
  }
}

function allTopics(context: RequestContext): MetadataResponseTopicInit[] {
  const topics: MetadataResponseTopicInit[] = []
  for (const topic of context.cluster.topics()) {
    if (context.authorize('DESCRIBE', 'TOPIC', topic.name)) topics.push(knownTopic(context, topic))
  }
  return topics
}

/**
 * Each topic is answered once, in the order of the request. Ids, if there are any, count alone, as
 * in Kafka.
 */
async function askedTopics(
  context: RequestContext,
  request: MetadataRequest
): Promise<MetadataResponseTopicInit[]> {
  const asked = request.topics ?? []
  const topicIds = new Set(asked.map(({ topicId }) => topicId).filter(id => id !== zeroUuid))
  if (topicIds.size > 0) return [...topicIds].map(topicId => topicById(context, topicId))
  const names = [...new Set(asked.map(({ name }) => name ?? ''))]
  const refused = await createMissing(context, request, names)
  return names.map(name => topicByName(context, name, refused.get(name)))
}

function clusterOperations(context: RequestContext): number {
  if (!context.authorize('DESCRIBE', 'CLUSTER', clusterResourceName)) return 0
  return authorizedOperations(context, 'CLUSTER', clusterResourceName)
}

function asksById({ name, topicId }: MetadataRequestTopic): boolean {
  return name === null || topicId !== zeroUuid
}

/** The whole request is wrong: every topic says so, as in Kafka. */
function refusal(request: MetadataRequest): MetadataResponseInit {
  const error = 'INVALID_REQUEST'
  return {
    brokers: [],
    topics: (request.topics ?? []).map(({ name, topicId }) =>
      unknownTopic(error, name ?? '', topicId)
    ),
    errorCode: errorCode(error)
  }
}
