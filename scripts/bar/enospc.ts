import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Admin } from 'kafkajs'
import { freePorts } from '../oracle/kafka.ts'
import { wholeNumber, type Bar } from './bar.ts'
import {
  commitOffset,
  errorTypes,
  hastyKafka,
  patientKafka,
  placeName,
  readTopics
} from './clients.ts'
import { Ledger, noViolations, valueOf, type Violations } from './ledger.ts'
import { Draws } from '../../test/sim/draws.ts'
import { memoryDisk, mountedDisk, type SmallDisk } from './small-disk.ts'

// A disk that is filled to the floor that clients leave free, and in some cycles to its very end by
// somebody else. Reads, commits and deletions go on, and when there is space the broker takes
// records again by itself.

export interface EnospcOptions {
  readonly cycles: number
  readonly seed: number
  /** Never mounts anything: the broker runs in this process over files in memory. */
  readonly inMemory?: boolean
  /** How soon after there is space records must be taken, ms. */
  readonly resumeMsLimit?: number
}

export interface EnospcOutcome extends Violations {
  kind: string
  cycles: number
  acknowledged: number
  /** Sends that were refused with KAFKA_STORAGE_ERROR. */
  refused: number
  /** Starts on a disk without a free byte. */
  startsWhenFull: number
  /** Longest time from space being made to records being taken, ms. */
  resumeMsMax: number
  /** What should have gone on and did not, in sentences. */
  readonly faults: string[]
}

const resumeMsLimit = 5_000
/** What is still not there after so long, ms, never comes. */
const patienceMs = 90_000
const partitions = 2
const recordSize = 32 * 1024
const recordsPerSend = 8
/** What is free when a cycle begins; a segment has 1 MiB. */
const freeAtStart = 6 * 1024 * 1024
/** What is left when somebody else has taken all: a start has a few KiB to write. */
const freeWhenFull = 64 * 1024
/** Less than the floor, which is a twentieth of the disk. */
const freeForGroups = 256 * 1024
const configs = {
  'log.segment.bytes': String(1024 * 1024),
  'log.retention.check.interval.ms': '200',
  // What is deleted while there is room would fill the small disk for a minute.
  'log.segment.delete.delay.ms': '100',
  'group.initial.rebalance.delay.ms': '0',
  'auto.create.topics.enable': 'false',
  'offsets.topic.num.partitions': '1'
}
/** How space is made in a cycle. */
const reliefs = ['ballast', 'deletion', 'retention'] as const
type Relief = (typeof reliefs)[number]

const usage = `npm run bar -- enospc [options]

Fills the disk of a broker again and again, by its clients and by others, and makes room: reads,
commits and deletions have to go on, records have to be taken again by themselves, and nothing
acknowledged may be lost. The disk is a small file system where one may be mounted.

  --cycles N    (default 50)
  --seed N      (default: by the clock)
  --in-memory   mounts nothing: the disk is simulated
`

async function enospc(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      cycles: { type: 'string', default: '50' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      'in-memory': { type: 'boolean', default: false }
    }
  })
  const startedMs = Date.now()
  const seed = wholeNumber('seed', values.seed, 0)
  const cycles = wholeNumber('cycles', values.cycles)
  const outcome = await runEnospc({ cycles, seed, inMemory: values['in-memory'] })
  for (const fault of outcome.faults) console.error(fault)
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(0)
  const good = isGood(outcome)
  console.log(`enospc: ${figures(outcome)}, seed ${seed}, ${seconds} s ${good ? 'PASS' : 'FAIL'}`)
  return good ? 0 : 1
}

export const bar: Bar = { usage, run: enospc }

export function isGood(outcome: EnospcOutcome): boolean {
  const { lost, duplicated, reordered, misplaced, foreign, faults } = outcome
  const isHeld = lost + duplicated + reordered + misplaced + foreign + faults.length === 0
  return isHeld && outcome.refused >= outcome.cycles && outcome.acknowledged > 0
}

function figures(outcome: EnospcOutcome): string {
  return [
    `${outcome.cycles} cycles on ${outcome.kind}`,
    `${outcome.refused} sends refused`,
    `${outcome.acknowledged} records acknowledged`,
    `${outcome.lost} lost`,
    `${outcome.duplicated} duplicated`,
    `${outcome.reordered} reordered`,
    `${outcome.startsWhenFull} starts on the full disk`,
    `resumed within ${outcome.resumeMsMax} ms`,
    `${outcome.faults.length} faults`
  ].join(', ')
}

/** Fills a small disk and makes room again, as often as asked. */
export async function runEnospc(options: EnospcOptions): Promise<EnospcOutcome> {
  const [port] = await freePorts(1)
  const setup = { port: port!, durability: 'fsync', configs } as const
  let disk = options.inMemory === true ? null : mountedDisk(setup)
  if (disk === null) {
    if (options.inMemory !== true) console.error('no tmpfs can be mounted here (not root?)')
    disk = memoryDisk(setup)
  }
  try {
    return await new EnospcRun(disk, options).run()
  } catch (error) {
    console.error(disk.log)
    throw error
  } finally {
    await disk.remove()
  }
}

class EnospcRun {
  readonly #disk: SmallDisk
  readonly #options: EnospcOptions
  readonly #draws: Draws
  readonly #ledger = new Ledger()
  readonly #outcome: EnospcOutcome
  #relief: Relief = 'ballast'
  #topic = ''

  constructor(disk: SmallDisk, options: EnospcOptions) {
    this.#disk = disk
    this.#options = options
    this.#draws = new Draws(options.seed)
    const counts = { cycles: 0, acknowledged: 0, refused: 0, startsWhenFull: 0, resumeMsMax: 0 }
    this.#outcome = { ...noViolations(), ...counts, kind: disk.kind, faults: [] }
  }

  async run(): Promise<EnospcOutcome> {
    await this.#disk.start()
    for (let cycle = 1; cycle <= this.#options.cycles; cycle++) {
      this.#topic = `filled-${cycle}`
      this.#relief = reliefs[cycle % reliefs.length]!
      await this.#cycle()
      this.#outcome.cycles = cycle
      this.#outcome.acknowledged = this.#ledger.acknowledgedCount
      if (this.#outcome.lost > 0) break
    }
    return this.#outcome
  }

  async #cycle(): Promise<void> {
    const disk = this.#disk
    await this.#makeTopic()
    await this.#produce('filler', Infinity)
    await this.#goesOn()
    if (this.#draws.chance(0.4)) await this.#restartWhenFull()
    await this.#check('on the full disk')
    const relievedMs = Date.now()
    await this.#relieve()
    await this.#resume(relievedMs)
    if (this.#relief !== 'deletion') {
      await this.#check('after the resumption')
      await this.#deleteTopic()
    }
    disk.leaveFree(freeAtStart)
  }

  /** Sends until it is refused, or `sends` times; true when every send was acknowledged. */
  async #produce(name: string, sends: number): Promise<boolean> {
    const producer = hastyKafka(this.#disk.address).producer({ maxInFlightRequests: 1 })
    await producer.connect()
    try {
      for (let count = 0; count < sends; count++) {
        const partition = count % partitions
        const place = placeName(this.#topic, partition)
        const sender = `${name}-${partition}`
        const first = this.#ledger.number(place, sender, false, recordsPerSend)
        const messages = Array.from({ length: recordsPerSend }, (_, index) => ({
          partition,
          value: valueOf(sender, first + index, recordSize)
        }))
        const [answer] = await producer.send({ topic: this.#topic, acks: -1, messages })
        const baseOffset = Number(answer?.baseOffset)
        this.#ledger.acknowledge(place, sender, { first, count: recordsPerSend, baseOffset })
      }
      return true
    } catch (error) {
      const types = errorTypes(error)
      if (types.join() === 'KAFKA_STORAGE_ERROR') this.#outcome.refused++
      else this.#fault(`a send failed with ${types.join() || String(error)}`)
      return false
    } finally {
      await producer.disconnect()
    }
  }

  /** What does not need the space of clients goes on, and new topics are refused. */
  async #goesOn(): Promise<void> {
    const groupId = `group-${this.#topic}`
    const offset = '1'
    const address = this.#disk.address
    await commitOffset(address, groupId, { topic: this.#topic, partition: 0, offset })
    await this.#administer(async admin => {
      const [answer] = await admin.fetchOffsets({ groupId, topics: [this.#topic] })
      const committed = answer?.partitions.find(each => each.partition === 0)?.offset
      if (committed !== offset) this.#fault(`a commit of ${offset} is answered as ${committed}`)
      await admin.deleteGroups([groupId])
    })
    const made = await this.#administer(
      admin => admin.createTopics({ waitForLeaders: false, topics: [{ topic: 'refused' }] }),
      'INVALID_REQUEST'
    )
    if (made !== null) this.#fault('a topic was made on a disk that is nearly full')
  }

  /** Somebody else takes all that is left, and the broker dies: it must come back whole. */
  async #restartWhenFull(): Promise<void> {
    this.#disk.leaveFree(freeWhenFull)
    await this.#disk.kill()
    await this.#disk.start()
    this.#outcome.startsWhenFull++
    if (await this.#produce('intruder', 1)) this.#fault('a full disk took records')
    // Whoever reads through kafkajs is a group, and groups are written down.
    this.#disk.leaveFree(freeForGroups)
  }

  async #check(when: string): Promise<void> {
    const before = this.#outcome.lost
    const read = await readTopics(this.#disk.address, [this.#topic])
    for (let partition = 0; partition < partitions; partition++) {
      const place = placeName(this.#topic, partition)
      const found = read.get(place) ?? { logStartOffset: 0, logEndOffset: 0, records: [] }
      this.#ledger.judge(place, found, this.#outcome)
    }
    const lost = this.#outcome.lost - before
    if (lost > 0) this.#fault(`${lost} records of ${this.#topic} are not there ${when}`)
  }

  async #relieve(): Promise<void> {
    switch (this.#relief) {
      case 'ballast':
        return this.#disk.leaveFree(freeAtStart)
      case 'deletion':
        return this.#deleteTopic()
      case 'retention':
        await this.#administer(admin =>
          admin.alterConfigs({
            validateOnly: false,
            resources: [
              {
                type: 2,
                name: this.#topic,
                configEntries: [{ name: 'retention.bytes', value: String(1024 * 1024) }]
              }
            ]
          })
        )
    }
  }

  async #deleteTopic(): Promise<void> {
    await this.#administer(admin => admin.deleteTopics({ topics: [this.#topic] }))
    for (let partition = 0; partition < partitions; partition++) {
      this.#ledger.forget(placeName(this.#topic, partition))
    }
  }

  async #resume(relievedMs: number): Promise<void> {
    if (this.#relief === 'deletion') {
      this.#topic = `${this.#topic}-again`
      await this.#makeTopic()
    }
    while (!(await this.#produce('resumed', partitions))) {
      if (Date.now() - relievedMs > patienceMs) break
      await delay(50)
    }
    const tookMs = Date.now() - relievedMs
    this.#outcome.resumeMsMax = Math.max(this.#outcome.resumeMsMax, tookMs)
    const { resumeMsLimit: limit = resumeMsLimit } = this.#options
    if (tookMs > limit) this.#fault(`records were taken ${tookMs} ms after ${this.#relief}`)
    if (this.#relief === 'deletion') {
      await this.#check('after the resumption')
      await this.#deleteTopic()
    }
  }

  /** Makes the topic of the cycle as soon as the broker has seen that there is room. */
  async #makeTopic(): Promise<void> {
    const topics = [{ topic: this.#topic, numPartitions: partitions }]
    const make = (admin: Admin): Promise<boolean> =>
      admin.createTopics({ waitForLeaders: false, topics })
    const deadlineMs = Date.now() + patienceMs
    while ((await this.#administer(make, 'INVALID_REQUEST')) === null) {
      if (Date.now() > deadlineMs) throw new Error('no topic can be made though there is room')
      await delay(50)
    }
  }

  /** @returns null when the broker refused with the error that was expected */
  async #administer<T>(action: (admin: Admin) => Promise<T>, expected = ''): Promise<T | null> {
    const admin = patientKafka(this.#disk.address, {
      retry: { initialRetryTime: 20, retries: 5 }
    }).admin()
    await admin.connect()
    try {
      return await action(admin)
    } catch (error) {
      if (errorTypes(error).join() === expected) return null
      throw error
    } finally {
      await admin.disconnect()
    }
  }

  #fault(sentence: string): void {
    this.#outcome.faults.push(sentence)
  }
}
