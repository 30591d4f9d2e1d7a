import { batchOf } from '../batches.ts'
import type { Conversation, Request, Speaker, Talk, Topic } from '../talk.ts'
import { versions } from '../versions.ts'
import { fetchOf } from './fetch.ts'
import { joinOf } from './join-group.ts'
import { produceTo } from './produce.ts'

/** What brokers answer that are not the right ones: three of them, of which the first is asked. */
export const cluster: Conversation = {
  name: 'cluster',
  setup: 'cluster',
  async run(talk) {
    const clients = [1, 2, 3].map(nodeId => talk.connect(`client-${nodeId}`, { nodeId }))
    const topic = await talk.topic('a', {
      assignments: [
        [1, 2, 3],
        [2, 3, 1],
        [3, 1, 2]
      ]
    })
    await known(clients, topic)
    await elsewhere(clients[0]!, topic)
    await groupsElsewhere(talk, clients)
    await replicas(talk, clients, topic)
    await reassigned(talk, clients[0]!)
  }
}

async function known(clients: readonly Speaker[], topic: Topic): Promise<void> {
  for (const [index, client] of clients.entries()) {
    const note = `by broker ${index + 1}`
    for (const version of versions('Metadata'))
      await client.attempt('Metadata', version, { topics: [{ name: topic.name }] }, note)
    for (const version of versions('DescribeCluster'))
      await client.attempt(
        'DescribeCluster',
        version,
        { includeClusterAuthorizedOperations: false },
        note
      )
    const asked = { topics: [{ name: topic.name }], responsePartitionLimit: 10 }
    await client.attempt('DescribeTopicPartitions', 0, asked, note)
    await client.attempt(
      'DescribeLogDirs',
      4,
      { topics: [{ topic: topic.name, partitions: [0, 1, 2] }] },
      note
    )
  }
}

/** Partition 1 is led by broker 2, partition 2 by broker 3. */
async function elsewhere(client: Speaker, topic: Topic): Promise<void> {
  const { name } = topic
  const partitions = [0, 1, 2]
  for (const version of versions('Produce'))
    for (const index of partitions)
      for (const acks of [1, -1])
        await client.attempt(
          'Produce',
          version,
          produceTo(topic, batchOf(['x']), { index, acks }),
          `acks ${acks}, partition ${index}`
        )
  for (const version of versions('Fetch')) {
    for (const partition of partitions)
      await client.attempt(
        'Fetch',
        version,
        fetchOf([[topic, { partition }]]),
        `partition ${partition}`
      )
    for (const currentLeaderEpoch of [0, 5])
      await client.attempt(
        'Fetch',
        version,
        fetchOf([[topic, { partition: 1, currentLeaderEpoch }]]),
        `partition 1 at epoch ${currentLeaderEpoch}`
      )
    await client.attempt(
      'Fetch',
      version,
      fetchOf([[topic, { partition: 1 }]], { replicaId: -2, replicaState: { replicaId: -2 } }),
      'partition 1, for a debugger'
    )
    await client.attempt(
      'Fetch',
      version,
      fetchOf([[topic, { partition: 0 }]], { rackId: 'here' }),
      'from a rack'
    )
  }
  for (const version of versions('ListOffsets'))
    for (const partitionIndex of partitions)
      await client.attempt(
        'ListOffsets',
        version,
        { replicaId: -1, topics: [{ name, partitions: [{ partitionIndex, timestamp: -1 }] }] },
        `partition ${partitionIndex}`
      )
  for (const version of versions('OffsetForLeaderEpoch'))
    for (const partition of partitions)
      await client.attempt(
        'OffsetForLeaderEpoch',
        version,
        {
          replicaId: -1,
          topics: [
            { topic: name, partitions: [{ partition, leaderEpoch: 0, currentLeaderEpoch: -1 }] }
          ]
        },
        `partition ${partition}`
      )
  for (const version of versions('DeleteRecords'))
    await client.attempt('DeleteRecords', version, {
      topics: [
        { name, partitions: partitions.map(partitionIndex => ({ partitionIndex, offset: 0 })) }
      ],
      timeoutMs: 5_000
    })
  await client.attempt('DescribeProducers', 0, { topics: [{ name, partitionIndexes: partitions }] })
  for (const version of versions('WriteTxnMarkers'))
    await client.attempt('WriteTxnMarkers', version, {
      markers: [
        {
          producerId: 5_000,
          producerEpoch: 0,
          transactionResult: true,
          coordinatorEpoch: 0,
          topics: [{ name, partitionIndexes: [1] }]
        }
      ]
    })
}

/** A group whose coordinator is another broker than the one that is asked. */
async function groupsElsewhere(talk: Talk, clients: readonly Speaker[]): Promise<void> {
  const groupId = await coordinatedBy(talk, 0, nodeId => nodeId !== 1)
  const client = clients[0]!
  const ask = async <A extends Parameters<Speaker['attempt']>[0]>(
    api: A,
    request: (version: number) => Request<A> | null
  ) => {
    for (const version of versions(api)) {
      const asked = request(version)
      if (asked !== null) await client.attempt(api, version, asked, 'elsewhere')
    }
  }
  await ask('JoinGroup', version => joinOf(version, groupId))
  await ask('SyncGroup', () => ({ groupId, generationId: 1, memberId: 'm', assignments: [] }))
  await ask('Heartbeat', () => ({ groupId, generationId: 1, memberId: 'm' }))
  await ask('LeaveGroup', version =>
    version < 3 ? { groupId, memberId: 'm' } : { groupId, members: [{ memberId: 'm' }] }
  )
  await ask('OffsetCommit', () => ({ groupId, memberId: '', topics: [] }))
  const [topic] = talk.topics
  const { name, topicId } = topic!
  const partition = { partitionIndex: 0, committedOffset: 1n, committedMetadata: '' }
  for (const version of versions('OffsetCommit', 2))
    await client.attempt(
      'OffsetCommit',
      version,
      { groupId, memberId: '', topics: [{ name, topicId, partitions: [partition] }] },
      'elsewhere, an offset'
    )
  await ask('OffsetFetch', version =>
    version < 8
      ? { groupId, topics: [{ name, partitionIndexes: [0] }] }
      : { groups: [{ groupId, topics: [{ name, topicId, partitionIndexes: [0] }] }] }
  )
  await ask('OffsetDelete', () => ({
    groupId,
    topics: [{ name, partitions: [{ partitionIndex: 0 }] }]
  }))
  await ask('DescribeGroups', () => ({ groups: [groupId] }))
  await ask('DeleteGroups', () => ({ groupsNames: [groupId] }))
  await ask('ConsumerGroupDescribe', () => ({
    groupIds: [groupId],
    includeAuthorizedOperations: false
  }))
  await ask('ShareGroupDescribe', () => ({
    groupIds: [groupId],
    includeAuthorizedOperations: false
  }))
  await ask('StreamsGroupDescribe', () => ({
    groupIds: [groupId],
    includeAuthorizedOperations: false
  }))
  const member = {
    groupId,
    memberId: 'BBBBBBBBBBBBBBBBBBBBmA',
    memberEpoch: 0,
    subscribedTopicNames: [name]
  }
  await ask('ConsumerGroupHeartbeat', () => ({
    ...member,
    rebalanceTimeoutMs: 1_000,
    topicPartitions: []
  }))
  await ask('ShareGroupHeartbeat', () => member)
  await ask('DescribeShareGroupOffsets', () => ({
    groups: [{ groupId, topics: [{ topicName: name, partitions: [0] }] }]
  }))
  await ask('AlterShareGroupOffsets', () => ({
    groupId,
    topics: [{ topicName: name, partitions: [{ partitionIndex: 0, startOffset: 0 }] }]
  }))
  await ask('DeleteShareGroupOffsets', () => ({ groupId, topics: [{ topicName: name }] }))
  const transactionalId = await coordinatedBy(talk, 1, nodeId => nodeId !== 1)
  const producer = { transactionalId, producerId: 1, producerEpoch: 0 }
  await ask('InitProducerId', version =>
    version > 5 ? null : { transactionalId, transactionTimeoutMs: 1_000 }
  )
  await ask('AddOffsetsToTxn', () => ({ ...producer, groupId }))
  await ask('EndTxn', () => ({ ...producer, committed: true }))
  await ask('AddPartitionsToTxn', version =>
    version < 4
      ? {
          v3AndBelowTransactionalId: transactionalId,
          v3AndBelowProducerId: 1,
          v3AndBelowProducerEpoch: 0,
          v3AndBelowTopics: [{ name, partitions: [0] }]
        }
      : { transactions: [{ ...producer, verifyOnly: false, topics: [{ name, partitions: [0] }] }] }
  )
  await ask('TxnOffsetCommit', () => ({
    ...producer,
    groupId,
    topics: [{ name, partitions: [partition] }]
  }))
  await ask('DescribeTransactions', () => ({ transactionalIds: [transactionalId] }))
}

/** A name of a group (0) or a transaction (1) that one of some brokers coordinates. */
async function coordinatedBy(
  talk: Talk,
  keyType: number,
  isOne: (nodeId: number) => boolean
): Promise<string> {
  let key = ''
  let index = 0
  await talk.until('a coordinator is another broker', async () => {
    key = talk.name(`k${String(index++ % 100).padStart(2, '0')}`)
    const found = await talk.setup.ask('FindCoordinator', 1, { key, keyType })
    return found.errorCode === 0 && isOne(found.nodeId)
  })
  return key
}

/** One broker ends: what becomes of its partitions, and of those that need it. */
async function replicas(talk: Talk, clients: readonly Speaker[], topic: Topic): Promise<void> {
  const client = clients[0]!
  const alone = await talk.topic('alone', { assignments: [[3], [1]] })
  const strict = await talk.topic('strict', {
    assignments: [[1, 3]],
    configs: { 'min.insync.replicas': '2' }
  })
  const pair = await talk.topic('pair', { assignments: [[3, 1]] })
  const group = await coordinatedBy(talk, 0, nodeId => nodeId === 3)
  const transaction = await coordinatedBy(talk, 1, nodeId => nodeId === 3)
  await talk.nodes.stopNode!(3)
  await talk.until('broker 3 is away', async () => {
    const { brokers } = await talk.setup.ask('DescribeCluster', 0, {
      includeClusterAuthorizedOperations: false
    })
    return brokers.length === 2
  })
  await talk.until('broker 3 leads nothing and is in no set', async () => {
    const { topics } = await talk.setup.ask('Metadata', 7, {
      topics: [{ name: alone.name }, { name: strict.name }, { name: pair.name }],
      allowAutoTopicCreation: false
    })
    const all = topics.flatMap(({ partitions }) => partitions)
    return all.every(
      ({ leaderId, isrNodes, replicaNodes }) =>
        leaderId !== 3 && (replicaNodes.length === 1 || !isrNodes.includes(3))
    )
  })
  const note = 'when broker 3 is away'
  for (const version of versions('Metadata'))
    await client.attempt(
      'Metadata',
      version,
      { topics: [topic, alone, strict, pair].map(({ name }) => ({ name })) },
      note
    )
  const asked = {
    topics: [topic, alone, strict, pair].map(({ name }) => ({ name })),
    responsePartitionLimit: 100
  }
  await client.attempt('DescribeTopicPartitions', 0, asked, note)
  for (const version of versions('FindCoordinator', 1))
    for (const [keyType, key] of [group, transaction].entries())
      await client.attempt(
        'FindCoordinator',
        version,
        version < 4 ? { key, keyType } : { coordinatorKeys: [key], keyType },
        `${note}, which coordinated type ${keyType}`
      )
  for (const version of versions('Produce')) {
    await client.attempt(
      'Produce',
      version,
      produceTo(strict, batchOf(['x'])),
      `${note}, to too few`
    )
    await client.attempt(
      'Produce',
      version,
      produceTo(strict, batchOf(['x']), { acks: 1 }),
      `${note}, to one of too few`
    )
    await client.attempt(
      'Produce',
      version,
      produceTo(alone, batchOf(['x'])),
      `${note}, to no leader`
    )
  }
  for (const version of versions('Fetch'))
    await client.attempt('Fetch', version, fetchOf([[alone, {}]]), `${note}, no leader`)
  for (const version of versions('ListOffsets'))
    await client.attempt(
      'ListOffsets',
      version,
      {
        replicaId: -1,
        topics: [{ name: alone.name, partitions: [{ partitionIndex: 0, timestamp: -1 }] }]
      },
      `${note}, no leader`
    )
  for (const version of versions('ElectLeaders'))
    for (const electionType of version === 0 ? [0] : [0, 1])
      await client.attempt(
        'ElectLeaders',
        version,
        {
          topicPartitions: [alone, strict, pair].map(({ name }) => ({
            topic: name,
            partitions: [0]
          })),
          ...(version === 0 ? {} : { electionType })
        },
        `${note}, type ${electionType}`
      )
  const create = {
    name: talk.name('three'),
    numPartitions: 1,
    replicationFactor: 3,
    assignments: [],
    configs: []
  }
  await client.attempt(
    'CreateTopics',
    7,
    { topics: [create], timeoutMs: 5_000 },
    `${note}, of three copies`
  )
  // A copy that cannot be made: the reassignment goes on and on.
  const topics = [{ name: alone.name, partitions: [{ partitionIndex: 1, replicas: [1, 3] }] }]
  await client.attempt('AlterPartitionReassignments', 1, { timeoutMs: 5_000, topics }, note)
  await client.attempt('ListPartitionReassignments', 0, { topics: null }, note)
  const grown = [{ name: alone.name, count: 3, assignments: null }]
  for (const version of versions('CreatePartitions'))
    await client.attempt(
      'CreatePartitions',
      version,
      { topics: grown, timeoutMs: 5_000, validateOnly: false },
      note
    )
  const cancelled = [{ name: alone.name, partitions: [{ partitionIndex: 1, replicas: null }] }]
  await client.attempt(
    'AlterPartitionReassignments',
    1,
    { timeoutMs: 5_000, topics: cancelled },
    `${note}, cancelled`
  )
  await talk.nodes.startNode!(3)
  await talk.until('broker 3 is in its sets again', async () => {
    const { topics } = await talk.setup.ask('Metadata', 7, {
      topics: [{ name: pair.name }],
      allowAutoTopicCreation: false
    })
    return topics[0]!.partitions[0]!.isrNodes.length === 2
  })
  for (const electionType of [0, 1])
    await client.attempt(
      'ElectLeaders',
      2,
      {
        topicPartitions: [pair, strict].map(({ name }) => ({ topic: name, partitions: [0] })),
        electionType
      },
      `when broker 3 is back, type ${electionType}`
    )
  await epochs(client, pair, alone)
}

/** The end of partition 0, as the leader of an epoch knows it; below 0: of whichever epoch. */
function endOf(name: string, currentLeaderEpoch: number): Request<'ListOffsets'> {
  const asked = { partitionIndex: 0, timestamp: -1 }
  const partition = currentLeaderEpoch < 0 ? asked : { ...asked, currentLeaderEpoch }
  return { replicaId: -1, topics: [{ name, partitions: [partition] }] }
}

/** What is asked at an epoch of the leader that has passed, or of one who has no copy. */
async function epochs(client: Speaker, pair: Topic, alone: Topic): Promise<void> {
  const passed = 'at an epoch that has passed'
  for (const version of versions('Fetch', 9))
    await client.attempt('Fetch', version, fetchOf([[pair, { currentLeaderEpoch: 0 }]]), passed)
  for (const version of versions('ListOffsets', 4))
    await client.attempt('ListOffsets', version, endOf(pair.name, 0), passed)
  for (const version of versions('OffsetForLeaderEpoch'))
    for (const currentLeaderEpoch of [0, 99])
      await client.attempt(
        'OffsetForLeaderEpoch',
        version,
        {
          replicaId: -1,
          topics: [
            { topic: pair.name, partitions: [{ partition: 0, leaderEpoch: 0, currentLeaderEpoch }] }
          ]
        },
        `at epoch ${currentLeaderEpoch}`
      )
  const note = 'without a copy'
  for (const version of versions('Produce'))
    await client.attempt('Produce', version, produceTo(alone, batchOf(['x'])), note)
  for (const version of versions('Fetch'))
    await client.attempt('Fetch', version, fetchOf([[alone, {}]]), note)
  for (const version of versions('ListOffsets'))
    await client.attempt('ListOffsets', version, endOf(alone.name, -1), note)
  await client.attempt(
    'DescribeProducers',
    0,
    { topics: [{ name: alone.name, partitionIndexes: [0] }] },
    note
  )
  for (const version of versions('Metadata', 4))
    await client.attempt(
      'Metadata',
      version,
      { topics: [{ name: `${alone.name}-new` }], allowAutoTopicCreation: true },
      'to be made of more copies than there are brokers'
    )
}

async function reassigned(talk: Talk, client: Speaker): Promise<void> {
  const { name } = await talk.topic('moved', {
    assignments: [
      [1, 2],
      [2, 3]
    ]
  })
  const move = (
    note: string,
    partitionIndex: number,
    replicas: readonly number[] | null,
    more: Partial<Request<'AlterPartitionReassignments'>> = {}
  ) =>
    client.attempt(
      'AlterPartitionReassignments',
      1,
      { timeoutMs: 5_000, topics: [{ name, partitions: [{ partitionIndex, replicas }] }], ...more },
      note
    )
  await move('to others', 0, [3, 1])
  await move('to a broker that there is not', 0, [9])
  await move('to more than may be', 1, [1, 2, 3], { allowReplicationFactorChange: false })
  await talk.until('the copies are there', async () => {
    const { topics } = await talk.setup.ask('ListPartitionReassignments', 0, { topics: null })
    return topics.length === 0
  })
  await move('nothing to cancel', 0, null)
  const metadata = await client.askUntil(
    'Metadata',
    7,
    { topics: [{ name }], allowAutoTopicCreation: false },
    ({ topics }) => topics[0]!.partitions.every(({ isrNodes }) => isrNodes.length === 2),
    'when all have moved'
  )
  await client.attempt('ListPartitionReassignments', 0, {
    topics: [
      {
        name,
        partitionIndexes: metadata.topics[0]!.partitions.map(({ partitionIndex }) => partitionIndex)
      }
    ]
  })
  await client.attempt('UnregisterBroker', 0, { brokerId: 3 }, 'one that is there')
}
