import { headerTaggedFieldsMax } from '../limits.ts'
import type { ApiDefinition, ApiName, Messages } from './generated/api-table.ts'
import { apiByKey, apis } from './generated/api-table.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

export interface RequestHeader {
  /** As sent; `apiByKey` tells whether there is such an API. */
  readonly apiKey: number
  /** As sent; it may be a version that the API does not have. */
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
}

/**
 * Reads the header that a request begins with, v1 or v2 as the API's version demands, and leaves
 * the reader at the body.
 *
 * A version that is not known yet is taken for a flexible one when the API has flexible versions
 * below it: ApiVersions must answer such a request (KIP-511). An unknown key is read as far as
 * every version agrees.
 *
 * @throws MalformedRequest when the bytes end before the header does
 */
export function readRequestHeader(reader: Reader): RequestHeader {
  const apiKey = reader.int16()
  const apiVersion = reader.int16()
  const correlationId = reader.int32()
  const clientId = reader.nullableString()
  const apiName = apiByKey.get(apiKey)
  if (apiName !== undefined && apiVersion >= apis[apiName].flexibleFrom) {
    reader.skipTags(headerTaggedFieldsMax)
  }
  return { apiKey, apiVersion, correlationId, clientId }
}

/** Writes the header that a request begins with, as a client does. */
export function writeRequestHeader(
  writer: Writer,
  apiName: ApiName,
  version: number,
  correlationId: number,
  clientId: string | null
): void {
  writer.int16(apis[apiName].key)
  writer.int16(version)
  writer.int32(correlationId)
  writer.nullableString(clientId)
  if (version >= apis[apiName].flexibleFrom) writer.uvarint(0)
}

/** Writes the header that a response begins with: v0, or v1 for flexible versions. */
export function writeResponseHeader(
  writer: Writer,
  apiName: ApiName,
  version: number,
  correlationId: number
): void {
  writer.int32(correlationId)
  if (hasTaggedResponseHeader(apiName, version)) writer.uvarint(0)
}

/**
 * An ApiVersions response keeps header v0: its reader may not know yet what flexible means
 * (KIP-511).
 */
function hasTaggedResponseHeader(apiName: ApiName, version: number): boolean {
  return apiName !== 'ApiVersions' && version >= apis[apiName].flexibleFrom
}

/**
 * A whole response frame, size and header included, as chunks to be written in order. Large byte
 * fields of the response stand among them uncopied.
 *
 * @param writer what to write with; it may be used again at once, the chunks stay valid
 */
export function encodeResponse<A extends ApiName>(
  apiName: A,
  version: number,
  correlationId: number,
  response: Messages[A]['response'],
  writer: Writer = new Writer()
): Buffer[] {
  const api: ApiDefinition<A> = apis[apiName]
  writer.beginFrame()
  writeResponseHeader(writer, apiName, version, correlationId)
  api.writeResponse(writer, response, version)
  writer.endFrame()
  return writer.takeChunks()
}

/** A whole request frame, size and header included, as a client sends it. */
export function encodeRequest<A extends ApiName>(
  apiName: A,
  version: number,
  correlationId: number,
  clientId: string | null,
  request: Messages[A]['requestInit'],
  writer: Writer = new Writer()
): Buffer[] {
  const api: ApiDefinition<A> = apis[apiName]
  writer.beginFrame()
  writeRequestHeader(writer, apiName, version, correlationId, clientId)
  api.writeRequest(writer, request, version)
  writer.endFrame()
  return writer.takeChunks()
}

/**
 * Reads a response frame (without its size) to the last byte, as a client does.
 *
 * @throws MalformedRequest when it is not a response of that API and version
 */
export function decodeResponse<A extends ApiName>(
  apiName: A,
  version: number,
  frame: Buffer
): { readonly correlationId: number; readonly response: Messages[A]['readResponse'] } {
  const api: ApiDefinition<A> = apis[apiName]
  const reader = new Reader(frame)
  const correlationId = reader.int32()
  if (hasTaggedResponseHeader(apiName, version)) reader.skipTags(headerTaggedFieldsMax)
  const response = api.readResponse(reader, version)
  reader.expectEnd()
  return { correlationId, response }
}
