import { assert } from '../../base/assert.ts'
import { noPartitionLeaderEpoch } from '../../record/batch.ts'
import type { AppendedBatch, LeaderEpochStart } from '../partition-log.ts'
import type { JournalEntry, LeaderEpochEntry } from './sidecar-format.ts'

/**
 * Which leader epoch wrote which offsets of a log (KIP-101; Kafka: `LeaderEpochFileCache`). Epochs
 * and start offsets both ascend.
 */
export class LeaderEpochs {
  #starts: LeaderEpochStart[] = []
  /** Whether the file of leader epochs says something else. */
  hasChanged = false

  get starts(): readonly LeaderEpochStart[] {
    return this.#starts
  }

  get latest(): number {
    return this.#starts.at(-1)?.leaderEpoch ?? noPartitionLeaderEpoch
  }

  /**
   * Notes that the batch at `startOffset` was written by `leaderEpoch`; says whether that was news.
   */
  assign(leaderEpoch: number, startOffset: number): boolean {
    if (leaderEpoch === this.latest) return false
    assert(leaderEpoch > this.latest, 'leader epochs of a log only rise')
    // An epoch that ended before it wrote anything leaves no trace.
    while ((this.#starts.at(-1)?.startOffset ?? -1) >= startOffset) this.#starts.pop()
    this.#starts.push({ leaderEpoch, startOffset })
    this.hasChanged = true
    return true
  }

  /** The epoch that wrote the record at `offset`; -1 when the log begins behind it. */
  at(offset: number): number {
    let index = this.#starts.length - 1
    while (index >= 0 && this.#starts[index]!.startOffset > offset) index--
    return index < 0 ? noPartitionLeaderEpoch : this.#starts[index]!.leaderEpoch
  }

  /** Forgets epochs that begin at or beyond `offset`. */
  truncate(offset: number): void {
    while ((this.#starts.at(-1)?.startOffset ?? -1) >= offset) {
      this.#starts.pop()
      this.hasChanged = true
    }
  }

  /** Forgets epochs that ended at or below `offset`. */
  dropBelow(offset: number): void {
    const kept = this.#starts.findIndex(
      (_, index) => (this.#starts[index + 1]?.startOffset ?? Infinity) > offset
    )
    if (kept <= 0) return
    this.#starts.splice(0, kept)
    this.hasChanged = true
  }

  /** What is visible of the epochs when the log begins at `logStartOffset`. */
  from(logStartOffset: number): readonly LeaderEpochStart[] {
    const visible: LeaderEpochStart[] = []
    for (const [index, { leaderEpoch, startOffset }] of this.#starts.entries()) {
      if ((this.#starts[index + 1]?.startOffset ?? Infinity) <= logStartOffset) continue
      visible.push({ leaderEpoch, startOffset: Math.max(startOffset, logStartOffset) })
    }
    return visible
  }
}

/** Notes the leader epochs that begin with the batches, in the journal of their segment as well. */
export function noteEpochs(
  epochs: LeaderEpochs,
  batches: readonly AppendedBatch[],
  journal: { append(entry: JournalEntry): void }
): void {
  for (const { partitionLeaderEpoch: leaderEpoch, baseOffset: startOffset } of batches) {
    if (leaderEpoch === epochs.latest) continue
    assert(leaderEpoch > epochs.latest, 'leader epochs of a log only rise')
    journal.append({ kind: 'leaderEpoch', leaderEpoch, startOffset })
    epochs.assign(leaderEpoch, startOffset)
  }
}

/**
 * The epochs in force somewhere from `fromOffset` up to `endOffset`, exclusive, as a journal has
 * them.
 */
export function epochEntries(
  { starts }: Pick<LeaderEpochs, 'starts'>,
  fromOffset: number,
  endOffset: number
): readonly LeaderEpochEntry[] {
  return starts
    .filter(({ startOffset }, index) => {
      const epochEnd = starts[index + 1]?.startOffset ?? Infinity
      return startOffset < endOffset && epochEnd > fromOffset
    })
    .map(start => ({ kind: 'leaderEpoch', ...start }))
}
