import type { ApiName } from '../wire/generated/api-table.ts'
import type { Handler } from './handler.ts'
import { metadata } from './metadata.ts'

/** The one table of what the broker answers; ApiVersions advertises exactly these. Sorted by API key. */
export const handlers: { readonly [A in ApiName]?: Handler<A> } = {
  Metadata: metadata
}
