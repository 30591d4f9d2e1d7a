import { describe, expect, test } from 'vitest'
import { deferred } from '../../src/base/deferred.ts'
import { closeConnection, noAnswer, type Answer, type Handler } from '../../src/handlers/handler.ts'
import { requestBytes } from './raw-client.ts'
import {
  emptyMetadataAnswer,
  emptyProduceAnswer,
  heldAnswers,
  produceAtOnce,
  produceRequest,
  startTestServer
} from './test-server.ts'

const metadata: Handler<'Metadata'> = () => emptyMetadataAnswer

describe('answers leave in the order of the requests', () => {
  test.each([
    ['one buffer for all reads', true],
    ['a buffer for each read', false]
  ])('a pipelined batch of many APIs in one write, with %s', async (_how, sharesReadBuffer) => {
    const { connect, started } = await startTestServer({
      sharesReadBuffer,
      handlers: { Metadata: metadata, Produce: produceAtOnce }
    })
    const client = await connect()
    const ids = Array.from({ length: 200 }, (_, index) => index)
    const requests = ids.map(id =>
      id % 3 === 0
        ? requestBytes('Produce', 9, id, produceRequest(-1))
        : requestBytes('Metadata', 9, id, { topics: [] })
    )
    client.send(Buffer.concat(requests))
    expect(await client.correlationIds(200)).toEqual(ids)
    expect(started.map(name => Number(name.split(' ')[1]))).toEqual(ids)
  })

  test('Produce requests overlap, and their answers still wait for the older ones', async () => {
    const produce = heldAnswers<typeof emptyProduceAnswer>()
    const { connect } = await startTestServer({ handlers: { Produce: produce.handler } })
    const client = await connect()
    for (const id of [1, 2, 3]) client.request('Produce', 9, id, produceRequest(-1))
    await produce.reached(3)
    produce.answer(3, emptyProduceAnswer)
    produce.answer(2, emptyProduceAnswer)
    produce.answer(1, emptyProduceAnswer)
    expect(await client.correlationIds(3)).toEqual([1, 2, 3])
  })

  test('any other request starts only when the ones before it are answered', async () => {
    const produce = heldAnswers<typeof emptyProduceAnswer>()
    const { connect, started } = await startTestServer({
      handlers: { Produce: produce.handler, Metadata: metadata }
    })
    const client = await connect()
    client.request('Produce', 9, 1, produceRequest(-1))
    client.request('Metadata', 9, 2, { topics: [] })
    client.request('Produce', 9, 3, produceRequest(-1))
    await produce.reached(1)
    expect(started).toEqual(['Produce 1'])
    produce.answer(1, emptyProduceAnswer)
    await produce.reached(3)
    expect(started).toEqual(['Produce 1', 'Metadata 2', 'Produce 3'])
    produce.answer(3, emptyProduceAnswer)
    expect(await client.correlationIds(3)).toEqual([1, 2, 3])
  })

  test('a Produce request does not start while another request is at work', async () => {
    const held = heldAnswers<typeof emptyMetadataAnswer>()
    const { connect, started } = await startTestServer({
      handlers: { Produce: produceAtOnce, Metadata: held.handler }
    })
    const client = await connect()
    client.send(
      Buffer.concat([
        requestBytes('Metadata', 9, 1, { topics: [] }),
        requestBytes('Produce', 9, 2, produceRequest(-1))
      ])
    )
    await held.reached(1)
    expect(started).toEqual(['Metadata 1'])
    held.answer(1, emptyMetadataAnswer)
    expect(await client.correlationIds(2)).toEqual([1, 2])
  })

  test('one connection does not wait for another', async () => {
    const held = heldAnswers<typeof emptyMetadataAnswer>()
    const { connect } = await startTestServer({
      handlers: { Metadata: held.handler, Produce: produceAtOnce }
    })
    const slow = await connect()
    const quick = await connect()
    slow.request('Metadata', 9, 1, { topics: [] })
    await held.reached(1)
    quick.request('Produce', 9, 2, produceRequest(-1))
    expect(await quick.correlationIds(1)).toEqual([2])
    held.answer(1, emptyMetadataAnswer)
    expect(await slow.correlationIds(1)).toEqual([1])
  })
})

describe('acks=0', () => {
  test('gets no answer, and what follows is answered', async () => {
    const { connect } = await startTestServer({
      handlers: { Produce: produceAtOnce, Metadata: metadata }
    })
    const client = await connect()
    client.request('Produce', 9, 1, produceRequest(0))
    client.request('Produce', 9, 2, produceRequest(0))
    client.request('Metadata', 9, 3, { topics: [] })
    expect(await client.correlationIds(1)).toEqual([3])
  })

  test('that fails ends the connection for the requests behind it as well', async () => {
    const held = heldAnswers<typeof emptyProduceAnswer>()
    const failing = heldAnswers<typeof closeConnection>()
    const produce: Handler<'Produce'> = (context, request) =>
      request.acks === 0 ? failing.handler(context) : held.handler(context)
    const { connect } = await startTestServer({ handlers: { Produce: produce } })
    const client = await connect()
    client.request('Produce', 9, 1, produceRequest(0))
    client.request('Produce', 9, 2, produceRequest(-1))
    await held.reached(2)
    held.answer(2, emptyProduceAnswer)
    failing.answer(1, closeConnection)
    await client.closed
    expect(client.unreadCount).toBe(0)
  })

  test('closes the connection when it fails, after the answers that are owed', async () => {
    const first = heldAnswers<typeof emptyProduceAnswer>()
    const produce: Handler<'Produce'> = (context, request) =>
      request.acks === 0 ? closeConnection : first.handler(context)
    const { connect } = await startTestServer({ handlers: { Produce: produce } })
    const client = await connect()
    client.request('Produce', 9, 1, produceRequest(-1))
    client.request('Produce', 9, 2, produceRequest(0))
    await first.reached(1)
    first.answer(1, emptyProduceAnswer)
    expect(await client.correlationIds(1)).toEqual([1])
    await client.closed
    expect(client.unreadCount).toBe(0)
  })

  test('is carried out even when the client closes right after sending', async () => {
    const ids: number[] = []
    const all = deferred<void>()
    const produce: Handler<'Produce'> = async (context): Promise<Answer<'Produce'>> => {
      await Promise.resolve()
      ids.push(context.correlationId)
      if (ids.length === 50) all.resolve()
      return noAnswer
    }
    const { connect } = await startTestServer({ handlers: { Produce: produce } })
    const client = await connect()
    for (let id = 0; id < 50; id++) client.request('Produce', 9, id, produceRequest(0))
    client.socket.end()
    await all.promise
    expect(ids).toEqual(Array.from({ length: 50 }, (_, index) => index))
    await client.closed
  })
})

test('a client that has closed its sending side still gets the answers it is owed', async () => {
  const held = heldAnswers<typeof emptyMetadataAnswer>()
  const { connect } = await startTestServer({ handlers: { Metadata: held.handler } })
  const client = await connect()
  client.request('Metadata', 9, 1, { topics: [] })
  client.request('Metadata', 9, 2, { topics: [] })
  const context = await held.reached(1)
  client.socket.end()
  held.answer(1, emptyMetadataAnswer)
  await held.reached(2)
  held.answer(2, emptyMetadataAnswer)
  expect(await client.correlationIds(2)).toEqual([1, 2])
  await client.closed
  expect(context.cancellation.isCancelled).toBe(true)
})

test('releases run once the answer has left, or when it never will', async () => {
  const held = heldAnswers<typeof emptyMetadataAnswer>()
  const released: number[] = []
  const handler: Handler<'Metadata'> = context => {
    context.onAnswered(() => released.push(context.correlationId))
    return held.handler(context)
  }
  const { connect } = await startTestServer({ handlers: { Metadata: handler } })
  const client = await connect()
  client.request('Metadata', 9, 1, { topics: [] })
  await held.reached(1)
  expect(released).toEqual([])
  held.answer(1, emptyMetadataAnswer)
  await client.correlationIds(1)
  expect(released).toEqual([1])

  client.request('Metadata', 9, 2, { topics: [] })
  const context = await held.reached(2)
  await client.close()
  if (!context.cancellation.isCancelled)
    await new Promise<void>(resolve => context.cancellation.onCancel(resolve))
  expect(released).toEqual([1])
  held.answer(2, emptyMetadataAnswer)
  await new Promise(resolve => setImmediate(resolve))
  expect(released).toEqual([1, 2])
})
