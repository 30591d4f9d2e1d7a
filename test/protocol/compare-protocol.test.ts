import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import type { FactBody } from '../../scripts/compare-protocol.ts'
import { compareMessage, compareProtocol } from '../../scripts/compare-protocol.ts'
import { loadProtocol } from '../../scripts/generate/definitions.ts'
import { apiMessages } from '../../scripts/generate/emit-files.ts'

const protocol = loadProtocol(fileURLToPath(new URL('../../protocol', import.meta.url)))
const { definition } = protocol.apis.find(api => api.definition.name === 'AddOffsetsToTxn')!
const { request } = apiMessages(definition)

const fields = [
  { name: 'transactionalId', type: 'string', versions: '0+' },
  { name: 'producerId', type: 'int64', versions: '0+' },
  { name: 'producerEpoch', type: 'int16', versions: '0+' },
  { name: 'groupId', type: 'string', versions: '0+' }
]
const fact: FactBody = { validVersions: '0-4', flexibleVersions: '3+', fields }

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

function differencesWith(change: Partial<FactBody>): string[] {
  return compareMessage(request, { ...fact, ...change }).differences
}

/** The same fact with one field different. */
function withField(index: number, change: object): string[] {
  return differencesWith({
    fields: fields.map((field, at) => (at === index ? { ...field, ...change } : field))
  })
}

test('a message that is as Kafka has it differs in nothing', () => {
  expect(compareMessage(request, fact)).toEqual({ differences: [], fields: 20 })
})

test.each([
  ['name', withField(1, { name: 'producer' })],
  ['type', withField(2, { type: 'int32' })],
  ['default', withField(1, { default: '-1' })],
  ['first version', withField(3, { versions: '1+' })],
  ['nullability', withField(0, { nullableVersions: '2+' })],
  ['ignorability', withField(0, { ignorable: true })],
  ['tag', withField(3, { versions: '3+', taggedVersions: '3+', tag: 0 })],
  ['map key', withField(3, { mapKey: true })],
  ['order', differencesWith({ fields: fields.toReversed() })],
  ['first flexible version', differencesWith({ flexibleVersions: '4+' })],
  ['last version', differencesWith({ validVersions: '0-5' })],
  ['first version of the message', differencesWith({ validVersions: '1-4' })],
  ['further field', differencesWith({ fields: [...fields, { ...fields[0]!, name: 'more' }] })]
])('another %s is a difference', (_, differences) => {
  expect(differences.length).toBeGreaterThan(0)
  expect(differences.every(difference => difference.startsWith('AddOffsetsToTxnRequest'))).toBe(
    true
  )
})

test('versions that only older brokers accept may be there', () => {
  expect(differencesWith({ validVersions: '1-4', removedVersions: '0-0' })).toEqual([])
})

test('a folder of facts is compared as a whole, down to errors and configs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'odradek-facts-'))
  folders.push(folder)
  mkdirSync(join(folder, 'messages'))
  mkdirSync(join(folder, 'coordinator-records'))
  const file = { name: 'AddOffsetsToTxn', apiKey: 25, request: fact, response: fact }
  writeFileSync(join(folder, 'messages', 'AddOffsetsToTxn.json'), JSON.stringify(file))
  writeFileSync(
    join(folder, 'errors.tsv'),
    'code\tname\tretriable\trefresh_metadata\n0\tNONE\tno\tno\n1\tOFFSET_OUT_OF_RANGE\tyes\tno\n'
  )
  writeFileSync(join(folder, 'topic-configs.tsv'), 'name\ttype\tdefault\nsegment.ms\tlong\t1\n')
  writeFileSync(join(folder, 'group-configs.tsv'), 'name\ttype\tdefault\n')
  const { differences, messages } = compareProtocol(protocol, folder)
  expect(messages).toBe(2)
  const about = (text: string): string[] => differences.filter(line => line.includes(text))
  expect(about('AddOffsetsToTxnRequest')).toEqual([])
  expect(about('AddOffsetsToTxnResponse v0')).toHaveLength(1)
  expect(about('error 1:')).toHaveLength(1)
  expect(about('error 0:')).toEqual([])
  expect(about('segment.ms')).not.toEqual([])
  expect(differences).toContain('HeartbeatRequest: Kafka has no such message')
})
