import { describe, expect, onTestFinished, test } from 'vitest'
import { brokerSettings, type BrokerOptions } from '../src/broker-options.ts'
import { Broker } from '../src/broker.ts'
import { filesWith, type Files, type OpenFile } from '../src/io/files.ts'
import { memoryFiles } from '../src/io/memory-files.ts'
import { nodeClock } from '../src/io/node-clock.ts'
import { nodeRandom } from '../src/io/node-random.ts'
import { buildBatch } from '../src/record/records.ts'
import { collectingLogger, type LoggedLine } from './collecting-logger.ts'
import { RawClient } from './server/raw-client.ts'

const topic = 't'

async function start(files: Files, options: BrokerOptions = {}): Promise<Broker> {
  const settings = brokerSettings({ dataDir: '/data', topics: [topic], ...options })
  const broker = await Broker.start(settings, { clock: nodeClock, random: nodeRandom, files })
  onTestFinished(() => broker.close())
  return broker
}

async function connect(broker: Broker): Promise<RawClient> {
  const client = await RawClient.connect(broker.listeners[0]!.port)
  onTestFinished(() => client.close())
  return client
}

/**
 * Sends one record; resolves with the error code, or null when the connection closes without an
 * answer.
 */
async function produce(client: RawClient, value: Buffer): Promise<number | null> {
  const records = buildBatch({ records: [{ key: null, value }], timestampMs: 1 })
  const partitionData = [{ index: 0, records }]
  const request = { acks: -1, timeoutMs: 1000, topicData: [{ name: topic, partitionData }] }
  client.request('Produce', 9, 1, request)
  try {
    const { response } = await client.answer('Produce', 9)
    return response.responses[0]!.partitionResponses[0]!.errorCode
  } catch {
    return null
  }
}

async function endOffset(client: RawClient): Promise<number> {
  const partitions = [{ partitionIndex: 0, timestamp: -1 }]
  client.request('ListOffsets', 4, 2, { replicaId: -1, topics: [{ name: topic, partitions }] })
  const { response } = await client.answer('ListOffsets', 4)
  return response.topics[0]!.partitions[0]!.offset
}

async function leaderEpoch(client: RawClient): Promise<number> {
  client.request('Metadata', 12, 3, { topics: [{ name: topic }] })
  const { response } = await client.answer('Metadata', 12)
  return response.topics[0]!.partitions[0]!.leaderEpoch
}

/** The same files, whose syncs fail once `breaks` has been called. */
function breakable(files: Files): { files: Files; breaks: () => void } {
  let isBroken = false
  const wrapped = (file: OpenFile): OpenFile => ({
    path: file.path,
    size: () => file.size(),
    writeSync: (pieces, position) => file.writeSync(pieces, position),
    write: (pieces, position) => file.write(pieces, position),
    readSync: (target, position) => file.readSync(target, position),
    read: (target, position) => file.read(target, position),
    truncate: size => file.truncate(size),
    datasync: () => (isBroken ? Promise.reject(new Error('EIO')) : file.datasync()),
    close: () => file.close()
  })
  const breaking = filesWith(files, { open: (path, mode) => wrapped(files.open(path, mode)) })
  return {
    files: breaking,
    breaks: () => {
      isBroken = true
    }
  }
}

describe('a disk that fails', () => {
  test('stops the broker: nothing unsafe is acknowledged, `closed` rejects, the process lives', async () => {
    const disk = memoryFiles()
    const { files, breaks } = breakable(disk)
    const broker = await start(files)
    const client = await connect(broker)
    expect(await produce(client, Buffer.from('safe'))).toBe(0)
    breaks()
    expect(await produce(client, Buffer.from('not safe'))).not.toBe(0)
    await expect(broker.closed).rejects.toThrow(/EIO/)
    await client.closed
    await broker.close()

    const again = await start(disk)
    const reader = await connect(again)
    expect(await endOffset(reader)).toBeGreaterThanOrEqual(1)
    expect(await leaderEpoch(reader)).toBe(1)
  })

  test('that is full refuses records and goes on serving what is there', async () => {
    const broker = await start(memoryFiles({ sizeMax: 8 * 1024 * 1024 }))
    const client = await connect(broker)
    const value = Buffer.alloc(500_000)
    let acknowledged = 0
    let refusal: number | null = 0
    while (acknowledged < 100) {
      refusal = await produce(client, value)
      if (refusal !== 0) break
      acknowledged++
    }
    expect(acknowledged).toBeGreaterThan(5)
    expect(refusal).toBe(56)
    expect(await endOffset(client)).toBe(acknowledged)
    expect(await Promise.race([broker.closed, Promise.resolve('running')])).toBe('running')
  })
})

describe('a failure of ours', () => {
  test('closes every connection, frees port and folder, and is found in `closed`', async () => {
    const lines: LoggedLine[] = []
    const disk = memoryFiles()
    const broker = await start(disk, { logger: collectingLogger(lines) })
    const client = await connect(broker)
    expect(await produce(client, Buffer.from('kept'))).toBe(0)
    const bug = new Error('a broken invariant')
    broker.fail(bug)
    broker.fail(new Error('only the first one counts'))
    await expect(broker.closed).rejects.toBe(bug)
    await client.closed
    await broker.close()
    expect(lines.filter(line => line.level === 'error')).toHaveLength(1)

    const { port } = broker.listeners[0]!
    const again = await start(disk, { port })
    const reader = await connect(again)
    expect(await endOffset(reader)).toBe(1)
  })
})

describe('leader epochs', () => {
  test('stay after a shutdown in order, and grow by one after any other end (KIP-101)', async () => {
    const disk = memoryFiles()
    const first = await start(disk)
    expect(await leaderEpoch(await connect(first))).toBe(0)
    await first.close()
    const second = await start(disk)
    expect(await leaderEpoch(await connect(second))).toBe(0)
    second.fail(new Error('any'))
    await second.close()
    const third = await start(disk)
    expect(await leaderEpoch(await connect(third))).toBe(1)
  })
})

test('a data directory whose metadata log is gone is refused, and left as it is', async () => {
  const disk = memoryFiles()
  const broker = await start(disk)
  expect(await produce(await connect(broker), Buffer.from('kept'))).toBe(0)
  await broker.close()
  disk.rename('/data/__cluster_metadata-0', '/elsewhere')
  for (let attempt = 0; attempt < 2; attempt++) {
    await expect(start(disk)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: expect.stringMatching(/^\/data holds records, as in t-0, .*metadata-0 .* is gone: /)
    })
  }
  disk.rename('/elsewhere', '/data/__cluster_metadata-0')
  const again = await start(disk)
  expect(await endOffset(await connect(again))).toBe(1)
})

test('a partition folder that no topic owns is moved aside with a warning, never deleted', async () => {
  const disk = memoryFiles()
  await (await start(disk)).close()
  disk.makeDirectory('/data/forgotten-0')
  const lines: LoggedLine[] = []
  await start(disk, { logger: collectingLogger(lines) })
  const names = disk.list('/data').map(entry => entry.name)
  expect(names).not.toContain('forgotten-0')
  expect(names.filter(name => name.startsWith('forgotten-0.'))).toHaveLength(1)
  const warnings = lines.filter(line => line.level === 'warn')
  expect(warnings.map(line => line.message)).toEqual(['unknown partition folder moved aside'])
})
