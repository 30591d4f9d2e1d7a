/**
 * Runs tasks one after the other, in the order they were handed in. A task that fails does not stop
 * the next.
 */
export class Serial {
  #last: Promise<unknown> = Promise.resolve()

  /** Resolves or rejects as the task does, once it is its turn. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task)
    // Whoever handed the task in hears of its failure; the queue itself only needs to know that it
    // is over.
    this.#last = result.then(
      () => undefined,
      () => undefined
    )
    return result
  }
}
