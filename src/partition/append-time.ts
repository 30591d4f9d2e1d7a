import { appendTimeHeldMs } from '../limits.ts'
import { stampLogAppendTime } from '../record/batch.ts'

/** The times that a topic with `message.timestamp.type=LogAppendTime` writes into its batches. */
export class AppendTime {
  #lastMs: number

  /** @param lastMs the largest that is in the log, ms */
  constructor(lastMs: number) {
    this.#lastMs = lastMs
  }

  /**
   * Wall clocks are corrected by seconds, and the times in a log do not go back for that. A time
   * that lies further ahead is none that a right clock has shown: a producer set it before the
   * topic was told to stamp, or the clock was wrong, and the present is written as Kafka does.
   */
  stamp(bytes: Buffer, nowMs: number): void {
    const aheadMs = this.#lastMs - nowMs
    if (aheadMs < 0 || aheadMs > appendTimeHeldMs) this.#lastMs = nowMs
    stampLogAppendTime(bytes, 0, this.#lastMs)
  }
}
