import { assert } from '../base/assert.ts'
import { failure, success, type Result } from '../base/result.ts'
import { booleanValue, type ConfigValues } from './config-values.ts'

/** Rules between configs (Kafka: LogConfig.validateTopicLogConfigValues). */
export function validateTopicValues(values: ConfigValues): Result<void, 'INVALID_CONFIG'> {
  const minLag = values.get('min.compaction.lag.ms')
  const maxLag = values.get('max.compaction.lag.ms')
  assert(minLag !== undefined && maxLag !== undefined, 'every topic config has a value')
  if (BigInt(minLag.text) > BigInt(maxLag.text)) {
    return failure(
      'INVALID_CONFIG',
      `conflict topic config setting min.compaction.lag.ms (${minLag.text}) > ` +
        `max.compaction.lag.ms (${maxLag.text})`
    )
  }
  if (booleanValue(values, 'remote.storage.enable')) {
    return failure(
      'INVALID_CONFIG',
      'Tiered Storage functionality is disabled in the broker. ' +
        'Topic cannot be configured with remote log storage.'
    )
  }
  return success(undefined)
}
