// The conformance scenario with node-rdkafka, which is librdkafka.
import {
  admin,
  call,
  committed,
  connectConsumer,
  connectProducer,
  createTopic,
  disconnect,
  plain,
  rdkafka,
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

const timeoutMs = 30_000

begin('node-rdkafka', `${version} (librdkafka ${rdkafka.librdkafkaVersion})`)

const lacks = what => async () => {
  throw clientHasNo(what)
}

async function metadata(topic) {
  const consumer = await connectConsumer()
  try {
    return await call(consumer, 'getMetadata', { topic, timeout: timeoutMs })
  } finally {
    await disconnect(consumer)
  }
}

async function partitionsOf(topic) {
  const described = (await metadata(topic)).topics.find(({ name }) => name === topic)
  if (described === undefined) throw new Error(`${topic} is not there`)
  expect(
    'leaders',
    true,
    described.partitions.every(({ leader }) => leader === 1)
  )
  return described.partitions.length
}

async function sendAndRead(topic, sent, options) {
  await send(topic, sent, options)
  expectSame(sent, plain(await read(topic, sent.length)))
}

async function headersAndTombstones() {
  const topic = 'headers-tombstones'
  const timestamp = Date.now() - 5_000
  await createTopic(topic, 1)
  const headers = [{ a: '1' }, { a: '2' }, { empty: '' }]
  const sent = [
    { key: 'both', value: 'value' },
    { key: 'tombstone', value: null },
    { key: null, value: 'no key' }
  ]
  await send(
    topic,
    sent.map(record => ({ ...record, headers, timestamp })),
    { 'linger.ms': 100 }
  )
  const back = await read(topic, sent.length)
  expectSame(sent, plain(back))
  const texts = back[0].headers.map(header =>
    Object.fromEntries(Object.entries(header).map(([key, value]) => [key, `${value}`]))
  )
  expect('headers', headers, texts)
  expect('timestamp', timestamp, back[0].timestamp)
}

async function largeRecord() {
  await createTopic('large-record', 1)
  await sendAndRead('large-record', [{ key: 'large', value: '0123456789'.repeat(90_000) }])
  const tooLarge = [{ key: 'large', value: '0123456789'.repeat(200_000) }]
  const allow = { 'message.max.bytes': 3_000_000 }
  await expectError('too large', 'too large', () => send('large-record', tooLarge, allow))
}

async function acks() {
  await createTopic('acks', 1)
  for (const setting of [0, 1, -1])
    await send('acks', records(10), { 'request.required.acks': setting })
  await read('acks', 30)
}

async function seekByTime() {
  const topic = 'seek-by-time'
  const first = Date.now() - 60_000
  await createTopic(topic, 1)
  const sent = records(10).map((record, i) => ({ ...record, timestamp: first + i * 1000 }))
  await send(topic, sent, { 'linger.ms': 100 })
  const consumer = await connectConsumer()
  const wanted = [
    [-1000, 0],
    [4500, 5],
    [5000, 5]
  ]
  for (const [after, offset] of wanted) {
    const asked = [{ topic, partition: 0, offset: first + after }]
    const [found] = await call(consumer, 'offsetsForTimes', asked, timeoutMs)
    expect(`offset after ${after} ms`, offset, found.offset)
  }
  const marks = await call(consumer, 'queryWatermarkOffsets', topic, 0, timeoutMs)
  expect('watermarks', [0, 10], [marks.lowOffset, marks.highOffset])
  await disconnect(consumer)
  expect('first record', 5, (await read(topic, 5, 5))[0].offset)
}

async function createPartitions() {
  await call(admin, 'createPartitions', 'scenario', 6, timeoutMs)
  expect('partitions', 6, await partitionsOf('scenario'))
  const fewer = () => call(admin, 'createPartitions', 'scenario', 5, timeoutMs)
  await expectError('fewer', '37', fewer)
}

async function killRestart() {
  const topic = 'kill-restart'
  await createTopic(topic, 1)
  const committer = await connectConsumer({ 'group.id': topic })
  committer.commitSync([{ topic, partition: 0, offset: 7 }])
  await disconnect(committer)
  const producer = await connectProducer({ 'enable.idempotence': true, 'linger.ms': 0 })
  const sent = await produceThroughKill(value => producer.send(topic, { value }))
  await disconnect(producer)
  const back = plain(await read(topic, sent.length)).map(({ value }) => value)
  expect('read, by an idempotent producer', sent, back)
  expect('committed offset', 7, await committed(topic, topic, 0))
}

async function deleteTopic() {
  await call(admin, 'deleteTopic', 'scenario', timeoutMs)
  const all = (await metadata(undefined)).topics.map(({ name }) => name)
  expect('listed after deletion', false, all.includes('scenario'))
  await expectError('deleted again', '3', () => call(admin, 'deleteTopic', 'scenario', timeoutMs))
}

await step('describe-cluster', async () => {
  const { brokers } = await metadata(undefined)
  expect(
    'brokers',
    [1],
    brokers.map(({ id }) => id)
  )
})
await step('create-topic', async () => {
  await createTopic('scenario', 4, { 'retention.ms': '86400000' })
  await expectError('created again', '36', () => createTopic('scenario', 4))
})
await step('describe-topics', async () => {
  expect('partitions', 4, await partitionsOf('scenario'))
  await expectError('unknown', 'is not there', () => partitionsOf('unknown'))
})
await step('auto-create', () => sendAndRead('auto-create', records(3)))
for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
  await step(`produce-${codec}`, async () => {
    await createTopic(`produce-${codec}`, 1)
    await sendAndRead(`produce-${codec}`, records(200), { 'compression.codec': codec })
  })
}
await step('headers-tombstones', headersAndTombstones)
await step('large-record', largeRecord)
await step('acks', acks)
await step('idempotent-producer', async () => {
  await createTopic('idempotent', 1)
  const options = { 'enable.idempotence': true, 'batch.num.messages': 50, 'linger.ms': 0 }
  await sendAndRead('idempotent', records(1000), options)
})
await step('seek-by-time', seekByTime)
await groups()
await step('describe-configs', lacks('its admin client has no configs'))
await step('alter-configs', lacks('its admin client has no configs'))
await step('delete-records', lacks('its admin client does not delete records'))
await step('create-partitions', createPartitions)
await transactions()
await step('kill-restart', killRestart)
await step('delete-topic', deleteTopic)
process.exit(0)
