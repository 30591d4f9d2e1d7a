import { assert } from '../../src/base/assert.ts'
import type { Field, Message, Struct, Versions } from './model.ts'
import { includes, intersect, isNullable } from './model.ts'
import { emitVersionCheck, lengthMethod, localName, methodOf } from './emit-read.ts'
import { defaultName, defaultText, initType, isOptional } from './emit-types.ts'
import type { Source } from './source.ts'
import { branch, casesByVersion } from './source.ts'

/** The functions that write a message, inner structs first, and the defaults they compare with. */
export function emitWriters(source: Source, message: Message): void {
  const withDefault = structsWithDefault(message)
  for (const struct of message.structs) {
    if (withDefault.has(struct)) emitDefault(source, struct)
  }
  for (const struct of message.structs) {
    source.line()
    const exported = struct === message.root ? 'export ' : ''
    if (struct === message.root)
      source.doc(`Writes ${message.name}; large byte fields are not copied.`)
    source.function(
      `${exported}function write${struct.typeName}`,
      ['writer: Writer', `message: ${struct.typeName}Init`, 'version: number'],
      'void',
      () => emitBody(source, message, struct)
    )
  }
}

/** Structs which stand in a field that can be absent: reading needs them at their defaults. */
function structsWithDefault(message: Message): Set<Struct> {
  const found = new Set<Struct>()
  function add(struct: Struct): void {
    found.add(struct)
    for (const field of struct.fields) {
      if (field.type.kind === 'struct' && field.explicitDefault !== null) add(field.type.struct)
    }
  }
  for (const struct of message.structs) {
    for (const field of struct.fields) {
      if (field.type.kind !== 'struct' || field.explicitDefault === null) continue
      if (isOptional(struct, field)) add(field.type.struct)
    }
  }
  return found
}

function emitDefault(source: Source, struct: Struct): void {
  source.line()
  const fields = struct.fields.map(field => `${field.name}: ${defaultText(field)}`)
  source.line(`const ${defaultName(struct)}: ${struct.typeName} = { ${fields.join(', ')} }`)
  source.line()
  source.block(
    `function isDefault${struct.typeName}(message: ${struct.typeName}Init): boolean`,
    () => {
      const conditions = struct.fields.map(field =>
        isDefaultText(field, `(${valueText(struct, field)})`)
      )
      source.line(`return ${conditions.join(' && ')}`)
    }
  )
}

/** The field's value, or what stands for it when it is left out. */
function valueText(struct: Struct, field: Field): string {
  const value = `message.${field.name}`
  if (!isOptional(struct, field)) return value
  const canBeNull = initType(field).endsWith(' | null')
  if (!canBeNull || field.explicitDefault === null) return `${value} ?? ${defaultText(field)}`
  return `${value} === undefined ? ${defaultText(field)} : ${value}`
}

function isDefaultText(field: Field, value: string): string {
  const text = defaultText(field)
  if (text === 'null') return `${value} === null`
  const notNull = initType(field).endsWith(' | null') ? `${value} !== null && ` : ''
  if (field.type.kind === 'struct') {
    return `${notNull}isDefault${field.type.struct.typeName}(${value})`
  }
  if (text === '[]' || text === 'emptyBuffer') return `${notNull}${value}.length === 0`
  return `${value} === ${text}`
}

function emitBody(source: Source, message: Message, struct: Struct): void {
  if (struct === message.root) emitVersionCheck(source, message)
  for (const field of struct.fields) {
    if (field.tag === null) emitField(source, message, struct, field)
  }
  emitTags(source, message, struct)
}

function emitField(source: Source, message: Message, struct: Struct, field: Field): void {
  if (!leavesTrace(struct, field)) return
  if (field.type.kind === 'array') {
    emitArray(source, message, struct, field)
    return
  }
  const lines = (value: string) => (version: number) =>
    includes(field.versions, version)
      ? writeLines(message, field, value, version)
      : absentLines(message, struct, field, value)
  const inline = valueText(struct, field)
  const cases = casesByVersion(struct.versions, version => lines(inline)(version).join('\n'))
  const once = cases.length === 1 && cases[0]!.text.split(inline).length === 2
  if (once && !inline.includes('===')) {
    branch(source, struct.versions, lines(inline))
    return
  }
  source.line(`const ${localName(field)} = ${inline}`)
  branch(source, struct.versions, lines(localName(field)))
}

/** An array is written by its length, whose encoding depends on the version, and a loop. */
function emitArray(source: Source, message: Message, struct: Struct, field: Field): void {
  const value = localName(field)
  source.line(`const ${value} = ${valueText(struct, field)}`)
  const always =
    field.versions.min <= struct.versions.min && field.versions.max >= struct.versions.max
  branch(source, struct.versions, version =>
    includes(field.versions, version)
      ? [lengthLine(message, field, value, version)]
      : absentLines(message, struct, field, value)
  )
  const present = intersect(field.versions, struct.versions) ?? struct.versions
  const conditions = [
    ...(canBeNull(field) ? [`${value} !== null`] : []),
    ...(always || !field.ignorable ? [] : [versionCondition(present, struct)])
  ]
  const condition = conditions.length === 0 ? '' : `if (${conditions.join(' && ')}) `
  const head = `${condition}for (const element of ${value})`
  const element = (version: number): string => elementText(message, field, version)
  const [only, ...others] = casesByVersion(present, element)
  if (only !== undefined && others.length === 0) source.loop(head, only.text)
  else source.block(head, () => branch(source, present, version => [element(version)]))
}

function versionCondition(present: Versions, struct: Struct): string {
  const parts = []
  if (present.min > struct.versions.min) parts.push(`version >= ${present.min}`)
  if (present.max < struct.versions.max) parts.push(`version <= ${present.max}`)
  return parts.join(' && ')
}

function canBeNull(field: Field): boolean {
  return field.nullableFrom !== Infinity || field.explicitDefault === null
}

/** An ignorable field that no version of the struct has leaves nothing to write. */
function leavesTrace(struct: Struct, field: Field): boolean {
  return !field.ignorable || intersect(field.versions, struct.versions) !== null
}

/**
 * A value that a version cannot carry is dropped when it is ignorable, and a bug of ours otherwise.
 */
function absentLines(message: Message, struct: Struct, field: Field, value: string): string[] {
  return field.ignorable
    ? []
    : [`assert(${isDefaultText(field, value)}, '${absentMessage(message, struct, field)}')`]
}

function absentMessage(message: Message, struct: Struct, field: Field): string {
  const where = struct === message.root ? message.name : `${message.name} ${struct.name}`
  return `${where}.${field.name} is not in this version`
}

function writeLines(message: Message, field: Field, value: string, version: number): string[] {
  const flexible = field.compact && version >= message.flexibleFrom
  const nullable = isNullable(field, version)
  const { type } = field
  if (type.kind === 'array') {
    const loop = `for (const element of ${value}) ${elementText(message, field, version)}`
    const length = lengthLine(message, field, value, version)
    return [length, canBeNull(field) ? `if (${value} !== null) ${loop}` : loop]
  }
  if (type.kind === 'struct') return structLines(type.struct, field, value, nullable)
  return [`writer.${methodOf(type.name, type.exact, flexible, nullable)}(${value})`]
}

function lengthLine(message: Message, field: Field, value: string, version: number): string {
  const flexible = field.compact && version >= message.flexibleFrom
  const nullable = isNullable(field, version)
  const length = canBeNull(field) ? `${value} === null ? -1 : ${value}.length` : `${value}.length`
  return `writer.${lengthMethod(flexible, nullable)}(${length})`
}

function structLines(struct: Struct, field: Field, value: string, nullable: boolean): string[] {
  const write = `write${struct.typeName}(writer, ${value}, version)`
  if (nullable) {
    return [`writer.present(${value} !== null)`, `if (${value} !== null) ${write}`]
  }
  if (!canBeNull(field)) return [write]
  return [`assert(${value} !== null, '${struct.name} cannot be null in this version')`, write]
}

function elementText(message: Message, field: Field, version: number): string {
  assert(field.type.kind === 'array', `${field.name} is an array`)
  const { element } = field.type
  if (element.kind === 'struct') {
    return `write${element.struct.typeName}(writer, element, version)`
  }
  assert(element.kind === 'primitive', 'an array holds no arrays')
  const flexible = field.compact && version >= message.flexibleFrom
  return `writer.${methodOf(element.name, element.exact, flexible, false)}(element)`
}

function emitTags(source: Source, message: Message, struct: Struct): void {
  if (message.flexibleFrom > struct.versions.max) return
  const tagged = struct.fields
    .filter(field => field.tag !== null)
    .sort((a, b) => (a.tag ?? 0) - (b.tag ?? 0))
  const always = message.flexibleFrom <= struct.versions.min
  if (tagged.length === 0) {
    source.line(`${always ? '' : `if (version >= ${message.flexibleFrom}) `}writer.uvarint(0)`)
    return
  }
  for (const field of tagged) emitTagValue(source, message, struct, field)
  const count = tagged.map(field => `(${hasName(field)} ? 1 : 0)`).join(' + ')
  const body = (): void => {
    source.line(`writer.uvarint(${tagged.length === 1 ? count.slice(1, -1) : count})`)
    for (const field of tagged) emitTag(source, message, field)
  }
  if (always) body()
  else source.block(`if (version >= ${message.flexibleFrom})`, body)
}

function hasName(field: Field): string {
  return `has${field.name[0]!.toUpperCase()}${field.name.slice(1)}`
}

function emitTagValue(source: Source, message: Message, struct: Struct, field: Field): void {
  const value = localName(field)
  source.line(`const ${value} = ${valueText(struct, field)}`)
  const isDefault = isDefaultText(field, value)
  const has =
    isDefault.includes('&&') || !isDefault.includes(' === ')
      ? `!(${isDefault})`
      : isDefault.replace(' === ', ' !== ')
  if (field.versions.min <= struct.versions.min) {
    source.line(`const ${hasName(field)} = ${has}`)
    return
  }
  const since = `version >= ${field.versions.min}`
  source.line(`const ${hasName(field)} = ${since} && ${has}`)
  if (!field.ignorable) {
    const where = struct === message.root ? message.name : `${message.name} ${struct.name}`
    source.line(`assert(${since} || ${isDefault}, '${where}.${field.name} is not in this version')`)
  }
}

function emitTag(source: Source, message: Message, field: Field): void {
  source.block(`if (${hasName(field)})`, () => {
    source.line(`const begun = writer.beginTag(${field.tag})`)
    branch(source, { min: field.versions.max, max: field.versions.max }, version =>
      writeLines(message, field, localName(field), version)
    )
    source.line('writer.endTag(begun)')
  })
}
