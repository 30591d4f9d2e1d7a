import { batchOf } from '../batches.ts'
import type { Conversation, Speaker, Talk, Topic } from '../talk.ts'
import { versions } from '../versions.ts'

/** One partition's records, in the form of every version. */
export function produceTo(
  { name, topicId }: Topic,
  records: Buffer | null,
  { index = 0, acks = -1, transactionalId = null as string | null } = {}
) {
  return {
    transactionalId,
    acks,
    timeoutMs: 5_000,
    topicData: [{ name, topicId, partitionData: [{ index, records }] }]
  }
}

/** Everything that a partition holds. */
export async function readAll(
  client: Speaker,
  { name, topicId }: Topic,
  note: string,
  partition = 0
): Promise<void> {
  await client.ask(
    'Fetch',
    13,
    {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 10_000_000,
      topics: [
        {
          topic: name,
          topicId,
          partitions: [{ partition, fetchOffset: 0, partitionMaxBytes: 10_000_000 }]
        }
      ]
    },
    note
  )
}

export const produce: Conversation = {
  name: 'produce',
  async run(talk) {
    const client = talk.connect()
    const one = await talk.topic('one')
    for (const version of versions('Produce')) {
      const single = batchOf([{ key: 'k', value: `v${version}` }])
      await client.ask('Produce', version, produceTo(one, single))
      const several = batchOf([
        {
          key: 'a',
          value: 'b',
          headers: [
            ['h', 'x'],
            ['h', null],
            ['', '']
          ]
        },
        { key: null, value: null },
        { key: '', value: '', timestampMs: 1_600_000_000_000 }
      ])
      await client.ask('Produce', version, produceTo(one, several, { acks: 1 }), 'three, acks 1')
    }
    await readAll(client, one, 'all of it')
    await manyPartitions(talk, client)
    await withoutAnswer(talk, client, one)
    await places(talk, client, one)
  }
}

/** Two topics, several partitions, some of them not there. */
async function manyPartitions(talk: Talk, client: Speaker): Promise<void> {
  const two = await talk.topic('two', { partitions: 2 })
  const three = await talk.topic('three', { partitions: 3 })
  const records = batchOf(['x'])
  for (const version of versions('Produce')) {
    await client.ask(
      'Produce',
      version,
      {
        acks: -1,
        timeoutMs: 1_000,
        topicData: [
          { ...three, partitionData: [0, 2, 7].map(index => ({ index, records })) },
          { ...two, partitionData: [1, -1].map(index => ({ index, records })) }
        ]
      },
      'two topics'
    )
    await client.ask('Produce', version, { acks: -1, timeoutMs: 0, topicData: [] }, 'nothing')
    const noPartitions = { acks: -1, timeoutMs: 0, topicData: [{ ...two, partitionData: [] }] }
    await client.ask('Produce', version, noPartitions, 'a topic without partitions')
    const twice = [1, 1].map(index => ({ index, records }))
    const fresh = await talk.topic(`twice-v${version}`, { partitions: 2 })
    const asked = { acks: -1, timeoutMs: 0, topicData: [{ ...fresh, partitionData: twice }] }
    await client.ask('Produce', version, asked, 'one partition twice')
  }
}

/** acks=0, and acks that there are none of. */
async function withoutAnswer(talk: Talk, client: Speaker, topic: Topic): Promise<void> {
  const nowhere = { ...topic, name: talk.name('nowhere'), topicId: 'AAAAAAAAAAAAAAAAAAAAAg' }
  for (const version of versions('Produce')) {
    await client.tell('Produce', version, produceTo(topic, batchOf(['quiet']), { acks: 0 }))
    await client.noteOpen(`after Produce v${version} with acks 0`)
    await client.tell('Produce', version, produceTo(nowhere, batchOf(['quiet']), { acks: 0 }))
    await client.noteOpen(`after Produce v${version} with acks 0 to nowhere`)
    for (const acks of [2, -2, 127, -32_768])
      await client.attempt(
        'Produce',
        version,
        produceTo(topic, batchOf(['x']), { acks }),
        `acks ${acks}`
      )
    await client.attempt(
      'Produce',
      version,
      produceTo(nowhere, batchOf(['x']), { acks: 2 }),
      'acks 2 to nowhere'
    )
  }
  await readAll(client, topic, 'after acks 0')
}

/** Topics and partitions that are not there or not for everybody. */
async function places(talk: Talk, client: Speaker, topic: Topic): Promise<void> {
  const records = batchOf(['x'])
  const unknownId = 'AAAAAAAAAAAAAAAAAAAAAg'
  const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'
  const admin = talk.connect('__admin_client')
  await talk.group('makes-the-offsets-topic')
  const about = await talk.setup.ask('Metadata', 12, { topics: [{ name: '__consumer_offsets' }] })
  const offsets = { name: '__consumer_offsets', topicId: about.topics[0]!.topicId }
  for (const version of versions('Produce')) {
    for (const name of ['nowhere', 'not a name', 'x'.repeat(250), '.', '..', ''])
      await client.attempt(
        'Produce',
        version,
        produceTo(
          { name: name === 'nowhere' ? talk.name(name) : name, topicId: unknownId },
          records
        ),
        `to '${name.slice(0, 20)}'`
      )
    if (version >= 13) {
      await client.attempt(
        'Produce',
        version,
        produceTo({ name: '', topicId: zeroId }, records),
        'zero id'
      )
      const metadataLog = { name: '', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' }
      await client.attempt(
        'Produce',
        version,
        produceTo(metadataLog, records),
        'id of the metadata'
      )
    }
    for (const index of [1, -1, 2_147_483_647, -2_147_483_648])
      await client.ask(
        'Produce',
        version,
        produceTo(topic, records, { index }),
        `partition ${index}`
      )
    await client.attempt('Produce', version, produceTo(offsets, records), 'to the offsets topic')
    const damaged = produceTo(offsets, Buffer.alloc(20))
    await client.attempt('Produce', version, damaged, 'damaged, to the offsets topic')
    const beyond = produceTo(offsets, records, { index: 1_000 })
    await client.attempt('Produce', version, beyond, 'to partition 1000 of the offsets topic')
    await admin.attempt(
      'Produce',
      version,
      beyond,
      'as admin to partition 1000 of the offsets topic'
    )
    await admin.attempt('Produce', version, damaged, 'as admin, damaged, to the offsets topic')
  }
}
