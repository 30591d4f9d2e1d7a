/**
 * Runs one piece of work at a time, and once for all who ask while a run is under way: their
 * promise is that of a run that begins after they asked. What a sync of a folder or a rewrite of a
 * checkpoint needs.
 */
export class Coalesced {
  readonly #run: () => Promise<void>
  #running: Promise<void> | null = null
  #next: Promise<void> | null = null

  constructor(run: () => Promise<void>) {
    this.#run = run
  }

  request(): Promise<void> {
    if (this.#next !== null) return this.#next
    if (this.#running === null) return this.#start()
    this.#next = this.#running.then(
      () => this.#start(),
      () => this.#start()
    )
    return this.#next
  }

  #start(): Promise<void> {
    this.#next = null
    const running = this.#run().finally(() => {
      if (this.#running === running) this.#running = null
    })
    this.#running = running
    return running
  }
}
