import { descriptorRetryMs } from '../../limits.ts'
import type { LogContext } from './log-context.ts'
import { kindOfRefusal } from './write-refusal.ts'

/**
 * Makes the names in a folder durable. A process that has no descriptor left to open the folder is
 * not a disk that failed: files are let go, and whoever waits for the sync waits for one to come.
 *
 * @throws FileError when the sync itself fails
 */
export async function syncNames(
  { files, cache, clock }: Pick<LogContext, 'files' | 'cache' | 'clock'>,
  folder: string
): Promise<void> {
  for (;;) {
    try {
      return await files.syncDirectory(folder)
    } catch (error) {
      if (kindOfRefusal(error) !== 'exhausted') throw error
    }
    cache.makeRoom()
    await new Promise<void>(resolve => {
      clock.schedule(descriptorRetryMs, resolve)
    })
  }
}
