// The scenario's steps with transactions.
import { committed, connectProducer, createTopic, plain, read, startConsumer } from './client.mjs'
import { expect, expectSame, needs, records, step, until } from './scenario.mjs'

const apis = ['AddPartitionsToTxn', 'EndTxn']

async function transaction(transactionalId, messages, end, beforeEnd = async () => {}) {
  const producer = await connectProducer({ transactionalId })
  const begun = await producer.transaction()
  await begun.send({ topic: 'transactions', messages })
  await beforeEnd(begun)
  await begun[end]()
  await producer.disconnect()
}

async function offsetsInTransaction(end) {
  const consumer = await startConsumer('transactions', 'commit-resume')
  await until('100 records', () => consumer.messages.length >= 100)
  const partitions = [{ partition: 0, offset: '100' }]
  await transaction('scenario-2', records(1), end, begun =>
    begun.sendOffsets({ consumer, topics: [{ topic: 'commit-resume', partitions }] })
  )
  await consumer.disconnect()
}

export async function transactions() {
  await step('transaction-commit', async () => {
    needs(...apis)
    await createTopic('transactions', 1)
    await transaction('scenario-1', records(10), 'commit')
    expectSame(records(10), plain(await read('transactions', 10)))
  })
  await step('transaction-abort', async () => {
    needs(...apis)
    await transaction('scenario-1', records(5), 'abort')
    await transaction('scenario-1', records(10), 'commit')
    const seen = await read('transactions', 20)
    expectSame([...records(10), ...records(10)], plain(seen))
    const all = await read('transactions', 25, { kafkaJS: { readUncommitted: true } })
    expect('read uncommitted', 25, all.length)
  })
  await step('transaction-offsets', async () => {
    needs(...apis, 'AddOffsetsToTxn', 'TxnOffsetCommit')
    for (const [end, wanted] of [
      ['abort', false],
      ['commit', true]
    ]) {
      await offsetsInTransaction(end)
      // The transaction ends before its marker is written: the offset may appear a little later.
      await until(`offset 100 is committed: ${wanted}`, async () => {
        const { offset } = await committed('transactions', 'commit-resume', 0)
        return (offset === '100') === wanted
      })
    }
  })
}
