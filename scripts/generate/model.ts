import { assert, unreachable } from '../../src/base/assert.ts'
import type { BodyDefinition, FieldDefinition } from './definitions.ts'

/** Versions from `min` to `max`, both included. */
export interface Versions {
  readonly min: number
  readonly max: number
}

const primitiveNames = [
  'bool',
  'int8',
  'int16',
  'uint16',
  'int32',
  'int64',
  'float64',
  'string',
  'uuid',
  'bytes',
  'records'
] as const

export type PrimitiveName = (typeof primitiveNames)[number]

export type Type =
  | { readonly kind: 'primitive'; readonly name: PrimitiveName; readonly exact: boolean }
  | { readonly kind: 'struct'; readonly struct: Struct }
  | { readonly kind: 'array'; readonly element: Type }

export interface Field {
  readonly name: string
  readonly type: Type
  /** Within the message's versions. */
  readonly versions: Versions
  /** First version that can say null; Infinity: none. */
  readonly nullableFrom: number
  readonly tag: number | null
  /** As in the definition; undefined: none is given, and the type's zero stands in. */
  readonly explicitDefault: string | number | boolean | null | undefined
  readonly ignorable: boolean
  /** Identifies its struct among the others of the array. */
  readonly key: boolean
  /** False for a field that keeps the old encoding in flexible versions. */
  readonly compact: boolean
  readonly about: string | undefined
}

export interface Struct {
  /** Kafka's name, unique in the message. */
  readonly name: string
  /** Our interface's name, unique in the file. */
  readonly typeName: string
  readonly fields: readonly Field[]
  /** All versions of the message in which it can occur. */
  versions: Versions
}

/** One thing that is encoded: a request, a response, a record's key or value. */
export interface Message {
  readonly name: string
  readonly about: string
  readonly versions: Versions
  /** First flexible version (KIP-482); Infinity: none. */
  readonly flexibleFrom: number
  readonly root: Struct
  /** The root and everything below it, a struct after the structs it holds. */
  readonly structs: readonly Struct[]
}

export interface MessageOptions {
  /** Name of the message, and of the root's interface. */
  readonly name: string
  readonly about: string
  readonly versions: Versions
  readonly flexibleFrom: number
  /** Beginnings of Kafka's struct names that say what the message's name says already. */
  readonly redundantPrefixes: readonly string[]
  readonly body: BodyDefinition
}

/** '3-13' or '2' as a range. */
export function parseVersions(text: string): Versions {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text)
  assert(match !== null, `versions are 3-13 or 2, not ${text}`)
  const min = Number(match[1])
  const max = Number(match[2] ?? match[1])
  assert(min <= max, `versions ${text} are in order`)
  return { min, max }
}

/** Resolves names and version ranges of a body, and checks what a JSON Schema cannot. */
export function buildMessage(options: MessageOptions): Message {
  const structs = new Map<string, Struct>()
  const typeNames = new Set([options.name])

  function structOf(name: string, definitions: readonly FieldDefinition[]): Struct {
    assert(!structs.has(name), `${options.name}: struct ${name} is defined once`)
    const typeName = uniqueTypeName(options, typeNames, name)
    const fields = definitions.map(definition => fieldOf(definition))
    const struct: Struct = { name, typeName, fields, versions: options.versions }
    checkFields(options.name, struct)
    structs.set(name, struct)
    return struct
  }

  function fieldOf(definition: FieldDefinition): Field {
    const { min, max } = options.versions
    const versions = { min: definition.since ?? min, max: definition.until ?? max }
    const where = `${options.name} ${definition.name}`
    assert(versions.min <= versions.max, `${where}: versions are in order`)
    assert(versions.min >= min && versions.max <= max, `${where}: versions are the message's`)
    const nullable = definition.nullable
    return {
      name: definition.name,
      type: typeOf(definition, definition.type),
      versions,
      nullableFrom: nullable === undefined ? Infinity : nullable === true ? 0 : nullable,
      tag: definition.tag ?? null,
      explicitDefault: definition.default,
      ignorable: definition.ignorable ?? false,
      key: definition.key ?? false,
      compact: definition.compact ?? true,
      about: definition.about
    }
  }

  function typeOf(definition: FieldDefinition, type: string): Type {
    if (type.endsWith('[]')) {
      return { kind: 'array', element: typeOf(definition, type.slice(0, -2)) }
    }
    if (isPrimitive(type)) {
      return { kind: 'primitive', name: type, exact: definition.exact ?? false }
    }
    const shared = options.body.structs?.[type]
    const struct =
      definition.fields !== undefined
        ? structOf(type, definition.fields)
        : (structs.get(type) ?? (shared === undefined ? undefined : structOf(type, shared)))
    assert(struct !== undefined, `${options.name} ${definition.name}: type ${type} is known`)
    return { kind: 'struct', struct }
  }

  const fields = options.body.fields.map(definition => fieldOf(definition))
  const root: Struct = {
    name: options.name,
    typeName: options.name,
    fields,
    versions: options.versions
  }
  checkFields(options.name, root)
  for (const name of Object.keys(options.body.structs ?? {})) {
    assert(structs.has(name), `${options.name}: struct ${name} is used`)
  }
  narrowVersions(root)
  const { name, about, versions, flexibleFrom } = options
  return { name, about, versions, flexibleFrom, root, structs: [...structs.values(), root] }
}

function isPrimitive(type: string): type is PrimitiveName {
  return primitiveNames.some(name => name === type)
}

function uniqueTypeName(options: MessageOptions, taken: Set<string>, structName: string): string {
  const prefix = options.redundantPrefixes.find(
    redundant => structName.startsWith(redundant) && structName.length > redundant.length
  )
  const short = options.name + structName.slice(prefix?.length ?? 0)
  const name = taken.has(short) ? options.name + structName : short
  assert(!taken.has(name), `${options.name}: interface ${name} is one`)
  taken.add(name)
  return name
}

function checkFields(where: string, struct: Struct): void {
  const names = new Set(struct.fields.map(field => field.name))
  assert(names.size === struct.fields.length, `${where} ${struct.name}: field names differ`)
  const tags = struct.fields.flatMap(field => (field.tag === null ? [] : [field.tag]))
  assert(new Set(tags).size === tags.length, `${where} ${struct.name}: tags differ`)
}

/** A struct occurs only in the versions that the fields which hold it have. */
function narrowVersions(root: Struct): void {
  const seen = new Map<Struct, Versions>()
  function visit(struct: Struct, outer: Versions): void {
    const before = seen.get(struct)
    const union =
      before === undefined
        ? outer
        : { min: Math.min(before.min, outer.min), max: Math.max(before.max, outer.max) }
    seen.set(struct, union)
    struct.versions = union
    for (const field of struct.fields) {
      const inner = structIn(field.type)
      const versions = intersect(field.versions, union)
      if (inner !== null && versions !== null) visit(inner, versions)
    }
  }
  visit(root, root.versions)
}

/** The struct that a type is, or is an array of. */
export function structIn(type: Type): Struct | null {
  if (type.kind === 'struct') return type.struct
  return type.kind === 'array' ? structIn(type.element) : null
}

export function intersect(a: Versions, b: Versions): Versions | null {
  const min = Math.max(a.min, b.min)
  const max = Math.min(a.max, b.max)
  return min <= max ? { min, max } : null
}

export function includes(versions: Versions, version: number): boolean {
  return version >= versions.min && version <= versions.max
}

/** What a field reads as in a version that does not have it: Kafka's rule. */
export type DefaultValue =
  | { readonly kind: 'null' }
  | { readonly kind: 'empty' }
  | { readonly kind: 'struct'; readonly struct: Struct }
  | { readonly kind: 'literal'; readonly value: string | number | boolean | bigint }

export function defaultOf(field: Field): DefaultValue {
  if (field.explicitDefault === null) return { kind: 'null' }
  const { type } = field
  if (type.kind === 'array') return { kind: 'empty' }
  if (type.kind === 'struct') return { kind: 'struct', struct: type.struct }
  return primitiveDefault(type.name, type.exact, field.explicitDefault)
}

function primitiveDefault(
  name: PrimitiveName,
  exact: boolean,
  explicit: string | number | boolean | undefined
): DefaultValue {
  switch (name) {
    case 'bytes':
    case 'records':
      return { kind: 'empty' }
    case 'bool':
      return { kind: 'literal', value: explicit === true }
    case 'string':
      return { kind: 'literal', value: String(explicit ?? '') }
    case 'uuid':
      return { kind: 'literal', value: String(explicit ?? 'AAAAAAAAAAAAAAAAAAAAAA') }
    case 'int64':
      return { kind: 'literal', value: int64Default(exact, explicit) }
    case 'int8':
    case 'int16':
    case 'uint16':
    case 'int32':
    case 'float64':
      return { kind: 'literal', value: Number(explicit ?? 0) }
    default:
      return unreachable(name)
  }
}

/**
 * A default beyond the safe integers stands as text in the definition, and saturates as reading
 * does.
 */
function int64Default(
  exact: boolean,
  explicit: string | number | boolean | undefined
): number | bigint {
  const value = BigInt(explicit ?? 0)
  if (exact) return value
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) return Number.MAX_SAFE_INTEGER
  return Number(value)
}

/** Whether the field can be null in that version. */
export function isNullable(field: Field, version: number): boolean {
  return version >= field.nullableFrom && includes(field.versions, version)
}

/** Fewest bytes that a value of the type takes in that version. */
export function sizeMin(
  message: Message,
  type: Type,
  version: number,
  compact = true,
  nullable = false
): number {
  const flexible = compact && version >= message.flexibleFrom
  if (type.kind === 'array') return flexible ? 1 : 4
  if (type.kind === 'struct') return nullable ? 1 : structSizeMin(message, type.struct, version)
  switch (type.name) {
    case 'bool':
    case 'int8':
      return 1
    case 'int16':
    case 'uint16':
      return 2
    case 'int32':
      return 4
    case 'int64':
    case 'float64':
      return 8
    case 'uuid':
      return 16
    case 'string':
      return flexible ? 1 : 2
    case 'bytes':
    case 'records':
      return flexible ? 1 : 4
    default:
      return unreachable(type.name)
  }
}

function structSizeMin(message: Message, struct: Struct, version: number): number {
  let size = version >= message.flexibleFrom ? 1 : 0
  for (const field of struct.fields) {
    if (field.tag !== null || !includes(field.versions, version)) continue
    size += sizeMin(message, field.type, version, field.compact, isNullable(field, version))
  }
  return size
}
