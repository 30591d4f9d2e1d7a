import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Protocol } from './definitions.ts'
import { readJson } from './definitions.ts'
import { apiMessages, recordMessages } from './emit-files.ts'
import type { Message } from './model.ts'
import { parseVersions } from './model.ts'
import type { Schema } from './schema.ts'
import { schemaErrors } from './schema.ts'

/** Every file in `protocol/` that does not fit its part of the schema, and why. */
export function schemaViolations(directory: string): string[] {
  const schema: Schema = readJson(join(directory, 'schema.json'))
  const files = [
    ...jsonFiles(directory, 'apis').map(name => [name, 'api'] as const),
    ...jsonFiles(directory, 'records').map(name => [name, 'record'] as const),
    ['errors.json', 'errors'] as const,
    ['configs.json', 'configs'] as const
  ]
  return files.flatMap(([name, definition]) =>
    schemaErrors(schema, definition, readJson(join(directory, name))).map(
      error => `${name}: ${error}`
    )
  )
}

function jsonFiles(directory: string, folder: string): string[] {
  return readdirSync(join(directory, folder))
    .filter(name => name.endsWith('.json'))
    .sort()
    .map(name => `${folder}/${name}`)
}

/** What contradicts itself in definitions that fit the schema. */
export function contradictions(protocol: Protocol): string[] {
  return [
    ...apiContradictions(protocol),
    ...recordContradictions(protocol),
    ...repeated(
      'error',
      protocol.errors.map(({ name }) => name)
    ),
    ...repeated(
      'error code',
      protocol.errors.map(({ code }) => String(code))
    ),
    ...repeated(
      'topic config',
      protocol.configs.topic.map(({ name }) => name)
    ),
    ...repeated(
      'group config',
      protocol.configs.group.map(({ name }) => name)
    ),
    ...repeated(
      'broker config',
      protocol.configs.broker.map(({ name }) => name)
    ),
    ...synonymContradictions(protocol)
  ]
}

function apiContradictions(protocol: Protocol): string[] {
  const errorNames = new Set(protocol.errors.map(({ name }) => name))
  const wrong = repeated(
    'API key',
    protocol.apis.map(({ definition }) => String(definition.key))
  )
  for (const { path, definition } of protocol.apis) {
    const number = Number.parseInt(basename(path), 10)
    if (number !== definition.key) wrong.push(`${path}: the number is not the key`)
    for (const error of definition.errors) {
      if (!errorNames.has(error)) wrong.push(`${path}: there is no error ${error}`)
    }
    const versions = parseVersions(definition.versions)
    const advertised = parseVersions(definition.advertised ?? definition.versions)
    if (advertised.max > versions.max) wrong.push(`${path}: advertises what is not defined`)
    const { request, response } = apiMessages(definition)
    wrong.push(...messageContradictions(path, request), ...messageContradictions(path, response))
  }
  return wrong
}

function recordContradictions(protocol: Protocol): string[] {
  const typed = protocol.records
    .filter(({ definition }) => definition.topic !== undefined)
    .map(({ definition }) => `${definition.topic} ${definition.type}`)
  return [
    ...repeated('record type', typed),
    ...protocol.records.flatMap(({ path, definition }) =>
      recordMessages(definition).flatMap(message => messageContradictions(path, message))
    )
  ]
}

function messageContradictions(path: string, message: Message): string[] {
  return message.structs.flatMap(struct =>
    struct.fields.flatMap(field => {
      const wrong: string[] = []
      const where = `${path}: ${struct.name}.${field.name}`
      if (field.tag !== null && field.versions.min < message.flexibleFrom) {
        wrong.push(`${where} has a tag in a version that is not flexible`)
      }
      if (field.explicitDefault === null && field.nullableFrom > field.versions.min) {
        wrong.push(`${where} is null by default in a version that cannot say null`)
      }
      return wrong
    })
  )
}

function synonymContradictions(protocol: Protocol): string[] {
  const { topic, group, broker } = protocol.configs
  const names = new Set(broker.map(({ name }) => name))
  return [...topic, ...group].flatMap(config =>
    (config.synonyms ?? [])
      .filter(({ name }) => !names.has(name))
      .map(({ name }) => `${config.name}: there is no broker config ${name}`)
  )
}

function repeated(what: string, values: readonly string[]): string[] {
  const seen = new Set<string>()
  return values.flatMap(value => {
    if (seen.has(value)) return [`${what} ${value} is there twice`]
    seen.add(value)
    return []
  })
}
