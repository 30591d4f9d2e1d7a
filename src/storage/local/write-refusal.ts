import { FileError } from '../../io/files.ts'

/**
 * The disk is full; the process has run out of something and will have it again; or the disk itself
 * has failed.
 */
export type RefusalKind = 'noSpace' | 'exhausted' | 'diskFailed'

const noSpaceCodes: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const exhaustedCodes: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM'])

/**
 * What it means that a write was refused.
 *
 * @throws what is not a refusal of the file system, but a bug of ours
 */
export function kindOfRefusal(error: unknown): RefusalKind {
  if (!(error instanceof FileError)) throw error
  if (noSpaceCodes.has(error.code)) return 'noSpace'
  return exhaustedCodes.has(error.code) ? 'exhausted' : 'diskFailed'
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
