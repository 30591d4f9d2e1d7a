import {
  baseOffset,
  batchHeaderSize,
  batchSize,
  lastOffset,
  lastOffsetDelta,
  magic,
  partitionLeaderEpoch
} from '../../record/batch.ts'
import { crcHolds } from './batch-check.ts'
import type { BatchTable } from './batch-table.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import { findBatch, isSound, type ScanWindow } from './log-scan.ts'
import { isFileError, type ReadSteps } from './read-steps.ts'

/**
 * What is wrong with bytes where a batch should stand.
 *
 * - `CUT`: the file ends in the middle of it; `MISSING`: there is no byte of it.
 * - `SIZE`, `MAGIC`, `OFFSET_DELTA`: the header cannot be that of a batch.
 * - `BASE_OFFSET`, `LEADER_EPOCH`: the header says other than what the log knows.
 * - `CRC`: the bytes are not those that were written.
 * - `UNREADABLE`: the disk does not give them back.
 */
export type BatchFault =
  | 'CUT'
  | 'MISSING'
  | 'SIZE'
  | 'MAGIC'
  | 'OFFSET_DELTA'
  | 'BASE_OFFSET'
  | 'LEADER_EPOCH'
  | 'CRC'
  | 'UNREADABLE'

/** Bytes of a segment that are no sound batch; both ends are exclusive. */
export interface DamagedBytes {
  readonly fault: BatchFault
  readonly fromPosition: number
  readonly toPosition: number
  readonly fromOffset: number
  /** The first offset behind that is known; `fromOffset` when the walk found none. */
  readonly toOffset: number
}

export interface BatchWalk {
  readonly baseOffset: number
  /** Bytes of the file that are looked at. */
  readonly size: number
  /** Where the next segment begins; Infinity when that is not known. */
  readonly endOffset: number
  /** Whether every batch begins where the one before ends, as in a log that nobody compacted. */
  readonly isContiguous: boolean
  /** Which batches there are, if something says so: of a segment that compaction has written. */
  readonly batches: BatchTable | null
  /** Null: what the headers say of epochs is taken as it is. */
  readonly epochs: LeaderEpochs | null
  /** From this offset on an epoch that nobody knows of yet may begin. */
  readonly newEpochsFrom: number
  onBatch(buffer: Buffer, at: number, position: number): void
  onDamage(damage: DamagedBytes): void
}

/**
 * Walks through all batches of a segment from its first byte on and checks every one of them.
 * Behind damage it goes on with the next sound batch. Bytes that the disk does not give back end
 * the walk: everything behind them counts as damaged.
 *
 * @returns the offset after the last sound batch
 */
export function* walkBatches(window: ScanWindow, walk: BatchWalk): ReadSteps<number> {
  let position = 0
  let expected = walk.baseOffset
  while (position < walk.size) {
    const fault = yield* faultAt(window, walk, position, expected)
    if (fault === null) {
      const at = window.at(position)
      walk.onBatch(window.buffer, at, position)
      expected = lastOffset(window.buffer, at) + 1
      position += batchSize(window.buffer, at)
      continue
    }
    const next = fault === 'UNREADABLE' ? null : yield* behind(window, walk, position, expected)
    const end = Number.isFinite(walk.endOffset) ? Math.max(walk.endOffset, expected) : expected
    walk.onDamage({
      fault,
      fromPosition: position,
      toPosition: next?.position ?? walk.size,
      fromOffset: expected,
      toOffset: next?.baseOffset ?? end
    })
    if (next === null) return expected
    position = next.position
    expected = next.baseOffset
  }
  if (walk.isContiguous && Number.isFinite(walk.endOffset) && expected < walk.endOffset) {
    walk.onDamage({
      fault: 'MISSING',
      fromPosition: position,
      toPosition: position,
      fromOffset: expected,
      toOffset: walk.endOffset
    })
  }
  return expected
}

function* faultAt(
  window: ScanWindow,
  walk: BatchWalk,
  position: number,
  expected: number
): ReadSteps<BatchFault | null> {
  try {
    if (!(yield* window.need(position, batchHeaderSize))) return 'CUT'
    const fault = headerFault(window.buffer, window.at(position), walk, { position, expected })
    if (fault !== null) return fault
    const size = batchSize(window.buffer, window.at(position))
    if (position + size > walk.size || !(yield* window.need(position, size))) return 'CUT'
    return crcHolds(window.buffer, window.at(position)) ? null : 'CRC'
  } catch (error) {
    if (isFileError(error) && error.code === 'EIO') return 'UNREADABLE'
    throw error
  }
}

function headerFault(
  buffer: Buffer,
  at: number,
  walk: BatchWalk,
  { position, expected }: { readonly position: number; readonly expected: number }
): BatchFault | null {
  if (batchSize(buffer, at) < batchHeaderSize) return 'SIZE'
  if (magic(buffer, at) !== 2) return 'MAGIC'
  if (lastOffsetDelta(buffer, at) < 0) return 'OFFSET_DELTA'
  const offset = baseOffset(buffer, at)
  const isInPlace = walk.isContiguous ? offset === expected : offset >= expected
  if (walk.batches !== null && walk.batches.offsetOf(position) !== offset) return 'BASE_OFFSET'
  if (!isInPlace || lastOffset(buffer, at) >= walk.endOffset) return 'BASE_OFFSET'
  if (walk.epochs === null) return null
  const leaderEpoch = partitionLeaderEpoch(buffer, at)
  const isNews = offset >= walk.newEpochsFrom && leaderEpoch > walk.epochs.latest
  return leaderEpoch === walk.epochs.at(offset) || isNews ? null : 'LEADER_EPOCH'
}

interface Found {
  readonly position: number
  readonly baseOffset: number
}

/**
 * The next sound batch behind damage: where the damaged one says that it ends, or else wherever one
 * is found.
 */
function* behind(
  window: ScanWindow,
  walk: BatchWalk,
  position: number,
  expected: number
): ReadSteps<Found | null> {
  try {
    if (!(yield* window.need(position, batchHeaderSize))) return null
    const claimed = position + batchSize(window.buffer, window.at(position))
    if (claimed >= position + batchHeaderSize && claimed + batchHeaderSize <= walk.size) {
      const isThere = yield* window.need(claimed, batchHeaderSize)
      const offset = isThere ? baseOffset(window.buffer, window.at(claimed)) : -1
      const fits = offset > expected && offset < walk.endOffset
      if (fits && (yield* isSound(window, claimed, offset))) {
        return { position: claimed, baseOffset: offset }
      }
    }
    const found = yield* findBatch(window, {
      from: position + 1,
      to: walk.size,
      minOffset: expected + 1,
      maxOffset: walk.endOffset
    })
    if (found === -1) return null
    return { position: found, baseOffset: baseOffset(window.buffer, window.at(found)) }
  } catch (error) {
    if (isFileError(error) && error.code === 'EIO') return null
    throw error
  }
}
