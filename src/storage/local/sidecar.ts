import { assert } from '../../base/assert.ts'
import { readWhole, type Files } from '../../io/files.ts'
import { CachedFile, type FileCache } from './file-cache.ts'
import { temporarySuffix } from './file-names.ts'
import {
  decodeIdentity,
  decodeJournal,
  decodeState,
  encodeJournalEntry,
  encodeSidecar,
  encodeSidecarHead,
  encodeState,
  entriesKept,
  headPartSize,
  isPaddingZero,
  journalEntryPosition,
  sealKey,
  statePartHolds,
  statePosition,
  statePositions,
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
  /** Something stands where nothing is ever written. */
  readonly paddingDamaged: boolean
  readonly journal: readonly JournalEntry[]
  /** All entries that the file has, those that count no more among them. */
  readonly written: ReadonlyArray<JournalEntry | JournalCut>
  /** Behind these entries the journal does not hold. */
  readonly journalDamaged: boolean
}

/** Which parts of a sidecar do not hold; none when it is as it was written. */
export function damagedParts(contents: SidecarContents): readonly string[] {
  const { identity, state, stateDamaged, paddingDamaged, journalDamaged } = contents
  return [
    ...(identity === 'damaged' ? ['identity'] : []),
    ...(stateDamaged || state === null ? ['state'] : []),
    ...(journalDamaged ? ['journal'] : []),
    ...(paddingDamaged ? ['padding'] : [])
  ]
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
  /** What the newest of the two states says. */
  #note: StateNote
  /** The entries of the file. */
  readonly #written: (JournalEntry | JournalCut)[]
  /** Those of them that count. */
  #journal: JournalEntry[]
  #changeCount = 0
  #urgentChangeCount = 0
  #syncedChangeCount = 0

  private constructor(
    file: CachedFile,
    key: number,
    { sequence, ...note }: LogState,
    { journal, written }: Pick<SidecarContents, 'journal' | 'written'>
  ) {
    this.file = file
    this.#key = key
    this.#sequence = sequence
    this.#note = note
    this.#written = [...written]
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
    const state = { sequence: 0, ...note }
    const pieces = encodeSidecar(identity, state, journal)
    try {
      if (file.create().size() > 0) file.get().truncate(0)
      file.get().writeSync(pieces, 0)
    } catch (error) {
      file.retire()
      throw error
    }
    const sidecar = new Sidecar(file, sealKey(identity), state, { journal, written: journal })
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
    const { state, written, journalDamaged } = contents
    if (journalDamaged) file.get().truncate(journalEntryPosition(written.length))
    const sidecar = new Sidecar(file, sealKey(owner), state, contents)
    if (!isDurable) {
      sidecar.#writeAgain()
      sidecar.#changed(true)
    }
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
      paddingDamaged: !isPaddingZero(bytes),
      journal: journal.entries,
      written: journal.written,
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
    this.#note = note
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

  /**
   * Holds the file against what was written to it, and writes again what it no longer says: those
   * parts and no others, so that a crash on the way takes nothing that still held.
   *
   * @returns whether something had to be written
   * @throws FileError when the system refuses
   */
  mend(identity: SegmentIdentity): boolean {
    const file = this.file.get()
    const found = Buffer.alloc(file.size())
    file.readSync(found, 0)
    let isMended = false
    for (const { position, bytes } of this.#parts(identity, found)) {
      if (found.subarray(position, position + bytes.length).equals(bytes)) continue
      file.writeSync([bytes], position)
      isMended = true
    }
    const size = journalEntryPosition(this.#written.length)
    if (found.length > size) {
      file.truncate(size)
      isMended = true
    }
    if (isMended) this.#changed(true)
    return isMended
  }

  /**
   * Writes a file that is gone once more, durably: it has its name when all of it is on disk.
   *
   * @returns whether it was written; false when something else was noted meanwhile
   * @throws FileError when the system refuses
   */
  async restore(files: Files, identity: SegmentIdentity): Promise<boolean> {
    const { path } = this.file
    const changeCount = this.#changeCount
    const aside = path + temporarySuffix
    const state = { sequence: this.#sequence, ...this.#note }
    const copy = files.open(aside, 'create')
    try {
      copy.truncate(0)
      copy.writeSync([encodeSidecarHead(identity, state), ...this.#entries()], 0)
      await copy.datasync()
    } finally {
      copy.close()
    }
    if (this.#changeCount !== changeCount || files.exists(path)) {
      files.remove(aside)
      return false
    }
    files.rename(aside, path)
    // What may be open is the file that has lost its name.
    this.file.close()
    this.#syncedChangeCount = changeCount
    await files.syncDirectory(path.slice(0, path.lastIndexOf('/')))
    return true
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

  /**
   * Writes what the file holds once more: a sync that failed in an earlier life may have left it in
   * the page cache alone, where another sync would pass over it.
   */
  #writeAgain(): void {
    const file = this.file.get()
    const bytes = Buffer.alloc(file.size())
    file.writeSync([bytes.subarray(0, file.readSync(bytes, 0))], 0)
  }

  #write(entry: JournalEntry | JournalCut): void {
    const index = this.#written.length
    const bytes = encodeJournalEntry(entry, index, this.#key)
    this.file.get().writeSync([bytes], journalEntryPosition(index))
    this.#written.push(entry)
  }

  #entries(): readonly Buffer[] {
    return this.#written.map((entry, index) => encodeJournalEntry(entry, index, this.#key))
  }

  /**
   * The parts that the file has to consist of, the newest state before the older one. Of that one
   * nothing is known but whether it holds; where it does not, the newest state is noted once more.
   */
  *#parts(identity: SegmentIdentity, found: Buffer): Generator<SidecarPart> {
    const head = encodeSidecarHead(identity, { sequence: this.#sequence, ...this.#note })
    yield partOf(head, 0)
    yield partOf(head, statePosition(this.#sequence))
    const older = statePositions.find(at => at !== statePosition(this.#sequence))!
    if (!statePartHolds(found, older, this.#key)) {
      const state = { sequence: ++this.#sequence, ...this.#note }
      yield partOf(encodeSidecarHead(identity, state), older)
    }
    for (const [index, bytes] of this.#entries().entries()) {
      yield { position: journalEntryPosition(index), bytes }
    }
  }

  #changed(isUrgent: boolean): void {
    this.#changeCount++
    if (isUrgent) this.#urgentChangeCount = this.#changeCount
  }
}

/** Bytes that are written and checked together. */
interface SidecarPart {
  readonly position: number
  readonly bytes: Buffer
}

function partOf(head: Buffer, position: number): SidecarPart {
  return { position, bytes: head.subarray(position, position + headPartSize) }
}
