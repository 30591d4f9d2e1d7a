import kafkajs from 'kafkajs'
import type { ITopicConfig } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { useBroker } from '../broker.ts'
import { byText, range, uniqueName, until } from '../waiting.ts'
import { Clients, kafkaErrorsOf, mistyped } from './clients.ts'

const clients = new Clients(useBroker())
const { ConfigResourceTypes } = kafkajs

/** Few and quick retries, for errors that kafkajs believes may go away. */
const quick = { retry: { retries: 1, initialRetryTime: 20 } }

/** Stands for a broker of the cluster, whatever its id, in assignments written down here. */
const present = -1
/** Stands for a broker that no cluster here has. */
const absent = 999

async function realReplicas(assignments: readonly (readonly number[])[]): Promise<number[][]> {
  const admin = await clients.admin()
  const { brokers } = await admin.describeCluster()
  const nodeId = brokers[0]!.nodeId
  return assignments.map(replicas => replicas.map(id => (id === present ? nodeId : id)))
}

async function withRealReplicas(topic: ITopicConfig): Promise<ITopicConfig> {
  const assignment = topic.replicaAssignment ?? []
  const replicas = await realReplicas(assignment.map(({ replicas }) => replicas))
  const { replicaAssignment: _, ...rest } = topic
  if (topic.replicaAssignment === undefined) return rest
  return {
    ...rest,
    replicaAssignment: assignment.map(({ partition }, index) => ({
      partition,
      replicas: replicas[index]!
    }))
  }
}

async function topicConfig(topic: string, name: string): Promise<string | undefined> {
  const admin = await clients.admin()
  const { resources } = await admin.describeConfigs({
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: [name] }],
    includeSynonyms: false
  })
  return resources[0]?.configEntries[0]?.configValue
}

describe('createTopics', () => {
  test('makes a topic with the partitions asked for and answers true', async () => {
    const topic = uniqueName('topic')
    const admin = await clients.admin()
    expect(await admin.createTopics({ topics: [{ topic, numPartitions: 7 }] })).toBe(true)
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    expect(topics[0]?.partitions.map(({ partitionId }) => partitionId).toSorted(byText)).toEqual(
      range(7)
    )
  })

  test('makes several topics in one call', async () => {
    const names = range(4).map(() => uniqueName('topic'))
    const admin = await clients.admin()
    await admin.createTopics({
      topics: names.map((topic, index) => ({ topic, numPartitions: index + 1 }))
    })
    const { topics } = await admin.fetchTopicMetadata({ topics: names })
    const counts = new Map(topics.map(({ name, partitions }) => [name, partitions.length]))
    expect(names.map(name => counts.get(name))).toEqual([1, 2, 3, 4])
  })

  test('without a number of partitions or replicas takes the defaults of the broker', async () => {
    const topic = uniqueName('topic')
    const admin = await clients.admin()
    await admin.createTopics({ topics: [{ topic }] })
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    expect(topics[0]?.partitions).toHaveLength(1)
    expect(topics[0]?.partitions[0]?.replicas).toHaveLength(1)
  })

  test('sets the configs of the topic', async () => {
    const configEntries = [
      { name: 'retention.ms', value: '123456' },
      { name: 'cleanup.policy', value: 'compact,delete' }
    ]
    const topic = await clients.createTopic({ configEntries })
    expect(await topicConfig(topic, 'retention.ms')).toBe('123456')
    expect(await topicConfig(topic, 'cleanup.policy')).toBe('compact,delete')
  })

  test('follows a replica assignment', async () => {
    const admin = await clients.admin()
    const { brokers } = await admin.describeCluster()
    const replicas = [brokers[0]!.nodeId]
    const topic = uniqueName('topic')
    await admin.createTopics({
      topics: [
        {
          topic,
          numPartitions: -1,
          replicationFactor: -1,
          replicaAssignment: range(2).map(partition => ({ partition, replicas }))
        }
      ]
    })
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    expect(topics[0]?.partitions.map(partition => partition.replicas)).toEqual([replicas, replicas])
  })

  test('of a topic that exists answers false and changes nothing', async () => {
    const topic = await clients.createTopic({ numPartitions: 2 })
    const admin = await clients.admin()
    expect(await admin.createTopics({ topics: [{ topic, numPartitions: 9 }] })).toBe(false)
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    expect(topics[0]?.partitions).toHaveLength(2)
  })

  test('makes the new topics of a call though another one of it exists', async () => {
    const existing = await clients.createTopic()
    const topic = uniqueName('topic')
    const admin = await clients.admin()
    await admin.createTopics({ topics: [{ topic: existing }, { topic }] })
    expect(await admin.listTopics()).toContain(topic)
  })

  test('with validateOnly makes nothing', async () => {
    const topic = uniqueName('topic')
    const admin = await clients.admin()
    const created = await admin.createTopics({
      validateOnly: true,
      waitForLeaders: false,
      topics: [{ topic }]
    })
    expect(created).toBe(true)
    expect(await admin.listTopics()).not.toContain(topic)
  })

  test('with validateOnly finds the same faults as without', async () => {
    const admin = await clients.admin(quick)
    const created = admin.createTopics({
      validateOnly: true,
      waitForLeaders: false,
      topics: [{ topic: 'not valid!' }]
    })
    expect(await kafkaErrorsOf(created)).toEqual(['INVALID_TOPIC_EXCEPTION'])
  })

  const illegalNames = ['with space', 'with/slash', 'ümlaut', '.', '..', 'x'.repeat(250), '']
  for (const topic of illegalNames) {
    test(`INVALID_TOPIC_EXCEPTION answers the name '${topic.slice(0, 20)}'`, async () => {
      const admin = await clients.admin(quick)
      const created = admin.createTopics({ topics: [{ topic }] })
      expect(await kafkaErrorsOf(created)).toEqual(['INVALID_TOPIC_EXCEPTION'])
    })
  }

  test('takes a name of 249 characters and names with dots, dashes and underscores', async () => {
    const admin = await clients.admin()
    const names = [uniqueName('long').padEnd(249, 'x'), `${uniqueName('a.b-c')}_d`]
    await admin.createTopics({ topics: names.map(topic => ({ topic })) })
    const listed = await admin.listTopics()
    for (const name of names) expect(listed).toContain(name)
  })

  test('refuses a name that differs from another only in . and _', async () => {
    const prefix = uniqueName('collide')
    await clients.createTopic({ topic: `${prefix}.a_b` })
    const admin = await clients.admin(quick)
    const created = admin.createTopics({ topics: [{ topic: `${prefix}_a.b` }] })
    expect(await kafkaErrorsOf(created)).toEqual(['INVALID_TOPIC_EXCEPTION'])
  })

  const faults = [
    ['zero partitions', { numPartitions: 0 }, 'INVALID_PARTITIONS'],
    ['a negative number of partitions', { numPartitions: -3 }, 'INVALID_PARTITIONS'],
    ['zero replicas', { replicationFactor: 0 }, 'INVALID_REPLICATION_FACTOR'],
    ['more replicas than brokers', { replicationFactor: 9 }, 'INVALID_REPLICATION_FACTOR'],
    ['a config that does not exist', config('no.such.config', '1'), 'INVALID_CONFIG'],
    ['a config that is not a number', config('retention.ms', 'soon'), 'INVALID_CONFIG'],
    ['a config that is out of range', config('segment.bytes', '1'), 'INVALID_CONFIG'],
    ['a config that is not one of its words', config('cleanup.policy', 'burn'), 'INVALID_CONFIG'],
    [
      'an assignment to a broker that is not there',
      assign([[absent]]),
      'INVALID_REPLICA_ASSIGNMENT'
    ],
    ['an assignment with a hole', assign([[present]], 1), 'INVALID_REPLICA_ASSIGNMENT'],
    ['an assignment without replicas', assign([[]]), 'INVALID_REPLICA_ASSIGNMENT'],
    [
      'an assignment beside a number of partitions',
      { numPartitions: 3, ...assigned() },
      'INVALID_REQUEST'
    ],
    [
      'an assignment beside a number of replicas',
      { ...assign([[present]]), replicationFactor: 1 },
      'INVALID_REQUEST'
    ]
  ] as const
  for (const [fault, topicConfigs, error] of faults) {
    test(`refuses ${fault} with ${error} and makes nothing`, async () => {
      const topic = uniqueName('faulty')
      const admin = await clients.admin(quick)
      const created = admin.createTopics({
        topics: [await withRealReplicas({ ...topicConfigs, topic })]
      })
      expect(await kafkaErrorsOf(created)).toEqual([error])
      expect(await admin.listTopics()).not.toContain(topic)
    })
  }

  test('is refused by kafkajs itself for bad arguments', async () => {
    const admin = await clients.admin()
    const topics = mistyped<ITopicConfig[]>(undefined)
    await expect(admin.createTopics({ topics })).rejects.toThrow('Invalid topics array')
    const twice = [{ topic: 't' }, { topic: 't' }]
    await expect(admin.createTopics({ topics: twice })).rejects.toThrow('multiple entries')
    const unnamed = mistyped<ITopicConfig[]>([{ topic: 't', configEntries: [{ name: 'x' }] }])
    await expect(admin.createTopics({ topics: unnamed })).rejects.toThrow('valid "value"')
  })
})

describe('deleteTopics', () => {
  test('takes a topic away with its records: a new one of the same name is empty', async () => {
    const topic = await clients.createTopic({ numPartitions: 2 })
    await clients.produce(topic, [{ value: 'gone' }])
    const admin = await clients.admin()
    await admin.deleteTopics({ topics: [topic] })
    await until('it is not listed', async () => !(await admin.listTopics()).includes(topic))
    await clients.createTopic({ topic })
    const offsets = await admin.fetchTopicOffsets(topic)
    expect(offsets).toEqual([{ partition: 0, offset: '0', high: '0', low: '0' }])
  })

  test('of several topics takes all of them away', async () => {
    const names = [await clients.createTopic(), await clients.createTopic()]
    const admin = await clients.admin()
    await admin.deleteTopics({ topics: names })
    await until('neither is listed', async () => {
      const listed = await admin.listTopics()
      return names.every(name => !listed.includes(name))
    })
  })

  test('of a topic that does not exist fails with UNKNOWN_TOPIC_OR_PARTITION', async () => {
    const admin = await clients.admin(quick)
    const deleted = admin.deleteTopics({ topics: [uniqueName('missing')] })
    expect(await kafkaErrorsOf(deleted)).toEqual(['UNKNOWN_TOPIC_OR_PARTITION'])
  })

  test('takes committed offsets of the topic away with it', async () => {
    const topic = await clients.createTopic()
    const groupId = uniqueName('group')
    const admin = await clients.admin()
    await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '0' }] })
    await admin.deleteTopics({ topics: [topic] })
    await until(
      'the offsets are gone',
      async () => (await admin.fetchOffsets({ groupId })).length === 0
    )
  })
})

describe('createPartitions', () => {
  test('adds partitions and leaves the records of the old ones alone', async () => {
    const topic = await clients.createTopic({ numPartitions: 2 })
    await clients.produce(topic, [{ partition: 0, value: 'kept' }])
    const admin = await clients.admin()
    await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] })
    await until('five partitions', async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      return topics[0]?.partitions.length === 5
    })
    const offsets = await until('the new partitions to have leaders', () =>
      admin.fetchTopicOffsets(topic)
    )
    expect(offsets.toSorted((a, b) => a.partition - b.partition).map(({ high }) => high)).toEqual([
      '1',
      ...range(4).map(() => '0')
    ])
  })

  test('with validateOnly adds nothing', async () => {
    const topic = await clients.createTopic()
    const admin = await clients.admin()
    await admin.createPartitions({ validateOnly: true, topicPartitions: [{ topic, count: 5 }] })
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    expect(topics[0]?.partitions).toHaveLength(1)
  })

  test('follows assignments for the new partitions', async () => {
    const topic = await clients.createTopic()
    const admin = await clients.admin()
    const { brokers } = await admin.describeCluster()
    const replicas = [brokers[0]!.nodeId]
    const assignments = [replicas, replicas]
    await admin.createPartitions({ topicPartitions: [{ topic, count: 3, assignments }] })
    await until('three partitions', async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      return topics[0]?.partitions.length === 3
    })
  })

  const faults = [
    ['the same number', 3, undefined, 'INVALID_PARTITIONS'],
    ['a smaller number', 1, undefined, 'INVALID_PARTITIONS'],
    ['a negative number', -1, undefined, 'INVALID_PARTITIONS'],
    ['too few assignments', 5, [[present]], 'INVALID_REPLICA_ASSIGNMENT'],
    ['an assignment to a broker that is not there', 4, [[absent]], 'INVALID_REPLICA_ASSIGNMENT']
  ] as const
  for (const [fault, count, assignments, error] of faults) {
    test(`refuses ${fault} with ${error}`, async () => {
      const topic = await clients.createTopic({ numPartitions: 3 })
      const admin = await clients.admin(quick)
      const replicas = assignments && (await realReplicas(assignments))
      const topicPartitions = [{ topic, count, ...(replicas && { assignments: replicas }) }]
      expect(await kafkaErrorsOf(admin.createPartitions({ topicPartitions }))).toEqual([error])
    })
  }

  test('of a topic that does not exist fails with UNKNOWN_TOPIC_OR_PARTITION', async () => {
    const admin = await clients.admin(quick)
    const topicPartitions = [{ topic: uniqueName('missing'), count: 2 }]
    expect(await kafkaErrorsOf(admin.createPartitions({ topicPartitions }))).toEqual([
      'UNKNOWN_TOPIC_OR_PARTITION'
    ])
  })
})

describe('metadata', () => {
  test('listTopics lists every topic, new ones at once', async () => {
    const names = [await clients.createTopic(), await clients.createTopic()]
    const admin = await clients.admin()
    expect(await admin.listTopics()).toEqual(expect.arrayContaining(names))
  })

  test('fetchTopicMetadata tells leader and replicas of every partition', async () => {
    const topic = await clients.createTopic({ numPartitions: 2 })
    const admin = await clients.admin()
    const { brokers } = await admin.describeCluster()
    const nodeIds = brokers.map(({ nodeId }) => nodeId)
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    expect(topics).toHaveLength(1)
    for (const partition of topics[0]!.partitions) {
      expect(partition.partitionErrorCode).toBe(0)
      expect(nodeIds).toContain(partition.leader)
      expect(partition.replicas).toContain(partition.leader)
      expect(partition.isr).toEqual(partition.replicas)
      expect(partition.offlineReplicas).toEqual([])
    }
  })

  test('fetchTopicMetadata without names tells of all topics', async () => {
    const topic = await clients.createTopic()
    const admin = await clients.admin()
    const { topics } = await admin.fetchTopicMetadata()
    expect(topics.map(({ name }) => name)).toContain(topic)
  })

  test('fetchTopicMetadata of an unknown topic fails and makes nothing', async () => {
    const topic = uniqueName('missing')
    const admin = await clients.admin(quick)
    const fetched = admin.fetchTopicMetadata({ topics: [topic] })
    expect(await kafkaErrorsOf(fetched)).toEqual(['UNKNOWN_TOPIC_OR_PARTITION'])
    expect(await admin.listTopics()).not.toContain(topic)
  })

  test('describeCluster tells brokers, controller and a cluster id that stays', async () => {
    const admin = await clients.admin()
    const cluster = await admin.describeCluster()
    expect(cluster.brokers.map(({ nodeId }) => nodeId)).toContain(cluster.controller)
    expect(cluster.clusterId).toMatch(/^[A-Za-z0-9_-]{22}$/)
    const other = await clients.admin()
    expect(await other.describeCluster()).toEqual(cluster)
  })
})

describe('the events of an admin client', () => {
  test('tell of connections and requests, and unknown ones are refused', async () => {
    const admin = clients.kafka().admin()
    const events: string[] = []
    for (const name of [admin.events.CONNECT, admin.events.DISCONNECT, admin.events.REQUEST]) {
      admin.on(name, ({ type }) => events.push(type))
    }
    expect(() => admin.on(mistyped<'admin.connect'>('admin.unheard-of'), () => {})).toThrow(
      'Event name'
    )
    await admin.connect()
    await admin.listTopics()
    await admin.disconnect()
    await until('the last event', () => events.at(-1) === 'admin.disconnect')
    expect(new Set(events)).toEqual(
      new Set(['admin.connect', 'admin.network.request', 'admin.disconnect'])
    )
  })
})

function config(name: string, value: string) {
  return { configEntries: [{ name, value }] }
}

function assign(replicaLists: number[][], first = 0) {
  const replicaAssignment = replicaLists.map((replicas, index) => ({
    partition: first + index,
    replicas
  }))
  return { numPartitions: -1, replicationFactor: -1, replicaAssignment }
}

function assigned() {
  const { replicaAssignment } = assign([[present]])
  return { replicationFactor: -1, replicaAssignment }
}
