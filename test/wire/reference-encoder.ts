import { isDeepStrictEqual } from 'node:util'
import type { FieldDefinition } from '../../scripts/generate/definitions.ts'
import { assert } from '../../src/base/assert.ts'
import type { MessageUnderTest } from './every-message.ts'
import { defaultValue, fieldsOf, isNullable, isPresent, isStruct } from './every-message.ts'

// A second opinion on what the bytes of a message are: it walks the definition itself, shares no
// code with what is generated, and is written for shortness.

/** The bytes of a message in a version. */
export function referenceEncode(
  message: MessageUnderTest,
  version: number,
  value: unknown
): Buffer {
  return struct(message, message.body.fields, version, value)
}

function struct(
  message: MessageUnderTest,
  fields: readonly FieldDefinition[],
  version: number,
  value: unknown
): Buffer {
  assert(isStruct(value), 'a structure')
  const present = fields.filter(field => isPresent(field, version))
  const plain = present
    .filter(field => field.tag === undefined)
    .map(field => encodeField(message, field, version, value[field.name]))
  if (version < message.flexibleFrom) return Buffer.concat(plain)
  const tagged = present
    .filter(field => field.tag !== undefined)
    .filter(field => !isDeepStrictEqual(value[field.name], defaultValue(message, field)))
    .sort((a, b) => a.tag! - b.tag!)
    .flatMap(field => {
      const body = encodeField(message, field, version, value[field.name])
      return [uvarint(field.tag!), uvarint(body.length), body]
    })
  return Buffer.concat([...plain, uvarint(tagged.length / 3), ...tagged])
}

function encodeField(
  message: MessageUnderTest,
  field: FieldDefinition,
  version: number,
  value: unknown
): Buffer {
  const compact = version >= message.flexibleFrom && field.compact !== false
  const element = field.type.replace('[]', '')
  const inner = fieldsOf(message, field)
  const one = (item: unknown): Buffer =>
    inner === undefined ? primitive(element, compact, item) : struct(message, inner, version, item)
  if (field.type.endsWith('[]')) {
    if (value === null) return size(compact, null, 4)
    assert(Array.isArray(value), 'an array')
    return Buffer.concat([size(compact, value.length, 4), ...value.map(one)])
  }
  if (inner !== undefined && isNullable(field, version)) {
    return value === null ? Buffer.from([0xff]) : Buffer.concat([Buffer.from([1]), one(value)])
  }
  return one(value)
}

function primitive(type: string, compact: boolean, value: unknown): Buffer {
  switch (type) {
    case 'bool':
      return integer(value === true ? 1 : 0, 1)
    case 'int8':
      return integer(value, 1)
    case 'int16':
    case 'uint16':
      return integer(value, 2)
    case 'int32':
      return integer(value, 4)
    case 'int64':
      return integer(value, 8)
    case 'float64': {
      const bytes = Buffer.alloc(8)
      bytes.writeDoubleBE(Number(value))
      return bytes
    }
    case 'uuid':
      assert(typeof value === 'string', 'a uuid')
      return Buffer.from(value, 'base64url')
    case 'string': {
      if (value === null) return size(compact, null, 2)
      assert(typeof value === 'string', 'a string')
      const bytes = Buffer.from(value, 'utf8')
      return Buffer.concat([size(compact, bytes.length, 2), bytes])
    }
    case 'bytes':
    case 'records': {
      if (value === null) return size(compact, null, 4)
      assert(Buffer.isBuffer(value), 'bytes')
      return Buffer.concat([size(compact, value.length, 4), value])
    }
    default:
      throw new Error(`no encoding for ${type}`)
  }
}

function size(compact: boolean, length: number | null, width: number): Buffer {
  if (compact) return uvarint(length === null ? 0 : length + 1)
  return integer(length ?? -1, width)
}

function integer(value: unknown, width: number): Buffer {
  const digits = BigInt.asUintN(8 * width, BigInt(String(value))).toString(16)
  return Buffer.from(digits.padStart(2 * width, '0'), 'hex')
}

function uvarint(value: number): Buffer {
  const bytes: number[] = []
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left])
    bytes.push((left % 128) + 128)
  }
}
