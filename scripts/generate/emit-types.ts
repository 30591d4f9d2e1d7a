import { assert, unreachable } from '../../src/base/assert.ts'
import type { DefaultValue, Field, Message, Struct, Type } from './model.ts'
import { defaultOf } from './model.ts'
import type { Source } from './source.ts'

/** The TypeScript type of what is read. */
export function readType(field: Field): string {
  return orNull(field, typeText(field.type, false))
}

/** The TypeScript type of what may be written. */
export function initType(field: Field): string {
  return orNull(field, typeText(field.type, true))
}

/** A field may be left out of what is written when the protocol itself knows what to put there. */
export function isOptional(struct: Struct, field: Field): boolean {
  return (
    field.explicitDefault !== undefined ||
    field.tag !== null ||
    field.ignorable ||
    field.versions.min > struct.versions.min ||
    field.versions.max < struct.versions.max
  )
}

/** Whether writing takes more than what reading gives. */
export function hasOwnInit(struct: Struct): boolean {
  return struct.fields.some(
    field => isOptional(struct, field) || initType(field) !== readType(field)
  )
}

/** The interfaces of a message: as read, and as written. */
export function emitTypes(source: Source, message: Message): void {
  for (const struct of message.structs) {
    source.line()
    if (struct === message.root) source.doc(message.about)
    source.block(`export interface ${struct.typeName}`, () => {
      for (const field of struct.fields) emitField(source, struct, field, false)
    })
    source.line()
    if (hasOwnInit(struct)) {
      source.block(`export interface ${struct.typeName}Init`, () => {
        for (const field of struct.fields) emitField(source, struct, field, true)
      })
    } else {
      source.line(`export type ${struct.typeName}Init = ${struct.typeName}`)
    }
  }
}

function emitField(source: Source, struct: Struct, field: Field, init: boolean): void {
  const comment = init ? '' : fieldComment(struct, field)
  if (comment !== '') source.doc(comment)
  if (!init) source.line(`readonly ${field.name}: ${readType(field)}`)
  else if (isOptional(struct, field)) {
    source.line(`readonly ${field.name}?: ${initType(field)} | undefined`)
  } else source.line(`readonly ${field.name}: ${initType(field)}`)
}

function fieldComment(struct: Struct, field: Field): string {
  const { min, max } = field.versions
  const parts: string[] = []
  if (field.about !== undefined) parts.push(field.about)
  if (min > struct.versions.min && max < struct.versions.max)
    parts.push(`Versions ${min} to ${max}.`)
  else if (min > struct.versions.min) parts.push(`From version ${min} on.`)
  else if (max < struct.versions.max) parts.push(`Up to version ${max}.`)
  return parts.join(' ')
}

function orNull(field: Field, type: string): string {
  const nullable = field.nullableFrom !== Infinity || field.explicitDefault === null
  return nullable ? `${type} | null` : type
}

function typeText(type: Type, init: boolean): string {
  if (type.kind === 'array') return `readonly ${typeText(type.element, init)}[]`
  if (type.kind === 'struct') return type.struct.typeName + (init ? 'Init' : '')
  switch (type.name) {
    case 'bool':
      return 'boolean'
    case 'string':
    case 'uuid':
      return 'string'
    case 'bytes':
      return 'Buffer'
    case 'records':
      return init ? 'Buffer | readonly Buffer[]' : 'Buffer'
    case 'int64':
      return type.exact ? 'bigint' : 'number'
    case 'int8':
    case 'int16':
    case 'uint16':
    case 'int32':
    case 'float64':
      return 'number'
    default:
      return unreachable(type.name)
  }
}

/** A default as source text. */
export function defaultText(field: Field): string {
  return valueText(defaultOf(field), field.type)
}

function valueText(value: DefaultValue, type: Type): string {
  switch (value.kind) {
    case 'null':
      return 'null'
    case 'empty':
      return type.kind === 'array' ? '[]' : 'emptyBuffer'
    case 'struct':
      return defaultName(value.struct)
    case 'literal':
      return literalText(value.value, type)
    default:
      return unreachable(value)
  }
}

function literalText(value: string | number | boolean | bigint, type: Type): string {
  assert(type.kind === 'primitive', 'a literal is of a primitive type')
  if (type.name === 'uuid') return 'zeroUuid'
  if (typeof value === 'bigint') return `${value}n`
  if (value === Number.MAX_SAFE_INTEGER) return 'Number.MAX_SAFE_INTEGER'
  return typeof value === 'string' ? `'${value}'` : String(value)
}

/** The constant that holds a struct with every field at its default. */
export function defaultName(struct: Struct): string {
  return `default${struct.typeName}`
}
