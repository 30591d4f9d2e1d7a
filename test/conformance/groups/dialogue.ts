import { errorName } from '../../../src/wire/generated/errors.ts'
import type { ApiName, Messages } from '../../../src/wire/generated/api-table.ts'
import { RawClient } from '../../server/raw-client.ts'
import { byText, uniqueName, until } from '../waiting.ts'

/** What differs from broker to broker, and says nothing about groups. */
const leftOut = new Set(['throttleTimeMs', 'host', 'port', 'nodeId', 'errorMessage', 'topicId'])
/** Lists whose order means nothing. */
const unordered = new Set(['topics', 'partitions', 'groups', 'results', 'members'])

/**
 * A conversation with a broker about groups, written down so that it reads the same whoever
 * answers: errors by their names, member ids by when they first came up, names without what makes
 * them unique.
 */
export class Dialogue {
  readonly lines: string[] = []
  readonly #run = uniqueName('run')
  readonly #port: number
  readonly #clients = new Map<string, Promise<RawClient>>()
  readonly #memberIds: string[] = []
  #correlationId = 0

  /** @param bootstrapServers `host:port` of a broker on this machine */
  constructor(bootstrapServers: string) {
    this.#port = Number(bootstrapServers.split(',')[0]?.split(':').at(-1))
  }

  /** A name of this run's own. */
  name(word: string): string {
    return word === '' ? '' : `${this.#run}.${word}`
  }

  /** Asks on a connection of this name, without writing it down. */
  async ask<A extends ApiName>(
    who: string,
    api: A,
    version: number,
    request: Messages[A]['requestInit']
  ): Promise<Messages[A]['readResponse']> {
    const known = this.#clients.get(who) ?? RawClient.connect(this.#port)
    this.#clients.set(who, known)
    const client = await known
    client.request(api, version, ++this.#correlationId, request)
    return (await client.answer(api, version)).response
  }

  /** Asks on a connection of its own and writes down the answer. */
  async say<A extends ApiName>(
    what: string,
    api: A,
    version: number,
    request: Messages[A]['requestInit']
  ): Promise<Messages[A]['readResponse']> {
    const response = await this.ask('narrator', api, version, request)
    this.note(`${what} (${api} ${version})`, response)
    return response
  }

  /** Writes down an answer. */
  note(what: string, answer: unknown): void {
    this.lines.push(`${what}: ${JSON.stringify(this.#cleaned(answer))}`)
  }

  /** Waits until a group is in a state. */
  async inState(groupId: string, state: string): Promise<void> {
    const request = { groups: [groupId], includeAuthorizedOperations: false }
    await until(`${groupId} is ${state}`, async () => {
      const { groups } = await this.ask('narrator', 'DescribeGroups', 5, request)
      return groups[0]?.groupState === state
    })
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values()) (await client).socket.destroy()
  }

  #cleaned(value: unknown): unknown {
    if (typeof value === 'bigint') return String(value)
    if (typeof value === 'string') return this.#cleanedText(value)
    if (Buffer.isBuffer(value)) return this.#cleanedText(value.toString('latin1'))
    if (Array.isArray(value)) return value.map(each => this.#cleaned(each))
    if (typeof value !== 'object' || value === null) return value
    const fields = Object.entries(value).filter(([name]) => !leftOut.has(name))
    return Object.fromEntries(
      fields.map(([name, field]) => {
        if (name === 'errorCode' && typeof field === 'number') return [name, errorName(field)]
        const cleaned = this.#cleaned(field)
        return [name, unordered.has(name) && Array.isArray(cleaned) ? sorted(cleaned) : cleaned]
      })
    )
  }

  #cleanedText(text: string): string {
    if (!/-[0-9a-f]{8}-[0-9a-f]{4}-/.test(text)) return text.replaceAll(`${this.#run}.`, '')
    if (!this.#memberIds.includes(text)) this.#memberIds.push(text)
    return `member ${this.#memberIds.indexOf(text) + 1}`
  }
}

function sorted(list: readonly unknown[]): readonly unknown[] {
  return [...list].sort(byText)
}
