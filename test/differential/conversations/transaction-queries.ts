import type { Conversation, Request, Speaker, Talk, Topic } from '../talk.ts'
import { versions } from '../versions.ts'
import { produceTo } from './produce.ts'
import { addPartitions, initialized, inTransaction, type Producer } from './transactions.ts'

type Marker = Request<'WriteTxnMarkers'>['markers'][number]

export const transactionQueries: Conversation = {
  name: 'transaction-queries',
  needs: [
    'AddPartitionsToTxn',
    'EndTxn',
    'WriteTxnMarkers',
    'DescribeProducers',
    'DescribeTransactions',
    'ListTransactions'
  ],
  async run(talk) {
    const client = talk.connect()
    const topic = await talk.topic('a', { partitions: 2 })
    const producer = await initialized(talk, await talk.transactionalId('open'))
    const empty = await initialized(talk, await talk.transactionalId('empty'))
    const { name } = topic
    await talk.setup.ask('AddPartitionsToTxn', 3, addPartitions(3, producer, [[name, 0, 1]]))
    await talk.setup.ask('Produce', 11, {
      ...produceTo(topic, inTransaction(producer, 'x')),
      transactionalId: producer.transactionalId
    })
    await producers(talk, client, topic)
    await described(talk, client, producer, empty)
    for (const version of versions('ListTransactions'))
      await listed(client, version, producer, empty)
    for (const version of versions('WriteTxnMarkers'))
      await markers(talk, client, version, topic, producer)
  }
}

async function producers(talk: Talk, client: Speaker, { name }: Topic): Promise<void> {
  const ask = (note: string, topics: Request<'DescribeProducers'>['topics']) =>
    client.attempt('DescribeProducers', 0, { topics }, note)
  await ask('of both', [{ name, partitionIndexes: [0, 1] }])
  await ask('not there', [
    { name, partitionIndexes: [7, -1] },
    { name: talk.name('nowhere'), partitionIndexes: [0] },
    { name: 'a b', partitionIndexes: [0] },
    { name: '', partitionIndexes: [0] }
  ])
  await ask('none', [])
  await ask('no partitions', [{ name, partitionIndexes: [] }])
  await ask('one twice', [{ name, partitionIndexes: [0, 0] }])
}

async function described(
  talk: Talk,
  client: Speaker,
  { transactionalId }: Producer,
  empty: Producer
): Promise<void> {
  const ask = (note: string, ...transactionalIds: readonly string[]) =>
    client.attempt('DescribeTransactions', 0, { transactionalIds }, note)
  await ask('open and empty', transactionalId, empty.transactionalId)
  await ask('not there', await talk.transactionalId('nowhere'))
  await ask('without id', '')
  await ask('none')
  await ask('one twice', transactionalId, transactionalId)
}

async function listed(
  client: Speaker,
  version: number,
  producer: Producer,
  empty: Producer
): Promise<void> {
  // There are transactions of other conversations: every question names these producers.
  const both = [producer.producerId, empty.producerId]
  const ask = (note: string, more: Partial<Request<'ListTransactions'>>) =>
    client.attempt(
      'ListTransactions',
      version,
      { stateFilters: [], producerIdFilters: both, ...more },
      note
    )
  await ask('of two producers', {})
  await ask('of nobody', { producerIdFilters: [-1, 10_000_000] })
  for (const stateFilters of [
    ['Ongoing'],
    ['Empty'],
    ['Empty', 'Ongoing'],
    ['ongoing'],
    ['Nonsense'],
    ['Nonsense', 'Ongoing'],
    [''],
    ['Dead'],
    ['PrepareCommit', 'PrepareAbort', 'CompleteCommit', 'CompleteAbort', 'PrepareEpochFence']
  ])
    await ask(`in ${stateFilters.join(' or ')}`, { stateFilters })
  if (version < 1) return
  for (const durationFilter of [0, -1, -2, 1, 3_600_000])
    await ask(`for ${durationFilter} ms`, { durationFilter })
  if (version < 2) return
  for (const [note, transactionalIdPattern] of [
    ['all', '.*'],
    ['open', '.*-open'],
    ['a part of the name', 'open'],
    ['an empty one', ''],
    ['null', null],
    ['no pattern', '('],
    ['a pattern of RE2 alone', '(?P<x>.*)'],
    ['a pattern of Java alone', '(?=.*open).*']
  ] as const)
    await ask(`whose names match: ${note}`, { transactionalIdPattern })
}

async function markers(
  talk: Talk,
  client: Speaker,
  version: number,
  { name }: Topic,
  { producerId, producerEpoch }: Producer
): Promise<void> {
  const ask = (note: string, ...all: readonly Partial<Marker>[]) =>
    client.attempt(
      'WriteTxnMarkers',
      version,
      {
        markers: all.map(more => ({
          producerId,
          producerEpoch,
          transactionResult: true,
          coordinatorEpoch: 10,
          topics: [{ name, partitionIndexes: [0] }],
          ...more
        }))
      },
      note
    )
  await ask('nothing')
  await ask('no topics', { topics: [] })
  await ask('no partitions', { topics: [{ name, partitionIndexes: [] }] })
  await ask('not there', {
    topics: [
      { name, partitionIndexes: [9] },
      { name: talk.name('nowhere'), partitionIndexes: [0] }
    ]
  })
  await ask('an older epoch', { producerEpoch: producerEpoch - 1 })
  await ask('commits', {})
  await ask('commits again', {})
  await ask('an older coordinator', { coordinatorEpoch: 9 })
  await ask('an older coordinator and an older epoch', {
    coordinatorEpoch: 9,
    producerEpoch: producerEpoch - 1
  })
  await ask('a producer that is not there', { producerId: 20_000_000 + version })
  await ask('two', {}, { transactionResult: false })
  await ask('into the offsets', {
    producerId: 30_000_000 + version,
    topics: [{ name: '__consumer_offsets', partitionIndexes: [0] }]
  })
}
