/** Choices that the same seed makes again. */
export class Draws {
  #state: number

  /** @param seed an integer; all of its 53 bits count */
  constructor(seed: number) {
    this.#state = (seed ^ Math.imul(Math.floor(seed / 0x1_0000_0000), 0x9e3779b1)) | 0
  }

  /** An integer from 0 up to `count`, exclusive. */
  below(count: number): number {
    return Math.floor(this.#next() * count)
  }

  /** An integer from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  /** True in `share` of all cases. */
  chance(share: number): boolean {
    return this.#next() < share
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  /** A seed for choices of their own. */
  seed(): number {
    return this.below(2 ** 31)
  }

  /** Mulberry32: 32 bits of state are plenty for a run. */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}
