import { failure, type Failure, type Success } from '../base/result.ts'
import type { TopicConfigs } from '../config/topic-configs.ts'
import { validateProduced } from '../record/validate.ts'
import type { BatchRules, RecordError, ValidatedBatch } from '../record/validate.ts'
import type { ErrorName } from '../wire/generated/errors.ts'

/** What a request says of a batch. */
type Produced = Pick<BatchRules, 'produceVersion' | 'nowMs'> & { readonly topicPartition: string }

interface Refused extends Failure<ErrorName> {
  readonly recordErrors: readonly RecordError[]
}

/**
 * Checks the one batch that a client sent by the rules of its topic.
 *
 * @returns what `validateProduced` does, and RECORD_LIST_TOO_LARGE for a batch that is to be stored
 *   and that no segment can hold (Kafka's `UnifiedLog.append`)
 */
export function validateForTopic(
  records: Buffer,
  configs: TopicConfigs,
  produced: Produced
): Success<ValidatedBatch> | Refused {
  const validated = validateProduced(records, batchRules(configs, produced))
  if (!validated.ok) return validated
  const size = validated.value.bytes.length
  if (size <= configs.segmentBytes) return validated
  const detail = `${size} bytes in one batch, a segment holds ${configs.segmentBytes}`
  return { ...failure('RECORD_LIST_TOO_LARGE', detail), recordErrors: [] }
}

function batchRules(configs: TopicConfigs, produced: Produced): BatchRules {
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
