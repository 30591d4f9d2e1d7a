import { replaceFile } from './checkpoint.ts'
import type { LogContext } from './log-context.ts'
import { Sidecar, type SidecarContents, type StateNote } from './sidecar.ts'
import { encodeSidecar, type JournalEntry, type SegmentIdentity } from './sidecar-format.ts'

/**
 * Writes a sidecar anew that is missing or does not hold, durably. What still holds of the old one
 * may be the only place of what the log noted last, such as a log start offset on the strength of
 * which segments are gone already: it stays until the new one is on the disk.
 *
 * @returns what the new one says
 * @throws FileError when the system refuses
 */
export async function renewSidecar(
  { files }: Pick<LogContext, 'files'>,
  path: string,
  identity: SegmentIdentity,
  note: StateNote,
  journal: readonly JournalEntry[]
): Promise<SidecarContents> {
  const pieces = encodeSidecar(identity, { sequence: 0, ...note }, journal)
  await replaceFile(files, path, Buffer.concat(pieces))
  return Sidecar.read(files, path, identity)
}
