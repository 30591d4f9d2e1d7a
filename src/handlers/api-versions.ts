// ApiVersions. No features are finalized: clients take that as "as before features existed". Above
// all, a transaction.version of 2 would make Java producers skip the requests that a broker without
// KIP-890 needs.
import { apis } from '../wire/generated/api-table.ts'
import { errorCode } from '../wire/generated/errors.ts'
import type { ApiVersionsResponseInit } from '../wire/generated/api-versions.ts'
import type { AdvertisedApi, Handler } from './handler.ts'

/** What a client may call its software and its version (KIP-511). */
const softwareName = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

export const apiVersions: Handler<'ApiVersions'> = (context, request) => {
  const saysSoftware = context.apiVersion >= 3
  if (saysSoftware && !isSoftware(request.clientSoftwareName, request.clientSoftwareVersion))
    return { errorCode: errorCode('INVALID_REQUEST'), apiKeys: [] }
  return { errorCode: 0, apiKeys: context.advertised }
}

function isSoftware(name: string, version: string): boolean {
  return softwareName.test(name) && softwareName.test(version)
}

/**
 * What a client gets that asks in a version we do not know: in version 0, the versions of
 * ApiVersions alone, so that it can ask again (KIP-511).
 */
export function unsupportedApiVersions(
  advertised: readonly AdvertisedApi[]
): ApiVersionsResponseInit {
  const apiKeys = advertised.filter(({ apiKey }) => apiKey === apis.ApiVersions.key)
  return { errorCode: errorCode('UNSUPPORTED_VERSION'), apiKeys }
}
