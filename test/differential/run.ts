import { randomBytes } from 'node:crypto'
import type { ApiName } from '../../src/wire/generated/api-table.ts'
import { Talk, type Conversation, type Nodes } from './talk.ts'
import type { Time } from './time.ts'
import { transcriptOf, type Transcript } from './transcript.ts'

/** Brokers to talk to. */
export interface Target {
  readonly nodes: Nodes
  readonly patienceMs: number
  readonly quietMs: number
  readonly time?: Time
}

export interface Run {
  readonly transcript: Transcript
  /** `Produce v9` and so on: what was asked at least once. */
  readonly asked: ReadonlySet<string>
  /** Errors that the broker gave, by API. */
  readonly errors: ReadonlyMap<ApiName, ReadonlySet<number>>
}

/** The step that says why a conversation could not go on. */
export const endedEarly = '(ended early)'

/** Holds one conversation with a broker, from new connections to their end. */
export async function hold(conversation: Conversation, target: Target): Promise<Run> {
  const runId = `r${randomBytes(3).toString('hex')}-`
  const talk = new Talk(conversation.name, { ...target, runId })
  const clusterId = await clusterIdOf(talk)
  let failure: string | null = null
  try {
    await conversation.run(talk)
  } catch (error) {
    failure = String(error)
  } finally {
    await talk.close()
  }
  const transcript = new Map(
    transcriptOf(talk.exchanges, {
      namePrefix: talk.name(''),
      runId,
      topics: talk.topics,
      nodes: target.nodes,
      clusterId,
      nowMs: Date.now()
    })
  )
  if (failure !== null) transcript.set(endedEarly, failure)
  return {
    transcript,
    asked: new Set(talk.exchanges.map(({ api, version }) => askedName(api, version))),
    errors: errorsOf(talk)
  }
}

export function askedName(api: ApiName | null, version: number): string {
  return api === null ? '' : `${api} v${version}`
}

async function clusterIdOf(talk: Talk): Promise<string> {
  const { clusterId } = await talk.setup.ask('DescribeCluster', 0, {
    includeClusterAuthorizedOperations: false
  })
  return clusterId
}

function errorsOf(talk: Talk): ReadonlyMap<ApiName, ReadonlySet<number>> {
  const errors = new Map<ApiName, Set<number>>()
  for (const { api, outcome } of talk.exchanges) {
    if (api === null || !('response' in outcome)) continue
    const codes = errors.get(api) ?? new Set()
    errors.set(api, codes)
    for (const code of errorCodesIn(outcome.response)) codes.add(code)
  }
  return errors
}

function* errorCodesIn(value: unknown): Iterable<number> {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return
  for (const [name, each] of Object.entries(value)) {
    if (name === 'errorCode' && typeof each === 'number') yield each
    else yield* errorCodesIn(each)
  }
}
