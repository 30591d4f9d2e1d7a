import { batchOf } from '../batches.ts'
import type { Conversation, Request, Talk, Topic } from '../talk.ts'
import { versions } from '../versions.ts'
import { produceTo } from './produce.ts'

type Beat = Request<'ShareGroupHeartbeat'>
type ShareFetch = Request<'ShareFetch'>
type Acknowledge = Request<'ShareAcknowledge'>
type Batches = readonly (readonly [first: number, last: number, ...types: number[]])[]

const unknownId = 'AAAAAAAAAAAAAAAAAAAAAg'
/** Member ids of share groups are UUIDs. */
const member = (digit: string): string => `BBBBBBBBBBBBBBBBBBBB${digit}A`

function beating(
  groupId: string,
  memberId: string,
  memberEpoch: number,
  topics: readonly string[] | null
): Beat {
  return { groupId, memberId, memberEpoch, subscribedTopicNames: topics }
}

function acknowledged(batches: Batches) {
  return batches.map(([firstOffset, lastOffset, ...acknowledgeTypes]) => ({
    firstOffset,
    lastOffset,
    acknowledgeTypes
  }))
}

export const shareGroups: Conversation = {
  name: 'share-groups',
  needs: ['ShareGroupHeartbeat', 'ShareGroupDescribe', 'ShareFetch', 'ShareAcknowledge'],
  async run(talk) {
    const topic = await talk.topic('a', { partitions: 2 })
    await members(talk, topic)
    await describes(talk, topic)
    for (const version of versions('ShareFetch')) await fetches(talk, version)
    for (const version of versions('ShareAcknowledge')) await acknowledges(talk, version)
    await offsets(talk, topic)
  }
}

async function members(talk: Talk, topic: Topic): Promise<void> {
  const client = talk.connect()
  const groupId = await talk.group('members')
  const beat = (note: string, request: Beat) =>
    client.attempt('ShareGroupHeartbeat', 1, request, note)
  const [a, b] = [member('a'), member('b')]
  const names = [topic.name]
  await beat('a group without id', beating('', a, 0, names))
  await beat('no member id', beating(groupId, '', 0, names))
  await beat('no topics', beating(groupId, a, 0, null))
  await beat('an empty list of topics', beating(groupId, a, 0, []))
  await beat('a rack of no name', { ...beating(groupId, a, 0, names), rackId: '' })
  await beat('epoch -2', beating(groupId, a, -2, null))
  await beat('epoch 1 in no group', beating(`${groupId}-none`, a, 1, null))
  await beat('epoch -1 in no group', beating(`${groupId}-none`, a, -1, null))
  const first = await beat('the first', beating(groupId, a, 0, names))
  await beat('the first goes on', beating(groupId, a, first!.memberEpoch, null))
  await beat('a newer epoch', beating(groupId, a, first!.memberEpoch + 9, null))
  await beat('the second', beating(groupId, b, 0, names))
  await beat('of nobody', beating(groupId, member('x'), 1, null))
  await talk.setup.ask('ShareGroupHeartbeat', 1, beating(groupId, member('c'), 0, names))
  await beat('one too many', beating(groupId, member('d'), 0, names))
  await client.attempt('DeleteGroups', 2, { groupsNames: [groupId] }, 'with members')
  await beat('the first leaves', beating(groupId, a, -1, null))
  await beat('the first leaves again', beating(groupId, a, -1, null))
  const classic = await talk.group('consumers')
  await talk.setup.ask('OffsetCommit', 8, {
    groupId: classic,
    memberId: '',
    topics: [
      {
        name: topic.name,
        partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: '' }]
      }
    ]
  })
  await beat('into a group of consumers', beating(classic, a, 0, names))
  await client.attempt(
    'ConsumerGroupHeartbeat',
    1,
    {
      groupId,
      memberId: 'm',
      memberEpoch: 0,
      rebalanceTimeoutMs: 1_000,
      subscribedTopicNames: names,
      topicPartitions: []
    },
    'into a share group'
  )
}

async function describes(talk: Talk, topic: Topic): Promise<void> {
  const client = talk.connect()
  const groupId = await talk.group('described')
  const none = await talk.group('nothing')
  await talk.setup.askUntil(
    'ShareGroupHeartbeat',
    1,
    beating(groupId, member('a'), 0, [topic.name]),
    ({ assignment }) => (assignment?.topicPartitions.length ?? 0) > 0
  )
  const ask = (note: string, groupIds: readonly string[], includeAuthorizedOperations = false) =>
    client.attempt('ShareGroupDescribe', 1, { groupIds, includeAuthorizedOperations }, note)
  await ask('one', [groupId])
  await ask('with operations', [groupId], true)
  await ask('not there', [none])
  await ask('without id', [''])
  await ask('several', [groupId, none, ''])
  await ask('none', [])
}

interface Session {
  readonly topic: Topic
  readonly groupId: string
  readonly memberId: string
}

/** A member of a group that reads a topic of five records from its start. */
async function session(talk: Talk, suffix: string, digit: string): Promise<Session> {
  const topic = await talk.topic(suffix)
  const groupId = await talk.group(suffix)
  const memberId = member(digit)
  await talk.setup.ask('IncrementalAlterConfigs', 1, {
    resources: [
      {
        resourceType: 32,
        resourceName: groupId,
        configs: [{ name: 'share.auto.offset.reset', configOperation: 0, value: 'earliest' }]
      }
    ],
    validateOnly: false
  })
  await talk.setup.askUntil(
    'ShareGroupHeartbeat',
    1,
    beating(groupId, memberId, 0, [topic.name]),
    ({ assignment }) => (assignment?.topicPartitions.length ?? 0) > 0
  )
  await talk.setup.ask('Produce', 13, produceTo(topic, batchOf(['1', '2', '3', '4', '5'])))
  return { topic, groupId, memberId }
}

function fetchOf(
  { topic, groupId, memberId }: Session,
  shareSessionEpoch: number,
  batches: Batches = [],
  more: Partial<ShareFetch> = {}
): ShareFetch {
  return {
    groupId,
    memberId,
    shareSessionEpoch,
    maxWaitMs: 500,
    minBytes: 1,
    maxRecords: 500,
    batchSize: 500,
    topics: [
      {
        topicId: topic.topicId,
        partitions: [{ partitionIndex: 0, acknowledgementBatches: acknowledged(batches) }]
      }
    ],
    forgottenTopicsData: [],
    ...more
  }
}

async function fetches(talk: Talk, version: number): Promise<void> {
  const ours = await session(talk, `fetches-v${version}`, 'f')
  const client = talk.connect()
  const ask = (note: string, request: ShareFetch) =>
    client.attempt('ShareFetch', version, request, note)
  await ask('a group without id', fetchOf({ ...ours, groupId: '' }, 0))
  await ask('a group that is null', fetchOf(ours, 0, [], { groupId: null }))
  await ask('no member id', fetchOf({ ...ours, memberId: '' }, 0))
  await ask('a member id that is no uuid', fetchOf({ ...ours, memberId: 'm' }, 0))
  await ask('a session that is not there', fetchOf(ours, 3))
  await ask('ends a session that is not there', fetchOf(ours, -1))
  await ask('acknowledges at the start', fetchOf(ours, 0, [[0, 0, 1]]))
  await ask(
    'a topic that is not there',
    fetchOf({ ...ours, topic: { name: 'x', topicId: unknownId } }, 0)
  )
  await client.askUntil(
    'ShareFetch',
    version,
    fetchOf(ours, 0),
    ({ responses }) =>
      responses.length > 0 && (responses[0]!.partitions[0]!.acquiredRecords.length ?? 0) > 0,
    'acquires all'
  )
  await ask('another epoch', fetchOf(ours, 9))
  await ask('acknowledges two', fetchOf(ours, 1, [[0, 1, 1]]))
  await ask('acknowledges them again', fetchOf(ours, 2, [[0, 1, 1]]))
  await ask(
    'releases one',
    fetchOf(ours, 3, [[2, 2, 2]], { topics: fetchOf(ours, 0, [[2, 2, 2]]).topics })
  )
  await ask('rejects one', fetchOf(ours, 4, [[3, 3, 3]]))
  await ask('a type that there is not', fetchOf(ours, 5, [[4, 4, 9]]))
  await ask('a batch that ends before it begins', fetchOf(ours, 6, [[4, 3, 1]]))
  await ask('ends the session', fetchOf(ours, -1, [], { topics: [] }))
  await ask('after its end', fetchOf(ours, 7))
}

async function acknowledges(talk: Talk, version: number): Promise<void> {
  const ours = await session(talk, `acknowledges-v${version}`, 'k')
  const client = talk.connect()
  await client.askUntil(
    'ShareFetch',
    version,
    fetchOf(ours, 0),
    ({ responses }) =>
      responses.length > 0 && (responses[0]!.partitions[0]!.acquiredRecords.length ?? 0) > 0,
    'acquires, to acknowledge'
  )
  const ask = (
    note: string,
    shareSessionEpoch: number,
    batches: Batches,
    more: Partial<Acknowledge> = {}
  ) => {
    const { groupId, memberId, topics } = fetchOf(ours, 0, batches)
    return client.attempt(
      'ShareAcknowledge',
      version,
      { groupId, memberId, shareSessionEpoch, topics, ...more },
      note
    )
  }
  await ask('a group that is null', 1, [], { groupId: null })
  await ask('no member id', 1, [], { memberId: null })
  await ask('at the start of a session', 0, [[0, 0, 1]])
  await ask('another epoch', 9, [[0, 0, 1]])
  await ask('a session that is not there', 1, [], { memberId: member('z') })
  await ask('one', 1, [[0, 0, 1]])
  await ask('one again', 2, [[0, 0, 1]])
  await ask('beyond the end', 3, [[100, 101, 1]])
  await ask('one and a gap', 4, [[1, 2, 1, 0]])
  await ask('out of order', 5, [
    [4, 4, 1],
    [3, 3, 1]
  ])
  await ask('no types', 6, [[3, 3]])
  await ask('a topic that is not there', 7, [], {
    topics: [
      {
        topicId: unknownId,
        partitions: [{ partitionIndex: 0, acknowledgementBatches: acknowledged([[0, 0, 1]]) }]
      }
    ]
  })
  await ask('ends the session', -1, [])
}

async function offsets(talk: Talk, topic: Topic): Promise<void> {
  const client = talk.connect()
  const groupId = await talk.group('offsets')
  const none = await talk.group('offsets-none')
  await talk.setup.askUntil(
    'ShareGroupHeartbeat',
    1,
    beating(groupId, member('o'), 0, [topic.name]),
    ({ assignment }) => (assignment?.topicPartitions.length ?? 0) > 0
  )
  const nowhere = talk.name('nowhere')
  const describe = async (note: string) => {
    for (const version of versions('DescribeShareGroupOffsets')) {
      const topics = [{ topicName: topic.name, partitions: [0, 1] }]
      const groups = [groupId, none, ''].map(id => ({ groupId: id, topics }))
      await client.attempt('DescribeShareGroupOffsets', version, { groups }, note)
      await client.attempt(
        'DescribeShareGroupOffsets',
        version,
        { groups: [{ groupId, topics: null }] },
        `${note}, all`
      )
      await client.attempt('DescribeShareGroupOffsets', version, { groups: [] }, `${note}, none`)
    }
  }
  const alter = (note: string, id: string, name = topic.name) =>
    client.attempt(
      'AlterShareGroupOffsets',
      0,
      {
        groupId: id,
        topics: [
          {
            topicName: name,
            partitions: [
              { partitionIndex: 0, startOffset: 0 },
              { partitionIndex: 9, startOffset: 0 }
            ]
          }
        ]
      },
      note
    )
  const remove = (note: string, id: string, name = topic.name) =>
    client.attempt(
      'DeleteShareGroupOffsets',
      0,
      { groupId: id, topics: [{ topicName: name }] },
      note
    )
  await describe('with a member')
  // Kafka never answers for what is not there beside what is.
  const absent = [{ topicName: nowhere, partitions: [0] }]
  await client.attempt(
    'DescribeShareGroupOffsets',
    1,
    { groups: [{ groupId, topics: absent }] },
    'a topic that is not there'
  )
  await alter('with a member', groupId)
  await remove('with a member', groupId)
  await talk.setup.ask('ShareGroupHeartbeat', 1, beating(groupId, member('o'), -1, null))
  for (const id of [groupId, none, '']) {
    const note = id === groupId ? 'empty' : id === none ? 'not there' : 'without id'
    await alter(note, id)
    await alter(`${note}, a topic that is not there`, id, nowhere)
    if (id === groupId) await describe('altered')
    await remove(note, id)
    await remove(`${note}, a topic that is not there`, id, nowhere)
  }
}

export const shareStates: Conversation = {
  name: 'share-states',
  needs: [
    'InitializeShareGroupState',
    'ReadShareGroupState',
    'WriteShareGroupState',
    'DeleteShareGroupState',
    'ReadShareGroupStateSummary'
  ],
  async run(talk) {
    const client = talk.connect()
    const { topicId } = await talk.topic('a')
    const groupId = await talk.group('g')
    await talk.until('the coordinator is there', async () => {
      const asked = { keyType: 2, coordinatorKeys: [`${groupId}:${topicId}:0`] }
      const { coordinators } = await talk.setup.ask('FindCoordinator', 6, asked)
      if (coordinators[0]!.errorCode !== 0) return false
      const read = await talk.setup.ask('ReadShareGroupState', 0, {
        groupId,
        topics: [{ topicId, partitions: [{ partition: 0, leaderEpoch: 0 }] }]
      })
      return (
        read.results[0]!.partitions[0]!.errorCode !== 14 &&
        read.results[0]!.partitions[0]!.errorCode !== 16
      )
    })
    const each = async (
      note: string,
      place: { groupId: string; topicId: string; partition: number },
      epoch: number
    ) => {
      const { partition } = place
      const topicsOf = <P>(more: P) => ({
        groupId: place.groupId,
        topics: [{ topicId: place.topicId, partitions: [{ partition, ...more }] }]
      })
      const read = topicsOf({ leaderEpoch: epoch })
      await client.attempt(
        'InitializeShareGroupState',
        0,
        topicsOf({ stateEpoch: epoch, startOffset: 5 }),
        note
      )
      for (const version of versions('WriteShareGroupState'))
        await client.attempt(
          'WriteShareGroupState',
          version,
          topicsOf({
            stateEpoch: epoch,
            leaderEpoch: epoch,
            startOffset: 6,
            stateBatches: [{ firstOffset: 6, lastOffset: 7, deliveryState: 0, deliveryCount: 1 }]
          }),
          note
        )
      await client.attempt('ReadShareGroupState', 0, read, note)
      for (const version of versions('ReadShareGroupStateSummary'))
        await client.attempt('ReadShareGroupStateSummary', version, read, note)
    }
    const place = { groupId, topicId, partition: 0 }
    await each('of a partition', place, 3)
    await each('of an older epoch', place, 2)
    await each('of a newer epoch', place, 4)
    await each('of an epoch below zero', { ...place, partition: 1 }, -1)
    await each('of a group without id', { ...place, groupId: '' }, 3)
    await each('of a topic without id', { ...place, topicId: 'AAAAAAAAAAAAAAAAAAAAAA' }, 3)
    await each('of a topic that is not there', { ...place, topicId: unknownId }, 3)
    await each('of partition -1', { ...place, partition: -1 }, 3)
    const remove = (note: string, id: string, partition: number) =>
      client.attempt(
        'DeleteShareGroupState',
        0,
        { groupId: id, topics: [{ topicId, partitions: [{ partition }] }] },
        note
      )
    await remove('of a partition', groupId, 0)
    await remove('again', groupId, 0)
    await remove('of a group without id', '', 0)
    await remove('of partition -1', groupId, -1)
    await client.attempt('ReadShareGroupState', 0, { groupId, topics: [] }, 'of nothing')
  }
}
