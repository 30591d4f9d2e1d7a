import type {
  ApiDefinitionFile,
  ConfigDefinition,
  ConfigDefinitionFile,
  ErrorDefinition,
  Loaded,
  RecordDefinitionFile
} from './definitions.ts'
import { header } from './emit-files.ts'
import { parseVersions } from './model.ts'
import { Source } from './source.ts'

type Apis = ReadonlyArray<Loaded<ApiDefinitionFile>>

/** api-table.ts: every API with its versions and its codec. */
export function apiTableFile(apis: Apis): string {
  const source = new Source()
  source.line("import type { Reader } from '../reader.ts'")
  source.line("import type { Writer } from '../writer.ts'")
  for (const { slug, definition } of apis) emitApiImport(source, slug, definition.name)
  source.line()
  source.line('export type ApiName =')
  source.indented(() => {
    for (const { definition } of apis) source.line(`| '${definition.name}'`)
  })
  source.line()
  source.doc(
    'What each API exchanges: requests as read and as written by a client, ' +
      'responses as written and as read by a client.'
  )
  source.block('export interface Messages', () => {
    for (const { definition } of apis) {
      const { name } = definition
      source.block(`${name}:`, () => {
        source.line(`request: ${name}Request`)
        source.line(`requestInit: ${name}RequestInit`)
        source.line(`response: ${name}ResponseInit`)
        source.line(`readResponse: ${name}Response`)
      })
    }
  })
  emitApiDefinition(source)
  source.line()
  source.block('export const apis: { readonly [A in ApiName]: ApiDefinition<A> } =', () => {
    apis.forEach(({ definition }, index) => {
      emitApi(source, definition, index === apis.length - 1 ? '' : ',')
    })
  })
  source.line()
  source.line('/** The API of a key as it stands in a request header. */')
  source.line(
    'export const apiByKey: ReadonlyMap<number, ApiName> = ' +
      'new Map(Object.values(apis).map(api => [api.key, api.name]))'
  )
  return `${header('protocol/apis')}\n${source.toString()}`
}

function emitApiImport(source: Source, slug: string, name: string): void {
  const types = ['Request', 'RequestInit', 'Response', 'ResponseInit'].map(side => name + side)
  source.line(`import type { ${types.join(', ')} } from './${slug}.ts'`)
  const functions = ['Request', 'Response'].flatMap(side => [
    `read${name}${side}`,
    `write${name}${side}`
  ])
  source.line(`import { ${functions.join(', ')} } from './${slug}.ts'`)
}

function emitApiDefinition(source: Source): void {
  source.line()
  source.block('export interface ApiDefinition<A extends ApiName>', () => {
    source.line('readonly key: number')
    source.line('readonly name: A')
    source.line('/** First and last version that can be read and written. */')
    source.line('readonly minVersion: number')
    source.line('readonly maxVersion: number')
    source.line('/** What ApiVersions says; null: the API is not served. */')
    source.line('readonly advertised: { readonly min: number; readonly max: number } | null')
    source.line('/** First version that is served; Produce advertises versions below it. */')
    source.line('readonly acceptedMin: number')
    source.line('/** First flexible version (KIP-482); Infinity: none. */')
    source.line('readonly flexibleFrom: number')
    source.line("readonly readRequest: (reader: Reader, version: number) => Messages[A]['request']")
    source.line(
      "readonly writeRequest: (writer: Writer, message: Messages[A]['requestInit'], " +
        'version: number) => void'
    )
    source.line(
      "readonly readResponse: (reader: Reader, version: number) => Messages[A]['readResponse']"
    )
    source.line(
      "readonly writeResponse: (writer: Writer, message: Messages[A]['response'], " +
        'version: number) => void'
    )
  })
}

function emitApi(source: Source, definition: ApiDefinitionFile, comma: string): void {
  const { name, key } = definition
  const versions = parseVersions(definition.versions)
  const advertised =
    definition.advertised === undefined ? null : parseVersions(definition.advertised)
  const range = advertised === null ? 'null' : `{ min: ${advertised.min}, max: ${advertised.max} }`
  source.block(
    `${name}:`,
    () => {
      source.line(`key: ${key},`)
      source.line(`name: '${name}',`)
      source.line(`minVersion: ${versions.min},`)
      source.line(`maxVersion: ${versions.max},`)
      source.line(`advertised: ${range},`)
      source.line(`acceptedMin: ${Math.max(versions.min, advertised?.min ?? 0)},`)
      source.line(`flexibleFrom: ${definition.flexible ?? 'Infinity'},`)
      source.line(`readRequest: read${name}Request,`)
      source.line(`writeRequest: write${name}Request,`)
      source.line(`readResponse: read${name}Response,`)
      source.line(`writeResponse: write${name}Response`)
    },
    comma
  )
}

/** errors.ts: names, codes and what to tell about them. */
export function errorsFile(errors: readonly ErrorDefinition[]): string {
  const source = new Source()
  source.line('export type ErrorName =')
  source.indented(() => {
    for (const { name } of errors) source.line(`| '${name}'`)
  })
  source.line()
  source.block('export interface ErrorDefinition', () => {
    source.line('readonly code: number')
    source.line('readonly name: ErrorName')
    source.line('/** Whether a client may send the same request again. */')
    source.line('readonly retriable: boolean')
    source.line('/** Whether it should ask for metadata before. */')
    source.line('readonly refreshMetadata: boolean')
    source.line('readonly message: string')
  })
  source.line()
  source.line('export const errors: readonly ErrorDefinition[] = [')
  source.indented(() => {
    errors.forEach((error, index) => {
      const comma = index === errors.length - 1 ? '' : ','
      source.line(
        `{ code: ${error.code}, name: '${error.name}', retriable: ${error.retriable ?? false}, ` +
          `refreshMetadata: ${error.refreshMetadata ?? false}, ` +
          `message: ${quote(error.message)} }${comma}`
      )
    })
  })
  source.line(']')
  source.line()
  source.line(
    'const byName: ReadonlyMap<ErrorName, ErrorDefinition> = ' +
      'new Map(errors.map(error => [error.name, error]))'
  )
  source.line(
    'const byCode: ReadonlyMap<number, ErrorName> = ' +
      'new Map(errors.map(error => [error.code, error.name]))'
  )
  source.line()
  source.line('/** The number that stands for the error on the wire. */')
  source.block('export function errorCode(name: ErrorName): number', () => {
    source.line('return byName.get(name)!.code')
  })
  source.line()
  source.line('/** The error of a number; undefined when Kafka has assigned none. */')
  source.block('export function errorName(code: number): ErrorName | undefined', () => {
    source.line('return byCode.get(code)')
  })
  source.line()
  source.line('/** Whether a client may send the same request again. */')
  source.block('export function isRetriable(name: ErrorName): boolean', () => {
    source.line('return byName.get(name)!.retriable')
  })
  source.line()
  source.line('/** A sentence for people. */')
  source.block('export function errorMessage(name: ErrorName): string', () => {
    source.line('return byName.get(name)!.message')
  })
  return `${header('protocol/errors.json')}\n${source.toString()}`
}

/** records/record-types.ts: which number says which record it is, log by log. */
export function recordTypesFile(records: ReadonlyArray<Loaded<RecordDefinitionFile>>): string {
  const source = new Source()
  const logs = [
    [
      'groupRecordTypes',
      '__consumer_offsets',
      'Types of the records in __consumer_offsets, the int16 that a key begins with.'
    ],
    [
      'transactionRecordTypes',
      '__transaction_state',
      'Types of the records in __transaction_state, the int16 that a key begins with.'
    ],
    [
      'clusterMetadataRecordTypes',
      '__cluster_metadata',
      "Types of the records in the cluster metadata log, by Kafka's own numbers."
    ]
  ] as const
  for (const [name, topic, about] of logs) {
    source.line()
    source.doc(about)
    const types = records
      .map(({ definition }) => definition)
      .filter(definition => definition.topic === topic)
      .sort((a, b) => (a.type ?? 0) - (b.type ?? 0))
    source.line(`export const ${name} = {`)
    source.indented(() => {
      types.forEach((definition, index) => {
        source.line(
          `${definition.name}: ${definition.type}${index === types.length - 1 ? '' : ','}`
        )
      })
    })
    source.line('} as const')
  }
  return `${header('protocol/records')}${source.toString()}`
}

/** src/config/generated.ts */
export function configsFile(configs: ConfigDefinitionFile): string {
  const source = new Source()
  source.line("import type { ConfigDefinition } from './config-definition.ts'")
  const lists = [
    ['topicConfigDefinitions', configs.topic],
    ['groupConfigDefinitions', configs.group],
    ['brokerConfigDefinitions', configs.broker]
  ] as const
  for (const [name, list] of lists) {
    source.line()
    source.line(`export const ${name}: readonly ConfigDefinition[] = [`)
    source.indented(() => {
      list.forEach((config, index) => {
        source.line(configText(config) + (index === list.length - 1 ? '' : ','))
      })
    })
    source.line(']')
  }
  return `${header('protocol/configs.json')}\n${source.toString()}`
}

function configText(config: ConfigDefinition): string {
  const { name, type, default: defaultValue, meaning, status, ...optional } = config
  const fields = { name, type, defaultValue, ...optional, meaning, status }
  const texts = Object.entries(fields).map(([key, value]) => `${key}: ${literal(value)}`)
  return `{ ${texts.join(', ')} }`
}

function literal(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    return `{ ${Object.entries(value)
      .map(([key, field]) => `${key}: ${literal(field)}`)
      .join(', ')} }`
  }
  return String(value)
}

function quote(text: string | null): string {
  return text === null ? 'null' : `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
