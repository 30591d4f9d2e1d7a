import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { contradictions, schemaViolations } from '../../scripts/generate/check-definitions.ts'
import type { ApiDefinitionFile, Protocol } from '../../scripts/generate/definitions.ts'
import { loadProtocol, readJson } from '../../scripts/generate/definitions.ts'
import type { Schema } from '../../scripts/generate/schema.ts'
import { schemaErrors } from '../../scripts/generate/schema.ts'

const folder = fileURLToPath(new URL('../../protocol', import.meta.url))
const schema: Schema = readJson(`${folder}/schema.json`)
const protocol = loadProtocol(folder)
const heartbeat = protocol.apis.find(({ definition }) => definition.name === 'Heartbeat')!

/** The protocol with Heartbeat changed. */
function withHeartbeat(change: Partial<ApiDefinitionFile>): Protocol {
  const apis = protocol.apis.map(loaded =>
    loaded === heartbeat ? { ...loaded, definition: { ...loaded.definition, ...change } } : loaded
  )
  return { ...protocol, apis }
}

test('every definition fits the schema and contradicts none', () => {
  expect(schemaViolations(folder)).toEqual([])
  expect(contradictions(protocol)).toEqual([])
})

test('the schema refuses what it does not know, and misses what must be there', () => {
  const definition = heartbeat.definition
  const errorsOf = (change: object): string[] =>
    schemaErrors(schema, 'api', { ...definition, ...change })
  expect(errorsOf({})).toEqual([])
  expect(errorsOf({ listeners: [] })).toEqual(['$.listeners is not known'])
  expect(errorsOf({ key: '12' })).toEqual(['$.key is not integer'])
  expect(errorsOf({ key: -1 })).toEqual(['$.key is too small'])
  expect(errorsOf({ about: 'no full stop' })).toHaveLength(1)
  expect(errorsOf({ errors: ['NONE', 'NONE'] })).toEqual(['$.errors repeats itself'])
  expect(errorsOf({ authorization: [{ operation: 'READ' }] })).toEqual([
    '$.authorization[0].resource is missing'
  ])
  expect(errorsOf({ request: { fields: [{ name: 'a', type: 'int33' }] } })).toHaveLength(1)
  expect(errorsOf({ request: { fields: [{ name: 'a', type: 'int32', versions: '0+' }] } })).toEqual(
    ['$.request.fields[0].versions is not known']
  )
  expect(
    errorsOf({ request: { fields: [{ name: 'a', type: 'int32', nullable: false }] } })
  ).toEqual(['$.request.fields[0].nullable fits none of its forms'])
})

test('a keyword that nobody checks is no part of the schema', () => {
  const root = { $defs: { api: { type: 'string', maxLength: 3 } } }
  expect(() => schemaErrors(root, 'api', 'long text')).toThrow('maxLength')
})

test('a number of a file that is not its key is a contradiction', () => {
  expect(contradictions(withHeartbeat({ key: 112 }))).toEqual([
    'protocol/apis/12-heartbeat.json: the number is not the key'
  ])
})

test('a key that is there twice is a contradiction', () => {
  expect(contradictions(withHeartbeat({ key: 13 }))).toContain('API key 13 is there twice')
})

test('an error that does not exist is a contradiction', () => {
  expect(contradictions(withHeartbeat({ errors: ['NO_HEART'] }))).toEqual([
    'protocol/apis/12-heartbeat.json: there is no error NO_HEART'
  ])
})

test('versions that are advertised and not defined are a contradiction', () => {
  expect(contradictions(withHeartbeat({ advertised: '0-5' }))).toEqual([
    'protocol/apis/12-heartbeat.json: advertises what is not defined'
  ])
})

test('a tag before the first flexible version is a contradiction', () => {
  const field = { name: 'a', type: 'int32', tag: 0, since: 3 }
  expect(contradictions(withHeartbeat({ response: { fields: [field] } }))).toEqual([
    `${heartbeat.path}: HeartbeatResponse.a has a tag in a version that is not flexible`
  ])
})

test('a default of null where null cannot be said is a contradiction', () => {
  const field = { name: 'a', type: 'string', nullable: 2, default: null }
  expect(contradictions(withHeartbeat({ response: { fields: [field] } }))).toEqual([
    `${heartbeat.path}: HeartbeatResponse.a is null by default in a version that cannot say null`
  ])
})

test.each([
  ['a type that is not defined', [{ name: 'a', type: 'Nothing[]' }]],
  [
    'a field that is there twice',
    [
      { name: 'a', type: 'int8' },
      { name: 'a', type: 'int8' }
    ]
  ],
  ['versions beyond those of the API', [{ name: 'a', type: 'int8', since: 9 }]],
  ['versions in the wrong order', [{ name: 'a', type: 'int8', since: 3, until: 2 }]]
])('%s cannot be generated', (_, fields) => {
  expect(() => contradictions(withHeartbeat({ response: { fields } }))).toThrow('HeartbeatResponse')
})
