import { noPartitionLeaderEpoch, partitionLeaderEpoch } from '../../record/batch.ts'
import { parseLeaderEpochCheckpoint, readText } from './checkpoint.ts'
import { leaderEpochCheckpointName } from './file-names.ts'
import type { FoundSegment } from './found-segment.ts'
import { epochEntries, LeaderEpochs } from './leader-epochs.ts'
import type { LogContext } from './log-context.ts'
import type { Segment } from './segment.ts'

/** The leader epochs of a log, as far as its files and its batches tell of them. */
export class RecoveredEpochs {
  readonly epochs = new LeaderEpochs()
  #areCertain = true

  /**
   * Takes them from the journals; from Kafka's checkpoint file and the batches where a journal is
   * damaged.
   */
  read({ files }: LogContext, folder: string, found: readonly FoundSegment[]): void {
    const starts = found.flatMap(segment =>
      (segment.contents?.journal ?? []).filter(entry => entry.kind === 'leaderEpoch')
    )
    this.#areCertain = found.every(
      ({ contents }) =>
        contents !== null && !contents.journalDamaged && contents.identity !== 'damaged'
    )
    if (!this.#areCertain) {
      const text = readText(files, `${folder}/${leaderEpochCheckpointName}`)
      for (const start of parseLeaderEpochCheckpoint(text ?? '') ?? []) {
        starts.push({ kind: 'leaderEpoch', ...start })
      }
    }
    starts.sort((a, b) => a.startOffset - b.startOffset || a.leaderEpoch - b.leaderEpoch)
    for (const { leaderEpoch, startOffset } of starts) {
      if (leaderEpoch > this.epochs.latest) this.epochs.assign(leaderEpoch, startOffset)
    }
  }

  /**
   * Whether the batch at `offset` was written by the epoch of that offset. One that nobody has
   * noted may be right where notes are missing, and beyond the durable watermark.
   */
  fits(buffer: Buffer, at: number, offset: number, isBeyondWatermark: boolean): boolean {
    const leaderEpoch = partitionLeaderEpoch(buffer, at)
    if (leaderEpoch === this.epochs.at(offset)) return true
    return (!this.#areCertain || isBeyondWatermark) && leaderEpoch > this.epochs.latest
  }

  /** Takes over the epoch of a batch whose note was lost with the power while the batch was not. */
  note(leaderEpoch: number, startOffset: number): void {
    if (leaderEpoch === noPartitionLeaderEpoch || leaderEpoch <= this.epochs.latest) return
    this.epochs.assign(leaderEpoch, startOffset)
  }

  /**
   * Every epoch of a segment's batches has to be in its journal, also the one in force where it
   * begins: the segments before it may go away.
   */
  completeJournal(segment: Segment): void {
    for (const entry of epochEntries(this.epochs, segment.baseOffset, segment.endOffset)) {
      if (!segment.sidecar.hasLeaderEpoch(entry.leaderEpoch)) segment.sidecar.append(entry)
    }
  }
}
