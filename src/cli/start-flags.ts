import { parseArgs } from 'node:util'
import { durabilityModes } from '../config/durability-mode.ts'
import { logLevels } from '../telemetry/logger.ts'
import type { StartOptions } from './start-options.ts'

/** An option of `odradek start`. */
export interface StartFlag {
  readonly flag: string
  readonly key: keyof StartOptions
  /** What stands for its value in the help; null for an option that is said or not. */
  readonly value: string | null
  readonly about: string
  /** The only values that it takes. */
  readonly choices?: readonly string[]
  /** May be given more than once; all count. */
  readonly isRepeatable?: true
}

export const startFlags: readonly StartFlag[] = [
  {
    flag: '--listen',
    key: 'listen',
    value: '<host:port>',
    about: 'address to listen on, repeatable (default: 127.0.0.1:9092)',
    isRepeatable: true
  },
  {
    flag: '--advertise',
    key: 'advertise',
    value: '<host:port>',
    about: 'what clients are told to connect to, one per --listen',
    isRepeatable: true
  },
  {
    flag: '--data-dir',
    key: 'dataDir',
    value: '<dir>',
    about: 'folder for the data; without it all is in memory'
  },
  {
    flag: '--durability',
    key: 'durability',
    value: '<mode>',
    about: 'what an acknowledgement means (default: fsync with a data directory)',
    choices: durabilityModes
  },
  {
    flag: '--node-id',
    key: 'nodeId',
    value: '<number>',
    about: 'id of the broker (default: 1)'
  },
  {
    flag: '--cluster-id',
    key: 'clusterId',
    value: '<id>',
    about: 'id of a new cluster (default: a random one)'
  },
  {
    flag: '--config',
    key: 'config',
    value: '<key=value>',
    about: 'a broker config, repeatable',
    isRepeatable: true
  },
  {
    flag: '--properties',
    key: 'properties',
    value: '<file>',
    about: 'broker configs from a server.properties file'
  },
  {
    flag: '--log-level',
    key: 'logLevel',
    value: '<level>',
    about: 'how much to say',
    choices: logLevels
  },
  {
    flag: '--log-format',
    key: 'logFormat',
    value: '<format>',
    about: 'text or json (default: text on a terminal)',
    choices: ['text', 'json']
  },
  {
    flag: '--insecure',
    key: 'insecure',
    value: null,
    about: 'listen beyond this machine without authentication'
  }
]

/**
 * The options of a command line, as Node itself reads them.
 *
 * @returns null for one that is wrong or asks for help: commander reads those, and says what is
 *   wrong with them. It would read the others alike, but takes a start 3 ms to load.
 */
export function plainStartOptions(words: readonly string[]): StartOptions | null {
  const values = valuesOf(words)
  if (values === null) return null
  const options: Record<string, unknown> = {}
  for (const { flag, key, choices } of startFlags) {
    const value = values[nameOf(flag)]
    if (value === undefined) continue
    if (choices !== undefined && !choices.includes(String(value))) return null
    options[key] = value
  }
  return options
}

type Values = ReturnType<typeof parseArgs>['values']

function valuesOf(words: readonly string[]): Values | null {
  const options = startFlags.map(({ flag, value, isRepeatable = false }) => {
    const type = value === null ? ('boolean' as const) : ('string' as const)
    return [nameOf(flag), { type, multiple: isRepeatable }] as const
  })
  try {
    return parseArgs({ args: [...words], options: Object.fromEntries(options) }).values
  } catch {
    return null
  }
}

function nameOf(flag: string): string {
  return flag.slice('--'.length)
}
