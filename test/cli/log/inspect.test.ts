import { describe, expect, test } from 'vitest'
import { exitCodes } from '../../../src/cli/exit-codes.ts'
import { inspectCommand, type InspectFlags } from '../../../src/cli/log/log-command.ts'
import { encodeMetadataRecord } from '../../../src/cluster/metadata-records.ts'
import { encodeGroupRecord } from '../../../src/group/group-records.ts'
import type { Files } from '../../../src/io/files.ts'
import { memoryFiles } from '../../../src/io/memory-files.ts'
import { crc32c } from '../../../src/record/crc32c.ts'
import { endTxnMarker } from '../../../src/record/control.ts'
import { buildBatch, type NewRecord } from '../../../src/record/records.ts'
import { flipBit, openOrders, putContent } from '../../storage/local/directory.ts'
import { fileOf, folder, linesOf, printing, tripleOf, writtenLog } from './tool.ts'

async function inspect(
  files: Files,
  path: string,
  flags: InspectFlags
): Promise<readonly string[]> {
  const outside = printing(files)
  expect(await inspectCommand(path, flags, outside)).toBe(exitCodes.stopped)
  return linesOf(outside)
}

/** A segment on its own, as it may come from anywhere. */
function segmentOf(topic: string, ...batches: readonly Buffer[]): Files {
  const files = memoryFiles()
  files.makeDirectory(`/kafka/${topic}-0`)
  putContent(files, `/kafka/${topic}-0/${'0'.repeat(20)}.log`, Buffer.concat(batches))
  return files
}

async function recordsOf(
  topic: string,
  ...batches: readonly Buffer[]
): Promise<readonly unknown[]> {
  const files = segmentOf(topic, ...batches)
  const lines = await inspect(files, `/kafka/${topic}-0`, { json: true, records: true })
  return lines.map((line): unknown => JSON.parse(line))
}

describe('odradek log inspect', () => {
  test('shows a data directory, a partition and a segment in lines of 100 columns', async () => {
    const { files } = await writtenLog()
    for (const path of ['/data', folder, fileOf(9, '.log')]) {
      for (const records of [false, true]) {
        const lines = await inspect(files, path, { records })
        expect(lines.filter(line => line.length > 100)).toEqual([])
      }
    }
    expect(await inspect(files, '/data', {})).toContainEqual(
      expect.stringMatching(/^orders-0 +4 +\d+ 0 to 29 +10 +0$/)
    )
    const partition = await inspect(files, folder, {})
    expect(partition).toContain('durable to offset 30, log start 0')
    expect(partition).toContain('leader epochs: 0 from 0, 1 from 18')
    expect(partition.filter(line => line.startsWith('27-29'))).toHaveLength(1)
    const segment = await inspect(files, fileOf(18, '.log'), {})
    expect(segment).toContain('journal: leader epoch 1 from 18')
    expect(segment.some(line => line.startsWith('27-29'))).toBe(false)
  })

  test('says everything of a partition in one JSON document', async () => {
    const { files } = await writtenLog()
    const [line, ...others] = await inspect(files, folder, { json: true })
    expect(others).toEqual([])
    const document: { partitions: { segments: { batches: unknown[] }[] }[] } = JSON.parse(line!)
    expect(document).toMatchObject({
      path: folder,
      kind: 'partition',
      clusterId: 'test-cluster',
      nodeId: 7,
      cleanShutdown: true,
      partitions: [
        {
          topic: 'orders',
          partition: 0,
          topicId: 'dG9waWMtaWQtMTIzNDU2Nw',
          leaderEpochCheckpoint: [
            { leaderEpoch: 0, startOffset: 0 },
            { leaderEpoch: 1, startOffset: 18 }
          ],
          producerSnapshots: [],
          segments: [
            {
              file: fileOf(0, '.log'),
              baseOffset: 0,
              sidecar: { identity: { partition: 0, baseOffset: 0 }, damaged: [] },
              endOffset: 9,
              batchCount: 3,
              recordCount: 9,
              damage: []
            },
            { baseOffset: 9 },
            { baseOffset: 18 },
            { baseOffset: 27 }
          ]
        }
      ]
    })
    const { bytes } = tripleOf(3)
    expect(document.partitions[0]!.segments[0]!.batches[1]).toEqual({
      baseOffset: 3,
      lastOffset: 5,
      position: bytes.length,
      size: bytes.length,
      recordCount: 3,
      compression: 'none',
      partitionLeaderEpoch: 0,
      producerId: -1,
      producerEpoch: -1,
      baseSequence: -1,
      lastSequence: -1,
      timestampType: 'CreateTime',
      baseTimestampMs: 1_700_000_003_000,
      maxTimestampMs: 1_700_000_003_002,
      isTransactional: false,
      isControl: false,
      deleteHorizonMs: null,
      crc: bytes.readUInt32BE(17),
      crcHolds: true
    })
  })

  test('shows the records from an offset up to another, exclusive', async () => {
    const { files } = await writtenLog()
    const flags = { json: true, records: true, from: '7', to: '11' }
    const lines = await inspect(files, '/data', flags)
    const found = lines.map((line): unknown => JSON.parse(line))
    expect(found).toMatchObject([7, 8, 9, 10].map(offset => ({ offset })))
    const outside = printing(files)
    expect(await inspectCommand('/data', { from: 'x' }, outside)).toBe(exitCodes.usage)
  })

  test('shows damage where sound batches should be, and what is behind it', async () => {
    const { files } = await writtenLog()
    flipBit(files, fileOf(9, '.log'), 80)
    const size = tripleOf(9).bytes.length
    expect(await inspect(files, folder, {})).toContain(
      `! offsets 9-11 bytes 0-${size} CRC: the bytes are not those that were written`
    )
    const lines = await inspect(files, folder, { json: true, records: true })
    expect(lines).toHaveLength(28)
    expect(lines.map((line): unknown => JSON.parse(line))).toContainEqual({
      topic: 'orders',
      partition: 0,
      damage: { fault: 'CRC', fromPosition: 0, toPosition: size, fromOffset: 9, toOffset: 12 }
    })
  })

  test('shows what is not UTF-8 as base64, nothing as null, and headers in their order', async () => {
    const records: readonly NewRecord[] = [
      {
        key: null,
        value: Buffer.from([0xff, 0x00]),
        timestampMs: 5,
        headers: [
          { key: 'a', value: Buffer.from('ä') },
          { key: 'a', value: null }
        ]
      },
      { key: Buffer.from(''), value: null }
    ]
    expect(await recordsOf('t', buildBatch({ records, baseOffset: 7 }))).toEqual([
      {
        topic: 't',
        partition: 0,
        offset: 7,
        timestampMs: 5,
        key: null,
        value: { base64: '/wA=' },
        headers: [
          { key: 'a', value: 'ä' },
          { key: 'a', value: null }
        ]
      },
      { topic: 't', partition: 0, offset: 8, timestampMs: -1, key: '', value: null, headers: [] }
    ])
  })

  test('names control records', async () => {
    const marker = endTxnMarker({
      result: 'abort',
      coordinatorEpoch: 3,
      producerId: 4,
      producerEpoch: 5,
      timestampMs: 6
    })
    expect(await recordsOf('t', marker)).toMatchObject([{ offset: 0, control: 'abort' }])
  })

  test('says what the records of __consumer_offsets mean', async () => {
    const offset = {
      offset: 42n,
      leaderEpoch: -1,
      metadata: 'm',
      commitTimestampMs: 1000,
      expireTimestampMs: null,
      topicId: 'AAAAAAAAAAAAAAAAAAAAAA'
    }
    const key = { type: 'offset', groupId: 'g', topic: 'orders', partition: 3 } as const
    const records = [
      encodeGroupRecord({ ...key, value: offset }),
      encodeGroupRecord({ ...key, value: null }),
      { key: Buffer.from([0, 99]), value: Buffer.from('later') }
    ]
    const shown = await recordsOf('__consumer_offsets', buildBatch({ records }))
    const named = { group: 'g', topic: 'orders', partition: 3 }
    expect(shown).toMatchObject([
      { decoded: { type: 'OffsetCommit', key: named, value: { offset: 42, metadata: 'm' } } },
      { decoded: { type: 'OffsetCommit', key: named, value: null } },
      { value: 'later' }
    ])
    expect(shown[2]).not.toHaveProperty('decoded')
  })

  test('says what the records of __cluster_metadata mean', async () => {
    const value = encodeMetadataRecord({
      type: 'TopicRecord',
      name: 'orders',
      topicId: 'dG9waWMtaWQtMTIzNDU2Nw'
    })
    expect(
      await recordsOf('__cluster_metadata', buildBatch({ records: [{ key: null, value }] }))
    ).toMatchObject([{ decoded: { type: 'TopicRecord', value: { name: 'orders' } } }])
  })

  test('works while the log is in use', async () => {
    const directory = await writtenLog()
    const { directory: opened, log } = await openOrders(directory)
    await log.append(1, 30, [tripleOf(30)])
    const lines = await inspect(directory.files, folder, {})
    expect(lines).toContainEqual(expect.stringMatching(/^not shut down in order, or in use/))
    expect(lines.filter(line => line.startsWith('30-32'))).toHaveLength(1)
    await opened.close()
  })

  test('shows producer snapshots and aborted transactions in Kafka’s formats', async () => {
    const { files } = await writtenLog()
    const snapshot = Buffer.alloc(56)
    snapshot.writeInt16BE(1, 0)
    snapshot.writeInt32BE(1, 6)
    snapshot.writeBigInt64BE(7n, 10)
    snapshot.writeInt16BE(1, 18)
    snapshot.writeBigInt64BE(12n, 48)
    snapshot.writeUInt32BE(crc32c(snapshot, 6, 56), 2)
    putContent(files, fileOf(30, '.snapshot'), snapshot)
    const aborted = Buffer.alloc(34)
    for (const [at, value] of [
      [2, 7n],
      [10, 3n],
      [18, 9n],
      [26, 3n]
    ] as const) {
      aborted.writeBigInt64BE(value, at)
    }
    putContent(files, fileOf(0, '.txnindex'), aborted)
    const [line] = await inspect(files, folder, { json: true })
    expect(JSON.parse(line!)).toMatchObject({
      partitions: [
        {
          producerSnapshots: [
            {
              fault: null,
              producers: [{ producerId: 7, producerEpoch: 1, currentTxnFirstOffset: 12 }]
            }
          ],
          segments: [
            {
              abortedTransactions: [
                { producerId: 7, firstOffset: 3, lastOffset: 9, lastStableOffset: 3 }
              ]
            },
            {},
            {},
            {}
          ]
        }
      ]
    })
  })
})
