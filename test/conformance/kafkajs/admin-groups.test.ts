import { describe, expect, test } from 'vitest'
import { useBroker } from '../broker.ts'
import { uniqueName, until } from '../waiting.ts'
import { Clients, joined, kafkaErrorsOf } from './clients.ts'

const clients = new Clients(useBroker())

const quick = { retry: { retries: 1, initialRetryTime: 20 } }

/** Runs a consumer of a new topic in a group until it has its partition. */
async function startGroup(groupId: string) {
  const topic = await clients.createTopic()
  const consumer = await clients.consumer({ groupId })
  const joining = joined(consumer)
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ eachMessage: async () => {} })
  await joining
  return { topic, consumer }
}

describe('listGroups', () => {
  test('lists groups with and without members', async () => {
    const [running, empty] = [uniqueName('group'), uniqueName('group')]
    await startGroup(running)
    const { consumer, topic } = await startGroup(empty)
    await consumer.commitOffsets([{ topic, partition: 0, offset: '0' }])
    await consumer.disconnect()
    const admin = await clients.admin()
    const { groups } = await admin.listGroups()
    for (const groupId of [running, empty]) {
      expect(groups).toContainEqual({ groupId, protocolType: 'consumer' })
    }
  })
})

describe('describeGroups', () => {
  test('tells the states of running, empty and unknown groups in one call', async () => {
    const [running, empty, unknown] = [uniqueName('a'), uniqueName('b'), uniqueName('c')]
    await startGroup(running)
    const { consumer, topic } = await startGroup(empty)
    await consumer.commitOffsets([{ topic, partition: 0, offset: '0' }])
    await consumer.disconnect()
    const admin = await clients.admin()
    const { groups } = await admin.describeGroups([running, empty, unknown])
    const states = new Map(groups.map(({ groupId, state }) => [groupId, state]))
    expect(states).toEqual(
      new Map([
        [running, 'Stable'],
        [empty, 'Empty'],
        [unknown, 'Dead']
      ])
    )
    const described = new Map(groups.map(group => [group.groupId, group]))
    expect(described.get(running)).toMatchObject({
      protocolType: 'consumer',
      protocol: 'RoundRobinAssigner'
    })
    expect(described.get(empty)).toMatchObject({
      protocolType: 'consumer',
      protocol: '',
      members: []
    })
    expect(described.get(unknown)).toMatchObject({ protocolType: '', protocol: '', members: [] })
  })
})

describe('deleteGroups', () => {
  test('takes an empty group away with its offsets', async () => {
    const groupId = uniqueName('group')
    const { consumer, topic } = await startGroup(groupId)
    await consumer.commitOffsets([{ topic, partition: 0, offset: '0' }])
    await consumer.disconnect()
    const admin = await clients.admin()
    expect(await admin.deleteGroups([groupId])).toEqual([{ groupId, errorCode: 0 }])
    const { groups } = await admin.listGroups()
    expect(groups.map(group => group.groupId)).not.toContain(groupId)
    expect(await admin.fetchOffsets({ groupId })).toEqual([])
  })

  test('refuses a group that has members with NON_EMPTY_GROUP', async () => {
    const groupId = uniqueName('group')
    await startGroup(groupId)
    const admin = await clients.admin(quick)
    expect(await kafkaErrorsOf(admin.deleteGroups([groupId]))).toEqual(['NON_EMPTY_GROUP'])
  })

  test('refuses a group that does not exist with GROUP_ID_NOT_FOUND', async () => {
    const admin = await clients.admin(quick)
    const deleted = admin.deleteGroups([uniqueName('missing')])
    expect(await kafkaErrorsOf(deleted)).toEqual(['GROUP_ID_NOT_FOUND'])
  })

  test('of several groups deletes those it can and names the others', async () => {
    const [empty, running] = [uniqueName('group'), uniqueName('group')]
    const { consumer, topic } = await startGroup(empty)
    await consumer.commitOffsets([{ topic, partition: 0, offset: '0' }])
    await consumer.disconnect()
    await startGroup(running)
    const admin = await clients.admin(quick)
    expect(await kafkaErrorsOf(admin.deleteGroups([empty, running]))).toEqual(['NON_EMPTY_GROUP'])
    await until('the empty one is gone', async () => {
      const { groups } = await admin.listGroups()
      return !groups.some(({ groupId }) => groupId === empty)
    })
  })

  test('lets a group of the same name begin anew', async () => {
    const groupId = uniqueName('group')
    const { consumer, topic } = await startGroup(groupId)
    await clients.produce(topic, [{ value: 'x' }])
    const admin = await clients.admin()
    await until('the commit', async () => {
      const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] })
      return committed?.partitions[0]?.offset === '1'
    })
    await consumer.disconnect()
    await admin.deleteGroups([groupId])
    const next = await clients.consumer({ groupId })
    const received = await clients.collect(next, topic)
    await until('the message again', () => received.length === 1)
  })
})
