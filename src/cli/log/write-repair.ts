import type { Clock } from '../../io/clock.ts'
import type { Files, OpenFile } from '../../io/files.ts'
import { replaceFile } from '../../storage/local/checkpoint.ts'
import {
  lostAndFoundName,
  partitionFolderName,
  temporarySuffix
} from '../../storage/local/file-names.ts'
import { epochEntries } from '../../storage/local/leader-epochs.ts'
import { isFileError } from '../../storage/local/read-steps.ts'
import { SavedChecksum, savedLine } from '../../storage/local/saved-bytes.ts'
import {
  encodeSidecar,
  type LeaderEpochEntry,
  type LogState,
  type SegmentIdentity
} from '../../storage/local/sidecar-format.ts'
import type { ReadBatchTable } from '../../storage/local/batch-table.ts'
import type { LogTarget } from './log-target.ts'
import type { PartitionFolder, SegmentFiles } from './partition-folder.ts'
import { gapBatches, type RepairPiece, type SegmentRepair } from './repair-plan.ts'
import { nextBaseOffset } from './segment-scan.ts'
import { toJson } from './views.ts'
import { writeSparseRepair } from './write-sparse-repair.ts'

/** Bytes that are copied at a time. */
const copyChunkSize = 1024 * 1024
/** What the disk does not give back is looked for in pieces of this size, bytes. */
const blockSize = 4096

export interface RepairToWrite {
  readonly files: Files
  readonly clock: Clock
  readonly target: LogTarget
  readonly folder: PartitionFolder
  readonly segment: SegmentFiles
  readonly repair: SegmentRepair
  readonly wallMs: number
  readonly say: (line: string) => void
}

/**
 * Writes a repaired segment beside the damaged one and puts it in its place. A crash at any moment
 * leaves a log that starts: the sidecar goes first, with no mark in it, so that it is true of the
 * old file and of the new one; indexes are made anew by the next start.
 *
 * @throws FileError when a file cannot be written
 */
export async function writeRepair(work: RepairToWrite): Promise<void> {
  const { files, folder, segment, say } = work
  await keepLostBytes(work)
  if (segment.batchTable !== null) {
    await writeSparse(work, segment.batchTable)
    say(`${segment.logPath} is repaired`)
    return
  }
  const { durablePosition } = await writeLog(work, segment.logPath + temporarySuffix)
  const state = stateOf(work)
  await writeSidecar(work, { ...state, sequence: state.sequence + 1 })
  files.rename(segment.logPath + temporarySuffix, segment.logPath)
  await files.syncDirectory(folder.path)
  await writeSidecar(work, { ...state, sequence: state.sequence + 2, durablePosition })
  for (const path of [segment.offsetIndexPath, segment.timeIndexPath]) {
    if (files.exists(path)) files.remove(path)
  }
  await files.syncDirectory(folder.path)
  say(`${segment.logPath} is repaired`)
}

async function writeSparse(work: RepairToWrite, { head }: ReadBatchTable): Promise<void> {
  const { files, clock, target, folder, segment, repair } = work
  const { logStartOffset, durableEndOffset } = stateOf(work)
  const journal = segment.sidecar?.journal ?? []
  const mark = journal.findLast(entry => entry.kind === 'mark')
  const endOffset = nextBaseOffset(folder, segment)
  await writeSparseRepair({
    files,
    clock,
    directory: target.directory,
    folder: folder.path,
    logPath: segment.logPath,
    repair,
    identity: { ...identityOf(work), isSparse: true },
    endOffset: head?.endOffset ?? mark?.endOffset ?? endOffset,
    note: { logStartOffset, durableEndOffset, durablePosition: 0 },
    journal: [...epochsOf(work), ...journal.filter(entry => entry.kind === 'compaction')]
  })
}

/** Copies what is about to go, and notes the repair beside it. */
async function keepLostBytes(work: RepairToWrite): Promise<void> {
  const { files, target, folder, segment, repair, wallMs, say } = work
  const lost = `${target.directory}/${lostAndFoundName}`
  files.makeDirectory(lost)
  const notes: object[] = []
  for (const piece of repair.pieces) {
    if (piece.kind === 'copy') continue
    const { fromOffset, toOffset, fromPosition, toPosition } = piece
    const name = `${partitionFolderName(folder.name!)}-${fromOffset}-${wallMs}`
    const isThere = toPosition > fromPosition
    const savedTo = isThere
      ? await copyReadable(files, segment.logPath, `${lost}/${name}`, fromPosition, toPosition)
      : null
    if (isThere) say(`the ${toPosition - fromPosition} bytes that go are kept in ${savedTo}`)
    notes.push({
      repairedMs: wallMs,
      ...folder.name,
      segment: segment.baseOffset,
      what: piece.kind,
      fromOffset,
      toOffset,
      fromPosition,
      toPosition,
      savedTo
    })
  }
  const file = files.open(`${lost}/repairs.jsonl`, 'create')
  try {
    file.writeSync([Buffer.from(notes.map(note => savedLine(toJson(note))).join(''))], file.size())
    await file.datasync()
  } finally {
    file.close()
  }
  await files.syncDirectory(lost)
  await files.syncDirectory(target.directory)
}

/** Blocks that the disk does not give back are zeros in the copy. Returns the path of the copy. */
async function copyReadable(
  files: Files,
  from: string,
  to: string,
  fromPosition: number,
  toPosition: number
): Promise<string> {
  const source = files.open(from, 'read')
  const copy = files.open(to + temporarySuffix, 'create')
  const checksum = new SavedChecksum()
  const block = Buffer.alloc(blockSize)
  try {
    for (let position = fromPosition; position < toPosition; position += blockSize) {
      const piece = block.subarray(0, Math.min(blockSize, toPosition - position)).fill(0)
      try {
        source.readSync(piece, position)
      } catch (error) {
        if (!isFileError(error)) throw error
      }
      copy.writeSync([piece], position - fromPosition)
      checksum.add(piece)
    }
    await copy.datasync()
  } finally {
    copy.close()
    source.close()
  }
  files.rename(to + temporarySuffix, checksum.nameOf(to))
  return checksum.nameOf(to)
}

/** Writes the repaired segment; says where its durable end is now. */
async function writeLog(
  work: RepairToWrite,
  path: string
): Promise<{ readonly durablePosition: number }> {
  const { files, segment, repair } = work
  const state = stateOf(work)
  const target = files.open(path, 'create')
  const source = segment.size === null ? null : files.open(segment.logPath, 'read')
  let durablePosition = state.durablePosition
  let size = 0
  try {
    target.truncate(0)
    for (const piece of repair.pieces) {
      const before = size
      size += writePiece(work, piece, source, target, size)
      if (piece.kind === 'copy') {
        const isWithin =
          state.durablePosition > piece.fromPosition && state.durablePosition <= piece.toPosition
        if (isWithin) durablePosition = before + state.durablePosition - piece.fromPosition
      } else if (piece.toOffset === state.durableEndOffset) durablePosition = size
    }
    await target.datasync()
  } finally {
    target.close()
    source?.close()
  }
  return { durablePosition }
}

/** Returns how many bytes were written. */
function writePiece(
  { folder }: RepairToWrite,
  piece: RepairPiece,
  source: OpenFile | null,
  target: OpenFile,
  at: number
): number {
  if (piece.kind !== 'copy') {
    const bytes =
      piece.kind === 'header'
        ? piece.bytes
        : gapBatches(piece.fromOffset, piece.toOffset, folder.epochs)
    target.writeSync([bytes], at)
    return bytes.length
  }
  const { fromPosition, toPosition } = piece
  const chunk = Buffer.alloc(Math.min(copyChunkSize, toPosition - fromPosition))
  for (let position = fromPosition; position < toPosition; position += chunk.length) {
    const part = chunk.subarray(0, Math.min(chunk.length, toPosition - position))
    source?.readSync(part, position)
    target.writeSync([part], at + position - fromPosition)
  }
  return toPosition - fromPosition
}

/** What the log promised, as the segment's own sidecar says it, or else the newest one. */
function stateOf({ folder, segment }: RepairToWrite): LogState {
  const firstOffset = folder.segments[0]!.baseOffset
  return (
    segment.sidecar?.state ??
    folder.state ?? {
      sequence: 0,
      logStartOffset: firstOffset,
      durableEndOffset: firstOffset,
      durablePosition: 0
    }
  )
}

function writeSidecar(work: RepairToWrite, state: LogState): Promise<void> {
  const pieces = encodeSidecar(identityOf(work), state, epochsOf(work))
  return replaceFile(work.files, work.segment.sidecarPath, Buffer.concat(pieces))
}

/** The leader epochs that were in force somewhere in the segment. */
function epochsOf({ folder, segment }: RepairToWrite): readonly LeaderEpochEntry[] {
  const epochs = folder.epochs ?? { starts: [] }
  return epochEntries(epochs, segment.baseOffset, nextBaseOffset(folder, segment))
}

function identityOf({ target, folder, segment, wallMs }: RepairToWrite): SegmentIdentity {
  const identity = segment.sidecar?.identity
  if (typeof identity === 'object') return identity
  return {
    clusterId: target.identity!.clusterId,
    topicId: Buffer.from((folder.sidecarTopicId ?? folder.topicId)!, 'base64url'),
    partition: folder.name!.partition,
    baseOffset: segment.baseOffset,
    createdMs: wallMs,
    isSparse: false
  }
}
