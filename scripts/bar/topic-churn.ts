import { setTimeout as delay } from 'node:timers/promises'
import { errorTypes, hastyKafka, insist, patientKafka, placeName } from './clients.ts'
import { repeat, type Runner } from './load.ts'
import { valueOf, type Ledger } from './ledger.ts'
import type { Draws } from '../../test/sim/draws.ts'

const nameCount = 6
const partitionCount = 2

/**
 * Makes topics, produces a little to each, deletes them, and makes them again under the same few
 * names. What the ledger knows of a name is what its present topic was sent.
 */
export class TopicChurn {
  readonly #ledger: Ledger
  /** What was last acknowledged of each name; null while a change of it is under way. */
  readonly #exists = new Map<string, boolean | null>()
  #changeCount = 0

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  /** Topics that were made or deleted, with an acknowledgement. */
  get changeCount(): number {
    return this.#changeCount
  }

  async start(address: string, draws: Draws): Promise<Runner> {
    // A patient client would ask for ever for the deletion of a topic that is gone already.
    const admin = hastyKafka(address).admin()
    await insist(() => admin.connect())
    return repeat(
      'the making and deleting of topics',
      async () => {
        const topic = `churned-${draws.between(1, nameCount)}`
        const existed = this.#exists.get(topic) === true
        this.#exists.set(topic, null)
        if (existed) {
          const remove = (): Promise<void> => admin.deleteTopics({ topics: [topic] })
          await ignoring('UNKNOWN_TOPIC_OR_PARTITION', insist(remove))
          for (let index = 0; index < partitionCount; index++) {
            this.#ledger.forget(placeName(topic, index))
          }
        } else {
          const made = { topic, numPartitions: partitionCount }
          const topics = { topics: [made], waitForLeaders: false }
          const make = (): Promise<boolean> => admin.createTopics(topics)
          await ignoring('TOPIC_ALREADY_EXISTS', insist(make))
          await this.#fill(address, topic, draws)
        }
        this.#changeCount++
        this.#exists.set(topic, !existed)
        await delay(draws.between(0, 150))
      },
      () => admin.disconnect()
    )
  }

  /** Topics that exist. */
  get topics(): readonly string[] {
    return [...this.#exists].filter(([, exists]) => exists === true).map(([topic]) => topic)
  }

  /** Names whose topic is there though it was deleted, or is not though it was made. */
  async wrong(address: string): Promise<readonly string[]> {
    const admin = patientKafka(address).admin()
    await insist(() => admin.connect())
    try {
      const there = new Set(await admin.listTopics())
      return [...this.#exists]
        .filter(([topic, exists]) => exists !== null && there.has(topic) !== exists)
        .map(([topic, exists]) => `${topic} was ${exists === true ? 'made' : 'deleted'}`)
    } finally {
      await admin.disconnect()
    }
  }

  /** A producer of its own: kafkajs never forgets a topic that it was once used with. */
  async #fill(address: string, topic: string, draws: Draws): Promise<void> {
    const name = `filler-${this.#changeCount}`
    const producer = patientKafka(address).producer({ idempotent: true, maxInFlightRequests: 1 })
    await insist(() => producer.connect())
    try {
      const partition = draws.between(0, partitionCount - 1)
      const place = placeName(topic, partition)
      const count = draws.between(1, 5)
      const first = this.#ledger.number(place, name, true, count)
      const values = Array.from({ length: count }, (_, index) => valueOf(name, first + index, 20))
      const [answer] = await producer.send({
        topic,
        messages: values.map(value => ({ partition, value }))
      })
      const baseOffset = Number(answer?.baseOffset)
      this.#ledger.acknowledge(place, name, { first, count, baseOffset })
    } finally {
      await producer.disconnect()
    }
  }
}

/** The repetition of a change that was made already: its first answer was lost with the broker. */
async function ignoring(type: string, change: Promise<unknown>): Promise<void> {
  try {
    await change
  } catch (error) {
    if (errorTypes(error).some(each => each !== type)) throw error
    if (errorTypes(error).length === 0) throw error
  }
}
