import { handlers } from '../../src/handlers/index.ts'
import { apis, type ApiName } from '../../src/wire/generated/api-table.ts'
import { readGolden, recordedConversations } from './golden.ts'
import { askedName } from './run.ts'
import type { Json } from './transcript.ts'
import { versions } from './versions.ts'

/** `Produce v3` and so on: every version of every API that the broker serves. */
export function servedVersions(): readonly string[] {
  return Object.values(apis).flatMap(({ name: api, acceptedMin, advertised }) => {
    if (advertised === null || handlers[api] === undefined) return []
    const count = advertised.max - acceptedMin + 1
    return Array.from({ length: count }, (_, index) => askedName(api, acceptedMin + index))
  })
}

/**
 * Every version of the APIs that odradek does not serve and Kafka does, as far as the definitions
 * know them: what conversations record for the day they are served.
 *
 * @param kafkaApis versions that Kafka advertises, such as `0-5`, by the name of the API
 */
export function versionsOfOthers(kafkaApis: { readonly [name: string]: Json }): readonly string[] {
  return apisNotServed().flatMap(api => {
    const advertised = kafkaApis[api]
    if (typeof advertised !== 'string') return []
    const [from, to] = advertised.split('-').map(Number)
    return versions(api, from, to).map(version => askedName(api, version))
  })
}

/** Every version of every API that Kafka was asked in a recorded conversation. */
export function recordedVersions(kafkaVersion: string): ReadonlySet<string> {
  const recorded = new Set<string>()
  for (const conversation of recordedConversations(kafkaVersion))
    for (const step of readGolden(kafkaVersion, conversation)!.keys()) {
      const name = /^\w+ v\d+/.exec(step)?.[0]
      if (name !== undefined) recorded.add(name)
    }
  return recorded
}

/** APIs that have a definition but no handler yet. */
export function apisNotServed(): readonly ApiName[] {
  return Object.values(apis)
    .map(({ name }) => name)
    .filter(api => handlers[api] === undefined)
}
