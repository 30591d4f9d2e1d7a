import { isInternalTopic, topicNameFault } from '../cluster/topic-name.ts'
import type { Topic } from '../cluster/topics.ts'
import { errorCode, type ErrorName } from '../wire/generated/errors.ts'
import type { MetadataRequest, MetadataResponseTopicInit } from '../wire/generated/metadata.ts'
import { zeroUuid } from '../wire/uuid.ts'
import { authorizedOperations, clusterResourceName } from './authorized-operations.ts'
import type { RequestContext } from './handler.ts'

/** One topic, by id: its name is null unless it is known. */
export function topicById(context: RequestContext, topicId: string): MetadataResponseTopicInit {
  const topic = context.cluster.topicById(topicId)
  if (topic === undefined) return unknownTopic('UNKNOWN_TOPIC_ID', null, topicId)
  if (context.authorize('DESCRIBE', 'TOPIC', topic.name)) return knownTopic(context, topic)
  return unknownTopic('TOPIC_AUTHORIZATION_FAILED', null, topicId)
}

/** @param refused why the topic was not created, if that was tried */
export function topicByName(
  context: RequestContext,
  name: string,
  refused: ErrorName | undefined
): MetadataResponseTopicInit {
  // Who may not describe a topic does not learn whether it exists.
  if (!context.authorize('DESCRIBE', 'TOPIC', name)) {
    return unknownTopic('TOPIC_AUTHORIZATION_FAILED', name, zeroUuid)
  }
  const topic = context.cluster.topic(name)
  if (topic !== undefined) return knownTopic(context, topic)
  if (refused !== undefined) return unknownTopic(refused, name, zeroUuid)
  const illegal = topicNameFault(name) !== null
  return unknownTopic(
    illegal ? 'INVALID_TOPIC_EXCEPTION' : 'UNKNOWN_TOPIC_OR_PARTITION',
    name,
    zeroUuid
  )
}

/**
 * Creates what may be created of the topics that do not exist; the result says why others were not.
 */
export async function createMissing(
  context: RequestContext,
  request: MetadataRequest,
  names: readonly string[]
): Promise<ReadonlyMap<string, ErrorName>> {
  const { cluster } = context
  const refused = new Map<string, ErrorName>()
  if (!request.allowAutoTopicCreation || !cluster.config.autoCreateTopicsEnable) return refused
  const wanted: string[] = []
  for (const name of names) {
    if (cluster.topic(name) !== undefined) continue
    if (!context.authorize('DESCRIBE', 'TOPIC', name)) continue
    if (mayCreate(context, name)) wanted.push(name)
    else refused.set(name, 'TOPIC_AUTHORIZATION_FAILED')
  }
  if (wanted.length === 0) return refused
  for (const [name, ensured] of await cluster.ensureTopics(wanted)) {
    // What is still being made is not there yet: so says Kafka, which does not wait at all.
    if (!ensured.ok && ensured.error !== 'REQUEST_TIMED_OUT') refused.set(name, ensured.error)
  }
  return refused
}

function mayCreate(context: RequestContext, name: string): boolean {
  return (
    context.authorize('CREATE', 'CLUSTER', clusterResourceName) ||
    context.authorize('CREATE', 'TOPIC', name)
  )
}

/** A topic that exists. */
export function knownTopic({ cluster }: RequestContext, topic: Topic): MetadataResponseTopicInit {
  const replicas = cluster.brokerIds
  return {
    errorCode: 0,
    name: topic.name,
    topicId: topic.topicId,
    isInternal: topic.isInternal,
    partitions: topic.partitions.map(({ partition, leaderEpoch }) => ({
      errorCode: 0,
      partitionIndex: partition,
      leaderId: cluster.nodeId,
      leaderEpoch,
      replicaNodes: replicas,
      isrNodes: replicas,
      offlineReplicas: []
    }))
  }
}

/** A topic that does not exist, for this client. */
export function unknownTopic(
  error: ErrorName,
  name: string | null,
  topicId: string
): MetadataResponseTopicInit {
  const isInternal = name !== null && isInternalTopic(name)
  return { errorCode: errorCode(error), name, topicId, isInternal, partitions: [] }
}

/** The topic with what the client may do to it (KIP-430). */
export function withOperations(
  context: RequestContext,
  topic: MetadataResponseTopicInit
): MetadataResponseTopicInit {
  const hidden = topic.errorCode === errorCode('TOPIC_AUTHORIZATION_FAILED')
  if (hidden || topic.name === null) return topic
  const operations = authorizedOperations(context, 'TOPIC', topic.name)
  return { ...topic, topicAuthorizedOperations: operations }
}
