import { zeroUuid } from '../../../src/wire/uuid.ts'
import { batchOf } from '../batches.ts'
import type { Conversation, Speaker, Talk } from '../talk.ts'
import { versions } from '../versions.ts'
import { join, joinOf } from './join-group.ts'
import { produceTo } from './produce.ts'

/** What a broker answers whose owner has forbidden more than brokers do by default. */
export const restricted: Conversation = {
  name: 'restricted',
  setup: 'restricted',
  async run(talk) {
    const client = talk.connect()
    const topic = await talk.topic('a')
    const nowhere = talk.name('nowhere')
    for (const version of versions('DeleteTopics')) {
      const asked = (name: string) =>
        version < 6
          ? { topicNames: [name], timeoutMs: 5_000 }
          : { topics: [{ name, topicId: zeroUuid }], timeoutMs: 5_000 }
      await client.attempt('DeleteTopics', version, asked(topic.name), 'of a topic')
      await client.attempt('DeleteTopics', version, asked(nowhere), 'of a topic that is not there')
    }
    for (const version of versions('Metadata')) {
      await client.attempt('Metadata', version, { topics: [{ name: nowhere }] }, 'not there')
      await client.attempt(
        'Metadata',
        version,
        { topics: [{ name: 'a b' }] },
        'a name that is none'
      )
    }
    for (const version of versions('Produce')) {
      const large = produceTo(topic, batchOf(['x'.repeat(1_500)]))
      await client.attempt('Produce', version, large, 'too large')
      await client.attempt(
        'Produce',
        version,
        produceTo(topic, batchOf(['x'.repeat(900)])),
        'not too large'
      )
    }
    for (const version of versions('JoinGroup')) await tooMany(talk, version)
    await tooLong(talk, client, topic.name)
  }
}

/** Groups of two members at most. */
async function tooMany(talk: Talk, version: number): Promise<void> {
  const groupId = await talk.group(`full-v${version}`)
  const [a, b, c] = [talk.connect('a'), talk.connect('b'), talk.connect('c')]
  const first = await join(a, version, groupId, 'the first')
  const second = join(b, version, groupId, 'the second')
  await talk.noteWaiting(`v${version}: the second waits for the first`, second)
  const asked = joinOf(version, groupId)
  const again = { ...asked, memberId: first.memberId }
  await Promise.all([a.attempt('JoinGroup', version, again, 'the first again'), second])
  const refused = await c.attempt('JoinGroup', version, asked, 'the third')
  if (refused !== null && refused.memberId !== '') {
    const named = { ...asked, memberId: refused.memberId }
    await c.attempt('JoinGroup', version, named, 'the third, with its id')
  }
  for (const sessionTimeoutMs of [60_000, 60_001])
    await c.attempt(
      'JoinGroup',
      version,
      { ...asked, sessionTimeoutMs },
      `the third, with a session of ${sessionTimeoutMs}`
    )
}

/** Ten characters of metadata at most. */
async function tooLong(talk: Talk, client: Speaker, name: string): Promise<void> {
  const groupId = await talk.group('metadata')
  for (const committedMetadata of ['ten letter', 'eleven char', 'éééééééééé'])
    await client.attempt(
      'OffsetCommit',
      8,
      {
        groupId,
        memberId: '',
        topics: [
          { name, partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata }] }
        ]
      },
      `'${committedMetadata}'`
    )
}
