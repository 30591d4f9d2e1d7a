import { descriptorRetryMs } from '../../limits.ts'
import type { LogContext } from './log-context.ts'
import { kindOfRefusal } from './write-refusal.ts'

/**
 * Does what needs a descriptor, as long as it takes. A process that has none left is not a disk
 * that failed: files are let go, and whoever asks waits for a descriptor to come.
 *
 * @param work may be done again: a refusal for want of a descriptor has changed nothing
 * @throws FileError whatever else the system refuses
 */
export async function withDescriptor<T>(
  { cache, clock }: Pick<LogContext, 'cache' | 'clock'>,
  work: () => T | Promise<T>
): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (kindOfRefusal(error) !== 'exhausted') throw error
    }
    cache.makeRoom()
    await new Promise<void>(resolve => {
      clock.schedule(descriptorRetryMs, resolve)
    })
  }
}
