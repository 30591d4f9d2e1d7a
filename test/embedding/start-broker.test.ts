import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startBroker, StartError, type BrokerOptions, type RunningBroker } from '../../src/index.ts'

async function start(options?: BrokerOptions): Promise<RunningBroker> {
  const broker = await startBroker(options)
  onTestFinished(() => broker.close())
  return broker
}

function kafka(broker: RunningBroker): Kafka {
  return new Kafka({ brokers: broker.brokers, logLevel: logLevel.NOTHING })
}

function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'odradek-embedding-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

describe('startBroker', () => {
  test('without options is in memory, on a free port of 127.0.0.1', async () => {
    const broker = await start()
    expect(broker.host).toBe('127.0.0.1')
    expect(broker.port).toBeGreaterThan(0)
    expect(broker.bootstrapServers).toBe(`127.0.0.1:${broker.port}`)
    expect(broker.brokers).toEqual([broker.bootstrapServers])
    expect(broker.getBootstrapServers()).toBe(broker.bootstrapServers)
    expect(broker.clusterId).toMatch(/^[\w-]{22}$/)
    expect(broker.durability).toBe('memory')
    expect(broker.dataDir).toBeNull()
  })

  test('makes the topics that are asked for', async () => {
    const broker = await start({
      config: { 'num.partitions': 2 },
      topics: ['a', { name: 'b', partitions: 3, configs: { 'cleanup.policy': 'compact' } }]
    })
    const admin = kafka(broker).admin()
    await admin.connect()
    const { topics } = await admin.fetchTopicMetadata({ topics: ['a', 'b'] })
    await admin.disconnect()
    expect(new Map(topics.map(topic => [topic.name, topic.partitions.length]))).toEqual(
      new Map([
        ['a', 2],
        ['b', 3]
      ])
    )
  })

  test('several of them live side by side and share nothing', async () => {
    const first = await start({ topics: ['only-in-first'] })
    const second = await start()
    expect(first.clusterId).not.toBe(second.clusterId)
    const admin = kafka(second).admin()
    await admin.connect()
    expect(await admin.listTopics()).toEqual([])
    await admin.disconnect()
  })

  test('with a folder keeps what was sent, and topics that are there are left as they are', async () => {
    const dataDir = join(temporaryDirectory(), 'data')
    const options = { dataDir, topics: [{ name: 'kept', partitions: 1 }] }
    const first = await startBroker(options)
    expect(first.durability).toBe('fsync')
    const producer = kafka(first).producer()
    await producer.connect()
    await producer.send({ topic: 'kept', messages: [{ value: 'one' }, { value: 'two' }] })
    await producer.disconnect()
    await first.close()

    const second = await start(options)
    expect(second.clusterId).toBe(first.clusterId)
    const admin = kafka(second).admin()
    await admin.connect()
    const [offsets] = await admin.fetchTopicOffsets('kept')
    await admin.disconnect()
    expect(offsets).toMatchObject({ low: '0', high: '2' })
  })

  test.each<[string, BrokerOptions, string]>([
    ['an unknown config', { config: { 'no.such.config': 1 } }, 'INVALID_CONFIG'],
    ['a topic name that is none', { topics: ['not/a/topic'] }, 'INVALID_OPTION'],
    ['an address of another machine', { host: '192.0.2.1' }, 'ADDRESS_NOT_AVAILABLE'],
    ['a folder that is a file', { dataDir: '/dev/null' }, 'NOT_A_DIRECTORY']
  ])('rejects %s with a code', async (_what, options, code) => {
    const error: unknown = await startBroker(options).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(StartError)
    expect(error).toMatchObject({ code })
  })

  test('rejects a port that is taken, and leaves its folder to the next one', async () => {
    const { port } = await start()
    const dataDir = join(temporaryDirectory(), 'data')
    await expect(startBroker({ port, dataDir })).rejects.toMatchObject({ code: 'PORT_IN_USE' })
    const broker = await start({ dataDir })
    await expect(startBroker({ dataDir })).rejects.toMatchObject({ code: 'LOCKED' })
    expect(existsSync(dataDir)).toBe(true)
    await broker.close()
  })
})

describe('close', () => {
  test('may be called again and at the same time, and settles `closed`', async () => {
    const broker = await startBroker()
    await Promise.all([broker.close(), broker.close(), broker.stop()])
    await broker.close()
    await broker.closed
  })

  test('frees the port and ends the connections of clients', async () => {
    const broker = await startBroker()
    const admin = kafka(broker).admin()
    await admin.connect()
    await broker.close()
    const again = await start({ port: broker.port })
    expect(again.port).toBe(broker.port)
    await admin.disconnect()
  })

  test('does not wait for consumers that are parked', async () => {
    const broker = await startBroker({ topics: ['t'] })
    const consumer = kafka(broker).consumer({
      groupId: 'g',
      maxWaitTimeInMs: 600_000,
      retry: { retries: 0 }
    })
    await consumer.connect()
    await consumer.subscribe({ topics: ['t'] })
    const joined = new Promise(resolve => consumer.on(consumer.events.GROUP_JOIN, resolve))
    await consumer.run({ eachMessage: async () => {} })
    await joined
    await broker.close()
    await consumer.disconnect()
  })

  test('is what `await using` does', async () => {
    const broker = await startBroker()
    await broker[Symbol.asyncDispose]()
    await broker.closed
  })
})
