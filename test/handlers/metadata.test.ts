import { describe, expect, test } from 'vitest'
import { createTopic } from '../cluster/fixture.ts'
import { ControlPlane } from './control-plane.ts'

const notAsked = -2_147_483_648
const unknownId = 'AAAAAAAAAAAAAAAAAAAAAg'
const named = (...names: string[]) => names.map(name => ({ name }))

test('every version names the broker, the cluster and the topics', async () => {
  const plane = await ControlPlane.open({ configs: { 'broker.rack': 'r1' } })
  const topicId = await createTopic(plane.cluster, 'orders', { numPartitions: 2 })
  for (const version of ControlPlane.versions('Metadata')) {
    const answer = await plane.ask('Metadata', version, { topics: named('orders') })
    const rack = version >= 1 ? 'r1' : null
    expect(answer).toMatchObject({
      throttleTimeMs: 0,
      brokers: [{ nodeId: 1, host: 'broker.test', port: 9092, rack }],
      clusterId: version >= 2 ? plane.cluster.clusterId : null,
      controllerId: version >= 1 ? 1 : -1,
      clusterAuthorizedOperations: notAsked,
      errorCode: 0
    })
    expect(answer.topics).toEqual([
      {
        errorCode: 0,
        name: 'orders',
        topicId: version >= 10 ? topicId : 'AAAAAAAAAAAAAAAAAAAAAA',
        isInternal: false,
        topicAuthorizedOperations: notAsked,
        partitions: [0, 1].map(partitionIndex => ({
          errorCode: 0,
          partitionIndex,
          leaderId: 1,
          leaderEpoch: version >= 7 ? 0 : -1,
          replicaNodes: [1],
          isrNodes: [1],
          offlineReplicas: []
        }))
      }
    ])
  }
})

describe('what is asked for', () => {
  test('null means all topics, and an empty list none, but all in version 0', async () => {
    const plane = await ControlPlane.open()
    await createTopic(plane.cluster, 'a')
    await createTopic(plane.cluster, 'b')
    const names = async (version: number, topics: [] | null) =>
      (await plane.ask('Metadata', version, { topics })).topics.map(({ name }) => name)
    expect(await names(0, [])).toEqual(['a', 'b'])
    for (const version of ControlPlane.versions('Metadata').slice(1)) {
      expect(await names(version, null)).toEqual(['a', 'b'])
      expect(await names(version, [])).toEqual([])
    }
  })

  test('a topic that stands twice is answered once, in the order of the request', async () => {
    const plane = await ControlPlane.open()
    await createTopic(plane.cluster, 'a')
    const answer = await plane.ask('Metadata', 4, {
      topics: named('z', 'a', 'z', 'a'),
      allowAutoTopicCreation: false
    })
    expect(answer.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['z', 3],
      ['a', 0]
    ])
  })

  test('an id finds its topic; an unknown one is UNKNOWN_TOPIC_ID without a name', async () => {
    const plane = await ControlPlane.open()
    const topicId = await createTopic(plane.cluster, 'a')
    const asked = { name: null, topicId }
    const answer = await plane.ask('Metadata', 12, {
      topics: [asked, { name: null, topicId: unknownId }, asked]
    })
    expect(answer.topics).toMatchObject([
      { name: 'a', topicId, errorCode: 0 },
      { name: null, topicId: unknownId, errorCode: 100, partitions: [] }
    ])
  })

  test('names are not looked at beside ids, as in Kafka', async () => {
    const plane = await ControlPlane.open()
    const topicId = await createTopic(plane.cluster, 'a')
    const answer = await plane.ask('Metadata', 13, {
      topics: [{ name: 'made-by-nobody' }, { name: null, topicId }]
    })
    expect(answer.topics.map(({ name }) => name)).toEqual(['a'])
    expect(plane.cluster.topic('made-by-nobody')).toBeUndefined()
  })

  test('an id or a null name before version 12 is INVALID_REQUEST', async () => {
    const plane = await ControlPlane.open()
    for (const version of [10, 11]) {
      for (const topic of [{ name: null }, { name: 'a', topicId: unknownId }]) {
        const answer = await plane.ask('Metadata', version, { topics: [topic] })
        expect(answer.topics).toMatchObject([{ ...topic, name: topic.name ?? '', errorCode: 42 }])
        expect(answer.brokers).toEqual([])
      }
    }
    expect([...plane.cluster.topics()]).toEqual([])
  })
})

describe('a topic that does not exist', () => {
  test('is created before the answer, with num.partitions partitions', async () => {
    const plane = await ControlPlane.open({ configs: { 'num.partitions': '3' } })
    for (const version of ControlPlane.versions('Metadata')) {
      const name = `new-${version}`
      const { topics } = await plane.ask('Metadata', version, { topics: named(name) })
      expect(topics).toMatchObject([{ name, errorCode: 0 }])
      expect(topics[0]!.partitions).toHaveLength(3)
      expect(plane.cluster.topic(name)).toBeDefined()
    }
  })

  test('is created once for all who ask at the same time', async () => {
    const plane = await ControlPlane.open()
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => plane.ask('Metadata', 12, { topics: named('clicks') }))
    )
    const ids = new Set(answers.map(({ topics }) => topics[0]!.topicId))
    expect(ids.size).toBe(1)
    expect(plane.disk.opened).toHaveLength(1)
  })

  test('is UNKNOWN_TOPIC_OR_PARTITION when the client or the broker does not create', async () => {
    const plane = await ControlPlane.open()
    const refused = { topics: named('a'), allowAutoTopicCreation: false }
    expect((await plane.ask('Metadata', 4, refused)).topics).toMatchObject([{ errorCode: 3 }])
    const off = await ControlPlane.open({ configs: { 'auto.create.topics.enable': 'false' } })
    expect((await off.ask('Metadata', 1, { topics: named('a') })).topics).toMatchObject([
      { name: 'a', errorCode: 3, partitions: [] }
    ])
    expect([...plane.cluster.topics(), ...off.cluster.topics()]).toEqual([])
  })

  test('and cannot exist is INVALID_TOPIC_EXCEPTION, and hinders no other', async () => {
    const plane = await ControlPlane.open()
    for (const allowAutoTopicCreation of [true, false]) {
      const { topics } = await plane.ask('Metadata', 12, {
        topics: named('', 'a b', '..', 'good'),
        allowAutoTopicCreation
      })
      expect(topics.map(({ errorCode }) => errorCode)).toEqual([17, 17, 17, 0])
    }
    expect([...plane.cluster.topics()].map(({ name }) => name)).toEqual(['good'])
  })

  test('that could not be written is KAFKA_STORAGE_ERROR, and created next time', async () => {
    const plane = await ControlPlane.open()
    plane.disk.metadataLog.failNext = 'STORAGE'
    const ask = async () => (await plane.ask('Metadata', 9, { topics: named('a') })).topics
    expect(await ask()).toMatchObject([{ name: 'a', errorCode: 56 }])
    expect(await ask()).toMatchObject([{ name: 'a', errorCode: 0 }])
  })

  test("and is the broker's own gets the settings that its coordinator needs", async () => {
    const plane = await ControlPlane.open({ configs: { 'offsets.topic.num.partitions': '2' } })
    const { topics } = await plane.ask('Metadata', 9, { topics: named('__consumer_offsets') })
    expect(topics).toMatchObject([{ isInternal: true, errorCode: 0 }])
    expect(topics[0]!.partitions).toHaveLength(2)
    expect(plane.cluster.topic('__consumer_offsets')!.configs.cleanupPolicy.compact).toBe(true)
  })
})

describe('authorized operations', () => {
  const all = { topics: null, includeTopicAuthorizedOperations: true }

  test('are said when asked for, as bits of AclOperation', async () => {
    const plane = await ControlPlane.open()
    await createTopic(plane.cluster, 'a')
    const answer = await plane.ask('Metadata', 8, {
      ...all,
      includeClusterAuthorizedOperations: true
    })
    // READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS.
    expect(answer.topics[0]!.topicAuthorizedOperations).toBe(0b1101_1111_1000)
    expect(answer.clusterAuthorizedOperations).toBe(0b1_1111_1010_0000 & ~(1 << 6))
  })

  test('leave out what is denied', async () => {
    const plane = await ControlPlane.open()
    await createTopic(plane.cluster, 'a')
    plane.denied.add('WRITE TOPIC a').add('DESCRIBE CLUSTER')
    const answer = await plane.ask('Metadata', 10, {
      ...all,
      includeClusterAuthorizedOperations: true
    })
    expect(answer.topics[0]!.topicAuthorizedOperations).toBe(0b1101_1110_1000)
    expect(answer.clusterAuthorizedOperations).toBe(0)
  })
})

describe('authorization', () => {
  test('hides topics that may not be described, and whether they exist', async () => {
    const plane = await ControlPlane.open()
    const topicId = await createTopic(plane.cluster, 'secret')
    plane.denied.add('DESCRIBE TOPIC secret').add('DESCRIBE TOPIC none')
    expect((await plane.ask('Metadata', 12, { topics: null })).topics).toEqual([])
    const byName = await plane.ask('Metadata', 12, { topics: named('secret', 'none') })
    expect(byName.topics).toMatchObject([
      { name: 'secret', errorCode: 29, topicId: 'AAAAAAAAAAAAAAAAAAAAAA' },
      { name: 'none', errorCode: 29, topicId: 'AAAAAAAAAAAAAAAAAAAAAA' }
    ])
    const byId = await plane.ask('Metadata', 12, { topics: [{ name: null, topicId }] })
    expect(byId.topics).toMatchObject([{ name: null, errorCode: 29, topicId }])
    expect(plane.cluster.topic('none')).toBeUndefined()
  })

  test('creates only what may be created, on the cluster or by name', async () => {
    const plane = await ControlPlane.open()
    plane.denied.add('CREATE CLUSTER').add('CREATE TOPIC a')
    const { topics } = await plane.ask('Metadata', 12, { topics: named('a', 'b') })
    expect(topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['a', 29],
      ['b', 0]
    ])
  })
})

test('an unclean start shows in the leader epochs', async () => {
  const plane = await ControlPlane.open()
  await createTopic(plane.cluster, 'a')
  const again = await plane.disk.open({ cleanStart: false })
  expect(again.partition('a', 0)!.leaderEpoch).toBe(1)
})
