import { batchOf } from '../batches.ts'
import type { Conversation, Request, Speaker, Talk, Topic } from '../talk.ts'
import { versions } from '../versions.ts'
import { fetchOf } from './fetch.ts'
import { produceTo } from './produce.ts'

/** A producer as InitProducerId has made it. */
export interface Producer {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
}

/** A new epoch of a transactional id. Not part of the transcript. */
export async function initialized(
  talk: Talk,
  transactionalId: string,
  transactionTimeoutMs = 60_000
): Promise<Producer> {
  const asked = { transactionalId, transactionTimeoutMs }
  const { producerId, producerEpoch } = await talk.setup.askUntil(
    'InitProducerId',
    4,
    asked,
    ({ errorCode }) => errorCode === 0
  )
  return { transactionalId, producerId, producerEpoch }
}

/** AddPartitionsToTxn in the form of a version: a producer's, or from 4 on a broker's. */
export function addPartitions(
  version: number,
  { transactionalId, producerId, producerEpoch }: Producer,
  topics: readonly (readonly [name: string, ...partitions: number[]])[],
  verifyOnly = false
): Request<'AddPartitionsToTxn'> {
  const named = topics.map(([name, ...partitions]) => ({ name, partitions }))
  if (version >= 4)
    return {
      transactions: [{ transactionalId, producerId, producerEpoch, verifyOnly, topics: named }]
    }
  return {
    v3AndBelowTransactionalId: transactionalId,
    v3AndBelowProducerId: producerId,
    v3AndBelowProducerEpoch: producerEpoch,
    v3AndBelowTopics: named
  }
}

/** A batch of one record in a transaction. */
export function inTransaction(
  { producerId, producerEpoch }: Producer,
  text: string,
  baseSequence = 0
): Buffer {
  return batchOf([text], { producerId, producerEpoch, baseSequence, isTransactional: true })
}

/** The same producer, as somebody would name it who is wrong about it. */
export function wrongs(producer: Producer): readonly (readonly [note: string, Producer])[] {
  return [
    ['another producer id', { ...producer, producerId: producer.producerId + 1_000 }],
    ['producer id -1', { ...producer, producerId: -1 }],
    ['an older epoch', { ...producer, producerEpoch: producer.producerEpoch - 1 }],
    ['a newer epoch', { ...producer, producerEpoch: producer.producerEpoch + 1 }],
    ['no transactional id', { ...producer, transactionalId: '' }],
    ['another transactional id', { ...producer, transactionalId: `${producer.transactionalId}x` }]
  ]
}

export const transactions: Conversation = {
  name: 'transactions',
  needs: ['AddPartitionsToTxn', 'AddOffsetsToTxn', 'EndTxn', 'TxnOffsetCommit'],
  async run(talk) {
    const client = talk.connect()
    const topic = await talk.topic('a', { partitions: 3 })
    for (const version of versions('InitProducerId', 0, 5)) await starts(talk, client, version)
    for (const version of versions('AddPartitionsToTxn')) await adds(talk, client, version, topic)
    for (const version of versions('EndTxn')) await ends(talk, client, version, topic)
    for (const version of versions('Produce')) await produces(talk, client, version, topic)
    await isolation(talk, client)
  }
}

async function starts(talk: Talk, client: Speaker, version: number): Promise<void> {
  const transactionalId = await talk.transactionalId(`starts-v${version}`)
  const ask = (note: string, more: Partial<Request<'InitProducerId'>> = {}) =>
    client.attempt(
      'InitProducerId',
      version,
      { transactionalId, transactionTimeoutMs: 60_000, ...more },
      note
    )
  for (const transactionTimeoutMs of [0, -1, 900_001, 2_147_483_647])
    await ask(`time-out ${transactionTimeoutMs}`, { transactionTimeoutMs })
  await ask('time-out 0 and no id', { transactionTimeoutMs: 0, transactionalId: '' })
  const first = await ask('the first')
  await ask('again')
  await ask('the largest time-out', { transactionTimeoutMs: 900_000 })
  if (version < 3 || first === null) return
  const { producerId } = first
  await ask('going on', { producerId, producerEpoch: 2 })
  await ask('going on from the same', { producerId, producerEpoch: 2 })
  await ask('going on from an older one', { producerId, producerEpoch: 0 })
  await ask('going on from a newer one', { producerId, producerEpoch: 9 })
  await ask('going on as another', { producerId: producerId + 1_000, producerEpoch: 3 })
  await ask('going on without an epoch', { producerId })
  await ask('going on without an id', { producerEpoch: 3 })
  await ask('going on, of an id that is not there', {
    transactionalId: `${transactionalId}-new`,
    producerId: producerId + 1_000,
    producerEpoch: 3
  })
}

async function adds(talk: Talk, client: Speaker, version: number, topic: Topic): Promise<void> {
  const producer = await initialized(talk, await talk.transactionalId(`adds-v${version}`))
  const other = await initialized(talk, await talk.transactionalId(`adds-other-v${version}`))
  const ask = (note: string, request: Request<'AddPartitionsToTxn'>) =>
    client.attempt('AddPartitionsToTxn', version, request, note)
  const { name } = topic
  const nowhere = talk.name('nowhere')
  await ask('to verify what is not there', addPartitions(version, producer, [[name, 0]], true))
  await ask('one', addPartitions(version, producer, [[name, 0]]))
  await ask('again and another', addPartitions(version, producer, [[name, 0, 1]]))
  await ask('one twice', addPartitions(version, producer, [[name, 2, 2]]))
  await ask('nothing', addPartitions(version, producer, []))
  await ask('no partitions', addPartitions(version, producer, [[name]]))
  await ask(
    'good and not there',
    addPartitions(version, producer, [
      [name, 0, 7],
      [nowhere, 0]
    ])
  )
  await ask('a name that is none', addPartitions(version, producer, [['a b', 0]]))
  await ask('the offsets', addPartitions(version, producer, [['__consumer_offsets', 0]]))
  for (const [note, wrong] of wrongs(producer)) {
    await ask(note, addPartitions(version, wrong, [[name, 0]]))
    await ask(`${note}, nowhere`, addPartitions(version, wrong, [[nowhere, 0]]))
  }
  if (version < 4) return
  for (const [note, wrong] of wrongs(producer))
    await ask(`${note}, to verify`, addPartitions(version, wrong, [[name, 0]], true))
  await ask('to verify', addPartitions(version, producer, [[name, 0, 1]], true))
  const both = [producer, other].map(
    each => addPartitions(version, each, [[name, 0]]).transactions![0]!
  )
  await ask('two transactions', { transactions: both })
  await ask('one transaction twice', { transactions: [both[0]!, both[0]!] })
  // Kafka never answers this one.
  if (version === 4) await ask('no transactions', { transactions: [] })
}

async function ends(talk: Talk, client: Speaker, version: number, topic: Topic): Promise<void> {
  const { name } = topic
  let producer = await initialized(talk, await talk.transactionalId(`ends-v${version}`))
  const ask = async (note: string, committed: boolean, who: Producer = producer) => {
    const answer = await client.attempt('EndTxn', version, { ...who, committed }, note)
    if (version >= 5 && answer?.errorCode === 0 && answer.producerId >= 0)
      producer = { ...producer, ...pick(answer) }
    return answer
  }
  const describe = (note: string) =>
    client.attempt(
      'DescribeTransactions',
      0,
      { transactionalIds: [producer.transactionalId] },
      `v${version}, ${note}`
    )
  /** A transaction ends in the background; the next one may begin when its markers are written. */
  const begin = () =>
    talk.until('a transaction begins', async () => {
      const request = addPartitions(3, producer, [[name, 0]])
      const added = await talk.setup.ask('AddPartitionsToTxn', 3, request)
      return added.resultsByTopicV3AndBelow[0]!.resultsByPartition[0]!.partitionErrorCode === 0
    })
  const settled = () =>
    talk.until('a transaction has ended', async () => {
      const { transactionStates } = await talk.setup.ask('DescribeTransactions', 0, {
        transactionalIds: [producer.transactionalId]
      })
      return /^Complete|^Empty/.test(transactionStates[0]!.transactionState)
    })
  await describe('when nothing has begun')
  await ask('nothing, committed', true)
  await settled()
  await ask('nothing, aborted', false)
  await settled()
  await begin()
  await describe('when one has begun')
  for (const [note, wrong] of wrongs(producer)) await ask(note, true, wrong)
  const before = producer
  await ask('committed', true)
  await settled()
  await describe('when one was committed')
  await ask('committed again', true, before)
  await ask('aborted when it was committed', false, before)
  await settled()
  await begin()
  const aborted = producer
  await ask('aborted', false)
  await settled()
  await describe('when one was aborted')
  await ask('aborted again', false, aborted)
  await ask('committed when it was aborted', true, aborted)
  await settled()
  await begin()
  const fenced = producer
  producer = await initialized(talk, producer.transactionalId)
  await ask('after another has taken over', true, fenced)
  const asked = { transactionalId: fenced.transactionalId, transactionTimeoutMs: 60_000 }
  await client.attempt(
    'InitProducerId',
    5,
    { ...asked, producerId: fenced.producerId, producerEpoch: fenced.producerEpoch },
    `v${version}, after another has taken over`
  )
}

function pick({ producerId, producerEpoch }: { producerId: number; producerEpoch: number }): {
  producerId: number
  producerEpoch: number
} {
  return { producerId, producerEpoch }
}

async function produces(talk: Talk, client: Speaker, version: number, topic: Topic): Promise<void> {
  const producer = await initialized(talk, await talk.transactionalId(`produces-v${version}`))
  const ask = (note: string, who: Producer, more: Partial<Request<'Produce'>> = {}, sequence = 0) =>
    client.attempt(
      'Produce',
      version,
      {
        ...produceTo(topic, inTransaction(who, note, sequence)),
        transactionalId: who.transactionalId,
        ...more
      },
      note
    )
  await ask('before the partition is added', producer, { transactionalId: null })
  await talk.setup.ask('AddPartitionsToTxn', 3, addPartitions(3, producer, [[topic.name, 0]]))
  for (const [note, wrong] of wrongs(producer)) await ask(note, wrong)
  await ask('a gap before the first', producer, {}, 5)
  await ask('the first', producer)
  await ask('the first again', producer)
  await ask('a gap', producer, {}, 7)
  await ask('the second', producer, {}, 1)
  await ask('acks 1', producer, { acks: 1 }, 2)
  await client.attempt(
    'Produce',
    version,
    {
      ...produceTo(topic, batchOf(['outside'], { ...pick(producer), baseSequence: 3 })),
      transactionalId: null
    },
    'outside of the transaction, by the same producer'
  )
  await talk.setup.ask('EndTxn', 3, { ...producer, committed: version % 2 === 0 })
  await talk.until('the marker is written', async () => {
    const described = await talk.setup.ask('DescribeTransactions', 0, {
      transactionalIds: [producer.transactionalId]
    })
    return described.transactionStates[0]!.transactionState.startsWith('Complete')
  })
}

/** What a consumer sees of a transaction, of either isolation level. */
async function isolation(talk: Talk, client: Speaker): Promise<void> {
  const topic = await talk.topic('isolation')
  const { name } = topic
  const committed = await initialized(talk, await talk.transactionalId('committed'))
  const aborted = await initialized(talk, await talk.transactionalId('aborted'))
  const open = await initialized(talk, await talk.transactionalId('open'))
  const look = async (note: string) => {
    for (const version of versions('Fetch'))
      for (const isolationLevel of [0, 1])
        await client.attempt(
          'Fetch',
          version,
          fetchOf([[topic, {}]], { isolationLevel }),
          `isolation ${isolationLevel}, ${note}`
        )
    for (const version of versions('ListOffsets', 2))
      for (const isolationLevel of [0, 1])
        for (const timestamp of [-1, -2, -3])
          await client.attempt(
            'ListOffsets',
            version,
            {
              replicaId: -1,
              isolationLevel,
              topics: [{ name, partitions: [{ partitionIndex: 0, timestamp }] }]
            },
            `isolation ${isolationLevel}, timestamp ${timestamp}, ${note}`
          )
    await client.attempt(
      'DescribeProducers',
      0,
      { topics: [{ name, partitionIndexes: [0] }] },
      note
    )
  }
  const write = async (who: Producer, text: string, sequence = 0) => {
    if (sequence === 0)
      await talk.setup.ask('AddPartitionsToTxn', 3, addPartitions(3, who, [[name, 0]]))
    await talk.setup.ask('Produce', 11, {
      ...produceTo(topic, inTransaction(who, text, sequence)),
      transactionalId: who.transactionalId
    })
  }
  const end = async (who: Producer, committed: boolean, offset: number) => {
    await talk.setup.ask('EndTxn', 3, { ...who, committed })
    await talk.until('the marker is there', async () => {
      const asked = {
        replicaId: -1,
        topics: [{ name, partitions: [{ partitionIndex: 0, timestamp: -1 }] }]
      }
      const { topics } = await talk.setup.ask('ListOffsets', 1, asked)
      return topics[0]!.partitions[0]!.offset === offset
    })
  }
  await talk.setup.ask('Produce', 11, produceTo(topic, batchOf(['plain'])))
  await write(committed, 'committed')
  await look('one is open')
  await write(aborted, 'aborted')
  await write(open, 'open')
  await write(committed, 'committed too', 1)
  await end(committed, true, 6)
  await look('one is committed, two are open')
  await end(aborted, false, 7)
  await look('one is aborted, one is open')
  await talk.setup.ask('Produce', 11, produceTo(topic, batchOf(['after'])))
  await end(open, true, 9)
  await look('all have ended')
}
