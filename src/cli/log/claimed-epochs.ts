import type { LeaderEpochStart } from '../../storage/partition-log.ts'

/** Batches in a row that say the same leader epoch. */
interface Run extends LeaderEpochStart {
  batchCount: number
}

/**
 * The leader epochs that the batches of a log say they were written in. The checksum of a batch
 * leaves its epoch out, but the epochs of a log only rise, so that one turned over bit contradicts
 * the batches around it.
 */
export class ClaimedEpochs {
  readonly #runs: Run[] = []

  /** Takes what one batch says; batches come in the order of their offsets. */
  add(leaderEpoch: number, startOffset: number): void {
    const last = this.#runs.at(-1)
    if (last?.leaderEpoch === leaderEpoch) last.batchCount++
    else this.#runs.push({ leaderEpoch, startOffset, batchCount: 1 })
  }

  /**
   * What as many batches as possible agree on: epochs that never fall. Of two answers it is the one
   * that ends with the lower epoch, because a bit that turns over rarely makes an epoch smaller.
   */
  believed(): readonly LeaderEpochStart[] {
    const agreeing: { batchCount: number; before: number }[] = []
    let end = -1
    for (const [index, run] of this.#runs.entries()) {
      let before = -1
      for (const [earlier, { leaderEpoch }] of this.#runs.slice(0, index).entries()) {
        const isMore = before < 0 || agreeing[earlier]!.batchCount > agreeing[before]!.batchCount
        if (leaderEpoch <= run.leaderEpoch && isMore) before = earlier
      }
      const batchCount = run.batchCount + (agreeing[before]?.batchCount ?? 0)
      agreeing.push({ batchCount, before })
      const most = agreeing[end]?.batchCount ?? 0
      const isLower = run.leaderEpoch < (this.#runs[end]?.leaderEpoch ?? Infinity)
      if (batchCount > most || (batchCount === most && isLower)) end = index
    }
    const believed: LeaderEpochStart[] = []
    for (let index = end; index >= 0; index = agreeing[index]!.before) {
      believed.unshift(this.#runs[index]!)
    }
    return believed
  }
}
