import { failure, type Failure } from '../../base/result.ts'
import type { AppendError } from '../partition-log.ts'
import type { LogContext } from './log-context.ts'
import type { Segment } from './segment.ts'
import { kindOfRefusal, messageOf } from './write-refusal.ts'

/**
 * What an append answers whose write did not happen; a disk that failed takes the whole directory
 * along.
 *
 * @param segment where bytes may stand that nobody may read; they are cut off
 * @throws what is not a refusal of the file system, but a bug of ours
 */
export function failedWrite(
  context: LogContext,
  error: unknown,
  segment: Segment | null
): Failure<AppendError> {
  const kind = kindOfRefusal(error)
  if (kind === 'noSpace') {
    try {
      segment?.cutBack()
      context.space.refused(messageOf(error))
      return failure('NO_SPACE', messageOf(error))
    } catch (cutError) {
      context.fail(cutError)
    }
  } else if (kind === 'diskFailed') context.fail(error)
  // Whoever tries again finds descriptors.
  else context.cache.makeRoom()
  return failure('STORAGE', messageOf(error))
}
