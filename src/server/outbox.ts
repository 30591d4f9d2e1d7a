import { writeStallMaxMs } from '../limits.ts'
import type { Writer } from '../wire/writer.ts'
import type { ClientSocket } from './client-socket.ts'
import type { Departures } from './departures.ts'
import type { Exchange } from './exchange.ts'

export interface OutboxOptions {
  readonly socket: ClientSocket
  /** Answers are written with it and taken at once, so one serves all connections. */
  readonly writer: Writer
  readonly departures: Departures
  /** Something was handed to the socket, or the socket has taken it: there may be room again. */
  readonly onProgress: () => void
}

/** The answers of one connection on their way out, in the order in which they are added. */
export class Outbox {
  readonly #options: OutboxOptions
  /** Answers encoded and not handed to the socket. */
  #pieces: Buffer[] = []
  #piecesSize = 0
  #releases: (() => void)[] = []
  #isFlushScheduled = false
  /** Bytes handed to the socket that it has not taken. */
  #unsentSize = 0
  #lastUnsentSize = 0
  /**
   * Whether the client has taken something, or was sent the first that it could, since the last
   * look: a flag costs less than the time of each write.
   */
  #hasProgressed = false
  #lastProgressMs = 0
  #isClosed = false

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** Bytes that the client has still to take. */
  get size(): number {
    return this.#piecesSize + this.#unsentSize
  }

  get isEmpty(): boolean {
    return this.size === 0 && !this.#isFlushScheduled
  }

  /**
   * Encodes the answer of an exchange, if it has one, and sends it in this turn of the event loop
   * (`Departures`).
   *
   * @throws AssertionError for an answer that its version cannot carry
   */
  add(exchange: Exchange): void {
    const { writer } = this.#options
    try {
      exchange.encode(writer)
    } catch (error) {
      writer.reset()
      throw error
    }
    const releases = exchange.takeReleases()
    if (releases !== null) this.#releases.push(...releases)
    if (writer.size > 0) {
      this.#piecesSize += writer.size
      this.#options.departures.worked(writer.size)
      appendChunks(this.#pieces, writer.takeChunks())
    }
    this.flushSoon()
  }

  /** One write for all that is answered in this turn of the event loop, by whichever handlers. */
  flushSoon(): void {
    if (this.#isFlushScheduled || this.#isClosed) return
    this.#isFlushScheduled = true
    this.#options.departures.add(this.#flush)
  }

  /**
   * Whether the client has taken nothing of what waits for it for too long; asked about once a
   * second, which is how exact it is.
   */
  isStalled(nowMs: number): boolean {
    if (this.#unsentSize === 0) return false
    const unsentSize = this.#options.socket.unsentSize()
    if (this.#hasProgressed || unsentSize !== this.#lastUnsentSize) this.#lastProgressMs = nowMs
    this.#hasProgressed = false
    this.#lastUnsentSize = unsentSize
    return nowMs - this.#lastProgressMs > writeStallMaxMs
  }

  /** Forgets what was not handed to the socket; what was is released when the socket is done. */
  close(): void {
    this.#isClosed = true
    this.#pieces = []
    this.#piecesSize = 0
    releaseAll(this.#takeReleases())
  }

  readonly #flush = (): void => {
    this.#isFlushScheduled = false
    if (this.#isClosed) return
    const { socket, onProgress } = this.#options
    const releases = this.#takeReleases()
    const size = this.#piecesSize
    if (size === 0) {
      releaseAll(releases)
      onProgress()
      return
    }
    const pieces = this.#pieces
    this.#pieces = []
    this.#piecesSize = 0
    if (this.#unsentSize === 0) {
      this.#hasProgressed = true
      this.#lastUnsentSize = 0
    }
    this.#unsentSize += size
    socket.write(pieces, () => {
      this.#unsentSize -= size
      releaseAll(releases)
      if (this.#isClosed) return
      this.#hasProgressed = true
      onProgress()
    })
    onProgress()
  }

  #takeReleases(): readonly (() => void)[] {
    const releases = this.#releases
    this.#releases = []
    return releases
  }
}

/**
 * Appends chunks, joining those that lie side by side in memory: small answers share a slab of the
 * writer.
 */
function appendChunks(target: Buffer[], chunks: readonly Buffer[]): void {
  for (const chunk of chunks) {
    const last = target.at(-1)
    const isNeighbour =
      last !== undefined &&
      last.buffer === chunk.buffer &&
      last.byteOffset + last.length === chunk.byteOffset
    if (isNeighbour) {
      const size = last.length + chunk.length
      target[target.length - 1] = Buffer.from(chunk.buffer, last.byteOffset, size)
    } else {
      target.push(chunk)
    }
  }
}

export function releaseAll(releases: readonly (() => void)[]): void {
  for (const release of releases) release()
}
