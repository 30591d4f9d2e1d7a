import { deferred, type Deferred } from '../../base/deferred.ts'
import { failure, success, type Result } from '../../base/result.ts'
import type { AppendError } from '../partition-log.ts'
import type { LogContext } from './log-context.ts'
import type { Segment } from './segment.ts'

export type AppendResult = Result<void, AppendError>

/** What one log has to make durable, and who waits for it. */
export class LogSyncs {
  readonly #context: LogContext
  readonly #folder: string
  /** Segments with bytes or notes that the next sync has to cover. In the mode `fsync` their files stay open. */
  readonly #unsynced = new Set<Segment>()
  /** Shared by all who wait for the next sync, and by those whose sync is under way. */
  #waiting: Deferred<AppendResult> | null = null
  #covered: Deferred<AppendResult> | null = null
  #hasNewNames = false
  #isFolderNew = false

  constructor(context: LogContext, folder: string) {
    this.#context = context
    this.#folder = folder
  }

  /** Notes that the segment's files have changed. */
  changed(segment: Segment): void {
    if (this.#unsynced.has(segment)) return
    this.#unsynced.add(segment)
    segment.log.pin()
  }

  /** Notes that files were made, renamed or removed in the folder. */
  namesChanged(): void {
    this.#hasNewNames = true
  }

  folderMade(): void {
    this.#isFolderNew = true
    this.#hasNewNames = true
  }

  get isEmpty(): boolean {
    return this.#unsynced.size === 0 && !this.#hasNewNames
  }

  /** Resolves with the sync that covers what has changed so far. */
  wait(): Promise<AppendResult> {
    this.#waiting ??= deferred()
    return this.#waiting.promise
  }

  /**
   * Makes durable what has changed so far. Those who waited for it are released by `release`.
   *
   * @throws FileError when the system refuses; nothing may be acknowledged any more
   */
  async sync(): Promise<void> {
    this.#covered = this.#waiting
    this.#waiting = null
    const segments = [...this.#unsynced]
    const syncs = segments.map(segment => segment.sync())
    if (this.#hasNewNames) {
      this.#hasNewNames = false
      syncs.push(this.#context.files.syncDirectory(this.#folder))
    }
    if (this.#isFolderNew) {
      this.#isFolderNew = false
      syncs.push(this.#context.syncPath())
    }
    await Promise.all(syncs)
    for (const segment of segments) if (!segment.isDirty) this.forget(segment)
  }

  /** Answers those whose sync has succeeded. */
  release(): void {
    this.#covered?.resolve(success(undefined))
    this.#covered = null
  }

  /** Answers everybody that it will not happen. */
  refuse(detail: string): void {
    this.#covered?.resolve(failure('STORAGE', detail))
    this.#covered = null
    this.#waiting?.resolve(failure('STORAGE', detail))
    this.#waiting = null
  }

  forget(segment: Segment): void {
    if (this.#unsynced.delete(segment)) segment.log.unpin()
  }
}
