import { Cancellation } from '../base/cancellation.ts'
import type { Clock } from '../io/clock.ts'
import {
  answersUnsentSizeMax,
  producesInFlightMax,
  requestArrivalMaxMs,
  requestArrivalRateMin
} from '../limits.ts'
import type { Answer, Services } from '../handlers/handler.ts'
import type { Logger } from '../telemetry/logger.ts'
import { emptyBuffer } from '../wire/empty-buffer.ts'
import { FrameSplitter } from '../wire/frame.ts'
import type { ApiName } from '../wire/generated/api-table.ts'
import { MalformedRequest } from '../wire/malformed-request.ts'
import type { Writer } from '../wire/writer.ts'
import type { ClientSocket, SocketEvents } from './client-socket.ts'
import type { Departures } from './departures.ts'
import { describeApi, type Dispatch } from './dispatch.ts'
import type { Exchange, Origin } from './exchange.ts'
import { describeForeignBytes } from './foreign-bytes.ts'
import { Outbox, releaseAll } from './outbox.ts'
import type { FramePool } from './frame-pool.ts'
import type { MemoryHolder, RequestMemory } from './request-memory.ts'
import { WaitingFrames, type WaitingFrame } from './waiting-frames.ts'

/** What all connections of a server share. */
export interface ConnectionEnvironment {
  readonly services: Services
  readonly dispatch: Dispatch
  readonly memory: RequestMemory
  readonly framePool: FramePool
  /** Bytes of one request, at most. */
  readonly requestSizeMax: number
  /** A connection that is silent for so long is closed. */
  readonly idleMaxMs: number
  /** For the answers of all connections. */
  readonly writer: Writer
  readonly departures: Departures
  readonly clock: Clock
  readonly logger: Logger
  /** A bug of ours, or a broken disk: the broker must stop. */
  onFailure(error: unknown): void
}

/**
 * - `open`: reads requests and answers them.
 * - `finishing`: reads nothing more; closes when what was started is answered and the answers are
 *   out.
 * - `closed`: the socket is gone or about to be; answers that come late are dropped.
 */
type State = 'open' | 'finishing' | 'closed'

/**
 * One client: bytes to requests, requests to handlers, answers back in the order of the requests.
 *
 * A request starts when those before it are answered and the client has taken nearly all of the
 * answers; only Produce requests may overlap. What arrives meanwhile waits here: the rest of one
 * read and one request that has begun, after which the socket is not read. So a client can hold no
 * more than that, however fast it sends or slowly it reads.
 */
export class Connection implements SocketEvents, MemoryHolder, Origin {
  readonly services: Services
  readonly connectionId: string
  readonly clientHost: string
  readonly listenerName: string
  readonly #environment: ConnectionEnvironment
  readonly #socket: ClientSocket
  readonly #onGone: () => void
  readonly #splitter: FrameSplitter
  readonly cancellation = new Cancellation()
  #state: State = 'open'
  /** Requests begun and not yet answered towards the client, oldest first. */
  #exchanges: Exchange[] = []
  #runningCount = 0
  #runningOthersCount = 0
  readonly #waiting = new WaitingFrames()
  #isStarting = false
  #isReading = true
  /** Bytes of requests that this connection holds, as `memory` knows it. */
  #heldSize = 0
  readonly #outbox: Outbox
  /**
   * First bytes of the connection, to tell what it was if it is not Kafka; empty once a request was
   * understood.
   */
  #firstBytes: Buffer | null = null
  /**
   * Whether something was read or sent, and whether a request has begun to arrive, since the last
   * sweep, which then notes the time: reading the clock at each would cost a small request a
   * fortieth of its CPU.
   */
  #wasActive = false
  #hasNewFrame = false
  #lastActivityMs: number
  #frameBeganMs = 0

  constructor(
    environment: ConnectionEnvironment,
    socket: ClientSocket,
    id: { readonly connectionId: string; readonly listenerName: string },
    onGone: () => void
  ) {
    this.#environment = environment
    this.#socket = socket
    this.#onGone = onGone
    this.#splitter = new FrameSplitter(environment.requestSizeMax, environment.framePool)
    this.#outbox = new Outbox({
      socket,
      writer: environment.writer,
      departures: environment.departures,
      onProgress: () => this.#onProgress()
    })
    this.services = environment.services
    this.connectionId = id.connectionId
    this.listenerName = id.listenerName
    this.clientHost = socket.remoteAddress
    this.#lastActivityMs = environment.clock.monotonicMs()
  }

  monotonicMs(): number {
    return this.#environment.clock.monotonicMs()
  }

  onBytes(bytes: Buffer, end: number): void {
    if (this.#state !== 'open') return
    this.#firstBytes ??= Buffer.from(bytes.subarray(0, Math.min(end, 16)))
    this.#wasActive = true
    this.#environment.departures.worked(end)
    const wasInFrame = this.#splitter.inFrame
    try {
      this.#splitter.push(bytes, 0, end, this.#onFrame)
    } catch (error) {
      this.#refuse(error, 'frame')
      return
    }
    if (this.#splitter.inFrame && !wasInFrame) this.#hasNewFrame = true
    this.#accountAndRead()
  }

  /**
   * The client has closed its side: what it sent before is still done, for acks=0 it is all there
   * is.
   */
  onEnd(): void {
    this.cancellation.cancel()
    this.#finish()
  }

  onClose(error: Error | null): void {
    if (error !== null)
      this.#environment.logger.debug('connection broke', this.#fields({ reason: error.message }))
    this.#close()
    this.#onGone()
  }

  onRoom(): void {
    this.#accountAndRead()
  }

  /** Lets what was started finish, then closes: the broker stops. */
  finish(): void {
    this.#waiting.clear()
    this.#socket.keepProcessAlive()
    this.cancellation.cancel()
    this.#finish()
  }

  /** Closes at once. */
  destroy(): void {
    this.#close()
  }

  /**
   * Closes a connection that is silent, too slow to send, or does not read. Called about once a
   * second.
   */
  sweep(nowMs: number): void {
    if (this.#state === 'closed') return
    if (this.#wasActive) this.#lastActivityMs = nowMs
    if (this.#hasNewFrame) this.#frameBeganMs = nowMs
    this.#wasActive = false
    this.#hasNewFrame = false
    if (this.#outbox.isStalled(nowMs)) {
      this.#drop('takes nothing of its answers')
      return
    }
    if (this.#splitter.inFrame && this.#isReading) {
      const elapsedMs = nowMs - this.#frameBeganMs
      const expectedSize = (elapsedMs / 1000) * requestArrivalRateMin
      if (elapsedMs > requestArrivalMaxMs && this.#splitter.heldSize < expectedSize)
        this.#drop('sends a request too slowly')
      return
    }
    const { idleMaxMs } = this.#environment
    const isBusy = this.#exchanges.length > 0 || !this.#outbox.isEmpty
    if (!isBusy && idleMaxMs >= 0 && nowMs - this.#lastActivityMs > idleMaxMs) {
      this.#environment.logger.debug('connection idle, closed', this.#fields())
      this.#close()
    }
  }

  readonly #onFrame = (bytes: Buffer, start: number, end: number, owned: boolean): void => {
    if (this.#state !== 'open') return
    this.#hasNewFrame = true
    if (this.#waiting.count === 0 && this.#mayStart(bytes, start)) {
      this.#start({ bytes, start, end, isPooled: owned }, !owned)
    } else if (owned) {
      this.#waiting.add({ bytes, start, end, isPooled: true })
    } else {
      this.#waiting.add(copied(bytes, start, end))
    }
  }

  #mayStart(bytes: Buffer, start: number): boolean {
    if (this.#outbox.size > answersUnsentSizeMax) return false
    if (this.#runningCount === 0) return true
    return (
      this.#runningOthersCount === 0 &&
      this.#runningCount < producesInFlightMax &&
      this.#environment.dispatch.isProduce(bytes, start)
    )
  }

  /**
   * Starts a request. Pooled bytes go back to the pool once nobody looks at them: when the handler
   * has returned, or with the answer for those few requests that keep them.
   *
   * @param isShared whether the bytes are about to be read over
   */
  #start(frame: WaitingFrame, isShared = false): void {
    const { dispatch, framePool } = this.#environment
    const keeps = dispatch.keepsBytes(frame.bytes, frame.start)
    const own = keeps && isShared ? copied(frame.bytes, frame.start, frame.end) : frame
    const { bytes, start, end, isPooled } = own
    const exchange = this.#open(bytes, start, end)
    if (exchange !== null && keeps) {
      exchange.heldSize = end - start
      if (isPooled) exchange.onAnswered(() => framePool.give(bytes))
    }
    if (exchange !== null) this.#run(exchange)
    if (isPooled && !(exchange !== null && keeps)) framePool.give(bytes)
  }

  /** Reads a request; null when it is none, or when it is answered already. */
  #open(bytes: Buffer, start: number, end: number): Exchange | null {
    let exchange: Exchange
    try {
      exchange = this.#environment.dispatch.open(bytes, start, end, this)
    } catch (error) {
      this.#refuse(error, 'request')
      return null
    }
    this.#firstBytes = emptyBuffer
    this.#exchanges.push(exchange)
    if (!exchange.isAnswered) return exchange
    this.#collect()
    return null
  }

  #run(exchange: Exchange): void {
    const isProduce = exchange.definition.name === 'Produce'
    this.#runningCount++
    if (!isProduce) this.#runningOthersCount++
    let answer: Answer<ApiName> | Promise<Answer<ApiName>>
    try {
      answer = exchange.run()
    } catch (error) {
      this.#fail(exchange, error)
      return
    }
    if (answer instanceof Promise) {
      answer.then(
        settled => this.#settle(exchange, settled),
        error => this.#fail(exchange, error)
      )
    } else {
      this.#settle(exchange, answer)
    }
  }

  #settle(exchange: Exchange, answer: Answer<ApiName>): void {
    this.#runningCount--
    if (exchange.definition.name !== 'Produce') this.#runningOthersCount--
    exchange.settle(answer)
    exchange.heldSize = 0
    // The connection may have ended meanwhile, or be about to end before this answer's turn.
    if (this.#state !== 'open' && !this.#exchanges.includes(exchange)) {
      releaseAll(exchange.takeReleases() ?? [])
      return
    }
    this.#collect()
    this.#startWaiting()
  }

  /** A handler threw. Bytes that are not Kafka may hide inside a field; anything else is a bug. */
  #fail(exchange: Exchange, error: unknown): void {
    if (!(error instanceof MalformedRequest)) {
      this.#environment.onFailure(error)
      return
    }
    this.#runningCount--
    if (exchange.definition.name !== 'Produce') this.#runningOthersCount--
    this.#exchanges = this.#exchanges.filter(other => other !== exchange)
    releaseAll(exchange.takeReleases() ?? [])
    const apiKey = exchange.definition.key
    this.#logRefusal(error, describeApi({ apiKey, apiVersion: exchange.apiVersion }))
    this.#finish()
  }

  /** Sends the answers that are next in order. */
  #collect(): void {
    let count = 0
    try {
      for (const exchange of this.#exchanges) {
        if (!exchange.isAnswered) break
        count++
        this.#outbox.add(exchange)
        if (!exchange.closesConnection) continue
        this.#environment.logger.debug('acks=0 failed, connection closed', this.#fields())
        this.#forgetExchanges(count)
        this.#waiting.clear()
        this.#finish()
        return
      }
    } catch (error) {
      this.#environment.onFailure(error)
      return
    }
    if (count === this.#exchanges.length) this.#exchanges.length = 0
    else if (count > 0) this.#exchanges = this.#exchanges.slice(count)
  }

  /** Answers nothing more; what still runs is released when it has run. */
  #forgetExchanges(answeredCount = 0): void {
    const forgotten = this.#exchanges.slice(answeredCount)
    this.#exchanges = []
    for (const exchange of forgotten)
      if (exchange.isAnswered) releaseAll(exchange.takeReleases() ?? [])
  }

  #onProgress(): void {
    this.#wasActive = true
    this.#startWaiting()
  }

  #startWaiting(): void {
    if (this.#isStarting || this.#state === 'closed') return
    this.#isStarting = true
    // A request that is refused, or a failed acks=0, empties the queue in the middle.
    for (let next = this.#waiting.first; next !== null; next = this.#waiting.first) {
      if (!this.#mayStart(next.bytes, next.start)) break
      this.#waiting.removeFirst()
      this.#start(next)
    }
    this.#isStarting = false
    this.#accountAndRead()
    this.#endWhenDone()
  }

  /** Tells the memory what is held, and reads on or stops reading. */
  #accountAndRead(): void {
    if (this.#state === 'closed') return
    const { memory } = this.#environment
    let heldSize = this.#splitter.heldSize + this.#waiting.size
    for (const exchange of this.#exchanges) heldSize += exchange.heldSize
    const delta = heldSize - this.#heldSize
    this.#heldSize = heldSize
    if (delta !== 0) memory.change(delta)
    const reads =
      this.#state === 'open' &&
      this.#waiting.count === 0 &&
      memory.mayRead(this, this.#splitter.inFrame)
    if (reads === this.#isReading) return
    this.#isReading = reads
    if (reads) {
      this.#hasNewFrame = true
      this.#socket.resumeReading()
    } else {
      this.#socket.pauseReading()
    }
  }

  #refuse(error: unknown, what: 'frame' | 'request'): void {
    if (!(error instanceof MalformedRequest)) {
      this.#environment.onFailure(error)
      return
    }
    const hint = describeForeignBytes(this.#firstBytes ?? emptyBuffer)
    this.#logRefusal(error, what, hint)
    this.#waiting.clear()
    this.#finish()
  }

  #logRefusal(error: Error, api: string, hint: string | null = null): void {
    const fields = { api, reason: error.message, ...(hint === null ? {} : { hint }) }
    this.#environment.logger.warn('not a Kafka request, connection closed', this.#fields(fields))
  }

  /** Reads nothing more; closes when what was started is answered. */
  #finish(): void {
    if (this.#state !== 'open') return
    this.#state = 'finishing'
    this.#accountAndRead()
    this.#outbox.flushSoon()
  }

  #endWhenDone(): void {
    if (this.#state !== 'finishing' || !this.#outbox.isEmpty) return
    if (this.#exchanges.length > 0 || this.#waiting.count > 0) return
    this.#close(true)
  }

  #drop(reason: string): void {
    this.#environment.logger.warn('connection closed', this.#fields({ reason }))
    this.#close()
  }

  #close(gently = false): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.cancellation.cancel()
    this.#environment.memory.change(-this.#heldSize)
    this.#heldSize = 0
    this.#environment.memory.leave(this)
    this.#waiting.clear()
    this.#forgetExchanges()
    this.#outbox.close()
    if (gently) this.#socket.end()
    else this.#socket.destroy()
  }

  #fields(more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
    const { remoteAddress, remotePort } = this.#socket
    return { connection: this.connectionId, client: `${remoteAddress}:${remotePort}`, ...more }
  }
}

/** A frame in memory of its own, for the shared buffer is about to be read into again. */
function copied(bytes: Buffer, start: number, end: number): WaitingFrame {
  const copy = Buffer.from(bytes.subarray(start, end))
  return { bytes: copy, start: 0, end: copy.length, isPooled: false }
}
