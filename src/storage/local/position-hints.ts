/** Ends of reads that are remembered in one segment; the oldest go first. */
const hintCount = 16

interface Hint {
  readonly position: number
  /** The offset at which the read began that ended here; -1 when it was not remembered. */
  readonly fromOffset: number
}

/**
 * Where the last reads of a segment ended. A consumer that reads on asks for exactly that offset,
 * and needs neither the index nor a walk over headers; so do those that follow it closely.
 */
export class PositionHints {
  readonly #hints = new Map<number, Hint>()

  /** The position of the batch that begins at `offset`; -1 when nobody's read ended there. */
  find(offset: number): number {
    return this.#hints.get(offset)?.position ?? -1
  }

  /**
   * Remembers the end of a read that began at `fromOffset`. That beginning stays, for the next
   * consumer on the same way, in place of what the reader remembered before it.
   */
  move(fromOffset: number, offset: number, position: number): void {
    const from = this.#hints.get(fromOffset)
    if (from !== undefined) this.#hints.delete(from.fromOffset)
    this.#hints.delete(offset)
    this.#hints.set(offset, { position, fromOffset: from === undefined ? -1 : fromOffset })
    if (this.#hints.size <= hintCount) return
    for (const oldest of this.#hints.keys()) {
      this.#hints.delete(oldest)
      return
    }
  }

  clear(): void {
    this.#hints.clear()
  }
}
