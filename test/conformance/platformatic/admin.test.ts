import {
  IncrementalAlterConfigOperationTypes,
  type IncrementalAlterConfigsOptions
} from '@platformatic/kafka'
import { describe, expect, test } from 'vitest'
import { useBroker } from '../broker.ts'
import { range, uniqueName, until } from '../waiting.ts'
import { baseMs, kafkaErrorsOf, PlatformaticClients } from './clients.ts'

const clients = new PlatformaticClients(useBroker())
const topicResource = 2

type Change = IncrementalAlterConfigsOptions['resources'][number]['configs'][number]

async function configOf(topic: string, name: string): Promise<string | null | undefined> {
  const [description] = await clients.admin().describeConfigs({
    resources: [{ resourceType: topicResource, resourceName: topic, configurationKeys: [name] }],
    includeSynonyms: true,
    includeDocumentation: true
  })
  return description?.configs[0]?.value
}

/** A consumer of a new topic that is a member of the group and has read a message. */
async function runningGroup(groupId: string): Promise<string> {
  const topic = await clients.createTopic()
  await clients.produce([{ topic, value: 'x' }])
  const consumer = clients.consumer({ groupId })
  const received = await clients.collect(consumer, { topics: [topic] })
  await until('the message', () => received.length === 1)
  return topic
}

describe('topics', () => {
  test('createTopics answers id, partitions, replicas and configs of the new topic', async () => {
    const admin = clients.admin()
    const name = uniqueName('topic')
    const [created] = await admin.createTopics({
      topics: [name],
      partitions: 4,
      replicas: 1,
      configs: [{ name: 'retention.ms', value: '60000' }]
    })
    expect(created).toMatchObject({ name, partitions: 4, replicas: 1 })
    expect(created?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/)
    expect(created?.configuration['retention.ms']).toBe('60000')
    expect(created?.configuration['cleanup.policy']).toBe('delete')
    const metadata = await admin.metadata({ topics: [name], forceUpdate: true })
    expect(metadata.topics.get(name)?.id).toBe(created?.id)
    expect(metadata.topics.get(name)?.partitionsCount).toBe(4)
  })

  test('listTopics lists what was made, and no internal topics', async () => {
    const topic = await clients.createTopic()
    const listed = await clients.admin().listTopics()
    expect(listed).toContain(topic)
    expect(listed).not.toContain('__consumer_offsets')
  })

  const refusals = [
    ['a name that is not legal', { topics: ['no topic'] }, 'INVALID_TOPIC_EXCEPTION'],
    ['zero partitions', { topics: [uniqueName('t')], partitions: 0 }, 'INVALID_PARTITIONS'],
    ['too many replicas', { topics: [uniqueName('t')], replicas: 9 }, 'INVALID_REPLICATION_FACTOR'],
    [
      'a config that does not exist',
      { topics: [uniqueName('t')], configs: [{ name: 'no.such', value: '1' }] },
      'INVALID_CONFIG'
    ]
  ] as const
  for (const [fault, options, error] of refusals) {
    test(`createTopics refuses ${fault} with ${error}`, async () => {
      const created = clients.admin().createTopics({
        ...options,
        topics: [...options.topics],
        configs: 'configs' in options ? [...options.configs] : []
      })
      expect(await kafkaErrorsOf(created)).toEqual([error])
    })
  }

  test('createTopics of a topic that exists is TOPIC_ALREADY_EXISTS', async () => {
    const topic = await clients.createTopic()
    const created = clients.admin().createTopics({ topics: [topic] })
    expect(await kafkaErrorsOf(created)).toEqual(['TOPIC_ALREADY_EXISTS'])
  })

  test('deleteTopics takes a topic away; made again it has another id', async () => {
    const admin = clients.admin()
    const name = uniqueName('topic')
    const [first] = await admin.createTopics({ topics: [name], partitions: 1, replicas: 1 })
    await admin.deleteTopics({ topics: [name] })
    await until('it is gone', async () => !(await clients.admin().listTopics()).includes(name))
    const [second] = await admin.createTopics({ topics: [name], partitions: 1, replicas: 1 })
    expect(second?.id).not.toBe(first?.id)
  })

  test('createPartitions adds partitions, and refuses assignments of another count', async () => {
    const name = await clients.createTopic(2)
    const admin = clients.admin()
    const wrong = admin.createPartitions({ topics: [{ name, count: 5, assignments: [] }] })
    expect(await kafkaErrorsOf(wrong)).toEqual(['INVALID_REPLICA_ASSIGNMENT'])
    const nodeId = [...(await admin.metadata({ topics: [name] })).brokers.keys()][0]!
    const assignments = range(3).map(() => ({ brokerIds: [nodeId] }))
    await admin.createPartitions({ topics: [{ name, count: 5, assignments }] })
    await until('five partitions', async () => {
      const metadata = await admin.metadata({ topics: [name], forceUpdate: true })
      return metadata.topics.get(name)?.partitionsCount === 5
    })
  })
})

describe('configs', () => {
  test('incrementalAlterConfigs sets, deletes, appends and subtracts', async () => {
    const topic = await clients.createTopic(1, { 'retention.ms': '1000' })
    const alter = async (change: Change): Promise<void> => {
      const resource = { resourceType: topicResource, resourceName: topic } as const
      await clients
        .admin()
        .incrementalAlterConfigs({ resources: [{ ...resource, configs: [change] }] })
    }
    const { SET, DELETE, APPEND, SUBTRACT } = IncrementalAlterConfigOperationTypes
    const becomes = (name: string, value: string): Promise<boolean> =>
      until(`${name} is ${value}`, async () => (await configOf(topic, name)) === value)
    await alter({ name: 'segment.bytes', configOperation: SET, value: '2000000' })
    await becomes('segment.bytes', '2000000')
    expect(await configOf(topic, 'retention.ms')).toBe('1000')
    await alter({ name: 'retention.ms', configOperation: DELETE })
    await becomes('retention.ms', '604800000')
    await alter({ name: 'cleanup.policy', configOperation: APPEND, value: 'compact' })
    await becomes('cleanup.policy', 'delete,compact')
    await alter({ name: 'cleanup.policy', configOperation: SUBTRACT, value: 'delete' })
    await becomes('cleanup.policy', 'compact')
  })

  test('alterConfigs replaces all configs', async () => {
    const topic = await clients.createTopic(1, { 'retention.ms': '1000' })
    const configs = [{ name: 'segment.bytes', value: '2000000' }]
    await clients.admin().alterConfigs({
      resources: [{ resourceType: topicResource, resourceName: topic, configs }]
    })
    await until(
      'the old one is gone',
      async () => (await configOf(topic, 'retention.ms')) === '604800000'
    )
    expect(await configOf(topic, 'segment.bytes')).toBe('2000000')
  })

  test('describeConfigs tells types and documentation', async () => {
    const topic = await clients.createTopic()
    const [description] = await clients.admin().describeConfigs({
      resources: [{ resourceType: topicResource, resourceName: topic, configurationKeys: null }],
      includeSynonyms: true,
      includeDocumentation: true
    })
    const retention = description?.configs.find(({ name }) => name === 'retention.ms')
    const long = 5
    expect(retention).toMatchObject({ configType: long, readOnly: false, isSensitive: false })
    expect(retention?.documentation).toEqual(expect.stringMatching(/\w/))
  })
})

describe('offsets, records and log directories', () => {
  test('listOffsets answers end, beginning, largest timestamp and a time', async () => {
    const name = await clients.createTopic()
    await clients.produce([
      { topic: name, value: 'a', timestamp: baseMs + 1_000n },
      { topic: name, value: 'b', timestamp: baseMs + 3_000n },
      { topic: name, value: 'c', timestamp: baseMs + 2_000n }
    ])
    const ask = async (timestamp: bigint): Promise<readonly [bigint, bigint]> => {
      const partitions = [{ partitionIndex: 0, timestamp }]
      const [topic] = await clients.admin().listOffsets({ topics: [{ name, partitions }] })
      return [topic!.partitions[0]!.offset, topic!.partitions[0]!.timestamp]
    }
    expect(await ask(-1n)).toEqual([3n, -1n])
    expect(await ask(-2n)).toEqual([0n, -1n])
    expect(await ask(-3n)).toEqual([1n, baseMs + 3_000n])
    expect(await ask(baseMs + 1_500n)).toEqual([1n, baseMs + 3_000n])
    expect(await ask(baseMs + 9_000n)).toEqual([-1n, -1n])
  })

  test('deleteRecords moves the start of the log and answers the new one', async () => {
    const name = await clients.createTopic()
    await clients.produce(range(10).map(index => ({ topic: name, value: `${index}` })))
    const partitions = [{ partition: 0, offset: 4n }]
    const deleted = await clients.admin().deleteRecords({ topics: [{ name, partitions }] })
    expect(deleted).toEqual([{ name, partitions: [{ partition: 0, lowWatermark: 4n }] }])
    expect((await clients.readTopic(name, 6)).map(({ offset }) => Number(offset))).toEqual(
      range(6).map(index => index + 4)
    )
  })

  test('describeLogDirs tells the size of every partition that was asked for', async () => {
    const name = await clients.createTopic(2)
    await clients.produce([{ topic: name, partition: 1, value: 'x'.repeat(500) }])
    const partitions = [0, 1]
    const [description] = await clients.admin().describeLogDirs({ topics: [{ name, partitions }] })
    const sizes = description!.results
      .flatMap(({ topics }) => topics)
      .filter(topic => topic.name === name)
      .flatMap(topic => topic.partitions)
      .toSorted((a, b) => a.partitionIndex - b.partitionIndex)
      .map(({ partitionSize }) => Number(partitionSize))
    expect(sizes[0]).toBe(0)
    expect(sizes[1]).toBeGreaterThan(500)
  })
})

describe('groups', () => {
  test('listGroups tells state, type and protocol, and filters by state', async () => {
    const groupId = uniqueName('group')
    await runningGroup(groupId)
    const admin = clients.admin()
    await until('it is stable', async () => {
      const group = (await admin.listGroups()).get(groupId)
      return group?.state === 'STABLE'
    })
    const group = (await admin.listGroups({ types: ['classic'] })).get(groupId)
    expect(group).toMatchObject({ id: groupId, groupType: 'classic', protocolType: 'consumer' })
    expect((await admin.listGroups({ states: ['EMPTY'] })).has(groupId)).toBe(false)
  })

  test('describeGroups tells members with their clients and assignments', async () => {
    const groupId = uniqueName('group')
    const topic = await runningGroup(groupId)
    const group = (await clients.admin().describeGroups({ groups: [groupId] })).get(groupId)
    expect(group).toMatchObject({ id: groupId, protocolType: 'consumer', state: 'STABLE' })
    const [member] = group!.members.values()
    expect(member).toMatchObject({ clientId: 'conformance', clientHost: '/127.0.0.1' })
    expect(member?.assignments?.get(topic)).toEqual({ topic, partitions: [0] })
  })

  test('offsets of a group without members are set, listed and deleted', async () => {
    const name = await clients.createTopic(2)
    const groupId = uniqueName('group')
    const admin = clients.admin()
    const partitionOffsets = range(2).map(partition => ({
      partition,
      offset: BigInt(partition + 3)
    }))
    await admin.alterConsumerGroupOffsets({ groupId, topics: [{ name, partitionOffsets }] })
    const list = async () => {
      const [group] = await admin.listConsumerGroupOffsets({ groups: [groupId] })
      const partitions = group?.topics.find(topic => topic.name === name)?.partitions ?? []
      return partitions.map(({ partitionIndex, committedOffset }) => [
        partitionIndex,
        committedOffset
      ])
    }
    expect(await list()).toEqual([
      [0, 3n],
      [1, 4n]
    ])
    await admin.deleteConsumerGroupOffsets({ groupId, topics: [{ name, partitionIndexes: [0] }] })
    expect(await list()).toEqual([[1, 4n]])
  })

  test('deleteGroups takes an empty group away and refuses one that runs', async () => {
    const [empty, running] = [uniqueName('group'), uniqueName('group')]
    const name = await runningGroup(running)
    const admin = clients.admin()
    const partitionOffsets = [{ partition: 0, offset: 1n }]
    await admin.alterConsumerGroupOffsets({ groupId: empty, topics: [{ name, partitionOffsets }] })
    await admin.deleteGroups({ groups: [empty] })
    expect((await admin.listGroups()).has(empty)).toBe(false)
    const refused = admin.deleteGroups({ groups: [running] })
    expect(await kafkaErrorsOf(refused)).toEqual(['NON_EMPTY_GROUP'])
  })

  test('removeMembersFromConsumerGroup throws all members out', async () => {
    const groupId = uniqueName('group')
    const topic = await clients.createTopic()
    const consumer = clients.consumer({ groupId, heartbeatInterval: 200 })
    await clients.collect(consumer, { topics: [topic] })
    const memberId = consumer.memberId
    const admin = clients.admin()
    await admin.removeMembersFromConsumerGroup({ groupId, members: null })
    await until('the member to come back as another one', () => {
      return consumer.memberId !== null && consumer.memberId !== memberId
    })
  })

  test('findCoordinator names a broker of the cluster', async () => {
    const admin = clients.admin()
    const [found] = await admin.findCoordinator({ keyType: 0, keys: [uniqueName('group')] })
    const { brokers } = await admin.metadata({})
    expect(brokers.get(found!.nodeId)).toMatchObject({ host: found?.host, port: found?.port })
  })
})
