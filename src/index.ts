import { Broker } from './broker.ts'
import { brokerSettings, type BrokerOptions } from './broker-options.ts'
import type { DurabilityMode } from './config/durability-mode.ts'

export { StartError, type StartErrorCode } from './start-error.ts'
export type { BrokerOptions, TopicOptions } from './broker-options.ts'
export type { DurabilityMode } from './config/durability-mode.ts'
export type { Logger, LogFields } from './telemetry/logger.ts'

/** A broker that is ready for clients. */
export interface RunningBroker extends AsyncDisposable {
  /**
   * `host:port` of every listener, separated by commas: what Kafka clients call bootstrap servers.
   */
  readonly bootstrapServers: string
  /** The same as a list, as kafkajs wants it. */
  readonly brokers: string[]
  /** The same as `bootstrapServers`, under the name that testcontainers uses. */
  getBootstrapServers(): string
  /** Port and address of the first listener. */
  readonly port: number
  readonly host: string
  readonly clusterId: string
  readonly durability: DurabilityMode
  /** Folder of the data; null when everything is in memory. */
  readonly dataDir: string | null
  /**
   * Resolves when the broker has closed; rejects when it had to stop because of a bug of ours or a
   * failed disk.
   */
  readonly closed: Promise<void>
  /**
   * Finishes what is at work, makes everything durable and lets go of ports and files. May be
   * called again.
   */
  close(): Promise<void>
  /** The same as `close`. */
  stop(): Promise<void>
}

/**
 * Starts a broker inside this process. Without options it lives in memory and listens on a free
 * port of 127.0.0.1.
 *
 * @throws StartError when an option is wrong, a port is taken, or the data directory cannot be used
 */
export async function startBroker(options: BrokerOptions = {}): Promise<RunningBroker> {
  const settings = brokerSettings(options)
  const broker = await Broker.start(settings)
  const { bootstrapServers } = broker
  const first = broker.listeners[0]!
  const close = (): Promise<void> => broker.close()
  return {
    bootstrapServers: bootstrapServers.join(','),
    brokers: [...bootstrapServers],
    getBootstrapServers: () => bootstrapServers.join(','),
    port: first.port,
    host: first.host,
    clusterId: broker.clusterId,
    durability: settings.durability,
    dataDir: settings.dataDir,
    closed: broker.closed,
    close,
    stop: close,
    [Symbol.asyncDispose]: close
  }
}
