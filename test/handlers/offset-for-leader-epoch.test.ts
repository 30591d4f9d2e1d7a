import { expect, test } from 'vitest'
import type { Messages } from '../../src/wire/generated/api-table.ts'
import { errorCode } from '../../src/wire/generated/errors.ts'
import { clientBatch } from '../partition/fixture.ts'
import { DataPlane } from './data-plane.ts'

type TopicResult = Messages['OffsetForLeaderEpoch']['readResponse']['topics'][number]
type EpochEndOffset = TopicResult['partitions'][number]

async function ask(
  plane: DataPlane,
  version: number,
  asked: { leaderEpoch: number; currentLeaderEpoch?: number; topic?: string }
): Promise<EpochEndOffset> {
  const { topic = 'orders', leaderEpoch, currentLeaderEpoch = -1 } = asked
  const partitions = [{ partition: 0, leaderEpoch, currentLeaderEpoch }]
  const topics = [{ topic, partitions }]
  const response = await plane.call('OffsetForLeaderEpoch', version, { topics })
  expect(response.topics[0]!.topic).toBe(topic)
  return response.topics[0]!.partitions[0]!
}

test('versions 2 to 4 tell where an epoch ended, -1 of one that is not known', async () => {
  const plane = new DataPlane()
  const topic = await plane.addTopic('orders', { leaderEpoch: 4 })
  await topic.partitions[0]!.append(clientBatch(['a', 'b']), { acks: -1, produceVersion: 9 })
  for (const version of [2, 3, 4]) {
    expect(await ask(plane, version, { leaderEpoch: 4 })).toEqual({
      partition: 0,
      errorCode: 0,
      leaderEpoch: 4,
      endOffset: 2
    })
    expect(await ask(plane, version, { leaderEpoch: 2 })).toMatchObject({
      errorCode: 0,
      leaderEpoch: 2,
      endOffset: 0
    })
    expect(await ask(plane, version, { leaderEpoch: 5 })).toMatchObject({
      errorCode: 0,
      leaderEpoch: -1,
      endOffset: -1
    })
  }
})

test('a client of another epoch is fenced, an unknown topic is an error', async () => {
  const plane = new DataPlane()
  await plane.addTopic('orders', { leaderEpoch: 4 })
  expect(await ask(plane, 4, { leaderEpoch: 4, currentLeaderEpoch: 3 })).toMatchObject({
    errorCode: errorCode('FENCED_LEADER_EPOCH'),
    leaderEpoch: -1,
    endOffset: -1
  })
  expect(await ask(plane, 4, { leaderEpoch: 4, currentLeaderEpoch: 5 })).toMatchObject({
    errorCode: errorCode('UNKNOWN_LEADER_EPOCH')
  })
  expect(await ask(plane, 4, { leaderEpoch: 0, topic: 'nowhere' })).toMatchObject({
    errorCode: errorCode('UNKNOWN_TOPIC_OR_PARTITION')
  })
})

test('who may act for the cluster may ask of any topic, others need DESCRIBE', async () => {
  const plane = new DataPlane()
  await plane.addTopic('orders')
  plane.denied.add('DESCRIBE TOPIC orders')
  expect(await ask(plane, 4, { leaderEpoch: 0 })).toMatchObject({ errorCode: 0 })
  plane.denied.add('CLUSTER_ACTION CLUSTER kafka-cluster')
  expect(await ask(plane, 4, { leaderEpoch: 0 })).toMatchObject({
    errorCode: errorCode('TOPIC_AUTHORIZATION_FAILED')
  })
  plane.denied.delete('DESCRIBE TOPIC orders')
  expect(await ask(plane, 4, { leaderEpoch: 0 })).toMatchObject({ errorCode: 0 })
})
