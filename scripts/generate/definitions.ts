import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A field as it stands in a definition file; `protocol/README.md` says what every key means. */
export interface FieldDefinition {
  readonly name: string
  readonly type: string
  readonly since?: number
  readonly until?: number
  readonly nullable?: true | number
  readonly tag?: number
  readonly default?: string | number | boolean | null
  readonly ignorable?: true
  readonly key?: true
  readonly exact?: true
  readonly compact?: false
  readonly about?: string
  readonly fields?: readonly FieldDefinition[]
}

export interface BodyDefinition {
  readonly structs?: Readonly<Record<string, readonly FieldDefinition[]>>
  readonly fields: readonly FieldDefinition[]
}

/** A body with versions of its own, as records have. */
export interface VersionedBodyDefinition extends BodyDefinition {
  readonly versions: string
  readonly flexible?: number
}

export interface ApiDefinitionFile {
  readonly name: string
  readonly key: number
  readonly versions: string
  readonly flexible?: number
  readonly advertised?: string
  readonly about: string
  readonly errors: readonly string[]
  readonly authorization: ReadonlyArray<{
    readonly operation: string
    readonly resource: string
    readonly when?: string
  }>
  readonly request: BodyDefinition
  readonly response: BodyDefinition
}

export interface RecordDefinitionFile {
  readonly name: string
  readonly about: string
  /** The log the record stands in; none for headers, member blobs and control records. */
  readonly topic?: string
  /** The number that says which record it is. */
  readonly type?: number
  readonly key?: VersionedBodyDefinition
  readonly value?: VersionedBodyDefinition
  readonly data?: VersionedBodyDefinition
}

export interface ErrorDefinition {
  readonly code: number
  readonly name: string
  readonly retriable?: true
  readonly refreshMetadata?: true
  readonly message: string
}

export interface ConfigDefinition {
  readonly name: string
  readonly type: 'boolean' | 'double' | 'int' | 'list' | 'long' | 'password' | 'short' | 'string'
  readonly default: string | null
  readonly min?: number
  readonly max?: number
  /** A number outside of min and max that has a meaning of its own. */
  readonly special?: number
  /** The only words that a string, or an element of a list, may be. */
  readonly words?: readonly string[]
  /** Of a topic config: the broker configs that hold its default, the strongest first. */
  readonly synonyms?: readonly { readonly name: string; readonly factor: number }[]
  /** Of a broker config: it can change while the broker runs. */
  readonly update?: 'cluster-wide'
  readonly meaning: string
  readonly status: 'implemented' | 'stored'
}

export interface ConfigDefinitionFile {
  readonly topic: readonly ConfigDefinition[]
  readonly group: readonly ConfigDefinition[]
  readonly broker: readonly ConfigDefinition[]
}

/** One definition together with the file it was read from. */
export interface Loaded<T> {
  /** Path from the repository's root, with slashes. */
  readonly path: string
  /** File name without number and extension: add-offsets-to-txn. */
  readonly slug: string
  readonly definition: T
}

export interface Protocol {
  readonly apis: ReadonlyArray<Loaded<ApiDefinitionFile>>
  readonly records: ReadonlyArray<Loaded<RecordDefinitionFile>>
  readonly errors: readonly ErrorDefinition[]
  readonly configs: ConfigDefinitionFile
}

/** Reads everything in `protocol/`, APIs by key, records by file name. */
export function loadProtocol(directory: string): Protocol {
  const apis: Array<Loaded<ApiDefinitionFile>> = loadFolder(directory, 'apis')
  const records: Array<Loaded<RecordDefinitionFile>> = loadFolder(directory, 'records')
  const errors: { errors: ErrorDefinition[] } = readJson(join(directory, 'errors.json'))
  const configs: ConfigDefinitionFile = readJson(join(directory, 'configs.json'))
  apis.sort((a, b) => a.definition.key - b.definition.key)
  return { apis, records, errors: errors.errors, configs }
}

/** What a JSON file holds; its schema says of which type that is. */
export function readJson(path: string) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new Error(`${path} is not JSON`, { cause: error })
  }
}

function loadFolder(directory: string, folder: string) {
  return readdirSync(join(directory, folder))
    .filter(name => name.endsWith('.json'))
    .sort()
    .map(name => ({
      path: `protocol/${folder}/${name}`,
      slug: name.replace(/^\d+-/, '').replace(/\.json$/, ''),
      definition: readJson(join(directory, folder, name))
    }))
}
