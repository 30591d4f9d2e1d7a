import net from 'node:net'
import { assert } from '../base/assert.ts'
import { failure, success, type Result } from '../base/result.ts'
import { writeAtOnce } from '../io/node-descriptor.ts'
import { directWriteSizeMax, keepAliveDelayMs, listenBacklog, readBufferSize } from '../limits.ts'
import type { ClientSocket, SocketEvents } from './client-socket.ts'

/** What a listening address could not give. */
export type ListenError =
  'PORT_IN_USE' | 'PORT_NOT_PERMITTED' | 'ADDRESS_NOT_AVAILABLE' | 'LISTEN_FAILED'

export interface ListenerOptions {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  /** Whether the listener and its connections keep the process running. */
  readonly keepProcessAlive: boolean
  /** Whether reads may share one buffer where the runtime allows it; without, it is slower. */
  readonly sharesReadBuffer: boolean
  /** Takes a new connection and says who hears of it; null refuses it, and it is closed. */
  accept(socket: ClientSocket): SocketEvents | null
  /** Hears of the port before a connection to it can be accepted. */
  onBound?(port: number): void
}

/** A TCP address that accepts connections. The only file that knows `node:net`. */
export class Listener {
  readonly host: string
  readonly port: number
  readonly #server: net.Server

  /**
   * Binds the address.
   *
   * @returns PORT_IN_USE, PORT_NOT_PERMITTED (below 1024 without the right), ADDRESS_NOT_AVAILABLE
   *   (not an address of this machine, or a name that does not resolve), LISTEN_FAILED for anything
   *   else; each with a sentence
   */
  static open(options: ListenerOptions): Promise<Result<Listener, ListenError>> {
    const { host, port } = options
    const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }, socket =>
      adopt(socket, options)
    )
    return new Promise(resolve => {
      server.once('error', error => resolve(listenFailure(error, host, port)))
      server.listen({ host, port, backlog: listenBacklog }, () => {
        server.removeAllListeners('error')
        // Running out of descriptors is reported here. The listener lives on: connections end and
        // make room.
        server.on('error', () => {})
        if (!options.keepProcessAlive) server.unref()
        const listener = new Listener(server, host)
        options.onBound?.(listener.port)
        resolve(success(listener))
      })
    })
  }

  private constructor(server: net.Server, host: string) {
    this.#server = server
    this.host = host
    const address = server.address()
    assert(address !== null && typeof address !== 'string', 'a bound TCP server has a port')
    this.port = address.port
  }

  /** Stops accepting at once; resolves when every connection that it accepted is gone. */
  close(): Promise<void> {
    return new Promise(resolve => {
      this.#server.close(() => resolve())
    })
  }
}

/** What the system says of an address that is not this machine's, or of a name without one. */
const foreignAddressCodes: ReadonlySet<string> = new Set([
  'EADDRNOTAVAIL',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EINVAL'
])

function listenFailure(error: Error, host: string, port: number): Result<never, ListenError> {
  const address = `${host}:${port}`
  const code = 'code' in error ? error.code : null
  if (code === 'EADDRINUSE')
    return failure('PORT_IN_USE', `${address} is in use by another program`)
  if (code === 'EACCES' || code === 'EPERM')
    return failure('PORT_NOT_PERMITTED', `this user may not listen on ${address}`)
  if (typeof code === 'string' && foreignAddressCodes.has(code))
    return failure('ADDRESS_NOT_AVAILABLE', `${host} is not an address of this machine`)
  return failure('LISTEN_FAILED', `cannot listen on ${address}: ${error.message}`)
}

/** What Node keeps below a socket. Semi-private, therefore tested for before it is used. */
interface Handle {
  useUserBuffer?: unknown
  writeQueueSize?: number
  /** Negative when it has none. */
  fd?: number
}
interface SocketWithHandle {
  _handle?: Handle | null
}

function handleOf(socket: net.Socket): Handle | null {
  const holder: SocketWithHandle = withHandle(socket)
  // oxlint-disable-next-line no-underscore-dangle -- Node's name
  return holder._handle ?? null
}

/** Leaves the accepted socket without its handle, which another socket takes over. */
function detachHandle(socket: net.Socket): void {
  // oxlint-disable-next-line no-underscore-dangle -- Node's name
  withHandle(socket)._handle = null
}

function withHandle(socket: net.Socket): SocketWithHandle {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the types leave it out
  return socket as unknown as SocketWithHandle
}

/**
 * Every read of every connection lands here, one after the other: the system fills it and the
 * callback empties it before the next read. That saves an allocation per read and lets one read be
 * four times as large.
 */
let readBuffer: Buffer | null = null

function adopt(accepted: net.Socket, options: ListenerOptions): void {
  const { remoteAddress, remotePort } = accepted
  if (remoteAddress === undefined) {
    accepted.destroy()
    return
  }
  const handle = handleOf(accepted)
  // Windows reads ahead into the buffer, so it cannot be shared there.
  const canShareBuffer =
    options.sharesReadBuffer &&
    process.platform !== 'win32' &&
    typeof handle?.useUserBuffer === 'function'
  if (canShareBuffer) detachHandle(accepted)
  let events: SocketEvents | null = null
  const socket = canShareBuffer
    ? overSharedBuffer(handle, bytes => events?.onBytes(bytes.buffer, bytes.end))
    : accepted
  // The listener counts the socket that it accepted, so that one has to go as well.
  if (canShareBuffer) socket.once('close', () => accepted.destroy())
  if (!options.keepProcessAlive) socket.unref()
  socket.setNoDelay(true)
  // A client whose machine is gone would otherwise be waited for while its request is parked.
  socket.setKeepAlive(true, keepAliveDelayMs)
  const direct = canShareBuffer ? handle : null
  const client = new NetSocket(socket, direct, shortAddress(remoteAddress), remotePort ?? 0)
  events = options.accept(client)
  if (events === null) {
    socket.on('error', () => {})
    socket.destroy()
    return
  }
  listen(socket, events, canShareBuffer)
}

function overSharedBuffer(
  handle: Handle | null,
  onBytes: (bytes: { buffer: Buffer; end: number }) => void
): net.Socket {
  readBuffer ??= Buffer.allocUnsafeSlow(readBufferSize)
  const bytes = { buffer: readBuffer, end: 0 }
  const callback = (end: number): boolean => {
    bytes.end = end
    onBytes(bytes)
    return true
  }
  // `handle` and `onread` together are what an outgoing connection uses inside; the types know only
  // the outside.
  const options = { handle, readable: true, writable: true, allowHalfOpen: true }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the types leave both out
  return new net.Socket({
    ...options,
    onread: { buffer: readBuffer, callback }
  } as unknown as net.SocketConstructorOpts)
}

function listen(socket: net.Socket, events: SocketEvents, sharesBuffer: boolean): void {
  let broken: Error | null = null
  socket.on('error', error => {
    broken = error
  })
  socket.on('end', () => events.onEnd())
  socket.on('close', () => events.onClose(broken))
  if (sharesBuffer) {
    socket.read(0)
  } else {
    socket.on('data', bytes => events.onBytes(bytes, bytes.length))
    socket.resume()
  }
}

/** `::ffff:10.0.0.1` is 10.0.0.1 seen through a socket for both families. */
function shortAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
}

class NetSocket implements ClientSocket {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly #socket: net.Socket
  readonly #direct: Handle | null
  readonly #descriptor: number

  /** @param direct the handle of plain TCP whose descriptor may be written to; null without one */
  constructor(
    socket: net.Socket,
    direct: Handle | null,
    remoteAddress: string,
    remotePort: number
  ) {
    this.#socket = socket
    this.#direct = direct
    this.#descriptor = direct?.fd ?? -1
    this.remoteAddress = remoteAddress
    this.remotePort = remotePort
  }

  write(pieces: readonly Uint8Array[], onWritten: () => void): void {
    const last = pieces.length - 1
    if (last > 0) this.#socket.cork()
    for (let index = 0; index < last; index++) this.#socket.write(pieces[index]!)
    const piece = pieces[last]!
    const taken = last === 0 ? this.#takenAtOnce(piece) : 0
    if (taken === piece.length) onWritten()
    else this.#socket.write(taken === 0 ? piece : piece.subarray(taken), onWritten)
    if (last > 0) this.#socket.uncork()
  }

  /**
   * Writes a small answer past the machinery of streams, which costs as much as all that is done
   * for a small request besides system calls. Only while nothing waits in there, and while the
   * descriptor is this socket's.
   *
   * @returns the number of bytes that the system has taken
   */
  #takenAtOnce(piece: Uint8Array): number {
    const isDirect = this.#descriptor >= 0 && handleOf(this.#socket) === this.#direct
    if (!isDirect || piece.length > directWriteSizeMax) return 0
    return this.#socket.writableLength > 0 ? 0 : writeAtOnce(this.#descriptor, piece)
  }

  unsentSize(): number {
    return this.#socket.writableLength + (handleOf(this.#socket)?.writeQueueSize ?? 0)
  }

  pauseReading(): void {
    this.#socket.pause()
  }

  resumeReading(): void {
    this.#socket.resume()
  }

  keepProcessAlive(): void {
    this.#socket.ref()
  }

  end(): void {
    this.#socket.destroySoon()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
