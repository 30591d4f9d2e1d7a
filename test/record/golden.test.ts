import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import * as batch from '../../src/record/batch.ts'
import { readEndTxnMarker } from '../../src/record/control.ts'
import { readRecords } from '../../src/record/records.ts'
import { validateProduced, type BatchRules } from '../../src/record/validate.ts'
import { readCreateTopicsRequest } from '../../src/wire/generated/create-topics.ts'
import { errorName } from '../../src/wire/generated/errors.ts'
import { readProduceRequest } from '../../src/wire/generated/produce.ts'
import { decodeResponse, readRequestHeader } from '../../src/wire/header.ts'
import { Reader } from '../../src/wire/reader.ts'

// What real clients sent to Apache Kafka, what Kafka answered, and the bytes that it kept and sent
// to consumers: we must judge every batch as Kafka did, and keep the same bytes.

interface Frame {
  readonly direction: 'request' | 'response'
  readonly apiKey: number
  readonly apiVersion: number
  readonly hex: string
}

interface Produced {
  readonly where: string
  readonly records: Buffer
  readonly produceVersion: number
  readonly topicConfigs: ReadonlyMap<string, string | null>
  /** What Kafka answered; null for acks=0. */
  readonly error: string | null
}

const folder = fileURLToPath(new URL('../golden/frames', import.meta.url))

function recording(name: string): readonly Frame[] {
  return readFileSync(join(folder, name), 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map((line): Frame => JSON.parse(line))
}

function producedIn(name: string): readonly Produced[] {
  const produced: Produced[] = []
  const configs = new Map<string, ReadonlyMap<string, string | null>>()
  const frames = recording(name)
  for (const [index, frame] of frames.entries()) {
    if (frame.direction !== 'request') continue
    const reader = new Reader(Buffer.from(frame.hex, 'hex'))
    if (frame.apiKey === 19) {
      const { apiVersion } = readRequestHeader(reader)
      for (const topic of readCreateTopicsRequest(reader, apiVersion).topics)
        configs.set(topic.name, new Map(topic.configs.map(each => [each.name, each.value])))
    }
    if (frame.apiKey !== 0) continue
    const errors = produceErrors(frames[index + 1])
    const { apiVersion } = readRequestHeader(reader)
    for (const { name: topic, partitionData } of readProduceRequest(reader, apiVersion).topicData) {
      for (const { index: partition, records } of partitionData) {
        produced.push({
          where: `${name}, line ${index + 1}, ${topic}-${partition}`,
          records: records ?? Buffer.alloc(0),
          produceVersion: apiVersion,
          topicConfigs: configs.get(topic) ?? new Map<string, string>(),
          error: errors.get(`${topic}-${partition}`) ?? null
        })
      }
    }
  }
  return produced
}

function produceErrors(frame: Frame | undefined): ReadonlyMap<string, string> {
  const errors = new Map<string, string>()
  if (frame?.direction !== 'response' || frame.apiKey !== 0) return errors
  const bytes = Buffer.from(frame.hex, 'hex')
  const { response } = decodeResponse('Produce', frame.apiVersion, bytes)
  for (const { name, partitionResponses } of response.responses)
    for (const { index, errorCode } of partitionResponses)
      errors.set(`${name}-${index}`, errorName(errorCode) ?? `${errorCode}`)
  return errors
}

function fetchedIn(name: string): readonly Buffer[] {
  const batches: Buffer[] = []
  for (const frame of recording(name)) {
    if (frame.direction !== 'response' || frame.apiKey !== 1) continue
    const bytes = Buffer.from(frame.hex, 'hex')
    const { response } = decodeResponse('Fetch', frame.apiVersion, bytes)
    for (const { partitions } of response.responses) {
      for (const { records } of partitions) {
        const all = Array.isArray(records) ? Buffer.concat(records) : records
        if (!Buffer.isBuffer(all)) continue
        for (const at of batch.batchPositions(all))
          batches.push(all.subarray(at, at + batch.batchSize(all, at)))
      }
    }
  }
  return batches
}

function rulesFor({ topicConfigs, produceVersion }: Produced): BatchRules {
  return {
    maxMessageBytes: Number(topicConfigs.get('max.message.bytes') ?? 1_048_588),
    compactedTopic: topicConfigs.get('cleanup.policy') === 'compact',
    timestampType: 'CreateTime',
    timestampBeforeMaxMs: 2 ** 63,
    timestampAfterMaxMs: 3_600_000,
    produceVersion,
    // The recording does not say when it was made; it was no later than in the year 2096.
    nowMs: 4_000_000_000_000
  }
}

const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.jsonl'))
  .map(name => name.replaceAll('\\', '/'))
  .sort()
const produced = names.flatMap(producedIn)
const fetched = names.flatMap(fetchedIn)

describe('what clients produced', () => {
  test('is judged as Kafka judged it', () => {
    const seen = new Set<string>()
    for (const each of produced) {
      const validation = validateProduced(Buffer.from(each.records), rulesFor(each))
      const verdict = validation.ok ? 'NONE' : validation.error
      if (each.error !== null) expect(verdict, each.where).toBe(each.error)
      seen.add(verdict)
    }
    expect([...seen].sort()).toEqual(['INVALID_RECORD', 'MESSAGE_TOO_LARGE', 'NONE'])
  })

  test('has every codec, and a header that Kafka had to put right', () => {
    const codecs = new Set(produced.map(({ records }) => batch.compression(records, 0)))
    for (const codec of ['none', 'gzip', 'snappy', 'lz4'] as const) expect(codecs).toContain(codec)
    const wrong = produced.filter(each => {
      const records = Buffer.from(each.records)
      validateProduced(records, rulesFor(each))
      return !records.equals(each.records)
    })
    expect(wrong.length).toBeGreaterThan(0)
  })
})

describe('what Kafka kept', () => {
  test('is a batch with a right checksum, whose records can be read', () => {
    expect(fetched.length).toBeGreaterThan(10)
    for (const bytes of fetched) {
      expect(batch.storedCrc(bytes, 0)).toBe(batch.computeCrc(bytes, 0))
      const codec = batch.compression(bytes, 0)
      const read = readRecords(bytes, 0)
      if (!read.ok) throw new Error(`${codec}: ${read.error}`)
      expect([...read.value]).toHaveLength(batch.recordCount(bytes, 0))
    }
  })

  test('are markers that say how transactions ended', () => {
    const markers = fetched.filter(bytes => batch.isControl(bytes, 0))
    const results = markers.map(bytes => {
      const marker = readEndTxnMarker(bytes, 0)
      return marker.ok ? marker.value?.result : marker.error
    })
    expect(new Set(results)).toEqual(new Set(['commit', 'abort']))
  })

  test('is what we would have kept of the same batch, byte by byte', () => {
    const ours = new Map<string, Buffer>()
    for (const each of produced) {
      const validation = validateProduced(Buffer.from(each.records), rulesFor(each))
      if (!validation.ok) continue
      const { bytes } = validation.value
      // The checksum tells batches apart, and covers the timestamps that were put right.
      ours.set(`${batch.storedCrc(bytes, 0)}`, bytes)
    }
    let found = 0
    for (const theirs of fetched) {
      const own = ours.get(`${batch.storedCrc(theirs, 0)}`)
      if (own === undefined) continue
      found++
      const epoch = batch.partitionLeaderEpoch(theirs, 0)
      batch.stampOffsets(own, 0, batch.baseOffset(theirs, 0), epoch)
      expect(own.equals(theirs)).toBe(true)
    }
    expect(found).toBeGreaterThan(10)
  })
})
