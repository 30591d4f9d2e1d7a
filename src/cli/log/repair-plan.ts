import { stampOffsets } from '../../record/batch.ts'
import { buildBatch } from '../../record/records.ts'
import type { DamagedBytes } from '../../storage/local/batch-walk.ts'
import type { LeaderEpochs } from '../../storage/local/leader-epochs.ts'

// A gap is a batch without records whose offsets are those that were lost: what compaction in Kafka
// leaves of a batch when a producer needs its sequence. Reads, recovery and Kafka's own tools step
// over it like over any other batch, so nothing else has to know that there are gaps.

/** Offsets that one batch can stand for. */
const gapOffsetsMax = 0x7fff_ffff

/** A stretch of the segment as it will be. */
export type RepairPiece =
  | { readonly kind: 'copy'; readonly fromPosition: number; readonly toPosition: number }
  | ({ readonly kind: 'gap' } & Omit<DamagedBytes, 'fault'>)
  | ({ readonly kind: 'header'; readonly bytes: Buffer } & Omit<DamagedBytes, 'fault'>)

/** What becomes of one segment. */
export interface SegmentRepair {
  readonly baseOffset: number
  /** In the order of the file; together they are the whole segment. */
  readonly pieces: readonly RepairPiece[]
  /** Whether the table of a compacted segment is in doubt, and written anew. */
  readonly writesTable: boolean
}

/** Damage, and the batch that stands there if only its header is wrong. */
export interface RepairableDamage {
  readonly damage: Omit<DamagedBytes, 'fault'>
  /** The batch with its header put right; null when its records are lost. */
  readonly restored: Buffer | null
}

/**
 * What a segment of `size` bytes is made of once its damage is repaired: everything else stays as
 * it is.
 *
 * @param damages ascending, each with an end
 */
export function planRepair(
  baseOffset: number,
  size: number,
  damages: readonly RepairableDamage[]
): SegmentRepair {
  const pieces: RepairPiece[] = []
  let position = 0
  const copyTo = (end: number): void => {
    if (end > position) pieces.push({ kind: 'copy', fromPosition: position, toPosition: end })
    position = end
  }
  for (const { damage, restored } of damages) {
    copyTo(damage.fromPosition)
    if (restored === null) pieces.push({ kind: 'gap', ...damage })
    else pieces.push({ kind: 'header', bytes: restored, ...damage })
    position = damage.toPosition
  }
  copyTo(size)
  return { baseOffset, pieces, writesTable: false }
}

/**
 * The batches that stand for the offsets from `fromOffset` up to `toOffset`, exclusive.
 *
 * @param epochs null: what is written is stamped with no epoch
 */
export function gapBatches(
  fromOffset: number,
  toOffset: number,
  epochs: LeaderEpochs | null
): Buffer {
  const batches: Buffer[] = []
  for (let offset = fromOffset; offset < toOffset; offset += gapOffsetsMax) {
    const count = Math.min(toOffset - offset, gapOffsetsMax)
    batches.push(
      buildBatch({
        records: [],
        baseOffset: offset,
        lastOffsetDelta: count - 1,
        partitionLeaderEpoch: epochs?.at(offset) ?? -1
      })
    )
  }
  return Buffer.concat(batches)
}

/** A copy of a batch whose checksum holds, with what the checksum does not cover put right. */
export function restoredBatch(bytes: Buffer, baseOffset: number, leaderEpoch: number): Buffer {
  const restored = Buffer.from(bytes)
  const magicAt = 16
  restored[magicAt] = 2
  stampOffsets(restored, 0, baseOffset, leaderEpoch)
  return restored
}
