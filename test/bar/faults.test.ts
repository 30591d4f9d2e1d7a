import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { BrokerUnderTest, type BrokerSetup } from '../../scripts/bar/broker-under-test.ts'
import { patientKafka, placeName, readTopics } from '../../scripts/bar/clients.ts'
import { Ledger, noViolations, valueOf } from '../../scripts/bar/ledger.ts'
import { hasStrace } from '../../scripts/bar/syscalls.ts'
import { freePorts } from '../../scripts/oracle/kafka.ts'

/** What must come comes within this, ms, however slow the machine is. */
const timeout = 60_000

/** The readers of these tests are groups of one. */
const quickGroups = {
  'group.initial.rebalance.delay.ms': '0',
  'offsets.topic.num.partitions': '1'
}

async function startBroker(setup: Partial<BrokerSetup>): Promise<BrokerUnderTest> {
  const directory = mkdtempSync(join(tmpdir(), 'odradek-fault-'))
  const [port] = await freePorts(1)
  const broker = new BrokerUnderTest({ directory, port: port!, durability: 'fsync', ...setup })
  onTestFinished(async () => {
    await broker.kill()
    rmSync(directory, { recursive: true })
  })
  await broker.start()
  return broker
}

test('members of a group keep their places when the broker itself was stopped for long', async () => {
  // Long enough for members to be heard of in time when it is this process that stands still.
  const sessionTimeoutMs = 6_000
  const broker = await startBroker({ configs: quickGroups })
  const kafka = patientKafka(broker.address)
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 2 }] })
  const members = [1, 2].map(() => ({ joins: 0, partitions: 0, heartbeats: 0 }))
  for (const member of members) {
    const consumer = kafka.consumer({
      groupId: 'readers',
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: 100,
      maxWaitTimeInMs: 100
    })
    onTestFinished(() => consumer.disconnect())
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      member.joins++
      member.partitions = payload.memberAssignment.orders?.length ?? 0
    })
    consumer.on(consumer.events.HEARTBEAT, () => void member.heartbeats++)
    await consumer.connect()
    await consumer.subscribe({ topics: ['orders'] })
    await consumer.run({ eachMessage: async () => {} })
  }
  await expect.poll(() => members.map(({ partitions }) => partitions), { timeout }).toEqual([1, 1])
  const joinsBefore = members.map(({ joins }) => joins)
  broker.signal('SIGSTOP')
  await delay(sessionTimeoutMs + 1_000)
  broker.signal('SIGCONT')
  await expect.poll(() => broker.log, { timeout }).toContain('this process stood still')
  // A member that has lost its place hears of it in answer to a heartbeat.
  for (const member of members) member.heartbeats = 0
  const beats = (): number => Math.min(...members.map(({ heartbeats }) => heartbeats))
  await expect.poll(beats, { timeout }).toBeGreaterThan(5)
  const { groups } = await admin.describeGroups(['readers'])
  expect(groups).toMatchObject([{ state: 'Stable', members: [{}, {}] }])
  expect(members.map(({ joins }) => joins)).toEqual(joinsBefore)
  await admin.disconnect()
})

test('a process with few descriptors serves more partitions and clients than it has', async () => {
  const runner = ['sh', '-c', 'ulimit -n 128; exec "$@"', 'sh']
  const broker = await startBroker({ runner, durability: 'os', configs: quickGroups })
  const partitions = 150
  const kafka = patientKafka(broker.address)
  const admin = kafka.admin()
  await admin.connect()
  const topics = [{ topic: 'wide', numPartitions: partitions }]
  await admin.createTopics({ waitForLeaders: false, topics })
  const ledger = new Ledger()
  const producers = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const producer = kafka.producer()
      await producer.connect()
      return producer
    })
  )
  for (let round = 0; round < 3; round++) {
    await Promise.all(
      producers.map(async (producer, index) => {
        const messages = []
        const numbers = new Map<number, number>()
        for (let partition = index; partition < partitions; partition += producers.length) {
          const first = ledger.number(placeName('wide', partition), 'p', false, 1)
          numbers.set(partition, first)
          messages.push({ partition, value: valueOf('p', first, 10) })
        }
        for (const { partition, baseOffset } of await producer.send({ topic: 'wide', messages })) {
          const records = {
            first: numbers.get(partition)!,
            count: 1,
            baseOffset: Number(baseOffset)
          }
          ledger.acknowledge(placeName('wide', partition), 'p', records)
        }
      })
    )
  }
  await Promise.all(producers.map(producer => producer.disconnect()))
  await admin.disconnect()
  await broker.kill()
  // A start after a crash has the files of all partitions open that were written last.
  const { runner: _, ...roomy } = broker.setup
  const after = new BrokerUnderTest(roomy)
  onTestFinished(async () => void (await after.kill()))
  await after.start()
  const found = noViolations()
  for (const [place, read] of await readTopics(broker.address, ['wide'])) {
    ledger.judge(place, read, found)
  }
  expect(found).toEqual(noViolations())
  expect(ledger.acknowledgedCount).toBe(3 * partitions)
  expect(broker.log).not.toContain('the log directory failed')
})

test.skipIf(!hasStrace())(
  'while syncs are slow acknowledgements wait, and everything else is answered',
  async () => {
    const delayUs = 1_500_000
    const inject = `inject=fdatasync:delay_exit=${delayUs}`
    const flags = ['-D', '-f', '-qq', '--seccomp-bpf', '-o', '/dev/null']
    const runner = ['strace', ...flags, '-e', 'trace=fdatasync', '-e', inject]
    const broker = await startBroker({ runner, configs: quickGroups })
    const kafka = patientKafka(broker.address)
    const admin = kafka.admin()
    const producer = kafka.producer()
    await admin.connect()
    await producer.connect()
    await admin.createTopics({ waitForLeaders: false, topics: [{ topic: 'orders' }] })
    await producer.send({ topic: 'orders', messages: [{ value: 'first' }] })
    // A pause of the machine may outlast a sync. A broker that waits for its disk never does this.
    const values = ['first']
    let answeredMeanwhile = 0
    for (let attempt = 1; attempt <= 5 && answeredMeanwhile < 20; attempt++) {
      let isAcknowledged = false
      const value = `attempt ${attempt}`
      values.push(value)
      const sent = producer
        .send({ topic: 'orders', messages: [{ value }] })
        .finally(() => (isAcknowledged = true))
      answeredMeanwhile = 0
      for (let asked = 0; asked < 20; asked++) {
        await admin.describeCluster()
        if (!isAcknowledged) answeredMeanwhile++
      }
      await sent
    }
    expect(answeredMeanwhile).toBe(20)
    await Promise.all([producer.disconnect(), admin.disconnect()])
    const read = (await readTopics(broker.address, ['orders'])).get('orders/0')
    expect(read?.records.map(({ value }) => value)).toEqual(values)
  }
)
