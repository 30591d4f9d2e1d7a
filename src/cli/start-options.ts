import { type BrokerOptions, parseHostAndPort } from '../broker-options.ts'
import { durabilityModes } from '../config/durability-mode.ts'
import { isLoopback } from '../server/server.ts'
import { StartError } from '../start-error.ts'
import { logLevels, type LogLevel } from '../telemetry/logger.ts'
import { parseProperties } from './properties.ts'

/** What `odradek start` was given on its command line. */
export interface StartOptions {
  readonly listen?: readonly string[]
  readonly advertise?: readonly string[]
  readonly dataDir?: string
  readonly durability?: string
  readonly nodeId?: string
  readonly clusterId?: string
  readonly config?: readonly string[]
  readonly properties?: string
  readonly logLevel?: string
  readonly logFormat?: string
  readonly insecure?: boolean
}

export interface StartPlan {
  readonly broker: BrokerOptions
  readonly logLevel: LogLevel
  /** Null: text on a terminal, JSON otherwise. */
  readonly logFormat: 'text' | 'json' | null
}

type Environment = Readonly<Record<string, string | undefined>>

const configPrefix = 'ODRADEK_CONFIG_'

/**
 * What Kafka's own server.properties says besides, for controllers and other brokers. There is
 * neither here, so that it is left out of a file; said anywhere else it is refused as unknown.
 */
const otherNodesConfigs =
  /^(process\.roles|controller\..*|inter\.broker\.listener\.name|share\.coordinator\..*)$/

/** Kafka's names of what is an option here. */
const optionConfigs: ReadonlySet<string> = new Set([
  'listeners',
  'advertised.listeners',
  'log.dir',
  'log.dirs',
  'node.id',
  'broker.id',
  'durability.mode'
])

/**
 * Puts together what the command line, the environment and a properties file say. The command line
 * wins over the environment, the environment over the file.
 *
 * @param readFile reads the properties file
 * @throws StartError INVALID_OPTION with a sentence
 */
export function startPlan(
  options: StartOptions,
  environment: Environment,
  readFile: (path: string) => string
): StartPlan {
  const text = (name: string, flag: string | undefined): string | undefined =>
    flag ?? nonEmpty(environment[`ODRADEK_${name}`])
  const list = (name: string, flag: readonly string[] | undefined): readonly string[] | undefined =>
    flag ?? nonEmpty(environment[`ODRADEK_${name}`])?.split(',')
  const propertiesPath = text('PROPERTIES', options.properties)
  const file = propertiesPath === undefined ? null : parseProperties(readFile(propertiesPath))
  const config = new Map([
    ...(file === null ? [] : brokerProperties(file)),
    ...environmentConfigs(environment),
    ...(options.config ?? []).map(keyAndValue)
  ])
  const listen = list('LISTEN', options.listen) ?? listeners(config.get('listeners'))
  const advertise =
    list('ADVERTISE', options.advertise) ?? listeners(config.get('advertised.listeners'))
  const dataDir =
    text('DATA_DIR', options.dataDir) ?? config.get('log.dirs') ?? config.get('log.dir')
  const durability = text('DURABILITY', options.durability) ?? config.get('durability.mode')
  const nodeId = text('NODE_ID', options.nodeId) ?? config.get('node.id') ?? config.get('broker.id')
  const clusterId = text('CLUSTER_ID', options.clusterId)
  for (const name of optionConfigs) config.delete(name)
  const addresses = listen ?? ['127.0.0.1:9092']
  refuseOpenListeners(
    addresses,
    options.insecure ?? isTrue('INSECURE', text('INSECURE', undefined))
  )
  return {
    broker: {
      listen: addresses,
      ...(advertise === undefined ? {} : { advertise }),
      ...(dataDir === undefined ? {} : { dataDir }),
      ...(durability === undefined
        ? {}
        : { durability: oneOf('durability', durability, durabilityModes) }),
      ...(nodeId === undefined ? {} : { nodeId: integer(nodeId, 'node id') }),
      ...(clusterId === undefined ? {} : { clusterId }),
      config: Object.fromEntries(config)
    },
    logLevel: oneOf('log level', text('LOG_LEVEL', options.logLevel) ?? 'info', logLevels),
    logFormat: logFormat(text('LOG_FORMAT', options.logFormat))
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}

function isTrue(name: string, value: string | undefined): boolean {
  return oneOf(`ODRADEK_${name}`, value ?? 'false', ['true', 'false']) === 'true'
}

function logFormat(text: string | undefined): 'text' | 'json' | null {
  return text === undefined ? null : oneOf('log format', text, ['text', 'json'] as const)
}

function oneOf<T extends string>(what: string, text: string, values: readonly T[]): T {
  const found = values.find(value => value === text)
  if (found === undefined)
    throw new StartError('INVALID_OPTION', `${what} ${text} is none of ${values.join(', ')}`)
  return found
}

function integer(text: string, what: string): number {
  if (!/^-?\d+$/.test(text)) throw new StartError('INVALID_OPTION', `${what} ${text} is no integer`)
  return Number(text)
}

/** What a properties file says of a broker that is alone. */
function brokerProperties(file: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const ofControllers = new Set(file.get('controller.listener.names')?.split(',') ?? [])
  const kept = [...file].filter(([name]) => !otherNodesConfigs.test(name))
  return new Map(
    kept.map(([name, value]) =>
      name === 'listeners' || name === 'advertised.listeners'
        ? [
            name,
            value
              .split(',')
              .filter(each => !ofControllers.has(listenerName(each)))
              .join(',')
          ]
        : [name, value]
    )
  )
}

/** `PLAINTEXT` of `PLAINTEXT://host:9092`. */
function listenerName(listener: string): string {
  return listener.trim().split(':', 1)[0]!
}

/** `ODRADEK_CONFIG_NUM_PARTITIONS` is `num.partitions`. */
function environmentConfigs(environment: Environment): readonly (readonly [string, string])[] {
  return Object.entries(environment).flatMap(([name, value]) =>
    name.startsWith(configPrefix) && value !== undefined
      ? [[name.slice(configPrefix.length).toLowerCase().replaceAll('_', '.'), value] as const]
      : []
  )
}

function keyAndValue(text: string): readonly [string, string] {
  const equals = text.indexOf('=')
  if (equals < 1) throw new StartError('INVALID_OPTION', `config ${text} is not KEY=VALUE`)
  return [text.slice(0, equals).trim(), text.slice(equals + 1).trim()]
}

/** Kafka's form: `PLAINTEXT://host:9092,…`; no host stands for all addresses. */
function listeners(text: string | undefined): readonly string[] | undefined {
  return text?.split(',').map(listener => {
    const match = /^\s*PLAINTEXT\w*:\/\/(.*)$/i.exec(listener)
    if (match === null)
      throw new StartError(
        'INVALID_OPTION',
        `listener ${listener.trim()} is not PLAINTEXT://HOST:PORT`
      )
    const address = match[1]!.trim()
    return address.startsWith(':') ? `0.0.0.0${address}` : address
  })
}

function refuseOpenListeners(addresses: readonly string[], insecure: boolean): void {
  if (insecure) return
  const open = addresses.find(address => !isLoopback(parseHostAndPort(address, 'listen').host))
  if (open === undefined) return
  throw new StartError(
    'INVALID_OPTION',
    `${open} can be reached from other machines, and there is no authentication yet: whoever ` +
      'reaches it can read and delete everything. Listen on 127.0.0.1, or say --insecure if the ' +
      'network is trusted'
  )
}
