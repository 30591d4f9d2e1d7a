import { unreachable } from '../../src/base/assert.ts'
import type { DefaultValue, Message, Struct, Type } from './model.ts'
import { defaultOf, includes, isNullable } from './model.ts'

/**
 * What a message looks like in one version, a line for every field in the order of the wire: path,
 * type, encoding, nullability, tag, default. Two definitions that print the same mean the same.
 */
export function describeVersion(message: Message, version: number): string[] {
  return describeStruct(message, message.root, version, '')
}

function describeStruct(message: Message, struct: Struct, version: number, path: string): string[] {
  return struct.fields.flatMap(field => {
    if (!includes(field.versions, version)) return []
    const inner = innerOf(field.type)
    const here = `${path}${field.name}`
    const line = [
      here,
      typeLine(field.type),
      ...(field.compact && version >= message.flexibleFrom ? [] : ['fixed']),
      ...(isNullable(field, version) ? ['nullable'] : []),
      ...(field.tag === null ? [] : [`tag=${field.tag}`]),
      `default=${defaultLine(defaultOf(field))}`,
      ...(field.ignorable ? ['ignorable'] : []),
      ...(field.key ? ['key'] : [])
    ].join(' ')
    const nested = inner === null ? [] : describeStruct(message, inner, version, `${here}.`)
    return [line, ...nested]
  })
}

function innerOf(type: Type): Struct | null {
  if (type.kind === 'struct') return type.struct
  return type.kind === 'array' ? innerOf(type.element) : null
}

function typeLine(type: Type): string {
  if (type.kind === 'array') return `${typeLine(type.element)}[]`
  return type.kind === 'struct' ? type.struct.name : type.name
}

function defaultLine(value: DefaultValue): string {
  switch (value.kind) {
    case 'null':
      return 'null'
    case 'empty':
    case 'struct':
      return 'zero'
    case 'literal':
      return value.value === 'AAAAAAAAAAAAAAAAAAAAAA' ? 'zero' : JSON.stringify(String(value.value))
    default:
      return unreachable(value)
  }
}
