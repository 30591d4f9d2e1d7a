import { unreachable } from '../base/assert.ts'
import { failure, success, type Result } from '../base/result.ts'
import type { ConfigDefinition } from './config-definition.ts'

/** A valid value of one config. */
export interface ConfigValue {
  /**
   * Numbers beyond 2^53 are held at the largest safe integer: no limit that means something is as
   * large.
   */
  readonly value: number | boolean | string | readonly string[]
  /** As DescribeConfigs prints it: exact for every long, lists joined by commas. */
  readonly text: string
}

const integerRange = {
  short: { least: -(2 ** 15), most: 2 ** 15 - 1 },
  int: { least: -(2 ** 31), most: 2 ** 31 - 1 },
  long: { least: -(2n ** 63n), most: 2n ** 63n - 1n }
} as const
/** A number with no more characters is exact as a `number`, and far faster so. */
const exactLengthMax = 15
const integerForm = /^[+-]?\d+$/
const doubleForm = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[dDfF]?$/

/**
 * Parses and checks one config value the way Kafka's ConfigDef does: trimmed, typed, then in its
 * range.
 *
 * @returns INVALID_CONFIG with ConfigException's sentence
 */
export function parseConfigValue(
  definition: ConfigDefinition,
  text: string
): Result<ConfigValue, 'INVALID_CONFIG'> {
  const trimmed = text.trim()
  switch (definition.type) {
    case 'boolean':
      return parseBoolean(definition, text, trimmed.toLowerCase())
    case 'int':
    case 'short':
    case 'long':
      return parseInteger(definition, definition.type, text, trimmed)
    case 'double':
      return parseDouble(definition, text, trimmed)
    case 'list':
      return parseList(definition, trimmed)
    case 'string':
    case 'password':
      return parseString(definition, trimmed)
    default:
      return unreachable(definition.type)
  }
}

/** ConfigException's sentence about a value. */
export function invalidValue(
  name: string,
  value: string,
  reason: string
): Result<never, 'INVALID_CONFIG'> {
  return failure('INVALID_CONFIG', `Invalid value ${value} for configuration ${name}: ${reason}`)
}

function parseBoolean(
  definition: ConfigDefinition,
  text: string,
  lowered: string
): Result<ConfigValue, 'INVALID_CONFIG'> {
  if (lowered !== 'true' && lowered !== 'false') {
    return invalidValue(definition.name, text, 'Expected value to be either true or false')
  }
  return success({ value: lowered === 'true', text: lowered })
}

function parseInteger(
  definition: ConfigDefinition,
  type: 'int' | 'short' | 'long',
  text: string,
  trimmed: string
): Result<ConfigValue, 'INVALID_CONFIG'> {
  const notANumber = `Not a number of type ${type.toUpperCase()}`
  if (!integerForm.test(trimmed)) return invalidValue(definition.name, text, notANumber)
  const exact = exactInteger(trimmed)
  const { least, most } = integerRange[type]
  if (exact < least || exact > most) return invalidValue(definition.name, text, notANumber)
  const reason = rangeError(definition, Number(exact))
  if (reason !== null) return invalidValue(definition.name, exact.toString(), reason)
  return success({ value: safeInteger(exact), text: exact.toString() })
}

function exactInteger(text: string): number | bigint {
  const unsigned = text.startsWith('+') ? text.slice(1) : text
  // Not minus zero.
  return unsigned.length <= exactLengthMax ? Number(unsigned) + 0 : BigInt(unsigned)
}

function parseDouble(
  definition: ConfigDefinition,
  text: string,
  trimmed: string
): Result<ConfigValue, 'INVALID_CONFIG'> {
  if (!doubleForm.test(trimmed)) {
    return invalidValue(definition.name, text, 'Not a number of type DOUBLE')
  }
  const value = Number.parseFloat(trimmed)
  const reason = rangeError(definition, value)
  if (reason !== null) return invalidValue(definition.name, doubleText(value), reason)
  return success({ value, text: doubleText(value) })
}

function parseList(
  definition: ConfigDefinition,
  trimmed: string
): Result<ConfigValue, 'INVALID_CONFIG'> {
  const { name, words } = definition
  // Kafka 4.2 refuses a word that stands twice, the versions around it drop it.
  const elements = trimmed === '' ? [] : [...new Set(trimmed.split(/\s*,\s*/))]
  for (const element of elements) {
    if (element === '') {
      return failure('INVALID_CONFIG', `Configuration '${name}' values must not be empty.`)
    }
    if (words !== undefined && !words.includes(element)) return notOneOf(definition, element)
  }
  return success({ value: elements, text: elements.join(',') })
}

function parseString(
  definition: ConfigDefinition,
  trimmed: string
): Result<ConfigValue, 'INVALID_CONFIG'> {
  if (definition.words !== undefined && !definition.words.includes(trimmed)) {
    return notOneOf(definition, trimmed)
  }
  return success({ value: trimmed, text: trimmed })
}

function notOneOf(definition: ConfigDefinition, value: string): Result<never, 'INVALID_CONFIG'> {
  const words = (definition.words ?? []).join(', ')
  return invalidValue(definition.name, value, `String must be one of: ${words}`)
}

function rangeError(definition: ConfigDefinition, value: number): string | null {
  const { min, max, special } = definition
  if (special !== undefined) {
    const inside = value === special || (value >= (min ?? value) && value <= (max ?? value))
    return inside ? null : `Value must be between ${min} and ${max} or equal to ${special}`
  }
  if (min !== undefined && value < min) return `Value must be at least ${min}`
  if (max !== undefined && value > max) return `Value must be no more than ${max}`
  return null
}

function safeInteger(exact: number | bigint): number {
  if (typeof exact === 'number') return exact
  if (exact > BigInt(Number.MAX_SAFE_INTEGER)) return Number.MAX_SAFE_INTEGER
  if (exact < BigInt(Number.MIN_SAFE_INTEGER)) return Number.MIN_SAFE_INTEGER
  return Number(exact)
}

/** A double as Java prints it, which is what admin tools compare with: 0.5, 1.0, 1.0E-4. */
export function doubleText(value: number): string {
  const magnitude = Math.abs(value)
  if (magnitude !== 0 && (magnitude < 1e-3 || magnitude >= 1e7)) {
    const [digits = '', exponent = ''] = value.toExponential().split('e')
    return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`
  }
  const plain = String(value)
  return plain.includes('.') ? plain : `${plain}.0`
}
