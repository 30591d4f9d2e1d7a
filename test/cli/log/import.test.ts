import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { exitCodes } from '../../../src/cli/exit-codes.ts'
import { importCommand, verifyCommand } from '../../../src/cli/log/log-command.ts'
import { startBroker } from '../../../src/index.ts'
import { manualClock } from '../../../src/io/manual-clock.ts'
import { nodeFiles } from '../../../src/io/node-files.ts'
import { batchPositions, batchSize, lastOffset, producerId } from '../../../src/record/batch.ts'
import { buildBatch, readRecords } from '../../../src/record/records.ts'
import { RawClient } from '../../server/raw-client.ts'
import { putContent } from '../../storage/local/directory.ts'
import { faultyFiles } from '../../storage/local/faulty-files.ts'
import { linesOf, printing } from './tool.ts'

const golden = fileURLToPath(new URL('../../golden/kafka-4.4.0-logs/', import.meta.url))

function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'odradek-import-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

interface Served {
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly records: readonly (readonly [offset: number, key: string, value: string])[]
}

/** All that a consumer gets of a partition. */
async function served(port: number, topic: string): Promise<Served> {
  const client = await RawClient.connect(port)
  const records: (readonly [number, string, string])[] = []
  try {
    for (let fetchOffset = 0, id = 1; ; id++) {
      client.request('Fetch', 11, id, {
        maxWaitMs: 0,
        minBytes: 0,
        isolationLevel: 1,
        topics: [{ topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 300 }] }]
      })
      const { response } = await client.answer('Fetch', 11)
      const {
        records: bytes,
        errorCode,
        highWatermark,
        logStartOffset
      } = response.responses[0]!.partitions[0]!
      expect(errorCode).toBe(0)
      for (const at of batchPositions(bytes!)) {
        expect(producerId(bytes!, at)).toBe(-1)
        const batch = readRecords(bytes!.subarray(at, at + batchSize(bytes!, at)), 0)
        if (!batch.ok) throw new Error(batch.error)
        for (const { offset, key, value } of batch.value) {
          if (offset >= fetchOffset) records.push([offset, String(key), String(value)])
        }
        fetchOffset = lastOffset(bytes!, at) + 1
      }
      if (fetchOffset >= highWatermark) return { logStartOffset, highWatermark, records }
    }
  } finally {
    await client.close()
  }
}

/** Imports a recorded folder into a new broker, and says what that broker serves. */
async function imported(folder: string): Promise<Served> {
  const dataDir = join(temporaryFolder(), 'data')
  const first = await startBroker({ dataDir, topics: ['taken'] })
  await first.close()
  const outside = { ...printing(nodeFiles()), clock: manualClock() }
  const code = await importCommand(join(golden, folder), { dataDir, topic: 'taken' }, outside)
  expect([code, outside.errors]).toEqual([exitCodes.stopped, []])
  expect(await verifyCommand(dataDir, {}, printing(nodeFiles()))).toBe(exitCodes.stopped)
  const again = await importCommand(join(golden, folder), { dataDir, topic: 'taken' }, outside)
  expect(again).toBe(exitCodes.dataDirectory)
  expect(outside.errors.join('')).toMatch(/taken-0 in .* is not empty/)
  const broker = await startBroker({ dataDir })
  try {
    const client = await RawClient.connect(broker.port)
    const before = await served(broker.port, 'taken')
    client.request('Produce', 9, 1, {
      acks: -1,
      timeoutMs: 1000,
      topicData: [
        {
          name: 'taken',
          partitionData: [
            {
              index: 0,
              records: buildBatch({ records: [{ key: null, value: Buffer.from('new') }] })
            }
          ]
        }
      ]
    })
    const { response } = await client.answer('Produce', 9)
    const { errorCode, baseOffset } = response.responses[0]!.partitionResponses[0]!
    expect([errorCode, baseOffset]).toEqual([0, before.highWatermark])
    await client.close()
    return before
  } finally {
    await broker.close()
  }
}

describe('odradek log import', () => {
  test('serves records of Apache Kafka at their offsets, in every codec', async () => {
    const { records, highWatermark, logStartOffset } = await imported('recorded-0')
    expect([logStartOffset, highWatermark]).toEqual([0, 24])
    const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
    const plain = codecs.flatMap((codec, index) =>
      [0, 1, 2].map(each => [3 * index + each, `${codec} ${each}`, `value ${each}`])
    )
    const committed = [15, 16, 21, 22].map((offset, index) => [
      offset,
      'commits true',
      `value ${index % 2}`
    ])
    expect(records).toEqual([...plain, ...committed])
  })

  test('keeps the gaps of a compacted log', async () => {
    const { records, highWatermark } = await imported('compacted-0')
    expect(highWatermark).toBe(20)
    const offsets = [0, 5, 10, 15, 16, 17, 18, 19]
    expect(records.map(([offset, key]) => [offset, key])).toEqual(
      offsets.map((offset, index) => [offset, `key ${index}`])
    )
  })

  test('begins where the log begins, and leaves out a transaction that was never ended', async () => {
    const folder = temporaryFolder()
    const dataDir = join(folder, 'data')
    const first = await startBroker({ dataDir, topics: ['taken'] })
    await first.close()
    const records = [{ key: null, value: Buffer.from('v') }]
    const open = { producerId: 5, producerEpoch: 0, isTransactional: true }
    const batches = [
      buildBatch({ records, baseOffset: 1002 }),
      buildBatch({ records, baseOffset: 1003, ...open }),
      buildBatch({ records, baseOffset: 1004 })
    ]
    const source = join(folder, 'source-0')
    nodeFiles().makeDirectory(source)
    putContent(nodeFiles(), join(source, `${'0'.repeat(16)}1000.log`), Buffer.concat(batches))
    const outside = { ...printing(nodeFiles()), clock: manualClock() }
    expect(await importCommand(source, { dataDir, topic: 'taken' }, outside)).toBe(0)
    expect(linesOf(outside)).toEqual(['2 records at the offsets 1000 to 1004; 3 offsets have none'])
  })

  test('refuses a source that is damaged, and what is not there', async () => {
    const folder = temporaryFolder()
    const dataDir = join(folder, 'data')
    const files = nodeFiles()
    const source = join(folder, 'source-0')
    files.makeDirectory(source)
    const bytes = buildBatch({ records: [{ key: null, value: Buffer.from('v') }] })
    const path = join(source, `${'0'.repeat(20)}.log`)
    putContent(files, path, bytes)
    const outside = { ...printing(files), clock: manualClock() }
    const flags = { dataDir, topic: 'taken' }
    expect(await importCommand(source, flags, outside)).toBe(exitCodes.dataDirectory)
    expect(files.exists(dataDir)).toBe(false)
    await (await startBroker({ dataDir, topics: ['other'] })).close()
    expect(await importCommand(source, flags, outside)).toBe(exitCodes.dataDirectory)
    bytes[bytes.length - 1]! ^= 1
    putContent(files, path, bytes)
    expect(await importCommand(source, flags, outside)).toBe(exitCodes.dataDirectory)
    expect(outside.errors).toEqual([
      expect.stringMatching(/is not the data directory of a broker: start the broker/),
      expect.stringMatching(/has no partition taken-0: start the broker, create the topic/),
      expect.stringMatching(/\.log is damaged: odradek log verify says where/)
    ])
    expect(await importCommand(source, { ...flags, partition: 'x' }, outside)).toBe(exitCodes.usage)
  })

  test('leaves nothing behind when it cannot write, and refuses while a broker runs', async () => {
    const dataDir = join(temporaryFolder(), 'data')
    const broker = await startBroker({ dataDir, topics: ['taken'] })
    const outside = { ...printing(nodeFiles()), clock: manualClock() }
    const flags = { dataDir, topic: 'taken' }
    const source = join(golden, 'recorded-0')
    expect(await importCommand(source, flags, outside)).toBe(exitCodes.dataDirectory)
    expect(outside.errors.join('')).toMatch(/is in use by/)
    await broker.close()
    const full = faultyFiles(nodeFiles())
    full.fault = (operation, path) =>
      operation === 'write' && path.includes('taken-0') && path.endsWith('.log') ? 'ENOSPC' : null
    const refused = { ...printing(full), clock: manualClock() }
    expect(await importCommand(source, flags, refused)).toBe(exitCodes.dataDirectory)
    expect(refused.errors.join('')).toMatch(/cannot write/)
    expect(nodeFiles().exists(join(dataDir, 'taken-0'))).toBe(false)
  })
})
