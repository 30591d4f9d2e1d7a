import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Time } from './time.ts'

/** What came of one request: a frame without its size, or none because of what happened instead. */
export type Outcome = Buffer | 'connection closed' | 'no answer'

interface Waiting {
  readonly correlationId: number
  readonly resolve: (outcome: Outcome) => void
}

/**
 * A connection that sends any bytes and hands every answer to the request it belongs to, by order.
 * It connects when first used, and again after the broker has closed it.
 */
export class Connection {
  readonly #port: number
  readonly #patienceMs: number
  readonly #time: Time
  #socket: Socket | null = null
  #bytes: Buffer = Buffer.alloc(0)
  #waiting: Waiting[] = []
  #correlationId = 0

  constructor(port: number, patienceMs: number, time: Time) {
    this.#port = port
    this.#patienceMs = patienceMs
    this.#time = time
  }

  nextCorrelationId(): number {
    return ++this.#correlationId
  }

  /** Sends what is not answered when all is well (acks=0). */
  async tell(bytes: Buffer): Promise<void> {
    const socket = await this.#connected()
    this.#time.onTraffic()
    socket.write(bytes)
  }

  /** Sends a whole frame; resolves with what came of it. Never rejects. */
  async ask(correlationId: number, bytes: Buffer): Promise<Outcome> {
    const socket = await this.#connected()
    this.#time.onTraffic()
    return new Promise(resolve => {
      const timer = setTimeout(() => this.#giveUp(socket), this.#patienceMs)
      const settle = (outcome: Outcome): void => {
        clearTimeout(timer)
        resolve(outcome)
      }
      this.#waiting.push({ correlationId, resolve: settle })
      socket.write(bytes)
    })
  }

  async close(): Promise<void> {
    const socket = this.#socket
    if (socket === null) return
    const closed = once(socket, 'close')
    socket.destroy()
    await closed
  }

  /** Answers come in order, so behind one that does not come there is none. */
  #giveUp(socket: Socket): void {
    if (this.#socket === socket) this.#socket = null
    this.#settleAll('no answer')
    socket.destroy()
  }

  #settleAll(outcome: Outcome): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const each of waiting) each.resolve(outcome)
  }

  async #connected(): Promise<Socket> {
    if (this.#socket !== null) return this.#socket
    const socket = connect({ host: '127.0.0.1', port: this.#port, noDelay: true })
    this.#socket = socket
    this.#bytes = Buffer.alloc(0)
    socket.on('data', (bytes: Buffer) => this.#onBytes(bytes))
    socket.on('error', () => {})
    socket.once('close', () => {
      if (this.#socket !== socket) return
      this.#socket = null
      this.#settleAll('connection closed')
    })
    await once(socket, 'connect')
    return socket
  }

  #onBytes(bytes: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes])
    let at = 0
    while (this.#bytes.length - at >= 4) {
      const size = this.#bytes.readInt32BE(at)
      if (this.#bytes.length - at - 4 < size) break
      this.#onFrame(this.#bytes.subarray(at + 4, at + 4 + size))
      at += 4 + size
    }
    this.#bytes = this.#bytes.subarray(at)
  }

  #onFrame(frame: Buffer): void {
    this.#time.onTraffic()
    const correlationId = frame.readInt32BE(0)
    const first = this.#waiting.shift()
    if (first?.correlationId !== correlationId)
      throw new Error(`an answer to request ${correlationId}, which waits for none`)
    first.resolve(frame)
  }
}
