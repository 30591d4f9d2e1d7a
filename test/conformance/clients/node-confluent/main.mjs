// The conformance scenario with @confluentinc/kafka-javascript: librdkafka in the manner of KafkaJS.
import {
  admin,
  commitOffset,
  committed,
  connectProducer,
  createTopic,
  IsolationLevel,
  plain,
  read,
  send,
  version
} from './client.mjs'
import { groups } from './groups.mjs'
import {
  begin,
  clientHasNo,
  expect,
  expectError,
  expectSame,
  produceThroughKill,
  records,
  step
} from './scenario.mjs'
import { transactions } from './transactions.mjs'

begin('confluent-kafka-javascript', version)

const lacks = what => async () => {
  throw clientHasNo(what)
}

async function describe(topic) {
  const [described] = await admin.fetchTopicMetadata({ topics: [topic] })
  return described
}

async function sendAndRead(topic, sent, kafkaJS, more) {
  await send(topic, sent, kafkaJS, more)
  expectSame(sent, plain(await read(topic, sent.length)))
}

async function headersAndTombstones() {
  const topic = 'headers-tombstones'
  const timestamp = String(Date.now() - 5_000)
  await createTopic(topic, 1)
  const headers = { a: ['1', '2'], empty: '', plain: 'text' }
  const sent = [
    { key: 'both', value: 'value' },
    { key: 'tombstone', value: null },
    { key: null, value: 'no key' }
  ]
  await send(
    topic,
    sent.map(record => ({ ...record, headers, timestamp }))
  )
  const back = await read(topic, sent.length)
  expectSame(sent, plain(back))
  const texts = Object.entries(back[0].headers).map(([key, values]) => [key, `${values}`])
  expect(
    'headers',
    [
      ['a', '1,2'],
      ['empty', ''],
      ['plain', 'text']
    ],
    texts
  )
  expect('timestamp', timestamp, back[0].timestamp)
}

async function largeRecord() {
  await createTopic('large-record', 1)
  await sendAndRead('large-record', [{ key: 'large', value: '0123456789'.repeat(90_000) }])
  const tooLarge = [{ key: 'large', value: '0123456789'.repeat(200_000) }]
  const allow = { 'message.max.bytes': 3_000_000 }
  await expectError('too large', 'too large', () => send('large-record', tooLarge, {}, allow))
}

async function seekByTime() {
  const topic = 'seek-by-time'
  const first = Date.now() - 60_000
  await createTopic(topic, 1)
  const sent = records(10).map((record, i) => ({ ...record, timestamp: String(first + i * 1000) }))
  await send(topic, sent)
  const isolationLevel = IsolationLevel.READ_UNCOMMITTED
  for (const [after, wanted] of [
    [-1000, '0'],
    [4500, '5'],
    [5000, '5'],
    [9001, '10']
  ]) {
    const [found] = await admin.fetchTopicOffsetsByTimestamp(topic, first + after, {
      isolationLevel
    })
    expect(`offset after ${after} ms`, wanted, found.offset)
  }
  const [{ low, high }] = await admin.fetchTopicOffsets(topic, { isolationLevel })
  expect('watermarks', ['0', '10'], [low, high])
  const back = await read(topic, 5, { seek: 5 })
  expect(
    'read from offset 5',
    true,
    back.some(({ offset }) => offset === '5')
  )
}

async function deleteRecords() {
  const topic = 'delete-records'
  await createTopic(topic, 1)
  await send(topic, records(100))
  const [deleted] = await admin.deleteTopicRecords({
    topic,
    partitions: [{ partition: 0, offset: '30' }]
  })
  expect('low watermark', 30, Number(deleted.lowWatermark))
  const [first] = await read(topic, 70)
  expect('first record', '30', first.offset)
}

async function killRestart() {
  const topic = 'kill-restart'
  await createTopic(topic, 1)
  await commitOffset(topic, topic, 0, 7)
  const producer = await connectProducer({ idempotent: true }, { 'linger.ms': 0 })
  const sent = await produceThroughKill(value => producer.send({ topic, messages: [{ value }] }))
  await producer.disconnect()
  const back = plain(await read(topic, sent.length)).map(({ value }) => value)
  expect('read, by an idempotent producer', sent, back)
  expect('committed offset', '7', (await committed(topic, topic, 0)).offset)
}

await step('describe-cluster', lacks('its admin client does not describe the cluster'))
await step('create-topic', async () => {
  await createTopic('scenario', 4, { 'retention.ms': '86400000' })
  await expectError('created again', 'TOPIC_ALREADY_EXISTS', () => createTopic('scenario', 4))
})
await step('describe-topics', async () => {
  const { partitions } = await describe('scenario')
  expect(
    'leaders',
    [1, 1, 1, 1],
    partitions.map(({ leader }) => leader)
  )
  await expectError('unknown', 'Unknown topic', () => describe('unknown'))
})
await step('auto-create', () => sendAndRead('auto-create', records(3)))
for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
  await step(`produce-${compression}`, async () => {
    await createTopic(`produce-${compression}`, 1)
    await sendAndRead(`produce-${compression}`, records(200), { compression })
  })
}
await step('headers-tombstones', headersAndTombstones)
await step('large-record', largeRecord)
await step('acks', async () => {
  await createTopic('acks', 1)
  for (const acks of [0, 1, -1]) await send('acks', records(10), { acks })
  await read('acks', 30)
})
await step('idempotent-producer', async () => {
  await createTopic('idempotent', 1)
  const many = { 'batch.num.messages': 50, 'linger.ms': 0 }
  await sendAndRead('idempotent', records(1000), { idempotent: true }, many)
})
await step('seek-by-time', seekByTime)
await groups()
await step('describe-configs', lacks('its admin client has no configs'))
await step('alter-configs', lacks('its admin client has no configs'))
await step('delete-records', deleteRecords)
await step('create-partitions', lacks('its admin client does not create partitions'))
await transactions()
await step('kill-restart', killRestart)
const removeScenario = () => admin.deleteTopics({ topics: ['scenario'] })

await step('delete-topic', async () => {
  await removeScenario()
  expect('listed after deletion', false, (await admin.listTopics()).includes('scenario'))
  await expectError('deleted again', 'Unknown topic', removeScenario)
})
process.exit(0)
