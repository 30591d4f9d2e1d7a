import { connect, type Socket } from 'node:net'
import { once } from 'node:events'

/**
 * A bare Kafka connection for load: it sends frames that were made beforehand and hears of every
 * answer, without decoding it. What a client library would cost stays out of the figures.
 */
export class LoadConnection {
  readonly #socket: Socket
  readonly #onAnswer: (size: number, head: Buffer) => void
  readonly #head = Buffer.alloc(headSize)
  /** Bytes of the present answer that have come, length prefix included. */
  #received = 0
  /** Bytes that it has in all; known once its prefix is there. */
  #total = 0

  /**
   * @param onAnswer called once per answer, with its size in bytes (without the length prefix) and
   *   its first `headSize` bytes (length prefix included), valid during the call
   */
  private constructor(socket: Socket, onAnswer: (size: number, head: Buffer) => void) {
    this.#socket = socket
    this.#onAnswer = onAnswer
  }

  static async open(
    host: string,
    port: number,
    onAnswer: (size: number, head: Buffer) => void
  ): Promise<LoadConnection> {
    let connection: LoadConnection | undefined
    const received = Buffer.allocUnsafe(256 * 1024)
    const socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: received,
        callback: size => {
          connection!.#feed(received, size)
          return true
        }
      }
    })
    connection = new LoadConnection(socket, onAnswer)
    await once(socket, 'connect')
    return connection
  }

  send(frame: Buffer): void {
    this.#socket.write(frame)
  }

  close(): void {
    this.#socket.destroy()
  }

  #feed(buffer: Buffer, size: number): void {
    let at = 0
    while (at < size) {
      const wanted = this.#received < 4 ? 4 - this.#received : this.#total - this.#received
      const taken = Math.min(wanted, size - at)
      if (this.#received < headSize) buffer.copy(this.#head, this.#received, at, at + taken)
      this.#received += taken
      at += taken
      if (this.#received === 4) this.#total = 4 + this.#head.readInt32BE(0)
      if (this.#received > 4 && this.#received === this.#total) {
        this.#received = 0
        this.#onAnswer(this.#total - 4, this.#head)
      }
    }
  }
}

/** Bytes of an answer that a load run may look at. */
export const headSize = 128
