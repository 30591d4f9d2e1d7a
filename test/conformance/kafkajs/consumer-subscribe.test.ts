import { expect, test } from 'vitest'
import { useBroker } from '../broker.ts'
import { byText, range, uniqueName, until } from '../waiting.ts'
import { Clients, joined, kafkaErrorsOf, mistyped } from './clients.ts'

const clients = new Clients(useBroker())

test('a subscription from the beginning gets what was there and what comes', async () => {
  const topic = await clients.createTopic()
  await clients.produce(topic, [{ value: 'before' }])
  const consumer = await clients.consumer()
  const received = await clients.collect(consumer, topic)
  await until('the first message', () => received.length === 1)
  await clients.produce(topic, [{ value: 'after' }])
  await until('the second message', () => received.length === 2)
  expect(received.map(({ value }) => value)).toEqual(['before', 'after'])
})

test('a subscription that is not from the beginning gets only what comes after it', async () => {
  const topic = await clients.createTopic()
  await clients.produce(topic, [{ value: 'before' }])
  const consumer = await clients.consumer()
  const fetched = new Promise(resolve => consumer.on(consumer.events.FETCH, resolve))
  const received = await clients.collect(consumer, topic, {}, false)
  await fetched
  await clients.produce(topic, [{ value: 'after' }])
  await until('a message', () => received.length > 0)
  expect(received.map(({ value }) => value)).toEqual(['after'])
})

test('a subscription to several topics gets the messages of all of them', async () => {
  const topics = await Promise.all(range(3).map(() => clients.createTopic()))
  await Promise.all(topics.map(topic => clients.produce(topic, [{ value: topic }])))
  const consumer = await clients.consumer()
  const received = await clients.collect(consumer, topics)
  await until('a message of every topic', () => received.length === 3)
  expect(received.map(({ topic, value }) => [topic, value]).toSorted(byText)).toEqual(
    topics.map(topic => [topic, topic]).toSorted(byText)
  )
})

test('several calls of subscribe add up, and each has its own starting point', async () => {
  const [first, second] = [await clients.createTopic(), await clients.createTopic()]
  await clients.produce(first, [{ value: 'old' }])
  await clients.produce(second, [{ value: 'old' }])
  const consumer = await clients.consumer()
  const fetched = new Promise(resolve => consumer.on(consumer.events.FETCH, resolve))
  await consumer.subscribe({ topic: second, fromBeginning: false })
  const received = await clients.collect(consumer, first)
  await fetched
  await clients.produce(second, [{ value: 'new' }])
  await until('both messages', () => received.length >= 2)
  expect(received.map(({ topic, value }) => [topic, value]).toSorted(byText)).toEqual(
    [
      [first, 'old'],
      [second, 'new']
    ].toSorted(byText)
  )
})

test('a regular expression subscribes to every topic that matches it', async () => {
  const prefix = uniqueName('regex')
  const names = [`${prefix}-orders`, `${prefix}-payments`, `${prefix}-refunds`]
  for (const topic of names) await clients.createTopic({ topic })
  for (const topic of names) await clients.produce(topic, [{ value: topic }])
  const consumer = await clients.consumer()
  const pattern = new RegExp(`^${prefix}-(orders|refunds)$`)
  const received = await clients.collect(consumer, [pattern])
  await until('two messages', () => received.length === 2)
  expect(received.map(({ value }) => value).toSorted(byText)).toEqual([names[0], names[2]])
})

test('a regular expression and a name can be subscribed to together', async () => {
  const prefix = uniqueName('mixed')
  await clients.createTopic({ topic: `${prefix}-a` })
  const named = await clients.createTopic()
  await clients.produce(`${prefix}-a`, [{ value: 'by pattern' }])
  await clients.produce(named, [{ value: 'by name' }])
  const consumer = await clients.consumer()
  const received = await clients.collect(consumer, [new RegExp(`^${prefix}`), named])
  await until('two messages', () => received.length === 2)
  expect(received.map(({ value }) => value).toSorted(byText)).toEqual(['by name', 'by pattern'])
})

test('subscribing to an unknown topic creates it when the client allows that', async () => {
  const topic = uniqueName('auto')
  const consumer = await clients.consumer({ allowAutoTopicCreation: true })
  await until('the subscription', async () => {
    await consumer.subscribe({ topic, fromBeginning: true })
    return true
  })
  const joining = joined(consumer)
  await consumer.run({ eachMessage: async () => {} })
  expect(await joining).toEqual({ [topic]: [0] })
})

test('subscribing to an unknown topic fails when the client forbids creation', async () => {
  const consumer = await clients.consumer({ allowAutoTopicCreation: false })
  const subscribed = consumer.subscribe({ topic: uniqueName('never-made') })
  expect(await kafkaErrorsOf(subscribed)).toEqual(['UNKNOWN_TOPIC_OR_PARTITION'])
})

test('subscribing to an illegal name fails with INVALID_TOPIC_EXCEPTION', async () => {
  const consumer = await clients.consumer()
  const subscribed = consumer.subscribe({ topic: 'not a topic name' })
  expect(await kafkaErrorsOf(subscribed)).toEqual(['INVALID_TOPIC_EXCEPTION'])
})

test('kafkajs refuses subscriptions that make no sense, and any while it runs', async () => {
  const topic = await clients.createTopic()
  const consumer = await clients.consumer()
  await expect(consumer.subscribe({ topic: '' })).rejects.toThrow('Missing required argument')
  const notAnArray = mistyped<string[]>(topic)
  await expect(consumer.subscribe({ topics: notAnArray })).rejects.toThrow('must be an array')
  const notAName = mistyped<string[]>([12])
  await expect(consumer.subscribe({ topics: notAName })).rejects.toThrow('has to be a String')
  await consumer.subscribe({ topic })
  await consumer.run({ eachMessage: async () => {} })
  await expect(consumer.subscribe({ topic })).rejects.toThrow('while consumer is running')
})

test('a group id is required, and heartbeats must be quicker than the session timeout', () => {
  const kafka = clients.kafka()
  expect(() => kafka.consumer({ groupId: '' })).toThrow('non-empty string')
  expect(() =>
    kafka.consumer({ groupId: 'g', sessionTimeout: 6_000, heartbeatInterval: 6_000 })
  ).toThrow('must be lower than sessionTimeout')
})
