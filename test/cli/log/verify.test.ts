import { describe, expect, test } from 'vitest'
import { exitCodes } from '../../../src/cli/exit-codes.ts'
import { verifyCommand } from '../../../src/cli/log/log-command.ts'
import type { Finding } from '../../../src/cli/log/findings.ts'
import type { Files } from '../../../src/io/files.ts'
import { memoryFiles } from '../../../src/io/memory-files.ts'
import { SavedChecksum, savedLine } from '../../../src/storage/local/saved-bytes.ts'
import { encodeProducerSnapshot } from '../../../src/storage/producer-snapshot.ts'
import {
  contentOf,
  crashable,
  flipBit,
  openOrders,
  putContent,
  testDirectory
} from '../../storage/local/directory.ts'
import { sparseConfigs, swapBegun, tableFile } from '../../storage/local/sparse-directory.ts'
import { fileOf, folder, linesOf, printing, writtenLog } from './tool.ts'

interface Verified {
  readonly code: number
  readonly findings: readonly Finding[]
  readonly totals: unknown
}

async function verify(files: Files, path = '/data'): Promise<Verified> {
  const outside = printing(files)
  const code = await verifyCommand(path, { json: true }, outside)
  const lines = linesOf(outside).map((line): Finding => JSON.parse(line))
  return { code, findings: lines.slice(0, -1), totals: lines.at(-1) }
}

describe('odradek log verify', () => {
  test('ends with 0 and one line of figures for a sound log', async () => {
    const { files } = await writtenLog()
    const outside = printing(files)
    expect(await verifyCommand('/data', {}, outside)).toBe(exitCodes.stopped)
    const bytes = [0, 9, 18, 27].map(offset => contentOf(files, fileOf(offset, '.log')).length)
    const total = bytes.reduce((sum, size) => sum + size)
    expect(outside.printed.join('')).toBe(
      `1 partition, 4 segments, 10 batches, 30 records, ${total} bytes: sound\n`
    )
  })

  test('finds every flipped bit of the batches, and names the offsets and bytes around it', async () => {
    const { files } = await writtenLog()
    const path = fileOf(18, '.log')
    const batchSize = contentOf(files, path).length / 3
    for (let position = 0; position < 3 * batchSize; position += 7) {
      flipBit(files, path, position, position % 8)
      const { code, findings } = await verify(files, folder)
      const batch = Math.floor(position / batchSize)
      expect([position, code]).toEqual([position, exitCodes.damaged])
      const around = findings.filter(
        found =>
          found.severity === 'damage' &&
          found.file === path &&
          found.fromPosition! <= position &&
          found.toPosition! > position &&
          found.fromOffset === 18 + 3 * batch &&
          found.toOffset === 21 + 3 * batch
      )
      expect([position, around.length]).toEqual([position, 1])
      flipBit(files, path, position, position % 8)
    }
    expect((await verify(files)).code).toBe(exitCodes.stopped)
  })

  test('knows the gaps of a compacted segment, and every bit of its table', async () => {
    const directory = testDirectory(crashable(memoryFiles()), '/data', 'fsync')
    await swapBegun(directory)
    await (await openOrders(directory, sparseConfigs)).directory.close()
    const { files } = directory
    expect((await verify(files)).findings).toEqual([])
    flipBit(files, fileOf(0, '.log'), 7, 1)
    expect((await verify(files)).code).toBe(exitCodes.damaged)
    flipBit(files, fileOf(0, '.log'), 7, 1)
    for (let at = 0; at < contentOf(files, tableFile).length; at += 3) {
      flipBit(files, tableFile, at, at % 8)
      const { findings } = await verify(files)
      expect([at, findings.map(({ fault }) => fault)]).toEqual([at, ['BATCH_TABLE']])
      flipBit(files, tableFile, at, at % 8)
    }
  })

  test('finds every flipped bit of the index files', async () => {
    const { files } = await writtenLog()
    for (const suffix of ['.index', '.timeindex']) {
      const path = fileOf(0, suffix)
      const size = contentOf(files, path).length
      expect(size).toBeGreaterThan(0)
      for (let position = 0; position < size; position++) {
        flipBit(files, path, position, position % 8)
        const { code, findings } = await verify(files)
        expect([path, position, code]).toEqual([path, position, exitCodes.damaged])
        expect(findings.every(({ severity }) => severity === 'derived')).toBe(true)
        flipBit(files, path, position, position % 8)
      }
    }
  })

  test('finds damage to a sidecar: identity, state and journal', async () => {
    const { files } = await writtenLog()
    const path = fileOf(9, '.odradek')
    for (const [position, part] of [
      [20, 'identity'],
      [520, 'state'],
      [1540, 'journal'],
      [300, 'padding']
    ] as const) {
      flipBit(files, path, position)
      const { code, findings } = await verify(files)
      expect(code).toBe(exitCodes.damaged)
      expect(findings[0]).toMatchObject({
        severity: 'derived',
        file: path,
        fault: 'SIDECAR',
        meaning: `its ${part} does not hold`
      })
      flipBit(files, path, position)
    }
    files.remove(path)
    expect((await verify(files)).findings[0]).toMatchObject({ file: path, fault: 'SIDECAR' })
  })

  test('says which records are missing when a segment is', async () => {
    const { files } = await writtenLog()
    files.remove(fileOf(9, '.log'))
    files.remove(fileOf(9, '.odradek'))
    const { findings } = await verify(files)
    expect(findings).toContainEqual(
      expect.objectContaining({
        severity: 'damage',
        fault: 'MISSING',
        file: fileOf(0, '.log'),
        fromOffset: 9,
        toOffset: 18
      })
    )
  })

  test('says which records are missing at the start and at the end', async () => {
    const { files } = await writtenLog()
    const size = contentOf(files, fileOf(27, '.log')).length
    putContent(files, fileOf(27, '.log'), Buffer.alloc(0))
    for (const suffix of ['.log', '.odradek']) files.remove(fileOf(0, suffix))
    const { findings } = await verify(files)
    const missing = findings.filter(({ fault }) => fault === 'MISSING')
    expect(missing.map(({ fromOffset, toOffset }) => [fromOffset, toOffset])).toEqual([
      [27, 30],
      [0, 9]
    ])
    expect(size).toBeGreaterThan(0)
  })

  test('takes what a crash left behind the durable end for what it is: a note', async () => {
    const { files } = await writtenLog(false)
    const path = fileOf(27, '.log')
    putContent(files, path, Buffer.concat([contentOf(files, path), Buffer.alloc(100, 7)]))
    const { code, findings } = await verify(files)
    expect(findings).toMatchObject([{ severity: 'note', fault: 'TAIL', fromOffset: 30 }])
    expect(code).toBe(exitCodes.stopped)
    files.open('/data/.kafka_cleanshutdown', 'create').close()
    expect((await verify(files)).code).toBe(exitCodes.damaged)
  })

  test('finds a segment of another partition', async () => {
    const { files } = await writtenLog()
    files.rename(folder, '/data/orders-1')
    const { findings } = await verify(files, '/data/orders-1')
    expect(findings.filter(({ fault }) => fault === 'FOREIGN')).toHaveLength(4)
  })

  test('finds checkpoints, metadata and snapshots that are no such thing', async () => {
    const { files } = await writtenLog()
    const damaged: readonly (readonly [path: string, fault: string])[] = [
      [`${folder}/leader-epoch-checkpoint`, 'CHECKPOINT'],
      [`${folder}/partition.metadata`, 'PARTITION_METADATA'],
      [fileOf(30, '.snapshot'), 'SNAPSHOT'],
      ['/data/recovery-point-offset-checkpoint', 'CHECKPOINT'],
      ['/data/meta.properties', 'DAMAGED']
    ]
    for (const [path, fault] of damaged) {
      const before = files.exists(path) ? contentOf(files, path) : null
      putContent(files, path, Buffer.from('odradek odradek\n'))
      const { code, findings } = await verify(files)
      expect([code, findings]).toMatchObject([exitCodes.damaged, [{ file: path, fault }]])
      if (before === null) files.remove(path)
      else putContent(files, path, before)
    }
  })

  test('holds checkpoints, which have no checksum, against the log', async () => {
    const { files } = await writtenLog()
    for (const path of [
      '/data/.kafka_cleanshutdown',
      '/data/log-start-offset-checkpoint',
      '/data/recovery-point-offset-checkpoint',
      `${folder}/leader-epoch-checkpoint`,
      `${folder}/partition.metadata`
    ]) {
      for (let position = 0; position < contentOf(files, path).length; position++) {
        flipBit(files, path, position, position % 7)
        const { findings } = await verify(files)
        expect([path, position, findings.filter(({ file }) => file === path).length]).not.toEqual([
          path,
          position,
          0
        ])
        expect(findings.filter(({ severity }) => severity === 'damage')).toEqual([])
        flipBit(files, path, position, position % 7)
      }
    }
  })

  test('after a crash takes leader epochs that are older than the log for no contradiction', async () => {
    const { files } = await writtenLog(false)
    const path = `${folder}/leader-epoch-checkpoint`
    for (const [text, isFine] of [
      ['0\n1\n0 0\n', true],
      ['0\n2\n0 0\n1 18\n', true],
      ['0\n2\n0 0\n1 19\n', false],
      ['0\n1\n1 18\n', false],
      ['0\n2\n0 0\n3 18\n', false]
    ] as const) {
      putContent(files, path, Buffer.from(text))
      const { findings } = await verify(files)
      expect([text, findings.length]).toEqual([text, isFine ? 0 : 1])
    }
  })

  test('looks at folders that were set aside, at what was kept, and names what it does not know', async () => {
    const { files } = await writtenLog()
    const stray = `/data/gone-0.${'0123456789abcdef'.repeat(2)}-stray`
    files.rename(folder, stray)
    files.remove('/data/recovery-point-offset-checkpoint')
    files.remove('/data/log-start-offset-checkpoint')
    const lost = '/data/lost-and-found'
    const checksum = new SavedChecksum()
    checksum.add(Buffer.alloc(5000, 7))
    const saved = checksum.nameOf(`${lost}/orders-0-3-1`)
    files.makeDirectory(lost)
    putContent(files, saved, Buffer.alloc(5000, 7))
    putContent(files, `${lost}/repairs.jsonl`, Buffer.from(savedLine('{"topic":"ö"}')))
    putContent(files, '/data/notes.txt', Buffer.from('mine'))
    putContent(files, `${stray}/notes.txt`, Buffer.from('mine'))
    const before = await verify(files)
    expect(before.code).toBe(exitCodes.stopped)
    expect(before.findings.map(({ severity, fault, file }) => [severity, fault, file])).toEqual([
      ['note', 'UNKNOWN', `${stray}/notes.txt`],
      ['note', 'STRAY', stray],
      ['note', 'UNKNOWN', '/data/notes.txt']
    ])
    for (const [path, fault] of [
      [`${stray}/${'0'.repeat(20)}.log`, 'CRC'],
      [saved, 'SAVED'],
      [`${lost}/repairs.jsonl`, 'SAVED']
    ] as const) {
      const position = contentOf(files, path).length - 5
      flipBit(files, path, position)
      const { code, findings } = await verify(files)
      expect(code).toBe(exitCodes.damaged)
      expect(findings).toContainEqual(
        expect.objectContaining({ severity: 'damage', file: path, fault })
      )
      flipBit(files, path, position)
    }
  })

  test('takes the producer snapshots of the broker, and finds a bit that turned over in one', async () => {
    const { files } = await writtenLog()
    const topicId = Buffer.alloc(16).toString('base64url')
    const producers = [
      {
        producerId: 7,
        producerEpoch: 0,
        coordinatorEpoch: -1,
        lastTimestampMs: 1,
        seenMs: 1,
        currentTxnFirstOffset: null,
        batches: []
      }
    ]
    const identity = { topicId, partition: 0, offset: 30 }
    const bytes = encodeProducerSnapshot(identity, { producers, aborted: [] })
    putContent(files, fileOf(30, '.snapshot'), bytes)
    expect(await verify(files)).toMatchObject({ code: exitCodes.stopped, findings: [] })
    flipBit(files, fileOf(30, '.snapshot'), bytes.length - 1)
    expect(await verify(files)).toMatchObject({ findings: [{ fault: 'SNAPSHOT' }] })
  })

  test('works on a log that is in use, and changes nothing', async () => {
    const directory = await writtenLog()
    const { directory: opened } = await openOrders(directory)
    const before = allContent(directory.files)
    expect(await verify(directory.files)).toMatchObject({ code: exitCodes.stopped, findings: [] })
    expect(allContent(directory.files)).toEqual(before)
    await opened.close()
  })

  test('refuses a path that is no log with 4, and says why', async () => {
    const { files } = await writtenLog()
    for (const path of ['/nowhere', '/data/meta.properties', '/']) {
      const outside = printing(files)
      expect([path, await verifyCommand(path, {}, outside)]).toEqual([
        path,
        exitCodes.dataDirectory
      ])
      expect(outside.errors.join('')).toMatch(/^odradek: \S+ is n/)
    }
  })
})

function allContent(files: Files): ReadonlyMap<string, string> {
  const content = new Map<string, string>()
  for (const path of ['/data', folder]) {
    for (const { name, kind } of files.list(path)) {
      if (kind === 'file') content.set(name, contentOf(files, `${path}/${name}`).toString('base64'))
    }
  }
  return content
}
