import * as batch from '../../record/batch.ts'
import { readControlType } from '../../record/control.ts'
import { readRecords } from '../../record/records.ts'

// Batches of another cluster, as they are taken over: with their offsets, timestamps and records,
// but without their producers. A producer id means something in the cluster that gave it out; here
// a new producer may get the same one, and its first batch would be taken for one that was sent
// before. So what transactions decided is carried out: records of those that were committed become
// ordinary records, and those of all others are left out.

/** Finds the transactions that were not committed. */
export class UncommittedBatches {
  /** Base offsets of the batches of open transactions, by producer id. */
  readonly #open = new Map<number, number[]>()
  readonly #aborted = new Set<number>()

  /** Looks at the next batch of the log. */
  see(buffer: Buffer, at: number): void {
    const producerId = batch.producerId(buffer, at)
    if (!batch.isTransactional(buffer, at) || producerId < 0) return
    if (!batch.isControl(buffer, at)) {
      const open = this.#open.get(producerId) ?? []
      open.push(batch.baseOffset(buffer, at))
      this.#open.set(producerId, open)
      return
    }
    const result = endOf(buffer, at)
    if (result !== 'commit' && result !== 'abort') return
    if (result === 'abort') this.#giveUp(producerId)
    this.#open.delete(producerId)
  }

  /** Base offsets of the batches that nobody may read; those of open transactions among them. */
  end(): ReadonlySet<number> {
    for (const producerId of this.#open.keys()) this.#giveUp(producerId)
    this.#open.clear()
    return this.#aborted
  }

  #giveUp(producerId: number): void {
    for (const baseOffset of this.#open.get(producerId) ?? []) this.#aborted.add(baseOffset)
  }
}

function endOf(buffer: Buffer, at: number): 'commit' | 'abort' | 'other' | null {
  const bytes = buffer.subarray(at, at + batch.batchSize(buffer, at))
  const records = readRecords(bytes, 0)
  if (!records.ok) return null
  for (const { key } of records.value) return key === null ? null : readControlType(key)
  return null
}

/**
 * The batch at `at` as it is taken over; null when only its offsets are.
 *
 * @param leaderEpoch that of the partition which takes it over
 */
export function adoptedBatch(
  buffer: Buffer,
  at: number,
  leaderEpoch: number,
  uncommitted: ReadonlySet<number>
): Buffer | null {
  const baseOffset = batch.baseOffset(buffer, at)
  const isEmpty = batch.recordCount(buffer, at) === 0
  if (isEmpty || batch.isControl(buffer, at) || uncommitted.has(baseOffset)) return null
  const adopted = Buffer.from(buffer.subarray(at, at + batch.batchSize(buffer, at)))
  batch.writeHeader(adopted, {
    baseOffset,
    partitionLeaderEpoch: leaderEpoch,
    attributes: batch.attributes(adopted, 0) & ~batch.attributeBits.transactional,
    lastOffsetDelta: batch.lastOffsetDelta(adopted, 0),
    baseTimestampMs: batch.baseTimestampMs(adopted, 0),
    maxTimestampMs: batch.maxTimestampMs(adopted, 0),
    producerId: batch.noProducerId,
    producerEpoch: -1,
    baseSequence: -1,
    recordCount: batch.recordCount(adopted, 0)
  })
  return adopted
}
