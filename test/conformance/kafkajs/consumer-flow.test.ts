// kafkajs hands out functions that need no `this`, and declares them as methods.
/* oxlint-disable typescript/unbound-method */
import { describe, expect, test } from 'vitest'
import { useBroker } from '../broker.ts'
import { byText, range, uniqueName, until } from '../waiting.ts'
import { Clients, joined, kafkaErrorsOf, mistyped } from './clients.ts'
import type { ReceivedMessage } from './clients.ts'

const clients = new Clients(useBroker())

function values(received: readonly ReceivedMessage[], partition?: number): (string | null)[] {
  return received
    .filter(message => partition === undefined || message.partition === partition)
    .map(({ value }) => value)
}

describe('pause and resume', () => {
  test('a paused topic gives nothing until it is resumed, and then everything', async () => {
    const topic = await clients.createTopic()
    await clients.produce(topic, [{ value: '0' }])
    const consumer = await clients.consumer()
    const received = await clients.collect(consumer, topic)
    await until('the first message', () => received.length === 1)
    consumer.pause([{ topic }])
    expect(consumer.paused()).toEqual([{ topic, partitions: [0] }])
    await clients.produce(topic, [{ value: '1' }])
    let fetchesWhilePaused = 0
    consumer.on(consumer.events.FETCH, () => fetchesWhilePaused++)
    await until('three rounds without it', () => fetchesWhilePaused >= 3)
    expect(values(received)).toEqual(['0'])
    consumer.resume([{ topic }])
    await until('the second message', () => received.length === 2)
    expect(consumer.paused()).toEqual([])
    expect(values(received)).toEqual(['0', '1'])
  })

  test('one partition can be paused while the others go on', async () => {
    const topic = await clients.createTopic({ numPartitions: 3 })
    const consumer = await clients.consumer()
    const joining = joined(consumer)
    const received = await clients.collect(consumer, topic)
    await joining
    consumer.pause([{ topic, partitions: [1] }])
    expect(consumer.paused()).toEqual([{ topic, partitions: [1] }])
    await clients.produce(
      topic,
      range(3).map(partition => ({ partition, value: `${partition}` }))
    )
    await until('the messages of the other two', () => received.length === 2)
    expect(values(received).toSorted(byText)).toEqual(['0', '2'])
    consumer.resume([{ topic, partitions: [1] }])
    await until('the message of the third', () => received.length === 3)
  })

  test('eachMessage can pause its own partition and goes on when it is resumed', async () => {
    const topic = await clients.createTopic()
    await clients.produce(topic, [{ value: '0' }, { value: '1' }, { value: '2' }])
    const consumer = await clients.consumer({ retry: { retries: 0 } })
    const seen: string[] = []
    let resume: (() => void) | undefined
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message, pause }) => {
        seen.push(String(message.value))
        if (seen.length === 2) resume = pause()
      }
    })
    await until('the pause', () => resume !== undefined)
    expect(consumer.paused()).toEqual([{ topic, partitions: [0] }])
    resume?.()
    await until('the last message', () => seen.includes('2'))
    expect(seen).toEqual(['0', '1', '2'])
  })

  test('before run nothing is paused, and pausing is refused', async () => {
    const consumer = await clients.consumer()
    expect(consumer.paused()).toEqual([])
    expect(() => consumer.pause([{ topic: 't' }])).toThrow('consumer#run must be called first')
    expect(() => consumer.resume([{ topic: 't' }])).toThrow('consumer#run must be called first')
    expect(() => consumer.pause([{ topic: '' }])).toThrow('Invalid topic')
    const partitions = [Number.NaN]
    expect(() => consumer.pause([{ topic: 't', partitions }])).toThrow('Array of valid partitions')
    expect(() => consumer.resume([{ topic: 't', partitions }])).toThrow('Array of valid partitions')
  })
})

describe('stop and disconnect', () => {
  test('stop leaves the group, and run after it joins again and goes on', async () => {
    const topic = await clients.createTopic()
    await clients.produce(topic, [{ value: '0' }])
    const groupId = uniqueName('group')
    const consumer = await clients.consumer({ groupId })
    const seen: string[] = []
    const run = () =>
      consumer.run({
        eachMessage: async ({ message }) => {
          seen.push(String(message.value))
        }
      })
    await consumer.subscribe({ topic, fromBeginning: true })
    await run()
    await until('the first message', () => seen.length === 1)
    await consumer.stop()
    const admin = await clients.admin()
    const { groups } = await admin.describeGroups([groupId])
    expect(groups[0]).toMatchObject({ groupId, state: 'Empty', members: [] })
    await clients.produce(topic, [{ value: '1' }])
    await run()
    await until('the second message', () => seen.length === 2)
    expect(seen).toEqual(['0', '1'])
  })

  test('stop waits for the message that is being worked on and commits it', async () => {
    const topic = await clients.createTopic()
    await clients.produce(topic, [{ value: '0' }, { value: '1' }])
    const groupId = uniqueName('group')
    const consumer = await clients.consumer({ groupId })
    let started = false
    let finished = false
    let goOn = false
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async () => {
        started = true
        await until('leave to go on', () => goOn)
        finished = true
      }
    })
    await until('the first message', () => started)
    const stopped = consumer.stop()
    goOn = true
    await stopped
    expect(finished).toBe(true)
    const admin = await clients.admin()
    const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] })
    expect(committed?.partitions[0]?.offset).toBe('1')
  })

  test('disconnect leaves the group, and the consumer can connect and run again', async () => {
    const topic = await clients.createTopic()
    await clients.produce(topic, [{ value: '0' }])
    const groupId = uniqueName('group')
    const consumer = await clients.consumer({ groupId })
    const first = await clients.collect(consumer, topic)
    await until('the first message', () => first.length === 1)
    await consumer.disconnect()
    await clients.produce(topic, [{ value: '1' }])
    await consumer.connect()
    const second = await clients.collect(consumer, topic)
    await until('the second message', () => second.length === 1)
    expect(values(second)).toEqual(['1'])
  })

  test('run without a subscription joins a group and gets nothing', async () => {
    const consumer = await clients.consumer()
    const joining = joined(consumer)
    await consumer.run({ eachMessage: async () => {} })
    expect(await joining).toEqual({})
  })
})

describe('crash and retry', () => {
  test('an eachMessage that never works crashes the consumer after its retries', async () => {
    const topic = await clients.createTopic()
    await clients.produce(topic, [{ value: '0' }])
    const consumer = await clients.consumer({
      retry: { retries: 2, initialRetryTime: 20, restartOnFailure: async () => false }
    })
    const crashed = new Promise<{ error: Error; restart: boolean }>(resolve =>
      consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload))
    )
    let attempts = 0
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async () => {
        attempts++
        throw new Error('this message is poison')
      }
    })
    const { error, restart } = await crashed
    expect(error.name).toBe('KafkaJSNumberOfRetriesExceeded')
    expect(error.message).toBe('this message is poison')
    expect(restart).toBe(false)
    expect(attempts).toBe(3)
  })

  test('a consumer that crashes is restarted when restartOnFailure says so', async () => {
    const topic = await clients.createTopic()
    await clients.produce(topic, [{ value: '0' }, { value: '1' }])
    const consumer = await clients.consumer({
      retry: { retries: 0, initialRetryTime: 20, restartOnFailure: async () => true }
    })
    let crashes = 0
    consumer.on(consumer.events.CRASH, () => crashes++)
    const seen: string[] = []
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => {
        if (String(message.value) === '1' && crashes === 0) throw new Error('once')
        seen.push(String(message.value))
      }
    })
    await until('the second message', () => seen.includes('1'))
    expect(seen).toEqual(['0', '1'])
    expect(crashes).toBe(1)
  })

  test('an error that is not retriable crashes the consumer at once', async () => {
    const topic = await clients.createTopic()
    const consumer = await clients.consumer({ sessionTimeout: 1 + 24 * 3_600_000 })
    const crashed = new Promise<Error>(resolve =>
      consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error))
    )
    await consumer.subscribe({ topic })
    await consumer.run({ eachMessage: async () => {} })
    const names = await kafkaErrorsOf(crashed.then(error => Promise.reject(error)))
    expect(names).toEqual(['INVALID_SESSION_TIMEOUT'])
  })

  test('a session timeout that is too short is INVALID_SESSION_TIMEOUT', async () => {
    const topic = await clients.createTopic()
    const consumer = await clients.consumer({ sessionTimeout: 1_000 })
    const crashed = new Promise<Error>(resolve =>
      consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error))
    )
    await consumer.subscribe({ topic })
    await consumer.run({ eachMessage: async () => {} })
    const names = await kafkaErrorsOf(crashed.then(error => Promise.reject(error)))
    expect(names).toEqual(['INVALID_SESSION_TIMEOUT'])
  })
})

describe('instrumentation events', () => {
  test('tell the whole life of a consumer in its order', async () => {
    const topic = await clients.createTopic()
    await clients.produce(topic, [{ value: '0' }])
    const groupId = uniqueName('group')
    const consumer = clients
      .kafka()
      .consumer({ groupId, maxWaitTimeInMs: 100, heartbeatInterval: 1 })
    const seen: string[] = []
    for (const name of Object.values(consumer.events)) {
      consumer.on(mistyped<'consumer.connect'>(name), ({ type }) => {
        if (!seen.includes(type)) seen.push(type)
      })
    }
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({ eachMessage: async () => {} })
    await until('a heartbeat and a commit', () =>
      ['consumer.heartbeat', 'consumer.commit_offsets'].every(name => seen.includes(name))
    )
    await consumer.disconnect()
    const order = [
      'consumer.connect',
      'consumer.group_join',
      'consumer.fetch_start',
      'consumer.fetch',
      'consumer.start_batch_process',
      'consumer.end_batch_process',
      'consumer.stop',
      'consumer.disconnect'
    ]
    expect(seen.filter(name => order.includes(name))).toEqual(order)
    expect(seen).toContain('consumer.network.request')
  })

  test('GROUP_JOIN tells leader, protocol and assignment', async () => {
    const topic = await clients.createTopic()
    const groupId = uniqueName('group')
    const consumer = await clients.consumer({ groupId })
    const payloads: unknown[] = []
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => payloads.push(payload))
    await consumer.subscribe({ topic })
    await consumer.run({ eachMessage: async () => {} })
    await until('the join', () => payloads.length === 1)
    expect(payloads[0]).toMatchObject({
      groupId,
      isLeader: true,
      groupProtocol: 'RoundRobinAssigner',
      memberAssignment: { [topic]: [0] },
      memberId: expect.stringMatching(/^conformance-[0-9a-f-]{36}$/)
    })
  })
})
