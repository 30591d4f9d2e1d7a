import type { LogContext } from './log-context.ts'
import { withDescriptor } from './with-descriptor.ts'

/**
 * Makes the names in a folder durable.
 *
 * @throws FileError when the sync itself fails
 */
export function syncNames(
  context: Pick<LogContext, 'files' | 'cache' | 'clock'>,
  folder: string
): Promise<void> {
  return withDescriptor(context, () => context.files.syncDirectory(folder))
}
