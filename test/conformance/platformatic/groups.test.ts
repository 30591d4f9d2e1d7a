import { beforeEach, describe, expect, test } from 'vitest'
import { useBroker } from '../broker.ts'
import { range, uniqueName, until } from '../waiting.ts'
import { PlatformaticClients } from './clients.ts'
import type { TextConsumer } from './clients.ts'

const clients = new PlatformaticClients(useBroker())

const protocols = [
  ['classic', { groupProtocol: 'classic' as const, heartbeatInterval: 200 }],
  ['consumer (KIP-848)', { groupProtocol: 'consumer' as const }]
] as const

function assigned(consumers: readonly TextConsumer[], topic: string): number[] {
  return consumers
    .flatMap(({ assignments }) => assignments ?? [])
    .filter(assignment => assignment.topic === topic)
    .flatMap(({ partitions }) => partitions)
    .toSorted((a, b) => a - b)
}

/** Closes a consumer with its streams; the types know only the form with a callback. */
function closed(consumer: TextConsumer): Promise<void> {
  return new Promise((resolve, reject) => {
    consumer.close(true, error => (error === null ? resolve() : reject(error)))
  })
}

for (const [name, options] of protocols) {
  describe(`a group of protocol ${name}`, () => {
    beforeEach(async ({ skip }) => {
      const apis = await clients.admin().listApis()
      const isServed = apis.some(({ name }) => name === 'ConsumerGroupHeartbeat')
      skip(
        options.groupProtocol === 'consumer' && !isServed,
        'the broker does not serve KIP-848 groups'
      )
    })

    const fromCommitted = { mode: 'committed', fallbackMode: 'earliest' } as const

    test('commits, and the next member goes on there', async () => {
      const topic = await clients.createTopic()
      const groupId = uniqueName('group')
      await clients.produce(range(5).map(index => ({ topic, value: `${index}` })))
      const first = clients.consumer({ groupId, ...options })
      const stream = await first.consume({ topics: [topic], autocommit: false, ...fromCommitted })
      let count = 0
      for await (const message of stream) {
        await message.commit()
        if (++count === 3) break
      }
      await closed(first)
      const second = clients.consumer({ groupId, ...options })
      const rest = await clients.collect(second, { topics: [topic], ...fromCommitted })
      await until('the rest', () => rest.length === 2)
      expect(rest.map(({ value }) => value)).toEqual(['3', '4'])
    })

    test('autocommit commits what was read', async () => {
      const topic = await clients.createTopic()
      const groupId = uniqueName('group')
      await clients.produce(range(5).map(index => ({ topic, value: `${index}` })))
      const consumer = clients.consumer({ groupId, ...options })
      const received = await clients.collect(consumer, {
        topics: [topic],
        autocommit: 50,
        ...fromCommitted
      })
      await until('all messages', () => received.length === 5)
      const admin = clients.admin()
      await until('the commit', async () => {
        const [group] = await admin.listConsumerGroupOffsets({ groups: [groupId] })
        return group?.topics[0]?.partitions[0]?.committedOffset === 5n
      })
    })

    test('shares partitions among members and takes them back from one that leaves', async () => {
      const topic = await clients.createTopic(6)
      const groupId = uniqueName('group')
      const first = clients.consumer({ groupId, ...options })
      const second = clients.consumer({ groupId, ...options })
      const received = await clients.collect(first, { topics: [topic], ...fromCommitted })
      await until('one member to have all', () => assigned([first], topic).length === 6)
      const others = await clients.collect(second, { topics: [topic], ...fromCommitted })
      await until('both to have a half', () => {
        const halves = [first, second].map(consumer => assigned([consumer], topic).length)
        return halves.every(count => count === 3)
      })
      expect(assigned([first, second], topic)).toEqual(range(6))
      await clients.produce(
        range(6).map(partition => ({ topic, partition, value: `${partition}` }))
      )
      // This client may hand out what a fetch brings for a partition that it has just given up.
      await until('all messages', () => {
        const values = new Set([...received, ...others].map(({ value }) => value))
        return values.size === 6
      })
      await closed(second)
      await until('one member to have all again', () => assigned([first], topic).length === 6)
    })
  })
}

test('a static member is described with its instance id', async () => {
  const topic = await clients.createTopic(2)
  const groupId = uniqueName('group')
  const options = { groupId, groupInstanceId: 'static-1', heartbeatInterval: 200 }
  await clients.produce([{ topic, partition: 0, value: 'a' }])
  const first = clients.consumer(options)
  const received = await clients.collect(first, { topics: [topic] })
  await until('the message', () => received.length === 1)
  const admin = clients.admin()
  const before = (await admin.describeGroups({ groups: [groupId] })).get(groupId)
  expect([...(before?.members.values() ?? [])].map(member => member.groupInstanceId)).toEqual([
    'static-1'
  ])
})

test('a member can commit by hand and read what is committed', async () => {
  const topic = await clients.createTopic(3)
  const consumer = clients.consumer()
  await clients.collect(consumer, { topics: [topic], autocommit: false })
  await consumer.commit({
    offsets: [
      { topic, partition: 0, offset: 5n, leaderEpoch: 0 },
      { topic, partition: 2, offset: 9n, leaderEpoch: 0 }
    ]
  })
  const committed = await consumer.listCommittedOffsets({
    topics: [{ topic, partitions: [0, 1, 2] }]
  })
  expect(committed.get(topic)).toEqual([5n, -1n, 9n])
})

test('the lag of a group is gone when everything is read and committed', async () => {
  const topic = await clients.createTopic()
  await clients.produce(range(8).map(index => ({ topic, value: `${index}` })))
  const consumer = clients.consumer()
  await clients.collect(consumer, { topics: [topic], autocommit: 50 })
  await until('no lag', async () => {
    const lag = await consumer.getLag({ topics: [topic] })
    return lag.get(topic)?.[0] === 0n
  })
})
