// The scenario's steps with groups, in both protocols.
import {
  call,
  committed,
  connectConsumer,
  createTopic,
  disconnect,
  plain,
  poll,
  send
} from './client.mjs'
import { clientHasNo, expect, expectSame, needs, records, step, until } from './scenario.mjs'

async function member(group, topic, options = {}) {
  const consumer = await connectConsumer({ 'group.id': group, ...options })
  consumer.subscribe([topic])
  return consumer
}

const byKey = (a, b) => (a.key < b.key ? -1 : 1)

async function groupConsume(group, options) {
  await createTopic(group, 4)
  const sent = records(100)
  await send(group, sent)
  const consumer = await member(group, group, options)
  const back = plain(await poll(consumer, sent.length))
  await disconnect(consumer)
  expectSame(sent.toSorted(byKey), back.toSorted(byKey))
}

/** A member that polls in the background and counts its partitions. */
async function counted(group, topic, options) {
  const consumer = await member(group, topic, options)
  const stop = new AbortController()
  const polling = (async () => {
    while (!stop.signal.aborted) await call(consumer, 'consume', 100)
  })()
  return {
    has: count => consumer.assignments().length === count,
    leave: async () => {
      stop.abort()
      await polling
      await disconnect(consumer)
    }
  }
}

async function rebalance(group, topic, options) {
  const first = await counted(group, topic, options)
  await until('the first member has all four partitions', () => first.has(4))
  const second = await counted(group, topic, options)
  await until('both members have two partitions', () => first.has(2) && second.has(2))
  await second.leave()
  await until('the first member has all four partitions again', () => first.has(4))
  await first.leave()
}

async function commitAndResume() {
  const topic = 'commit-resume'
  await createTopic(topic, 1)
  await send(topic, records(100))
  const first = await member(topic, topic)
  await poll(first, 100)
  first.commitSync([{ topic, partition: 0, offset: 40 }])
  await disconnect(first)
  const second = await member(topic, topic)
  const back = await poll(second, 60)
  await disconnect(second)
  expect('resumed at', 40, back[0].offset)
}

async function groupOffsets() {
  const committer = await connectConsumer({ 'group.id': 'group-offsets' })
  committer.commitSync([{ topic: 'scenario', partition: 2, offset: 42 }])
  await disconnect(committer)
  expect('committed', 42, await committed('group-offsets', 'scenario', 2))
  expect('without a commit', null, await committed('group-offsets', 'scenario', 1))
}

const lacks = what => async () => {
  throw clientHasNo(what)
}

export async function groups() {
  await step('group-consume', () => groupConsume('group-consume'))
  const often = { 'heartbeat.interval.ms': 300 }
  await step('group-rebalance', () => rebalance('group-rebalance', 'group-consume', often))
  await step('group-kip-848', async () => {
    needs('ConsumerGroupHeartbeat')
    const protocol = { 'group.protocol': 'consumer' }
    await groupConsume('group-kip-848', protocol)
    await rebalance('group-kip-848', 'group-kip-848', protocol)
  })
  await step('commit-resume', commitAndResume)
  await step('list-groups', lacks('its admin client has no groups'))
  await step('describe-group', lacks('its admin client has no groups'))
  await step('group-offsets', groupOffsets)
  await step('delete-group', lacks('its admin client has no groups'))
}
