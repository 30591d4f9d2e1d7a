import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { ApiName } from '../../src/wire/generated/api-table.ts'
import { apiByKey, apis } from '../../src/wire/generated/api-table.ts'
import {
  decodeResponse,
  encodeRequest,
  encodeResponse,
  readRequestHeader
} from '../../src/wire/header.ts'
import { Reader } from '../../src/wire/reader.ts'

// Frames that real clients and Apache Kafka sent to each other, recorded: we must understand every
// byte of them and would have sent the same ones.

interface GoldenFrame {
  readonly direction: 'request' | 'response'
  readonly apiKey: number
  readonly apiVersion: number
  readonly hex: string
}

const folder = fileURLToPath(new URL('../golden/frames', import.meta.url))

interface Recording {
  readonly name: string
  readonly frames: readonly GoldenFrame[]
}

const recordings: Recording[] = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.jsonl'))
  .sort()
  .map(name => ({
    name: name.replaceAll('\\', '/'),
    frames: readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter(line => line !== '')
      .map((line): GoldenFrame => JSON.parse(line))
  }))

test('frames of real clients are on record, in both directions', () => {
  const frames = recordings.flatMap(recording => recording.frames)
  expect(frames.filter(frame => frame.direction === 'request').length).toBeGreaterThan(0)
  expect(frames.filter(frame => frame.direction === 'response').length).toBeGreaterThan(0)
})

test.each(recordings)('$name decodes to the last byte and encodes to the same bytes', recording => {
  expect(recording.frames.length).toBeGreaterThan(0)
  for (const [index, golden] of recording.frames.entries()) {
    const apiName = apiByKey.get(golden.apiKey)
    expect(apiName, `API key ${golden.apiKey}, line ${index + 1}`).toBeDefined()
    const frame = Buffer.from(golden.hex, 'hex')
    if (golden.apiVersion > apis[apiName!].maxVersion) {
      expectNewerApiVersions(golden, frame)
      continue
    }
    const again =
      golden.direction === 'request'
        ? requestAgain(apiName!, golden.apiVersion, frame)
        : responseAgain(apiName!, golden.apiVersion, frame)
    const what = `${apiName} v${golden.apiVersion} ${golden.direction}, line ${index + 1}`
    expect(again.toString('hex'), what).toBe(golden.hex)
  }
})

/**
 * Brokers of a later Kafka ask in a version that we do not have: only the header can be understood
 * (KIP-511).
 */
function expectNewerApiVersions(golden: GoldenFrame, frame: Buffer): void {
  expect(apiByKey.get(golden.apiKey)).toBe('ApiVersions')
  if (golden.direction === 'response') return
  const header = readRequestHeader(new Reader(frame))
  expect(header.apiVersion).toBe(golden.apiVersion)
  expect(header.clientId).not.toBeNull()
}

function requestAgain(apiName: ApiName, version: number, frame: Buffer): Buffer {
  const reader = new Reader(frame)
  const header = readRequestHeader(reader)
  expect(header.apiKey).toBe(apis[apiName].key)
  expect(header.apiVersion).toBe(version)
  const request = apis[apiName].readRequest(reader, version)
  reader.expectEnd()
  const { correlationId, clientId } = header
  return withoutSize(encodeRequest(apiName, version, correlationId, clientId, request))
}

function responseAgain(apiName: ApiName, version: number, frame: Buffer): Buffer {
  const { correlationId, response } = decodeResponse(apiName, version, frame)
  return withoutSize(encodeResponse(apiName, version, correlationId, response))
}

function withoutSize(chunks: Buffer[]): Buffer {
  const frame = Buffer.concat(chunks)
  expect(frame.readInt32BE(0)).toBe(frame.length - 4)
  return frame.subarray(4)
}
