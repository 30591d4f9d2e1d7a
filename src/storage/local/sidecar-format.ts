import { assert } from '../../base/assert.ts'
import { crc32c } from '../../record/crc32c.ts'
import { readInt64, writeInt64 } from './int64.ts'

// What a sidecar (`<base offset>.odradek`) holds, byte by byte; all numbers big-endian, as in
// Kafka's files.
//
//      0  identity, 256 bytes   whose segment this is; written once
// 512 state, 40 bytes two slots that are written in turn: a write that the power cuts tears one of
// them, in a
//   1024  state, 40 bytes       sector of its own, and the other still says what was true before
// 1536 journal marks and leader epochs, 64 bytes each, in the order in which they happened
//
// Every part ends with the CRC-32C of what is before it. Why there is no entry per batch: the CRC
// of a batch covers all but its first 21 bytes, and these follow from what is checked already.
// Offsets of a segment are contiguous, so the base offset is one more than the last offset before
// it, back to an index entry (under a mark's CRC) or the segment's first offset; the length decides
// which bytes the CRC is taken of; magic has one legal value; the leader epoch is the one that the
// journal names for the offset. Reads compare all of them (`batch-check.ts`). A segment that
// compaction has rewritten has gaps, and will need an entry per batch: that is a flag in the
// identity, and written in bulk.

export const sidecarFormatVersion = 1

const signature = Buffer.from('ODRADEK\0', 'latin1')
const identitySize = 256
const clusterIdAt = 48
export const clusterIdSizeMax = identitySize - clusterIdAt - 1 - 4

export const stateSize = 40
export const statePositions: readonly [number, number] = [512, 1024]
export const journalPosition = 1536
export const journalEntrySize = 64

const markKind = 1
const leaderEpochKind = 2

export interface SegmentIdentity {
  readonly clusterId: string
  /** 16 bytes. */
  readonly topicId: Buffer
  readonly partition: number
  readonly baseOffset: number
  readonly createdMs: number
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

export type JournalEntry = Mark | LeaderEpochEntry

/** The first bytes of a new sidecar, up to the journal. */
export function encodeSidecarHead(identity: SegmentIdentity, state: LogState): Buffer {
  const head = Buffer.alloc(journalPosition)
  signature.copy(head)
  head.writeInt16BE(sidecarFormatVersion, 8)
  head.writeInt32BE(identity.partition, 12)
  writeInt64(head, identity.baseOffset, 16)
  identity.topicId.copy(head, 24, 0, 16)
  writeInt64(head, identity.createdMs, 40)
  const clusterId = Buffer.from(identity.clusterId)
  assert(clusterId.length <= clusterIdSizeMax, 'the cluster id fits into a sidecar')
  head[clusterIdAt] = clusterId.length
  clusterId.copy(head, clusterIdAt + 1)
  seal(head, 0, identitySize)
  encodeState(state).copy(head, statePositions[0])
  return head
}

export type DecodedIdentity = SegmentIdentity | 'damaged' | 'newer'

export function decodeIdentity(bytes: Buffer): DecodedIdentity {
  if (bytes.length < identitySize || !bytes.subarray(0, 8).equals(signature)) return 'damaged'
  if (!isSealed(bytes, 0, identitySize)) return 'damaged'
  if (bytes.readInt16BE(8) > sidecarFormatVersion) return 'newer'
  return {
    partition: bytes.readInt32BE(12),
    baseOffset: readInt64(bytes, 16),
    topicId: Buffer.from(bytes.subarray(24, 40)),
    createdMs: readInt64(bytes, 40),
    clusterId: bytes.toString('utf8', clusterIdAt + 1, clusterIdAt + 1 + bytes[clusterIdAt]!)
  }
}

export function encodeState(state: LogState): Buffer {
  const bytes = Buffer.alloc(stateSize)
  writeInt64(bytes, state.sequence, 0)
  writeInt64(bytes, state.logStartOffset, 8)
  writeInt64(bytes, state.durableEndOffset, 16)
  writeInt64(bytes, state.durablePosition, 24)
  seal(bytes, 0, stateSize)
  return bytes
}

/** The newer of the two states; null when both slots are damaged. */
export function decodeState(bytes: Buffer): LogState | null {
  let newest: LogState | null = null
  for (const at of statePositions) {
    if (bytes.length < at + stateSize || !isSealed(bytes, at, stateSize)) continue
    const sequence = readInt64(bytes, at)
    if (newest !== null && newest.sequence > sequence) continue
    newest = {
      sequence,
      logStartOffset: readInt64(bytes, at + 8),
      durableEndOffset: readInt64(bytes, at + 16),
      durablePosition: readInt64(bytes, at + 24)
    }
  }
  return newest
}

export function encodeJournalEntry(entry: JournalEntry): Buffer {
  const bytes = Buffer.alloc(journalEntrySize)
  if (entry.kind === 'leaderEpoch') {
    bytes[0] = leaderEpochKind
    bytes.writeInt32BE(entry.leaderEpoch, 4)
    writeInt64(bytes, entry.startOffset, 8)
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
  seal(bytes, 0, journalEntrySize)
  return bytes
}

/**
 * The entries of the journal up to the first damaged one, which hides whatever is behind it: marks
 * build on those before them. `damaged` says that something was hidden.
 */
export function decodeJournal(bytes: Buffer): {
  readonly entries: readonly JournalEntry[]
  readonly damaged: boolean
} {
  const entries: JournalEntry[] = []
  if (bytes.length < journalPosition) return { entries, damaged: true }
  for (let at = journalPosition; at < bytes.length; at += journalEntrySize) {
    const entry = decodeJournalEntry(bytes, at)
    if (entry === null) return { entries, damaged: true }
    entries.push(entry)
  }
  return { entries, damaged: false }
}

function decodeJournalEntry(bytes: Buffer, at: number): JournalEntry | null {
  if (at + journalEntrySize > bytes.length || !isSealed(bytes, at, journalEntrySize)) return null
  if (bytes[at] === leaderEpochKind) {
    return {
      kind: 'leaderEpoch',
      leaderEpoch: bytes.readInt32BE(at + 4),
      startOffset: readInt64(bytes, at + 8)
    }
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

function seal(bytes: Buffer, at: number, size: number): void {
  bytes.writeUInt32BE(crc32c(bytes, at, at + size - 4), at + size - 4)
}

function isSealed(bytes: Buffer, at: number, size: number): boolean {
  return bytes.readUInt32BE(at + size - 4) === crc32c(bytes, at, at + size - 4)
}
