import type { JoinGroupRequestInit } from '../../../src/wire/generated/join-group.ts'
import type { OffsetCommitRequestInit } from '../../../src/wire/generated/offset-commit.ts'
import type { SyncGroupRequestInit } from '../../../src/wire/generated/sync-group.ts'
import { range, until } from '../waiting.ts'
import type { Dialogue } from './dialogue.ts'

const unknownId = 'AAAAAAAAAAAAAAAAAAAAAg'
const unknownMember = { memberId: 'nobody', generationId: 1 }

/**
 * Makes topics `orders` (2 partitions) and `payments` (1), and waits until groups are coordinated.
 */
export async function prepare(talk: Dialogue): Promise<void> {
  const topic = { replicationFactor: 1, assignments: [], configs: [] }
  await talk.ask('narrator', 'CreateTopics', 5, {
    topics: [
      { ...topic, name: talk.name('orders'), numPartitions: 2 },
      { ...topic, name: talk.name('payments'), numPartitions: 1 }
    ],
    timeoutMs: 10_000
  })
  await until('groups have a coordinator', async () => {
    const request = { coordinatorKeys: [talk.name('g')] }
    const found = await talk.ask('narrator', 'FindCoordinator', 4, request)
    return found.coordinators[0]?.errorCode === 0
  })
  // Kafka loads one partition of its offsets topic after the other.
  for (const index of range(200)) {
    await until('the coordinator has loaded its groups', async () => {
      const groups = [{ groupId: talk.name(`warm-${index}`), topics: null }]
      const answer = await talk.ask('narrator', 'OffsetFetch', 8, { groups })
      return answer.groups[0]?.errorCode === 0
    })
  }
}

/** What is said of groups and members that are not there. */
export async function strangers(talk: Dialogue): Promise<void> {
  const groupId = talk.name('nowhere')
  const protocol = { protocolType: 'consumer', protocolName: 'range' }
  for (const version of range(5)) {
    await talk.say('of no group', 'Heartbeat', version, { groupId, ...unknownMember })
    await talk.say('without a group', 'Heartbeat', version, { groupId: '', ...unknownMember })
  }
  for (const version of range(6)) {
    const request = { groupId, ...unknownMember, ...protocol, assignments: [] }
    await talk.say('of no group', 'SyncGroup', version, request)
  }
  const silent = { groupId, ...unknownMember, assignments: [] }
  await talk.say('without a protocol', 'SyncGroup', 5, silent)
  for (const version of range(3)) {
    await talk.say('of no group', 'LeaveGroup', version, { groupId, memberId: 'nobody' })
  }
  for (const version of [3, 4, 5]) {
    const members = [{ memberId: 'nobody' }, { memberId: '', groupInstanceId: 'i9' }]
    await talk.say('of no group', 'LeaveGroup', version, { groupId, members })
    await talk.say('nobody', 'LeaveGroup', version, { groupId, members: [] })
    await talk.say('without a group', 'LeaveGroup', version, { groupId: '', members })
  }
  for (const version of range(10)) {
    const request = joining(talk, 'nowhere')
    await talk.say('no member', 'JoinGroup', version, { ...request, memberId: 'nobody-1' })
    await talk.say('impatient', 'JoinGroup', version, { ...request, sessionTimeoutMs: 1 })
    await talk.say('without a group', 'JoinGroup', version, { ...request, groupId: '' })
  }
  for (const version of range(7)) {
    const groups = [groupId]
    const includeAuthorizedOperations = version >= 3
    await talk.say('of no group', 'DescribeGroups', version, {
      groups,
      includeAuthorizedOperations
    })
  }
  await talk.say('of no group', 'DeleteGroups', 2, { groupsNames: [groupId, groupId] })
  const partitions = [{ partitionIndex: 0 }]
  const topics = [{ name: talk.name('orders'), partitions }]
  await talk.say('of no group', 'OffsetDelete', 0, { groupId, topics })
  await talk.say('share group', 'FindCoordinator', 5, { keyType: 2, coordinatorKeys: [groupId] })
}

/** Offsets that are committed without being a member. */
export async function offsets(talk: Dialogue): Promise<void> {
  const several = { orders: { 0: 5n, 7: 1n }, nowhere: { 0: 1n }, payments: { 0: 2n ** 63n - 1n } }
  for (const version of range(8).map(index => index + 2)) {
    await talk.say('by nobody', 'OffsetCommit', version, committing(talk, 'simple', several))
    const member = { memberId: 'nobody', generationIdOrMemberEpoch: 3 }
    const request = committing(talk, 'nowhere', { orders: { 0: 5n } }, member)
    await talk.say('by a member of no group', 'OffsetCommit', version, request)
  }
  const member = { memberId: 'nobody', generationIdOrMemberEpoch: 3 }
  const one = { orders: { 0: 6n } }
  await talk.say('by no member', 'OffsetCommit', 8, committing(talk, 'simple', one, member))
  const claim = { memberId: 'nobody' }
  await talk.say('with a claim', 'OffsetCommit', 8, committing(talk, 'simple', one, claim))
  const partition = { partitionIndex: 1, committedOffset: 1n }
  const long = [{ ...partition, committedMetadata: 'a'.repeat(4097) }]
  const topics = [{ name: talk.name('orders'), partitions: long }]
  const groupId = talk.name('simple')
  await talk.say('long metadata', 'OffsetCommit', 8, { groupId, memberId: '', topics })
  const short = [{ ...partition, committedMetadata: '' }]
  const byId = [{ topicId: unknownId, partitions: short }]
  await talk.say('unknown id', 'OffsetCommit', 10, { groupId, memberId: '', topics: byId })
  await fetches(talk)
  const describing = { groups: [groupId], includeAuthorizedOperations: true }
  await talk.say('nothing but offsets', 'DescribeGroups', 5, describing)
  await talk.say('nothing but offsets', 'Heartbeat', 4, { groupId, ...unknownMember })
  const members = [{ memberId: 'nobody' }]
  await talk.say('nothing but offsets', 'LeaveGroup', 4, { groupId, members })
}

async function fetches(talk: Dialogue): Promise<void> {
  const asked = [
    { name: talk.name('orders'), partitionIndexes: [0, 1, 9] },
    { name: talk.name('nowhere'), partitionIndexes: [0] }
  ]
  for (const version of range(7).map(index => index + 1)) {
    for (const group of ['simple', 'nowhere']) {
      const groupId = talk.name(group)
      await talk.say('some', 'OffsetFetch', version, { groupId, topics: asked })
      if (version === 1) continue
      await talk.say('all', 'OffsetFetch', version, { groupId, topics: null })
    }
  }
  for (const version of [8, 9]) {
    const groups = [
      { groupId: talk.name('simple'), topics: asked },
      { groupId: talk.name('nowhere'), topics: null }
    ]
    await talk.say('several groups', 'OffsetFetch', version, { groups })
  }
  const topics = [{ topicId: unknownId, partitionIndexes: [0] }]
  const groups = [{ groupId: talk.name('simple'), topics }]
  await talk.say('unknown id', 'OffsetFetch', 10, { groups })
}

/** One member, then two, then none. */
export async function life(talk: Dialogue): Promise<void> {
  const groupId = talk.name('g')
  const first = await talk.ask('a', 'JoinGroup', 5, joining(talk, 'g'))
  talk.note('first JoinGroup', first)
  const { memberId } = first
  const joined = await talk.ask('a', 'JoinGroup', 5, { ...joining(talk, 'g'), memberId })
  talk.note('second JoinGroup', joined)
  await questions(talk, 'CompletingRebalance', memberId, 1)
  await talk.say('once more', 'JoinGroup', 5, { ...joining(talk, 'g'), memberId })
  const assignments = [{ memberId, assignment: Buffer.from('all') }]
  await talk.say('leader', 'SyncGroup', 5, { ...syncing(talk, memberId, 1), assignments })
  await questions(talk, 'Stable', memberId, 1)
  const other = { ...joining(talk, 'g'), protocolType: 'connect' }
  await talk.say('of another type', 'JoinGroup', 5, other)
  const protocols = [{ name: 'other', metadata: Buffer.alloc(0) }]
  await talk.say('with another protocol', 'JoinGroup', 5, { ...joining(talk, 'g'), protocols })

  const joiningB = talk.ask('b', 'JoinGroup', 3, joining(talk, 'g'))
  await talk.inState(groupId, 'PreparingRebalance')
  await questions(talk, 'PreparingRebalance', memberId, 1)
  const again = await talk.ask('a', 'JoinGroup', 9, { ...joining(talk, 'g'), memberId })
  talk.note('the leader has joined', again)
  const joinedB = await joiningB
  talk.note('the follower has joined', joinedB)
  const syncingB = talk.ask('b', 'SyncGroup', 5, syncing(talk, joinedB.memberId, 2))
  const two = { ...syncing(talk, memberId, 2), assignments }
  talk.note('the leader has assigned', await talk.ask('a', 'SyncGroup', 5, two))
  talk.note('the follower is left out', await syncingB)

  const leaving = [
    { memberId: joinedB.memberId },
    { memberId: 'nobody' },
    { memberId, groupInstanceId: 'i9' }
  ]
  await talk.say('one and others', 'LeaveGroup', 4, { groupId, members: leaving })
  await talk.say('after others left', 'Heartbeat', 4, { groupId, memberId, generationId: 2 })
  await talk.say('the last', 'LeaveGroup', 1, { groupId, memberId })
  await questions(talk, 'Empty', memberId, 3)
  const anew = await talk.ask('b', 'JoinGroup', 3, joining(talk, 'g'))
  talk.note('the next generation', anew)
  await talk.ask('b', 'LeaveGroup', 1, { groupId, memberId: anew.memberId })
}

/** Everything that a member, and others, may ask in a state. */
async function questions(
  talk: Dialogue,
  state: string,
  memberId: string,
  generationId: number
): Promise<void> {
  const groupId = talk.name('g')
  await talk.inState(groupId, state)
  const describing = { groups: [groupId], includeAuthorizedOperations: false }
  await talk.say(state, 'DescribeGroups', 5, describing)
  for (const member of [
    { memberId, generationId },
    { memberId, generationId: 9 },
    { memberId: 'nobody', generationId },
    { memberId, generationId, groupInstanceId: 'i9' }
  ]) {
    const who = `${state}, ${JSON.stringify({ ...member, memberId: memberId === member.memberId })}`
    await talk.say(who, 'Heartbeat', 4, { groupId, ...member })
    const { generationId: generationIdOrMemberEpoch, ...rest } = member
    const request = committing(talk, 'g', { orders: { 0: 5n }, payments: { 0: 6n } })
    const byMember = { ...request, ...rest, generationIdOrMemberEpoch }
    await talk.say(who, 'OffsetCommit', 8, byMember)
    if (state === 'CompletingRebalance' && member.generationId === generationId) continue
    const asking = { ...syncing(talk, member.memberId, member.generationId) }
    await talk.say(who, 'SyncGroup', 5, asking)
  }
  const wrong = { ...syncing(talk, memberId, generationId), protocolName: 'other' }
  await talk.say(`${state}, another protocol`, 'SyncGroup', 5, wrong)
  const byNobody = committing(talk, 'g', { orders: { 0: 5n } })
  await talk.say(`${state}, by nobody`, 'OffsetCommit', 8, byNobody)
  await talk.say(state, 'DeleteGroups', 2, { groupsNames: state === 'Empty' ? [] : [groupId] })
  const topics = ['orders', 'payments', 'nowhere'].map(name => ({
    name: talk.name(name),
    partitions: [{ partitionIndex: 0 }, { partitionIndex: 8 }]
  }))
  await talk.say(state, 'OffsetDelete', 0, { groupId, topics })
}

/**
 * A static member comes back, twice; a Connect worker has a group; groups are listed and deleted.
 */
export async function others(talk: Dialogue): Promise<void> {
  const groupId = talk.name('static')
  const member = { ...joining(talk, 'static'), groupInstanceId: 'i1' }
  const sync = { protocolType: 'consumer', protocolName: 'range', groupInstanceId: 'i1', groupId }
  const first = await talk.say('static', 'JoinGroup', 5, member)
  const { memberId } = first
  const assignments = [{ memberId, assignment: Buffer.from('all') }]
  await talk.say('static', 'SyncGroup', 5, { ...sync, generationId: 1, memberId, assignments })
  const second = await talk.say('static, back', 'JoinGroup', 8, member)
  const asking = { ...sync, generationId: 1, memberId: second.memberId, assignments: [] }
  await talk.say('static, back', 'SyncGroup', 5, asking)
  await talk.say('static, back again', 'JoinGroup', 9, member)
  const fenced = { groupId, memberId, generationId: 1, groupInstanceId: 'i1' }
  await talk.say('fenced', 'Heartbeat', 4, fenced)
  await talk.say('fenced', 'SyncGroup', 5, { ...sync, ...fenced, assignments: [] })
  await talk.say('fenced', 'JoinGroup', 5, { ...member, memberId })
  const commit = { memberId, generationIdOrMemberEpoch: 1, groupInstanceId: 'i1' }
  await talk.say(
    'fenced',
    'OffsetCommit',
    8,
    committing(talk, 'static', { orders: { 0: 1n } }, commit)
  )
  const leaving = [{ memberId, groupInstanceId: 'i1' }]
  await talk.say('fenced', 'LeaveGroup', 4, { groupId, members: leaving })
  await talk.say('former id', 'Heartbeat', 4, { groupId, memberId, generationId: 1 })
  const describing = { groups: [groupId], includeAuthorizedOperations: false }
  await talk.say('static', 'DescribeGroups', 5, describing)
  const removed = ['i1', 'i2'].map(groupInstanceId => ({ memberId: '', groupInstanceId }))
  await talk.say('by instance id', 'LeaveGroup', 4, { groupId, members: removed })

  const protocols = [{ name: 'sessioned', metadata: Buffer.from('x') }]
  const worker = { ...joining(talk, 'connect'), protocolType: 'connect', protocols }
  await talk.say('worker', 'JoinGroup', 3, worker)
  const topics = [{ name: talk.name('orders'), partitions: [{ partitionIndex: 0 }] }]
  await talk.say('worker', 'OffsetDelete', 0, { groupId: talk.name('connect'), topics })
  await lists(talk)
  const names = ['g', 'static', 'simple', 'connect', 'nowhere'].map(word => talk.name(word))
  await talk.say('those that can be', 'DeleteGroups', 2, { groupsNames: names })
  await lists(talk)
}

async function lists(talk: Dialogue): Promise<void> {
  const filters = [
    [0, {}],
    [3, {}],
    [4, { statesFilter: ['empty'] }],
    [4, { statesFilter: ['COMPLETINGREBALANCE', 'Empty'] }],
    [4, { statesFilter: ['nonsense'] }],
    [5, { typesFilter: ['Classic'] }],
    [5, { typesFilter: ['consumer'] }]
  ] as const
  for (const [version, filter] of filters) {
    const listed = await talk.ask('narrator', 'ListGroups', version, filter)
    const own = listed.groups.filter(({ groupId }) =>
      groupId.startsWith(talk.name('x').slice(0, -1))
    )
    talk.note(`ListGroups ${version} ${JSON.stringify(filter)}`, { ...listed, groups: own })
  }
}

function joining(talk: Dialogue, group: string): JoinGroupRequestInit {
  const topic = Buffer.from(talk.name('orders'))
  const head = Buffer.from([0, 0, 0, 0, 0, 1, 0, topic.length])
  const metadata = Buffer.concat([head, topic, Buffer.alloc(4, 0xff)])
  return {
    groupId: talk.name(group),
    sessionTimeoutMs: 30_000,
    rebalanceTimeoutMs: 30_000,
    memberId: '',
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata }]
  }
}

function syncing(talk: Dialogue, memberId: string, generationId: number): SyncGroupRequestInit {
  const protocol = { protocolType: 'consumer', protocolName: 'range' }
  return { groupId: talk.name('g'), memberId, generationId, ...protocol, assignments: [] }
}

function committing(
  talk: Dialogue,
  group: string,
  topics: Readonly<Record<string, Readonly<Record<number, bigint>>>>,
  rest: Partial<OffsetCommitRequestInit> = {}
): OffsetCommitRequestInit {
  return {
    groupId: talk.name(group),
    memberId: '',
    topics: Object.entries(topics).map(([name, committed]) => ({
      name: talk.name(name),
      partitions: Object.entries(committed).map(([partition, committedOffset]) => ({
        partitionIndex: Number(partition),
        committedOffset,
        committedMetadata: null
      }))
    })),
    ...rest
  }
}
