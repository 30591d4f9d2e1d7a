import type { Conversation, Request, Speaker, Talk, Topic } from '../talk.ts'
import { versions } from '../versions.ts'
import { join, sync } from './join-group.ts'
import { initialized, wrongs, type Producer } from './transactions.ts'

type Commit = Request<'TxnOffsetCommit'>
type CommittedPartition = Commit['topics'][number]['partitions'][number]

/** A commit of one offset in a transaction, by nobody of the group. */
function commitOf(
  { producerId, producerEpoch, transactionalId }: Producer,
  groupId: string,
  topics: readonly (readonly [name: string, ...partitions: Partial<CommittedPartition>[]])[],
  more: Partial<Commit> = {}
): Commit {
  return {
    transactionalId,
    groupId,
    producerId,
    producerEpoch,
    topics: topics.map(([name, ...partitions]) => ({
      name,
      partitions: partitions.map(each => ({
        partitionIndex: 0,
        committedOffset: 5n,
        committedMetadata: '',
        ...each
      }))
    })),
    ...more
  }
}

export const transactionalOffsets: Conversation = {
  name: 'transactional-offsets',
  needs: ['AddPartitionsToTxn', 'AddOffsetsToTxn', 'EndTxn', 'TxnOffsetCommit'],
  async run(talk) {
    const client = talk.connect()
    const topic = await talk.topic('a', { partitions: 2 })
    for (const version of versions('AddOffsetsToTxn')) await adds(talk, client, version)
    for (const version of versions('TxnOffsetCommit')) {
      await commits(talk, client, version, topic)
      await ofMembers(talk, client, version, topic)
    }
    for (const committed of [true, false]) await pending(talk, client, topic, committed)
  }
}

async function adds(talk: Talk, client: Speaker, version: number): Promise<void> {
  const producer = await initialized(talk, await talk.transactionalId(`adds-v${version}`))
  const groupId = await talk.group(`adds-v${version}`)
  const ask = (note: string, who: Producer, group = groupId) =>
    client.attempt('AddOffsetsToTxn', version, { ...who, groupId: group }, note)
  await ask('a group', producer)
  await ask('again', producer)
  await ask('a group without id', producer, '')
  await ask('a group that is not there', producer, `${groupId}-nowhere`)
  for (const [note, wrong] of wrongs(producer)) {
    await ask(note, wrong)
    await ask(`${note}, a group without id`, wrong, '')
  }
}

async function commits(talk: Talk, client: Speaker, version: number, topic: Topic): Promise<void> {
  const { name } = topic
  const producer = await initialized(talk, await talk.transactionalId(`commits-v${version}`))
  const groupId = await talk.group(`commits-v${version}`)
  const nowhere = talk.name('nowhere')
  const ask = (note: string, request: Commit) =>
    client.attempt('TxnOffsetCommit', version, request, note)
  await ask('before the group is added', commitOf(producer, groupId, [[name, {}]]))
  await talk.setup.ask('AddOffsetsToTxn', 3, { ...producer, groupId })
  await ask('one', commitOf(producer, groupId, [[name, {}]]))
  await ask('two', commitOf(producer, groupId, [[name, {}, { partitionIndex: 1 }]]))
  await ask(
    'not there',
    commitOf(producer, groupId, [
      [nowhere, {}],
      [name, { partitionIndex: 9 }, {}]
    ])
  )
  await ask('nothing', commitOf(producer, groupId, []))
  await ask('no partitions', commitOf(producer, groupId, [[name]]))
  await ask('null for metadata', commitOf(producer, groupId, [[name, { committedMetadata: null }]]))
  const long = { committedMetadata: 'x'.repeat(4_097) }
  await ask(
    'metadata of 4097 letters',
    commitOf(producer, groupId, [[name, long, { partitionIndex: 1 }]])
  )
  await ask('a group without id', commitOf(producer, '', [[name, {}]]))
  for (const [note, wrong] of wrongs(producer))
    await ask(note, commitOf(wrong, groupId, [[name, {}]]))
  if (version < 3) return
  for (const more of [
    { generationId: 1 },
    { generationId: 0 },
    { memberId: 'nobody' },
    { memberId: 'nobody', generationId: 1 },
    { groupInstanceId: 'nobody' },
    { memberId: 'nobody', groupInstanceId: 'nobody', generationId: 1 }
  ])
    await ask(`as ${JSON.stringify(more)}`, commitOf(producer, groupId, [[name, {}]], more))
}

/** A member that commits what it has read as a part of its transaction. */
async function ofMembers(
  talk: Talk,
  client: Speaker,
  version: number,
  topic: Topic
): Promise<void> {
  if (version < 3) return
  const { name } = topic
  const producer = await initialized(talk, await talk.transactionalId(`members-v${version}`))
  const groupId = await talk.group(`members-v${version}`)
  const member = talk.connect()
  const groupInstanceId = 'i'
  const joined = await join(member, 5, groupId, `v${version}, a member`, { groupInstanceId })
  await talk.setup.ask('AddOffsetsToTxn', 3, { ...producer, groupId })
  const ask = (note: string, more: Partial<Commit>) =>
    client.attempt(
      'TxnOffsetCommit',
      version,
      commitOf(producer, groupId, [[name, {}]], more),
      note
    )
  const { memberId, generationId } = joined
  await ask('before the member has its assignment', { memberId, generationId, groupInstanceId })
  await sync(member, 5, groupId, joined, `v${version}, a member`)
  await ask('of a member', { memberId, generationId, groupInstanceId })
  await ask('of a member without its instance', { memberId, generationId })
  await ask('of an instance that another has', { memberId: 'x', generationId, groupInstanceId })
  await ask('of another instance', { memberId, generationId, groupInstanceId: 'j' })
  await ask('of an older generation', { memberId, generationId: generationId - 1 })
  await ask('of a newer generation', { memberId, generationId: generationId + 1 })
  await ask('of a member without generation', { memberId })
  await ask('of nobody in a group that has members', {})
}

/** Offsets that are not stable yet, and what becomes of them. */
async function pending(
  talk: Talk,
  client: Speaker,
  topic: Topic,
  committed: boolean
): Promise<void> {
  const { name, topicId } = topic
  const text = committed ? 'committed' : 'aborted'
  const producer = await initialized(talk, await talk.transactionalId(text))
  const groupId = await talk.group(text)
  await talk.setup.ask('AddOffsetsToTxn', 3, { ...producer, groupId })
  await talk.setup.ask('TxnOffsetCommit', 3, commitOf(producer, groupId, [[name, {}]]))
  const look = async (note: string) => {
    for (const version of versions('OffsetFetch'))
      for (const requireStable of version >= 7 ? [false, true] : [false]) {
        const asked = [{ name, topicId, partitionIndexes: [0, 1] }]
        const stable = version >= 7 ? { requireStable } : {}
        await client.attempt(
          'OffsetFetch',
          version,
          version < 8
            ? { groupId, topics: [{ name, partitionIndexes: [0, 1] }], ...stable }
            : { groups: [{ groupId, topics: asked }], ...stable },
          `${requireStable ? 'stable, ' : ''}${text}, ${note}`
        )
      }
    await client.attempt('OffsetDelete', 0, deletion(), `${text}, ${note}`)
    await client.attempt('DeleteGroups', 2, { groupsNames: [groupId] }, `${text}, ${note}`)
  }
  const deletion = (): Request<'OffsetDelete'> => ({
    groupId,
    topics: [{ name, partitions: [{ partitionIndex: 1 }] }]
  })
  await client.attempt(
    'OffsetFetch',
    7,
    { groupId, topics: [{ name, partitionIndexes: [0] }], requireStable: true },
    `${text}, while it is pending`
  )
  await client.attempt(
    'OffsetFetch',
    7,
    { groupId, topics: null, requireStable: true },
    `all, ${text}, while it is pending`
  )
  await talk.setup.ask('EndTxn', 3, { ...producer, committed })
  await talk.until('the offsets are stable', async () => {
    const { topics } = await talk.setup.ask('OffsetFetch', 7, {
      groupId,
      topics: [{ name, partitionIndexes: [0] }],
      requireStable: true
    })
    return topics[0]!.partitions[0]!.errorCode === 0
  })
  await look('when it has ended')
}
