import { describe, expect, test } from 'vitest'
import type { ConfigDefinition, ConfigType } from '../../src/config/config-definition.ts'
import { doubleText, parseConfigValue } from '../../src/config/config-value.ts'

function parse(type: ConfigType, text: string, rest: Partial<ConfigDefinition> = {}) {
  const definition = { name: 'x', type, defaultValue: null, meaning: '', status: 'stored' as const }
  const parsed = parseConfigValue({ ...definition, ...rest }, text)
  return parsed.ok ? parsed.value : parsed.detail
}

describe('an integer', () => {
  test('is trimmed and may have a sign', () => {
    expect(parse('int', ' 5 ')).toEqual({ value: 5, text: '5' })
    expect(parse('int', '+5')).toEqual({ value: 5, text: '5' })
    expect(parse('int', '-0')).toEqual({ value: 0, text: '0' })
    expect(parse('long', '007')).toEqual({ value: 7, text: '7' })
  })

  test.each(['', ' ', 'x', '1.5', '1e3', '0x10', '5L', '--1', '1_000'])('is not %j', text => {
    expect(parse('int', text)).toBe(
      `Invalid value ${text} for configuration x: Not a number of type INT`
    )
  })

  test('fits its type', () => {
    expect(parse('short', '32767')).toMatchObject({ value: 32767 })
    expect(parse('short', '32768')).toBe(
      'Invalid value 32768 for configuration x: Not a number of type SHORT'
    )
    expect(parse('int', '2147483647')).toMatchObject({ value: 2147483647 })
    expect(parse('int', '-2147483648')).toMatchObject({ value: -2147483648 })
    expect(parse('int', '2147483648')).toBe(
      'Invalid value 2147483648 for configuration x: Not a number of type INT'
    )
    expect(parse('long', '9223372036854775808')).toBe(
      'Invalid value 9223372036854775808 for configuration x: Not a number of type LONG'
    )
  })

  test('beyond 2^53 keeps its text and is held at the largest safe integer', () => {
    const text = '9223372036854775807'
    expect(parse('long', text)).toEqual({ value: Number.MAX_SAFE_INTEGER, text })
    const least = '-9223372036854775808'
    expect(parse('long', least)).toEqual({ value: Number.MIN_SAFE_INTEGER, text: least })
  })

  test('keeps to its range', () => {
    expect(parse('int', '0', { min: 1 })).toBe(
      'Invalid value 0 for configuration x: Value must be at least 1'
    )
    expect(parse('int', '18', { min: 1, max: 17 })).toBe(
      'Invalid value 18 for configuration x: Value must be no more than 17'
    )
    const level = { min: 1, max: 9, special: -1 }
    expect(parse('int', '-1', level)).toMatchObject({ value: -1 })
    expect(parse('int', '9', level)).toMatchObject({ value: 9 })
    for (const outside of ['0', '10', '-2']) {
      expect(parse('int', outside, level)).toBe(
        `Invalid value ${outside} for configuration x: Value must be between 1 and 9 or equal to -1`
      )
    }
  })
})

describe('a boolean', () => {
  test('is true or false in any case', () => {
    expect(parse('boolean', ' TRUE')).toEqual({ value: true, text: 'true' })
    expect(parse('boolean', 'False')).toEqual({ value: false, text: 'false' })
  })

  test.each(['', 'yes', '1', 'tru'])('is not %j', text => {
    expect(parse('boolean', text)).toBe(
      `Invalid value ${text} for configuration x: Expected value to be either true or false`
    )
  })
})

describe('a double', () => {
  test('is printed as Java prints it', () => {
    expect(parse('double', '1')).toEqual({ value: 1, text: '1.0' })
    expect(parse('double', ' .5 ')).toEqual({ value: 0.5, text: '0.5' })
    expect(parse('double', '5e-1')).toEqual({ value: 0.5, text: '0.5' })
    expect(doubleText(0.0001)).toBe('1.0E-4')
    expect(doubleText(123456789)).toBe('1.23456789E8')
    expect(doubleText(-12345.5)).toBe('-12345.5')
    expect(doubleText(0)).toBe('0.0')
  })

  test('keeps to its range', () => {
    expect(parse('double', '2', { min: 0, max: 1 })).toBe(
      'Invalid value 2.0 for configuration x: Value must be no more than 1'
    )
  })

  test.each(['', 'abc', '1.2.3', '0x1'])('is not %j', text => {
    expect(parse('double', text)).toBe(
      `Invalid value ${text} for configuration x: Not a number of type DOUBLE`
    )
  })
})

describe('a list', () => {
  const words = ['compact', 'delete']

  test('is cut at commas, with the spaces around them', () => {
    expect(parse('list', ' compact , delete ', { words })).toEqual({
      value: ['compact', 'delete'],
      text: 'compact,delete'
    })
    expect(parse('list', '  ', { words })).toEqual({ value: [], text: '' })
  })

  test('drops what stands twice', () => {
    expect(parse('list', 'delete,delete', { words })).toMatchObject({ text: 'delete' })
  })

  test('has no empty words and only those that are allowed', () => {
    expect(parse('list', 'delete,,compact', { words })).toBe(
      "Configuration 'x' values must not be empty."
    )
    expect(parse('list', 'delete,', { words })).toBe("Configuration 'x' values must not be empty.")
    expect(parse('list', 'foo', { words })).toBe(
      'Invalid value foo for configuration x: String must be one of: compact, delete'
    )
  })
})

describe('a string', () => {
  test('is trimmed', () => {
    expect(parse('string', ' a b ')).toEqual({ value: 'a b', text: 'a b' })
  })

  test('is one of its words, in their case', () => {
    const words = ['CreateTime', 'LogAppendTime']
    expect(parse('string', 'LogAppendTime', { words })).toMatchObject({ value: 'LogAppendTime' })
    expect(parse('string', 'logappendtime', { words })).toBe(
      'Invalid value logappendtime for configuration x: ' +
        'String must be one of: CreateTime, LogAppendTime'
    )
  })
})
