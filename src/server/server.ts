import { success, type Result } from '../base/result.ts'
import type { Services } from '../handlers/handler.ts'
import type { Alarm, Clock } from '../io/clock.ts'
import { atEndOfTurn } from '../io/node-turn.ts'
import {
  connectionIdleMaxMs,
  connectionSweepIntervalMs,
  connectionsMax,
  connectionsPerAddressMax,
  requestSizeMax,
  requestsTotalSizeMax
} from '../limits.ts'
import type { Logger } from '../telemetry/logger.ts'
import { Writer } from '../wire/writer.ts'
import type { ClientSocket, SocketEvents } from './client-socket.ts'
import { Connection, type ConnectionEnvironment } from './connection.ts'
import { Departures } from './departures.ts'
import type { Dispatch } from './dispatch.ts'
import { FramePool } from './frame-pool.ts'
import { Listener, type ListenError } from './listener.ts'
import { RequestMemory } from './request-memory.ts'

/** Where the broker listens; `name` is what Kafka calls the listener. */
export interface ListenAddress {
  readonly name: string
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
}

export interface ServerOptions {
  readonly dispatch: Dispatch
  readonly services: Services
  readonly clock: Clock
  readonly logger: Logger
  /** Whether listeners and connections keep the process running. */
  readonly keepProcessAlive: boolean
  /** Default true; false is for tests of the slower way. */
  readonly sharesReadBuffer?: boolean
  /** A bug of ours, or a broken disk: the broker must stop. */
  onFailure(error: unknown): void
  /** Smaller bounds, for tests. */
  readonly bounds?: Partial<ServerBounds>
}

/** What is configured may lower the bounds of limits.ts, and the idle time may be any. */
export interface ServerBounds {
  readonly connections: number
  readonly connectionsPerAddress: number
  /** Bytes of one request. */
  readonly requestSize: number
  /**
   * A connection that is silent for so long is closed; negative: never. Kafka:
   * connections.max.idle.ms.
   */
  readonly idleMs: number
  /** Bytes. */
  readonly requestsTotalSize: number
}

const maxima: ServerBounds = {
  connections: connectionsMax,
  connectionsPerAddress: connectionsPerAddressMax,
  requestSize: requestSizeMax,
  idleMs: connectionIdleMaxMs,
  requestsTotalSize: requestsTotalSizeMax
}

function withinMaxima(bounds: Partial<ServerBounds>): ServerBounds {
  const least = (name: keyof ServerBounds): number =>
    Math.min(maxima[name], bounds[name] ?? Infinity)
  return {
    connections: least('connections'),
    connectionsPerAddress: least('connectionsPerAddress'),
    requestSize: least('requestSize'),
    idleMs: bounds.idleMs ?? maxima.idleMs,
    requestsTotalSize: least('requestsTotalSize')
  }
}

/** All listeners and connections of a broker. */
export class Server {
  readonly #options: ServerOptions
  readonly #bounds: ServerBounds
  readonly #memory: RequestMemory
  readonly #connections = new Set<Connection>()
  readonly #countByAddress = new Map<string, number>()
  readonly #listeners: Listener[] = []
  #listenersClosed: Promise<unknown> | null = null
  readonly #environment: ConnectionEnvironment
  #nextConnectionId = 1
  #sweepAlarm: Alarm | null = null
  #isStopping = false
  #onEmpty: (() => void) | null = null

  constructor(options: ServerOptions) {
    this.#options = options
    this.#bounds = withinMaxima(options.bounds ?? {})
    this.#memory = new RequestMemory(this.#bounds.requestsTotalSize)
    this.#environment = {
      services: options.services,
      dispatch: options.dispatch,
      memory: this.#memory,
      framePool: new FramePool(),
      requestSizeMax: this.#bounds.requestSize,
      idleMaxMs: this.#bounds.idleMs,
      writer: new Writer(),
      departures: new Departures(atEndOfTurn),
      clock: options.clock,
      logger: options.logger,
      onFailure: error => options.onFailure(error)
    }
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  /** Bytes of requests held by all connections. */
  get heldSize(): number {
    return this.#memory.size
  }

  /**
   * Listens on every address and answers from then on.
   *
   * @param onBound hears of each port before a request from it can arrive
   * @returns an error for the first address that cannot be had; nothing stays bound then
   */
  async listen(
    addresses: readonly ListenAddress[],
    onBound: (address: ListenAddress, port: number) => void
  ): Promise<Result<void, ListenError>> {
    for (const address of addresses) {
      const { host, port, name } = address
      const opened = await Listener.open({
        host,
        port,
        keepProcessAlive: this.#options.keepProcessAlive,
        sharesReadBuffer: this.#options.sharesReadBuffer ?? true,
        accept: socket => this.#accept(socket, name),
        onBound: boundPort => onBound(address, boundPort)
      })
      if (!opened.ok) {
        await this.destroy()
        return opened
      }
      this.#listeners.push(opened.value)
    }
    return success(undefined)
  }

  /** Takes no new connections and no new requests; resolves when what was begun is answered. */
  async finish(): Promise<void> {
    this.#isStopping = true
    void this.#closeListeners()
    const empty = new Promise<void>(resolve => {
      this.#onEmpty = resolve
    })
    for (const connection of this.#connections) connection.finish()
    if (this.#connections.size > 0) await empty
  }

  /** Closes everything at once; nothing more is written. */
  async destroy(): Promise<void> {
    this.#isStopping = true
    this.#sweepAlarm?.cancel()
    this.#sweepAlarm = null
    for (const connection of this.#connections) connection.destroy()
    await this.#closeListeners()
  }

  async #closeListeners(): Promise<void> {
    this.#listenersClosed ??= Promise.all(this.#listeners.map(listener => listener.close()))
    await this.#listenersClosed
  }

  #accept(socket: ClientSocket, listenerName: string): SocketEvents | null {
    if (this.#isStopping) return null
    const address = socket.remoteAddress
    const reason = this.#refusalReason(address)
    if (reason !== null) {
      this.#options.logger.warn('connection refused', { client: address, reason })
      return null
    }
    const connectionId = String(this.#nextConnectionId++)
    const connection = new Connection(
      this.#environment,
      socket,
      { connectionId, listenerName },
      () => this.#forget(connection, address)
    )
    this.#connections.add(connection)
    this.#countByAddress.set(address, (this.#countByAddress.get(address) ?? 0) + 1)
    this.#scheduleSweep()
    return connection
  }

  #refusalReason(address: string): string | null {
    const { connections, connectionsPerAddress } = this.#bounds
    if (this.#connections.size >= connections) return `${connections} connections are open`
    const count = this.#countByAddress.get(address) ?? 0
    if (!isLoopback(address) && count >= connectionsPerAddress)
      return `${count} connections from this address are open`
    return null
  }

  #forget(connection: Connection, address: string): void {
    this.#connections.delete(connection)
    const count = this.#countByAddress.get(address) ?? 0
    if (count > 1) this.#countByAddress.set(address, count - 1)
    else this.#countByAddress.delete(address)
    if (this.#connections.size === 0) this.#onEmpty?.()
  }

  #scheduleSweep(): void {
    if (this.#sweepAlarm !== null) return
    const { clock } = this.#options
    this.#sweepAlarm = clock.schedule(connectionSweepIntervalMs, () => {
      this.#sweepAlarm = null
      const nowMs = clock.monotonicMs()
      for (const connection of this.#connections) connection.sweep(nowMs)
      if (this.#connections.size > 0) this.#scheduleSweep()
    })
  }
}

/** Whether an address, or a name, means this machine itself. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}
