import { topicNameLengthMax } from '../limits.ts'

/** Committed offsets and the state of groups. */
export const consumerOffsetsTopic = '__consumer_offsets'
/** The state of transactions. */
export const transactionStateTopic = '__transaction_state'
/** The state of share groups. */
export const shareGroupStateTopic = '__share_group_state'
/** The log that says which topics there are; never shown to clients, never theirs to create. */
export const clusterMetadataTopic = '__cluster_metadata'
/** Its fixed id. */
export const clusterMetadataTopicId = 'AAAAAAAAAAAAAAAAAAAAAQ'

const internalTopics: ReadonlySet<string> = new Set([
  consumerOffsetsTopic,
  transactionStateTopic,
  shareGroupStateTopic
])

/** Whether clients are told that the topic is the broker's own. */
export function isInternalTopic(topic: string): boolean {
  return internalTopics.has(topic)
}

/**
 * Kafka's sentence about a name that no topic can have (Kafka: Topic.validate); null for a legal
 * one.
 */
export function topicNameFault(topic: string): string | null {
  const reason = illegalBecause(topic)
  return reason === null ? null : `Topic name is invalid: ${reason}`
}

function illegalBecause(topic: string): string | null {
  if (topic === '') return 'the empty string is not allowed'
  if (topic === '.') return "'.' is not allowed"
  if (topic === '..') return "'..' is not allowed"
  if (topic.length > topicNameLengthMax) {
    return `the length of '${topic}' is longer than the max allowed length ${topicNameLengthMax}`
  }
  if (!/^[a-zA-Z0-9._-]+$/.test(topic)) {
    return (
      `'${topic}' contains one or more characters other than ` +
      "ASCII alphanumerics, '.', '_' and '-'"
    )
  }
  return null
}

/**
 * Whether a '.' or '_' in the name may make it collide with another: metrics of Kafka write both as
 * '_'.
 */
export function hasCollisionCharacters(topic: string): boolean {
  return topic.includes('.') || topic.includes('_')
}

/** What two names have in common that collide. */
export function unifyCollisionCharacters(topic: string): string {
  return topic.replaceAll('.', '_')
}
