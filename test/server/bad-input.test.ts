import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Handler } from '../../src/handlers/handler.ts'
import { decodedElementsMax, requestSizeMax } from '../../src/limits.ts'
import { MalformedRequest } from '../../src/wire/malformed-request.ts'
import { frame, header, requestBytes } from './raw-client.ts'
import {
  emptyMetadataAnswer,
  heldAnswers,
  startTestServer,
  type TestServer
} from './test-server.ts'

const metadata: Handler<'Metadata'> = () => emptyMetadataAnswer

const start = (): Promise<TestServer> => startTestServer({ handlers: { Metadata: metadata } })

const sizeOnly = (size: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(size)
  return bytes
}

/** A Metadata v1 request that says it asks for `count` topics. */
const topicCount = (count: number): Buffer => {
  const length = Buffer.alloc(4)
  length.writeInt32BE(count)
  return frame(Buffer.concat([header(3, 1), length]))
}

describe('what is not a Kafka request closes its connection, is logged once, and disturbs nobody', () => {
  test.each<[string, Buffer, RegExp]>([
    ['a frame of no bytes', sizeOnly(0), /a frame of 0 bytes/],
    ['a frame of a negative size', sizeOnly(-1), /a frame of -1 bytes/],
    ['a frame above the bound', sizeOnly(requestSizeMax + 1), /a frame of 104857601 bytes/],
    ['a frame of the largest int32', sizeOnly(0x7fffffff), /a frame of 2147483647 bytes/],
    ['a header cut short', frame(Buffer.from([0])), /./],
    ['a header without a client id', frame(header(3, 1).subarray(0, 8)), /./],
    ['an unknown API', frame(header(4711, 0)), /API 4711 is not a Kafka API/],
    ['a negative API', frame(header(-1, 0)), /API -1 is not a Kafka API/],
    ['an API that has no handler', frame(header(1, 4)), /Fetch v4 is not served here/],
    ['a version that is too new', frame(header(3, 99)), /./],
    ['a negative version', frame(header(3, -1)), /Metadata v-1 is not served here/],
    ['a body cut short', frame(header(3, 1)), /./],
    ['an array longer than the frame', topicCount(0x7fffffff), /./],
    ['an array of a length below null', topicCount(-2), /./],
    [
      'more elements than a request may have',
      frame(
        Buffer.concat([
          header(3, 1),
          sizeOnly(decodedElementsMax + 1),
          Buffer.alloc(2 * (decodedElementsMax + 1))
        ])
      ),
      /./
    ]
  ])('%s', async (_what, bytes, reason) => {
    const { connect, lines, failures } = await start()
    const bystander = await connect()
    const client = await connect()
    client.send(bytes)
    await client.closed
    expect(client.unreadCount).toBe(0)
    const warnings = lines.filter(line => line.level === 'warn')
    expect(warnings).toHaveLength(1)
    expect(warnings[0]?.fields.reason).toMatch(reason)
    bystander.request('Metadata', 9, 7, { topics: [] })
    expect(await bystander.correlationIds(1)).toEqual([7])
    expect(failures).toEqual([])
  })

  test.each<[string, string | Buffer, RegExp]>([
    ['HTTP', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', /HTTP/],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /HTTP/],
    ['a TLS hello', Buffer.from('16030100c8010000c40303', 'hex'), /TLS/],
    ['SSH', 'SSH-2.0-OpenSSH_9.6\r\n', /SSH/],
    ['a PROXY header', 'PROXY TCP4 10.0.0.1 10.0.0.2 5 9092\r\n', /PROXY/],
    ['a line of text', 'hello, are you there?\n', /text/]
  ])('%s, and the log says what it was', async (_what, bytes, hint) => {
    const { connect, lines } = await start()
    const client = await connect()
    client.send(bytes)
    await client.closed
    expect(lines.filter(line => line.level === 'warn')[0]?.fields.hint).toMatch(hint)
  })

  test('requests before the bad one are answered, requests behind it are not', async () => {
    const { connect, started } = await start()
    const client = await connect()
    client.send(
      Buffer.concat([
        requestBytes('Metadata', 9, 1, { topics: [] }),
        requestBytes('Metadata', 9, 2, { topics: [] }),
        frame(header(3, 1)),
        requestBytes('Metadata', 9, 3, { topics: [] })
      ])
    )
    expect(await client.correlationIds(2)).toEqual([1, 2])
    await client.closed
    expect(client.unreadCount).toBe(0)
    expect(started).toEqual(['Metadata 1', 'Metadata 2'])
  })

  test('a bad request that waited behind another ends the queue as well', async () => {
    const held = heldAnswers<typeof emptyMetadataAnswer>()
    const { connect, started } = await startTestServer({ handlers: { Metadata: held.handler } })
    const client = await connect()
    client.send(
      Buffer.concat([
        requestBytes('Metadata', 9, 1, { topics: [] }),
        frame(header(3, 1)),
        requestBytes('Metadata', 9, 3, { topics: [] })
      ])
    )
    await held.reached(1)
    held.answer(1, emptyMetadataAnswer)
    expect(await client.correlationIds(1)).toEqual([1])
    await client.closed
    expect(started).toEqual(['Metadata 1'])
  })

  test('bytes that a handler finds malformed inside a field', async () => {
    const { connect, lines, failures } = await startTestServer({
      handlers: {
        Metadata: () => Promise.reject(new MalformedRequest('a field that is no subscription'))
      }
    })
    const client = await connect()
    client.request('Metadata', 9, 1, { topics: [] })
    await client.closed
    expect(lines.filter(line => line.level === 'warn')).toHaveLength(1)
    expect(failures).toEqual([])
  })

  test('random bytes, and requests with random damage', async () => {
    const { connect, failures } = await start()
    const good = requestBytes('Metadata', 12, 5, { topics: [{ name: 'a-topic' }] })
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.nat({ max: good.length - 1 }),
        fc.nat({ max: 255 }),
        async (noise, at, byte) => {
          const damaged = Buffer.from(good)
          damaged[at] = byte
          for (const bytes of [Buffer.from(noise), damaged]) {
            const client = await connect()
            client.socket.end(bytes)
            await client.closed
          }
        }
      ),
      { numRuns: 100 }
    )
    const client = await connect()
    client.request('Metadata', 9, 1, { topics: [] })
    expect(await client.correlationIds(1)).toEqual([1])
    expect(failures).toEqual([])
  })
})

describe('a request may arrive in any pieces', () => {
  test('one byte at a time', async () => {
    const { connect } = await start()
    const client = await connect()
    for (const byte of requestBytes('Metadata', 9, 5, { topics: [] })) {
      client.send(Buffer.from([byte]))
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(await client.correlationIds(1)).toEqual([5])
  })

  test('a request of many reads, and the next one glued to its end', async () => {
    const names: string[][] = []
    const handler: Handler<'Metadata'> = (_context, request) => {
      names.push((request.topics ?? []).map(topic => topic.name ?? ''))
      return emptyMetadataAnswer
    }
    const { connect } = await startTestServer({ handlers: { Metadata: handler } })
    const client = await connect()
    const topics = Array.from({ length: 100 }, (_, index) => ({
      name: `${index}`.padEnd(20_000, 'x')
    }))
    client.send(
      Buffer.concat([
        requestBytes('Metadata', 9, 1, { topics }),
        requestBytes('Metadata', 9, 2, { topics: [{ name: 'small' }] })
      ])
    )
    expect(await client.correlationIds(2)).toEqual([1, 2])
    expect(names).toEqual([topics.map(topic => topic.name), ['small']])
  })
})

describe('ApiVersions', () => {
  test('in an unknown version is answered in version 0 with its own versions', async () => {
    const { connect } = await start()
    const client = await connect()
    client.send(frame(Buffer.concat([header(18, 99, 3), Buffer.from([0]), Buffer.alloc(5)])))
    const { correlationId, response } = await client.answer('ApiVersions', 0)
    expect(correlationId).toBe(3)
    expect(response.errorCode).toBe(35)
    expect(response.apiKeys).toEqual([{ apiKey: 18, minVersion: 0, maxVersion: 4 }])
    client.request('Metadata', 9, 4, { topics: [] })
    expect(await client.correlationIds(1)).toEqual([4])
  })

  test.each([0, 1, 2, 3, 4])('in version %i lists exactly what is served', async version => {
    const { connect } = await start()
    const client = await connect()
    client.request('ApiVersions', version, 1, {
      clientSoftwareName: 'raw-client',
      clientSoftwareVersion: '1.0'
    })
    const { response } = await client.answer('ApiVersions', version)
    expect(response.errorCode).toBe(0)
    expect(response.apiKeys.map(api => api.apiKey)).toEqual([3, 18])
    expect(response.finalizedFeatures).toEqual([])
  })

  test.each([
    ['', '1.0'],
    ['-name', '1.0'],
    ['name', '1.0-'],
    ['na me', '1.0'],
    ['name', 'ver/sion']
  ])('refuses a client that calls itself %j %j (KIP-511)', async (name, version) => {
    const { connect } = await start()
    const client = await connect()
    client.request('ApiVersions', 3, 1, {
      clientSoftwareName: name,
      clientSoftwareVersion: version
    })
    const { response } = await client.answer('ApiVersions', 3)
    expect(response.errorCode).toBe(42)
  })
})

test('bytes behind a request are left alone, as librdkafka 2.12 sends them', async () => {
  const { connect } = await start()
  const client = await connect()
  // Recorded: Metadata v13 for all topics, with three bytes too many.
  const metadata = '0003000d00000003000772646b61666b610000000000010000'
  client.send(frame(Buffer.from(metadata, 'hex')))
  expect(await client.correlationIds(1)).toEqual([3])
})

test('a handler that throws stops the broker: the connection closes without an answer', async () => {
  const bug = new Error('a bug of ours')
  const { connect, failures } = await startTestServer({
    handlers: { Metadata: () => Promise.reject(bug) }
  })
  const client = await connect()
  client.request('Metadata', 9, 1, { topics: [] })
  await client.closed
  expect(client.unreadCount).toBe(0)
  expect(failures).toEqual([bug])
})

test('an answer that cannot be encoded stops the broker, not the process', async () => {
  const { connect, failures } = await startTestServer({
    handlers: { Metadata: () => ({ ...emptyMetadataAnswer, controllerId: 2 ** 40 }) }
  })
  const client = await connect()
  client.request('Metadata', 9, 1, { topics: [] })
  await client.closed
  expect(failures).toHaveLength(1)
})
