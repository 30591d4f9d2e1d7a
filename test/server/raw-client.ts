import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { decodeResponse, encodeRequest } from '../../src/wire/header.ts'
import type { ApiName, Messages } from '../../src/wire/generated/api-table.ts'

/** A client that sends whatever bytes a test wants, and collects the frames that come back. */
export class RawClient {
  readonly socket: Socket
  /** Whole response frames that nobody has asked for, without their size. */
  readonly #frames: Buffer[] = []
  readonly #waiting: ((frame: Buffer | null) => void)[] = []
  #bytes: Buffer = Buffer.alloc(0)
  #isClosed = false
  /** Resolves when the connection is gone, however it went. */
  readonly closed: Promise<void>

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', bytes => this.#onBytes(bytes))
    socket.on('error', () => {})
    this.closed = new Promise(resolve => {
      socket.once('close', () => {
        this.#isClosed = true
        for (const resolveWaiting of this.#waiting) resolveWaiting(null)
        resolve()
      })
    })
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', port })
    const client = new RawClient(socket)
    await once(socket, 'connect')
    socket.setNoDelay(true)
    return client
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Frames that have arrived and were not taken. */
  get unreadCount(): number {
    return this.#frames.length
  }

  send(bytes: Uint8Array | string): void {
    this.socket.write(bytes)
  }

  request<A extends ApiName>(
    apiName: A,
    version: number,
    correlationId: number,
    request: Messages[A]['requestInit']
  ): void {
    this.send(requestBytes(apiName, version, correlationId, request))
  }

  /** Sends a request and takes the next answer for its own: answers come in order. */
  async ask<A extends ApiName>(
    apiName: A,
    version: number,
    request: Messages[A]['requestInit']
  ): Promise<Messages[A]['readResponse']> {
    for (const chunk of encodeRequest(apiName, version, 0, 'raw', request)) this.send(chunk)
    return (await this.answer(apiName, version)).response
  }

  /** The next frame, or null when the connection closes before there is one. */
  nextFrame(): Promise<Buffer | null> {
    const frame = this.#frames.shift()
    if (frame !== undefined) return Promise.resolve(frame)
    if (this.#isClosed) return Promise.resolve(null)
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  async answer<A extends ApiName>(
    apiName: A,
    version: number
  ): Promise<{ correlationId: number; response: Messages[A]['readResponse'] }> {
    const frame = await this.nextFrame()
    if (frame === null) throw new Error('the connection closed before the answer')
    return decodeResponse(apiName, version, frame)
  }

  /** Correlation ids of the next answers, in the order in which they arrive. */
  async correlationIds(count: number): Promise<readonly number[]> {
    const ids: number[] = []
    for (let index = 0; index < count; index++) {
      const frame = await this.nextFrame()
      if (frame === null) throw new Error(`the connection closed after ${index} answers`)
      ids.push(frame.readInt32BE(0))
    }
    return ids
  }

  async close(): Promise<void> {
    this.socket.destroy()
    await this.closed
  }

  #onBytes(bytes: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes])
    let at = 0
    while (this.#bytes.length - at >= 4) {
      const size = this.#bytes.readInt32BE(at)
      if (this.#bytes.length - at - 4 < size) break
      const frame = this.#bytes.subarray(at + 4, at + 4 + size)
      at += 4 + size
      const resolve = this.#waiting.shift()
      if (resolve === undefined) this.#frames.push(frame)
      else resolve(frame)
    }
    this.#bytes = this.#bytes.subarray(at)
  }
}

export function requestBytes<A extends ApiName>(
  apiName: A,
  version: number,
  correlationId: number,
  request: Messages[A]['requestInit']
): Buffer {
  return Buffer.concat(encodeRequest(apiName, version, correlationId, 'raw', request))
}

/** A frame with any body. */
export function frame(body: Uint8Array): Buffer {
  const size = Buffer.alloc(4)
  size.writeInt32BE(body.length)
  return Buffer.concat([size, body])
}

/** The header of a request, v1. */
export function header(apiKey: number, apiVersion: number, correlationId = 1): Buffer {
  const bytes = Buffer.alloc(10)
  bytes.writeInt16BE(apiKey, 0)
  bytes.writeInt16BE(apiVersion, 2)
  bytes.writeInt32BE(correlationId, 4)
  bytes.writeInt16BE(-1, 8)
  return bytes
}
