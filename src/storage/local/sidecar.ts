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
 * The sidecar of one segment on its way to disk. Writes go to the page cache; `sync` makes them
 * durable, and rides with the sync of the segment that comes after them.
 */
export class Sidecar {
  readonly file: CachedFile
  #sequence: number
  #journal: JournalEntry[]
  #changeCount = 0
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
    file.create().truncate(0)
    file.get().writeSync([head, ...journal.map(encodeJournalEntry)], 0)
    const sidecar = new Sidecar(file, 0, journal)
    sidecar.#changeCount++
    return sidecar
  }

  /** Goes on with a sidecar that was read, without what is damaged behind its journal. */
  static reopen(cache: FileCache, path: string, contents: SidecarContents): Sidecar {
    assert(contents.state !== null, 'a sidecar without a state is written anew')
    const file = new CachedFile(cache, path)
    if (contents.damaged) {
      file.get().truncate(journalPosition + contents.journal.length * journalEntrySize)
    }
    return new Sidecar(file, contents.state.sequence, contents.journal)
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

  get marks(): readonly Mark[] {
    return this.#journal.filter(entry => entry.kind === 'mark')
  }

  /** Notes what the log promises now, in the slot that does not hold the note before. */
  writeState(note: StateNote): void {
    const sequence = this.#sequence + 1
    this.file.get().writeSync([encodeState({ sequence, ...note })], statePositions[sequence % 2]!)
    this.#sequence = sequence
    this.#changeCount++
  }

  append(entry: JournalEntry): void {
    const position = journalPosition + this.#journal.length * journalEntrySize
    this.file.get().writeSync([encodeJournalEntry(entry)], position)
    this.#journal.push(entry)
    this.#changeCount++
  }

  /** Keeps the entries about what is before `position` and below `endOffset`. */
  truncateJournal(position: number, endOffset: number): void {
    this.#journal = this.#journal.filter(entry =>
      entry.kind === 'mark' ? entry.position <= position : entry.startOffset < endOffset
    )
    const file = this.file.get()
    file.writeSync(this.#journal.map(encodeJournalEntry), journalPosition)
    file.truncate(journalPosition + this.#journal.length * journalEntrySize)
    this.#changeCount++
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
}
