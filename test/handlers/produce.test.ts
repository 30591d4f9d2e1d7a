import { expect, test } from 'vitest'
import { errorCode } from '../../src/wire/generated/errors.ts'
import type { ErrorName } from '../../src/wire/generated/errors.ts'
import type { ProduceRequestInit } from '../../src/wire/generated/produce.ts'
import type { ProduceResponsePartitionProduceResponse } from '../../src/wire/generated/produce.ts'
import { clientBatch, idempotentBatch } from '../partition/fixture.ts'
import { DataPlane } from './data-plane.ts'

interface ProduceOptions {
  readonly acks?: number
  readonly transactionalId?: string
  readonly timeoutMs?: number
}

function transactionalBatch(): Buffer {
  const fields = { producerId: 1, producerEpoch: 0, baseSequence: 0 }
  return clientBatch(['a'], { ...fields, isTransactional: true })
}

/** A request with one topic, by name and id, and its partitions' records. */
function request(
  topic: { readonly name: string; readonly topicId: string },
  records: readonly (Buffer | null)[],
  { acks = -1, transactionalId, timeoutMs = 1000 }: ProduceOptions = {}
): ProduceRequestInit {
  const partitionData = records.map((each, index) => ({ index, records: each }))
  const topicData = [{ name: topic.name, topicId: topic.topicId, partitionData }]
  return { transactionalId: transactionalId ?? null, acks, timeoutMs, topicData }
}

async function produced(
  plane: DataPlane,
  version: number,
  init: ProduceRequestInit,
  clientId?: string
): Promise<readonly ProduceResponsePartitionProduceResponse[]> {
  const response = await plane.call('Produce', version, init, clientId ? { clientId } : {})
  return response.responses.flatMap(each => each.partitionResponses)
}

const unknown = { name: 'nowhere', topicId: Buffer.alloc(16, 9).toString('base64url') }

function failed(index: number, error: ErrorName): object {
  return { index, errorCode: errorCode(error), baseOffset: -1 }
}

test('every version from 3 to 13 appends, by name or by id, and gives the offset', async () => {
  for (let version = 3; version <= 13; version++) {
    const plane = new DataPlane()
    const topic = await plane.addTopic('orders', { partitionCount: 2 })
    await topic.partitions[0]!.append(clientBatch(['x']), { acks: -1, produceVersion: 9 })
    const init = request(topic, [clientBatch(['a', 'b']), clientBatch(['c'])])
    const response = await plane.call('Produce', version, init)
    expect(response.responses[0]).toMatchObject(
      version < 13 ? { name: 'orders' } : { topicId: topic.topicId }
    )
    expect(response.responses[0]!.partitionResponses).toMatchObject([
      { index: 0, errorCode: 0, baseOffset: 1, logAppendTimeMs: -1 },
      { index: 1, errorCode: 0, baseOffset: 0, logAppendTimeMs: -1 }
    ])
    expect(topic.partitions.map(each => each.logEndOffset)).toEqual([3, 1])
  }
})

test('one partition that fails does not fail its neighbours', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders', { partitionCount: 3 })
  const torn = clientBatch(['b'])
  torn[65] = torn[65]! ^ 0xff
  const responses = await produced(
    plane,
    9,
    request(topic, [clientBatch(['a']), torn, clientBatch(['c']), clientBatch(['d']), null])
  )
  expect(responses).toMatchObject([
    { index: 0, errorCode: 0, baseOffset: 0 },
    failed(1, 'CORRUPT_MESSAGE'),
    { index: 2, errorCode: 0, baseOffset: 0 },
    failed(3, 'UNKNOWN_TOPIC_OR_PARTITION'),
    failed(4, 'UNKNOWN_TOPIC_OR_PARTITION')
  ])
})

test('an unknown topic has one error by name and another by id', async () => {
  const plane = new DataPlane()
  const init = request(unknown, [clientBatch(['a'])])
  expect(await produced(plane, 12, init)).toMatchObject([failed(0, 'UNKNOWN_TOPIC_OR_PARTITION')])
  expect(await produced(plane, 13, init)).toMatchObject([failed(0, 'UNKNOWN_TOPIC_ID')])
})

test('acks other than -1, 0 and 1 are INVALID_REQUIRED_ACKS', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders')
  for (const acks of [2, -2]) {
    const init = request(topic, [clientBatch(['a'])], { acks })
    expect(await produced(plane, 9, init)).toMatchObject([failed(0, 'INVALID_REQUIRED_ACKS')])
  }
  expect(topic.partitions[0]!.logEndOffset).toBe(0)
})

test('acks=0 has no answer; a failure closes the connection', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders', { durability: 'manual' })
  const good = request(topic, [clientBatch(['a'])], { acks: 0 })
  expect(await plane.answer('Produce', 9, good)).toBe('noAnswer')
  expect(topic.partitions[0]!.logEndOffset).toBe(1)
  const bad = request(unknown, [clientBatch(['a'])], { acks: 0 })
  expect(await plane.answer('Produce', 9, bad)).toBe('closeConnection')
})

test('requests that overlap keep the order in which they came', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders', { durability: 'manual' })
  const requests = [0, 1, 2].map(sequence =>
    produced(plane, 9, request(topic, [idempotentBatch(sequence)]))
  )
  expect(topic.partitions[0]!.logEndOffset).toBe(3)
  topic.logs[0]!.sync()
  const offsets = (await Promise.all(requests)).map(each => each[0]!.baseOffset)
  expect(offsets).toEqual([0, 1, 2])
})

test('a repeated batch is answered with error 0 and its first offset, never with 46', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders')
  await produced(plane, 7, request(topic, [idempotentBatch(0, 2)]))
  await produced(plane, 7, request(topic, [idempotentBatch(2)]))
  expect(await produced(plane, 7, request(topic, [idempotentBatch(0, 2)]))).toMatchObject([
    { index: 0, errorCode: 0, baseOffset: 0 }
  ])
  expect(await produced(plane, 7, request(topic, [idempotentBatch(9)]))).toMatchObject([
    failed(0, 'OUT_OF_ORDER_SEQUENCE_NUMBER')
  ])
})

test('records without a key on a compacted topic are named one by one', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders', {
    configs: { cleanupPolicy: { delete: false, compact: true } }
  })
  const [response] = await produced(plane, 8, request(topic, [clientBatch(['a', 'b'])]))
  expect(response).toMatchObject(failed(0, 'INVALID_RECORD'))
  expect(response!.recordErrors.map(each => each.batchIndex)).toEqual([0, 1])
  expect(response!.recordErrors[0]!.batchIndexErrorMessage).toContain('orders-0')
  expect(response!.errorMessage).toContain('2 record errors')
})

test('LogAppendTime is answered with the time of the broker, also for a repetition', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders', {
    configs: { messageTimestampType: 'LogAppendTime' }
  })
  const logAppendTimeMs = plane.clock.wallMs()
  const [first] = await produced(plane, 9, request(topic, [idempotentBatch(0)]))
  plane.clock.advance(1000)
  const [again] = await produced(plane, 9, request(topic, [idempotentBatch(0)]))
  expect([first, again]).toMatchObject([{ logAppendTimeMs }, { logAppendTimeMs }])
})

test('internal topics are INVALID_TOPIC_EXCEPTION for all but the admin client', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('__consumer_offsets', { isInternal: true })
  const init = (): ProduceRequestInit => request(topic, [clientBatch(['a'])])
  expect(await produced(plane, 9, init())).toMatchObject([failed(0, 'INVALID_TOPIC_EXCEPTION')])
  expect(await produced(plane, 9, init(), '__admin_client')).toMatchObject([{ errorCode: 0 }])
})

test('a topic that may not be written is refused, whether it exists or not', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders')
  plane.denied.add('WRITE TOPIC orders').add('WRITE TOPIC nowhere')
  for (const each of [topic, unknown]) {
    const init = request(each, [clientBatch(['a'])])
    expect(await produced(plane, 9, init)).toMatchObject([failed(0, 'TOPIC_AUTHORIZATION_FAILED')])
  }
})

test('transactional records are refused: transactions are not offered yet', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders')
  expect(await produced(plane, 9, request(topic, [transactionalBatch()]))).toMatchObject([
    failed(0, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  ])
  const named = (): ProduceRequestInit =>
    request(topic, [transactionalBatch()], { transactionalId: 't' })
  expect(await produced(plane, 9, named())).toMatchObject([
    failed(0, 'INVALID_PRODUCER_ID_MAPPING')
  ])
  plane.denied.add('WRITE TRANSACTIONAL_ID t')
  expect(await produced(plane, 9, named())).toMatchObject([
    failed(0, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  ])
})

test('a partition without records is INVALID_RECORD', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders')
  for (const records of [null, Buffer.alloc(0)]) {
    expect(await produced(plane, 9, request(topic, [records]))).toMatchObject([
      failed(0, 'INVALID_RECORD')
    ])
  }
})

test('a disk that fails is KAFKA_STORAGE_ERROR', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders')
  topic.logs[0]!.failNext = 'STORAGE'
  expect(await produced(plane, 9, request(topic, [clientBatch(['a'])]))).toMatchObject([
    failed(0, 'KAFKA_STORAGE_ERROR')
  ])
})

/** What was answered by now; null while the request waits. */
async function soFar<T>(answer: Promise<T>): Promise<T | null> {
  const later = new Promise<null>(resolve => setImmediate(() => resolve(null)))
  return Promise.race([answer, later])
}

test('a disk that takes longer than the request may wait is REQUEST_TIMED_OUT, partition by partition', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders', { durability: 'manual', partitionCount: 2 })
  const records = [clientBatch(['a']), clientBatch(['b'])]
  const answer = produced(plane, 9, request(topic, records, { timeoutMs: 5000 }))
  topic.logs[1]!.sync()
  plane.clock.advance(4999)
  expect(await soFar(answer)).toBeNull()
  plane.clock.advance(1)
  expect(await answer).toMatchObject([
    failed(0, 'REQUEST_TIMED_OUT'),
    { index: 1, errorCode: 0, baseOffset: 0 }
  ])
  expect(plane.diskWaits.isEmpty).toBe(true)
  topic.logs[0]!.sync()
  expect(topic.partitions[0]!.highWatermark).toBe(1)
})

test('what was timed out is in flight: its idempotent repetition is answered when it is durable', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders', { durability: 'manual' })
  for (let attempt = 0; attempt < 3; attempt++) {
    const answer = produced(plane, 9, request(topic, [idempotentBatch(0)]))
    plane.clock.advance(1000)
    expect(await answer).toMatchObject([failed(0, 'REQUEST_TIMED_OUT')])
  }
  const next = produced(plane, 9, request(topic, [idempotentBatch(1)]))
  const again = produced(plane, 9, request(topic, [idempotentBatch(0)]))
  topic.logs[0]!.sync()
  expect(await again).toMatchObject([{ errorCode: 0, baseOffset: 0 }])
  expect(await next).toMatchObject([{ errorCode: 0, baseOffset: 1 }])
  expect(topic.partitions[0]!.logEndOffset).toBe(2)
})

test('a request that gives no time gives the disk a second', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders', { durability: 'manual' })
  for (const [timeoutMs, acks] of [
    [0, -1],
    [-1, 1]
  ] as const) {
    const records = [clientBatch(['a'])]
    const answer = produced(plane, 9, request(topic, records, { timeoutMs, acks }))
    plane.clock.advance(999)
    expect(await soFar(answer)).toBeNull()
    plane.clock.advance(1)
    expect(await answer).toMatchObject([failed(0, 'REQUEST_TIMED_OUT')])
  }
})

test('a disk that fails while a request waits is told before its time is over', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders', { durability: 'manual' })
  const answer = produced(plane, 9, request(topic, [clientBatch(['a'])]))
  topic.logs[0]!.fail('STORAGE')
  expect(await answer).toMatchObject([failed(0, 'KAFKA_STORAGE_ERROR')])
  expect(plane.diskWaits.isEmpty).toBe(true)
})
