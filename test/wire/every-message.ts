import { fileURLToPath } from 'node:url'
import type {
  BodyDefinition,
  FieldDefinition,
  RecordDefinitionFile,
  VersionedBodyDefinition
} from '../../scripts/generate/definitions.ts'
import { loadProtocol } from '../../scripts/generate/definitions.ts'
import type { Reader } from '../../src/wire/reader.ts'
import type { Writer } from '../../src/wire/writer.ts'

export type Value = Readonly<Record<string, unknown>>

type Read = (reader: Reader, version: number) => Value
type Write = (writer: Writer, message: Value, version: number) => void

/** A message as its definition file has it, with the functions that were generated for it. */
export interface MessageUnderTest {
  readonly name: string
  readonly min: number
  readonly max: number
  readonly flexibleFrom: number
  readonly body: BodyDefinition
  readonly read: Read
  readonly write: Write
}

type Module = Readonly<Record<`read${string}`, Read>> & Readonly<Record<`write${string}`, Write>>

/** Every request, response, record key and record value in `protocol/`. */
export async function everyMessage(): Promise<MessageUnderTest[]> {
  const protocol = loadProtocol(fileURLToPath(new URL('../../protocol', import.meta.url)))
  const messages: MessageUnderTest[] = []
  for (const { slug, definition } of protocol.apis) {
    const module: Module = await import(`../../src/wire/generated/${slug}.ts`)
    for (const side of ['Request', 'Response'] as const) {
      const body = side === 'Request' ? definition.request : definition.response
      const { versions, flexible } = definition
      messages.push(
        underTest(module, definition.name + side, {
          versions,
          ...(flexible === undefined ? {} : { flexible }),
          ...body
        })
      )
    }
  }
  for (const { slug, definition } of protocol.records) {
    const module: Module = await import(`../../src/wire/generated/records/${slug}.ts`)
    for (const [suffix, body] of sidesOf(definition)) {
      messages.push(underTest(module, definition.name + suffix, body))
    }
  }
  return messages
}

function sidesOf(
  definition: RecordDefinitionFile
): Array<readonly [suffix: string, body: VersionedBodyDefinition]> {
  const sides = [
    ['Key', definition.key],
    ['Value', definition.value],
    ['', definition.data]
  ] as const
  return sides.flatMap(([suffix, body]) => (body === undefined ? [] : [[suffix, body] as const]))
}

function underTest(module: Module, name: string, body: VersionedBodyDefinition): MessageUnderTest {
  const [min = 0, max = min] = body.versions.split('-').map(Number)
  return {
    name,
    min,
    max,
    flexibleFrom: body.flexible ?? Infinity,
    body,
    read: module[`read${name}`]!,
    write: module[`write${name}`]!
  }
}

export function versionsOf(message: MessageUnderTest): number[] {
  return Array.from({ length: message.max - message.min + 1 }, (_, index) => message.min + index)
}

export function isPresent(field: FieldDefinition, version: number): boolean {
  return version >= (field.since ?? 0) && version <= (field.until ?? Infinity)
}

export function isNullable(field: FieldDefinition, version: number): boolean {
  return field.nullable === true || (field.nullable !== undefined && version >= field.nullable)
}

export function isStruct(value: unknown): value is Value {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The fields of the structure that a field is, or is an array of. */
export function fieldsOf(
  message: MessageUnderTest,
  field: FieldDefinition
): readonly FieldDefinition[] | undefined {
  return field.fields ?? message.body.structs?.[field.type.replace('[]', '')]
}

/** What a field that is absent reads as: its default, or else nothing of its type. */
export function defaultValue(message: MessageUnderTest, field: FieldDefinition): unknown {
  if (field.default === null) return null
  if (field.type.endsWith('[]')) return []
  const inner = fieldsOf(message, field)
  if (inner !== undefined) {
    return Object.fromEntries(inner.map(child => [child.name, defaultValue(message, child)]))
  }
  switch (field.type) {
    case 'bool':
      return field.default ?? false
    case 'string':
      return field.default ?? ''
    case 'uuid':
      return 'AAAAAAAAAAAAAAAAAAAAAA'
    case 'bytes':
    case 'records':
      return Buffer.alloc(0)
    case 'int64':
      if (field.exact === true) return BigInt(field.default ?? 0)
      return Math.min(Number(field.default ?? 0), Number.MAX_SAFE_INTEGER)
    default:
      return Number(field.default ?? 0)
  }
}
