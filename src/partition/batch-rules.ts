import type { TopicConfigs } from '../config/topic-configs.ts'
import type { BatchRules } from '../record/validate.ts'

/** What a topic allows in a batch, and what its request says. */
export function batchRules(
  configs: TopicConfigs,
  produced: Pick<BatchRules, 'produceVersion' | 'nowMs'> & { readonly topicPartition: string }
): BatchRules {
  return {
    maxMessageBytes: configs.maxMessageBytes,
    compactedTopic: configs.cleanupPolicy.compact,
    timestampType: configs.messageTimestampType,
    timestampBeforeMaxMs: configs.messageTimestampBeforeMaxMs,
    timestampAfterMaxMs: configs.messageTimestampAfterMaxMs,
    compressionType: configs.compressionType,
    compressionLevels: configs.compressionLevels,
    produceVersion: produced.produceVersion,
    nowMs: produced.nowMs,
    topicPartition: produced.topicPartition
  }
}
