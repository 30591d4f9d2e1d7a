import type { Conversation, Talk } from '../talk.ts'
import { versions } from '../versions.ts'
import { join, protocolsOf, sync } from './join-group.ts'

/** Members with a group instance id (KIP-345). */
export const staticMembers: Conversation = {
  name: 'static-members',
  async run(talk) {
    for (const version of versions('JoinGroup', 5)) await comeBack(talk, version)
    await fenced(talk)
    await changed(talk)
    await leaving(talk)
  }
}

async function comeBack(talk: Talk, version: number): Promise<void> {
  const a = talk.connect('a')
  const b = talk.connect('b')
  const groupId = await talk.group(`back-v${version}`)
  const one = { groupInstanceId: 'one' }
  const two = { groupInstanceId: 'two' }
  const first = await join(a, version, groupId, 'one comes', one)
  await sync(a, 5, groupId, first, `one, v${version}`)
  const joining = join(b, version, groupId, 'two comes', two)
  await talk.noteWaiting(`v${version}, two waits`, joining)
  const again = await join(a, version, groupId, 'one again', { ...one, memberId: first.memberId })
  const second = await joining
  await sync(a, 5, groupId, again, `one again, v${version}`)
  await sync(b, 5, groupId, second, `two, v${version}`)
  const follower = await join(b, version, groupId, 'two comes back without id', two)
  await b.ask(
    'Heartbeat',
    4,
    {
      groupId,
      generationId: follower.generationId,
      memberId: second.memberId,
      groupInstanceId: 'two'
    },
    `v${version}, by its old id`
  )
  await b.ask(
    'Heartbeat',
    4,
    {
      groupId,
      generationId: follower.generationId,
      memberId: follower.memberId,
      groupInstanceId: 'two'
    },
    `v${version}, by its new id`
  )
  await sync(b, 5, groupId, follower, `two is back, v${version}`)
  const leader = await join(a, version, groupId, 'one, the leader, comes back without id', one)
  await sync(a, 5, groupId, leader, `one is back, v${version}`)
  await join(a, version, groupId, 'one comes back by its old id', {
    ...one,
    memberId: first.memberId
  })
  await join(b, version, groupId, 'two comes back by an unknown id', { ...two, memberId: 'nobody' })
  await a.ask('DescribeGroups', 5, { groups: [groupId] }, `v${version}, after all`)
}

/** One who says that he is another. */
async function fenced(talk: Talk): Promise<void> {
  const a = talk.connect('a')
  const groupId = await talk.group('fenced')
  const committed = { partitionIndex: 0, committedOffset: 1n, committedMetadata: '' }
  const topics = [{ ...(await talk.topic('committed')), partitions: [committed] }]
  const one = { groupInstanceId: 'one' }
  const first = await join(a, 5, groupId, 'the first one', one)
  await sync(a, 5, groupId, first, 'the first one')
  const second = await join(a, 5, groupId, 'the second one', one)
  await sync(a, 5, groupId, second, 'the second one')
  for (const [who, memberId] of [
    ['first', first.memberId],
    ['second', second.memberId],
    ['unknown', 'nobody']
  ] as const) {
    const generationId = second.generationId
    await a.ask('Heartbeat', 4, { groupId, generationId, memberId, ...one }, `of the ${who}`)
    await a.ask(
      'Heartbeat',
      4,
      { groupId, generationId, memberId },
      `of the ${who}, without instance`
    )
    await a.ask(
      'Heartbeat',
      4,
      { groupId, generationId, memberId, groupInstanceId: 'two' },
      `of the ${who}, as another instance`
    )
    for (const version of versions('SyncGroup', 3)) {
      const named = version < 5 ? {} : { protocolType: 'consumer', protocolName: 'range' }
      const asked = { groupId, generationId, memberId, ...one, ...named, assignments: [] }
      await a.ask('SyncGroup', version, asked, `of the ${who}`)
    }
    for (const version of versions('OffsetCommit', 7))
      for (const generationIdOrMemberEpoch of [generationId, 9]) {
        const asked = { groupId, generationIdOrMemberEpoch, memberId, ...one, topics }
        const note = `of the ${who}, of generation ${generationIdOrMemberEpoch}`
        await a.ask('OffsetCommit', version, asked, note)
      }
    await a.ask(
      'Heartbeat',
      4,
      { groupId, generationId: 9, memberId, ...one },
      `of the ${who}, of another generation`
    )
  }
}

/** Static members that come back with something new. */
async function changed(talk: Talk): Promise<void> {
  const a = talk.connect('a')
  const b = talk.connect('b')
  const groupId = await talk.group('changed')
  const first = await join(a, 9, groupId, 'the leader', { groupInstanceId: 'one' })
  await sync(a, 5, groupId, first, 'the leader')
  const joining = join(b, 9, groupId, 'the follower', { groupInstanceId: 'two' })
  await talk.noteWaiting('the follower waits', joining)
  const again = await join(a, 9, groupId, 'the leader again', {
    groupInstanceId: 'one',
    memberId: first.memberId
  })
  const syncing = sync(b, 5, groupId, await joining, 'the follower')
  await talk.noteWaiting('the follower waits for its assignment', syncing)
  await sync(a, 5, groupId, again, 'the leader again')
  await syncing
  const back = join(b, 9, groupId, 'the follower is back with other protocols', {
    groupInstanceId: 'two',
    protocols: protocolsOf('roundrobin')
  })
  await talk.noteWaiting('other protocols make a rebalance', back)
  await join(a, 9, groupId, 'the leader for it', {
    groupInstanceId: 'one',
    memberId: first.memberId
  })
  await back
  await join(b, 9, groupId, 'the follower with nothing in common', {
    groupInstanceId: 'two',
    protocols: protocolsOf('sticky')
  })
  await a.ask('DescribeGroups', 5, { groups: [groupId] }, 'after the changes')
}

async function leaving(talk: Talk): Promise<void> {
  const a = talk.connect('a')
  for (const version of versions('LeaveGroup', 3)) {
    const groupId = await talk.group(`leaving-v${version}`)
    const first = await join(a, 5, groupId, `one, v${version}`, { groupInstanceId: 'one' })
    await sync(a, 5, groupId, first, `one, leave v${version}`)
    const ask = (
      note: string,
      ...members: readonly { memberId: string; groupInstanceId: string | null }[]
    ) => a.ask('LeaveGroup', version, { groupId, members }, note)
    await ask('an instance under a wrong id', { memberId: 'nobody', groupInstanceId: 'one' })
    await ask('a static member by its id alone', {
      memberId: first.memberId,
      groupInstanceId: null
    })
    const second = await join(a, 5, groupId, `one anew, v${version}`, { groupInstanceId: 'one' })
    await sync(a, 5, groupId, second, `one anew, leave v${version}`)
    await ask('an instance by its old id', { memberId: first.memberId, groupInstanceId: 'one' })
    await ask('an instance by its name', { memberId: '', groupInstanceId: 'one' })
    await ask('an instance that has left', { memberId: '', groupInstanceId: 'one' })
    await a.ask('DescribeGroups', 5, { groups: [groupId] }, `after leave v${version}`)
  }
}
