// The scenario's steps with groups, in both protocols, and with group administration.
import {
  admin,
  commitOffset,
  committed,
  ConsumerGroupStates,
  createTopic,
  plain,
  send,
  startConsumer
} from './client.mjs'
import { expect, expectSame, needs, records, step, until } from './scenario.mjs'

const byKey = (a, b) => (a.key < b.key ? -1 : 1)

async function groupConsume(group, options) {
  await createTopic(group, 4)
  const sent = records(100)
  await send(group, sent)
  const consumer = await startConsumer(group, group, options)
  await until('100 records', () => consumer.messages.length >= 100)
  await consumer.commitOffsets()
  await consumer.disconnect()
  expectSame(sent.toSorted(byKey), plain(consumer.messages).toSorted(byKey))
}

const has = (consumer, count) => consumer.assignment().length === count

async function rebalance(group, topic, options) {
  const first = await startConsumer(group, topic, options)
  await until('the first member has all four partitions', () => has(first, 4))
  const second = await startConsumer(group, topic, options)
  await until('both members have two partitions', () => has(first, 2) && has(second, 2))
  await second.disconnect()
  await until('the first member has all four partitions again', () => has(first, 4))
  await first.disconnect()
}

async function commitAndResume() {
  const topic = 'commit-resume'
  await createTopic(topic, 1)
  await send(topic, records(100))
  const first = await startConsumer(topic, topic)
  await until('100 records', () => first.messages.length >= 100)
  await first.commitOffsets([{ topic, partition: 0, offset: '40', metadata: 'a note' }])
  await first.disconnect()
  const second = await startConsumer(topic, topic)
  await until('60 records', () => second.messages.length >= 60)
  await second.disconnect()
  expect('resumed at', '40', second.messages[0].offset)
}

async function listed(group) {
  const { groups } = await admin.listGroups()
  return groups.find(({ groupId }) => groupId === group)
}

async function describeGroup() {
  const consumer = await startConsumer('describe-group', 'group-consume')
  await until('100 records', () => consumer.messages.length >= 100)
  const { groups } = await admin.describeGroups(['describe-group'])
  const [{ state, members }] = groups
  expect('state', ConsumerGroupStates.STABLE, state)
  expect(
    'client ids',
    ['conformance'],
    members.map(({ clientId }) => clientId)
  )
  const { topicPartitions } = members[0].assignment
  expect('assigned partitions', 4, topicPartitions.length)
  await consumer.disconnect()
}

async function groupOffsets() {
  await commitOffset('group-offsets', 'scenario', 2, 42)
  const { offset, metadata } = await committed('group-offsets', 'scenario', 2)
  expect('committed', ['42', 'a note'], [offset, metadata])
}

const remove = () => admin.deleteGroups(['delete-group'])

async function deleteGroup() {
  const consumer = await startConsumer('delete-group', 'group-consume')
  await until('100 records', () => consumer.messages.length >= 100)
  const refusal = await remove().then(
    () => 'nothing',
    error => `${error.groups?.[0]?.error?.message ?? error.message}`
  )
  expect(`refused with a member, not ${refusal}`, true, /not empty/i.test(refusal))
  await consumer.disconnect()
  await remove()
  expect('listed after deletion', undefined, await listed('delete-group'))
}

export async function groups() {
  await step('group-consume', () => groupConsume('group-consume'))
  await step('group-rebalance', () => rebalance('group-rebalance', 'group-consume'))
  await step('group-kip-848', async () => {
    needs('ConsumerGroupHeartbeat')
    const options = { more: { 'group.protocol': 'consumer' } }
    await groupConsume('group-kip-848', options)
    await rebalance('group-kip-848', 'group-kip-848', options)
  })
  await step('commit-resume', commitAndResume)
  await step('list-groups', async () => {
    const { state, protocolType } = await listed('group-consume')
    expect('group', [ConsumerGroupStates.EMPTY, 'consumer'], [state, protocolType])
  })
  await step('describe-group', describeGroup)
  await step('group-offsets', groupOffsets)
  await step('delete-group', deleteGroup)
}
