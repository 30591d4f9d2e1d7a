import {
  baseOffset,
  batchHeaderSize,
  batchSize,
  computeCrc,
  lastOffsetDelta,
  magic,
  partitionLeaderEpoch,
  storedCrc
} from '../../record/batch.ts'
import type { BatchTable } from './batch-table.ts'
import type { LeaderEpochs } from './leader-epochs.ts'

const currentMagic = 2

/**
 * Whether the header at `at` is that of a batch which begins at `expectedOffset`: everything in
 * front of the bytes that the CRC covers is compared with what the log knows from elsewhere. The
 * whole header must be in the buffer.
 */
export function headerHolds(
  buffer: Buffer,
  at: number,
  expectedOffset: number,
  epochs: LeaderEpochs
): boolean {
  return (
    expectedOffset >= 0 &&
    magic(buffer, at) === currentMagic &&
    baseOffset(buffer, at) === expectedOffset &&
    batchSize(buffer, at) >= batchHeaderSize &&
    lastOffsetDelta(buffer, at) >= 0 &&
    partitionLeaderEpoch(buffer, at) === epochs.at(expectedOffset)
  )
}

/**
 * The offset that a batch at `position` of a segment must begin with: that behind the batch before
 * it, or what the table of a sparse segment says (-1 when it knows of none).
 */
export function expectedOffset(
  batches: BatchTable | null,
  position: number,
  endOffsetBefore: number
): number {
  if (batches === null) return endOffsetBefore
  const offset = batches.offsetOf(position)
  return offset < endOffsetBefore ? -1 : offset
}

/** Whether the bytes of a batch that is whole in the buffer are those that were written. */
export function crcHolds(buffer: Buffer, at: number): boolean {
  return storedCrc(buffer, at) === computeCrc(buffer, at)
}

export interface BatchRun {
  /** Bytes of whole, sound batches from the start of the buffer. */
  size: number
  /** The offset after the last of them. */
  endOffset: number
  /**
   * Why the run ended: nothing more fits or is wanted, a batch is cut by the end of the bytes, or
   * one is damaged.
   */
  end: 'enough' | 'cut' | 'damaged'
}

export interface RunOptions {
  readonly epochs: LeaderEpochs
  /** Of a sparse segment. */
  readonly batches: BatchTable | null
  /** Of the first batch. */
  readonly baseOffset: number
  readonly position: number
  /** No batch ends beyond: the end offset of the segment, and its bytes from the first batch on. */
  readonly endOffsetMax: number
  readonly sizeMax: number
  /** A batch that reaches this offset is left out. */
  readonly upToOffset: number
  /** The batches together stay within this, bytes; the first is exempt if `minOneBatch`. */
  readonly maxSize: number
  readonly minOneBatch: boolean
  /** False where the bytes never left RAM. */
  readonly checkCrc: boolean
}

/** Walks and checks the batches at the start of `buffer`, of which `size` bytes are filled. */
export function checkRun(buffer: Buffer, size: number, options: RunOptions): BatchRun {
  const { batches, position } = options
  const run: BatchRun = { size: 0, endOffset: options.baseOffset, end: 'cut' }
  while (run.size + batchHeaderSize <= size) {
    const at = run.size
    const expected = expectedOffset(batches, position + at, run.endOffset)
    if (!headerHolds(buffer, at, expected, options.epochs)) return ended(run, 'damaged')
    const endOffset = expected + lastOffsetDelta(buffer, at) + 1
    const end = at + batchSize(buffer, at)
    if (endOffset > options.endOffsetMax || end > options.sizeMax) return ended(run, 'damaged')
    if (endOffset > options.upToOffset) {
      // To answer "nothing" on the word of a header, the header has to be sound.
      const isSound = at > 0 || end > size || !options.checkCrc || crcHolds(buffer, at)
      return ended(run, isSound ? 'enough' : 'damaged')
    }
    if (end > options.maxSize && !(options.minOneBatch && at === 0)) return ended(run, 'enough')
    if (end > size) return run
    if (options.checkCrc && !crcHolds(buffer, at)) return ended(run, 'damaged')
    run.size = end
    run.endOffset = endOffset
  }
  return run
}

function ended(run: BatchRun, end: BatchRun['end']): BatchRun {
  run.end = end
  return run
}
