/** A whole request that may not start yet; its bytes stay as they are. */
export interface WaitingFrame {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
  /** Whether the bytes go back to the pool when nobody looks at them any more. */
  readonly isPooled: boolean
}

/**
 * Requests that wait for those before them, first in, first out. One read may bring ten thousand.
 */
export class WaitingFrames {
  #frames: WaitingFrame[] = []
  #head = 0
  #size = 0

  get count(): number {
    return this.#frames.length - this.#head
  }

  /** Bytes of all of them. */
  get size(): number {
    return this.#size
  }

  get first(): WaitingFrame | null {
    return this.#frames[this.#head] ?? null
  }

  add(frame: WaitingFrame): void {
    this.#frames.push(frame)
    this.#size += frame.end - frame.start
  }

  removeFirst(): void {
    const first = this.first
    if (first === null) return
    this.#size -= first.end - first.start
    this.#head++
    if (this.#head === this.#frames.length) this.clear()
  }

  clear(): void {
    this.#frames = []
    this.#head = 0
    this.#size = 0
  }
}
