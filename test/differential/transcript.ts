import type { ApiName } from '../../src/wire/generated/api-table.ts'
import { errorName } from '../../src/wire/generated/errors.ts'
import { inOrder } from './answer-order.ts'
import { readableBatches, readableBytes } from './readable-records.ts'
import { Symbols } from './symbols.ts'
import type { Exchange, Nodes, Topic } from './talk.ts'

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

/** A step's name and the broker's answer; what no two brokers share is masked in it. */
export type Transcript = ReadonlyMap<string, Json>

export interface TranscriptContext {
  /** What the names of the conversation's topics and groups begin with. */
  readonly namePrefix: string
  /** The part of it that the transcript leaves out. */
  readonly runId: string
  /** The topics that were made before they were talked about. */
  readonly topics: readonly Topic[]
  readonly nodes: Nodes
  readonly clusterId: string
  readonly nowMs: number
}

/** Fields that no two runs share, of answers whose other fields they do share. */
const varying: Partial<Readonly<Record<ApiName, readonly string[]>>> = {
  DescribeQuorum: [
    'leaderEpoch',
    'highWatermark',
    'logEndOffset',
    'lastFetchTimestamp',
    'lastCaughtUpTimestamp',
    'replicaDirectoryId'
  ],
  GetTelemetrySubscriptions: ['clientInstanceId', 'subscriptionId'],
  CreateDelegationToken: tokenFields(),
  RenewDelegationToken: tokenFields(),
  ExpireDelegationToken: tokenFields(),
  DescribeDelegationToken: tokenFields()
}

function tokenFields(): readonly string[] {
  return [
    'hmac',
    'tokenId',
    'issueTimestamp',
    'issueTimestampMs',
    'expiryTimestamp',
    'expiryTimestampMs',
    'maxTimestamp',
    'maxTimestampMs'
  ]
}

/** An answer whose varying fields say no more than that they are there. */
function withoutVarying(value: Json, fields: readonly string[]): Json {
  if (Array.isArray(value)) return value.map(each => withoutVarying(each, fields))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([name, each]) => {
    const isThere = fields.includes(name) && each !== 0 && each !== -1 && each !== ''
    return [name, isThere ? `{${name}}` : withoutVarying(each, fields)]
  })
  return Object.fromEntries(entries)
}

/** What a broker answered, as it can be compared with another broker's answers. */
export function transcriptOf(
  exchanges: readonly Exchange[],
  context: TranscriptContext
): Transcript {
  const symbols = new Symbols(context)
  const transcript = new Map<string, Json>()
  for (const { name, api, request, outcome } of exchanges) {
    const answer =
      'outcome' in outcome
        ? { outcome: outcome.outcome }
        : withoutVarying(
            plain(ordered(api, request, outcome), '', context.runId),
            api === null ? [] : (varying[api] ?? [])
          )
    transcript.set(name, symbols.mask(answer))
  }
  return transcript

  function ordered(
    api: ApiName | null,
    request: unknown,
    { response }: { readonly response: unknown }
  ): unknown {
    return api === null ? response : inOrder(api, request, response, context)
  }
}

/** A decoded answer as JSON: batches opened, errors by name, bytes as text. */
function plain(value: unknown, field: string, runId: string): Json {
  if (value === null || value === undefined) return null
  if (typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'bigint')
    return Number.isSafeInteger(Number(value)) ? Number(value) : `${value}`
  if (typeof value === 'number')
    return /errorCode$/i.test(field) ? (errorName(value) ?? value) : value
  if (Buffer.isBuffer(value))
    return field === 'records' ? readableBatches(value) : readableBytes(without(value, runId))
  if (Array.isArray(value)) return value.map(each => plain(each, field, runId))
  const fields = Object.entries(value).filter(
    ([name, each]) => !(name === 'throttleTimeMs' && each === 0)
  )
  return Object.fromEntries(fields.map(([name, each]) => [name, plain(each, name, runId)]))
}

/** Bytes in which names stand, such as those of a consumer's subscription. */
function without(bytes: Buffer, runId: string): Buffer {
  const at = bytes.indexOf(runId)
  if (at < 0) return bytes
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + runId.length)])
}
