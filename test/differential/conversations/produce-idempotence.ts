import { errorCode } from '../../../src/wire/generated/errors.ts'
import { batchOf } from '../batches.ts'
import type { Conversation, Speaker, Topic } from '../talk.ts'
import { produceTo, readAll } from './produce.ts'

/** What Kafka says while it looks for the coordinator of a transaction. */
const notEnoughReplicas = errorCode('NOT_ENOUGH_REPLICAS')

/** What an idempotent producer says of a batch. */
interface Numbers {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly count?: number
  readonly isTransactional?: boolean
}

/** Sends batches of one producer one after the other, under notes of their own. */
class Sequence {
  readonly #client: Speaker
  readonly #topic: Topic
  readonly #version: number

  constructor(client: Speaker, topic: Topic, version: number) {
    this.#client = client
    this.#topic = topic
    this.#version = version
  }

  async send(
    note: string,
    { count = 1, ...numbers }: Numbers,
    transactionalId: string | null = null
  ): Promise<void> {
    const { producerEpoch, baseSequence } = numbers
    const values = Array.from(
      { length: count },
      (_, index) => `${producerEpoch}/${baseSequence + index}`
    )
    await this.#client.askUntil(
      'Produce',
      this.#version,
      produceTo(this.#topic, batchOf(values, numbers), { transactionalId }),
      ({ responses }) =>
        responses[0]!.partitionResponses[0]!.errorCode !== notEnoughReplicas ||
        transactionalId === '',
      note
    )
  }
}

export const produceIdempotence: Conversation = {
  name: 'produce-idempotence',
  async run(talk) {
    const client = talk.connect()
    const newProducer = (): Promise<{ producerId: number; producerEpoch: number }> =>
      talk.setup.askUntil(
        'InitProducerId',
        1,
        { transactionalId: null, transactionTimeoutMs: 0 },
        ({ errorCode }) => errorCode === 0
      )

    for (const version of [3, 7, 9, 11, 12, 13]) {
      const topic = await talk.topic(`v${version}`)
      const sequence = new Sequence(client, topic, version)
      const { producerId } = await newProducer()
      const p = { producerId, producerEpoch: 0 }
      await sequence.send('sequence 0', { ...p, baseSequence: 0 })
      await sequence.send('sequence 1 to 3', { ...p, baseSequence: 1, count: 3 })
      await sequence.send('sequence 0 again', { ...p, baseSequence: 0 })
      await sequence.send('sequence 1 to 3 again', { ...p, baseSequence: 1, count: 3 })
      await sequence.send('1 to 2 of them again', { ...p, baseSequence: 1, count: 2 })
      await sequence.send('2 to 3 of them again', { ...p, baseSequence: 2, count: 2 })
      await sequence.send('1 to 4, more than they were', { ...p, baseSequence: 1, count: 4 })
      await sequence.send('a gap', { ...p, baseSequence: 5 })
      await sequence.send('the next', { ...p, baseSequence: 4 })
      for (let baseSequence = 5; baseSequence < 10; baseSequence++)
        await sequence.send(`then ${baseSequence}`, { ...p, baseSequence })
      await sequence.send('the fifth to last again', { ...p, baseSequence: 5 })
      await sequence.send('the sixth to last again', { ...p, baseSequence: 4 })
      await sequence.send('the very first again', { ...p, baseSequence: 0 })
      await sequence.send('an older epoch', { ...p, producerEpoch: -1, baseSequence: 10 })
      await sequence.send('epoch 1, not from 0', { ...p, producerEpoch: 1, baseSequence: 10 })
      await sequence.send('epoch 1, from 0', { ...p, producerEpoch: 1, baseSequence: 0 })
      await sequence.send('epoch 0 again', { ...p, baseSequence: 10 })
      await sequence.send('epoch 0, a repetition', { ...p, baseSequence: 9 })
      await sequence.send('epoch 3, from 0', { ...p, producerEpoch: 3, baseSequence: 0 })
      await sequence.send('epoch 3, from 0 again', { ...p, producerEpoch: 3, baseSequence: 0 })
      await readAll(client, topic, `all of v${version}`)
    }

    await edges(client, await talk.topic('edges', { partitions: 12 }), newProducer)
    await unknownProducers(client, await talk.topic('unknown', { partitions: 8 }))
    await transactional(
      client,
      await talk.topic('transactional', { partitions: 8 }),
      talk.name('t')
    )
  }
}

/** Sequences that wrap around, and producers that begin in the middle. */
async function edges(
  client: Speaker,
  topic: Topic,
  newProducer: () => Promise<{ producerId: number; producerEpoch: number }>
): Promise<void> {
  const last = 2_147_483_647
  const { producerId } = await newProducer()
  const send = async (note: string, index: number, numbers: Omit<Numbers, 'producerId'>) => {
    const { count = 1, ...rest } = numbers
    const values = Array.from({ length: count }, (_, at) => `${rest.baseSequence}+${at}`)
    const records = batchOf(values, { producerId, ...rest })
    await client.attempt('Produce', 9, produceTo(topic, records, { index }), note)
  }
  const p = { producerEpoch: 0 }
  await send('begins at 7', 0, { ...p, baseSequence: 7 })
  await send('goes on at 8', 0, { ...p, baseSequence: 8 })
  await send('begins at the end', 1, { ...p, baseSequence: last })
  await send('wraps to 0', 1, { ...p, baseSequence: 0 })
  await send('the one at the end again', 1, { ...p, baseSequence: last })
  await send('begins before the end', 2, { ...p, baseSequence: last - 1 })
  await send('three over the end', 2, { ...p, baseSequence: last, count: 3 })
  await send('three over the end again', 2, { ...p, baseSequence: last, count: 3 })
  await send('goes on behind it', 2, { ...p, baseSequence: 2 })
  await send('wraps to 1 instead of 0', 3, { ...p, baseSequence: last })
  await send('wrongly wrapped', 3, { ...p, baseSequence: 1 })
  await send('the last epoch', 4, { producerEpoch: 32_767, baseSequence: 0 })
  await send('an epoch before the last', 4, { producerEpoch: 32_766, baseSequence: 1 })
  await send('epoch -1', 5, { producerEpoch: -1, baseSequence: 0 })
  await send('epoch -2', 5, { producerEpoch: -2, baseSequence: 0 })
  await send('an epoch of its own', 6, { producerEpoch: 5, baseSequence: 3 })
  await send('the epoch before', 6, { producerEpoch: 4, baseSequence: 4 })
  await send('sequence -1', 7, { ...p, baseSequence: -1 })
  await send('sequence -5', 7, { ...p, baseSequence: -5 })
  await readAll(client, topic, 'what wrapped', 2)
}

/** Producer ids that no broker gave out. */
async function unknownProducers(client: Speaker, topic: Topic): Promise<void> {
  for (const [index, producerId] of [0, 4_000_001, 2 ** 31, 2 ** 40, 2 ** 53 - 1].entries()) {
    const p = { producerId, producerEpoch: 0 }
    for (const baseSequence of [0, 1, 3, 0]) {
      const records = batchOf(['x'], { ...p, baseSequence })
      const note = `producer ${index} that nobody knows, sequence ${baseSequence}`
      await client.attempt('Produce', 9, produceTo(topic, records, { index }), note)
    }
  }
  for (const producerId of [-2, -100]) {
    const records = batchOf(['x'], { producerId, producerEpoch: 0, baseSequence: 0 })
    const note = `producer ${producerId}`
    await client.attempt('Produce', 9, produceTo(topic, records, { index: 6 }), note)
    const without = batchOf(['x'], { producerId, producerEpoch: -1, baseSequence: -1 })
    await client.attempt('Produce', 9, produceTo(topic, without, { index: 6 }), `${note} alone`)
  }
  await readAll(client, topic, 'of producers below -1', 6)
}

/** Records of transactions that never began. */
async function transactional(
  client: Speaker,
  topic: Topic,
  transactionalId: string
): Promise<void> {
  const open = { producerId: 4_000_002, producerEpoch: 0, baseSequence: 0, isTransactional: true }
  for (const version of [3, 9, 11, 12, 13]) {
    const sequence = new Sequence(client, topic, version)
    await sequence.send('transactional without transactional id', open)
    await sequence.send('transactional of a transaction that is not there', open, transactionalId)
    await sequence.send('transactional with an empty id', open, '')
    const plain = { ...open, isTransactional: false }
    await sequence.send('a transactional id, but no transactional records', plain, transactionalId)
  }
}
