import { baseOffset, partitionLeaderEpoch } from '../../record/batch.ts'
import type { BufferPool } from './buffer-pool.ts'
import { findBatch, isSound, ScanWindow, type BatchSearch } from './log-scan.ts'
import { isFileError, runAsync, type ReadSteps } from './read-steps.ts'
import type { RecoveredEpochs } from './recovered-epochs.ts'
import { indexedBatch } from './segment-indexes.ts'
import type { Segment } from './segment.ts'
import type { LogState } from './sidecar-format.ts'

/** Offsets that were promised and cannot be read. */
export interface Damage {
  readonly segment: Segment
  readonly fromOffset: number
  readonly toOffset: number
}

/** The bytes of a segment behind what it knows of itself. */
export interface UnknownTail {
  readonly segment: Segment
  readonly fileSize: number
  /** Where the next segment begins; Infinity behind the last one. */
  readonly nextBaseOffset: number
  /** What the log last noted. */
  readonly state: LogState | null
  /** A fault below is rot; beyond it is the end of what was written whole. */
  readonly durableEndOffset: number
  readonly epochs: RecoveredEpochs
  readonly indexIntervalBytes: number
}

/**
 * Checks the batches of a tail, and accepts them into the segment up to the end, or to a fault
 * beyond the durable watermark: false then. Faults below are passed over.
 *
 * @param damage gets what was passed over
 * @throws FileError when bytes beyond the watermark cannot be read
 */
export async function scanTail(
  buffers: BufferPool,
  tail: UnknownTail,
  damage: Damage[]
): Promise<boolean> {
  const window = new ScanWindow(tail.segment.log, tail.fileSize, buffers)
  try {
    return await runAsync(new TailScan(tail, window, damage).steps())
  } finally {
    window.release()
  }
}

class TailScan {
  readonly #tail: UnknownTail
  readonly #window: ScanWindow
  readonly #damage: Damage[]

  constructor(tail: UnknownTail, window: ScanWindow, damage: Damage[]) {
    this.#tail = tail
    this.#window = window
    this.#damage = damage
  }

  *steps(): ReadSteps<boolean> {
    const { segment, fileSize, nextBaseOffset, epochs, indexIntervalBytes } = this.#tail
    const window = this.#window
    while (segment.size < fileSize && segment.endOffset < nextBaseOffset) {
      const position = segment.size
      const expected = segment.endOffset
      const isBeyondWatermark = expected >= this.#tail.durableEndOffset
      if (
        (yield* this.#isReadable(position, expected)) &&
        epochs.fits(window.buffer, window.at(position), expected, isBeyondWatermark)
      ) {
        const at = window.at(position)
        epochs.note(partitionLeaderEpoch(window.buffer, at), expected)
        segment.accept(indexedBatch(window.buffer, at), indexIntervalBytes)
        continue
      }
      if (isBeyondWatermark) return false
      if (!(yield* this.#skipRot())) return true
    }
    return true
  }

  /**
   * Below the durable watermark bytes that the disk does not give back are damage like any other.
   */
  *#isReadable(position: number, expected: number): ReadSteps<boolean> {
    try {
      return yield* isSound(this.#window, position, expected)
    } catch (error) {
      if (isFileError(error) && expected < this.#tail.durableEndOffset) return false
      throw error
    }
  }

  /**
   * Goes on behind damage below the durable watermark: at the next sound batch, or where the
   * watermark stands. False when there is neither; then the segment ends with the damage.
   */
  *#skipRot(): ReadSteps<boolean> {
    const { segment, fileSize, nextBaseOffset, state, durableEndOffset } = this.#tail
    const window = this.#window
    const fromOffset = segment.endOffset
    const isHere =
      state !== null &&
      state.durableEndOffset > segment.baseOffset &&
      state.durableEndOffset <= nextBaseOffset &&
      state.durablePosition > segment.size &&
      state.durablePosition <= fileSize
    const to = isHere ? state.durablePosition : fileSize
    const maxOffset = Math.min(durableEndOffset, nextBaseOffset)
    const from = segment.size + 1
    const found = yield* this.#findReadable({ from, to, minOffset: fromOffset + 1, maxOffset })
    if (found === -1 && !isHere) return false
    if (found === -1) segment.skipDamage(to - segment.size, maxOffset)
    else segment.skipDamage(found - segment.size, baseOffset(window.buffer, window.at(found)))
    this.#damage.push({ segment, fromOffset, toOffset: segment.endOffset })
    return true
  }

  *#findReadable(search: BatchSearch): ReadSteps<number> {
    try {
      return yield* findBatch(this.#window, search)
    } catch (error) {
      if (isFileError(error)) return -1
      throw error
    }
  }
}
