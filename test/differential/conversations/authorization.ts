import type { ApiName } from '../../../src/wire/generated/api-table.ts'
import { isApi } from '../api-names.ts'
import { batchOf } from '../batches.ts'
import type { Conversation, Request, Speaker, Talk, Topic } from '../talk.ts'
import { versions } from '../versions.ts'
import { aclCode, creationOf } from './acls.ts'
import { allOf } from './delegation-tokens.ts'
import { fetchOf } from './fetch.ts'
import { joinOf } from './join-group.ts'
import { produceTo } from './produce.ts'
import { loggedIn } from './secured.ts'
import { addPartitions } from './transactions.ts'

type Requests = { readonly [A in ApiName]?: (version: number) => Request<A> | null }

const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'

export const authorization: Conversation = {
  name: 'authorization',
  setup: 'secured',
  needs: ['SaslHandshake', 'SaslAuthenticate', 'CreateAcls'],
  async run(talk) {
    const topic = await talk.topic('a')
    const groupId = await talk.group('g')
    const transactionalId = await talk.transactionalId('t')
    await talk.setup.ask('OffsetCommit', 8, {
      groupId,
      memberId: '',
      topics: [
        {
          name: topic.name,
          partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: '' }]
        }
      ]
    })
    const requests = requestsAbout(talk, topic, groupId, transactionalId)
    await askAll(talk, 'nobody', requests, 'may do nothing')
    await allOf(await loggedIn(talk, 'nobody'), Buffer.from('x'), 'may do nothing')
    await allowed(talk, topic, groupId, transactionalId, requests)
  }
}

/** Versions that Kafka has dropped, and closes the connection for. */
const dropped: ReadonlySet<string> = new Set([
  'OffsetCommit v1',
  'DescribeConfigs v0',
  'DescribeLogDirs v0'
])

async function askAll(talk: Talk, user: string, requests: Requests, note: string): Promise<void> {
  for (const api of Object.keys(requests).filter(isApi))
    for (const version of versions(api)) {
      if (dropped.has(`${api} v${version}`)) continue
      const client = await loggedIn(talk, user)
      await askOne(client, requests, api, version, note)
      await client.close()
    }
}

async function askOne<A extends ApiName>(
  client: Speaker,
  requests: { readonly [B in A]?: (version: number) => Request<B> | null },
  api: A,
  version: number,
  note: string
): Promise<void> {
  const asked = requests[api]?.(version) ?? null
  if (asked !== null) await client.attempt(api, version, asked, note)
}

type Creation = Request<'CreateAcls'>['creations'][number]

/** Permissions of a user for an operation on everything that is named. */
function as(user: string, action: number, ...all: readonly Creation[]): readonly Creation[] {
  return all.map(each => ({ ...each, principal: `User:${user}`, operation: action }))
}

/** What those may do who may do something, but not all of it. */
async function allowed(
  talk: Talk,
  topic: Topic,
  groupId: string,
  transactionalId: string,
  requests: Requests
): Promise<void> {
  const { resource, operation } = aclCode
  const group = creationOf(groupId, { resourceType: resource.group })
  const transaction = creationOf(transactionalId, { resourceType: resource.transactionalId })
  const cluster = creationOf('kafka-cluster', { resourceType: resource.cluster })
  const { describe, all } = operation
  for (const [user, note, creations] of [
    [
      'alice',
      'may describe',
      as('alice', describe, creationOf(topic.name), group, transaction, cluster)
    ],
    ['bob', 'may do all with the group', as('bob', all, group)],
    [
      'carol',
      'may do all with the transaction',
      as('carol', all, transaction, creationOf(topic.name))
    ]
  ] as const) {
    await talk.setup.ask('CreateAcls', 3, { creations })
    const client = await loggedIn(talk, user)
    await talk.until('the permission is known', async () => {
      const asked = {
        resourceTypeFilter: resource.any,
        resourceNameFilter: null,
        principalFilter: `User:${user}`,
        hostFilter: null,
        operation: 1,
        permissionType: 1
      }
      const { resources } = await talk.setup.ask('DescribeAcls', 3, {
        ...asked,
        patternTypeFilter: 1
      })
      const names = resources.map(({ resourceName }) => resourceName)
      return creations.every(({ resourceName }) => names.includes(resourceName))
    })
    await client.close()
    await askAll(talk, user, requests, note)
  }
  const noId = { transactionalId: null, transactionTimeoutMs: 1_000 }
  for (const version of versions('InitProducerId', 0, 5)) {
    const client = await loggedIn(talk, 'nobody')
    await client.attempt('InitProducerId', version, noId, 'without an id, by nobody')
    await client.close()
  }
  for (const version of versions('FindCoordinator', 1)) {
    const client = await loggedIn(talk, 'nobody')
    const asked = version < 4 ? { key: transactionalId } : { coordinatorKeys: [transactionalId] }
    await client.attempt(
      'FindCoordinator',
      version,
      { ...asked, keyType: 1 },
      'of a transaction, by nobody'
    )
    const share = `${groupId}:${topic.topicId}:0`
    if (version === 6)
      await client.attempt(
        'FindCoordinator',
        version,
        { coordinatorKeys: [share], keyType: 2 },
        'of a share group, by nobody'
      )
    await client.close()
  }
}

/** A request about the topic, the group or the cluster in each API that checks who may ask. */
function requestsAbout(
  talk: Talk,
  topic: Topic,
  groupId: string,
  transactionalId: string
): Requests {
  const { name, topicId } = topic
  return {
    ...dataRequests(talk, topic, transactionalId),
    ...groupRequests(talk, topic, groupId),
    ...clusterRequests(talk, topic),
    ...transactionRequests(topic, groupId, transactionalId),
    ...groupsOfToday(topic, groupId),
    DescribeTopicPartitions: () => ({ topics: [{ name }], responsePartitionLimit: 10 }),
    OffsetForLeaderEpoch: () => ({
      topics: [
        { topic: name, partitions: [{ partition: 0, leaderEpoch: 0, currentLeaderEpoch: -1 }] }
      ]
    }),
    Metadata: version =>
      version < 10
        ? { topics: [{ name }] }
        : {
            topics: [
              { name, topicId: zeroId },
              { name: null, topicId }
            ]
          }
  }
}

function dataRequests(talk: Talk, topic: Topic, transactionalId: string): Requests {
  const { name } = topic
  const nowhere = { name: talk.name('nowhere'), topicId: 'AAAAAAAAAAAAAAAAAAAAAg' }
  return {
    Produce: () => ({ ...produceTo(topic, batchOf(['x'])), transactionalId: null }),
    Fetch: () =>
      fetchOf([
        [topic, {}],
        [nowhere, {}]
      ]),
    ListOffsets: () => ({
      replicaId: -1,
      topics: [{ name, partitions: [{ partitionIndex: 0, timestamp: -1 }] }]
    }),
    DeleteRecords: () => ({
      topics: [{ name, partitions: [{ partitionIndex: 0, offset: 0 }] }],
      timeoutMs: 1_000
    }),
    InitProducerId: version =>
      version > 5 ? null : { transactionalId, transactionTimeoutMs: 1_000 },
    DescribeProducers: () => ({ topics: [{ name, partitionIndexes: [0] }] })
  }
}

function groupRequests(talk: Talk, { name, topicId }: Topic, groupId: string): Requests {
  const partition = { partitionIndex: 0, committedOffset: 2n, committedMetadata: '' }
  return {
    FindCoordinator: version =>
      version < 4
        ? { key: groupId, ...(version < 1 ? {} : { keyType: 0 }) }
        : { coordinatorKeys: [groupId], keyType: 0 },
    JoinGroup: version => joinOf(version, groupId),
    SyncGroup: version => ({
      groupId,
      generationId: 1,
      memberId: 'm',
      assignments: [],
      ...(version < 5 ? {} : { protocolType: 'consumer', protocolName: 'range' })
    }),
    Heartbeat: () => ({ groupId, generationId: 1, memberId: 'm' }),
    LeaveGroup: version =>
      version < 3 ? { groupId, memberId: 'm' } : { groupId, members: [{ memberId: 'm' }] },
    OffsetCommit: () => ({
      groupId,
      memberId: '',
      topics: [{ name, topicId, partitions: [partition] }]
    }),
    OffsetFetch: version =>
      version < 8
        ? { groupId, topics: [{ name, partitionIndexes: [0] }] }
        : { groups: [{ groupId, topics: [{ name, topicId, partitionIndexes: [0] }] }] },
    OffsetDelete: () => ({ groupId, topics: [{ name, partitions: [{ partitionIndex: 0 }] }] }),
    DescribeGroups: version => ({
      groups: [groupId],
      ...(version < 3 ? {} : { includeAuthorizedOperations: true })
    }),
    ListGroups: () => ({}),
    DeleteGroups: () => ({ groupsNames: [talk.name('g2')] })
  }
}

function groupsOfToday({ name, topicId }: Topic, groupId: string): Requests {
  const member = { groupId, memberId: 'BBBBBBBBBBBBBBBBBBBBmA', memberEpoch: 0 }
  const groups = { groupIds: [groupId], includeAuthorizedOperations: true }
  const topics = [{ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches: [] }] }]
  const state = { groupId, topics: [{ topicId, partitions: [{ partition: 0, leaderEpoch: 0 }] }] }
  return {
    ConsumerGroupHeartbeat: () => ({
      ...member,
      rebalanceTimeoutMs: 1_000,
      subscribedTopicNames: [name],
      topicPartitions: []
    }),
    ConsumerGroupDescribe: () => groups,
    ShareGroupHeartbeat: () => ({ ...member, subscribedTopicNames: [name] }),
    ShareGroupDescribe: () => groups,
    ShareFetch: () => ({
      groupId,
      memberId: member.memberId,
      shareSessionEpoch: 0,
      maxWaitMs: 100,
      minBytes: 1,
      maxRecords: 10,
      batchSize: 10,
      topics,
      forgottenTopicsData: []
    }),
    ShareAcknowledge: () => ({ groupId, memberId: member.memberId, shareSessionEpoch: 1, topics }),
    StreamsGroupDescribe: () => groups,
    DescribeShareGroupOffsets: () => ({
      groups: [{ groupId, topics: [{ topicName: name, partitions: [0] }] }]
    }),
    AlterShareGroupOffsets: () => ({
      groupId,
      topics: [{ topicName: name, partitions: [{ partitionIndex: 0, startOffset: 0 }] }]
    }),
    DeleteShareGroupOffsets: () => ({ groupId, topics: [{ topicName: name }] }),
    ReadShareGroupState: () => state,
    ReadShareGroupStateSummary: () => state,
    DeleteShareGroupState: () => ({
      groupId,
      topics: [{ topicId, partitions: [{ partition: 0 }] }]
    }),
    InitializeShareGroupState: () => ({
      groupId,
      topics: [{ topicId, partitions: [{ partition: 0, stateEpoch: 0, startOffset: 0 }] }]
    }),
    WriteShareGroupState: () => ({
      groupId,
      topics: [
        {
          topicId,
          partitions: [
            { partition: 0, stateEpoch: 0, leaderEpoch: 0, startOffset: 0, stateBatches: [] }
          ]
        }
      ]
    })
  }
}

function transactionRequests({ name }: Topic, groupId: string, transactionalId: string): Requests {
  const producer = { transactionalId, producerId: 1, producerEpoch: 0 }
  const offset = { partitionIndex: 0, committedOffset: 1n, committedMetadata: '' }
  return {
    AddPartitionsToTxn: version => addPartitions(version, producer, [[name, 0]]),
    AddOffsetsToTxn: () => ({ ...producer, groupId }),
    EndTxn: () => ({ ...producer, committed: true }),
    TxnOffsetCommit: () => ({ ...producer, groupId, topics: [{ name, partitions: [offset] }] }),
    WriteTxnMarkers: () => ({
      markers: [
        {
          ...producer,
          transactionResult: true,
          coordinatorEpoch: 0,
          topics: [{ name, partitionIndexes: [0] }]
        }
      ]
    }),
    DescribeTransactions: () => ({ transactionalIds: [transactionalId] }),
    ListTransactions: () => ({ stateFilters: [], producerIdFilters: [] })
  }
}

function clusterRequests(talk: Talk, { name, topicId }: Topic): Requests {
  const timeoutMs = 1_000
  const configs = [
    { resourceType: 2, resourceName: name },
    { resourceType: 4, resourceName: '1' },
    { resourceType: 32, resourceName: talk.name('g') },
    { resourceType: 16, resourceName: 'm' }
  ]
  const fresh = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  return {
    CreateTopics: () => ({
      topics: [
        { ...fresh, name: talk.name('new') },
        { ...fresh, name: 'a b' }
      ],
      timeoutMs
    }),
    DeleteTopics: version =>
      version < 6
        ? { topicNames: [name, talk.name('nowhere')], timeoutMs }
        : {
            topics: [
              { name, topicId: zeroId },
              { name: null, topicId }
            ],
            timeoutMs
          },
    CreatePartitions: () => ({
      topics: [{ name, count: 2, assignments: null }],
      timeoutMs,
      validateOnly: true
    }),
    DescribeConfigs: () => ({
      resources: configs.map(each => ({ ...each, configurationKeys: ['retention.ms'] }))
    }),
    AlterConfigs: () => ({
      resources: configs.map(each => ({ ...each, configs: [] })),
      validateOnly: true
    }),
    IncrementalAlterConfigs: () => ({
      resources: configs.map(each => ({ ...each, configs: [] })),
      validateOnly: true
    }),
    DescribeLogDirs: () => ({ topics: [] }),
    AlterReplicaLogDirs: () => ({ dirs: [{ path: '/x', topics: [{ name, partitions: [0] }] }] }),
    ElectLeaders: () => ({ topicPartitions: [{ topic: name, partitions: [0] }], timeoutMs }),
    AlterPartitionReassignments: () => ({
      topics: [{ name, partitions: [{ partitionIndex: 0, replicas: [1] }] }],
      timeoutMs
    }),
    ListPartitionReassignments: () => ({ topics: null, timeoutMs }),
    DescribeCluster: () => ({ includeClusterAuthorizedOperations: true }),
    ListConfigResources: () => ({}),
    DescribeAcls: () => ({
      resourceTypeFilter: 2,
      resourceNameFilter: null,
      principalFilter: null,
      hostFilter: null,
      operation: 1,
      permissionType: 1
    }),
    CreateAcls: () => ({ creations: [creationOf(name)] }),
    DeleteAcls: () => ({
      filters: [
        {
          resourceTypeFilter: 2,
          resourceNameFilter: 'x',
          principalFilter: null,
          hostFilter: null,
          operation: 1,
          permissionType: 1
        }
      ]
    }),
    DescribeClientQuotas: () => ({ components: [], strict: false }),
    AlterClientQuotas: () => ({
      entries: [{ entity: [{ entityType: 'user', entityName: 'x' }], ops: [] }],
      validateOnly: true
    }),
    DescribeUserScramCredentials: () => ({ users: [{ name: 'x' }] }),
    AlterUserScramCredentials: () => ({ deletions: [{ name: 'x', mechanism: 1 }], upsertions: [] }),
    DescribeQuorum: () => ({ topics: [] }),
    UpdateFeatures: () => ({ featureUpdates: [], timeoutMs }),
    UnregisterBroker: () => ({ brokerId: 9 }),
    AddRaftVoter: () => ({
      clusterId: null,
      timeoutMs,
      voterId: 9,
      voterDirectoryId: topicId,
      listeners: []
    }),
    RemoveRaftVoter: () => ({ clusterId: null, voterId: 9, voterDirectoryId: topicId })
  }
}
