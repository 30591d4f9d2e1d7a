import { expect, test } from 'vitest'
import { parseProperties } from '../../src/cli/properties.ts'

test.each([
  ['key=value', { key: 'value' }],
  ['key = value ', { key: 'value ' }],
  ['key: value', { key: 'value' }],
  ['key value', { key: 'value' }],
  ['  key=value', { key: 'value' }],
  ['key=', { key: '' }],
  ['key', { key: '' }],
  ['key=a=b:c d', { key: 'a=b:c d' }],
  ['# comment\n! comment\n\nkey=1', { key: '1' }],
  ['key=1\nkey=2', { key: '2' }],
  ['a=1\r\nb=2\rc=3', { a: '1', b: '2', c: '3' }],
  ['key=one,\\\n    two', { key: 'one,two' }],
  ['key=ends with \\\\\nnext=1', { key: 'ends with \\', next: '1' }],
  ['a\\=b=c', { 'a=b': 'c' }],
  ['a\\ b=c', { 'a b': 'c' }],
  ['key=tab\\tnewline\\n', { key: 'tab\tnewline\n' }],
  ['key=\\u00e9', { key: 'é' }],
  ['__proto__=x', { ['__proto__']: 'x' }]
])('%j is read as Java reads it', (text, expected) => {
  expect([...parseProperties(text)]).toEqual(Object.entries(expected))
})
