import type { Field, Message, Struct, Type, Versions } from './model.ts'
import { includes, isNullable, sizeMin } from './model.ts'
import { defaultText, readType } from './emit-types.ts'
import type { Source } from './source.ts'
import { choose } from './source.ts'

const reserved = new Set(['reader', 'writer', 'message', 'version', 'tag', 'tagEnd', 'default'])

/** A local variable for a field, which must not hide what the function works with. */
export function localName(field: Field): string {
  return reserved.has(field.name) ? `${field.name}Field` : field.name
}

/** The functions that read a message, inner structs first. */
export function emitReaders(source: Source, message: Message): void {
  for (const struct of message.structs) {
    source.line()
    if (struct === message.root) {
      source.doc(
        `Reads ${message.name}; byte fields are views of the frame. Throws MalformedRequest.`
      )
    }
    const exported = struct === message.root ? 'export ' : ''
    source.function(
      `${exported}function read${struct.typeName}`,
      ['reader: Reader', 'version: number'],
      struct.typeName,
      () => emitBody(source, message, struct)
    )
  }
}

function emitBody(source: Source, message: Message, struct: Struct): void {
  if (struct === message.root) emitVersionCheck(source, message)
  for (const field of struct.fields) {
    if (field.tag === null) emitField(source, message, struct, field)
  }
  emitTags(source, message, struct)
  if (struct.fields.length === 0) {
    source.line('return {}')
    return
  }
  source.line('return {')
  source.indented(() => {
    struct.fields.forEach((field, index) => {
      const name = localName(field)
      const comma = index === struct.fields.length - 1 ? '' : ','
      source.line(name === field.name ? `${name}${comma}` : `${field.name}: ${name}${comma}`)
    })
  })
  source.line('}')
}

/** Versions are checked where requests come in; a wrong one here is a bug of ours. */
export function emitVersionCheck(source: Source, message: Message): void {
  const { min, max } = message.versions
  const condition = min === max ? `version === ${min}` : `version >= ${min} && version <= ${max}`
  const versions = min === max ? `version ${min}` : `versions ${min} to ${max}`
  source.line(`assert(${condition}, '${message.name} has ${versions}')`)
}

function emitField(source: Source, message: Message, struct: Struct, field: Field): void {
  const name = localName(field)
  if (field.type.kind !== 'array') {
    const value = choose(struct.versions, version =>
      includes(field.versions, version)
        ? readText(message, field, field.type, version)
        : defaultText(field)
    )
    source.line(`const ${name} = ${value}`)
    return
  }
  const absent = field.explicitDefault === null ? '-1' : '0'
  const length = choose(struct.versions, version =>
    includes(field.versions, version) ? lengthText(message, field, version) : absent
  )
  source.line(`const ${name}Length = ${length}`)
  source.line(`const ${name}: ${elementsType(field)} = ${emptyText(field, `${name}Length`)}`)
  emitElements(source, message, field, name, struct.versions)
}

function elementsType(field: Field): string {
  return readType(field).replace(/^readonly /, '')
}

function emptyText(field: Field, length: string): string {
  return readType(field).endsWith(' | null') ? `${length} < 0 ? null : []` : '[]'
}

function emitElements(
  source: Source,
  message: Message,
  field: Field,
  name: string,
  versions: Versions
): void {
  if (field.type.kind !== 'array') return
  const { element } = field.type
  const value = choose(versions, version => readText(message, field, element, version))
  const guard = readType(field).endsWith(' | null') ? `if (${name} !== null) ` : ''
  source.loop(`${guard}for (let left = ${name}Length; left > 0; left--)`, `${name}.push(${value})`)
}

function lengthText(message: Message, field: Field, version: number): string {
  const flexible = field.compact && version >= message.flexibleFrom
  const nullable = isNullable(field, version)
  const method = lengthMethod(flexible, nullable)
  const element = field.type.kind === 'array' ? field.type.element : field.type
  return `reader.${method}(${sizeMin(message, element, version)})`
}

function readText(message: Message, field: Field, type: Type, version: number): string {
  const nullable = field.type === type && isNullable(field, version)
  if (type.kind === 'struct') {
    const read = `read${type.struct.typeName}(reader, version)`
    return nullable ? `(reader.present() ? ${read} : null)` : read
  }
  if (type.kind === 'array') return ''
  const flexible = field.compact && version >= message.flexibleFrom
  return `reader.${methodOf(type.name, type.exact, flexible, nullable)}()`
}

/** The name of the reader's and the writer's method for the length of an array. */
export function lengthMethod(flexible: boolean, nullable: boolean): string {
  if (flexible) return nullable ? 'compactNullableArrayLength' : 'compactArrayLength'
  return nullable ? 'nullableArrayLength' : 'arrayLength'
}

/** The name of the reader's and the writer's method for a primitive type. */
export function methodOf(
  name: string,
  exact: boolean,
  flexible: boolean,
  nullable: boolean
): string {
  if (name === 'int64') return exact ? 'exactInt64' : 'int64'
  if (name !== 'string' && name !== 'bytes' && name !== 'records') return name
  const kind = name === 'string' ? 'String' : 'Bytes'
  const method = `${flexible ? 'Compact' : ''}${nullable ? 'Nullable' : ''}${kind}`
  return method[0]!.toLowerCase() + method.slice(1)
}

function emitTags(source: Source, message: Message, struct: Struct): void {
  if (message.flexibleFrom > struct.versions.max) return
  const tagged = struct.fields.filter(field => field.tag !== null)
  for (const field of tagged) {
    source.line(`let ${localName(field)}: ${elementsType(field)} = ${defaultText(field)}`)
  }
  const always = message.flexibleFrom <= struct.versions.min
  if (tagged.length === 0) {
    const condition = always ? '' : `if (version >= ${message.flexibleFrom}) `
    source.line(`${condition}reader.skipTags()`)
    return
  }
  const loop = 'for (let tagsLeft = reader.tagCount(), tag = -1; tagsLeft > 0; tagsLeft--)'
  if (always) source.block(loop, () => emitTagSwitch(source, message, struct, tagged))
  else {
    source.block(`if (version >= ${message.flexibleFrom})`, () => {
      source.block(loop, () => emitTagSwitch(source, message, struct, tagged))
    })
  }
}

function emitTagSwitch(
  source: Source,
  message: Message,
  struct: Struct,
  tagged: readonly Field[]
): void {
  source.line('tag = reader.tag(tag)')
  source.line('const tagEnd = reader.tagEnd()')
  const first = Math.max(message.flexibleFrom, struct.versions.min)
  tagged.forEach((field, index) => {
    const since = field.versions.min > first ? ` && version >= ${field.versions.min}` : ''
    const close = index === 0 ? '' : '} else '
    source.line(`${close}if (tag === ${field.tag}${since}) {`)
    source.indented(() => {
      emitTagValue(source, message, field)
      source.line('reader.expectTagEnd(tagEnd)')
    })
  })
  source.line('} else reader.skipTag(tagEnd)')
}

function emitTagValue(source: Source, message: Message, field: Field): void {
  const name = localName(field)
  if (field.type.kind !== 'array') {
    const value = choose(field.versions, version => readText(message, field, field.type, version))
    source.line(`${name} = ${value}`)
    return
  }
  const length = choose(field.versions, version => lengthText(message, field, version))
  source.line(`const ${name}Length = ${length}`)
  source.line(`${name} = ${emptyText(field, `${name}Length`)}`)
  emitElements(source, message, field, name, field.versions)
}
