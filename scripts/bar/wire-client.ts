import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { ApiName, Messages } from '../../src/wire/generated/api-table.ts'
import { decodeResponse, encodeRequest } from '../../src/wire/header.ts'

/**
 * One connection that asks and hears, in order. Requests may be sent while answers to earlier ones
 * are awaited.
 */
export class WireClient {
  readonly #socket: Socket
  readonly #waiting: { readonly take: (frame: Buffer) => void; readonly fail: () => void }[] = []
  #pieces: Buffer[] = []
  #size = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (piece: Buffer) => this.#onBytes(piece))
    socket.on('error', () => {})
    socket.on('close', () => {
      for (const { fail } of this.#waiting.splice(0)) fail()
    })
  }

  /** @throws when nobody listens */
  static async connect(port: number): Promise<WireClient> {
    const socket = connect({ host: '127.0.0.1', port })
    await once(socket, 'connect')
    return new WireClient(socket)
  }

  /** @throws when the connection closes before the answer */
  ask<A extends ApiName>(
    apiName: A,
    version: number,
    request: Messages[A]['requestInit']
  ): Promise<Messages[A]['readResponse']> {
    for (const chunk of encodeRequest(apiName, version, 0, 'bar', request)) {
      this.#socket.write(chunk)
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        take: frame => resolve(decodeResponse(apiName, version, frame).response),
        fail: () => reject(new Error(`the connection closed before the answer to ${apiName}`))
      })
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #onBytes(piece: Buffer): void {
    this.#pieces.push(piece)
    this.#size += piece.length
    while (this.#size >= 4) {
      const bytes = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces)
      this.#pieces = [bytes]
      const end = 4 + bytes.readInt32BE(0)
      if (bytes.length < end) return
      this.#pieces = [bytes.subarray(end)]
      this.#size = bytes.length - end
      this.#waiting.shift()?.take(bytes.subarray(4, end))
    }
  }
}
