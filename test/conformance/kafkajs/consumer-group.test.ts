// kafkajs hands out functions that need no `this`, and declares them as methods.
/* oxlint-disable typescript/unbound-method */
import kafkajs from 'kafkajs'
import type { Assigner, Consumer, GroupMemberAssignment, PartitionAssigner } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { useBroker } from '../broker.ts'
import { byText, range, uniqueName, until } from '../waiting.ts'
import { Clients, joined, kafkaErrorsOf } from './clients.ts'

const clients = new Clients(useBroker())

/** A member that is followed: what it is assigned now, how often it joined, what it has read. */
interface Member {
  readonly consumer: Consumer
  assignment: Record<string, number[]>
  joins: number
  readonly values: string[]
}

interface MemberOptions {
  readonly partitionAssigners?: PartitionAssigner[]
  readonly sessionTimeout?: number
}

async function startMember(
  groupId: string,
  topics: string | string[],
  options: MemberOptions = {}
): Promise<Member> {
  const consumer = await clients.consumer({ groupId, ...options })
  const member: Member = { consumer, assignment: {}, joins: 0, values: [] }
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    member.assignment = payload.memberAssignment
    member.joins++
  })
  await consumer.subscribe({ topics: [topics].flat(), fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      member.values.push(String(message.value))
    }
  })
  return member
}

/** Resolves when the members together have every partition of a topic exactly once. */
async function untilShared(topic: string, partitions: number, members: Member[]): Promise<void> {
  await until('every partition to belong to one member', () => {
    const all = members.flatMap(({ assignment }) => assignment[topic] ?? [])
    return JSON.stringify(all.toSorted((a, b) => a - b)) === JSON.stringify(range(partitions))
  })
}

/** Gives everything to the member whose id sorts first, with user data of its own. */
function everythingToOne(name: string): PartitionAssigner {
  return ({ cluster }): Assigner => ({
    name,
    version: 3,
    async assign({ members, topics }): Promise<GroupMemberAssignment[]> {
      const [chosen] = members.map(({ memberId }) => memberId).toSorted(byText)
      const assignment = Object.fromEntries(
        topics.map(topic => [
          topic,
          cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
        ])
      )
      const userData = Buffer.from('from the leader')
      return members.map(({ memberId }) => ({
        memberId,
        memberAssignment: kafkajs.AssignerProtocol.MemberAssignment.encode({
          version: 3,
          assignment: memberId === chosen ? assignment : {},
          userData
        })
      }))
    },
    protocol: ({ topics }) => ({
      name,
      metadata: kafkajs.AssignerProtocol.MemberMetadata.encode({
        version: 3,
        topics,
        userData: Buffer.from('from a member')
      })
    })
  })
}

describe('rebalancing', () => {
  test('a member that joins gets a share, and gives it back when it leaves', async () => {
    const topic = await clients.createTopic({ numPartitions: 6 })
    const groupId = uniqueName('group')
    const first = await startMember(groupId, topic)
    await untilShared(topic, 6, [first])
    const second = await startMember(groupId, topic)
    await until('a second rebalance', () => first.joins >= 2 && second.joins >= 1)
    await untilShared(topic, 6, [first, second])
    expect(first.assignment[topic]).toHaveLength(3)
    await second.consumer.disconnect()
    await until('a third rebalance', () => first.joins >= 3)
    await untilShared(topic, 6, [first])
  })

  test('three members share the partitions, and every message is read once', async () => {
    const topic = await clients.createTopic({ numPartitions: 9 })
    const groupId = uniqueName('group')
    const members = [await startMember(groupId, topic)]
    members.push(await startMember(groupId, topic))
    members.push(await startMember(groupId, topic))
    await untilShared(topic, 9, members)
    expect(members.map(({ assignment }) => assignment[topic]?.length)).toEqual([3, 3, 3])
    const sent = range(90).map(index => ({ partition: index % 9, value: `${index}` }))
    await clients.produce(topic, sent)
    await until('all messages', () => members.flatMap(({ values }) => values).length >= 90)
    const read = members.flatMap(({ values }) => values).map(Number)
    expect(read.toSorted((a, b) => a - b)).toEqual(range(90))
  })

  test('a member without partitions takes over when another one leaves', async () => {
    const topic = await clients.createTopic({ numPartitions: 1 })
    const groupId = uniqueName('group')
    const first = await startMember(groupId, topic)
    await untilShared(topic, 1, [first])
    const second = await startMember(groupId, topic)
    await untilShared(topic, 1, [first, second])
    const idle = first.assignment[topic] === undefined ? first : second
    const busy = idle === first ? second : first
    expect(idle.assignment).toEqual({})
    await busy.consumer.disconnect()
    await untilShared(topic, 1, [idle])
    await clients.produce(topic, [{ value: 'for the one that is left' }])
    await until('the message', () => idle.values.length === 1)
  })

  test('members of different groups do not see each other', async () => {
    const topic = await clients.createTopic({ numPartitions: 2 })
    const members = [
      await startMember(uniqueName('group'), topic),
      await startMember(uniqueName('group'), topic)
    ]
    await clients.produce(
      topic,
      range(10).map(index => ({ value: `${index}` }))
    )
    await until('all messages, twice', () => members.every(({ values }) => values.length === 10))
    expect(members.map(({ joins }) => joins)).toEqual([1, 1])
  })

  test('members with different subscriptions are each given only what they asked for', async () => {
    const [first, second] = [await clients.createTopic(), await clients.createTopic()]
    const groupId = uniqueName('group')
    const members = [await startMember(groupId, first)]
    members.push(await startMember(groupId, second))
    await until('both to be in one generation', () => members.every(({ joins }) => joins >= 1))
    for (const { assignment } of members) expect(Object.keys(assignment).length).toBeLessThan(2)
  })

  test('commits survive a rebalance: nothing that was committed is read again', async () => {
    const topic = await clients.createTopic({ numPartitions: 4 })
    const groupId = uniqueName('group')
    const first = await startMember(groupId, topic)
    await clients.produce(
      topic,
      range(40).map(index => ({ partition: index % 4, value: `${index}` }))
    )
    await until('all messages', () => first.values.length === 40)
    const admin = await clients.admin()
    await until('all commits', async () => {
      const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] })
      return committed?.partitions.every(({ offset }) => offset === '10')
    })
    const second = await startMember(groupId, topic)
    await untilShared(topic, 4, [first, second])
    await clients.produce(
      topic,
      range(4).map(partition => ({ partition, value: `new ${partition}` }))
    )
    await until('the new ones', () => first.values.length + second.values.length >= 44)
    expect([...first.values.slice(40), ...second.values].toSorted(byText)).toEqual(
      range(4).map(partition => `new ${partition}`)
    )
  })

  test('ten members come and go quickly, and the group settles with all of them', async () => {
    const topic = await clients.createTopic({ numPartitions: 10 })
    const groupId = uniqueName('group')
    const members = await Promise.all(range(10).map(() => startMember(groupId, topic)))
    await untilShared(topic, 10, members)
    await Promise.all(members.slice(5).map(({ consumer }) => consumer.disconnect()))
    await untilShared(topic, 10, members.slice(0, 5))
  })

  test('REBALANCING is emitted by the members that were there before', async () => {
    const topic = await clients.createTopic({ numPartitions: 2 })
    const groupId = uniqueName('group')
    const first = await startMember(groupId, topic)
    await untilShared(topic, 2, [first])
    const rebalancing = new Promise<string>(resolve =>
      first.consumer.on(first.consumer.events.REBALANCING, ({ payload }) =>
        resolve(payload.groupId)
      )
    )
    await startMember(groupId, topic)
    expect(await rebalancing).toBe(groupId)
  })
})

describe('session timeout', () => {
  test('a member without a heartbeat in its session timeout loses its partitions', async () => {
    const topic = await clients.createTopic({ numPartitions: 2 })
    const groupId = uniqueName('group')
    const stuck = await clients.consumer({ groupId, sessionTimeout: 6_000 })
    let release = false
    let isStuck = false
    await clients.produce(topic, [
      { partition: 0, value: 'a' },
      { partition: 1, value: 'b' }
    ])
    await stuck.subscribe({ topic, fromBeginning: true })
    await stuck.run({
      eachMessage: async () => {
        isStuck = true
        await until('the other member to have everything', () => release, 120_000)
      }
    })
    await until('it is stuck', () => isStuck)
    const healthy = await startMember(groupId, topic, { sessionTimeout: 6_000 })
    await untilShared(topic, 2, [healthy])
    await until('both messages', () => healthy.values.length === 2)
    release = true
  })

  test('a member that was thrown out comes back as a new one', async () => {
    const topic = await clients.createTopic()
    const groupId = uniqueName('group')
    await clients.produce(topic, [{ value: '0' }, { value: '1' }])
    const consumer = await clients.consumer({ groupId, sessionTimeout: 6_000 })
    const memberIds: string[] = []
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => memberIds.push(payload.memberId))
    const admin = await clients.admin()
    const seen: string[] = []
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => {
        seen.push(String(message.value))
        if (seen.length > 1) return
        await until('the broker to give the member up', async () => {
          const { groups } = await admin.describeGroups([groupId])
          return groups[0]?.state === 'Empty'
        })
      }
    })
    await until('the second message', () => seen.includes('1'))
    expect(seen).toEqual(['0', '0', '1'])
    expect(new Set(memberIds).size).toBe(2)
  })

  test('a member that works longer than its session stays when it sends heartbeats', async () => {
    const topic = await clients.createTopic()
    const groupId = uniqueName('group')
    await clients.produce(topic, [{ value: '0' }])
    const consumer = await clients.consumer({ groupId, sessionTimeout: 6_000 })
    let joins = 0
    consumer.on(consumer.events.GROUP_JOIN, () => joins++)
    let finished = false
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ heartbeat }) => {
        const endMs = Date.now() + 7_000
        await until('more than a session to pass', async () => {
          await heartbeat()
          return Date.now() > endMs
        })
        finished = true
      }
    })
    await until('the work to be done', () => finished)
    const admin = await clients.admin()
    await until('the commit', async () => {
      const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] })
      return committed?.partitions[0]?.offset === '1'
    })
    expect(joins).toBe(1)
  })
})

describe('assigners', () => {
  test('a custom assigner decides, and the broker carries its bytes untouched', async () => {
    const topic = await clients.createTopic({ numPartitions: 3 })
    const groupId = uniqueName('group')
    const partitionAssigners = [everythingToOne('everything-to-one')]
    const members = [await startMember(groupId, topic, { partitionAssigners })]
    members.push(await startMember(groupId, topic, { partitionAssigners }))
    await until('both to be settled', () => members.every(({ joins }) => joins >= 1))
    await untilShared(topic, 3, members)
    expect(
      members.map(({ assignment }) => assignment[topic]?.length ?? 0).toSorted(byText)
    ).toEqual([0, 3])
    const description = await members[0]!.consumer.describeGroup()
    expect(description.protocol).toBe('everything-to-one')
    for (const { memberMetadata, memberAssignment } of description.members) {
      const metadata = kafkajs.AssignerProtocol.MemberMetadata.decode(memberMetadata)
      expect(metadata?.userData.toString()).toBe('from a member')
      const assignment = kafkajs.AssignerProtocol.MemberAssignment.decode(memberAssignment)
      expect(assignment?.userData.toString()).toBe('from the leader')
    }
  })

  test('the assigner that all members support is chosen', async () => {
    const topic = await clients.createTopic({ numPartitions: 2 })
    const groupId = uniqueName('group')
    const own = everythingToOne('own')
    const roundRobin = kafkajs.PartitionAssigners.roundRobin
    const first = await startMember(groupId, topic, { partitionAssigners: [own, roundRobin] })
    await untilShared(topic, 2, [first])
    expect((await first.consumer.describeGroup()).protocol).toBe('own')
    const second = await startMember(groupId, topic, { partitionAssigners: [roundRobin] })
    await until('both to be settled', () => first.joins >= 2 && second.joins >= 1)
    await untilShared(topic, 2, [first, second])
    expect((await first.consumer.describeGroup()).protocol).toBe('RoundRobinAssigner')
  })

  test('a member without a common assigner is INCONSISTENT_GROUP_PROTOCOL', async () => {
    const topic = await clients.createTopic()
    const groupId = uniqueName('group')
    const first = await startMember(groupId, topic)
    await untilShared(topic, 1, [first])
    const stranger = await clients.consumer({
      groupId,
      partitionAssigners: [everythingToOne('unheard-of')],
      retry: { retries: 0, restartOnFailure: async () => false }
    })
    const crashed = new Promise<Error>(resolve =>
      stranger.on(stranger.events.CRASH, ({ payload }) => resolve(payload.error))
    )
    await stranger.subscribe({ topic })
    await stranger.run({ eachMessage: async () => {} })
    const names = await kafkaErrorsOf(crashed.then(error => Promise.reject(error)))
    expect(names).toEqual(['INCONSISTENT_GROUP_PROTOCOL'])
    expect(first.joins).toBe(1)
  })

  test('RECEIVED_UNSUBSCRIBED_TOPICS tells of topics a member did not ask for', async () => {
    const [topic, other] = [await clients.createTopic(), await clients.createTopic()]
    const assigner: PartitionAssigner = config => ({
      ...everythingToOne('careless')(config),
      assign: async ({ members }) =>
        members.map(({ memberId }) => ({
          memberId,
          memberAssignment: kafkajs.AssignerProtocol.MemberAssignment.encode({
            version: 0,
            assignment: { [topic]: [0], [other]: [0] },
            userData: Buffer.alloc(0)
          })
        }))
    })
    const consumer = await clients.consumer({ partitionAssigners: [assigner] })
    const received = new Promise<string[]>(resolve =>
      consumer.on(consumer.events.RECEIVED_UNSUBSCRIBED_TOPICS, ({ payload }) =>
        resolve(payload.topicsNotSubscribed)
      )
    )
    await consumer.subscribe({ topic })
    await consumer.run({ eachMessage: async () => {} })
    expect(await received).toEqual([other])
  })
})

describe('describeGroup', () => {
  test('tells the state, the protocol and every member with its assignment', async () => {
    const topic = await clients.createTopic({ numPartitions: 2 })
    const groupId = uniqueName('group')
    const member = await startMember(groupId, topic)
    await untilShared(topic, 2, [member])
    const description = await member.consumer.describeGroup()
    expect(description).toMatchObject({
      groupId,
      state: 'Stable',
      protocolType: 'consumer',
      protocol: 'RoundRobinAssigner'
    })
    expect(description.members).toHaveLength(1)
    const [described] = description.members
    expect(described).toMatchObject({ clientId: 'conformance', clientHost: '/127.0.0.1' })
    const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol
    const { assignment } = MemberAssignment.decode(described!.memberAssignment)!
    expect(Object.keys(assignment)).toEqual([topic])
    expect(assignment[topic]?.toSorted(byText)).toEqual([0, 1])
    expect(MemberMetadata.decode(described!.memberMetadata)?.topics).toEqual([topic])
  })

  test('of a group that does not exist answers Dead without an error', async () => {
    const groupId = uniqueName('group')
    const consumer = await clients.consumer({ groupId })
    expect(await consumer.describeGroup()).toMatchObject({
      groupId,
      state: 'Dead',
      protocolType: '',
      protocol: '',
      members: []
    })
  })
})

describe('topics that change under a group', () => {
  test('partitions that are added are found, and the group rebalances to read them', async () => {
    const topic = await clients.createTopic({ numPartitions: 1 })
    const consumer = await clients.consumer({ metadataMaxAge: 50 })
    const joining = joined(consumer)
    const received = await clients.collect(consumer, topic)
    expect(await joining).toEqual({ [topic]: [0] })
    const rejoining = joined(consumer)
    const admin = await clients.admin()
    await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] })
    expect((await rejoining)[topic]?.toSorted(byText)).toEqual([0, 1, 2])
    await clients.produce(
      topic,
      range(3).map(partition => ({ partition, value: 'x' }))
    )
    await until('a message of every partition', () => received.length === 3)
    expect(received.map(({ partition }) => partition).toSorted(byText)).toEqual([0, 1, 2])
  })

  test('a group goes on with its other topic when one is deleted', async () => {
    const [kept, deleted] = [await clients.createTopic(), await clients.createTopic()]
    const consumer = await clients.consumer({ metadataMaxAge: 50, allowAutoTopicCreation: false })
    const joining = joined(consumer)
    const received = await clients.collect(consumer, [kept, deleted])
    await joining
    const admin = await clients.admin()
    await admin.deleteTopics({ topics: [deleted] })
    await clients.createTopic({ topic: deleted })
    await clients.produce(kept, [{ value: 'kept' }])
    await until('the message', () => received.some(({ value }) => value === 'kept'))
  })
})
