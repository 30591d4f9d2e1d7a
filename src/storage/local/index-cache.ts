import { sealedIndexesSizeMax } from '../../limits.ts'

/** Somebody who holds indexes that can be read from disk again. */
export interface IndexHolder {
  /** Memory of its indexes, bytes. */
  readonly indexesSize: number
  dropIndexes(): void
}

/** Bounds the memory of the indexes of sealed segments; those used longest ago go first. */
export class IndexCache {
  readonly #holders = new Map<IndexHolder, number>()
  #size = 0

  /** Notes that the holder's indexes are in use, and lets go of others if there are too many. */
  touch(holder: IndexHolder): void {
    this.forget(holder)
    this.#holders.set(holder, holder.indexesSize)
    this.#size += holder.indexesSize
    for (const [oldest] of this.#holders) {
      if (this.#size <= sealedIndexesSizeMax || oldest === holder) return
      this.forget(oldest)
      oldest.dropIndexes()
    }
  }

  forget(holder: IndexHolder): void {
    const size = this.#holders.get(holder)
    if (size === undefined) return
    this.#holders.delete(holder)
    this.#size -= size
  }
}
