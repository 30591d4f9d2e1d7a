import { zeroUuid } from '../../src/wire/uuid.ts'
import type { Json, TranscriptContext } from './transcript.ts'

/** A time this near to the end of the conversation was taken from a clock during it. */
const recentMs = 15 * 60_000
/** Windows around the present that brokers name in messages reach an hour further. */
const nearMs = 2 * 60 * 60_000

const uuidText = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
const timeText = /\b\d{13}\b/g
/** Names that a conversation tries until one is of the coordinator that it wants. */
const chosenName = /(cluster-k)\d\d/g
/** The times between which a record's must lie: they move with the clock. */
const windowText = /within \[-?\d+, -?\d+\]/g

/**
 * What a broker made up, each under the name of its kind and a number in order of appearance: two
 * brokers give different ids, but the same ones in the same places.
 */
export class Symbols {
  readonly #context: TranscriptContext
  readonly #symbols = new Map<string, string>()
  readonly #counts = new Map<string, number>()
  /** Topic ids, which messages name as well. */
  readonly #topicIds = new Map<string, string>()

  constructor(context: TranscriptContext) {
    this.#context = context
    for (const topic of context.topics) this.#learnTopicId({ ...topic })
  }

  mask(value: Json, field = ''): Json {
    if (Array.isArray(value)) return value.map(each => this.mask(each, field))
    if (typeof value === 'object' && value !== null) {
      this.#learnTopicId(value)
      return Object.fromEntries(
        Object.entries(value).map(([name, each]) => [name, this.mask(each, name)])
      )
    }
    if (typeof value === 'number') return this.#number(value, field)
    if (typeof value === 'string') return this.#string(value, field)
    return value
  }

  #number(value: number, field: string): Json {
    if (field === 'throttleTimeMs' && value > 0) return '{throttled}'
    if (field === 'controllerId' && this.#context.nodes.ports.length > 1) return '{any broker}'
    if (field === 'port') return this.#port(value)
    if (field === 'producerId' && value >= 0) return this.#symbol('producer id', value)
    if (field === 'sessionId' && value !== 0) return this.#symbol('session', value)
    if (field === 'finalizedFeaturesEpoch' && value >= 0) return '{epoch}'
    if ((field === 'totalBytes' || field === 'usableBytes') && value > 0) return '{bytes}'
    if (/time/i.test(field) && Math.abs(value - this.#context.nowMs) < recentMs) return '{now}'
    return value
  }

  #port(port: number): Json {
    const { ports, securedPorts = [] } = this.#context.nodes
    const nodeId = ports.indexOf(port) + 1
    if (nodeId > 0) return nodeId === 1 ? '{port}' : `{port of ${nodeId}}`
    return securedPorts.includes(port) ? '{secured port}' : port
  }

  #string(value: string, field: string): Json {
    const { clusterId, nowMs, runId } = this.#context
    if (field === 'clusterId' && value === clusterId) return '{cluster id}'
    if (field === 'logDir') return '{log dir}'
    if (field === 'documentation' && value !== '') return '{text}'
    if (field === 'memberId' && /^[\w-]{22}$/.test(value)) return this.#symbol('uuid', value)
    if (/topicId$/i.test(field)) return this.#topicId(value)
    let text = value
      .replaceAll(runId, '')
      .replaceAll(clusterId, '{cluster id}')
      .replace(chosenName, '$1{n}')
      .replace(windowText, 'within [{earliest}, {latest}]')
      .replace(uuidText, uuid => this.#symbol('uuid', uuid))
      .replace(timeText, ms => (Math.abs(Number(ms) - nowMs) < nearMs ? '{now}' : ms))
    for (const [topicId, symbol] of this.#topicIds) text = text.replaceAll(topicId, symbol)
    return text
  }

  /** A topic's id is named after the topic once they stand together. */
  #learnTopicId({ name, topicId }: { readonly [name: string]: Json }): void {
    if (typeof topicId !== 'string' || topicId === zeroUuid || this.#topicIds.has(topicId)) return
    if (typeof name !== 'string' || name === '') return
    const known = name.replace(this.#context.runId, '')
    const symbol = `{id of ${known}}`
    const isAgain = [...this.#topicIds.values()].includes(symbol)
    this.#topicIds.set(topicId, isAgain ? `{next id of ${known}}` : symbol)
  }

  #topicId(value: string): Json {
    if (value === zeroUuid) return '{no id}'
    const symbol = this.#topicIds.get(value) ?? this.#symbol('topic id', value)
    this.#topicIds.set(value, symbol)
    return symbol
  }

  #symbol(kind: string, value: string | number): string {
    const key = `${kind} ${value}`
    const known = this.#symbols.get(key)
    if (known !== undefined) return known
    const count = (this.#counts.get(kind) ?? 0) + 1
    this.#counts.set(kind, count)
    const symbol = `{${kind} ${count}}`
    this.#symbols.set(key, symbol)
    return symbol
  }
}
