import type { Conversation, Talk } from '../talk.ts'
import { join, joinOf, protocolsOf, sync } from './join-group.ts'

/** How groups of several members come together, part and lose members. */
export const groupRebalances: Conversation = {
  name: 'group-rebalances',
  async run(talk) {
    await comingTogether(talk)
    await protocolChoice(talk)
    await leaderGone(talk)
    await followerAgain(talk)
    await sessionsEnd(talk)
    await rebalanceTimeout(talk)
    await pendingMembers(talk)
    await sizeAndSync(talk)
  }
}

async function comingTogether(talk: Talk): Promise<void> {
  const a = talk.connect('a')
  const b = talk.connect('b')
  const c = talk.connect('c')
  const groupId = await talk.group('together')
  const first = await join(a, 5, groupId, 'a comes')
  await sync(a, 3, groupId, first, 'a')
  const joiningB = join(b, 5, groupId, 'b comes')
  await talk.noteWaiting('b waits', joiningB)
  const joiningC = join(c, 5, groupId, 'c comes')
  await talk.noteWaiting('c waits', joiningC)
  await a.ask('DescribeGroups', 5, { groups: [groupId] }, 'while three come together')
  await a.ask(
    'ListGroups',
    4,
    { statesFilter: ['PreparingRebalance'] },
    'while three come together'
  )
  const again = await join(a, 5, groupId, 'a comes again', { memberId: first.memberId })
  const [second, third] = await Promise.all([joiningB, joiningC])
  await a.ask('DescribeGroups', 5, { groups: [groupId] }, 'before the assignment')
  await a.ask('ListGroups', 4, { statesFilter: ['CompletingRebalance'] }, 'before the assignment')
  const syncingB = sync(b, 3, groupId, second, 'b')
  await talk.noteWaiting('b waits for the leader', syncingB)
  await sync(a, 3, groupId, again, 'a for all')
  await syncingB
  await sync(c, 3, groupId, third, 'c, later')
  await a.ask('DescribeGroups', 5, { groups: [groupId] }, 'when all is done')
  await a.ask('DescribeGroups', 0, { groups: [groupId] }, 'when all is done')
  const leaving = c.ask('LeaveGroup', 1, { groupId, memberId: third.memberId }, 'c leaves')
  await leaving
  await a.ask(
    'Heartbeat',
    2,
    { groupId, generationId: again.generationId, memberId: again.memberId },
    'a hears of it'
  )
  await b.ask(
    'Heartbeat',
    2,
    { groupId, generationId: second.generationId, memberId: second.memberId },
    'b hears of it'
  )
  await b.ask(
    'OffsetCommit',
    7,
    {
      groupId,
      generationIdOrMemberEpoch: second.generationId,
      memberId: second.memberId,
      topics: []
    },
    'b commits meanwhile'
  )
  const rejoiningB = join(b, 5, groupId, 'b comes again', { memberId: second.memberId })
  await talk.noteWaiting('b waits for a', rejoiningB)
  await a.ask('LeaveGroup', 1, { groupId, memberId: again.memberId }, 'a leaves')
  const alone = await rejoiningB
  await sync(b, 3, groupId, alone, 'b alone')
  await b.ask('LeaveGroup', 1, { groupId, memberId: alone.memberId }, 'b leaves')
  await b.ask('DescribeGroups', 5, { groups: [groupId] }, 'when all have left')
  await b.ask('ListGroups', 4, { statesFilter: ['Empty'] }, 'when all have left')
}

/** The protocol that all know and most like best. */
async function protocolChoice(talk: Talk): Promise<void> {
  const a = talk.connect('a')
  const b = talk.connect('b')
  const c = talk.connect('c')
  const groupId = await talk.group('choice')
  const first = await join(a, 5, groupId, 'a likes x, y, z', {
    protocols: protocolsOf('x', 'y', 'z')
  })
  const joiningB = join(b, 5, groupId, 'b likes z, y', { protocols: protocolsOf('z', 'y') })
  await talk.noteWaiting('choice, b waits', joiningB)
  const joiningC = join(c, 5, groupId, 'c likes z, x, y', { protocols: protocolsOf('z', 'x', 'y') })
  await talk.noteWaiting('choice, c waits', joiningC)
  await join(a, 5, groupId, 'a again', {
    memberId: first.memberId,
    protocols: protocolsOf('x', 'y', 'z')
  })
  await Promise.all([joiningB, joiningC])
  const d = talk.connect('d')
  await d.ask(
    'JoinGroup',
    3,
    joinOf(5, groupId, { rebalanceTimeoutMs: 1_000, protocols: protocolsOf('x') }),
    'd knows x alone'
  )
  await a.ask('DescribeGroups', 5, { groups: [groupId] }, 'after the choice')
}

/** The leader leaves while the others wait for its assignment. */
async function leaderGone(talk: Talk): Promise<void> {
  const a = talk.connect('a')
  const b = talk.connect('b')
  const groupId = await talk.group('leader-gone')
  const first = await join(a, 5, groupId, 'leader')
  const joining = join(b, 5, groupId, 'follower')
  await talk.noteWaiting('the follower waits', joining)
  const again = await join(a, 5, groupId, 'leader again', { memberId: first.memberId })
  const second = await joining
  const syncing = sync(b, 3, groupId, second, 'the follower')
  await talk.noteWaiting('the follower waits for the leader', syncing)
  await a.ask('LeaveGroup', 1, { groupId, memberId: again.memberId }, 'the leader goes')
  await syncing
  const alone = await join(b, 5, groupId, 'the follower leads', { memberId: second.memberId })
  await sync(b, 3, groupId, alone, 'the new leader')
}

/** Members that join again without need, and with. */
async function followerAgain(talk: Talk): Promise<void> {
  const a = talk.connect('a')
  const b = talk.connect('b')
  const groupId = await talk.group('again')
  const first = await join(a, 5, groupId, 'leads')
  const joining = join(b, 5, groupId, 'follows')
  await talk.noteWaiting('follows and waits', joining)
  const again = await join(a, 5, groupId, 'leads again', { memberId: first.memberId })
  const second = await joining
  await sync(a, 3, groupId, again, 'leads')
  await sync(b, 3, groupId, second, 'follows')
  await join(b, 5, groupId, 'the follower again, unchanged', { memberId: second.memberId })
  const changed = join(b, 5, groupId, 'the follower again, changed', {
    memberId: second.memberId,
    protocols: protocolsOf('range')
  })
  await talk.noteWaiting('the changed follower waits', changed)
  await a.ask(
    'Heartbeat',
    2,
    { groupId, generationId: again.generationId, memberId: first.memberId },
    'the leader hears of it'
  )
  const third = await join(a, 5, groupId, 'the leader again', { memberId: first.memberId })
  await changed
  await join(b, 5, groupId, 'the follower again, before the assignment', {
    memberId: second.memberId,
    protocols: protocolsOf('range')
  })
  await sync(a, 3, groupId, third, 'the leader again')
  const rejoining = join(a, 5, groupId, 'the leader again, unchanged', { memberId: first.memberId })
  await talk.noteWaiting('the leader waits for the follower', rejoining)
  await join(b, 5, groupId, 'the follower for the leader', {
    memberId: second.memberId,
    protocols: protocolsOf('range')
  })
  await rejoining
}

/** Members that send no heartbeats. */
async function sessionsEnd(talk: Talk): Promise<void> {
  const a = talk.connect('a')
  const groupId = await talk.group('sessions')
  const first = await join(a, 5, groupId, 'with a short session', { sessionTimeoutMs: 300 })
  await sync(a, 3, groupId, first, 'with a short session')
  await talk.pass(1_000)
  await a.ask(
    'Heartbeat',
    2,
    { groupId, generationId: first.generationId, memberId: first.memberId },
    'too late'
  )
  await a.ask('DescribeGroups', 5, { groups: [groupId] }, 'after the session')
  await join(a, 5, groupId, 'too late', { memberId: first.memberId })
}

/** Members that do not join again in time. */
async function rebalanceTimeout(talk: Talk): Promise<void> {
  const a = talk.connect('a')
  const b = talk.connect('b')
  const groupId = await talk.group('rebalance-timeout')
  const first = await join(a, 5, groupId, 'will be late', { rebalanceTimeoutMs: 500 })
  await sync(a, 3, groupId, first, 'will be late')
  const second = await join(b, 5, groupId, 'is in time', { rebalanceTimeoutMs: 500 })
  await a.ask(
    'Heartbeat',
    2,
    { groupId, generationId: first.generationId, memberId: first.memberId },
    'is late'
  )
  await sync(b, 3, groupId, second, 'is in time')
  await b.ask('DescribeGroups', 5, { groups: [groupId] }, 'without the late one')
  const third = await join(a, 5, groupId, 'comes late', { memberId: first.memberId })
  await b.ask(
    'Heartbeat',
    2,
    { groupId, generationId: second.generationId, memberId: second.memberId },
    'is there alone'
  )
  void third
}

/** Ids that were given out and are not used. */
async function pendingMembers(talk: Talk): Promise<void> {
  const a = talk.connect('a')
  const b = talk.connect('b')
  const groupId = await talk.group('pending')
  const pending = await b.ask(
    'JoinGroup',
    4,
    joinOf(4, groupId, { rebalanceTimeoutMs: 500, sessionTimeoutMs: 700 }),
    'an id for later'
  )
  await a.ask('DescribeGroups', 5, { groups: [groupId] }, 'with a pending member')
  await a.ask('ListGroups', 4, { statesFilter: [] }, 'with a pending member')
  await b.ask(
    'Heartbeat',
    2,
    { groupId, generationId: 0, memberId: pending.memberId },
    'of a pending member'
  )
  await b.ask(
    'SyncGroup',
    3,
    { groupId, generationId: 0, memberId: pending.memberId, assignments: [] },
    'of a pending member'
  )
  await b.ask(
    'OffsetCommit',
    7,
    { groupId, generationIdOrMemberEpoch: 0, memberId: pending.memberId, topics: [] },
    'of a pending member'
  )
  const joining = join(a, 5, groupId, 'beside a pending member')
  await talk.noteWaiting('waits for the pending member', joining)
  const first = await joining
  await sync(a, 3, groupId, first, 'without the pending member')
  await talk.pass(1_200)
  await b.ask(
    'JoinGroup',
    4,
    joinOf(4, groupId, { memberId: pending.memberId, rebalanceTimeoutMs: 500 }),
    'with an id that has lapsed'
  )
}

/** An assignment that does not come. */
async function sizeAndSync(talk: Talk): Promise<void> {
  const a = talk.connect('a')
  const b = talk.connect('b')
  const groupId = await talk.group('no-assignment')
  const first = await join(a, 5, groupId, 'leads silently', { rebalanceTimeoutMs: 600 })
  const joining = join(b, 5, groupId, 'follows the silent', { rebalanceTimeoutMs: 600 })
  await talk.noteWaiting('follows and waits', joining)
  await join(a, 5, groupId, 'leads silently again', {
    memberId: first.memberId,
    rebalanceTimeoutMs: 600
  })
  const second = await joining
  await sync(b, 3, groupId, second, 'waits in vain')
  await a.ask('DescribeGroups', 5, { groups: [groupId] }, 'when the leader was silent')
  await a.ask(
    'Heartbeat',
    2,
    { groupId, generationId: 2, memberId: first.memberId },
    'the silent leader'
  )
}
