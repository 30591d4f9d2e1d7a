import type { Conversation, Request, Response, Speaker, Talk } from '../talk.ts'
import { versions } from '../versions.ts'

export type JoinRequest = Request<'JoinGroup'>
type Protocols = JoinRequest['protocols']

/** Protocols by name, the metadata of each telling it. */
export function protocolsOf(...names: readonly string[]): Protocols {
  return names.map(name => ({ name, metadata: Buffer.from(`${name} of a member`) }))
}

/** A request to join as a new member, with time to do so where a version can say that. */
export function joinOf(
  version: number,
  groupId: string,
  more: Partial<JoinRequest> = {}
): JoinRequest {
  return {
    groupId,
    sessionTimeoutMs: 30_000,
    ...(version >= 1 ? { rebalanceTimeoutMs: 60_000 } : {}),
    memberId: '',
    protocolType: 'consumer',
    protocols: protocolsOf('range', 'roundrobin'),
    ...more
  }
}

/** Joins as a new member in every version: from 4 on, with the id that the first answer gives. */
export async function join(
  client: Speaker,
  version: number,
  groupId: string,
  note: string,
  more: Partial<JoinRequest> = {}
): Promise<Response<'JoinGroup'>> {
  const request = joinOf(version, groupId, more)
  const first = await client.ask('JoinGroup', version, request, note)
  if (first.errorCode !== 79) return first
  const again = { ...request, memberId: first.memberId }
  return client.ask('JoinGroup', version, again, `${note}, with its id`)
}

/** The leader hands out, the others ask for, an assignment that names its member by position. */
export async function sync(
  client: Speaker,
  version: number,
  groupId: string,
  joined: Response<'JoinGroup'>,
  note: string
): Promise<Response<'SyncGroup'> | null> {
  return client.attempt(
    'SyncGroup',
    version,
    {
      groupId,
      generationId: joined.generationId,
      memberId: joined.memberId,
      ...(version < 5
        ? {}
        : { protocolType: joined.protocolType ?? 'consumer', protocolName: joined.protocolName }),
      assignments: joined.members.map(({ memberId }) => ({
        memberId,
        assignment: Buffer.from(`for ${memberId}`)
      }))
    },
    note
  )
}

const unknownMember = 'somebody-00000000-0000-0000-0000-000000000000'

export const joinGroup: Conversation = {
  name: 'join-group',
  async run(talk) {
    for (const version of versions('JoinGroup')) {
      await alone(talk, version)
      await refusals(talk, version)
      await protocols(talk, version)
    }
  }
}

/** A member that has the group for itself. */
async function alone(talk: Talk, version: number): Promise<void> {
  const client = talk.connect('alone')
  const groupId = await talk.group(`alone-v${version}`)
  const joined = await join(client, version, groupId, 'alone')
  const { memberId, generationId } = joined
  const again = joinOf(version, groupId, { memberId })
  await client.ask('JoinGroup', version, again, 'again before the assignment')
  await sync(
    client,
    Math.min(version, 5),
    groupId,
    { ...joined, generationId: generationId + 1 },
    `alone v${version}`
  )
  await client.ask('JoinGroup', version, again, 'the leader again')
  const other = { ...again, protocols: protocolsOf('range') }
  await client.ask('JoinGroup', version, other, 'with other protocols')
  await client.ask(
    'Heartbeat',
    Math.min(version, 4),
    { groupId, generationId: generationId + 2, memberId },
    `v${version}, of an old generation`
  )
  await client.ask(
    'Heartbeat',
    Math.min(version, 4),
    { groupId, generationId: generationId + 3, memberId },
    `v${version}, before the assignment`
  )
  await client.attempt('JoinGroup', version, { ...again, reason: 'for a reason' }, 'for a reason')
  await client.ask('DescribeGroups', 5, { groups: [groupId] }, `alone in v${version}`)
  await client.ask('LeaveGroup', 1, { groupId, memberId }, `alone in v${version}`)
  await client.ask('JoinGroup', version, again, 'with the id of a member that has left')
  await client.ask('DescribeGroups', 5, { groups: [groupId] }, `left in v${version}`)
}

async function refusals(talk: Talk, version: number): Promise<void> {
  const client = talk.connect('refused')
  const groupId = await talk.group(`refused-v${version}`)
  let count = 0
  // What is not refused must not keep the next one waiting, so each has a group of its own.
  const ask = async (note: string, more: Partial<JoinRequest>): Promise<void> => {
    const own = `${groupId}-${++count}`
    await client.attempt('JoinGroup', version, joinOf(version, own, more), note)
    if (!('rebalanceTimeoutMs' in more)) return
    await talk.pass(300)
    await client.ask('DescribeGroups', 5, { groups: [own] }, `v${version}, ${note}`)
  }
  await ask('an empty group id', { groupId: '' })
  for (const sessionTimeoutMs of [99, 0, -1, 1_800_001, 2_147_483_647])
    await ask(`a session of ${sessionTimeoutMs} ms`, { sessionTimeoutMs })
  await ask('a member id that nobody gave out', { memberId: unknownMember })
  await ask('no protocols', { protocols: [] })
  await ask('no protocol type', { protocolType: '' })
  await ask('neither protocols nor type', { protocols: [], protocolType: '' })
  await ask('an empty group id and a short session', { groupId: '', sessionTimeoutMs: 1 })
  await ask('a short session and no protocols', { sessionTimeoutMs: 1, protocols: [] })
  await ask('a short session and an unknown member', {
    sessionTimeoutMs: 1,
    memberId: unknownMember
  })
  await ask('no protocols and an unknown member', { protocols: [], memberId: unknownMember })
  await ask('an empty instance id', { groupInstanceId: '' })
  await ask('an instance id that is none', { groupInstanceId: 'a b' })
  await ask('a long instance id', { groupInstanceId: 'x'.repeat(250) })
  await ask('an instance id and an unknown member', {
    groupInstanceId: 'i',
    memberId: unknownMember
  })
  if (version === 1 || version === 5)
    for (const rebalanceTimeoutMs of [0, -1])
      await ask(`no time to join, ${rebalanceTimeoutMs}`, { rebalanceTimeoutMs })
}

/** Members whose protocols do not fit. */
async function protocols(talk: Talk, version: number): Promise<void> {
  const a = talk.connect('a')
  const b = talk.connect('b')
  const groupId = await talk.group(`protocols-v${version}`)
  const joined = await join(a, version, groupId, 'a')
  await sync(a, Math.min(version, 5), groupId, joined, `a in v${version}`)
  const ask = (note: string, more: Partial<JoinRequest>) =>
    b.attempt('JoinGroup', version, joinOf(version, groupId, more), note)
  await ask('no protocol in common', { protocols: protocolsOf('sticky') })
  await ask('another protocol type', { protocolType: 'connect' })
  await ask('no protocols beside a', { protocols: [] })
  await ask('no protocol type beside a', { protocolType: '' })
  await ask('unknown beside a', { memberId: unknownMember })
  await ask('unknown and nothing in common', {
    memberId: unknownMember,
    protocols: protocolsOf('sticky')
  })
  const own = joinOf(version, groupId, { memberId: joined.memberId })
  await a.ask(
    'JoinGroup',
    version,
    { ...own, protocols: protocolsOf('sticky') },
    'a alone may change its protocols'
  )
  await a.ask('JoinGroup', version, { ...own, protocolType: 'connect' }, 'but not their type')
  await a.ask('LeaveGroup', 1, { groupId, memberId: joined.memberId }, `a from v${version}`)
  const after = await join(b, version, groupId, 'b, after a has left', {
    protocolType: 'connect',
    protocols: protocolsOf('x')
  })
  await b.ask('DescribeGroups', 5, { groups: [groupId] }, `b in v${version}`)
  await sync(b, Math.min(version, 5), groupId, after, `b in v${version}`)
}
