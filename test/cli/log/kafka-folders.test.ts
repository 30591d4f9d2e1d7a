import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { exitCodes } from '../../../src/cli/exit-codes.ts'
import { inspectCommand, verifyCommand } from '../../../src/cli/log/log-command.ts'
import { nodeFiles } from '../../../src/io/node-files.ts'
import { compressions } from '../../../src/record/batch.ts'
import { linesOf, printing } from './tool.ts'

// Folders as Apache Kafka 4.4.0 left them; scripts/oracle/record-log.ts records them again.

const golden = fileURLToPath(new URL('../../golden/kafka-4.4.0-logs/', import.meta.url))

async function records(folder: string): Promise<readonly unknown[]> {
  const outside = printing(nodeFiles())
  const flags = { json: true, records: true }
  expect(await inspectCommand(join(golden, folder), flags, outside)).toBe(exitCodes.stopped)
  return linesOf(outside).map((line): unknown => JSON.parse(line))
}

describe('a folder that Apache Kafka wrote', () => {
  test('is sound to verify: batches, indexes, snapshots, whether compacted or not', async () => {
    for (const folder of readdirSync(golden)) {
      const outside = printing(nodeFiles())
      const code = await verifyCommand(join(golden, folder), {}, outside)
      expect([folder, code, linesOf(outside)]).toEqual([
        folder,
        exitCodes.stopped,
        [expect.stringMatching(/^1 partition, .* bytes: sound$/)]
      ])
    }
  })

  test('shows the records of every codec', async () => {
    const shown = await records('recorded-0')
    expect(shown).toHaveLength(24)
    for (const [index, codec] of compressions.entries()) {
      for (let record = 0; record < 3; record++) {
        expect(shown[index * 3 + record]).toMatchObject({
          topic: 'recorded',
          partition: 0,
          offset: index * 3 + record,
          key: `${codec} ${record}`,
          value: `value ${record}`,
          headers: [{ key: 'codec', value: codec }]
        })
      }
    }
  })

  test('shows transactions: their markers, their producer, and the one that was aborted', async () => {
    const shown = await records('recorded-0')
    expect(shown[17]).toMatchObject({ control: 'commit' })
    expect(shown[20]).toMatchObject({ control: 'abort' })
    const outside = printing(nodeFiles())
    await inspectCommand(join(golden, 'recorded-0'), { json: true }, outside)
    const document: unknown = JSON.parse(outside.printed.join(''))
    expect(document).toMatchObject({
      partitions: [
        {
          producerSnapshots: [
            {
              fault: null,
              producers: [
                { producerId: 0, producerEpoch: 0, lastSequence: 2, lastOffset: 2 },
                { producerId: 1 },
                { producerId: 2 },
                { producerId: 3 },
                { producerId: 4, lastOffset: 14 },
                { producerId: 5, producerEpoch: 3, currentTxnFirstOffset: -1 }
              ]
            }
          ],
          segments: [
            {
              sidecar: null,
              damage: [],
              abortedTransactions: [{ producerId: 5, firstOffset: 18, lastOffset: 20 }]
            }
          ]
        }
      ]
    })
  })

  test('shows what compaction has left, at its offsets', async () => {
    const shown = await records('compacted-0')
    expect(shown).toMatchObject(
      [0, 5, 10, 15, 16, 17, 18, 19].map((offset, index) => ({ offset, key: `key ${index}` }))
    )
  })

  test('is damaged when a bit of a batch or of an index is turned over', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'odradek-kafka-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    for (const [suffix, position] of [
      ['.log', 300],
      ['.index', 11],
      ['.timeindex', 7]
    ] as const) {
      cpSync(join(golden, 'recorded-0'), join(folder, 'recorded-0'), { recursive: true })
      const path = join(folder, 'recorded-0', `${'0'.repeat(20)}${suffix}`)
      const bytes = readFileSync(path)
      bytes[position]! ^= 1
      writeFileSync(path, bytes)
      const outside = printing(nodeFiles())
      const code = await verifyCommand(join(folder, 'recorded-0'), {}, outside)
      expect([suffix, code]).toEqual([suffix, exitCodes.damaged])
    }
  })
})
