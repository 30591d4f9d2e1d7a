import * as fc from 'fast-check'
import type { FieldDefinition } from '../../scripts/generate/definitions.ts'
import type { MessageUnderTest, Value } from './every-message.ts'
import { defaultValue, fieldsOf, isNullable, isPresent } from './every-message.ts'

export interface Sizes {
  readonly arrayLengthMax: number
  readonly stringLengthMax: number
  readonly bytesSizeMax: number
}

export const smallSizes: Sizes = { arrayLengthMax: 2, stringLengthMax: 6, bytesSizeMax: 12 }
/** Long enough for compact lengths of two bytes, and for pieces that are not copied. */
export const largeSizes: Sizes = { arrayLengthMax: 3, stringLengthMax: 300, bytesSizeMax: 6000 }

/** Any value of a message in a version, as it reads: what the version lacks is at its default. */
export function anyMessage(
  message: MessageUnderTest,
  version: number,
  sizes: Sizes = smallSizes
): fc.Arbitrary<Value> {
  return anyStruct(message, message.body.fields, version, sizes)
}

function anyStruct(
  message: MessageUnderTest,
  fields: readonly FieldDefinition[],
  version: number,
  sizes: Sizes
): fc.Arbitrary<Value> {
  const entries = fields.map(
    field => [field.name, anyField(message, field, version, sizes)] as const
  )
  return fc.record(Object.fromEntries(entries), { noNullPrototype: true })
}

function anyField(
  message: MessageUnderTest,
  field: FieldDefinition,
  version: number,
  sizes: Sizes
): fc.Arbitrary<unknown> {
  const byDefault = fc.constant(defaultValue(message, field))
  if (!isPresent(field, version)) return byDefault
  const some = anyOfType(message, field, field.type, version, sizes)
  const orNull = isNullable(field, version) ? fc.option(some, { nil: null, freq: 3 }) : some
  return field.tag === undefined ? orNull : fc.oneof(orNull, byDefault)
}

function anyOfType(
  message: MessageUnderTest,
  field: FieldDefinition,
  type: string,
  version: number,
  sizes: Sizes
): fc.Arbitrary<unknown> {
  if (type.endsWith('[]')) {
    const element = anyOfType(message, field, type.slice(0, -2), version, sizes)
    return fc.array(element, { maxLength: sizes.arrayLengthMax })
  }
  const inner = fieldsOf(message, field)
  if (inner !== undefined) return anyStruct(message, inner, version, sizes)
  return anyPrimitive(type, field.exact === true, sizes)
}

function anyPrimitive(type: string, exact: boolean, sizes: Sizes): fc.Arbitrary<unknown> {
  switch (type) {
    case 'bool':
      return fc.boolean()
    case 'int8':
      return boundary(-0x80, 0x7f)
    case 'int16':
      return boundary(-0x8000, 0x7fff)
    case 'uint16':
      return boundary(0, 0xffff)
    case 'int32':
      return boundary(-0x8000_0000, 0x7fff_ffff)
    case 'int64':
      return exact
        ? fc.oneof(
            fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
            fc.constantFrom(-(2n ** 63n), -1n, 0n, 2n ** 63n - 1n)
          )
        : boundary(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
    case 'float64':
      return fc.double()
    case 'string':
      return fc.string({ unit: 'binary', maxLength: sizes.stringLengthMax, size: 'max' })
    case 'uuid':
      return fc
        .uint8Array({ minLength: 16, maxLength: 16 })
        .map(bytes => Buffer.from(bytes).toString('base64url'))
    case 'bytes':
    case 'records':
      return fc
        .uint8Array({ maxLength: sizes.bytesSizeMax, size: 'max' })
        .map(bytes => Buffer.from(bytes))
    default:
      throw new Error(`no arbitrary for ${type}`)
  }
}

function boundary(min: number, max: number): fc.Arbitrary<number> {
  return fc.oneof(
    fc.integer({ min, max }),
    fc.constantFrom(min, -1, 0, 1, max).filter(n => n >= min)
  )
}
