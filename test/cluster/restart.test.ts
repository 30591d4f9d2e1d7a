import { expect, test } from 'vitest'
import * as fc from 'fast-check'
import { Cluster, type PartitionToOpen } from '../../src/cluster/cluster.ts'
import { clusterMetadataTopic, clusterMetadataTopicId } from '../../src/cluster/topic-name.ts'
import { resolveTopicConfigs } from '../../src/config/topic-configs.ts'
import { manualClock } from '../../src/io/manual-clock.ts'
import { memoryFiles } from '../../src/io/memory-files.ts'
import { seededRandom } from '../../src/io/seeded-random.ts'
import { logsTogetherMax } from '../../src/limits.ts'
import { Partition } from '../../src/partition/partition.ts'
import { LogDirectory } from '../../src/storage/local/log-dir.ts'
import type { LocalLog } from '../../src/storage/local/local-log.ts'
import { mapConcurrently } from '../../src/storage/local/map-concurrently.ts'
import { silentLogger } from '../../src/telemetry/logger.ts'
import { brokerConfig, createTopic, nodeId } from './fixture.ts'

const config = brokerConfig()
const metadata = { topic: clusterMetadataTopic, topicId: clusterMetadataTopicId, partition: 0 }
const made = { validateOnly: false }

/** A cluster over the storage engine that brokers use, whose files outlive every way to stop. */
class Machine {
  readonly #files = memoryFiles()
  readonly #random = seededRandom(1)
  #directory!: LogDirectory
  cluster!: Cluster

  static async start(): Promise<Machine> {
    const machine = new Machine()
    await machine.#start()
    return machine
  }

  /** The process is killed: what the system has, it keeps. */
  async crash(): Promise<void> {
    await this.#directory.abandon()
    await this.#start()
  }

  async restart(): Promise<void> {
    await this.cluster.close()
    await this.#directory.close()
    await this.#start()
  }

  async #start(): Promise<void> {
    const random = this.#random
    this.#directory = await LogDirectory.open({
      files: this.#files,
      path: '/data',
      durability: 'os',
      clock: manualClock(),
      random,
      logger: silentLogger,
      onFailure: error => {
        throw error
      }
    })
    if (this.#directory.clusterId === null) await this.#directory.initialize('c'.repeat(22), nodeId)
    const configs = resolveTopicConfigs(new Map(), config)
    const log = await this.#directory.openLog(metadata, configs)
    this.cluster = await Cluster.open({
      clusterId: 'c'.repeat(22),
      nodeId,
      config,
      clock: manualClock(),
      random,
      logger: silentLogger,
      metadata: await openPartition({ ...metadata, leaderEpoch: 0, configs, isNew: false }, log),
      cleanStart: this.#directory.cleanStart,
      isSpaceLow: () => false,
      openPartitions: list => this.#openPartitions(list),
      removePartitions: list => this.#removePartitions(list)
    })
    this.#directory.moveUnknownAside([
      metadata,
      ...[...this.cluster.topics()].flatMap(topic => topic.partitions)
    ])
  }

  async #openPartitions(list: readonly PartitionToOpen[]): Promise<readonly Partition[]> {
    return mapConcurrently(list, logsTogetherMax, async each =>
      openPartition(each, await this.#directory.openLog(each, each.configs))
    )
  }

  async #removePartitions(list: readonly Partition[]): Promise<void> {
    for (const partition of list) {
      await partition.close({ isRemoved: true })
      await this.#directory.removeLog(partition)
    }
  }
}

function openPartition(each: PartitionToOpen, log: LocalLog): Promise<Partition> {
  const own = { clock: manualClock(), ownerEpoch: 0, producerIdExpirationMs: 86_400_000 }
  return Partition.open({ ...each, log, ...own })
}

interface ModelTopic {
  /** Records in each partition. */
  readonly counts: number[]
  readonly configs: Record<string, string>
}

const names = ['a', 'b', 'c']
const operation = fc.oneof(
  fc.record({
    type: fc.constant('create' as const),
    name: fc.constantFrom(...names),
    count: fc.integer({ min: 1, max: 3 })
  }),
  fc.record({ type: fc.constant('delete' as const), name: fc.constantFrom(...names) }),
  fc.record({ type: fc.constant('grow' as const), name: fc.constantFrom(...names) }),
  fc.record({
    type: fc.constant('alter' as const),
    name: fc.constantFrom(...names),
    value: fc.constantFrom('1', '2')
  }),
  fc.record({ type: fc.constant('produce' as const), name: fc.constantFrom(...names) }),
  fc.record({ type: fc.constant('crash' as const) }),
  fc.record({ type: fc.constant('restart' as const) })
)
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

async function run(
  machine: Machine,
  model: Map<string, ModelTopic>,
  step: Operation
): Promise<void> {
  if (step.type === 'crash') return machine.crash()
  if (step.type === 'restart') return machine.restart()
  const { cluster } = machine
  const known = model.get(step.name)
  if (step.type === 'create') {
    if (known !== undefined) return
    await createTopic(cluster, step.name, { numPartitions: step.count })
    model.set(step.name, { counts: Array.from({ length: step.count }, () => 0), configs: {} })
    return
  }
  if (known === undefined) return
  const { topicId, partitions } = cluster.topic(step.name)!
  if (step.type === 'delete') {
    await cluster.deleteTopics([topicId])
    model.delete(step.name)
  } else if (step.type === 'grow') {
    const count = known.counts.push(0)
    await cluster.createPartitions([{ name: step.name, count, assignments: null }], made)
  } else if (step.type === 'alter') {
    known.configs['retention.ms'] = step.value
    const set = { name: 'retention.ms', type: 'SET' as const, value: step.value }
    const resource = { resourceType: 'TOPIC' as const, resourceName: step.name }
    await cluster.alterConfigs([{ ...resource, replacesAll: false, operations: [set] }], made)
  } else {
    const last = partitions.length - 1
    await partitions[last]!.appendRecords([{ key: null, value: Buffer.from('x') }])
    known.counts[last]! += 1
  }
}

function view(cluster: Cluster): unknown {
  return new Map(
    [...cluster.topics()].map(({ name, partitions, configOverrides }) => {
      const counts = partitions.map(({ logEndOffset }) => logEndOffset)
      return [name, { counts, configs: Object.fromEntries(configOverrides) }]
    })
  )
}

test('however the broker stops, topics are there again as they were answered', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 25 }), async steps => {
      const machine = await Machine.start()
      const model = new Map<string, ModelTopic>()
      for (const step of [...steps, { type: 'crash' as const }]) {
        await run(machine, model, step)
        expect(view(machine.cluster)).toEqual(model)
      }
    }),
    { numRuns: 60 }
  )
})

test('a topic that was deleted in a crash is not found again under its name', async () => {
  const machine = await Machine.start()
  const topicId = await createTopic(machine.cluster, 'a')
  const old = machine.cluster.partition('a', 0)!
  await old.appendRecords([{ key: null, value: Buffer.from('old') }])
  // The process dies between the record and the files: nobody waits for the removal.
  void machine.cluster.deleteTopics([topicId])
  await Promise.resolve()
  await machine.crash()
  const again = machine.cluster.topic('a')
  if (again === undefined) await createTopic(machine.cluster, 'a')
  const { partitions, topicId: newId } = machine.cluster.topic('a')!
  // Either the deletion had not happened at all, or nothing of the topic is left.
  expect([newId === topicId, partitions[0]!.logEndOffset]).toEqual(
    again === undefined ? [false, 0] : [true, 1]
  )
})
