import { assert } from '../base/assert.ts'
import { unheardAppendsMax } from '../limits.ts'
import type { Applied, ProducerState } from '../storage/producer-state.ts'
import type { AppendResult } from './append-result.ts'

/** A batch that is written but not yet as safe as the durability mode demands. */
export interface InFlightAppend {
  readonly baseOffset: number
  readonly lastOffset: number
  /** Bytes appended since the partition was opened, this batch included. */
  readonly endSize: number
  /** How the producer state forgets it; null for batches without a producer id. */
  readonly applied: Applied | null
  readonly outcome: Promise<AppendResult>
}

/**
 * The batches of one partition that are on their way to the disk, in the order of their offsets.
 * When one of them fails, it and all behind it are taken out of the producer state, newest first:
 * the log will never hold them.
 */
export class InFlightAppends {
  #appends: InFlightAppend[] = []

  get count(): number {
    return this.#appends.length
  }

  /** Whether the disk is so far behind that who wants no answer has to wait too. */
  get areMany(): boolean {
    return this.#appends.length > unheardAppendsMax
  }

  add(append: InFlightAppend): void {
    const newest = this.#appends.at(-1)
    assert(
      newest === undefined || newest.lastOffset < append.baseOffset,
      'appends are in flight in the order of their offsets'
    )
    this.#appends.push(append)
  }

  /** The append that began at this offset, if it is still on its way. */
  startingAt(baseOffset: number): InFlightAppend | null {
    return this.#appends.find(each => each.baseOffset === baseOffset) ?? null
  }

  /**
   * Everything below is durable. Returns the `endSize` of the newest batch that is, null if there
   * was none.
   */
  onDurable(durableEndOffset: number): number | null {
    let count = 0
    let endSize: number | null = null
    for (const each of this.#appends) {
      if (each.lastOffset >= durableEndOffset) break
      count++
      endSize = each.endSize
    }
    if (count > 0) this.#appends.splice(0, count)
    return endSize
  }

  /**
   * The log ends here: what is in flight beyond was lost, and its failure is about to be heard of.
   */
  onLogEnd(logEndOffset: number, producers: ProducerState): void {
    for (;;) {
      const newest = this.#appends.at(-1)
      if (newest === undefined || newest.lastOffset < logEndOffset) return
      this.onFailed(newest, producers)
    }
  }

  /**
   * The write of this batch failed. Harmless when the failure of an earlier one has taken it along.
   */
  onFailed(failed: InFlightAppend, producers: ProducerState): void {
    const first = this.#appends.indexOf(failed)
    if (first === -1) return
    for (const { applied } of this.#appends.splice(first).reverse()) {
      if (applied !== null) producers.undo(applied)
    }
  }
}
