import { expect, test } from 'vitest'
import type { ApiName } from '../../src/wire/generated/api-table.ts'
import { apiByKey, apis } from '../../src/wire/generated/api-table.ts'
import {
  decodeResponse,
  encodeRequest,
  encodeResponse,
  readRequestHeader
} from '../../src/wire/header.ts'
import { MalformedRequest } from '../../src/wire/malformed-request.ts'
import { Reader } from '../../src/wire/reader.ts'
import { Writer } from '../../src/wire/writer.ts'

/** Bytes, written as hexadecimal digits with spaces between the fields. */
function bytesOf(fields: string): Buffer {
  return Buffer.from(fields.replaceAll(' ', ''), 'hex')
}

function headerOf(fields: string): {
  reader: Reader
  header: ReturnType<typeof readRequestHeader>
} {
  const reader = new Reader(bytesOf(fields))
  return { reader, header: readRequestHeader(reader) }
}

test('a header of an inflexible version has no tagged fields', () => {
  const { reader, header } = headerOf('0000 0008 00000007 000161 aa')
  expect(header).toEqual({ apiKey: 0, apiVersion: 8, correlationId: 7, clientId: 'a' })
  expect(reader.remaining).toBe(1)
})

test('a flexible header ends with tagged fields, behind an inflexible client id', () => {
  const { reader, header } = headerOf('0000 0009 00000007 ffff 01 0002beef aa')
  expect(header).toEqual({ apiKey: 0, apiVersion: 9, correlationId: 7, clientId: null })
  expect(reader.remaining).toBe(1)
})

test('ApiVersions of a version to come is read as a flexible header (KIP-511)', () => {
  const { reader, header } = headerOf('0012 0063 00000001 000161 00 deadbeef')
  expect(header).toEqual({ apiKey: 18, apiVersion: 99, correlationId: 1, clientId: 'a' })
  expect(reader.remaining).toBe(4)
})

test('an unknown key is read as far as all versions agree', () => {
  const { header } = headerOf('03e7 0000 00000001 000161 ff')
  expect(header).toEqual({ apiKey: 999, apiVersion: 0, correlationId: 1, clientId: 'a' })
  expect(apiByKey.get(999)).toBeUndefined()
})

test('a header that is cut short is malformed', () => {
  const header = bytesOf('00000009000000070001610102 02beef')
  for (let size = 0; size < header.length; size++) {
    const reader = new Reader(header, 0, size)
    expect(() => readRequestHeader(reader), String(size)).toThrow(MalformedRequest)
  }
})

test('a flexible response header has tagged fields, but not that of ApiVersions', () => {
  expect(Buffer.concat(encodeResponse('Heartbeat', 3, 7, { errorCode: 27 }))).toEqual(
    bytesOf('0000000a 00000007 00000000 001b')
  )
  expect(Buffer.concat(encodeResponse('Heartbeat', 4, 7, { errorCode: 27 }))).toEqual(
    bytesOf('0000000c 00000007 00 00000000 001b 00')
  )
  expect(Buffer.concat(encodeResponse('ApiVersions', 3, 7, { errorCode: 0, apiKeys: [] }))).toEqual(
    bytesOf('0000000c 00000007 0000 01 00000000 00')
  )
})

test('requests and responses survive the way through a frame', () => {
  const writer = new Writer()
  const topics = [{ name: 'a', partitions: [{ partitionIndex: 0 }] }]
  for (let version = 1; version <= 10; version++) {
    const request = { groupId: 'g', topics: [] }
    const frame = Buffer.concat(encodeRequest('OffsetCommit', version, 5, 'me', request, writer))
    const reader = new Reader(frame, 4)
    expect(readRequestHeader(reader)).toEqual({
      apiKey: 8,
      apiVersion: version,
      correlationId: 5,
      clientId: 'me'
    })
    expect(apis.OffsetCommit.readRequest(reader, version).groupId).toBe('g')
    reader.expectEnd()
    const response = { topics: topics.map(topic => ({ ...topic, partitions: [] })) }
    const answer = Buffer.concat(encodeResponse('OffsetCommit', version, 5, response, writer))
    const decoded = decodeResponse('OffsetCommit', version, answer.subarray(4))
    expect(decoded.correlationId).toBe(5)
    expect(decoded.response.topics[0]!.name).toBe(version < 10 ? 'a' : '')
    expect(() => decodeResponse('OffsetCommit', version, answer.subarray(5))).toThrow(
      MalformedRequest
    )
  }
})

test('the table names every API by its key, and offers no version that it cannot read', () => {
  const names = Object.keys(apis)
  expect(names.length).toBe(77)
  expect(apiByKey.size).toBe(77)
  for (const [key, name] of apiByKey) {
    const api = apis[name]
    expect([api.key, api.name]).toEqual([key, name satisfies ApiName])
    if (api.advertised === null) continue
    expect(api.acceptedMin).toBeGreaterThanOrEqual(api.minVersion)
    expect(api.advertised.max).toBeLessThanOrEqual(api.maxVersion)
    expect(api.advertised.min).toBeLessThanOrEqual(api.acceptedMin)
  }
})

test('only Produce advertises versions that it does not accept', () => {
  const untrue = [...apiByKey.values()].filter(name => {
    const { advertised, acceptedMin } = apis[name]
    return advertised !== null && advertised.min < acceptedMin
  })
  expect(untrue).toEqual(['Produce'])
  expect(apis.Produce.advertised).toEqual({ min: 0, max: 13 })
  expect(apis.Produce.acceptedMin).toBe(3)
})
