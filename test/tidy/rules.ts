/**
 * Who may import whom, by folder. Think before adding a name: this table is the architecture. A
 * name without a slash is a folder of `src` or a file at its top; a name with one is a single file.
 * Everybody may import the names of the generated errors and the interfaces of `telemetry`, as
 * types.
 */
export const mayImport: Readonly<Record<string, readonly string[] | 'everything'>> = {
  base: [],
  limits: ['base'],
  io: ['base'],
  wire: ['base', 'limits'],
  record: ['base', 'wire', 'limits'],
  config: ['base'],
  storage: ['base', 'io', 'record', 'config', 'limits'],
  partition: [
    'base',
    'io',
    'record',
    'config',
    'storage/partition-log',
    'storage/producer-snapshot',
    'storage/producer-state',
    'limits'
  ],
  cluster: ['base', 'io', 'wire', 'config', 'partition', 'limits'],
  coordinator: ['base', 'io', 'record', 'partition', 'limits'],
  group: ['base', 'wire', 'config', 'coordinator', 'limits'],
  txn: ['base', 'wire', 'config', 'coordinator', 'limits'],
  security: ['base', 'wire', 'limits'],
  handlers: [
    'base',
    'wire',
    'record',
    'config',
    'partition',
    'cluster',
    'group',
    'txn',
    'security',
    'limits'
  ],
  server: ['base', 'io', 'wire', 'handlers', 'security', 'telemetry', 'limits'],
  telemetry: ['base', 'io'],
  testkit: ['base', 'io', 'wire', 'config', 'cluster', 'group', 'telemetry', 'broker'],
  http: ['base', 'io', 'wire', 'config', 'cluster', 'group', 'telemetry', 'broker'],
  cli: 'everything',
  'start-error': [],
  'broker-options': ['base', 'config', 'telemetry', 'start-error'],
  'broker-storage': 'everything',
  broker: 'everything',
  index: 'everything'
}

/** Only these may import `broker.ts`: the rest of the tree is put together by it. */
export const brokerImporters: readonly string[] = ['cli', 'testkit', 'http', 'index']

/** What every file may import as a type, besides its row above. */
export const sharedTypes: readonly RegExp[] = [/^wire\/generated\/errors$/, /^telemetry\//]

export interface BannedText {
  readonly text: RegExp
  /** Files that may hold it, as a pattern over the path below `src`. */
  readonly allowedIn: RegExp
  readonly reason: string
}

const never = /^$/
const nodeIo = /^io\/node-/

/** What must not stand in the sources, and where it may. Comments and strings count as well. */
export const banned: readonly BannedText[] = [
  { text: /\bDate\.now\(|\bnew Date\(\)/, allowedIn: nodeIo, reason: 'time is an argument' },
  { text: /\bperformance\.now\(/, allowedIn: nodeIo, reason: 'time is an argument' },
  {
    text: /\b(setTimeout|setInterval|setImmediate)\(/,
    allowedIn: nodeIo,
    reason: 'no hidden timers'
  },
  { text: /node:timers/, allowedIn: nodeIo, reason: 'no hidden timers' },
  { text: /\bMath\.random\(|\brandom(Bytes|UUID)\(/, allowedIn: nodeIo, reason: 'seeded' },
  {
    text: /['"]node:fs/,
    allowedIn: /^(io\/node-|cli\/launcher\.ts$)/,
    reason: 'files go through the Files interface'
  },
  {
    text: /['"]node:(net|tls)['"]/,
    allowedIn: /^server\/listener\.ts$/,
    reason: 'sockets live in one file'
  },
  { text: /\bprocess\.exit\b/, allowedIn: /^cli\//, reason: 'an embedded broker must not exit' },
  { text: /\bprocess\.(on|once)\(/, allowedIn: /^cli\//, reason: 'signals belong to the command' },
  { text: /\bprocess\.env\b/, allowedIn: /^cli\//, reason: 'settings are arguments' },
  { text: /\bconsole\./, allowedIn: never, reason: 'the logger speaks' },
  { text: /\bTODO\b|\bFIXME\b|\bXXX\b/, allowedIn: never, reason: 'finish it or leave it out' },
  { text: /@ts-ignore|@ts-nocheck/, allowedIn: never, reason: 'the compiler is right' },
  { text: /\/\/ (-{3,}|={3,}|\*{3,})/, allowedIn: never, reason: 'no section banners' },
  { text: /\bnew Buffer\(/, allowedIn: never, reason: 'Buffer.from or Buffer.alloc' }
]

/** Lines of a file, lines of a function, characters of a line. */
export const fileLinesMax = 500
export const functionLinesMax = 70
export const lineLengthMax = 100

/** Files that may be longer, each with its reason. */
export const longFiles: Readonly<Record<string, string>> = {}

/** Where the program begins: these need no importer. */
export const entryPoints: readonly string[] = ['index.ts', 'cli/launcher.ts', 'cli/main.ts']

/** Simulated versions of the outside, which only tests and the testkit use. */
export const usedByTestsOnly = /^(io\/(manual|memory|seeded)-|testkit\/)/
