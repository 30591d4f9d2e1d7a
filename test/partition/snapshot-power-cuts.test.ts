import { expect, test } from 'vitest'
import * as fc from 'fast-check'
import { manualClock } from '../../src/io/manual-clock.ts'
import type { Partition } from '../../src/partition/partition.ts'
import { rebuildProducers } from '../../src/partition/rebuild-producers.ts'
import type { LogDirectory } from '../../src/storage/local/log-dir.ts'
import type { LocalLog } from '../../src/storage/local/local-log.ts'
import type { PartitionLog } from '../../src/storage/partition-log.ts'
import { encodeProducerSnapshot } from '../../src/storage/producer-snapshot.ts'
import type { ProducerState } from '../../src/storage/producer-state.ts'
import { Life } from '../sim/life.ts'
import { lossProfiles } from '../sim/power-loss.ts'
import { SimDisk } from '../sim/sim-disk.ts'
import { testDirectory } from '../storage/local/directory.ts'
import {
  clientBatch,
  openPartition,
  producerIdExpirationMs,
  topicConfigs,
  topicId
} from './fixture.ts'

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('send'), producerId: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('transact'), producerId: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('end'), producerId: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('snapshot'), producerId: fc.constant(0) }) }
)
const life = fc.record({
  steps: fc.array(step, { minLength: 4, maxLength: 12 }),
  isClosed: fc.boolean(),
  crash: fc.record({
    kind: fc.constantFrom('process' as const, ...lossProfiles),
    /** How much of what the life did on the disk was done before the crash. */
    share: fc.oneof(fc.constant(1), fc.double({ min: 0.5, max: 1, noNaN: true })),
    torn: fc.double({ min: 0, max: 1, noNaN: true }),
    seed: fc.nat()
  })
})

/** All that is known of producers, but when they were last heard of. */
function stateOf(producers: ProducerState): unknown {
  const entries = [...producers.producers()].map(entry => ({ ...entry, seenMs: 0 }))
  entries.sort((a, b) => a.producerId - b.producerId)
  return [entries, producers.aborted, producers.firstUnstableOffset]
}

/** The log as it would be without snapshots. */
function bare(log: LocalLog): PartitionLog {
  const snapshots = {
    offsets: [],
    read: () => Promise.resolve(null),
    save: () => Promise.resolve(false)
  }
  return new Proxy<PartitionLog>(log, {
    get: (target, key) => {
      if (key === 'snapshots') return snapshots
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
}

async function rebuilt(log: PartitionLog): Promise<ProducerState> {
  const found = await rebuildProducers(
    { log, topicId, partition: 0, producerIdExpirationMs },
    1_700_000_000_000
  )
  expect(found.damage).toBeNull()
  found.producers.onHighWatermark(log.logEndOffset)
  return found.producers
}

async function saveSnapshot(log: LocalLog): Promise<void> {
  const producers = await rebuilt(log)
  const identity = { topicId, partition: 0, offset: log.logEndOffset }
  const state = { producers: [...producers.producers()], aborted: producers.aborted }
  await log.snapshots.save(identity.offset, encodeProducerSnapshot(identity, state))
}

async function run(
  { type, producerId }: { readonly type: string; readonly producerId: number },
  partition: Partition,
  log: LocalLog,
  sequences: Map<number, number>
): Promise<void> {
  if (type === 'snapshot') return saveSnapshot(log)
  if (type === 'end') {
    const result = sequences.size % 2 === 0 ? 'abort' : 'commit'
    const told = { producerId, producerEpoch: 0, coordinatorEpoch: 1, transactionVersion: 1 }
    await partition.endTransaction({ ...told, result })
    return
  }
  const baseSequence = sequences.get(producerId) ?? 0
  const isTransactional = type === 'transact'
  const producer = { producerId, producerEpoch: 0, baseSequence, isTransactional }
  const options = { acks: -1, produceVersion: 9, isTransactionVerified: true }
  const appended = await partition.append(clientBatch(['x'], producer), options)
  if (appended.ok) sequences.set(producerId, baseSequence + 1)
}

interface Opened {
  readonly directory: LogDirectory
  readonly log: LocalLog
  readonly partition: Partition
}

async function open(
  files: Life['files'],
  durability: 'os' | 'fsync',
  leaderEpoch: number
): Promise<Opened> {
  const clock = manualClock(1_700_000_000_000)
  const directory = await testDirectory(files, '/data', durability, clock).open()
  const name = { topic: 'orders', topicId, partition: 0 }
  const log = await directory.openLog(name, { ...topicConfigs, segmentBytes: 300 })
  return { directory, log, partition: await openPartition(log, { clock, leaderEpoch }) }
}

test('however a broker ends, snapshots tell what the whole log tells', async () => {
  let fromSnapshot = 0
  const modes = fc.constantFrom('os' as const, 'fsync' as const)
  await fc.assert(
    fc.asyncProperty(
      modes,
      fc.array(life, { minLength: 4, maxLength: 8 }),
      async (durability, lives) => {
        let disk = new SimDisk()
        for (const [leaderEpoch, { steps, isClosed, crash }] of lives.entries()) {
          const living = new Life(disk, { seed: crash.seed })
          const opened = await open(living.files, durability, leaderEpoch)
          const { directory, log, partition } = opened
          const known = await rebuilt(bare(log))
          expect(stateOf(await rebuilt(log))).toEqual(stateOf(known))
          if (log.snapshots.offsets.length > 0) fromSnapshot++
          const sequences = new Map<number, number>()
          for (const { producerId, batches } of known.producers()) {
            sequences.set(producerId, (batches.at(-1)?.lastSequence ?? -1) + 1)
          }
          for (const each of steps) await run(each, partition, log, sequences)
          if (isClosed) {
            await partition.close()
            await directory.close()
          }
          disk = living.crashed({ ...crash, after: Math.floor(crash.share * living.now) })
        }
      }
    ),
    { numRuns: 60 }
  )
  // Without snapshots nothing was tested.
  expect(fromSnapshot).toBeGreaterThan(20)
})
