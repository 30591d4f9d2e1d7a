import { syncsInFlightMax } from '../../limits.ts'

/**
 * The group commit of one log directory. A log that has bytes to make durable asks; its flush
 * covers everything that the log holds when the flush begins, and whoever asks meanwhile is covered
 * by the next one. Flushes of different logs run side by side, so that the file system can commit
 * them together, but not more than `syncsInFlightMax`.
 *
 * A flush begins in a microtask and not at once: all that one turn of the event loop appends shares
 * its sync.
 */
export class Flusher {
  readonly #onFailure: (error: unknown) => void
  #queue: Flush[] = []
  #inFlight = 0
  #finishedCount = 0
  #scheduled = false

  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure
  }

  /** Flushes that have ended: while it grows, the disk does not stand still. */
  get finishedCount(): number {
    return this.#finishedCount
  }

  /**
   * Introduces a log; `run` makes durable what the log holds at the call. A rejection is the end of
   * the directory.
   */
  register(run: () => Promise<void>): Flush {
    return new Flush(this, run)
  }

  enqueue(flush: Flush): void {
    this.#queue.push(flush)
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#startSome()
    })
  }

  #startSome(): void {
    const started = Math.min(this.#queue.length, syncsInFlightMax - this.#inFlight)
    if (started <= 0) return
    const batch = this.#queue.slice(0, started)
    this.#queue = this.#queue.slice(started)
    this.#inFlight += started
    for (const flush of batch) {
      flush
        .start()
        .catch(this.#onFailure)
        .finally(() => {
          this.#inFlight--
          this.#finishedCount++
          flush.finish()
          this.#startSome()
        })
    }
  }
}

/** One log's place in the flusher. */
export class Flush {
  readonly #flusher: Flusher
  readonly #run: () => Promise<void>
  #state: 'idle' | 'queued' | 'running' | 'runningAndAsked' = 'idle'

  constructor(flusher: Flusher, run: () => Promise<void>) {
    this.#flusher = flusher
    this.#run = run
  }

  /** Asks for a flush that begins after this call. */
  request(): void {
    if (this.#state === 'idle') {
      this.#state = 'queued'
      this.#flusher.enqueue(this)
    } else if (this.#state === 'running') {
      this.#state = 'runningAndAsked'
    }
  }

  start(): Promise<void> {
    this.#state = 'running'
    return this.#run()
  }

  finish(): void {
    const asked = this.#state === 'runningAndAsked'
    this.#state = 'idle'
    if (asked) this.request()
  }
}
