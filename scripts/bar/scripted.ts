import { setTimeout as delay } from 'node:timers/promises'
import {
  commitOffset,
  errorTypes,
  hastyKafka,
  patientKafka,
  placeName,
  readTopics
} from './clients.ts'
import { Ledger, noViolations, valueOf, type Violations } from './ledger.ts'

// A small workload that goes the same way each time and touches every kind of file: topics made and
// deleted, records, a roll, a commit, deleted records. Whatever the broker refuses is passed over;
// what it acknowledged is remembered and can be held against it.

const kept = { topic: 'kept', partitions: 2 }
const doomed = 'doomed'
const groupId = 'scripted'
/** Two of these do not fit into one segment. */
const largeValueSize = 600 * 1024

export const scriptedConfigs: Readonly<Record<string, string>> = {
  'log.segment.bytes': String(1024 * 1024),
  'group.initial.rebalance.delay.ms': '0',
  'auto.create.topics.enable': 'false',
  'offsets.topic.num.partitions': '1',
  'log.segment.delete.delay.ms': '0'
}

/** What a run of the script was promised. */
export class ScriptedRun {
  readonly #address: string
  readonly #ledger = new Ledger()
  #keptIsMade = false
  #doomedIsMade = false
  /** Null: nobody knows whether the deletion happened. */
  #doomedIsDeleted: boolean | null = false
  #committed = -1
  #deletedBefore = 0
  /** Kafka errors that the script was answered with, by name. */
  readonly refusals: string[] = []

  constructor(address: string) {
    this.#address = address
  }

  get acknowledgedCount(): number {
    return this.#ledger.acknowledgedCount
  }

  /** Goes through the whole script; never throws. */
  async run(): Promise<void> {
    const kafka = hastyKafka(this.#address)
    const admin = kafka.admin()
    const producer = kafka.producer()
    await this.#attempt(async () => {
      await admin.connect()
      await producer.connect()
    })
    await this.#attempt(async () => {
      const topics = [{ topic: kept.topic, numPartitions: kept.partitions }, { topic: doomed }]
      await admin.createTopics({ waitForLeaders: false, topics })
      this.#keptIsMade = true
      this.#doomedIsMade = true
    })
    const send = async (partition: number, count: number, size: number): Promise<void> => {
      const place = placeName(kept.topic, partition)
      const first = this.#ledger.number(place, 'script', false, count)
      const messages = Array.from({ length: count }, (_, index) => ({
        partition,
        value: valueOf('script', first + index, size)
      }))
      const [answer] = await producer.send({ topic: kept.topic, acks: -1, messages })
      const baseOffset = Number(answer?.baseOffset)
      this.#ledger.acknowledge(place, 'script', { first, count, baseOffset })
    }
    for (const partition of [0, 1, 0]) await this.#attempt(() => send(partition, 3, 100))
    await this.#attempt(async () => {
      const place = { topic: kept.topic, partition: 0, offset: '2' }
      await commitOffset(this.#address, groupId, place)
      this.#committed = 2
    })
    for (const partition of [0, 0, 1]) {
      await this.#attempt(() => send(partition, 1, largeValueSize))
    }
    await this.#attempt(async () => {
      const partitions = [{ partition: 0, offset: '7' }]
      await admin.deleteTopicRecords({ topic: kept.topic, partitions })
      this.#deletedBefore = 7
    })
    await this.#attempt(async () => {
      this.#doomedIsDeleted = null
      await admin.deleteTopics({ topics: [doomed] })
      this.#doomedIsDeleted = true
    })
    for (const partition of [0, 1]) await this.#attempt(() => send(partition, 2, 50))
    await Promise.allSettled([admin.disconnect(), producer.disconnect()])
  }

  /** Holds a broker that was started again to its promises; says which are broken. */
  async broken(): Promise<readonly string[]> {
    const faults: string[] = []
    const admin = patientKafka(this.#address, {
      retry: { initialRetryTime: 20, maxRetryTime: 200, retries: 100 }
    }).admin()
    await admin.connect()
    const topics = new Set(await admin.listTopics())
    if (this.#keptIsMade && !topics.has(kept.topic)) faults.push(`the topic ${kept.topic} is gone`)
    if (this.#doomedIsDeleted === true && topics.has(doomed)) faults.push(`${doomed} has returned`)
    if (this.#doomedIsMade && this.#doomedIsDeleted === false && !topics.has(doomed)) {
      faults.push(`the topic ${doomed} is gone`)
    }
    if (this.#committed >= 0) {
      const [answer] = await admin.fetchOffsets({ groupId, topics: [kept.topic] })
      const committed = Number(answer?.partitions.find(each => each.partition === 0)?.offset)
      if (!(committed >= this.#committed)) faults.push(`the commit is ${committed}`)
    }
    await admin.disconnect()
    if (topics.has(kept.topic)) faults.push(...(await this.#brokenRecords()))
    return faults
  }

  async #brokenRecords(): Promise<readonly string[]> {
    const read = await readTopics(this.#address, [kept.topic])
    const found: Violations = noViolations()
    for (let partition = 0; partition < kept.partitions; partition++) {
      const place = placeName(kept.topic, partition)
      const at = read.get(place) ?? { logStartOffset: 0, logEndOffset: 0, records: [] }
      this.#ledger.judge(place, at, found)
      if (partition === 0 && at.logStartOffset < this.#deletedBefore) {
        return ['deleted records have returned']
      }
      if (partition === 1 && at.logStartOffset > 0) return ['records are gone from the start']
    }
    return Object.entries(found)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${count} records ${name}`)
  }

  async #attempt(step: () => Promise<void>): Promise<void> {
    // A moment for what the broker does behind an answer.
    await delay(1)
    try {
      await step()
    } catch (error) {
      this.refusals.push(...errorTypes(error))
    }
  }
}
