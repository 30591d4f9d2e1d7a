/** Readers of one segment whose place is remembered; more than this many take turns. */
const hintCount = 4

/**
 * Where the last reads of a segment ended. A consumer that reads on asks for exactly that offset,
 * and needs neither the index nor a walk over headers.
 */
export class PositionHints {
  readonly #offsets: number[] = []
  readonly #positions: number[] = []
  #next = 0

  /** The position of the batch that begins at `offset`; -1 when nobody's read ended there. */
  find(offset: number): number {
    const index = this.#offsets.indexOf(offset)
    return index === -1 ? -1 : this.#positions[index]!
  }

  /**
   * Remembers the end of a read that began at `fromOffset`, in place of that read's own beginning.
   */
  move(fromOffset: number, offset: number, position: number): void {
    let index = this.#offsets.indexOf(fromOffset)
    if (index === -1) {
      index = this.#next
      this.#next = (this.#next + 1) % hintCount
    }
    this.#offsets[index] = offset
    this.#positions[index] = position
  }

  clear(): void {
    this.#offsets.length = 0
    this.#positions.length = 0
    this.#next = 0
  }
}
