import type { Conversation, Request, Response, Talk, Topic } from '../talk.ts'
import { versions } from '../versions.ts'
import { join, joinOf, sync } from './join-group.ts'

type Beat = Request<'ConsumerGroupHeartbeat'>
type Beaten = Response<'ConsumerGroupHeartbeat'>

const needs = ['ConsumerGroupHeartbeat', 'ConsumerGroupDescribe'] as const

/** A heartbeat by which a new member joins; it brings its own id, as from version 1 on it must. */
function joining(
  groupId: string,
  memberId: string,
  topics: readonly string[],
  more: Partial<Beat> = {}
): Beat {
  return {
    groupId,
    memberId,
    memberEpoch: 0,
    rebalanceTimeoutMs: 60_000,
    subscribedTopicNames: topics,
    topicPartitions: [],
    ...more
  }
}

/** The heartbeat of a member that has nothing to say but what it owns. */
function beating(
  groupId: string,
  memberId: string,
  memberEpoch: number,
  more: Partial<Beat> = {}
): Beat {
  return {
    groupId,
    memberId,
    memberEpoch,
    subscribedTopicNames: null,
    topicPartitions: null,
    ...more
  }
}

function owned(answer: Beaten | null): Beat['topicPartitions'] {
  return answer?.assignment?.topicPartitions ?? []
}

export const consumerGroups: Conversation = {
  name: 'consumer-groups',
  needs,
  async run(talk) {
    const topic = await talk.topic('a', { partitions: 4 })
    for (const version of versions('ConsumerGroupHeartbeat')) {
      await refusals(talk, version, topic)
      await two(talk, version, topic)
      await full(talk, version, topic)
      await statics(talk, version, topic)
      await patterns(talk, version, topic)
      await classics(talk, version, topic)
      await times(talk, version, topic)
      await commits(talk, version, topic)
    }
    for (const version of versions('ConsumerGroupDescribe')) await describes(talk, version, topic)
  }
}

/** A name for a member, as clients make them: any text will do. */
const m = (name: string, version: number): string => `member-${name}-v${version}`

async function refusals(talk: Talk, version: number, topic: Topic): Promise<void> {
  const client = talk.connect()
  const groupId = await talk.group(`refusals-v${version}`)
  const beat = (note: string, request: Beat) =>
    client.attempt('ConsumerGroupHeartbeat', version, request, note)
  const names = [topic.name]
  const id = m('x', version)
  await beat('a group without id', joining('', id, names))
  await beat('a group of blanks', joining(' ', id, names))
  await beat('no member id', joining(groupId, '', names))
  await beat(
    'joins with partitions',
    joining(groupId, id, names, { topicPartitions: [{ topicId: topic.topicId, partitions: [0] }] })
  )
  await beat('joins without partitions', joining(groupId, id, names, { topicPartitions: null }))
  for (const rebalanceTimeoutMs of [-1, 0, -2])
    await beat(
      `time-out ${rebalanceTimeoutMs}`,
      joining(groupId, id, names, { rebalanceTimeoutMs })
    )
  await beat('joins without topics', joining(groupId, id, names, { subscribedTopicNames: null }))
  await beat('an instance of no name', joining(groupId, id, names, { instanceId: '' }))
  await beat('a rack of no name', joining(groupId, id, names, { rackId: '' }))
  await beat(
    'an assignor that there is not',
    joining(groupId, id, names, { serverAssignor: 'nonsense' })
  )
  await beat('an assignor of no name', joining(groupId, id, names, { serverAssignor: '' }))
  for (const memberEpoch of [1, -1, -2, -3])
    await beat(`epoch ${memberEpoch} in no group`, beating(`${groupId}-none`, id, memberEpoch))
  await beat('leaves as an instance that has no name', beating(groupId, id, -2))
  await talk.setup.ask('ConsumerGroupHeartbeat', 1, joining(groupId, 'first', names))
  for (const memberEpoch of [1, -1, -2, -3])
    await beat(
      `epoch ${memberEpoch} of nobody`,
      beating(groupId, id, memberEpoch, memberEpoch === -2 ? { instanceId: 'i' } : {})
    )
}

async function two(talk: Talk, version: number, topic: Topic): Promise<void> {
  const client = talk.connect()
  const groupId = await talk.group(`two-v${version}`)
  const beat = (note: string, request: Beat) =>
    client.attempt('ConsumerGroupHeartbeat', version, request, note)
  const [a, b] = [m('a', version), m('b', version)]
  const first = await beat('the first joins', joining(groupId, a, [topic.name]))
  await beat('the first joins again', joining(groupId, a, [topic.name]))
  await beat(
    'the first goes on',
    beating(groupId, a, first!.memberEpoch, { topicPartitions: owned(first) })
  )
  await beat('nothing is new', beating(groupId, a, first!.memberEpoch))
  await beat('an older epoch', beating(groupId, a, first!.memberEpoch - 1))
  await beat('a newer epoch', beating(groupId, a, first!.memberEpoch + 1))
  const second = await beat('the second joins', joining(groupId, b, [topic.name]))
  const told = await beat(
    'the first is told to give up two',
    beating(groupId, a, first!.memberEpoch, { topicPartitions: owned(first) })
  )
  await beat('the second waits', beating(groupId, b, second!.memberEpoch, { topicPartitions: [] }))
  const moved = await beat(
    'the first has given up two',
    beating(groupId, a, told!.memberEpoch, { topicPartitions: owned(told) })
  )
  await beat(
    'the older epoch, with what it owns',
    beating(groupId, a, first!.memberEpoch, { topicPartitions: owned(told) })
  )
  await beat(
    'the older epoch, with what it does not own',
    beating(groupId, a, first!.memberEpoch, { topicPartitions: owned(first) })
  )
  const given = await beat(
    'the second gets two',
    beating(groupId, b, second!.memberEpoch, { topicPartitions: [] })
  )
  await beat(
    'the second owns two',
    beating(groupId, b, given!.memberEpoch, { topicPartitions: owned(given) })
  )
  const other = await talk.topic(`two-v${version}`, { partitions: 1 })
  await beat(
    'the first subscribes to another',
    beating(groupId, a, moved!.memberEpoch, {
      subscribedTopicNames: [topic.name, other.name],
      topicPartitions: owned(moved)
    })
  )
  await client.attempt(
    'ConsumerGroupDescribe',
    1,
    { groupIds: [groupId], includeAuthorizedOperations: true },
    `two, v${version}`
  )
  await client.attempt('DescribeGroups', 6, { groups: [groupId] }, `two, v${version}`)
  await beat('the second leaves', beating(groupId, b, -1))
  await beat('the second leaves again', beating(groupId, b, -1))
  await beat('the first leaves', beating(groupId, a, -1))
  await client.attempt(
    'ConsumerGroupDescribe',
    1,
    { groupIds: [groupId], includeAuthorizedOperations: false },
    `empty, v${version}`
  )
  await client.attempt('DeleteGroups', 2, { groupsNames: [groupId] }, `empty, v${version}`)
}

async function full(talk: Talk, version: number, topic: Topic): Promise<void> {
  const client = talk.connect()
  const groupId = await talk.group(`full-v${version}`)
  for (const name of ['a', 'b', 'c'])
    await talk.setup.ask(
      'ConsumerGroupHeartbeat',
      1,
      joining(groupId, m(name, version), [topic.name])
    )
  const beat = (note: string, request: Beat) =>
    client.attempt('ConsumerGroupHeartbeat', version, request, note)
  await beat('one too many', joining(groupId, m('d', version), [topic.name]))
  await client.attempt('DeleteGroups', 2, { groupsNames: [groupId] }, `full, v${version}`)
}

async function statics(talk: Talk, version: number, topic: Topic): Promise<void> {
  const client = talk.connect()
  const groupId = await talk.group(`static-v${version}`)
  const instanceId = 'i'
  const beat = (note: string, request: Beat) =>
    client.attempt('ConsumerGroupHeartbeat', version, request, note)
  const [a, b, c] = [m('a', version), m('b', version), m('c', version)]
  const first = await beat('an instance joins', joining(groupId, a, [topic.name], { instanceId }))
  await beat('another takes its place', joining(groupId, b, [topic.name], { instanceId }))
  await beat(
    'another instance than it is',
    beating(groupId, a, first!.memberEpoch, { instanceId: 'j' })
  )
  await beat('it goes away for a while', beating(groupId, a, -2, { instanceId }))
  await beat('another leaves in its name', beating(groupId, c, -2, { instanceId }))
  const back = await beat(
    'another takes its place then',
    joining(groupId, b, [topic.name], { instanceId })
  )
  await beat('the first is fenced', beating(groupId, a, first!.memberEpoch, { instanceId }))
  await beat(
    'the other goes on',
    beating(groupId, b, back!.memberEpoch, { instanceId, topicPartitions: owned(back) })
  )
  await beat('it leaves for good', beating(groupId, b, -1, { instanceId }))
}

async function patterns(talk: Talk, version: number, topic: Topic): Promise<void> {
  if (version < 1) return
  const client = talk.connect()
  const groupId = await talk.group(`patterns-v${version}`)
  const a = m('a', version)
  const beat = (note: string, subscribedTopicRegex: string | null, more: Partial<Beat> = {}) =>
    client.attempt(
      'ConsumerGroupHeartbeat',
      version,
      joining(groupId, a, [], { subscribedTopicRegex, ...more }),
      note
    )
  await beat('no pattern', '(')
  await beat('a pattern of Java alone', '(?=x)y')
  await beat('an empty pattern', '')
  await beat('neither names nor a pattern', null, { subscribedTopicNames: null })
  const pattern = `${topic.name}.*`
  await beat('a pattern', pattern)
  await client.askUntil(
    'ConsumerGroupHeartbeat',
    version,
    joining(groupId, a, [], { subscribedTopicRegex: pattern }),
    ({ assignment }) => (assignment?.topicPartitions.length ?? 0) > 0,
    'a pattern that has been resolved'
  )
}

/** A group that has members of the older protocol, and one that had. */
async function classics(talk: Talk, version: number, topic: Topic): Promise<void> {
  const client = talk.connect()
  const groupId = await talk.group(`classic-v${version}`)
  const member = talk.connect()
  const joined = await join(member, 5, groupId, `v${version}, a classic member`)
  await sync(member, 5, groupId, joined, `v${version}, a classic member`)
  const beat = (note: string, request: Beat) =>
    client.attempt('ConsumerGroupHeartbeat', version, request, note)
  await beat(
    'joins a classic group of another kind',
    joining(groupId, m('a', version), [topic.name])
  )
  await client.attempt(
    'ConsumerGroupDescribe',
    1,
    { groupIds: [groupId], includeAuthorizedOperations: false },
    `classic, v${version}`
  )
  const modern = await talk.group(`modern-v${version}`)
  const first = await talk.setup.ask(
    'ConsumerGroupHeartbeat',
    1,
    joining(modern, m('a', version), [topic.name])
  )
  for (const old of versions('JoinGroup'))
    await client.attempt(
      'JoinGroup',
      old,
      joinOf(old, modern),
      `into a consumer group, v${version}`
    )
  const { memberEpoch } = first
  const memberId = m('a', version)
  await client.attempt(
    'Heartbeat',
    4,
    { groupId: modern, generationId: memberEpoch, memberId },
    `of a consumer group, v${version}`
  )
  await client.attempt(
    'Heartbeat',
    4,
    { groupId: modern, generationId: memberEpoch, memberId: 'x' },
    `of nobody in a consumer group, v${version}`
  )
  await client.attempt(
    'SyncGroup',
    5,
    {
      groupId: modern,
      generationId: memberEpoch,
      memberId,
      assignments: [],
      protocolType: 'consumer',
      protocolName: 'range'
    },
    `of a consumer group, v${version}`
  )
  await client.attempt(
    'LeaveGroup',
    5,
    { groupId: modern, members: [{ memberId: 'x' }, { memberId }] },
    `of a consumer group, v${version}`
  )
}

/** A member that does not come back in time. */
async function times(talk: Talk, version: number, topic: Topic): Promise<void> {
  const client = talk.connect()
  const groupId = await talk.group(`times-v${version}`)
  const config = [
    { name: 'consumer.session.timeout.ms', configOperation: 0, value: '600' },
    { name: 'consumer.heartbeat.interval.ms', configOperation: 0, value: '200' }
  ]
  const asked = {
    resources: [{ resourceType: 32, resourceName: groupId, configs: config }],
    validateOnly: false
  }
  await client.attempt('IncrementalAlterConfigs', 1, asked, `a short session, v${version}`)
  const a = m('a', version)
  await client.askUntil(
    'ConsumerGroupHeartbeat',
    version,
    joining(groupId, a, [topic.name]),
    ({ heartbeatIntervalMs }) => heartbeatIntervalMs === 200,
    'a member of a short session'
  )
  await talk.until('the member is gone', async () => {
    const { groups } = await talk.setup.ask('ConsumerGroupDescribe', 1, {
      groupIds: [groupId],
      includeAuthorizedOperations: false
    })
    return groups[0]!.members.length === 0
  })
  await client.attempt('ConsumerGroupHeartbeat', version, beating(groupId, a, 1), 'too late')
}

async function commits(talk: Talk, version: number, topic: Topic): Promise<void> {
  const client = talk.connect()
  const groupId = await talk.group(`commits-v${version}`)
  const a = m('a', version)
  const { memberEpoch } = await talk.setup.ask(
    'ConsumerGroupHeartbeat',
    1,
    joining(groupId, a, [topic.name])
  )
  const at = [memberEpoch, memberEpoch - 1, memberEpoch + 1, -1]
  for (const old of versions('OffsetCommit', 2)) {
    const commit = (note: string, memberId: string, generationIdOrMemberEpoch: number) =>
      client.attempt(
        'OffsetCommit',
        old,
        {
          groupId,
          memberId,
          generationIdOrMemberEpoch,
          topics: [
            {
              name: topic.name,
              topicId: topic.topicId,
              partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: '' }]
            }
          ]
        },
        `${note}, in a consumer group of v${version}`
      )
    for (const epoch of at) await commit(`at epoch ${epoch - memberEpoch}`, a, epoch)
    await commit('of nobody', 'nobody', memberEpoch)
    await commit('without a member', '', -1)
  }
  for (const old of versions('OffsetFetch', 9))
    for (const [memberId, epoch] of [
      ...at.map(each => [a, each] as const),
      ['nobody', memberEpoch] as const
    ])
      await client.attempt(
        'OffsetFetch',
        old,
        {
          groups: [
            {
              groupId,
              memberId,
              memberEpoch: epoch,
              topics: [{ name: topic.name, topicId: topic.topicId, partitionIndexes: [0] }]
            }
          ]
        },
        `by ${memberId === a ? 'the member' : memberId} at ${epoch - memberEpoch}, in v${version}`
      )
  const partitions = [{ partitionIndex: 0 }]
  await client.attempt(
    'OffsetDelete',
    0,
    { groupId, topics: [{ name: topic.name, partitions }] },
    `of what is subscribed to, v${version}`
  )
}

async function describes(talk: Talk, version: number, topic: Topic): Promise<void> {
  const client = talk.connect()
  const groupId = await talk.group(`described-v${version}`)
  const none = await talk.group(`nothing-v${version}`)
  await talk.setup.ask(
    'ConsumerGroupHeartbeat',
    1,
    joining(groupId, m('a', version), [topic.name, talk.name('nowhere')], {
      instanceId: 'i',
      rackId: 'here'
    })
  )
  const ask = (note: string, groupIds: readonly string[], includeAuthorizedOperations = false) =>
    client.attempt(
      'ConsumerGroupDescribe',
      version,
      { groupIds, includeAuthorizedOperations },
      note
    )
  await ask('one', [groupId])
  await ask('with operations', [groupId], true)
  await ask('one that is not there', [none])
  await ask('without id', [''])
  await ask('several', [groupId, none, groupId, ''])
  await ask('none', [])
  for (const list of versions('ListGroups', 4))
    for (const typesFilter of list >= 5
      ? [[], ['consumer'], ['classic'], ['Consumer'], ['nonsense']]
      : [[]])
      await client.attempt(
        'ListGroups',
        list,
        { statesFilter: [], ...(list >= 5 ? { typesFilter } : {}) },
        `of type ${typesFilter.join()}, described v${version}`
      )
}
