import { assert } from '../../base/assert.ts'
import type { Files } from '../../io/files.ts'
import { CachedFile, type FileCache } from './file-cache.ts'
import {
  decodeIdentity,
  decodeJournal,
  decodeState,
  encodeJournalEntry,
  encodeSidecarHead,
  encodeState,
  journalEntrySize,
  journalPosition,
  statePositions,
  type DecodedIdentity,
  type JournalEntry,
  type LogState,
  type Mark,
  type SegmentIdentity
} from './sidecar-format.ts'

export interface SidecarContents {
  readonly identity: DecodedIdentity
  readonly state: LogState | null
  readonly journal: readonly JournalEntry[]
  /** Something in the file does not hold; what is returned of it does. */
  readonly damaged: boolean
}

/** What changes of the state with each write. */
export type StateNote = Omit<LogState, 'sequence'>

/**
 * The sidecar of one segment on its way to disk. Writes go to the page cache, and to the disk with
 * a sync of the segment: the next one if they are urgent (somebody waits for them, or the segment
 * could not be understood without them), otherwise one that comes soon.
 */
export class Sidecar {
  readonly file: CachedFile
  #sequence: number
  #journal: JournalEntry[]
  #changeCount = 0
  #urgentChangeCount = 0
  #syncedChangeCount = 0

  private constructor(file: CachedFile, sequence: number, journal: readonly JournalEntry[]) {
    this.file = file
    this.#sequence = sequence
    this.#journal = [...journal]
  }

  /** Writes a new sidecar, over one that may be there. */
  static create(
    cache: FileCache,
    path: string,
    identity: SegmentIdentity,
    note: StateNote,
    journal: readonly JournalEntry[]
  ): Sidecar {
    const file = new CachedFile(cache, path)
    const head = encodeSidecarHead(identity, { sequence: 0, ...note })
    if (file.create().size() > 0) file.get().truncate(0)
    file.get().writeSync([head, ...journal.map(encodeJournalEntry)], 0)
    const sidecar = new Sidecar(file, 0, journal)
    sidecar.#changed(true)
    return sidecar
  }

  /**
   * Goes on with a sidecar that was read, without what is damaged behind its journal.
   *
   * @param isDurable false when a crash may have left a part of it in the page cache only
   */
  static reopen(
    cache: FileCache,
    path: string,
    contents: SidecarContents,
    isDurable: boolean
  ): Sidecar {
    assert(contents.state !== null, 'a sidecar without a state is written anew')
    const file = new CachedFile(cache, path)
    if (contents.damaged) {
      file.get().truncate(journalPosition + contents.journal.length * journalEntrySize)
    }
    const sidecar = new Sidecar(file, contents.state.sequence, contents.journal)
    if (!isDurable) sidecar.#changed(true)
    return sidecar
  }

  /**
   * What a sidecar says, as far as its checksums hold.
   *
   * @throws FileError when it cannot be read
   */
  static read(files: Files, path: string): SidecarContents {
    const file = files.open(path, 'read')
    try {
      const buffer = Buffer.allocUnsafe(file.size())
      const bytes = buffer.subarray(0, file.readSync(buffer, 0))
      const journal = decodeJournal(bytes)
      return {
        identity: decodeIdentity(bytes),
        state: decodeState(bytes),
        journal: journal.entries,
        damaged: journal.damaged
      }
    } finally {
      file.close()
    }
  }

  /** Whether something was written that no sync has covered yet. */
  get isDirty(): boolean {
    return this.#changeCount !== this.#syncedChangeCount
  }

  /** Whether something of that has to be covered by the next sync. */
  get isUrgent(): boolean {
    return this.#urgentChangeCount > this.#syncedChangeCount
  }

  get marks(): readonly Mark[] {
    return this.#journal.filter(entry => entry.kind === 'mark')
  }

  hasLeaderEpoch(leaderEpoch: number): boolean {
    return this.#journal.some(
      entry => entry.kind === 'leaderEpoch' && entry.leaderEpoch === leaderEpoch
    )
  }

  /** Notes what the log promises now, in the slot that does not hold the note before. */
  writeState(note: StateNote, isUrgent: boolean): void {
    const sequence = this.#sequence + 1
    this.file.get().writeSync([encodeState({ sequence, ...note })], statePositions[sequence % 2]!)
    this.#sequence = sequence
    this.#changed(isUrgent)
  }

  append(entry: JournalEntry): void {
    const position = journalPosition + this.#journal.length * journalEntrySize
    this.file.get().writeSync([encodeJournalEntry(entry)], position)
    this.#journal.push(entry)
    this.#changed(entry.kind === 'leaderEpoch')
  }

  /** Keeps the entries about what is before `position` and below `endOffset`. */
  truncateJournal(position: number, endOffset: number): void {
    this.#journal = this.#journal.filter(entry =>
      entry.kind === 'mark' ? entry.position <= position : entry.startOffset < endOffset
    )
    const file = this.file.get()
    file.writeSync(this.#journal.map(encodeJournalEntry), journalPosition)
    file.truncate(journalPosition + this.#journal.length * journalEntrySize)
    this.#changed(true)
  }

  async sync(): Promise<void> {
    const changeCount = this.#changeCount
    this.file.pin()
    try {
      await this.file.get().datasync()
    } finally {
      this.file.unpin()
    }
    this.#syncedChangeCount = changeCount
  }

  #changed(isUrgent: boolean): void {
    this.#changeCount++
    if (isUrgent) this.#urgentChangeCount = this.#changeCount
  }
}
