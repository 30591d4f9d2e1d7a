import { failure, success, type Result } from '../base/result.ts'
import type { TopicConfigs } from '../config/topic-configs.ts'
import type { ErrorName } from '../wire/generated/errors.ts'

/**
 * The first offset that a DeleteRecords request wants to keep (Kafka:
 * `Partition.deleteRecordsOnLeader`).
 *
 * @param beforeOffset as on the wire; -1 stands for the high watermark
 * @returns OFFSET_OUT_OF_RANGE beyond the high watermark, POLICY_VIOLATION for a topic that is only
 *   compacted
 */
export function firstOffsetKept(
  beforeOffset: number,
  partition: {
    readonly topic: string
    readonly highWatermark: number
    readonly configs: Pick<TopicConfigs, 'cleanupPolicy'>
  }
): Result<number, ErrorName> {
  const { topic, highWatermark } = partition
  const { cleanupPolicy } = partition.configs
  if (cleanupPolicy.compact && !cleanupPolicy.delete) {
    return failure('POLICY_VIOLATION', `cleanup.policy of ${topic} does not include delete`)
  }
  const offset = beforeOffset === -1 ? highWatermark : beforeOffset
  if (offset < 0 || offset > highWatermark) {
    const detail = `offset ${beforeOffset} is not below the high watermark ${highWatermark}`
    return failure('OFFSET_OUT_OF_RANGE', detail)
  }
  return success(offset)
}
