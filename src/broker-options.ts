import { isAbsolute, resolve } from 'node:path'
import type { DurabilityMode } from './config/durability-mode.ts'
import { StartError } from './start-error.ts'
import { silentLogger, type Logger } from './telemetry/logger.ts'

/** What `startBroker` takes. Everything has a default. */
export interface BrokerOptions {
  /** Port of the only listener; 0, the default, lets the system choose. */
  readonly port?: number
  /** Address of the only listener; 127.0.0.1 by default. */
  readonly host?: string
  /** Instead of `host` and `port`: one address or several, `host:port`. */
  readonly listen?: string | readonly string[]
  /**
   * What clients are told to connect to, `host:port`, one for each listener; by default what it
   * listens on.
   */
  readonly advertise?: string | readonly string[]
  /** Folder for the data; made if it is missing. Without it everything is in memory. */
  readonly dataDir?: string
  /**
   * What an acknowledgement means: `fsync` (default with a folder), `os`, or `memory` (without
   * one).
   */
  readonly durability?: DurabilityMode
  /** 22 characters of base64url; by default a new one, or the one that the folder has. */
  readonly clusterId?: string
  readonly nodeId?: number
  /** Broker configs under Kafka's names, such as `{ 'num.partitions': '3' }`. */
  readonly config?: Configs
  /** Topics that exist when the broker is ready. */
  readonly topics?: readonly (TopicOptions | string)[]
  readonly logger?: Logger
  /**
   * Whether an open broker keeps the process running. It does not by default: a finished test run
   * ends.
   */
  readonly keepProcessAlive?: boolean
}

export interface TopicOptions {
  readonly name: string
  /** Default: `num.partitions`. */
  readonly partitions?: number
  /** Topic configs under Kafka's names, such as `{ 'cleanup.policy': 'compact' }`. */
  readonly configs?: Configs
}

/** Configs under Kafka's names. Numbers and booleans are taken as their text. */
export type Configs = Readonly<Record<string, string | number | boolean>>

export interface HostAndPort {
  readonly host: string
  readonly port: number
}

export interface ListenerSettings extends HostAndPort {
  /** Kafka's name for a listener; unique. */
  readonly name: string
  /** What clients are told; null: the address and port that it listens on. */
  readonly advertised: HostAndPort | null
}

/** The options, checked and complete. */
export interface BrokerSettings {
  readonly listeners: readonly ListenerSettings[]
  /** Absolute; null: in memory. */
  readonly dataDir: string | null
  readonly durability: DurabilityMode
  readonly clusterId: string | null
  readonly nodeId: number
  readonly config: ReadonlyMap<string, string>
  readonly topics: readonly TopicOptions[]
  readonly logger: Logger
  readonly keepProcessAlive: boolean
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws StartError INVALID_OPTION with a sentence that names the option
 */
export function brokerSettings(options: BrokerOptions): BrokerSettings {
  const dataDir = options.dataDir === undefined ? null : absolutePath(options.dataDir)
  return {
    listeners: listenerSettings(options),
    dataDir,
    durability: durabilityOf(options.durability, dataDir),
    clusterId: clusterIdOf(options.clusterId),
    nodeId: nodeIdOf(options.nodeId),
    config: configOf(options.config ?? {}),
    topics: topicsOf(options.topics ?? []),
    logger: options.logger ?? silentLogger,
    keepProcessAlive: options.keepProcessAlive ?? false
  }
}

/** Kafka's names of what is an option here. */
const optionConfigs: Readonly<Record<string, string>> = {
  listeners: 'listen',
  'advertised.listeners': 'advertise',
  'log.dir': 'dataDir',
  'log.dirs': 'dataDir',
  'node.id': 'nodeId',
  'broker.id': 'nodeId',
  'durability.mode': 'durability'
}

function configOf(configs: Configs): ReadonlyMap<string, string> {
  const texts = configTexts(configs)
  for (const name of texts.keys()) {
    const option = optionConfigs[name]
    if (option !== undefined) throw invalid(`${name} is set with the option ${option}`)
  }
  return texts
}

function invalid(message: string): StartError {
  return new StartError('INVALID_OPTION', message)
}

/** The configs as Kafka has them, as text. */
export function configTexts(configs: Configs): ReadonlyMap<string, string> {
  return new Map(Object.entries(configs).map(([name, value]) => [name, String(value)]))
}

function topicsOf(topics: readonly (TopicOptions | string)[]): readonly TopicOptions[] {
  if (!Array.isArray(topics))
    throw invalid('topics is a list of names, or of { name, partitions, configs }')
  return topics.map(topic => (typeof topic === 'string' ? { name: topic } : topic))
}

function absolutePath(path: string): string {
  if (path === '') throw invalid('the data directory has an empty name')
  return isAbsolute(path) ? path : resolve(path)
}

function durabilityOf(wanted: DurabilityMode | undefined, dataDir: string | null): DurabilityMode {
  const durability = wanted ?? (dataDir === null ? 'memory' : 'fsync')
  if (!['memory', 'os', 'fsync'].includes(durability))
    throw invalid(`durability ${durability} is none of memory, os, fsync`)
  if (dataDir === null && durability !== 'memory')
    throw invalid(`durability ${durability} needs a data directory`)
  if (dataDir !== null && durability === 'memory')
    throw invalid('durability memory keeps nothing: leave the data directory out')
  return durability
}

function clusterIdOf(clusterId: string | undefined): string | null {
  if (clusterId === undefined) return null
  if (!/^[A-Za-z0-9_-]{22}$/.test(clusterId))
    throw invalid(`cluster id ${clusterId} is not 22 characters of base64url`)
  return clusterId
}

function nodeIdOf(nodeId = 1): number {
  if (!Number.isInteger(nodeId) || nodeId < 0 || nodeId > 2 ** 31 - 1)
    throw invalid(`node id ${nodeId} is not an integer from 0 to 2147483647`)
  return nodeId
}

function listenerSettings(options: BrokerOptions): readonly ListenerSettings[] {
  if (options.listen !== undefined && (options.host ?? options.port) !== undefined)
    throw invalid('say either listen, or host and port')
  const addresses =
    options.listen === undefined
      ? [{ host: options.host ?? '127.0.0.1', port: portOf(options.port ?? 0, 'port') }]
      : asList(options.listen).map(text => parseHostAndPort(text, 'listen'))
  if (addresses.length === 0) throw invalid('listen names no address')
  const advertised = asList(options.advertise ?? []).map(text =>
    parseHostAndPort(text, 'advertise')
  )
  if (advertised.length > addresses.length)
    throw invalid('there are more addresses to advertise than to listen on')
  return addresses.map((address, index) => ({
    ...address,
    name: index === 0 ? 'PLAINTEXT' : `PLAINTEXT${index + 1}`,
    advertised: advertised[index] ?? null
  }))
}

function asList(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value
}

function portOf(port: number, option: string): number {
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw invalid(`${option}: ${port} is not a port`)
  return port
}

/**
 * Reads `host:port`, `[::1]:9092`, or a port alone, which means 127.0.0.1.
 *
 * @throws StartError INVALID_OPTION naming `option`
 */
export function parseHostAndPort(text: string, option: string): HostAndPort {
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text.trim())
  if (match === null) throw invalid(`${option}: ${text} is not HOST:PORT`)
  return {
    host: match[1] ?? match[2] ?? '127.0.0.1',
    port: portOf(Number(match[3]), option)
  }
}

/** `host:port`, with an IPv6 address in brackets. */
export function formatHostAndPort({ host, port }: HostAndPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
