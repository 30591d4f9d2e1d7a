import { assert } from '../../base/assert.ts'
import { Serial } from '../../base/serial.ts'
import { readWhole, type DirectoryEntry } from '../../io/files.ts'
import { snapshotsKeptMax } from '../../limits.ts'
import type { LogSnapshots } from '../partition-log.ts'
import { replaceFile } from './checkpoint.ts'
import { parseSegmentName, segmentPath, snapshotSuffix, temporarySuffix } from './file-names.ts'
import type { LogContext } from './log-context.ts'
import { isFileError } from './read-steps.ts'
import { kindOfRefusal, messageOf } from './write-refusal.ts'

/**
 * The snapshots of one log, each in a file `<offset>.snapshot` beside the segments. One is replaced
 * by the next in the order of `replaceFile`, so that a crash leaves the old one or the new; the
 * newest `snapshotsKeptMax` are kept.
 */
export class SnapshotFiles implements LogSnapshots {
  readonly #context: LogContext
  readonly #folder: string
  readonly #log: { readonly logEndOffset: number }
  readonly #saves = new Serial()
  /** Newest first. */
  #offsets: readonly number[]
  #isClosed = false

  constructor(
    context: LogContext,
    folder: string,
    offsets: readonly number[],
    log: { readonly logEndOffset: number }
  ) {
    this.#context = context
    this.#folder = folder
    this.#offsets = offsets
    this.#log = log
  }

  get offsets(): readonly number[] {
    return this.#offsets
  }

  /** Reads at once: the files are small, and a start reads very many. */
  read(offset: number): Promise<Buffer | null> {
    try {
      return Promise.resolve(readWhole(this.#context.files, this.#pathOf(offset)))
    } catch (error) {
      if (!isFileError(error)) throw error
      return Promise.resolve(null)
    }
  }

  save(offset: number, content: Buffer): Promise<boolean> {
    assert(offset <= this.#log.logEndOffset, 'a snapshot is of what is in the log')
    if (this.#isClosed) return Promise.resolve(false)
    return this.#saves.run(() => this.#save(offset, content))
  }

  /**
   * Removes those beyond `offset`, where the log is about to be cut: durably, since what is
   * appended there next is something else.
   *
   * @throws FileError when the system refuses
   */
  async dropBeyond(offset: number): Promise<void> {
    await this.#saves.run(async () => {
      const beyond = this.#offsets.filter(each => each > offset)
      this.#offsets = this.#offsets.filter(each => each <= offset)
      await removeSnapshots(this.#context, this.#folder, beyond)
    })
  }

  /**
   * Removes one that is damaged.
   *
   * @throws FileError when the system refuses
   */
  async drop(offset: number): Promise<void> {
    await this.#saves.run(async () => {
      if (!this.#offsets.includes(offset)) return
      this.#offsets = this.#offsets.filter(each => each !== offset)
      await removeSnapshots(this.#context, this.#folder, [offset])
    })
  }

  /** Waits for what is being saved and saves nothing more: the folder may get another name. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#saves.run(() => Promise.resolve())
  }

  async #save(offset: number, content: Buffer): Promise<boolean> {
    const isLate = offset <= (this.#offsets[0] ?? -1) || offset > this.#log.logEndOffset
    if (isLate || this.#context.failure !== null) return false
    const { files } = this.#context
    // A log that never held a record has no folder.
    if (!files.exists(this.#folder)) return false
    const path = this.#pathOf(offset)
    try {
      await replaceFile(files, path, content)
      const offsets = [offset, ...this.#offsets]
      this.#offsets = offsets.slice(0, snapshotsKeptMax)
      for (const old of offsets.slice(snapshotsKeptMax)) files.remove(this.#pathOf(old))
      return true
    } catch (error) {
      this.#saveFailed(error, path)
      return false
    }
  }

  /**
   * Without a snapshot the next start reads more, which is all; a disk that failed is another
   * matter.
   */
  #saveFailed(error: unknown, path: string): void {
    if (kindOfRefusal(error) === 'diskFailed') {
      this.#context.fail(error)
      return
    }
    this.#context.logger.warn('a snapshot of producers could not be written', {
      path,
      error: messageOf(error)
    })
    const { files } = this.#context
    try {
      if (files.exists(path + temporarySuffix)) files.remove(path + temporarySuffix)
    } catch (removeError) {
      if (kindOfRefusal(removeError) === 'diskFailed') this.#context.fail(removeError)
    }
  }

  #pathOf(offset: number): string {
    return segmentPath(this.#folder, offset, snapshotSuffix)
  }
}

/** The offsets of the snapshots among the entries of a partition's folder, newest first. */
export function snapshotOffsets(entries: readonly DirectoryEntry[]): readonly number[] {
  const offsets: number[] = []
  for (const { name, kind } of entries) {
    const offset = kind === 'file' ? parseSegmentName(name, snapshotSuffix) : null
    if (offset !== null) offsets.push(offset)
  }
  return offsets.sort((a, b) => b - a)
}

/**
 * Removes snapshots so that the power cannot bring them back.
 *
 * @throws FileError when the system refuses
 */
export async function removeSnapshots(
  { files, durability }: Pick<LogContext, 'files' | 'durability'>,
  folder: string,
  offsets: readonly number[]
): Promise<void> {
  if (offsets.length === 0) return
  for (const offset of offsets) files.remove(segmentPath(folder, offset, snapshotSuffix))
  if (durability !== 'memory') await files.syncDirectory(folder)
}
