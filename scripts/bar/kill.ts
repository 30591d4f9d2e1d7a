import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { freePorts } from '../oracle/kafka.ts'
import { keptDurability, wholeNumber, type Bar } from './bar.ts'
import { BrokerUnderTest } from './broker-under-test.ts'
import { patientKafka, readTopics, registerCodecs } from './clients.ts'
import { CommittingGroup } from './group-load.ts'
import { Ledger, noViolations, type Violations } from './ledger.ts'
import { inTime, startProducer, type LoadedTopic, type ProducerPlan, type Runner } from './load.ts'
import { Draws } from '../../test/sim/draws.ts'
import { TopicChurn } from './topic-churn.ts'

// A broker that is killed (SIGKILL) again and again while kafkajs clients work on and retry by
// themselves. Whatever was acknowledged must be there afterwards, once, in order.

export interface KillOptions {
  readonly kills: number
  readonly durability: 'os' | 'fsync'
  readonly seed: number
  /** After so many kills the load pauses and everything is read back. */
  readonly checkEvery: number
  /** Does harm to the data before the last start, to see that it is noticed. */
  readonly plant?: (directory: string) => void
  /** Where the data is and how the broker is ended; left out: a new folder, and SIGKILL. */
  readonly stage?: {
    readonly directory: string
    crash(broker: BrokerUnderTest): Promise<void>
  }
}

export interface KillOutcome extends Violations {
  kills: number
  acknowledged: number
  commits: number
  commitsBehind: number
  topicChanges: number
  topicsWrong: number
  /** Records that retention deleted from the side topic. */
  expired: number
}

const allModes = ['os', 'fsync'] as const
const topics: readonly LoadedTopic[] = [
  { topic: 'orders', partitions: 4 },
  { topic: 'clicks', partitions: 3 }
]
/** The one topic whose records retention deletes. */
const side: LoadedTopic = { topic: 'side', partitions: 2 }
const sideConfigs = [{ name: 'retention.bytes', value: String(2 * 1024 * 1024) }]
const brokerConfigs = {
  'log.segment.bytes': String(1024 * 1024),
  'log.retention.check.interval.ms': '200',
  'log.segment.delete.delay.ms': '500',
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '500',
  'auto.create.topics.enable': 'false',
  'offsets.topic.num.partitions': '3'
}

const usage = `npm run bar -- kill [options]

Kills a broker (SIGKILL) again and again under kafkajs producers, a consumer group that commits and
topics that come and go, and reads everything back: nothing acknowledged may be lost, duplicated
by an idempotent producer, or out of order.

  --kills N           (default 200)
  --durability MODE   os or fsync (default: both, half of the kills each)
  --check-every N     reads everything back after so many kills (default 50)
  --seed N            (default: by the clock)
`

async function kill(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      kills: { type: 'string', default: '200' },
      durability: { type: 'string' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      'check-every': { type: 'string', default: '50' }
    }
  })
  const { durability } = values
  const modes = durability === undefined ? allModes : [keptDurability(durability)]
  const killCount = wholeNumber('kills', values.kills)
  const seed = wholeNumber('seed', values.seed, 0)
  const checkEvery = wholeNumber('check-every', values['check-every'])
  const startedMs = Date.now()
  let good = true
  for (const [index, mode] of modes.entries()) {
    const kills = Math.floor((killCount + index) / modes.length)
    const outcome = await runKills({ kills, durability: mode, seed, checkEvery })
    const seconds = ((Date.now() - startedMs) / 1000).toFixed(0)
    good &&= isGood(outcome)
    console.log(`kill ${mode}: ${figures(outcome)}, seed ${seed}, ${seconds} s`)
  }
  console.log(`kill ${good ? 'PASS' : 'FAIL'}`)
  return good ? 0 : 1
}

export const bar: Bar = { usage, run: kill }

export function isGood(outcome: KillOutcome): boolean {
  const { lost, duplicated, reordered, misplaced, foreign, commitsBehind, topicsWrong } = outcome
  const wrong = [lost, duplicated, reordered, misplaced, foreign, commitsBehind, topicsWrong]
  return outcome.acknowledged > 0 && wrong.every(count => count === 0)
}

/** The line of figures. */
export function figures(outcome: KillOutcome): string {
  return [
    `${outcome.kills} kills`,
    `${outcome.acknowledged} records acknowledged`,
    `${outcome.lost} lost`,
    `${outcome.duplicated} duplicated`,
    `${outcome.reordered} reordered`,
    `${outcome.misplaced} misplaced`,
    `${outcome.foreign} foreign`,
    `${outcome.expired} expired`,
    `${outcome.commits} commits`,
    `${outcome.commitsBehind} behind`,
    `${outcome.topicChanges} topics made or deleted`,
    `${outcome.topicsWrong} wrong`
  ].join(', ')
}

/**
 * Kills a broker as often as asked. The data directory stays where it is when a promise was broken.
 */
export async function runKills(options: KillOptions): Promise<KillOutcome> {
  registerCodecs()
  const directory = options.stage?.directory ?? (await mkdtemp(join(tmpdir(), 'odradek-kill-')))
  const [port] = await freePorts(1)
  const { durability } = options
  const setup = { directory, port: port!, durability, configs: brokerConfigs }
  const run = new KillRun(new BrokerUnderTest(setup), options)
  try {
    const outcome = await run.run()
    if (isGood(outcome) || options.plant !== undefined) {
      await rm(directory, { recursive: true })
    } else console.error(`the data is kept in ${directory}\n${run.log}`)
    return outcome
  } catch (error) {
    console.error(`the data is kept in ${directory}\n${run.log}`)
    throw error
  } finally {
    await run.end()
  }
}

class KillRun {
  readonly #broker: BrokerUnderTest
  readonly #options: KillOptions
  readonly #draws: Draws
  readonly #ledger = new Ledger()
  readonly #churn = new TopicChurn(this.#ledger)
  #group: CommittingGroup | null = null
  #commits = 0
  #round = 0
  #kills = 0

  constructor(broker: BrokerUnderTest, options: KillOptions) {
    this.#broker = broker
    this.#options = options
    this.#draws = new Draws(options.seed)
  }

  get log(): string {
    return this.#broker.log
  }

  async run(): Promise<KillOutcome> {
    const broker = this.#broker
    await broker.start()
    await this.#makeTopics()
    let outcome: KillOutcome
    do {
      await this.#killUnderLoad(Math.min(this.#options.checkEvery, this.#left))
      if (this.#left === 0) this.#options.plant?.(broker.setup.directory)
      await broker.start()
      outcome = await this.#check()
    } while (this.#left > 0 && isGood(outcome))
    return outcome
  }

  async end(): Promise<void> {
    await this.#broker.kill()
  }

  get #left(): number {
    return this.#options.kills - this.#kills
  }

  async #makeTopics(): Promise<void> {
    const admin = patientKafka(this.#broker.address).admin()
    await admin.connect()
    await admin.createTopics({
      waitForLeaders: false,
      topics: [
        ...topics.map(({ topic, partitions }) => ({ topic, numPartitions: partitions })),
        { topic: side.topic, numPartitions: side.partitions, configEntries: sideConfigs }
      ]
    })
    await admin.disconnect()
  }

  /** Leaves the broker dead: the last kill comes when everything was acknowledged. */
  async #killUnderLoad(count: number): Promise<void> {
    const { group, runners } = await this.#startLoad()
    for (let done = 1; done < count; done++) {
      await delay(this.#draws.between(20, 400))
      await this.#kill()
      this.#broker.spawn()
      if (done + 1 < count && this.#draws.chance(0.15)) {
        // A crash while the crash before is recovered from.
        await delay(this.#draws.between(20, 250))
        await this.#kill()
        done++
        this.#broker.spawn()
      }
      await this.#broker.ready()
    }
    await delay(this.#draws.between(20, 400))
    await Promise.all(runners.map(runner => runner.stop()))
    await inTime('the group to stop', group.stop())
    this.#group = group
    await this.#kill()
  }

  async #kill(): Promise<void> {
    await (this.#options.stage?.crash(this.#broker) ?? this.#broker.kill())
    this.#kills++
  }

  async #startLoad(): Promise<{ group: CommittingGroup; runners: readonly Runner[] }> {
    const { address } = this.#broker
    const round = this.#round++
    const producers: readonly ProducerPlan[] = [
      ...[0, 1, 2].map(index => producerPlan(`idempotent-${round}-${index}`, true)),
      producerPlan(`plain-${round}`, false),
      {
        ...producerPlan(`side-${round}`, true),
        topics: [side],
        recordsMax: 20,
        valueSizeMax: 20_000
      }
    ]
    const started = producers.map(plan =>
      startProducer(address, plan, this.#ledger, new Draws(this.#draws.seed()))
    )
    const group = new CommittingGroup(
      address,
      `group-${round}`,
      topics.map(({ topic }) => topic)
    )
    const runners = [
      ...(await Promise.all(started)),
      await this.#churn.start(address, new Draws(this.#draws.seed()))
    ]
    await inTime('the group to start', group.start(2))
    return { group, runners }
  }

  async #check(): Promise<KillOutcome> {
    const { address } = this.#broker
    const found = noViolations()
    const names = [...topics, side].map(({ topic }) => topic)
    const read = await readTopics(address, [...names, ...this.#churn.topics])
    let expired = 0
    for (const place of this.#ledger.places) {
      const partition = read.get(place) ?? { logStartOffset: 0, logEndOffset: 0, records: [] }
      const mayExpire = place.startsWith(`${side.topic}/`)
      if (mayExpire) expired += partition.logStartOffset
      const logStartOffset = mayExpire ? partition.logStartOffset : 0
      this.#ledger.judge(place, { ...partition, logStartOffset }, found)
    }
    this.#commits += this.#group?.commitCount ?? 0
    const behind = (await this.#group?.commitsBehind()) ?? []
    const wrong = await this.#churn.wrong(address)
    for (const each of [...behind, ...wrong]) console.error(each)
    return {
      ...found,
      kills: this.#kills,
      acknowledged: this.#ledger.acknowledgedCount,
      commits: this.#commits,
      commitsBehind: behind.length,
      topicChanges: this.#churn.changeCount,
      topicsWrong: wrong.length,
      expired
    }
  }
}

function producerPlan(name: string, isIdempotent: boolean): ProducerPlan {
  return { name, isIdempotent, topics, recordsMax: 20, valueSizeMax: 600, pauseMsMax: 8 }
}
