import type { Conversation, Request, Speaker, Talk, Topic } from '../talk.ts'
import { versions } from '../versions.ts'
import { join, joinOf, sync } from './join-group.ts'

type Commit = Request<'OffsetCommit'>
type CommittedPartition = Commit['topics'][number]['partitions'][number]
type Committed = Omit<CommittedPartition, 'committedOffset'> & {
  readonly committedOffset: number | bigint
}

const unknownId = 'AAAAAAAAAAAAAAAAAAAAAg'

/** A commit of somebody who is no member, in the form of every version. */
function commitOf(
  groupId: string,
  topics: readonly (readonly [topic: Topic, ...partitions: Partial<Committed>[]])[],
  more: Partial<Commit> = {}
): Commit {
  return {
    groupId,
    memberId: '',
    topics: topics.map(([{ name, topicId }, ...partitions]) => ({
      name,
      topicId,
      partitions: partitions.map(({ committedOffset = 5, ...each }) => ({
        partitionIndex: 0,
        committedMetadata: '',
        ...each,
        committedOffset: BigInt(committedOffset)
      }))
    })),
    ...more
  }
}

/** All that a group has committed, and what it has not. */
async function fetched(
  client: Speaker,
  version: number,
  groupId: string,
  topics: readonly (readonly [topic: Topic, ...partitionIndexes: number[]])[] | null,
  note: string,
  more: { readonly memberId?: string | null; readonly memberEpoch?: number } = {}
): Promise<void> {
  const asked =
    topics?.map(([{ name, topicId }, ...partitionIndexes]) => ({
      name,
      topicId,
      partitionIndexes
    })) ?? null
  if (version < 8) {
    const old = asked?.map(({ name, partitionIndexes }) => ({ name, partitionIndexes })) ?? null
    if (old === null && version < 2) return
    await client.attempt('OffsetFetch', version, { groupId, topics: old }, note)
  } else
    await client.attempt(
      'OffsetFetch',
      version,
      { groups: [{ groupId, topics: asked, ...more }] },
      note
    )
}

export const offsets: Conversation = {
  name: 'offsets',
  async run(talk) {
    const client = talk.connect()
    const a = await talk.topic('a', { partitions: 3 })
    const b = await talk.topic('b')
    const nowhere = { name: talk.name('nowhere'), topicId: unknownId }
    for (const version of versions('OffsetCommit', 2))
      await commits(talk, client, version, a, b, nowhere)
    for (const version of versions('OffsetFetch'))
      await fetches(talk, client, version, a, b, nowhere)
    for (const version of [2, 5, 7, 8, 9, 10]) await ofMembers(talk, version, a)
    await deletes(talk, client, a, b)
    const old = commitOf(await talk.group('old'), [[a, {}]])
    await client.attempt('OffsetCommit', 1, old)
    await talk.setup.ask('DeleteGroups', 2, { groupsNames: [''] })
  }
}

async function commits(
  talk: Talk,
  client: Speaker,
  version: number,
  a: Topic,
  b: Topic,
  nowhere: Topic
): Promise<void> {
  const groupId = await talk.group(`commits-v${version}`)
  const ask = (note: string, request: Commit) =>
    client.attempt('OffsetCommit', version, request, note)
  await ask('the first', commitOf(groupId, [[a, { committedOffset: 1 }]]))
  await ask(
    'several',
    commitOf(groupId, [
      [
        a,
        { partitionIndex: 1, committedOffset: 7, committedMetadata: 'about it' },
        { partitionIndex: 2, committedMetadata: null }
      ],
      [b, {}]
    ])
  )
  await ask(
    'with a leader epoch',
    commitOf(groupId, [[a, { committedOffset: 2, committedLeaderEpoch: 3 }]])
  )
  for (const committedOffset of [-1, -2, 0, 2 ** 53 - 1, 2n ** 63n - 1n, -(2n ** 63n)])
    await ask(`offset ${committedOffset}`, commitOf(groupId, [[b, { committedOffset }]]))
  await ask(
    'metadata of 4096 letters',
    commitOf(groupId, [[b, { committedMetadata: 'x'.repeat(4_096) }]])
  )
  await ask(
    'metadata of 4097 letters',
    commitOf(groupId, [
      [b, { committedMetadata: 'x'.repeat(4_097) }],
      [a, {}]
    ])
  )
  await ask(
    'metadata of 2000 letters of two bytes',
    commitOf(groupId, [[b, { committedMetadata: 'é'.repeat(2_100) }]])
  )
  await ask(
    'a topic that is not there',
    commitOf(groupId, [
      [nowhere, {}],
      [a, {}]
    ])
  )
  await ask(
    'partitions that are not there',
    commitOf(groupId, [[a, { partitionIndex: 3 }, { partitionIndex: -1 }, {}]])
  )
  await ask('only what is not there', commitOf(groupId, [[nowhere, {}]]))
  await ask(
    'one partition twice',
    commitOf(groupId, [[a, { committedOffset: 8 }, { committedOffset: 9 }]])
  )
  await ask('no topics', commitOf(groupId, []))
  await ask('no partitions', commitOf(groupId, [[a]]))
  await ask('a group without id', commitOf('', [[a, {}]]))
  await ask('a member of no group', commitOf(groupId, [[a, {}]], { memberId: 'nobody' }))
  await ask(
    'a generation of no group',
    commitOf(groupId, [[a, {}]], { generationIdOrMemberEpoch: 1 })
  )
  await ask(
    'generation 0 of no group',
    commitOf(groupId, [[a, {}]], { generationIdOrMemberEpoch: 0 })
  )
  await ask(
    'a member and generation',
    commitOf(groupId, [[a, {}]], { memberId: 'nobody', generationIdOrMemberEpoch: 1 })
  )
  const fresh = await talk.group(`fresh-v${version}`)
  await ask(
    'a generation of a group that is not there',
    commitOf(fresh, [[a, {}]], { generationIdOrMemberEpoch: 1 })
  )
  await ask(
    'a member of a group that is not there',
    commitOf(fresh, [[a, {}]], { memberId: 'nobody' })
  )
  await ask('an instance of no group', commitOf(groupId, [[a, {}]], { groupInstanceId: 'i' }))
  await ask(
    'with retention',
    commitOf(groupId, [[a, { partitionIndex: 2 }]], { retentionTimeMs: 60_000 })
  )
  await fetched(client, 7, groupId, null, `after commits v${version}`)
  await client.ask('DescribeGroups', 5, { groups: [groupId] }, `after commits v${version}`)
}

async function fetches(
  talk: Talk,
  client: Speaker,
  version: number,
  a: Topic,
  b: Topic,
  nowhere: Topic
): Promise<void> {
  const groupId = await talk.group(`fetches-v${version}`)
  const empty = await talk.group(`nothing-v${version}`)
  const request = commitOf(groupId, [
    [
      a,
      { committedOffset: 3, committedLeaderEpoch: 0, committedMetadata: 'm' },
      { partitionIndex: 2 }
    ],
    [b, { committedMetadata: null }]
  ])
  await talk.setup.ask('OffsetCommit', 8, request)
  await fetched(client, version, groupId, null, 'all')
  await fetched(client, version, groupId, [], 'none')
  await fetched(
    client,
    version,
    groupId,
    [
      [a, 2, 1, 0],
      [b, 0]
    ],
    'some'
  )
  await fetched(
    client,
    version,
    groupId,
    [
      [a, 0, 0],
      [a, 0]
    ],
    'one twice'
  )
  await fetched(
    client,
    version,
    groupId,
    [
      [a, 7, -1],
      [nowhere, 0]
    ],
    'not there'
  )
  await fetched(client, version, groupId, [[a]], 'no partitions')
  await fetched(client, version, empty, null, 'all of a group that is not there')
  await fetched(
    client,
    version,
    empty,
    [
      [a, 0],
      [nowhere, 0]
    ],
    'some of a group that is not there'
  )
  await fetched(client, version, '', [[a, 0]], 'of a group without id')
  if (version >= 7)
    await client.attempt(
      'OffsetFetch',
      version,
      version < 8
        ? { groupId, topics: null, requireStable: true }
        : { groups: [{ groupId, topics: null }], requireStable: true },
      'what is stable'
    )
  if (version < 8) return
  const several = [groupId, empty, '', groupId].map(each => ({ groupId: each, topics: null }))
  await client.attempt('OffsetFetch', version, { groups: several }, 'of several groups')
  await client.attempt('OffsetFetch', version, { groups: [] }, 'of no groups')
  if (version < 9) return
  await fetched(client, version, groupId, [[a, 0]], 'of a member that is not there', {
    memberId: 'nobody',
    memberEpoch: 3
  })
  await fetched(client, version, groupId, [[a, 0]], 'of an epoch without member', {
    memberEpoch: 3
  })
  await fetched(client, version, groupId, [[a, 0]], 'of a member without epoch', {
    memberId: 'nobody'
  })
  await fetched(client, version, groupId, [[a, 0]], 'of an empty member', {
    memberId: '',
    memberEpoch: 0
  })
  await fetched(client, version, empty, [[a, 0]], 'of a member of a group that is not there', {
    memberId: 'nobody',
    memberEpoch: 3
  })
}

/** Commits of members, in every state of their group. */
async function ofMembers(talk: Talk, version: number, a: Topic): Promise<void> {
  const one = talk.connect('one')
  const two = talk.connect('two')
  const groupId = await talk.group(`members-v${version}`)
  const ask = (
    note: string,
    generationIdOrMemberEpoch: number,
    memberId: string,
    more: Partial<Commit> = {}
  ) =>
    one.attempt(
      'OffsetCommit',
      version,
      commitOf(groupId, [[a, {}]], { generationIdOrMemberEpoch, memberId, ...more }),
      note
    )
  const first = await join(one, 5, groupId, `one, v${version}`)
  const { memberId, generationId } = first
  await ask('before the assignment', generationId, memberId)
  await ask('of no member before the assignment', -1, '')
  await sync(one, 3, groupId, first, `one, v${version}`)
  await ask('in order', generationId, memberId)
  for (const wrong of [-1, 0, 2]) await ask(`of generation ${wrong}`, wrong, memberId)
  await ask('of an unknown member', generationId, 'nobody')
  await ask('of no member', -1, '')
  await ask('of no member but a generation', generationId, '')
  await ask('of an instance that is not there', generationId, memberId, { groupInstanceId: 'i' })
  const joining = join(two, 5, groupId, `two, v${version}`)
  await talk.noteWaiting(`v${version}, two waits`, joining)
  await ask('while the group rebalances', generationId, memberId)
  await ask('of another generation while the group rebalances', 9, memberId)
  await ask('of no member while the group rebalances', -1, '')
  const again = await one.ask(
    'JoinGroup',
    5,
    joinOf(5, groupId, { memberId }),
    `one again, v${version}`
  )
  await joining
  await ask('of the old generation', generationId, memberId)
  await ask('of the new generation', again.generationId, memberId)
  await fetched(one, Math.max(version, 2), groupId, [[a, 0]], `v${version}, meanwhile`)
  if (version >= 9) {
    await fetched(one, version, groupId, [[a, 0]], 'of the member', {
      memberId,
      memberEpoch: again.generationId
    })
    await fetched(one, version, groupId, [[a, 0]], 'of the member, an old epoch', {
      memberId,
      memberEpoch: generationId
    })
    await fetched(one, version, groupId, [[a, 0]], 'of a stranger', {
      memberId: 'nobody',
      memberEpoch: 1
    })
  }
}

async function deletes(talk: Talk, client: Speaker, a: Topic, b: Topic): Promise<void> {
  const groupId = await talk.group('deletes')
  const ask = (
    note: string,
    id: string,
    ...topics: readonly (readonly [name: string, ...partitions: number[]])[]
  ) =>
    client.attempt(
      'OffsetDelete',
      0,
      {
        groupId: id,
        topics: topics.map(([name, ...partitions]) => ({
          name,
          partitions: partitions.map(partitionIndex => ({ partitionIndex }))
        }))
      },
      note
    )
  await ask('of a group that is not there', groupId, [a.name, 0])
  await ask('of a group without id', '', [a.name, 0])
  await talk.setup.ask(
    'OffsetCommit',
    8,
    commitOf(groupId, [
      [a, {}, { partitionIndex: 1 }],
      [b, {}]
    ])
  )
  await ask('one', groupId, [a.name, 0])
  await ask('one that is gone, and one that is not', groupId, [a.name, 0, 1])
  await ask('not there', groupId, [talk.name('nowhere'), 0], [a.name, 9, -1], [b.name, 0])
  await ask('nothing', groupId)
  await ask('no partitions', groupId, [a.name])
  await fetched(client, 7, groupId, null, 'after the deletes')
  await client.ask('DescribeGroups', 5, { groups: [groupId] }, 'after the deletes')
  const subscribed = await talk.group('subscribed')
  const metadata = Buffer.concat([
    Buffer.from([0, 0, 0, 0, 0, 1, 0, a.name.length]),
    Buffer.from(a.name),
    Buffer.from([0, 0, 0, 0])
  ])
  const member = await join(client, 5, subscribed, 'subscribed', {
    protocols: [{ name: 'range', metadata }]
  })
  await sync(client, 3, subscribed, member, 'subscribed')
  const own = { memberId: member.memberId, generationIdOrMemberEpoch: member.generationId }
  await client.ask(
    'OffsetCommit',
    8,
    commitOf(
      subscribed,
      [
        [a, {}],
        [b, {}]
      ],
      own
    ),
    'subscribed'
  )
  await ask('of what is subscribed and what is not', subscribed, [a.name, 0, 1], [b.name, 0])
  await fetched(client, 7, subscribed, null, 'what is subscribed')
  const other = await talk.group('other-protocol')
  const worker = await join(client, 5, other, 'of another type', { protocolType: 'connect' })
  await sync(client, 3, other, worker, 'of another type')
  await ask('of a group of another type', other, [a.name, 0])
  const strange = await talk.group('strange-metadata')
  const stranger = await join(client, 5, strange, 'with metadata that is none')
  await sync(client, 3, strange, stranger, 'with metadata that is none')
  await client.ask(
    'OffsetCommit',
    8,
    commitOf(strange, [[a, {}]], {
      memberId: stranger.memberId,
      generationIdOrMemberEpoch: stranger.generationId
    }),
    'with metadata that is none'
  )
  await ask('of a group with metadata that is none', strange, [a.name, 0])
}
