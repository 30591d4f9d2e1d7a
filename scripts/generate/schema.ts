import { isDeepStrictEqual } from 'node:util'
import { assert } from '../../src/base/assert.ts'

/** The part of JSON Schema that `protocol/schema.json` is written in. */
export interface Schema {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
  readonly $schema?: string
  readonly title?: string
  readonly description?: string
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly propertyNames?: Schema
  readonly additionalProperties?: false | Schema
  readonly items?: Schema
  readonly uniqueItems?: boolean
  readonly anyOf?: readonly Schema[]
}

/** Checks of one keyword each; a keyword that is not here is refused rather than passed over. */
const keywords: { readonly [K in keyof Schema]-?: Check } = {
  $ref: () => [],
  $defs: () => [],
  $schema: () => [],
  title: () => [],
  description: () => [],
  properties: () => [],
  type: ({ schema, value, path }) => {
    const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? [])
    return types.some(type => isOfType(value, type)) ? [] : [`${path} is not ${types.join(' or ')}`]
  },
  const: ({ schema, value, path }) =>
    isDeepStrictEqual(value, schema.const)
      ? []
      : [`${path} is not ${JSON.stringify(schema.const)}`],
  enum: ({ schema, value, path }) =>
    (schema.enum ?? []).includes(value) ? [] : [`${path} is not one of the words allowed`],
  pattern: ({ schema, value, path }) =>
    typeof value !== 'string' || new RegExp(schema.pattern ?? '', 'u').test(value)
      ? []
      : [`${path} is not ${schema.pattern}: ${value}`],
  minimum: ({ schema, value, path }) =>
    typeof value !== 'number' || value >= (schema.minimum ?? -Infinity)
      ? []
      : [`${path} is too small`],
  maximum: ({ schema, value, path }) =>
    typeof value !== 'number' || value <= (schema.maximum ?? Infinity)
      ? []
      : [`${path} is too large`],
  required: ({ schema, value, path }) =>
    !isObject(value)
      ? []
      : (schema.required ?? [])
          .filter(name => !Object.hasOwn(value, name))
          .map(name => `${path}.${name} is missing`),
  propertyNames: ({ root, schema, value, path }) =>
    Object.keys(isObject(value) ? value : {}).flatMap(name =>
      check(root, schema.propertyNames ?? {}, name, `${path} key`)
    ),
  additionalProperties: ({ root, schema, value, path }) => {
    const others = Object.entries(isObject(value) ? value : {}).filter(
      ([name]) => !Object.hasOwn(schema.properties ?? {}, name)
    )
    const rest = schema.additionalProperties ?? {}
    if (rest === false) return others.map(([name]) => `${path}.${name} is not known`)
    return others.flatMap(([name, child]) => check(root, rest, child, `${path}.${name}`))
  },
  items: ({ root, schema, value, path }) =>
    (Array.isArray(value) ? value : []).flatMap((child, index) =>
      check(root, schema.items ?? {}, child, `${path}[${index}]`)
    ),
  uniqueItems: ({ value, path }) =>
    Array.isArray(value) && new Set(value).size !== value.length ? [`${path} repeats itself`] : [],
  anyOf: ({ root, schema, value, path }) =>
    (schema.anyOf ?? []).some(choice => check(root, choice, value, path).length === 0)
      ? []
      : [`${path} fits none of its forms`]
}

type Check = (context: {
  readonly root: Schema
  readonly schema: Schema
  readonly value: unknown
  readonly path: string
}) => string[]

/**
 * What is wrong with a value, as sentences that name the place; none when it fits.
 *
 * @param definition name of the part of the schema that the value should fit, in `$defs`
 */
export function schemaErrors(root: Schema, definition: string, value: unknown): string[] {
  return check(root, { $ref: `#/$defs/${definition}` }, value, '$')
}

function check(root: Schema, schema: Schema, value: unknown, path: string): string[] {
  const errors: string[] = []
  if (schema.$ref !== undefined) {
    const referred = root.$defs?.[schema.$ref.replace('#/$defs/', '')]
    assert(referred !== undefined, `the schema defines ${schema.$ref}`)
    errors.push(...check(root, referred, value, path))
  }
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    if (isObject(value) && Object.hasOwn(value, name)) {
      errors.push(...check(root, child, value[name], `${path}.${name}`))
    }
  }
  for (const keyword of Object.keys(schema)) {
    assert(isKeyword(keyword), `the schema's keyword ${keyword} is one that is checked`)
    errors.push(...keywords[keyword]({ root, schema, value, path }))
  }
  return errors
}

function isKeyword(text: string): text is keyof Schema {
  return Object.hasOwn(keywords, text)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case 'object':
      return isObject(value)
    case 'array':
      return Array.isArray(value)
    case 'integer':
      return Number.isSafeInteger(value)
    case 'null':
      return value === null
    default:
      return typeof value === type
  }
}
