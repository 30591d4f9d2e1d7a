import { expect, test } from 'vitest'
import { buildMessage, sizeMin } from '../../scripts/generate/model.ts'
import type { FieldDefinition } from '../../scripts/generate/definitions.ts'
import type { MessageUnderTest, Value } from '../wire/every-message.ts'
import { everyMessage, fieldsOf, isNullable, isPresent, versionsOf } from '../wire/every-message.ts'
import { defaultValue } from '../wire/every-message.ts'
import { referenceEncode } from '../wire/reference-encoder.ts'

const messages = await everyMessage()

/** The shortest value there is: everything empty or null, tagged fields at their defaults. */
function shortest(
  message: MessageUnderTest,
  fields: readonly FieldDefinition[],
  version: number
): Value {
  return Object.fromEntries(
    fields.map(field => {
      const inner = fieldsOf(message, field)
      const byDefault = defaultValue(message, field)
      if (field.tag !== undefined || !isPresent(field, version)) return [field.name, byDefault]
      if (isNullable(field, version)) return [field.name, null]
      if (field.type.endsWith('[]')) return [field.name, []]
      if (inner !== undefined) return [field.name, shortest(message, inner, version)]
      if (field.type === 'string') return [field.name, '']
      if (field.type === 'bytes' || field.type === 'records') return [field.name, Buffer.alloc(0)]
      return [field.name, byDefault]
    })
  )
}

// An array is refused when its elements, at their shortest, do not fit: too large a bound would
// refuse what is right.
test.each(messages)('the shortest $name has the size that the generator reckons with', message => {
  const model = buildMessage({
    name: message.name,
    about: '',
    versions: { min: message.min, max: message.max },
    flexibleFrom: message.flexibleFrom,
    redundantPrefixes: [],
    body: message.body
  })
  const type = { kind: 'struct', struct: model.root } as const
  for (const version of versionsOf(message)) {
    const value = shortest(message, message.body.fields, version)
    expect(sizeMin(model, type, version)).toBe(referenceEncode(message, version, value).length)
  }
})
