import { expect, test } from 'vitest'
import { useBroker } from '../broker.ts'
import { uniqueName } from '../waiting.ts'
import { Clients, kafkaErrorsOf } from './clients.ts'

const clients = new Clients(useBroker())

const quick = { retry: { retries: 1, initialRetryTime: 20 } }

async function reassign(topic: string, partition: number, replicas: number[]): Promise<void> {
  const admin = await clients.admin(quick)
  const partitionAssignment = [{ partition, replicas }]
  await admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment }] })
}

async function anyNodeId(): Promise<number> {
  const admin = await clients.admin()
  return (await admin.describeCluster()).brokers[0]!.nodeId
}

test('assigning a partition to the broker that has it changes nothing', async () => {
  const topic = await clients.createTopic()
  const nodeId = await anyNodeId()
  await reassign(topic, 0, [nodeId])
  const admin = await clients.admin()
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  expect(topics[0]?.partitions[0]?.replicas).toEqual([nodeId])
})

test('listPartitionReassignments is empty when nothing is being moved', async () => {
  const topic = await clients.createTopic()
  const admin = await clients.admin()
  expect((await admin.listPartitionReassignments({})).topics).toEqual([])
  const listed = await admin.listPartitionReassignments({ topics: [{ topic, partitions: [0] }] })
  expect(listed.topics).toEqual([])
})

test('a broker that does not exist is refused with INVALID_REPLICA_ASSIGNMENT', async () => {
  const topic = await clients.createTopic()
  expect(await kafkaErrorsOf(reassign(topic, 0, [999]))).toEqual(['INVALID_REPLICA_ASSIGNMENT'])
})

test('the same broker twice is refused with INVALID_REPLICA_ASSIGNMENT', async () => {
  const topic = await clients.createTopic()
  const nodeId = await anyNodeId()
  const reassigned = reassign(topic, 0, [nodeId, nodeId])
  expect(await kafkaErrorsOf(reassigned)).toEqual(['INVALID_REPLICA_ASSIGNMENT'])
})

test('no broker at all is refused with INVALID_REPLICA_ASSIGNMENT', async () => {
  const topic = await clients.createTopic()
  expect(await kafkaErrorsOf(reassign(topic, 0, []))).toEqual(['INVALID_REPLICA_ASSIGNMENT'])
})

test('a topic or partition that is not there is UNKNOWN_TOPIC_OR_PARTITION', async () => {
  const topic = await clients.createTopic()
  const nodeId = await anyNodeId()
  for (const reassigned of [
    reassign(uniqueName('missing'), 0, [nodeId]),
    reassign(topic, 5, [nodeId])
  ]) {
    expect(await kafkaErrorsOf(reassigned)).toEqual(['UNKNOWN_TOPIC_OR_PARTITION'])
  }
})

test('bad arguments are refused by kafkajs itself', async () => {
  await expect(reassign('t', -1, [1])).rejects.toThrow('Invalid partitions index')
  await expect(reassign('t', 0, [-1])).rejects.toThrow('non negative number')
})
