import type { Conversation, Request, Response, Talk } from '../talk.ts'
import { versions } from '../versions.ts'
import { join, joinOf, sync } from './join-group.ts'

const unknownMember = 'somebody-00000000-0000-0000-0000-000000000000'

/** SyncGroup, Heartbeat and LeaveGroup in every version, in every state of a group. */
export const groupMembers: Conversation = {
  name: 'group-members',
  async run(talk) {
    for (const version of versions('SyncGroup')) await syncs(talk, version)
    for (const version of versions('Heartbeat')) await heartbeats(talk, version)
    for (const version of versions('LeaveGroup')) await leaves(talk, version)
  }
}

function assignmentsOf(...members: readonly Response<'JoinGroup'>[]) {
  return members.map(({ memberId }, index) => ({
    memberId,
    assignment: Buffer.from(`assignment ${index}`)
  }))
}

async function syncs(talk: Talk, version: number): Promise<void> {
  const a = talk.connect('a')
  const b = talk.connect('b')
  const groupId = await talk.group(`sync-v${version}`)
  const ask = (note: string, more: Partial<Request<'SyncGroup'>>) =>
    a.attempt(
      'SyncGroup',
      version,
      { groupId, generationId: 1, memberId: '', assignments: [], ...more },
      note
    )
  await ask('of a group that is not there', { memberId: unknownMember })
  await ask('of a group without id', { groupId: '', memberId: unknownMember })
  const first = await join(a, 5, groupId, `a, v${version}`)
  const { memberId, generationId } = first
  await ask('of an unknown member', { memberId: unknownMember, generationId })
  await ask('without member id', { generationId })
  for (const wrong of [0, 2, -1])
    await ask(`of generation ${wrong}`, { memberId, generationId: wrong })
  await ask('of a generation and a member that are wrong', {
    memberId: unknownMember,
    generationId: 7
  })
  if (version >= 5) {
    const right = { memberId, generationId, protocolType: 'consumer', protocolName: 'range' }
    await ask('of another protocol type', { ...right, protocolType: 'connect' })
    await ask('of another protocol', { ...right, protocolName: 'roundrobin' })
    await ask('of a protocol without name', { ...right, protocolName: null, protocolType: null })
    await ask('of a type without protocol', { ...right, protocolName: null })
  }
  if (version >= 3)
    await ask('of an instance that is not there', { memberId, generationId, groupInstanceId: 'i' })
  await ask('the leader', { memberId, generationId, assignments: assignmentsOf(first) })
  await ask('the leader again', { memberId, generationId })
  await ask('the leader again, with something else', {
    memberId,
    generationId,
    assignments: [{ memberId, assignment: Buffer.from('else') }]
  })
  await ask('of an unknown member of a stable group', { memberId: unknownMember, generationId })

  const joining = join(b, 5, groupId, `b, v${version}`)
  await talk.noteWaiting(`v${version}, b waits for a`, joining)
  await ask('while the group rebalances', { memberId, generationId })
  const again = await a.ask(
    'JoinGroup',
    5,
    joinOf(5, groupId, { memberId }),
    `a again, v${version}`
  )
  const second = await joining
  const waiting = b.attempt(
    'SyncGroup',
    version,
    { groupId, generationId: second.generationId, memberId: second.memberId, assignments: [] },
    'a follower'
  )
  await talk.noteWaiting(`v${version}, b waits for the assignment`, waiting)
  await ask('the leader, with a stranger and without the follower', {
    memberId,
    generationId: again.generationId,
    assignments: [
      ...assignmentsOf(again),
      { memberId: unknownMember, assignment: Buffer.from('stray') }
    ]
  })
  await waiting
  await a.ask('DescribeGroups', 5, { groups: [groupId] }, `after v${version}`)
}

async function heartbeats(talk: Talk, version: number): Promise<void> {
  const a = talk.connect('a')
  const b = talk.connect('b')
  const groupId = await talk.group(`heartbeat-v${version}`)
  const ask = (note: string, more: Partial<Request<'Heartbeat'>>) =>
    a.attempt('Heartbeat', version, { groupId, generationId: 1, memberId: '', ...more }, note)
  await ask('of a group that is not there', { memberId: unknownMember })
  await ask('of a group without id', { groupId: '', memberId: unknownMember })
  const first = await join(a, 5, groupId, `a, heartbeat v${version}`)
  const { memberId, generationId } = first
  await ask('before the assignment', { memberId, generationId })
  await sync(a, 3, groupId, first, `a, heartbeat v${version}`)
  await ask('all is well', { memberId, generationId })
  await ask('of an unknown member', { memberId: unknownMember, generationId })
  await ask('without member id', { generationId })
  for (const wrong of [0, 2, -1])
    await ask(`of generation ${wrong}`, { memberId, generationId: wrong })
  await ask('of an unknown member and generation', { memberId: unknownMember, generationId: 9 })
  if (version >= 3) {
    await ask('of an instance that is not there', { memberId, generationId, groupInstanceId: 'i' })
    await ask('of an instance and a member that are not there', {
      memberId: unknownMember,
      generationId,
      groupInstanceId: 'i'
    })
  }
  const joining = join(b, 5, groupId, `b, heartbeat v${version}`)
  await talk.noteWaiting(`v${version}, b waits`, joining)
  await ask('while the group rebalances', { memberId, generationId })
  await ask('of a wrong generation while the group rebalances', { memberId, generationId: 9 })
  await a.ask('LeaveGroup', 1, { groupId, memberId }, `a, heartbeat v${version}`)
  await ask('of one that has left', { memberId, generationId })
  const second = await joining
  await b.attempt(
    'Heartbeat',
    version,
    { groupId, generationId: second.generationId, memberId: second.memberId },
    'b of its new generation'
  )
  await b.ask('LeaveGroup', 1, { groupId, memberId: second.memberId }, `b, heartbeat v${version}`)
  await ask('of an empty group', { memberId, generationId })
}

async function leaves(talk: Talk, version: number): Promise<void> {
  const a = talk.connect('a')
  const groupId = await talk.group(`leave-v${version}`)
  const ask = (
    note: string,
    members: readonly { memberId: string; groupInstanceId?: string | null; reason?: string }[],
    id = groupId
  ) =>
    a.attempt(
      'LeaveGroup',
      version,
      version < 3
        ? { groupId: id, memberId: members[0]?.memberId ?? '' }
        : { groupId: id, members },
      note
    )
  await ask('a group that is not there', [{ memberId: unknownMember }])
  await ask('a group without id', [{ memberId: unknownMember }], '')
  const first = await join(a, 5, groupId, `a, leave v${version}`)
  await sync(a, 3, groupId, first, `a, leave v${version}`)
  await ask('an unknown member', [{ memberId: unknownMember }])
  await ask('a member without id', [{ memberId: '' }])
  const pending = await a.ask(
    'JoinGroup',
    4,
    joinOf(5, groupId),
    `a pending member, leave v${version}`
  )
  await ask('a pending member', [{ memberId: pending.memberId }])
  if (version >= 3) {
    await ask('nobody', [])
    await ask('an instance that is not there', [{ memberId: first.memberId, groupInstanceId: 'i' }])
    await ask('an instance that is not there, by its name', [
      { memberId: '', groupInstanceId: 'i' }
    ])
    await ask('unknown and known', [
      { memberId: unknownMember },
      { memberId: first.memberId },
      { memberId: first.memberId }
    ])
  } else await ask('the only member', [{ memberId: first.memberId }])
  await a.ask('DescribeGroups', 5, { groups: [groupId] }, `after leave v${version}`)
  await ask('one that has left', [{ memberId: first.memberId }])
  const second = await join(a, 5, groupId, `a anew, leave v${version}`)
  await a.attempt(
    'LeaveGroup',
    version,
    version < 3
      ? { groupId, memberId: second.memberId }
      : {
          groupId,
          members: [{ memberId: second.memberId, ...(version >= 5 ? { reason: 'a reason' } : {}) }]
        },
    'before the assignment'
  )
  await a.ask('ListGroups', 4, { statesFilter: [] }, `after leave v${version}`)
}
