import type { Random } from '../io/random.ts'
import { zeroUuid } from '../wire/uuid.ts'
import { clusterMetadataTopicId } from './topic-name.ts'

/** Ids that mean something else (Kafka: Uuid.RESERVED). */
const reserved: ReadonlySet<string> = new Set([zeroUuid, clusterMetadataTopicId])

/**
 * A new topic id: 22 characters of base64url. None begins with '-', which command lines would take
 * for an option.
 */
export function randomTopicId(random: Random): string {
  for (;;) {
    const topicId = random.bytes(16).toString('base64url')
    if (!reserved.has(topicId) && !topicId.startsWith('-')) return topicId
  }
}
