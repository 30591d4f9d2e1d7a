import { assert } from '../../base/assert.ts'
import { readWhole, type Files } from '../../io/files.ts'
import { CachedFile, type FileCache } from './file-cache.ts'
import {
  decodeIdentity,
  decodeJournal,
  decodeState,
  encodeJournalEntry,
  encodeSidecarHead,
  encodeState,
  entriesKept,
  journalEntryPosition,
  sealKey,
  statePosition,
  type DecodedIdentity,
  type JournalCut,
  type JournalEntry,
  type LogState,
  type Mark,
  type SegmentIdentity,
  type SegmentOwner
} from './sidecar-format.ts'

export interface SidecarContents {
  readonly identity: DecodedIdentity
  readonly state: LogState | null
  /** One of the two states does not hold. */
  readonly stateDamaged: boolean
  readonly journal: readonly JournalEntry[]
  /** How many entries the file has, those that count no more among them. */
  readonly journalCount: number
  /** Behind these entries the journal does not hold. */
  readonly journalDamaged: boolean
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
  readonly #key: number
  #sequence: number
  #journal: JournalEntry[]
  /** Entries in the file. */
  #journalCount: number
  #changeCount = 0
  #urgentChangeCount = 0
  #syncedChangeCount = 0

  private constructor(
    file: CachedFile,
    key: number,
    sequence: number,
    journal: readonly JournalEntry[],
    journalCount: number
  ) {
    this.file = file
    this.#key = key
    this.#sequence = sequence
    this.#journal = [...journal]
    this.#journalCount = journalCount
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
    const key = sealKey(identity)
    const entries = journal.map((entry, index) => encodeJournalEntry(entry, index, key))
    try {
      if (file.create().size() > 0) file.get().truncate(0)
      file.get().writeSync([head, ...entries], 0)
    } catch (error) {
      file.retire()
      throw error
    }
    const sidecar = new Sidecar(file, key, 0, journal, journal.length)
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
    owner: SegmentOwner,
    contents: SidecarContents,
    isDurable: boolean
  ): Sidecar {
    assert(contents.state !== null, 'a sidecar without a state is written anew')
    const file = new CachedFile(cache, path)
    const { state, journal, journalCount } = contents
    if (contents.journalDamaged) file.get().truncate(journalEntryPosition(journalCount))
    const sidecar = new Sidecar(file, sealKey(owner), state.sequence, journal, journalCount)
    if (!isDurable) sidecar.#changed(true)
    return sidecar
  }

  /**
   * What a sidecar says, as far as its checksums hold.
   *
   * @param owner whose sidecar it should be
   * @throws FileError when it cannot be read
   */
  static read(files: Files, path: string, owner: SegmentOwner): SidecarContents {
    const bytes = readWhole(files, path)
    const key = sealKey(owner)
    const { state, damaged } = decodeState(bytes, key)
    const journal = decodeJournal(bytes, key)
    return {
      identity: decodeIdentity(bytes),
      state,
      stateDamaged: damaged,
      journal: journal.entries,
      journalCount: journal.count,
      journalDamaged: journal.damaged
    }
  }

  /**
   * Whose sidecar it is.
   *
   * @throws FileError when it cannot be read
   */
  static readIdentity(files: Files, path: string): DecodedIdentity {
    return decodeIdentity(readWhole(files, path))
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

  /** Below which offset the log was clean when compaction had written this segment; -1: unknown. */
  get firstDirtyOffset(): number {
    const entry = this.#journal.findLast(each => each.kind === 'compaction')
    return entry?.firstDirtyOffset ?? -1
  }

  hasLeaderEpoch(leaderEpoch: number): boolean {
    return this.#journal.some(
      entry => entry.kind === 'leaderEpoch' && entry.leaderEpoch === leaderEpoch
    )
  }

  /** Notes what the log promises now, in the slot that does not hold the note before. */
  writeState(note: StateNote, isUrgent: boolean): void {
    const sequence = this.#sequence + 1
    const bytes = encodeState({ sequence, ...note }, this.#key)
    this.file.get().writeSync([bytes], statePosition(sequence))
    this.#sequence = sequence
    this.#changed(isUrgent)
  }

  append(entry: JournalEntry): void {
    this.#write(entry)
    this.#journal.push(entry)
    this.#changed(entry.kind === 'leaderEpoch')
  }

  /** Goes on without the entries about what is behind `position`, or from `endOffset` on. */
  cutJournal(position: number, endOffset: number): void {
    const cut: JournalCut = { kind: 'cut', position, endOffset }
    const kept = entriesKept(this.#journal, cut)
    if (kept.length === this.#journal.length) return
    this.#write(cut)
    this.#journal = kept
    this.#changed(true)
  }

  /** Whether these are the entries that were written. */
  isJournal(entries: readonly JournalEntry[]): boolean {
    const sealed = (entry: JournalEntry, index: number): string =>
      encodeJournalEntry(entry, index, this.#key).toString('latin1')
    return (
      entries.length === this.#journal.length &&
      entries.every((entry, index) => sealed(entry, index) === sealed(this.#journal[index]!, index))
    )
  }

  /** Writes everything again, over what has become of it on disk. */
  rewrite(identity: SegmentIdentity, note: StateNote): void {
    const sequence = this.#sequence + 1
    const head = encodeSidecarHead(identity, { sequence, ...note })
    const entries = this.#journal.map((entry, index) => encodeJournalEntry(entry, index, this.#key))
    const file = this.file.create()
    file.writeSync([head, ...entries], 0)
    file.truncate(journalEntryPosition(this.#journal.length))
    this.#journalCount = this.#journal.length
    this.#sequence = sequence
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

  #write(entry: JournalEntry | JournalCut): void {
    const bytes = encodeJournalEntry(entry, this.#journalCount, this.#key)
    this.file.get().writeSync([bytes], journalEntryPosition(this.#journalCount))
    this.#journalCount++
  }

  #changed(isUrgent: boolean): void {
    this.#changeCount++
    if (isUrgent) this.#urgentChangeCount = this.#changeCount
  }
}
