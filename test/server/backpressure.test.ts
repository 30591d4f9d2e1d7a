import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import type { Handler } from '../../src/handlers/handler.ts'
import { manualClock } from '../../src/io/manual-clock.ts'
import {
  connectionIdleMaxMs,
  producesInFlightMax,
  requestArrivalMaxMs,
  writeStallMaxMs
} from '../../src/limits.ts'
import { RequestMemory, type MemoryHolder } from '../../src/server/request-memory.ts'
import { RawClient, requestBytes } from './raw-client.ts'
import {
  emptyMetadataAnswer,
  emptyProduceAnswer,
  heldAnswers,
  produceRequest,
  startTestServer
} from './test-server.ts'

const metadata: Handler<'Metadata'> = () => emptyMetadataAnswer

/** An answer of about `size` bytes. */
const largeAnswer = (size: number): typeof emptyMetadataAnswer => ({
  ...emptyMetadataAnswer,
  clusterId: 'x'.repeat(Math.min(size, 30_000)),
  brokers: Array.from({ length: Math.ceil(size / 30_000) }, (_, nodeId) => ({
    nodeId,
    host: 'h'.repeat(30_000),
    port: 1
  }))
})

/**
 * Waits until the event loop has turned often enough for loopback traffic to settle; nothing
 * depends on how often.
 */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve))
}

test.each([
  ['one buffer for all reads', true],
  ['a buffer for each read', false]
])(
  'a client that does not read its answers is not read either, with %s',
  async (_how, sharesReadBuffer) => {
    const answer = largeAnswer(300_000)
    let startedCount = 0
    const handler: Handler<'Metadata'> = () => {
      startedCount++
      return answer
    }
    const { connect, server } = await startTestServer({
      sharesReadBuffer,
      handlers: { Metadata: handler }
    })
    const client = await connect()
    client.socket.pause()
    const requestCount = 400
    const one = requestBytes('Metadata', 9, 1, { topics: [{ name: 'n'.repeat(20_000) }] })
    let sentCount = 0
    const sending = (async () => {
      for (; sentCount < requestCount; sentCount++)
        if (!client.socket.write(one)) await once(client.socket, 'drain')
    })()
    // 400 answers are 120 MB: the system's buffers hold a few of them, the broker one.
    await until(() => server.heldSize > 0)
    const startedBefore = startedCount
    expect(startedBefore).toBeLessThan(requestCount / 2)
    expect(server.heldSize).toBeLessThan(1024 * 1024)
    expect(sentCount).toBeLessThan(requestCount)
    client.socket.resume()
    await sending
    await client.correlationIds(requestCount)
    expect(startedCount).toBe(requestCount)
  }
)

const clusterIdOf = (count: number): string => String(count).padStart(15_000, 'x')

test('small answers that fill the buffers of the system come whole and in order', async () => {
  let startedCount = 0
  const handler: Handler<'Metadata'> = () => {
    startedCount++
    return { ...emptyMetadataAnswer, clusterId: clusterIdOf(startedCount) }
  }
  const { connect, server } = await startTestServer({ handlers: { Metadata: handler } })
  const client = await connect()
  client.socket.pause()
  let sentCount = 0
  // Each is sent when the one before has been answered, until an answer no longer gets out.
  for (; server.heldSize === 0; sentCount++) {
    client.request('Metadata', 9, sentCount, { topics: [] })
    await until(() => startedCount > sentCount || server.heldSize > 0)
  }
  client.socket.resume()
  for (let id = 0; id < sentCount; id++) {
    const { correlationId, response } = await client.answer('Metadata', 9)
    expect(correlationId).toBe(id)
    expect(response.clusterId === clusterIdOf(id + 1)).toBe(true)
  }
  await client.close()
})

test('at most so many Produce requests of one connection are at work together', async () => {
  const produce = heldAnswers<typeof emptyProduceAnswer>()
  const { connect, started } = await startTestServer({ handlers: { Produce: produce.handler } })
  const client = await connect()
  const count = producesInFlightMax + 10
  const requests = Array.from({ length: count }, (_, id) =>
    requestBytes('Produce', 9, id, produceRequest(-1))
  )
  client.send(Buffer.concat(requests))
  await produce.reached(producesInFlightMax - 1)
  expect(started).toHaveLength(producesInFlightMax)
  for (let id = 0; id < count; id++) produce.answer(id, emptyProduceAnswer)
  expect(await client.correlationIds(count)).toEqual(Array.from({ length: count }, (_, id) => id))
})

describe('connections are closed', () => {
  test('after ten minutes of silence, but not while a request is at work', async () => {
    const clock = manualClock()
    const held = heldAnswers<typeof emptyMetadataAnswer>()
    const { connect, server } = await startTestServer({
      clock,
      handlers: { Metadata: held.handler }
    })
    const silent = await connect()
    const waiting = await connect()
    waiting.request('Metadata', 9, 1, { topics: [] })
    await held.reached(1)
    await until(() => server.connectionCount === 2)
    clock.advance(connectionIdleMaxMs - 10_000)
    expect(server.connectionCount).toBe(2)
    clock.advance(20_000)
    await silent.closed
    held.answer(1, emptyMetadataAnswer)
    expect(await waiting.correlationIds(1)).toEqual([1])
  })

  test('when a request that began to arrive comes too slowly', async () => {
    const clock = manualClock()
    const { connect, lines, server } = await startTestServer({
      clock,
      handlers: { Metadata: metadata }
    })
    const slow = await connect()
    const request = requestBytes('Metadata', 9, 1, { topics: [{ name: 'n'.repeat(1000) }] })
    slow.send(request.subarray(0, 500))
    await until(() => server.heldSize > 0)
    clock.advance(requestArrivalMaxMs - 2_000)
    slow.send(request.subarray(500, 501))
    await new Promise(resolve => setImmediate(resolve))
    expect(slow.isClosed).toBe(false)
    clock.advance(5_000)
    await slow.closed
    expect(lines.at(-1)?.fields.reason).toBe('sends a request too slowly')
    expect(server.heldSize).toBe(0)
  })

  test('but a busy one is not mistaken for a slow one, though a request is always half there', async () => {
    const clock = manualClock()
    const { connect } = await startTestServer({ clock, handlers: { Metadata: metadata } })
    const client = await connect()
    const request = requestBytes('Metadata', 9, 1, { topics: [] })
    const half = request.length >> 1
    client.send(request.subarray(0, half))
    for (let second = 0; second < 60; second++) {
      clock.advance(1_000)
      client.send(Buffer.concat([request.subarray(half), request.subarray(0, half)]))
      await client.correlationIds(1)
    }
    expect(client.isClosed).toBe(false)
  })

  test('when the client takes nothing of its answers', async () => {
    const clock = manualClock()
    const { connect, lines, server } = await startTestServer({
      clock,
      handlers: { Metadata: () => largeAnswer(20_000_000) }
    })
    const client = await connect()
    client.socket.pause()
    client.request('Metadata', 9, 1, { topics: [] })
    // The second request cannot start: the first answer is stuck, which shows that it was written.
    client.request('Metadata', 9, 2, { topics: [] })
    await until(() => server.heldSize > 0)
    clock.advance(writeStallMaxMs + 5_000)
    await until(() => server.connectionCount === 0)
    expect(lines.at(-1)?.fields.reason).toBe('takes nothing of its answers')
    expect(server.heldSize).toBe(0)
  })

  test('when there are too many of them', async () => {
    const { connect, lines, server } = await startTestServer({
      bounds: { connections: 2 },
      handlers: { Metadata: metadata }
    })
    const first = await connect()
    const second = await connect()
    await until(() => server.connectionCount === 2)
    const third = await connect()
    await third.closed
    expect(lines.at(-1)?.message).toBe('connection refused')
    await first.close()
    await until(() => server.connectionCount === 1)
    const fourth = await connect()
    fourth.request('Metadata', 9, 4, { topics: [] })
    expect(await fourth.correlationIds(1)).toEqual([4])
    expect(second.isClosed).toBe(false)
  })
})

describe('the memory of all requests', () => {
  test('stops reading above the bound, yet every request gets finished', async () => {
    const { connect, server } = await startTestServer({
      bounds: { requestsTotalSize: 300_000 },
      handlers: { Metadata: metadata }
    })
    const request = requestBytes('Metadata', 9, 1, {
      topics: Array.from({ length: 20 }, () => ({ name: 'n'.repeat(20_000) }))
    })
    const clients: RawClient[] = []
    for (let index = 0; index < 6; index++) clients.push(await connect())
    for (const client of clients) client.send(request)
    for (const client of clients) expect(await client.correlationIds(1)).toEqual([1])
    await until(() => server.heldSize === 0)
  })

  test('wakes those who wait when three quarters are left, and lets one finish meanwhile', () => {
    const memory = new RequestMemory(100)
    const woken: string[] = []
    const holder = (name: string): MemoryHolder => ({ onRoom: () => woken.push(name) })
    const first = holder('first')
    const second = holder('second')
    memory.change(100)
    expect(memory.mayRead(first, true)).toBe(true)
    expect(memory.mayRead(second, true)).toBe(false)
    memory.change(-24)
    expect(woken).toEqual([])
    memory.change(-1)
    expect(woken).toEqual(['second'])
    expect(memory.mayRead(second, true)).toBe(true)
  })

  test('passes the turn to finish on when its holder leaves', () => {
    const memory = new RequestMemory(100)
    const woken: string[] = []
    const second: MemoryHolder = {
      onRoom: () => {
        woken.push('second')
        expect(memory.mayRead(second, true)).toBe(true)
      }
    }
    const third: MemoryHolder = { onRoom: () => woken.push('third') }
    const first: MemoryHolder = { onRoom: () => {} }
    memory.change(100)
    expect(memory.mayRead(first, true)).toBe(true)
    expect(memory.mayRead(second, true)).toBe(false)
    expect(memory.mayRead(third, true)).toBe(false)
    memory.leave(first)
    expect(woken).toEqual(['second'])
  })
})
