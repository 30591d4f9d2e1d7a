// The scenario's steps with transactions.
import {
  call,
  committed,
  connectConsumer,
  connectProducer,
  createTopic,
  disconnect,
  plain,
  poll,
  read
} from './client.mjs'
import { expect, expectSame, needs, records, step, until } from './scenario.mjs'

const timeoutMs = 30_000
const apis = ['AddPartitionsToTxn', 'EndTxn']

async function transaction(transactionalId, sent, end, beforeEnd = async () => {}) {
  const producer = await connectProducer({ 'transactional.id': transactionalId })
  await call(producer, 'initTransactions', timeoutMs)
  await call(producer, 'beginTransaction')
  await Promise.all(sent.map(record => producer.send('transactions', record)))
  await beforeEnd(producer)
  await call(producer, end, timeoutMs)
  await disconnect(producer)
}

async function offsetsInTransaction(end) {
  const consumer = await connectConsumer({ 'group.id': 'transactions' })
  consumer.subscribe(['commit-resume'])
  await poll(consumer, 100)
  await transaction('scenario-2', records(1), end, producer => {
    const offsets = [{ topic: 'commit-resume', partition: 0, offset: 100 }]
    return call(producer, 'sendOffsetsToTransaction', offsets, consumer, timeoutMs)
  })
  await disconnect(consumer)
}

export async function transactions() {
  await step('transaction-commit', async () => {
    needs(...apis)
    await createTopic('transactions', 1)
    await transaction('scenario-1', records(10), 'commitTransaction')
    const options = { 'isolation.level': 'read_committed' }
    expectSame(records(10), plain(await read('transactions', 10, 0, options)))
  })
  await step('transaction-abort', async () => {
    needs(...apis)
    await transaction('scenario-1', records(5), 'abortTransaction')
    await transaction('scenario-1', records(10), 'commitTransaction')
    const seen = await read('transactions', 20, 0, { 'isolation.level': 'read_committed' })
    expectSame([...records(10), ...records(10)], plain(seen))
    const all = await read('transactions', 25, 0, { 'isolation.level': 'read_uncommitted' })
    expect('read uncommitted', 25, all.length)
  })
  await step('transaction-offsets', async () => {
    needs(...apis, 'AddOffsetsToTxn', 'TxnOffsetCommit')
    for (const [end, wanted] of [
      ['abortTransaction', null],
      ['commitTransaction', 100]
    ]) {
      await offsetsInTransaction(end)
      // The transaction ends before its marker is written: the offset may appear a little later.
      await until(
        `offset ${wanted} is committed`,
        async () => (await committed('transactions', 'commit-resume', 0)) === wanted
      )
    }
  })
}
