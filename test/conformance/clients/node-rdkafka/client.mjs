// What the steps share: how to make clients, send and read, as promises.
import { createRequire } from 'node:module'
import { bootstrap, until } from './scenario.mjs'

const require = createRequire(import.meta.url)
export const rdkafka = require('node-rdkafka')
export const version = require('node-rdkafka/package.json').version.replace(/^v/, '')

const timeoutMs = 30_000
const common = { 'metadata.broker.list': bootstrap, 'client.id': 'conformance' }

/** Calls a method whose last parameter is a callback. */
export function call(object, method, ...parameters) {
  return new Promise((resolve, reject) => {
    object[method](...parameters, (error, value) => (error ? reject(error) : resolve(value)))
  })
}

export const admin = rdkafka.AdminClient.create(common)

/** @param config topic configs */
export function createTopic(topic, partitions, config = {}) {
  const wanted = { topic, num_partitions: partitions, replication_factor: 1, config }
  return call(admin, 'createTopic', wanted, timeoutMs)
}

/** A connected producer whose `send` resolves with the delivery report of a record. */
export async function connectProducer(options = {}) {
  const producer = new rdkafka.Producer({ ...common, dr_cb: true, 'linger.ms': 20, ...options })
  await call(producer, 'connect', {})
  producer.setPollInterval(20)
  producer.on('delivery-report', (error, report) => report.opaque(error, report))
  producer.send = (topic, { key = null, value = null, timestamp = null, headers }) =>
    new Promise((resolve, reject) => {
      const done = (error, report) => (error ? reject(error) : resolve(report))
      const bytes = value === null ? null : Buffer.from(value)
      producer.produce(topic, null, bytes, key, timestamp, done, headers)
    })
  return producer
}

export async function send(topic, records, options) {
  const producer = await connectProducer(options)
  try {
    await Promise.all(records.map(record => producer.send(topic, record)))
  } finally {
    await call(producer, 'disconnect')
  }
}

export async function connectConsumer(options = {}) {
  const consumer = new rdkafka.KafkaConsumer(
    { ...common, 'group.id': 'nobody', 'enable.auto.commit': false, ...options },
    { 'auto.offset.reset': 'earliest' }
  )
  await call(consumer, 'connect', {})
  consumer.setDefaultConsumeTimeout(100)
  return consumer
}

export async function poll(consumer, count) {
  const read = []
  await until(`${count} records`, async () => {
    read.push(...(await call(consumer, 'consume', 500)))
    return read.length >= count
  })
  return read
}

/** `count` records of partition 0 from an offset on. */
export async function read(topic, count, offset = 0, options = {}) {
  const consumer = await connectConsumer(options)
  try {
    consumer.assign([{ topic, partition: 0, offset }])
    return await poll(consumer, count)
  } finally {
    await call(consumer, 'disconnect')
  }
}

const text = bytes => (bytes === null || bytes === undefined ? null : `${bytes}`)

export const plain = messages =>
  messages.map(({ key, value }) => ({ key: text(key), value: text(value) }))

export async function committed(group, topic, partition) {
  const consumer = await connectConsumer({ 'group.id': group })
  const [found] = await call(consumer, 'committed', [{ topic, partition }], timeoutMs)
  await call(consumer, 'disconnect')
  return found.offset ?? null
}

export const disconnect = client => call(client, 'disconnect')
