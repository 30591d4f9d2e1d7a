import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { handlers } from '../../src/handlers/index.ts'
import type { ApiName } from '../../src/wire/generated/api-table.ts'
import { errors as errorTable } from '../../src/wire/generated/errors.ts'
import { isApi } from './api-names.ts'
import { readGolden, recordedConversations } from './golden.ts'
import type { Json } from './transcript.ts'

const definitionsFolder = fileURLToPath(new URL('../../protocol/apis', import.meta.url))
const unprovokedFile = fileURLToPath(new URL('../golden/UNPROVOKED.md', import.meta.url))
const errorNames: ReadonlySet<string> = new Set(errorTable.map(({ name }) => name))
const reportFile = fileURLToPath(new URL('../golden/ERRORS.md', import.meta.url))

type ErrorsByApi = ReadonlyMap<ApiName, ReadonlySet<string>>

/** Why an error of an API cannot be provoked by a conversation. */
export interface Unprovoked {
  readonly api: ApiName
  readonly error: string
  readonly reason: string
}

/** The errors that Kafka can answer to each API, by its definition in `protocol/apis`. */
export function possibleErrors(): ErrorsByApi {
  const possible = new Map<ApiName, ReadonlySet<string>>()
  for (const file of readdirSync(definitionsFolder).toSorted()) {
    const definition: { name: ApiName; errors: readonly string[] } = JSON.parse(
      readFileSync(`${definitionsFolder}/${file}`, 'utf8')
    )
    possible.set(definition.name, new Set(definition.errors))
  }
  return possible
}

/** The errors that Kafka did answer to each API in the recorded conversations. */
export function provokedErrors(kafkaVersion: string): ErrorsByApi {
  const provoked = new Map<ApiName, Set<string>>()
  for (const conversation of recordedConversations(kafkaVersion))
    for (const [step, answer] of readGolden(kafkaVersion, conversation)!) {
      const api = apiOfStep(step)
      if (api === null) continue
      const errors = provoked.get(api) ?? new Set()
      provoked.set(api, errors)
      for (const error of errorsIn(answer)) errors.add(error)
    }
  return provoked
}

/** Steps begin with their API and version, unless they are a note or bytes of no API. */
function apiOfStep(step: string): ApiName | null {
  const name = /^(\w+) v\d+/.exec(step)?.[1]
  return name !== undefined && isApi(name) ? name : null
}

function* errorsIn(value: Json, field = ''): Iterable<string> {
  if (typeof value === 'string') {
    if (/errorCode$/i.test(field) && !ordinary.has(value) && errorNames.has(value)) yield value
  } else if (Array.isArray(value)) for (const each of value) yield* errorsIn(each, field)
  else if (typeof value === 'object' && value !== null)
    for (const [name, each] of Object.entries(value)) yield* errorsIn(each, name)
}

/** No error, and the one that says that Kafka has stumbled. */
const ordinary: ReadonlySet<string> = new Set(['NONE', 'UNKNOWN_SERVER_ERROR'])

/**
 * Every row of UNPROVOKED.md: an error and the APIs that can answer it, under a heading that is the
 * reason.
 *
 * @throws Error for a row of another form
 */
export function readUnprovoked(): readonly Unprovoked[] {
  const all: Unprovoked[] = []
  let reason = ''
  for (const [index, line] of readFileSync(unprovokedFile, 'utf8').split('\n').entries()) {
    reason = /^## (.*)$/.exec(line)?.[1] ?? reason
    if (!line.startsWith('|') || /^\|[\s:|-]+\|$/.test(line)) continue
    const [error, names, ...more] = line.split('|').slice(1, -1)
    if (names === undefined || more.length > 0)
      throw new Error(`UNPROVOKED.md:${index + 1}: a row has two columns`)
    if (error!.trim() === 'Error') continue
    for (const api of names.split(',').map(name => name.trim())) {
      if (!isApi(api)) throw new Error(`UNPROVOKED.md:${index + 1}: there is no API ${api}`)
      all.push({ api, error: error!.trim(), reason })
    }
  }
  return all
}

export interface ErrorCoverage {
  /** `Fetch: CORRUPT_MESSAGE` and so on: Kafka answered what its definition does not list. */
  readonly unlisted: readonly string[]
  /** Neither provoked nor given a reason. */
  readonly missing: readonly string[]
  /** Given a reason, and provoked all the same or not possible. */
  readonly needless: readonly string[]
  readonly provokedCount: number
  readonly unprovokedCount: number
  readonly possibleCount: number
}

/** Holds possible, provoked and excused errors against one another, for all APIs or some. */
export function errorCoverage(
  possible: ErrorsByApi,
  provoked: ErrorsByApi,
  unprovoked: readonly Unprovoked[]
): ErrorCoverage {
  const named = (byApi: ErrorsByApi): readonly string[] =>
    [...byApi].flatMap(([api, errors]) => [...errors].map(error => `${api}: ${error}`))
  const isPossible = new Set(named(possible))
  const wasProvoked = new Set(named(provoked))
  const excused = new Set(unprovoked.map(({ api, error }) => `${api}: ${error}`))
  const all = [...isPossible]
  return {
    unlisted: [...wasProvoked].filter(each => !isPossible.has(each)),
    missing: all.filter(each => !wasProvoked.has(each) && !excused.has(each)),
    needless: [...excused].filter(each => wasProvoked.has(each) || !isPossible.has(each)),
    provokedCount: all.filter(each => wasProvoked.has(each)).length,
    unprovokedCount: all.filter(each => !wasProvoked.has(each)).length,
    possibleCount: all.length
  }
}

/** Those errors whose API odradek serves. */
export function ofServed(byApi: ErrorsByApi): ErrorsByApi {
  return new Map([...byApi].filter(([api]) => handlers[api] !== undefined))
}

/** ERRORS.md: every API, what was provoked, and what was not and why. */
export function errorReport(
  kafkaVersion: string,
  possible: ErrorsByApi,
  provoked: ErrorsByApi,
  unprovoked: readonly Unprovoked[]
): string {
  const { provokedCount, possibleCount } = errorCoverage(possible, provoked, unprovoked)
  const lines = [
    '# Errors that Apache Kafka can answer, and those that it was seen to answer',
    '',
    'Written by `npm run differential -- --record`; the reasons stand in UNPROVOKED.md.',
    '',
    `Apache Kafka ${kafkaVersion}: ${provokedCount} of ${possibleCount} errors provoked.`,
    ''
  ]
  for (const [api, errors] of possible) {
    const seen = [...errors].filter(error => provoked.get(api)?.has(error) === true)
    const notServed = handlers[api] === undefined ? ', which odradek does not serve yet' : ''
    lines.push(`## ${api}${notServed}`, '', `${seen.length} of ${errors.size} provoked`, '')
    for (const error of errors) lines.push(`- ${error}${excuse(error)}`)
    lines.push('')

    function excuse(error: string): string {
      if (seen.includes(error)) return ''
      const reason = unprovoked.find(each => each.api === api && each.error === error)?.reason
      return `: not provoked. ${reason ?? 'No reason is known.'}`
    }
  }
  return lines.join('\n')
}

export function readErrorReport(): string {
  return readFileSync(reportFile, 'utf8')
}

export function writeErrorReport(text: string): void {
  writeFileSync(reportFile, text)
}
