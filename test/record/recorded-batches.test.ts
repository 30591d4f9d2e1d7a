import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { MiB } from '../../src/base/sizes.ts'
import * as batch from '../../src/record/batch.ts'
import { decompress } from '../../src/record/compression.ts'
import { readRecords } from '../../src/record/records.ts'
import { validateProduced, type BatchRules } from '../../src/record/validate.ts'
import { walkFrames } from '../../src/record/zstd.ts'
import { recordedValues, type Recording } from './recorded-values.ts'

// What scripts/record-batches.ts has recorded: how others pack the same records.

const folder = fileURLToPath(new URL('../golden/batches', import.meta.url))

function recordings(file: string): readonly Recording[] {
  return readFileSync(join(folder, file), 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map((line): Recording => JSON.parse(line))
}

const rules: BatchRules = {
  maxMessageBytes: MiB,
  compactedTopic: false,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: 2 ** 63,
  timestampAfterMaxMs: 2 ** 63,
  produceVersion: 9,
  nowMs: 1_700_000_000_000
}

function valuesOf(bytes: Buffer): readonly (string | undefined)[] {
  const read = readRecords(bytes, 0)
  if (!read.ok) throw new Error(`${read.error}: ${read.detail}`)
  return [...read.value].map(({ value }) => value?.toString())
}

const clients = readdirSync(folder).filter(file => file !== 'commands.jsonl')
const batches = clients.flatMap(recordings)

test('there is a batch of every client with every codec, small and large', () => {
  const kinds = new Set(batches.map(({ by, codec, count }) => `${by}, ${codec}, ${count}`))
  expect(kinds.size).toBe(clients.length * 4 * 2)
  expect(clients.length).toBeGreaterThan(1)
})

describe.each(batches)('$count records of $by in $codec', ({ codec, count, base64 }) => {
  const bytes = Buffer.from(base64, 'base64')

  test('are read, and stored as they are', () => {
    expect(batch.compression(bytes, 0)).toBe(codec)
    expect(valuesOf(bytes)).toEqual(recordedValues(count))
    const validation = validateProduced(Buffer.from(bytes), rules)
    if (!validation.ok) throw new Error(`${validation.error}: ${validation.detail}`)
    expect(validation.value.bytes.equals(bytes)).toBe(true)
  })

  test.each(['gzip', 'snappy', 'lz4', 'zstd', 'uncompressed'])('are packed anew as %s', wanted => {
    const validation = validateProduced(Buffer.from(bytes), { ...rules, compressionType: wanted })
    if (!validation.ok) throw new Error(`${validation.error}: ${validation.detail}`)
    const repacked = validation.value.bytes
    expect(batch.compression(repacked, 0)).toBe(wanted === 'uncompressed' ? 'none' : wanted)
    expect(valuesOf(repacked)).toEqual(recordedValues(count))
  })
})

test('zstd of the Java client is streamed: only its blocks tell how much there is', () => {
  const streamed = batches.filter(({ by, codec }) => by.startsWith('Java') && codec === 'zstd')
  expect(streamed.length).toBeGreaterThan(0)
  for (const { base64 } of streamed) {
    const records = Buffer.from(base64, 'base64').subarray(batch.batchHeaderSize)
    const walked = walkFrames(records)
    if (!walked.ok) throw new Error(walked.error)
    expect(walked.value.sizeAtMost).toBeGreaterThan(walked.value.sizeAtLeast)
  }
})

test.each(recordings('commands.jsonl'))('a frame of "$by" is unpacked', recording => {
  const { codec, count, base64 } = recording
  const plain = recordedValues(count).join('')
  const frame = Buffer.from(base64, 'base64')
  for (const times of [1, 2]) {
    const frames = Buffer.concat(Array<Buffer>(times).fill(frame))
    const unpacked = decompress(codec, frames, times * plain.length)
    if (!unpacked.ok) throw new Error(`${unpacked.error}: ${unpacked.detail}`)
    expect(unpacked.value.toString() === plain.repeat(times)).toBe(true)
    expect(decompress(codec, frames, times * plain.length - 1)).toMatchObject({
      error: 'MESSAGE_TOO_LARGE'
    })
  }
})
