import { deferred, type Deferred } from '../../base/deferred.ts'
import { failure, success, type Result } from '../../base/result.ts'
import { noteSyncIntervalMs } from '../../limits.ts'
import type { AppendError } from '../partition-log.ts'
import type { Flush } from './flusher.ts'
import type { LogContext } from './log-context.ts'
import type { SegmentList } from './segment-list.ts'
import type { Segment } from './segment.ts'
import type { StateNote } from './sidecar.ts'
import { syncNames } from './sync-names.ts'
import { kindOfRefusal } from './write-refusal.ts'

export type AppendResult = Result<void, AppendError>

/** What is looked at of the log whose durability this is. */
export interface FlushedLog {
  readonly segments: SegmentList
  /** The log start offset that sidecars are told. */
  readonly notedStartOffset: number
  readonly logEndOffset: number
}

/** A place in a log up to which it is synced. */
export interface SyncedEnd {
  readonly offset: number
  /** The segment that holds the end, and where in it; null when that is not known. */
  readonly segment: Segment | null
  readonly position: number
}

/**
 * What of one log is on disk, what waits to get there, and who waits for it. Each sync that
 * succeeds raises the durable watermark. The note of it in the sidecar of the active segment goes
 * to the page cache at once, and to the disk with a later sync: the first one `noteSyncIntervalMs`
 * after the last that took a note along, since a second file in every sync would halve what many
 * logs get through the disk. A note that a power cut takes only makes recovery less sure that a
 * fault is rot.
 */
export class LogDurability {
  readonly #context: LogContext
  readonly #log: FlushedLog
  readonly #folder: string
  readonly #onRaised: () => void
  readonly #flush: Flush
  /**
   * Segments with bytes or notes that the next sync has to cover; their files stay open until then.
   */
  readonly #unsynced = new Set<Segment>()
  /** Shared by all who wait for the next sync, and by those whose sync is under way. */
  #waiting: Deferred<AppendResult> | null = null
  #covered: Deferred<AppendResult> | null = null
  #hasNewNames = false
  #isFolderNew = false
  #isStopped = false
  #running: Promise<void> = Promise.resolve()
  #end: SyncedEnd
  #notesSyncedMs = -Infinity

  constructor(
    context: LogContext,
    log: FlushedLog,
    folder: string,
    end: SyncedEnd,
    onRaised: () => void
  ) {
    this.#context = context
    this.#log = log
    this.#folder = folder
    this.#end = end
    this.#onRaised = onRaised
    this.#flush = context.flusher.register(() => (this.#running = this.#run()))
  }

  /** The durable watermark: everything below was synced. */
  get end(): SyncedEnd {
    return this.#end
  }

  /** Whether bytes or notes wait for a sync. */
  get hasChanges(): boolean {
    return this.#unsynced.size > 0
  }

  /** What the sidecar of `segment` has to say now. */
  note(segment: Segment | null): StateNote {
    return {
      logStartOffset: this.#log.notedStartOffset,
      durableEndOffset: this.#end.offset,
      durablePosition: segment !== null && this.#end.segment === segment ? this.#end.position : 0
    }
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

  /** Sees to it that what has changed gets to the disk. */
  flushSoon(): void {
    this.#flush.request()
  }

  /** The same; resolves when it is there, and with STORAGE when it will not be. */
  flushed(): Promise<AppendResult> {
    const { failure: failed } = this.#context
    if (failed !== null) return Promise.resolve(failure('STORAGE', failed.message))
    this.#flush.request()
    this.#waiting ??= deferred()
    return this.#waiting.promise
  }

  /** Takes the watermark back: what is beyond is about to be removed. */
  lower(end: SyncedEnd): void {
    this.#end = end
  }

  /** A segment that is no longer this log's. */
  forget(segment: Segment): void {
    if (this.#unsynced.delete(segment)) segment.log.unpin()
  }

  /** Answers everybody who waits that it will not happen. */
  refuse(detail: string): void {
    this.#covered?.resolve(failure('STORAGE', detail))
    this.#covered = null
    this.#waiting?.resolve(failure('STORAGE', detail))
    this.#waiting = null
  }

  /** Nothing is synced from now on; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running.catch(() => {})
  }

  async #run(): Promise<void> {
    if (this.#isStopped || this.#context.failure !== null) return
    const end = this.#endOfSync()
    this.#covered = this.#waiting
    this.#waiting = null
    await this.#sync()
    if (this.#context.failure !== null) return
    const isRaised = end.offset > this.#end.offset
    if (isRaised) {
      this.#end = end
      this.#writeNote()
    }
    this.#covered?.resolve(success(undefined))
    this.#covered = null
    if (isRaised) this.#onRaised()
  }

  /**
   * How far everything is on disk once what has changed is synced. In the mode `os` a sync takes a
   * full segment along, and not what was appended to the next one meanwhile.
   */
  #endOfSync(): SyncedEnd {
    const { all, active = null } = this.#log.segments
    let end: SyncedEnd = {
      offset: this.#log.logEndOffset,
      segment: active,
      position: active?.size ?? 0
    }
    for (let index = all.length - 1; index >= 0; index--) {
      const segment = all[index]!
      if (segment.endOffset <= this.#end.offset) break
      if (this.#unsynced.has(segment) || !segment.isUrgent) continue
      const isBehindEnd = segment.baseOffset > this.#end.offset
      const at = isBehindEnd ? { offset: segment.baseOffset, segment, position: 0 } : this.#end
      // A truncation under way still has segments beyond the end of the log.
      if (at.offset < end.offset) end = at
    }
    return end
  }

  async #sync(): Promise<void> {
    const segments = [...this.#unsynced]
    const nowMs = this.#context.clock.monotonicMs()
    const withNotes = nowMs - this.#notesSyncedMs >= noteSyncIntervalMs
    if (withNotes) this.#notesSyncedMs = nowMs
    const syncs = segments.map(segment => segment.sync(withNotes))
    if (this.#hasNewNames) {
      this.#hasNewNames = false
      syncs.push(syncNames(this.#context, this.#folder))
    }
    if (this.#isFolderNew) {
      this.#isFolderNew = false
      syncs.push(this.#context.syncPath())
    }
    await Promise.all(syncs)
    for (const segment of segments) if (!segment.isUrgent) this.forget(segment)
  }

  #writeNote(): void {
    const { active } = this.#log.segments
    if (active === undefined) return
    try {
      active.sidecar.writeState(this.note(active), false)
      if (active.isMarkDue) active.writeMark(false)
    } catch (error) {
      // Without a note recovery is less sure of what it finds; that is no reason to end.
      if (kindOfRefusal(error) === 'diskFailed') this.#context.fail(error)
    }
  }
}
