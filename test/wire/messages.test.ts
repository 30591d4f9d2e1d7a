import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { AssertionError } from '../../src/base/assert.ts'
import { MalformedRequest } from '../../src/wire/malformed-request.ts'
import { Reader } from '../../src/wire/reader.ts'
import { Writer } from '../../src/wire/writer.ts'
import { anyMessage, largeSizes, smallSizes } from './arbitraries.ts'
import type { MessageUnderTest, Value } from './every-message.ts'
import { defaultValue, everyMessage, isPresent, versionsOf } from './every-message.ts'
import { referenceEncode } from './reference-encoder.ts'

const messages = await everyMessage()

function encode(message: MessageUnderTest, version: number, value: Value): Buffer {
  const writer = new Writer()
  message.write(writer, value, version)
  return Buffer.concat(writer.takeChunks())
}

function decode(message: MessageUnderTest, version: number, bytes: Buffer): Value {
  const reader = new Reader(bytes)
  const value = message.read(reader, version)
  reader.expectEnd()
  return value
}

/**
 * The value that comes back, or the error that bytes from outside may end in; anything else is
 * thrown.
 */
function decodeOrRefuse(message: MessageUnderTest, version: number, bytes: Buffer): Value | null {
  try {
    return decode(message, version, bytes)
  } catch (error) {
    if (error instanceof MalformedRequest) return null
    throw error
  }
}

function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toStrictEqual(expected)
}

test('every definition has its functions', () => {
  expect(messages.length).toBeGreaterThan(200)
  for (const message of messages) {
    expect(typeof message.read, message.name).toBe('function')
    expect(typeof message.write, message.name).toBe('function')
  }
})

test.each(messages)(
  '$name is written in every version as the definition says, and reads back as it was',
  message => {
    for (const version of versionsOf(message)) {
      fc.assert(
        fc.property(anyMessage(message, version), value => {
          const bytes = encode(message, version, value)
          expectSame(
            bytes.toString('hex'),
            referenceEncode(message, version, value).toString('hex')
          )
          expectSame(decode(message, version, bytes), value)
        }),
        { numRuns: 12 }
      )
    }
  }
)

test.each(messages)('$name keeps long strings and large bytes', message => {
  fc.assert(
    fc.property(anyMessage(message, message.max, largeSizes), value => {
      const bytes = encode(message, message.max, value)
      expectSame(decode(message, message.max, bytes), value)
      expect(bytes.equals(referenceEncode(message, message.max, value))).toBe(true)
    }),
    { numRuns: 3 }
  )
})

test.each(messages)('$name cut short anywhere is malformed', message => {
  const versions = fc.constantFrom(...versionsOf(message))
  const cases = versions.chain(version =>
    anyMessage(message, version).map(value => ({ version, bytes: encode(message, version, value) }))
  )
  fc.assert(
    fc.property(cases, ({ version, bytes }) => {
      for (let size = 0; size < bytes.length; size++) {
        expectSame(decodeOrRefuse(message, version, bytes.subarray(0, size)), null)
      }
    }),
    { numRuns: 4 }
  )
})

test.each(messages)('$name with changed bytes is read or malformed, and nothing else', message => {
  const versions = fc.constantFrom(...versionsOf(message))
  const cases = versions.chain(version =>
    fc.tuple(fc.constant(version), anyMessage(message, version))
  )
  const changes = fc.array(
    fc.record({
      at: fc.nat(),
      byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 0x7f, 0x80, 0xff)),
      count: fc.constantFrom(1, 1, 4)
    }),
    { minLength: 1, maxLength: 4 }
  )
  fc.assert(
    fc.property(cases, changes, ([version, value], mutations) => {
      const bytes = encode(message, version, value)
      if (bytes.length === 0) return
      for (const { at, byte, count } of mutations) {
        const start = at % bytes.length
        bytes.fill(byte, start, Math.min(start + count, bytes.length))
      }
      const read = decodeOrRefuse(message, version, bytes)
      if (read !== null) encode(message, version, read)
    }),
    { numRuns: 25 }
  )
})

test.each(messages)('$name reads what was left out as its default', message => {
  for (const version of versionsOf(message)) {
    fc.assert(
      fc.property(anyMessage(message, version, smallSizes), value => {
        const required = { ...value }
        const expected = { ...value }
        for (const field of message.body.fields) {
          const optional =
            field.default !== undefined ||
            field.tag !== undefined ||
            field.ignorable === true ||
            !versionsOf(message).every(each => isPresent(field, each))
          if (!optional) continue
          delete required[field.name]
          expected[field.name] = defaultValue(message, field)
        }
        expectSame(decode(message, version, encode(message, version, required)), expected)
      }),
      { numRuns: 2 }
    )
  }
})

test.each(messages)(
  '$name drops an ignorable field that the version lacks, and any other is our bug',
  message => {
    for (const version of versionsOf(message)) {
      const [sample] = fc.sample(anyMessage(message, version), { numRuns: 1, seed: version + 1 })
      for (const field of message.body.fields) {
        if (isPresent(field, version)) continue
        const there = versionsOf(message).find(each => isPresent(field, each))!
        const others = fc.sample(anyMessage(message, there), { numRuns: 40, seed: 7 })
        const byDefault = defaultValue(message, field)
        const other = others
          .map(each => each[field.name])
          .find(each => {
            return each !== null && !isDeepStrictEqual(each, byDefault)
          })
        if (other === undefined) continue
        const value = { ...sample, [field.name]: other }
        if (field.ignorable === true) {
          expectSame(decode(message, version, encode(message, version, value)), sample)
        } else {
          expect(() => encode(message, version, value), field.name).toThrow(AssertionError)
        }
      }
    }
  }
)

test.each(messages)('$name made of one byte again and again is read or malformed', message => {
  for (const byte of [0x00, 0x01, 0x02, 0x7f, 0x80, 0xff]) {
    const bytes = Buffer.alloc(20_000, byte)
    for (const version of new Set([message.min, message.max])) {
      const reader = new Reader(bytes)
      try {
        message.read(reader, version)
      } catch (error) {
        if (!(error instanceof MalformedRequest)) throw error
      }
      expect(reader.position).toBeLessThanOrEqual(bytes.length)
    }
  }
})
