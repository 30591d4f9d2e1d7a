import { assert } from '../../base/assert.ts'
import { crc32c } from '../../record/crc32c.ts'
import { readInt64, writeInt64 } from './int64.ts'

// What a sidecar (`<base offset>.odradek`) holds, byte by byte; all numbers big-endian, as in
// Kafka's files.
//
//      0  identity, 256 bytes  whose segment this is; written once
//    512  state, 40 bytes      two slots that are written in turn, in sectors of their own:
//   1024  state, 40 bytes      a write that the power tears leaves what was true before
//   1536  journal              marks, leader epochs, compactions and cuts, 64 bytes each, in the
//                              order they happened; nothing in it is written over, since a write
//                              over what was promised may be the one that the power tears
//
// What is between these parts is zeros, and has to stay zeros: a flipped bit there tells of a disk
// that loses more than that.
//
// Every part ends with the CRC-32C of what is before it. Those of states and journal entries are
// mixed with a key that follows from the segment and with their position: one that the disk has put
// into another sidecar, or elsewhere in this one, does not hold there.
//
// Why there is no entry per batch: the CRC of a batch covers all but its first 21 bytes, and these
// follow from what is checked already. Offsets of a segment are contiguous, so the base offset is
// one more than the last offset before it, back to an index entry (under a mark's CRC) or the
// segment's first offset; the length decides which bytes the CRC is taken of; magic has one legal
// value; the leader epoch is the one that the journal names for the offset. Reads compare all of
// them (`batch-check.ts`).
//
// A segment that compaction has written is sparse: its offsets have gaps. Its identity says so, in
// format version 2, and a table beside it names every batch (`batch-table.ts`).

export const sidecarFormatVersion = 2
/** What a segment without gaps is written in: programs that know nothing of gaps can read it. */
const denseFormatVersion = 1
const sparseFlag = 1

const signature = Buffer.from('ODRADEK\0', 'latin1')
const identitySize = 256
const clusterIdAt = 48
export const clusterIdSizeMax = identitySize - clusterIdAt - 1 - 4

/** The identity and both states have as many bytes for themselves. */
export const headPartSize = 512
export const stateSize = 40
export const statePositions: readonly [number, number] = [headPartSize, 2 * headPartSize]
export const journalPosition = 3 * headPartSize
export const journalEntrySize = 64

const markKind = 1
const leaderEpochKind = 2
const compactionKind = 3
const cutKind = 4

export interface SegmentIdentity {
  readonly clusterId: string
  /** 16 bytes. */
  readonly topicId: Buffer
  readonly partition: number
  readonly baseOffset: number
  readonly createdMs: number
  /** Whether compaction has written the segment: its offsets have gaps, and it takes no appends. */
  readonly isSparse: boolean
}

/** What is known of a segment before its sidecar is read. */
export type SegmentOwner = Omit<SegmentIdentity, 'createdMs' | 'isSparse'>

/** The key that ties the states and the journal of a sidecar to their segment. */
export function sealKey({ clusterId, topicId, partition, baseOffset }: SegmentOwner): number {
  const head = Buffer.alloc(12)
  head.writeInt32BE(partition)
  writeInt64(head, baseOffset, 4)
  const bytes = Buffer.concat([head, topicId, Buffer.from(clusterId)])
  return crc32c(bytes, 0, bytes.length)
}

/** What the log promised when the slot was written; the newest slot counts. */
export interface LogState {
  /** Rises with each write. */
  readonly sequence: number
  readonly logStartOffset: number
  /**
   * Everything below was synced before this was written: a fault there is rot, never a torn write.
   */
  readonly durableEndOffset: number
  /** Where `durableEndOffset` is in this segment, bytes. */
  readonly durablePosition: number
}

/**
 * What was true of the segment and its index files when everything before `position` had been
 * appended.
 */
export interface Mark {
  readonly kind: 'mark'
  readonly position: number
  readonly endOffset: number
  readonly offsetIndexCount: number
  readonly timeIndexCount: number
  /** Of the index entries that came after the mark before this one. */
  readonly offsetIndexCrc: number
  readonly timeIndexCrc: number
  /** -1: no batch has a timestamp. */
  readonly largestTimestampMs: number
  readonly offsetOfLargestTimestamp: number
  readonly firstBatchTimestampMs: number
  /** Bytes appended since the batch that the last index entry names. */
  readonly sizeSinceIndexEntry: number
}

/**
 * A leader epoch whose first batch is in this segment, or that was in force when the segment began.
 */
export interface LeaderEpochEntry {
  readonly kind: 'leaderEpoch'
  readonly leaderEpoch: number
  readonly startOffset: number
}

/** Said by the last segment of a compaction: the log below this offset is clean. */
export interface CompactionEntry {
  readonly kind: 'compaction'
  readonly firstDirtyOffset: number
}

export type JournalEntry = Mark | LeaderEpochEntry | CompactionEntry

/** Marks behind `position`, and leader epochs that begin at `endOffset` or later, count no more. */
export interface JournalCut {
  readonly kind: 'cut'
  readonly position: number
  /** At most `Number.MAX_SAFE_INTEGER`, which takes no leader epoch away. */
  readonly endOffset: number
}

/** The entries that a cut leaves. */
export function entriesKept(entries: readonly JournalEntry[], cut: JournalCut): JournalEntry[] {
  return entries.filter(entry => {
    if (entry.kind === 'mark') return entry.position <= cut.position
    return entry.kind === 'compaction' || entry.startOffset < cut.endOffset
  })
}

/** The first bytes of a new sidecar, up to the journal. */
export function encodeSidecarHead(identity: SegmentIdentity, state: LogState): Buffer {
  const head = Buffer.alloc(journalPosition)
  signature.copy(head)
  head.writeInt16BE(identity.isSparse ? sidecarFormatVersion : denseFormatVersion, 8)
  head.writeInt16BE(identity.isSparse ? sparseFlag : 0, 10)
  head.writeInt32BE(identity.partition, 12)
  writeInt64(head, identity.baseOffset, 16)
  identity.topicId.copy(head, 24, 0, 16)
  writeInt64(head, identity.createdMs, 40)
  const clusterId = Buffer.from(identity.clusterId)
  assert(clusterId.length <= clusterIdSizeMax, 'the cluster id fits into a sidecar')
  head[clusterIdAt] = clusterId.length
  clusterId.copy(head, clusterIdAt + 1)
  seal(head, 0, identitySize, 0)
  encodeState(state, sealKey(identity)).copy(head, statePosition(state.sequence))
  return head
}

export type DecodedIdentity = SegmentIdentity | 'damaged' | 'newer'

export function decodeIdentity(bytes: Buffer): DecodedIdentity {
  if (bytes.length < identitySize || !bytes.subarray(0, 8).equals(signature)) return 'damaged'
  if (!isSealed(bytes, 0, identitySize, 0)) return 'damaged'
  if (bytes.readInt16BE(8) > sidecarFormatVersion) return 'newer'
  return {
    partition: bytes.readInt32BE(12),
    baseOffset: readInt64(bytes, 16),
    topicId: Buffer.from(bytes.subarray(24, 40)),
    createdMs: readInt64(bytes, 40),
    isSparse: (bytes.readInt16BE(10) & sparseFlag) !== 0,
    clusterId: bytes.toString('utf8', clusterIdAt + 1, clusterIdAt + 1 + bytes[clusterIdAt]!)
  }
}

/** Whether nothing is written between the identity, the states and the journal. */
export function isPaddingZero(bytes: Buffer): boolean {
  const isZero = (from: number, to: number): boolean =>
    bytes.subarray(from, to).every(byte => byte === 0)
  return (
    isZero(identitySize, headPartSize) &&
    statePositions.every(at => isZero(at + stateSize, at + headPartSize))
  )
}

/** Whether there is a state at `at`, or none yet, and nothing behind it. */
export function statePartHolds(bytes: Buffer, at: number, key: number): boolean {
  const part = bytes.subarray(at, at + headPartSize)
  const isZeroFrom = (from: number): boolean => part.subarray(from).every(byte => byte === 0)
  if (isZeroFrom(0)) return true
  return part.length >= stateSize && isZeroFrom(stateSize) && isSealed(part, 0, stateSize, key ^ at)
}

/** The slot of a state: the two are written in turn. */
export function statePosition(sequence: number): number {
  return statePositions[sequence % 2]!
}

/** The bytes of a state, to be put at its `statePosition`. */
export function encodeState(state: LogState, key: number): Buffer {
  const bytes = Buffer.alloc(stateSize)
  writeInt64(bytes, state.sequence, 0)
  writeInt64(bytes, state.logStartOffset, 8)
  writeInt64(bytes, state.durableEndOffset, 16)
  writeInt64(bytes, state.durablePosition, 24)
  seal(bytes, 0, stateSize, key ^ statePosition(state.sequence))
  return bytes
}

/**
 * The newer of the two states, null when both slots are damaged. `damaged` says that one of them
 * was written and does not hold: a write that the power has torn, or rot.
 */
export function decodeState(
  bytes: Buffer,
  key: number
): { readonly state: LogState | null; readonly damaged: boolean } {
  let newest: LogState | null = null
  let damaged = false
  for (const at of statePositions) {
    if (bytes.length < at + stateSize || !isSealed(bytes, at, stateSize, key ^ at)) {
      damaged ||= bytes.subarray(at, at + stateSize).some(byte => byte !== 0)
      continue
    }
    const sequence = readInt64(bytes, at)
    if (newest !== null && newest.sequence > sequence) continue
    newest = {
      sequence,
      logStartOffset: readInt64(bytes, at + 8),
      durableEndOffset: readInt64(bytes, at + 16),
      durablePosition: readInt64(bytes, at + 24)
    }
  }
  return { state: newest, damaged }
}

export function journalEntryPosition(index: number): number {
  return journalPosition + index * journalEntrySize
}

/** All bytes of a new sidecar, in pieces: its head, and the entries of its journal. */
export function encodeSidecar(
  identity: SegmentIdentity,
  state: LogState,
  journal: readonly JournalEntry[]
): readonly Buffer[] {
  const key = sealKey(identity)
  const entries = journal.map((entry, index) => encodeJournalEntry(entry, index, key))
  return [encodeSidecarHead(identity, state), ...entries]
}

/** The bytes of the `index`-th entry of a journal. */
export function encodeJournalEntry(
  entry: JournalEntry | JournalCut,
  index: number,
  key: number
): Buffer {
  const bytes = Buffer.alloc(journalEntrySize)
  if (entry.kind === 'leaderEpoch') {
    bytes[0] = leaderEpochKind
    bytes.writeInt32BE(entry.leaderEpoch, 4)
    writeInt64(bytes, entry.startOffset, 8)
  } else if (entry.kind === 'compaction') {
    bytes[0] = compactionKind
    writeInt64(bytes, entry.firstDirtyOffset, 8)
  } else if (entry.kind === 'cut') {
    bytes[0] = cutKind
    writeInt64(bytes, entry.endOffset, 8)
    bytes.writeUInt32BE(entry.position, 16)
  } else {
    bytes[0] = markKind
    bytes.writeUInt32BE(entry.offsetIndexCount, 4)
    writeInt64(bytes, entry.endOffset, 8)
    bytes.writeUInt32BE(entry.position, 16)
    bytes.writeUInt32BE(entry.timeIndexCount, 20)
    bytes.writeUInt32BE(entry.offsetIndexCrc, 24)
    bytes.writeUInt32BE(entry.timeIndexCrc, 28)
    writeInt64(bytes, entry.largestTimestampMs, 32)
    writeInt64(bytes, entry.offsetOfLargestTimestamp, 40)
    writeInt64(bytes, entry.firstBatchTimestampMs, 48)
    bytes.writeUInt32BE(entry.sizeSinceIndexEntry, 56)
  }
  seal(bytes, 0, journalEntrySize, key ^ journalEntryPosition(index))
  return bytes
}

/**
 * The entries of the journal up to the first damaged one, which hides whatever is behind it: marks
 * build on those before them. Those that a later cut has taken away are left out.
 */
export function decodeJournal(
  bytes: Buffer,
  key: number
): {
  readonly entries: readonly JournalEntry[]
  /** The sound ones in the file, cuts and what they took away among them. */
  readonly written: ReadonlyArray<JournalEntry | JournalCut>
  /** Something is hidden. */
  readonly damaged: boolean
} {
  let entries: JournalEntry[] = []
  const written: (JournalEntry | JournalCut)[] = []
  if (bytes.length < journalPosition) return { entries, written, damaged: true }
  for (let at = journalPosition; at < bytes.length; at += journalEntrySize) {
    const entry = decodeJournalEntry(bytes, at, key)
    if (entry === null) return { entries, written, damaged: true }
    if (entry.kind === 'cut') entries = entriesKept(entries, entry)
    else entries.push(entry)
    written.push(entry)
  }
  return { entries, written, damaged: false }
}

function decodeJournalEntry(
  bytes: Buffer,
  at: number,
  key: number
): JournalEntry | JournalCut | null {
  if (at + journalEntrySize > bytes.length) return null
  if (!isSealed(bytes, at, journalEntrySize, key ^ at)) return null
  if (bytes[at] === leaderEpochKind) {
    return {
      kind: 'leaderEpoch',
      leaderEpoch: bytes.readInt32BE(at + 4),
      startOffset: readInt64(bytes, at + 8)
    }
  }
  if (bytes[at] === compactionKind) {
    return { kind: 'compaction', firstDirtyOffset: readInt64(bytes, at + 8) }
  }
  if (bytes[at] === cutKind) {
    const endOffset = readInt64(bytes, at + 8)
    return { kind: 'cut', position: bytes.readUInt32BE(at + 16), endOffset }
  }
  if (bytes[at] !== markKind) return null
  return {
    kind: 'mark',
    offsetIndexCount: bytes.readUInt32BE(at + 4),
    endOffset: readInt64(bytes, at + 8),
    position: bytes.readUInt32BE(at + 16),
    timeIndexCount: bytes.readUInt32BE(at + 20),
    offsetIndexCrc: bytes.readUInt32BE(at + 24),
    timeIndexCrc: bytes.readUInt32BE(at + 28),
    largestTimestampMs: readInt64(bytes, at + 32),
    offsetOfLargestTimestamp: readInt64(bytes, at + 40),
    firstBatchTimestampMs: readInt64(bytes, at + 48),
    sizeSinceIndexEntry: bytes.readUInt32BE(at + 56)
  }
}

/** Puts the checksum of a part behind it, tied to `key`: in the last 4 of its `size` bytes. */
export function seal(bytes: Buffer, at: number, size: number, key: number): void {
  bytes.writeUInt32BE(checksum(bytes, at, size, key), at + size - 4)
}

/** Whether the part is as it was sealed with that key. */
export function isSealed(bytes: Buffer, at: number, size: number, key: number): boolean {
  return bytes.readUInt32BE(at + size - 4) === checksum(bytes, at, size, key)
}

function checksum(bytes: Buffer, at: number, size: number, key: number): number {
  return (crc32c(bytes, at, at + size - 4) ^ key) >>> 0
}
