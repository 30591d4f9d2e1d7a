import { stampLogAppendTime } from '../record/batch.ts'

/** The times that a topic with `message.timestamp.type=LogAppendTime` writes into its batches. */
export class AppendTime {
  #lastMs: number

  /** @param lastMs the largest that is in the log, ms */
  constructor(lastMs: number) {
    this.#lastMs = lastMs
  }

  /** Wall clocks go back, the times in a log do not: searches by time rely upon it. */
  stamp(bytes: Buffer, nowMs: number): void {
    this.#lastMs = Math.max(this.#lastMs, nowMs)
    stampLogAppendTime(bytes, 0, this.#lastMs)
  }
}
