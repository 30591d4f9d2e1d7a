import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBroker } from '../../../src/index.ts'
import { compressions } from '../../../src/record/batch.ts'
import { buildBatch } from '../../../src/record/records.ts'
import { RawClient } from '../../server/raw-client.ts'

// What odradek has on disk, read by Apache Kafka's own tool.

const run = promisify(execFile)

/** The last line of releases whose one jar has the tool in it. */
const kafkaVersion = '4.2.2'
const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache')
const libraries = join(cache, 'odradek-oracle', kafkaVersion)
const isHere = existsSync(libraries)
if (!isHere) {
  console.warn(
    `Apache Kafka ${kafkaVersion} is not here ` +
      `(npx tsx scripts/oracle/main.ts start --version ${kafkaVersion} brings it): skipped`
  )
}

async function dump(files: readonly string[], ...options: readonly string[]): Promise<string> {
  const classpath = ['-cp', join(libraries, '*'), 'kafka.tools.DumpLogSegments']
  const { stdout, stderr } = await run('java', [
    '-Xshare:auto',
    ...classpath,
    '--files',
    files.join(','),
    ...options
  ])
  expect(stderr).not.toMatch(/Exception|Error/)
  return stdout
}

const recordsOfBatch = 3

describe.skipIf(!isHere)('DumpLogSegments of Apache Kafka reads', () => {
  let folder: string
  const dataDir = (): string => join(folder, 'data')

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'odradek-dump-'))
    const topics = [{ name: 'dumped', configs: { 'index.interval.bytes': 0 } }]
    const broker = await startBroker({ dataDir: dataDir(), topics })
    const client = await RawClient.connect(broker.port)
    await produceAll(client)
    await client.close()
    const kafka = new Kafka({ brokers: broker.brokers, logLevel: logLevel.NOTHING })
    const admin = kafka.admin()
    await admin.connect()
    await admin.setOffsets({
      groupId: 'readers',
      topic: 'dumped',
      partitions: [{ partition: 0, offset: '7' }]
    })
    await admin.disconnect()
    await broker.close()
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('batches of every codec, with the same records', async () => {
    const text = await dump(
      [join(dataDir(), 'dumped-0', `${'0'.repeat(20)}.log`)],
      '--deep-iteration',
      '--print-data-log'
    )
    const batches = text.split('\n').filter(line => line.startsWith('baseOffset:'))
    expect(batches).toHaveLength(compressions.length)
    for (const [index, codec] of compressions.entries()) {
      const baseOffset = index * recordsOfBatch
      expect(batches[index]).toMatch(new RegExp(`^baseOffset: ${baseOffset} .*: ${codec} crc: `))
      expect(batches[index]).toMatch(/ producerId: 4242 producerEpoch: 1 .* isvalid: true$/)
      for (let record = 0; record < recordsOfBatch; record++) {
        expect(text).toMatch(
          new RegExp(
            `^\\| offset: ${baseOffset + record} .* headerKeys: \\[codec\\] ` +
              `key: ${codec} ${record} payload: value ${record}$`,
            'm'
          )
        )
      }
    }
  })

  test('indexes, which hold against the batches', async () => {
    const base = join(dataDir(), 'dumped-0', '0'.repeat(20))
    const text = await dump([`${base}.index`, `${base}.timeindex`])
    expect(text.match(/^offset: /gm)).toHaveLength(compressions.length - 1)
    expect(text.match(/^timestamp: /gm)!.length).toBeGreaterThan(1)
    expect(text).not.toMatch(/mismatch|out of order|not found/i)
    const sane = await dump([`${base}.index`, `${base}.timeindex`], '--index-sanity-check')
    expect(sane.match(/passed sanity check/g)).toHaveLength(2)
  })

  test('producer snapshots', async () => {
    const partition = join(dataDir(), 'dumped-0')
    const snapshots = (await readdir(partition)).filter(name => name.endsWith('.snapshot'))
    expect(snapshots).toEqual([`${'0'.repeat(18)}15.snapshot`])
    const text = await dump(snapshots.map(name => join(partition, name)))
    expect(text).toMatch(/producerId: 4242 producerEpoch: 1 .* lastSequence: 14 lastOffset: 14/)
  })

  test('__consumer_offsets, with what it says', async () => {
    const folders = await readdir(dataDir())
    const logs = folders
      .filter(name => name.startsWith('__consumer_offsets-'))
      .map(name => join(dataDir(), name, `${'0'.repeat(20)}.log`))
    const text = await dump(logs, '--offsets-decoder')
    expect(text).toMatch(/"group":"readers","topic":"dumped","partition":0.*"offset":7/)
  })

  test('__cluster_metadata, with what it says', async () => {
    const log = join(dataDir(), '__cluster_metadata-0', `${'0'.repeat(20)}.log`)
    const text = await dump([log], '--cluster-metadata-decoder')
    expect(text).toMatch(/"type":"TOPIC_RECORD".*"name":"dumped"/)
    expect(text).toMatch(/"type":"PARTITION_RECORD"/)
    expect(text).not.toMatch(/Error at offset/)
  })
})

async function produceAll(client: RawClient): Promise<void> {
  for (const [index, codec] of compressions.entries()) {
    const records = buildBatch({
      compression: codec,
      producerId: 4242,
      producerEpoch: 1,
      baseSequence: index * recordsOfBatch,
      timestampMs: 1_700_000_000_000 + index,
      records: Array.from({ length: recordsOfBatch }, (_, record) => ({
        key: Buffer.from(`${codec} ${record}`),
        value: Buffer.from(`value ${record}`),
        headers: [{ key: 'codec', value: Buffer.from(codec) }]
      }))
    })
    client.request('Produce', 9, index, {
      acks: -1,
      timeoutMs: 10_000,
      topicData: [{ name: 'dumped', partitionData: [{ index: 0, records }] }]
    })
    const { response } = await client.answer('Produce', 9)
    expect(response.responses[0]!.partitionResponses[0]!.errorCode).toBe(0)
  }
}
