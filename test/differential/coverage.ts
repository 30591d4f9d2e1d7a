import { handlers } from '../../src/handlers/index.ts'
import { apis, type ApiName } from '../../src/wire/generated/api-table.ts'
import { askedName } from './run.ts'

/** `Produce v3` and so on: every version of every API that the broker serves. */
export function servedVersions(): readonly string[] {
  return Object.values(apis).flatMap(({ name: api, acceptedMin, advertised }) => {
    if (advertised === null || handlers[api] === undefined) return []
    const count = advertised.max - acceptedMin + 1
    return Array.from({ length: count }, (_, index) => askedName(api, acceptedMin + index))
  })
}

/** APIs that have a definition but no handler yet. */
export function apisNotServed(): readonly ApiName[] {
  return Object.values(apis)
    .map(({ name }) => name)
    .filter(api => handlers[api] === undefined)
}
