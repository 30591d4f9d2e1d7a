import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { brokerSettings, type BrokerOptions } from '../../src/broker-options.ts'
import { Broker } from '../../src/broker.ts'
import { RetentionChecks } from '../../src/cluster/retention-checks.ts'
import type { Files } from '../../src/io/files.ts'
import { manualClock, type ManualClock } from '../../src/io/manual-clock.ts'
import { memoryFiles } from '../../src/io/memory-files.ts'
import { nodeRandom } from '../../src/io/node-random.ts'
import { retentionPartitionsPerTurn } from '../../src/limits.ts'
import { buildBatch } from '../../src/record/records.ts'
import { silentLogger, type LogFields, type Logger } from '../../src/telemetry/logger.ts'
import { FakeLog } from '../partition/fake-log.ts'
import { openPartition } from '../partition/fixture.ts'
import { RawClient } from '../server/raw-client.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const firstCheckMs = 30_000
/** Checked after every other topic, and emptied by each check: it tells that one has happened. */
const sentinel = { name: 'sentinel', configs: { 'retention.bytes': 0 } }

/** A broker over files in RAM whose time stands still, and a client of it. */
class Life {
  readonly clock: ManualClock
  readonly lines: { readonly message: string; readonly fields: LogFields }[] = []
  #broker: Broker | null = null
  #client: RawClient | null = null
  #correlationId = 0

  constructor(clock: ManualClock) {
    this.clock = clock
  }

  static async start(
    topics: NonNullable<BrokerOptions['topics']>,
    { files = memoryFiles(), clock = manualClock() }: { files?: Files; clock?: ManualClock } = {}
  ): Promise<Life> {
    const life = new Life(clock)
    const settings = brokerSettings({
      dataDir: '/data',
      topics: [...topics, sentinel],
      logger: life.#logger()
    })
    const broker = await Broker.start(settings, { clock, random: nodeRandom, files })
    onTestFinished(() => broker.close())
    life.#broker = broker
    const client = await RawClient.connect(broker.listeners[0]!.port)
    onTestFinished(() => client.close())
    life.#client = client
    return life
  }

  close(): Promise<void> {
    return this.#broker!.close()
  }

  /** Appends one record, as old as the clock says. */
  async produce(name: string, timestampMs = this.clock.wallMs()): Promise<void> {
    const value = Buffer.from('value')
    const records = buildBatch({ records: [{ key: value, value }], timestampMs })
    const partitionData = [{ index: 0, records }]
    const request = { acks: -1, timeoutMs: 1000, topicData: [{ name, partitionData }] }
    this.#client!.request('Produce', 9, ++this.#correlationId, request)
    const { response } = await this.#client!.answer('Produce', 9)
    expect(response.responses[0]!.partitionResponses[0]!.errorCode).toBe(0)
  }

  async logStartOffset(name: string): Promise<number> {
    const topics = [{ name, partitions: [{ partitionIndex: 0, timestamp: -2 }] }]
    this.#client!.request('ListOffsets', 4, ++this.#correlationId, { replicaId: -1, topics })
    const { response } = await this.#client!.answer('ListOffsets', 4)
    return response.topics[0]!.partitions[0]!.offset
  }

  /** The error and the bounds that a fetch answers. */
  async fetch(topic: string, fetchOffset: number): Promise<readonly number[]> {
    const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 1000 }]
    const request = { maxWaitMs: 0, minBytes: 0, topics: [{ topic, partitions }] }
    this.#client!.request('Fetch', 11, ++this.#correlationId, request)
    const { response } = await this.#client!.answer('Fetch', 11)
    const { errorCode, logStartOffset, highWatermark } = response.responses[0]!.partitions[0]!
    return [errorCode, logStartOffset, highWatermark]
  }

  /** Sets a config of a topic, or that of all brokers when the topic is ''. */
  async alterConfig(resourceName: string, name: string, value: string): Promise<void> {
    const configs = [{ name, configOperation: 0, value }]
    const resourceType = resourceName === '' ? 4 : 2
    const resources = [{ resourceType, resourceName, configs }]
    this.#client!.request('IncrementalAlterConfigs', 1, ++this.#correlationId, {
      resources,
      validateOnly: false
    })
    const { response } = await this.#client!.answer('IncrementalAlterConfigs', 1)
    expect(response.responses[0]!.errorCode).toBe(0)
  }

  /** Lets time pass, at the end of which a check is due, and waits until it is over. */
  async checked(delayMs: number): Promise<void> {
    await this.produce(sentinel.name)
    const before = await this.logStartOffset(sentinel.name)
    this.clock.advance(delayMs)
    while ((await this.logStartOffset(sentinel.name)) === before);
  }

  #logger(): Logger {
    const take = (message: string, fields: LogFields = {}): void =>
      void this.lines.push({ message, fields })
    const logger: Logger = {
      debug: () => {},
      info: take,
      warn: take,
      error: take,
      child: () => logger
    }
    return logger
  }
}

function withRetention(retentionMs: number, configs: Record<string, string> = {}) {
  return { name: 'orders', configs: { 'retention.ms': retentionMs, ...configs } }
}

describe('retention', () => {
  test('deletes what is older than retention.ms at a check, and tells readers', async () => {
    const life = await Life.start([withRetention(2 * minuteMs)])
    await life.produce('orders')
    await life.produce('orders')
    await life.checked(firstCheckMs)
    expect(await life.fetch('orders', 0)).toEqual([0, 0, 2])
    await life.checked(5 * minuteMs)
    expect(await life.logStartOffset('orders')).toBe(2)
    expect(await life.fetch('orders', 1)).toEqual([1, -1, -1])
    expect(await life.fetch('orders', 2)).toEqual([0, 2, 2])
    const told = life.lines.filter(line => line.fields.topic === 'orders')
    expect(told).toEqual([
      {
        message: 'retention deleted records',
        fields: { topic: 'orders', partition: 0, fromOffset: 0, toOffset: 2 }
      }
    ])
  })

  test('survives a restart; offsets go on, and the next life checks as well', async () => {
    const files = memoryFiles()
    const clock = manualClock()
    const topics = [withRetention(2 * minuteMs)]
    const first = await Life.start(topics, { files, clock })
    await first.produce('orders')
    await first.checked(firstCheckMs)
    await first.checked(5 * minuteMs)
    await first.produce('orders')
    await first.close()
    const second = await Life.start(topics, { files, clock })
    expect(await second.fetch('orders', 1)).toEqual([0, 1, 2])
    await second.checked(firstCheckMs)
    expect(await second.logStartOffset('orders')).toBe(1)
    await second.checked(5 * minuteMs)
    expect(await second.fetch('orders', 2)).toEqual([0, 2, 2])
  })

  test('keeps files as .deleted for file.delete.delay.ms', async () => {
    const files = memoryFiles()
    const delay = { 'file.delete.delay.ms': String(hourMs) }
    const life = await Life.start([withRetention(minuteMs, delay)], { files })
    await life.produce('orders')
    await life.checked(firstCheckMs)
    await life.checked(5 * minuteMs)
    const deleted = (): number =>
      files.list('/data/orders-0').filter(({ name }) => name.endsWith('.deleted')).length
    expect(deleted()).toBeGreaterThan(0)
    life.clock.advance(hourMs)
    await nextTurn()
    expect(deleted()).toBe(0)
  })

  test('follows a config that is changed at run time, from the next check on', async () => {
    const life = await Life.start([withRetention(-1)])
    await life.produce('orders')
    await life.checked(firstCheckMs)
    await life.checked(5 * minuteMs)
    expect(await life.logStartOffset('orders')).toBe(0)
    await life.alterConfig('orders', 'retention.ms', '1000')
    expect(await life.logStartOffset('orders')).toBe(0)
    await life.checked(5 * minuteMs)
    expect(await life.logStartOffset('orders')).toBe(1)
  })

  test.each([
    ['compact', 0],
    ['compact,delete', 1],
    ['delete', 1]
  ])('with cleanup.policy=%s lets the log begin at %d', async (policy, start) => {
    const life = await Life.start([withRetention(1000, { 'cleanup.policy': policy })])
    await life.produce('orders')
    await life.checked(firstCheckMs)
    expect(await life.logStartOffset('orders')).toBe(start)
  })

  test('takes no notice of local.retention.*, which is for logs with a remote part', async () => {
    const local = { 'local.retention.ms': '1', 'local.retention.bytes': '1' }
    const life = await Life.start([withRetention(hourMs, local)])
    await life.produce('orders')
    await life.checked(firstCheckMs)
    expect(await life.logStartOffset('orders')).toBe(0)
  })

  test.each([
    ['CreateTime', 1],
    ['LogAppendTime', 0]
  ])('counts old records of a topic with %s as the topic does', async (type, start) => {
    const life = await Life.start([withRetention(hourMs, { 'message.timestamp.type': type })])
    await life.produce('orders', life.clock.wallMs() - 2 * hourMs)
    await life.checked(firstCheckMs)
    expect(await life.logStartOffset('orders')).toBe(start)
    for (let passedMs = 0; passedMs <= hourMs; passedMs += 5 * minuteMs)
      await life.checked(5 * minuteMs)
    expect(await life.logStartOffset('orders')).toBe(1)
  })

  test('goes by the time that each record got, when message.timestamp.type has changed', async () => {
    const life = await Life.start([withRetention(hourMs, { 'segment.ms': '1' })])
    const oldMs = life.clock.wallMs() - 2 * hourMs
    await life.alterConfig('orders', 'message.timestamp.type', 'LogAppendTime')
    await life.produce('orders', oldMs)
    await life.alterConfig('orders', 'message.timestamp.type', 'CreateTime')
    await life.produce('orders', oldMs)
    await life.checked(firstCheckMs)
    expect(await life.logStartOffset('orders')).toBe(0)
    for (let passedMs = 0; passedMs <= hourMs; passedMs += 5 * minuteMs)
      await life.checked(5 * minuteMs)
    expect(await life.logStartOffset('orders')).toBe(2)
  })

  test('follows what the broker says for all topics, which a topic may overrule', async () => {
    const life = await Life.start([
      { name: 'orders', configs: {} },
      { name: 'kept', configs: { 'retention.ms': String(hourMs) } }
    ])
    await life.produce('orders')
    await life.produce('kept')
    await life.checked(firstCheckMs)
    expect(await life.logStartOffset('orders')).toBe(0)
    await life.alterConfig('', 'log.retention.ms', '1000')
    await life.checked(5 * minuteMs)
    expect(await life.logStartOffset('orders')).toBe(1)
    expect(await life.logStartOffset('kept')).toBe(0)
  })

  test.each([
    ['forward', 10 * 365 * 24 * hourMs],
    ['back', -10 * 365 * 24 * hourMs]
  ])('by time waits after the wall clock has jumped %s, until it is steady', async (_, jumpMs) => {
    const life = await Life.start([withRetention(hourMs)])
    await life.produce('orders', life.clock.wallMs() + Math.min(jumpMs, 0) - 2 * hourMs)
    life.clock.setWallMs(life.clock.wallMs() + jumpMs)
    await life.checked(firstCheckMs)
    for (let passedMs = 0; passedMs < hourMs - 5 * minuteMs; passedMs += 5 * minuteMs) {
      await life.checked(5 * minuteMs)
    }
    expect(await life.logStartOffset('orders')).toBe(0)
    await life.checked(5 * minuteMs)
    expect(await life.logStartOffset('orders')).toBe(1)
    const messages = life.lines.map(({ message }) => message)
    expect(messages).toContain('the wall clock has jumped: retention.ms waits until it is steady')
    expect(messages).toContain('the wall clock is steady again')
  })

  test('warns of a timestamp in the future, which keeps records', async () => {
    const life = await Life.start([withRetention(1000)])
    const futureTimestampMs = life.clock.wallMs() + hourMs
    await life.produce('orders', futureTimestampMs)
    await life.checked(firstCheckMs)
    expect(await life.logStartOffset('orders')).toBe(0)
    expect(life.lines).toContainEqual({
      message: 'a timestamp in the future keeps records beyond retention.ms',
      fields: { topic: 'orders', partition: 0, futureTimestampMs }
    })
  })
})

describe('a check of many partitions', () => {
  const count = 2 * retentionPartitionsPerTurn + 1

  async function startChecks() {
    const clock = manualClock()
    const logs = Array.from({ length: count }, () => new FakeLog())
    const partitions = await Promise.all(logs.map(log => openPartition(log, { clock })))
    const failures: unknown[] = []
    const checks = new RetentionChecks({
      clock,
      logger: silentLogger,
      intervalMs: () => minuteMs,
      topics: () => [{ partitions }],
      onFailure: error => failures.push(error)
    })
    checks.start()
    const passed = async (delayMs: number): Promise<number> => {
      clock.advance(delayMs)
      await nextTurn()
      expect(failures).toEqual([])
      return logs.reduce((sum, log) => sum + log.retentions.length, 0)
    }
    return { checks, clock, passed }
  }

  test('leaves turns of the event loop to others, and comes to its end', async () => {
    const { checks, clock, passed } = await startChecks()
    expect(await passed(firstCheckMs - 1)).toBe(0)
    expect(await passed(1)).toBe(retentionPartitionsPerTurn)
    expect(await passed(0)).toBe(2 * retentionPartitionsPerTurn)
    expect(await passed(0)).toBe(count)
    expect(await passed(minuteMs - 1)).toBe(count)
    expect(await passed(1)).toBe(count + retentionPartitionsPerTurn)
    await checks.stop()
    expect(clock.pendingCount).toBe(0)
  })

  test('ends early when the broker stops', async () => {
    const { checks, clock, passed } = await startChecks()
    await passed(firstCheckMs)
    await checks.stop()
    expect(await passed(minuteMs)).toBe(retentionPartitionsPerTurn)
    expect(clock.pendingCount).toBe(0)
  })
})
