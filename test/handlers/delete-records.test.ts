import { expect, test } from 'vitest'
import { deferred } from '../../src/base/deferred.ts'
import type { Messages } from '../../src/wire/generated/api-table.ts'
import { errorCode } from '../../src/wire/generated/errors.ts'
import type { ErrorName } from '../../src/wire/generated/errors.ts'
import { settle } from '../group/fixture.ts'
import { clientBatch } from '../partition/fixture.ts'
import { DataPlane } from './data-plane.ts'
import type { TopicOptions } from './data-plane.ts'

type TopicResult = Messages['DeleteRecords']['readResponse']['topics'][number]
type PartitionResult = TopicResult['partitions'][number]

async function planeWithRecords(name: string, options: TopicOptions = {}): Promise<DataPlane> {
  const plane = new DataPlane()
  const topic = await plane.addTopic(name, options)
  for (const partition of topic.partitions) {
    await partition.append(clientBatch(['a', 'b', 'c']), { acks: -1, produceVersion: 9 })
  }
  return plane
}

async function remove(
  plane: DataPlane,
  name: string,
  offsets: readonly number[],
  version = 2
): Promise<readonly PartitionResult[]> {
  const partitions = offsets.map((offset, partitionIndex) => ({ partitionIndex, offset }))
  const topics = [{ name, partitions }]
  const response = await plane.call('DeleteRecords', version, { topics, timeoutMs: 1000 })
  expect(response.topics.map(each => each.name)).toEqual([name])
  return response.topics[0]!.partitions
}

function failed(partitionIndex: number, error: ErrorName): object {
  return { partitionIndex, lowWatermark: -1, errorCode: errorCode(error) }
}

test('every version raises the log start and answers it as the low watermark', async () => {
  for (const version of [0, 1, 2]) {
    const plane = await planeWithRecords('orders', { partitionCount: 3 })
    expect(await remove(plane, 'orders', [2, -1, 4, 0], version)).toEqual([
      { partitionIndex: 0, lowWatermark: 2, errorCode: 0 },
      { partitionIndex: 1, lowWatermark: 3, errorCode: 0 },
      failed(2, 'OFFSET_OUT_OF_RANGE'),
      failed(3, 'UNKNOWN_TOPIC_OR_PARTITION')
    ])
  }
})

test('an offset below the low watermark succeeds and changes nothing', async () => {
  const plane = await planeWithRecords('orders')
  await remove(plane, 'orders', [2])
  expect(await remove(plane, 'orders', [1])).toMatchObject([{ lowWatermark: 2, errorCode: 0 }])
})

test('records that are not durably deleted in time are REQUEST_TIMED_OUT, and deleted all the same', async () => {
  const plane = new DataPlane()
  const { partitions, logs } = await plane.addTopic('orders', { partitionCount: 2 })
  for (const partition of partitions) {
    await partition.append(clientBatch(['a', 'b', 'c']), { acks: -1, produceVersion: 9 })
  }
  const stalled = logs[0]!
  const gate = deferred<void>()
  const raise = stalled.raiseLogStartOffset.bind(stalled)
  stalled.raiseLogStartOffset = (...given) => gate.promise.then(() => raise(...given))
  const answer = remove(plane, 'orders', [2, 1])
  await settle()
  plane.clock.advance(1000)
  expect(await answer).toEqual([
    failed(0, 'REQUEST_TIMED_OUT'),
    { partitionIndex: 1, lowWatermark: 1, errorCode: 0 }
  ])
  gate.resolve()
  await settle()
  expect(await remove(plane, 'orders', [0])).toMatchObject([{ lowWatermark: 2 }])
})

test('topics unknown, internal, forbidden or only compacted keep their records', async () => {
  const internal = await planeWithRecords('__consumer_offsets', { isInternal: true })
  expect(await remove(internal, '__consumer_offsets', [1])).toEqual([
    failed(0, 'INVALID_TOPIC_EXCEPTION')
  ])
  const plane = await planeWithRecords('orders', {
    configs: { cleanupPolicy: { delete: false, compact: true } }
  })
  const nothing = await remove(plane, 'nowhere', [1])
  expect(nothing).toEqual([failed(0, 'UNKNOWN_TOPIC_OR_PARTITION')])
  plane.denied.add('DELETE TOPIC orders')
  expect(await remove(plane, 'orders', [0])).toEqual([failed(0, 'TOPIC_AUTHORIZATION_FAILED')])
  plane.denied.clear()
  expect(await remove(plane, 'orders', [0])).toEqual([failed(0, 'POLICY_VIOLATION')])
})
