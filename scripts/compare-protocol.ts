import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Protocol } from './generate/definitions.ts'
import { loadProtocol, readJson } from './generate/definitions.ts'
import { describeVersion } from './generate/describe.ts'
import { apiMessages, recordMessages } from './generate/emit-files.ts'
import type { Message, Versions } from './generate/model.ts'

// Compares protocol/ with facts about Apache Kafka's messages, field by field in every version, and
// its errors and configs line by line. Usage: compare-protocol.ts FACTS_DIR. Exits 1 when anything
// differs.

/** Defaults that differ on purpose: a broker on its own cannot have three replicas. */
const deliberateDefaults: ReadonlyMap<string, string> = new Map([
  ['offsets.topic.replication.factor', '1']
])

/** A field as Kafka's message definitions have it. */
export interface FactField {
  readonly name: string
  readonly type: string
  readonly versions?: string
  readonly nullableVersions?: string
  readonly taggedVersions?: string
  readonly flexibleVersions?: string
  readonly tag?: number
  readonly default?: string | number | boolean
  readonly ignorable?: boolean | string
  readonly mapKey?: boolean
  readonly fields?: readonly FactField[]
}

export interface FactBody {
  readonly validVersions: string
  readonly flexibleVersions: string
  readonly removedVersions?: string
  readonly fields: readonly FactField[]
  readonly commonStructs?: ReadonlyArray<{
    readonly name: string
    readonly fields: readonly FactField[]
  }>
}

export interface Comparison {
  readonly differences: readonly string[]
  /** How many versions of messages, fields in them, errors and configs were looked at. */
  readonly messages: number
  readonly versions: number
  readonly fields: number
  readonly errors: number
  readonly configs: number
}

/** Compares one message with its facts in every version that we have. */
export function compareMessage(
  message: Message,
  fact: FactBody
): { readonly differences: string[]; readonly fields: number } {
  const differences = versionDifferences(message, fact)
  const flexible = range(fact.flexibleVersions)?.min ?? Infinity
  let fields = 0
  for (let version = message.versions.min; version <= message.versions.max; version++) {
    const ours = describeVersion(message, version)
    const theirs = describeFact(fact, fact.fields, version, flexible, '')
    fields += theirs.length
    for (let index = 0; index < Math.max(ours.length, theirs.length); index++) {
      if (ours[index] === theirs[index]) continue
      const [our = 'ends', their = 'ends'] = [ours[index], theirs[index]]
      differences.push(`${message.name} v${version}: ours ${our}, Kafka's ${their}`)
      break
    }
  }
  return { differences, fields }
}

/**
 * Ours may begin earlier, with versions that older brokers accepted; they may not end earlier or
 * later.
 */
function versionDifferences(message: Message, fact: FactBody): string[] {
  const theirs = range(fact.validVersions)
  const removed = range(fact.removedVersions)
  const { min, max } = message.versions
  const early = theirs !== null && removed !== null && min >= removed.min && min <= removed.max
  if (theirs !== null && max === theirs.max && (min === theirs.min || early)) return []
  return [`${message.name}: ours has versions ${min}-${max}, Kafka's ${fact.validVersions}`]
}

function describeFact(
  fact: FactBody,
  fields: readonly FactField[],
  version: number,
  flexible: number,
  path: string
): string[] {
  return fields.flatMap(field => {
    if (!within(field.versions ?? field.taggedVersions, version)) return []
    const element = field.type.replace(/^\[\]/, '')
    const inner = field.fields ?? fact.commonStructs?.find(({ name }) => name === element)?.fields
    const tagged = field.tag !== undefined && within(field.taggedVersions, version)
    const fixed = version < flexible || field.flexibleVersions === 'none'
    const line = [
      `${path}${field.name}`,
      field.type.startsWith('[]') ? `${element}[]` : element,
      ...(fixed ? ['fixed'] : []),
      ...(within(field.nullableVersions, version) ? ['nullable'] : []),
      ...(tagged ? [`tag=${field.tag}`] : []),
      `default=${factDefault(field, inner !== undefined)}`,
      ...(String(field.ignorable) === 'true' ? ['ignorable'] : []),
      ...(field.mapKey === true ? ['key'] : [])
    ].join(' ')
    const nested =
      inner === undefined
        ? []
        : describeFact(fact, inner, version, flexible, `${path}${field.name}.`)
    return [line, ...nested]
  })
}

function factDefault(field: FactField, isStruct: boolean): string {
  if (field.default === 'null' || field.default === null) return 'null'
  if (isStruct || field.type.startsWith('[]')) return 'zero'
  switch (field.type) {
    case 'uuid':
    case 'bytes':
    case 'records':
      return 'zero'
    case 'string':
      return JSON.stringify(String(field.default ?? ''))
    case 'bool':
      return JSON.stringify(String(String(field.default ?? 'false').toLowerCase() === 'true'))
    default: {
      const value = Number(field.default ?? 0)
      return JSON.stringify(String(Math.min(value, Number.MAX_SAFE_INTEGER)))
    }
  }
}

/** Compares everything in `protocol` with everything in the folder of facts. */
export function compareProtocol(protocol: Protocol, facts: string): Comparison {
  const ours = new Map<string, Message>()
  for (const { definition } of protocol.apis) {
    const { request, response } = apiMessages(definition)
    ours.set(request.name, request).set(response.name, response)
  }
  for (const { definition } of protocol.records) {
    if (definition.topic === '__cluster_metadata') continue
    for (const message of recordMessages(definition)) ours.set(message.name, message)
  }
  const keys = new Map(protocol.apis.map(({ definition }) => [definition.name, definition.key]))
  const differences: string[] = []
  let versions = 0
  let fields = 0
  let messages = 0
  for (const { name, body, key } of loadFacts(facts)) {
    const message = ours.get(name)
    ours.delete(name)
    if (message === undefined) {
      differences.push(`${name}: missing`)
      continue
    }
    const api = name.replace(/(Request|Response)$/, '')
    if (key !== null && keys.get(api) !== key) differences.push(`${name}: key is ${key}`)
    const compared = compareMessage(message, body)
    differences.push(...compared.differences)
    messages++
    fields += compared.fields
    versions += message.versions.max - message.versions.min + 1
  }
  for (const name of ours.keys()) differences.push(`${name}: Kafka has no such message`)
  const errors = compareErrors(protocol, facts, differences)
  const configs = compareConfigs(protocol, facts, differences)
  return { differences, messages, versions, fields, errors, configs }
}

interface FactFile {
  readonly name: string
  readonly apiKey?: number
  readonly request?: FactBody
  readonly response?: FactBody
  readonly header?: FactBody
  readonly data?: FactBody
  readonly 'coordinator-key'?: FactBody
  readonly 'coordinator-value'?: FactBody
}

interface Fact {
  readonly name: string
  readonly body: FactBody
  /** Only of requests and responses. */
  readonly key: number | null
}

function loadFacts(facts: string): Fact[] {
  const paths = ['messages', 'coordinator-records'].flatMap(folder =>
    readdirSync(join(facts, folder))
      .sort()
      .map(name => join(facts, folder, name))
  )
  return paths.flatMap(path => {
    const fact: FactFile = readJson(path)
    const record = fact.header ?? fact.data ?? fact['coordinator-key'] ?? fact['coordinator-value']
    const bodies = [
      [`${fact.name}Request`, fact.request],
      [`${fact.name}Response`, fact.response],
      [fact.name, record]
    ] as const
    return bodies.flatMap(([name, body]) =>
      body === undefined ? [] : [{ name, body, key: fact.apiKey ?? null }]
    )
  })
}

function compareErrors(protocol: Protocol, facts: string, differences: string[]): number {
  const rows = table(join(facts, 'errors.tsv'))
  for (const row of rows) {
    const error = protocol.errors.find(({ code }) => String(code) === row['code'])
    const line = `${error?.name} ${error?.retriable ?? false} ${error?.refreshMetadata ?? false}`
    const fact = `${row['name']} ${row['retriable'] === 'yes'} ${row['refresh_metadata'] === 'yes'}`
    if (line !== fact) differences.push(`error ${row['code']}: ours ${line}, Kafka's ${fact}`)
  }
  if (protocol.errors.length !== rows.length) {
    differences.push(`errors: ours are ${protocol.errors.length}, Kafka's ${rows.length}`)
  }
  return rows.length
}

function compareConfigs(protocol: Protocol, facts: string, differences: string[]): number {
  const topics = table(join(facts, 'topic-configs.tsv'))
  const groups = table(join(facts, 'group-configs.tsv'))
  const { topic, broker } = protocol.configs
  for (const [list, rows] of [
    [topic, topics],
    [broker, groups]
  ] as const) {
    for (const row of rows) {
      const config = list.find(({ name }) => name === row['name'])
      const line = `${config?.type} ${config?.default ?? ''}`
      const kafkaDefault = deliberateDefaults.get(row['name'] ?? '') ?? row['default'] ?? ''
      const fact = `${row['type']} ${kafkaDefault}`
      if (line !== fact) differences.push(`${row['name']}: ours ${line}, Kafka's ${fact}`)
      const synonym = row['broker_default_name']?.split(' ')[0] ?? ''
      const ours = config?.synonyms?.[0]?.name ?? ''
      if (ours !== synonym) {
        differences.push(`${row['name']}: synonym is ${ours}, Kafka's ${synonym}`)
      }
    }
  }
  return topics.length + groups.length
}

function table(path: string): ReadonlyArray<Readonly<Record<string, string>>> {
  const [head, ...rows] = readFileSync(path, 'utf8')
    .split('\n')
    .filter(line => line !== '')
  const names = (head ?? '').split('\t')
  return rows.map(row => {
    const cells = row.split('\t')
    return Object.fromEntries(names.map((name, index) => [name, cells[index] ?? '']))
  })
}

function range(text: string | undefined): Versions | null {
  if (text === undefined || text === 'none') return null
  const [min = '0', max = min] = text.endsWith('+')
    ? [text.slice(0, -1), 'Infinity']
    : text.split('-')
  return { min: Number(min), max: Number(max) }
}

function within(text: string | undefined, version: number): boolean {
  const versions = range(text)
  return versions !== null && version >= versions.min && version <= versions.max
}

function main(facts: string | undefined): void {
  if (facts === undefined) {
    process.stderr.write('usage: compare-protocol.ts FACTS_DIR\n')
    process.exitCode = 2
    return
  }
  const root = fileURLToPath(new URL('../protocol', import.meta.url))
  const result = compareProtocol(loadProtocol(root), facts)
  for (const difference of result.differences) process.stdout.write(`${difference}\n`)
  process.stdout.write(
    `${result.messages} messages in ${result.versions} versions with ${result.fields} fields, ` +
      `${result.errors} errors, ${result.configs} configs: ` +
      `${result.differences.length} differences\n`
  )
  process.exitCode = result.differences.length === 0 ? 0 : 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv[2])
