import { assert } from '../base/assert.ts'
import type { ConfigValue } from './config-value.ts'

/** Values of configs by name, parsed as their definitions say. */
export type ConfigValues = ReadonlyMap<string, ConfigValue>

export function numberValue(values: ConfigValues, name: string): number {
  const value = valueOf(values, name)
  assert(typeof value === 'number', `${name} is a number`)
  return value
}

export function booleanValue(values: ConfigValues, name: string): boolean {
  const value = valueOf(values, name)
  assert(typeof value === 'boolean', `${name} is a boolean`)
  return value
}

export function textValue(values: ConfigValues, name: string): string {
  const value = valueOf(values, name)
  assert(typeof value === 'string', `${name} is a text`)
  return value
}

export function listValue(values: ConfigValues, name: string): readonly string[] {
  const value = valueOf(values, name)
  assert(typeof value === 'object', `${name} is a list`)
  return value
}

function valueOf(values: ConfigValues, name: string): ConfigValue['value'] {
  const value = values.get(name)
  assert(value !== undefined, `the config ${name} has a value`)
  return value.value
}
