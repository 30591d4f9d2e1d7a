import { describe, expect, onTestFinished, test } from 'vitest'
import { brokerSettings } from '../src/broker-options.ts'
import { Broker } from '../src/broker.ts'
import type { DurabilityMode } from '../src/config/durability-mode.ts'
import type { Files } from '../src/io/files.ts'
import { memoryFiles } from '../src/io/memory-files.ts'
import { nodeClock } from '../src/io/node-clock.ts'
import { nodeRandom } from '../src/io/node-random.ts'
import { buildBatch } from '../src/record/records.ts'
import { silentLogger, type LogFields, type Logger } from '../src/telemetry/logger.ts'
import { RawClient } from './server/raw-client.ts'
import { countingReads } from './storage/counting-reads.ts'

const partitions = 20
const topic = 't'

interface Life {
  readonly broker: Broker
  readonly client: RawClient
  /** What the start said of itself. */
  readonly opened: LogFields
  /** Bytes that the start has read of files with this suffix. */
  bytesRead(suffix: string): number
}

async function start(disk: Files, durability: DurabilityMode): Promise<Life> {
  const { files, bytes } = countingReads(disk)
  let opened: LogFields = {}
  const logger: Logger = {
    ...silentLogger,
    info: (message, fields = {}) => {
      if (message === 'logs are open') opened = fields
    }
  }
  const settings = brokerSettings({
    dataDir: '/data',
    durability,
    topics: [{ name: topic, partitions }],
    config: { 'log.segment.bytes': 1024 * 1024 },
    logger
  })
  const broker = await Broker.start(settings, { clock: nodeClock, random: nodeRandom, files })
  onTestFinished(() => broker.close())
  const client = await RawClient.connect(broker.listeners[0]!.port)
  onTestFinished(() => client.close())
  const [logBytes, indexBytes] = [bytes(`/${topic}-`, '.log'), bytes(`/${topic}-`, 'index')]
  return {
    broker,
    client,
    opened,
    bytesRead: suffix => (suffix === '.log' ? logBytes : indexBytes)
  }
}

/** Sends one batch of an idempotent producer to each of the partitions. */
async function produce(
  { client }: Life,
  to: { readonly partitions: number; readonly size: number; readonly baseSequence: number }
): Promise<void> {
  const records = buildBatch({
    records: [{ key: null, value: Buffer.alloc(to.size) }],
    timestampMs: 1,
    producerId: 1,
    producerEpoch: 0,
    baseSequence: to.baseSequence
  })
  for (let index = 0; index < to.partitions; index++) {
    const partitionData = [{ index, records }]
    const topicData = [{ name: topic, partitionData }]
    client.request('Produce', 9, index, { acks: -1, timeoutMs: 1000, topicData })
    const { response } = await client.answer('Produce', 9)
    expect(response.responses[0]!.partitionResponses[0]!.errorCode).toBe(0)
  }
}

async function kill({ broker }: Life): Promise<void> {
  broker.fail(new Error('killed'))
  await broker.close()
}

/** A broker with three segments and some in each of its partitions, stopped in order. */
async function filled(durability: DurabilityMode): Promise<Files> {
  const disk = memoryFiles()
  const life = await start(disk, durability)
  for (let n = 0; n < 7; n++) await produce(life, { partitions, size: 500_000, baseSequence: n })
  await life.broker.close()
  return disk
}

for (const durability of ['os', 'fsync'] as const) {
  describe(`a start in the mode ${durability}`, () => {
    test('after a stop in order reads nothing of the logs', async () => {
      const life = await start(await filled(durability), durability)
      const bytes = partitions * 7 * 500_000
      expect(life.opened).toMatchObject({ partitions: partitions + 1, bytesScanned: 0 })
      expect(life.opened.bytes).toBeGreaterThan(bytes)
      expect(life.bytesRead('.log')).toBe(0)
      expect(life.bytesRead('index')).toBeLessThan(partitions * 200)
    })

    test('after a kill reads only what came since the start before', async () => {
      const disk = await filled(durability)
      const killed = await start(disk, durability)
      await produce(killed, { partitions: 5, size: 1_000, baseSequence: 7 })
      await kill(killed)
      const life = await start(disk, durability)
      // Checked once, and once more read for what it says of producers.
      const tails = 5 * 1_100
      expect(life.opened.bytesScanned).toBeGreaterThan(5 * 1_000 * 2)
      expect(life.opened.bytesScanned).toBeLessThan(tails * 2)
      expect(life.bytesRead('.log')).toBeLessThan(tails * 4)
      await produce(life, { partitions: 5, size: 10, baseSequence: 8 })
    })

    test('after a kill checks no segment that was full and synced', async () => {
      const disk = await filled(durability)
      const killed = await start(disk, durability)
      for (let n = 7; n < 12; n++) {
        await produce(killed, { partitions: 3, size: 500_000, baseSequence: n })
      }
      // In the mode os the sync of a full segment is not waited for.
      for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
      await kill(killed)
      const life = await start(disk, durability)
      const checked = 3 * 500_100 * 2
      const replayed = 3 * 500_100 * 5
      expect(life.opened.bytesScanned).toBeLessThanOrEqual(checked + replayed)
    })
  })
}
