import { expect, test } from 'vitest'
import { deferred } from '../../src/base/deferred.ts'
import { MetadataLogError } from '../../src/cluster/metadata-log.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { configChangeWaitMs, diskWaitMinMs, producerIdBlockSize } from '../../src/limits.ts'
import { settle } from '../group/fixture.ts'
import { createTopic, Disk, newTopic } from './fixture.ts'

/** What a cluster shows of its topics, without the partitions themselves. */
function view(cluster: Cluster): unknown {
  return [...cluster.topics()].map(topic => ({
    name: topic.name,
    topicId: topic.topicId,
    isInternal: topic.isInternal,
    partitions: topic.partitions.map(({ partition, leaderEpoch }) => ({ partition, leaderEpoch })),
    configOverrides: [...topic.configOverrides],
    configs: topic.configs
  }))
}

function leaderEpochs(cluster: Cluster): number[] {
  return cluster.topic('orders')!.partitions.map(({ leaderEpoch }) => leaderEpoch)
}

const made = { validateOnly: false }
const topicChange = (name: string, configs: Record<string, string | null>) => ({
  resourceType: 'TOPIC' as const,
  resourceName: name,
  replacesAll: false,
  operations: Object.entries(configs).map(([config, value]) => ({
    name: config,
    type: value === null ? ('DELETE' as const) : ('SET' as const),
    value
  }))
})

test('topics, configs and added partitions are there again after a restart', async () => {
  const disk = new Disk()
  const cluster = await disk.open()
  await createTopic(cluster, 'orders', {
    numPartitions: 2,
    configs: [{ name: 'retention.ms', value: '5000' }]
  })
  await createTopic(cluster, 'gone')
  await cluster.createPartitions([{ name: 'orders', count: 5, assignments: null }], made)
  await cluster.alterConfigs([topicChange('orders', { 'segment.ms': '77' })], made)
  await cluster.deleteTopics([cluster.topic('gone')!.topicId])
  const before = view(cluster)
  await cluster.close()
  const again = await disk.open()
  expect(view(again)).toEqual(before)
  expect(again.topic('orders')!.partitions).toHaveLength(5)
  expect(again.topic('orders')!.configs).toMatchObject({ retentionMs: 5000, segmentMs: 77 })
  expect(again.topic('gone')).toBeUndefined()
})

test('a topic is found by name, by id and by partition', async () => {
  const cluster = await new Disk().open()
  const topicId = await createTopic(cluster, 'orders', { numPartitions: 3 })
  const topic = cluster.topic('orders')
  expect(cluster.topicById(topicId)).toBe(topic)
  expect(cluster.partition('orders', 2)).toBe(topic!.partitions[2])
  expect(cluster.partitionById(topicId, 1)).toBe(topic!.partitions[1])
  expect(cluster.partition('orders', 3)).toBeUndefined()
  expect(cluster.partition('orders', -1)).toBeUndefined()
  expect(cluster.partitionById('AAAAAAAAAAAAAAAAAAAAAg', 0)).toBeUndefined()
})

test('a topic is answered and seen only when the metadata log is durable', async () => {
  const disk = new Disk({ metadataDurability: 'manual' })
  const cluster = await disk.open()
  let answered = false
  const creation = cluster.createTopics([newTopic('orders')], made).then(() => {
    answered = true
  })
  await turns()
  expect(disk.metadataLog.logEndOffset).toBeGreaterThan(0)
  expect([answered, cluster.topic('orders')]).toEqual([false, undefined])
  disk.metadataLog.sync()
  await creation
  expect(cluster.topic('orders')).toBeDefined()
})

test('who waits for a disk that stands still is timed out, and what was begun goes on', async () => {
  const disk = new Disk({ metadataDurability: 'manual' })
  const cluster = await disk.open()
  const timeoutMs = 5000
  const validated = { validateOnly: true, timeoutMs }
  const late = { ok: false, error: 'REQUEST_TIMED_OUT' }
  const begun = cluster.createTopics([newTopic('a'), newTopic('b')], { ...made, timeoutMs })
  const next = cluster.createTopics([newTopic('c')], { ...made, timeoutMs })
  const tried = cluster.createTopics([newTopic('d')], validated)
  const grown = cluster.createPartitions([{ name: 'a', count: 2, assignments: null }], validated)
  const deleted = cluster.deleteTopics(['no-such-id'], { timeoutMs })
  const ensured = cluster.ensureTopics(['e'])
  const altered = cluster.alterConfigs([topicChange('a', { 'segment.ms': '77' })], made)
  const producerId = cluster.nextProducerId()
  await turns()
  disk.clock.advance(timeoutMs)
  expect([...(await begun).values()]).toMatchObject([late, late])
  for (const each of [next, tried, grown, deleted, ensured]) {
    expect([...(await each).values()]).toMatchObject([late])
  }
  expect(await producerId).toMatchObject({ ok: false, error: 'COORDINATOR_LOAD_IN_PROGRESS' })
  disk.clock.advance(configChangeWaitMs)
  expect(await altered).toMatchObject([late])
  disk.metadataLog.sync()
  await turns()
  expect([...cluster.topics()].map(({ name }) => name)).toEqual(['a', 'b'])
  expect(cluster.topic('a')!.configs.segmentMs).not.toBe(77)
  // Nothing that nobody waits for is left.
  expect(disk.clock.pendingCount).toBe(0)
  const last = cluster.nextProducerId()
  await turns()
  disk.metadataLog.sync()
  expect(await last).toMatchObject({ ok: true })
})

test('no timeout is so short that a disk which is well cannot keep it', async () => {
  const disk = new Disk({ metadataDurability: 'manual' })
  const cluster = await disk.open()
  const creation = cluster.createTopics([newTopic('a')], { ...made, timeoutMs: -1 })
  await turns()
  disk.clock.advance(diskWaitMinMs - 1)
  disk.metadataLog.sync()
  expect((await creation).get('a')).toMatchObject({ ok: true })
})

test('a deleted topic is gone from the log before its files go', async () => {
  const disk = new Disk({ metadataDurability: 'manual' })
  const cluster = await disk.open()
  const creation = cluster.createTopics([newTopic('orders')], made)
  await turns()
  disk.metadataLog.sync()
  await creation
  const { topicId } = cluster.topic('orders')!
  const deletion = cluster.deleteTopics([topicId])
  await turns()
  expect(disk.events).toEqual(['open orders-0'])
  expect(cluster.topic('orders')).toBeDefined()
  disk.metadataLog.sync()
  expect((await deletion).get(topicId)).toMatchObject({ ok: true })
  expect(disk.events).toEqual(['open orders-0', 'remove orders-0'])
})

test('what the metadata log cannot take is not made, and nothing stays of it', async () => {
  const disk = new Disk()
  const cluster = await disk.open()
  disk.metadataLog.failNext = 'NO_SPACE'
  const plans = await cluster.createTopics([newTopic('a'), newTopic('..')], made)
  expect(plans.get('a')).toMatchObject({ ok: false, error: 'KAFKA_STORAGE_ERROR' })
  expect(plans.get('..')).toMatchObject({ ok: false, error: 'INVALID_TOPIC_EXCEPTION' })
  expect(cluster.topic('a')).toBeUndefined()
  expect(disk.events).toEqual(['open a-0', 'remove a-0'])
  await createTopic(cluster, 'a')
})

test('a full file system refuses a topic and leaves no trace in the log', async () => {
  const disk = new Disk()
  const cluster = await disk.open()
  disk.full = true
  const plans = await cluster.createTopics([newTopic('a')], made)
  expect(plans.get('a')).toMatchObject({ ok: false, error: 'KAFKA_STORAGE_ERROR' })
  expect(disk.metadataLog.logEndOffset).toBe(0)
  await createTopic(cluster, 'a')
})

test('a deletion that the log refuses deletes nothing', async () => {
  const disk = new Disk()
  const cluster = await disk.open()
  const topicId = await createTopic(cluster, 'orders')
  disk.metadataLog.failNext = 'STORAGE'
  const deleted = await cluster.deleteTopics([topicId])
  expect(deleted.get(topicId)).toMatchObject({ ok: false, error: 'KAFKA_STORAGE_ERROR' })
  expect(cluster.topicById(topicId)).toBeDefined()
  expect(disk.events).toEqual(['open orders-0'])
})

test('a topic whose files will not go is deleted all the same', async () => {
  const disk = new Disk()
  const cluster = await disk.open()
  const topicId = await createTopic(cluster, 'orders')
  disk.stubborn = true
  expect((await cluster.deleteTopics([topicId])).get(topicId)).toMatchObject({ ok: true })
  expect(cluster.topic('orders')).toBeUndefined()
})

test('a topic that is made again shares nothing with the deleted one', async () => {
  const disk = new Disk()
  const cluster = await disk.open()
  const first = await createTopic(cluster, 'orders', {
    numPartitions: 3,
    configs: [{ name: 'retention.ms', value: '1' }]
  })
  const partition = cluster.partition('orders', 0)!
  await partition.appendRecords([{ key: null, value: Buffer.from('old') }])
  await cluster.deleteTopics([first])
  const second = await createTopic(cluster, 'orders')
  expect(second).not.toBe(first)
  expect(cluster.topicById(first)).toBeUndefined()
  expect(cluster.topic('orders')!.partitions).toHaveLength(1)
  expect([...cluster.topic('orders')!.configOverrides]).toEqual([])
  expect(cluster.partition('orders', 0)!.logEndOffset).toBe(0)
  await cluster.close()
  const again = await disk.open()
  expect([...again.topic('orders')!.configOverrides]).toEqual([])
  expect(again.topicById(first)).toBeUndefined()
})

test('deletion refuses unknown ids and the topics that the broker itself needs', async () => {
  const cluster = await new Disk().open()
  const ensured = await cluster.ensureTopic('__consumer_offsets')
  const offsetsId = ensured.ok ? ensured.value.topicId : ''
  const deleted = await cluster.deleteTopics(['AAAAAAAAAAAAAAAAAAAAAg', offsetsId])
  expect(deleted.get('AAAAAAAAAAAAAAAAAAAAAg')).toMatchObject({ error: 'UNKNOWN_TOPIC_ID' })
  expect(deleted.get(offsetsId)).toMatchObject({ error: 'INVALID_REQUEST' })
  expect(cluster.topic('__consumer_offsets')).toBeDefined()
})

test('whoever listens hears of a deleted topic when it is already gone', async () => {
  const cluster = await new Disk().open()
  const topicId = await createTopic(cluster, 'orders')
  const heard: unknown[] = []
  cluster.onTopicDeleted(async topic => void heard.push([topic.topicId, cluster.topic(topic.name)]))
  await cluster.deleteTopics([topicId])
  expect(heard).toEqual([[topicId, undefined]])
})

test('a deletion is answered when all who had to hear of it are done', async () => {
  const cluster = await new Disk().open()
  const topicId = await createTopic(cluster, 'orders')
  const heard = deferred<void>()
  cluster.onTopicDeleted(() => heard.promise)
  let isAnswered = false
  const deleted = cluster.deleteTopics([topicId]).then(() => (isAnswered = true))
  await settle()
  expect([cluster.topic('orders'), isAnswered]).toEqual([undefined, false])
  heard.resolve()
  await deleted
})

test('callers who need the same topic at once get one and the same', async () => {
  const disk = new Disk()
  const cluster = await disk.open()
  const ensured = await Promise.all(Array.from({ length: 20 }, () => cluster.ensureTopic('clicks')))
  const ids = new Set(ensured.map(topic => (topic.ok ? topic.value.topicId : topic.error)))
  expect([...ids]).toEqual([cluster.topic('clicks')!.topicId])
  expect(disk.opened).toHaveLength(1)
})

test('one of two creations of a topic at once fails with TOPIC_ALREADY_EXISTS', async () => {
  const cluster = await new Disk().open()
  const both = await Promise.all([
    cluster.createTopics([newTopic('orders')], made),
    cluster.createTopics([newTopic('orders')], made)
  ])
  expect(both.map(plans => plans.get('orders')!.ok)).toEqual([true, false])
  expect(both[1].get('orders')).toMatchObject({ error: 'TOPIC_ALREADY_EXISTS' })
})

test('a deletion and a creation of one topic at once happen one after the other', async () => {
  const disk = new Disk()
  const cluster = await disk.open()
  const first = await createTopic(cluster, 'orders')
  const [, plans] = await Promise.all([
    cluster.deleteTopics([first]),
    cluster.createTopics([newTopic('orders')], made)
  ])
  expect(plans.get('orders')!.ok).toBe(true)
  expect(cluster.topic('orders')!.topicId).not.toBe(first)
  expect(disk.events).toEqual(['open orders-0', 'remove orders-0', 'open orders-0'])
})

test('a failed automatic creation is told to everybody who asked for it', async () => {
  const disk = new Disk()
  const cluster = await disk.open()
  disk.full = true
  const ensured = await cluster.ensureTopics(['bad name', 'good'])
  expect(ensured.get('bad name')).toMatchObject({ error: 'INVALID_TOPIC_EXCEPTION' })
  expect(ensured.get('good')).toMatchObject({ error: 'KAFKA_STORAGE_ERROR' })
})

test("the broker's own topics get the settings that their coordinators need", async () => {
  const cluster = await new Disk().open({
    configs: { 'offsets.topic.num.partitions': '4', 'transaction.state.log.num.partitions': '3' }
  })
  const topics = await cluster.ensureTopics(['__consumer_offsets', '__transaction_state'])
  expect([...topics.values()].every(topic => topic.ok && topic.value.isInternal)).toBe(true)
  const offsets = cluster.topic('__consumer_offsets')!
  expect(offsets.partitions).toHaveLength(4)
  expect(offsets.configs.cleanupPolicy).toEqual({ delete: false, compact: true })
  expect(offsets.configs.segmentBytes).toBe(104_857_600)
  const transactions = cluster.topic('__transaction_state')!
  expect(transactions.partitions).toHaveLength(3)
  expect(transactions.configs.compressionType).toBe('uncompressed')
})

test('a changed topic config acts at once on every partition', async () => {
  const cluster = await new Disk().open()
  await createTopic(cluster, 'orders', { numPartitions: 2 })
  await cluster.alterConfigs([topicChange('orders', { 'max.message.bytes': '10' })], made)
  expect(cluster.topic('orders')!.partitions.map(({ configs }) => configs.maxMessageBytes)).toEqual(
    [10, 10]
  )
  const appended = await cluster
    .partition('orders', 1)!
    .appendRecords([{ key: null, value: Buffer.alloc(100) }])
  expect(appended).toMatchObject({ ok: false, error: 'MESSAGE_TOO_LARGE' })
})

test('a broker config set at run time moves the default of topics without their own', async () => {
  const disk = new Disk()
  const cluster = await disk.open()
  await createTopic(cluster, 'default')
  await createTopic(cluster, 'own', { configs: [{ name: 'retention.ms', value: '5' }] })
  const change = {
    ...topicChange('', { 'log.retention.ms': '1234' }),
    resourceType: 'BROKER' as const
  }
  expect(await cluster.alterConfigs([change], made)).toMatchObject([{ ok: true }])
  expect(cluster.partition('default', 0)!.configs.retentionMs).toBe(1234)
  expect(cluster.partition('own', 0)!.configs.retentionMs).toBe(5)
  await createTopic(cluster, 'later')
  expect(cluster.partition('later', 0)!.configs.retentionMs).toBe(1234)
  await cluster.close()
  const again = await disk.open()
  expect(again.partition('default', 0)!.configs.retentionMs).toBe(1234)
  expect(again.config.raw.get('log.retention.ms')).toBe('1234')
})

test('changes that are only tried change nothing', async () => {
  const disk = new Disk()
  const cluster = await disk.open()
  await createTopic(cluster, 'orders')
  const { logEndOffset } = disk.metadataLog
  const tried = { validateOnly: true }
  await cluster.createTopics([newTopic('more')], tried)
  await cluster.createPartitions([{ name: 'orders', count: 9, assignments: null }], tried)
  await cluster.alterConfigs([topicChange('orders', { 'segment.ms': '1' })], tried)
  expect(disk.metadataLog.logEndOffset).toBe(logEndOffset)
  expect(cluster.topic('more')).toBeUndefined()
  expect(cluster.topic('orders')!.partitions).toHaveLength(1)
  expect(cluster.topic('orders')!.configs.segmentMs).toBe(604_800_000)
})

test('a clean start keeps the leader epochs, any other raises each by one', async () => {
  const disk = new Disk()
  await createTopic(await disk.open(), 'orders', { numPartitions: 2 })
  expect(leaderEpochs(await disk.open())).toEqual([0, 0])
  expect(leaderEpochs(await disk.open({ cleanStart: false }))).toEqual([1, 1])
  expect(leaderEpochs(await disk.open({ cleanStart: false }))).toEqual([2, 2])
  expect(leaderEpochs(await disk.open())).toEqual([2, 2])
})

test('a partition added after a crash begins at epoch 0 beside its older ones', async () => {
  const disk = new Disk()
  await createTopic(await disk.open(), 'orders')
  const cluster = await disk.open({ cleanStart: false })
  await cluster.createPartitions([{ name: 'orders', count: 2, assignments: null }], made)
  expect(leaderEpochs(cluster)).toEqual([1, 0])
})

test('a damaged metadata log keeps the broker from starting', async () => {
  const disk = new Disk()
  const cluster = await disk.open()
  await createTopic(cluster, 'a')
  await createTopic(cluster, 'b')
  disk.metadataLog.corruptFrom = 2
  await expect(disk.open()).rejects.toThrow(MetadataLogError)
})

test('a record that nobody knows keeps the broker from starting', async () => {
  const disk = new Disk()
  const cluster = await disk.open()
  await createTopic(cluster, 'a')
  const offset = disk.metadataLog.logEndOffset
  const stranger = await new Disk().open()
  await createTopic(stranger, 'x')
  await stranger.partition('x', 0)!.appendRecords([{ key: null, value: Buffer.from([1, 99, 0]) }])
  await copyLastBatch(stranger, disk, offset)
  await expect(disk.open()).rejects.toThrow(
    `the metadata log is damaged at offset ${offset}: metadata record 99 is unknown`
  )
})

test('a broker config that no longer fits keeps the broker from starting', async () => {
  const disk = new Disk()
  const cluster = await disk.open()
  const change = topicChange('', { 'log.cleaner.min.compaction.lag.ms': '500' })
  await cluster.alterConfigs([{ ...change, resourceType: 'BROKER' }], made)
  const configs = { 'log.cleaner.max.compaction.lag.ms': '100' }
  await expect(disk.open({ configs })).rejects.toThrow(/run time do not fit/)
})

test('producer ids never repeat, at once or after a crash', async () => {
  const disk = new Disk()
  const seen = new Set<number>()
  for (let run = 0; run < 3; run++) {
    const cluster = await disk.open({ cleanStart: false })
    const ids = await Promise.all(
      Array.from({ length: producerIdBlockSize + 5 }, () => cluster.nextProducerId())
    )
    for (const id of ids) {
      expect(id.ok && !seen.has(id.value)).toBe(true)
      if (id.ok) seen.add(id.value)
    }
  }
  expect(seen.size).toBe(3 * (producerIdBlockSize + 5))
})

test('no producer id is given out before its block is durable', async () => {
  const disk = new Disk({ metadataDurability: 'manual' })
  const cluster = await disk.open()
  let given = 0
  const waiting = [cluster.nextProducerId(), cluster.nextProducerId()].map(async id => {
    expect((await id).ok).toBe(true)
    given += 1
  })
  await turns()
  expect(given).toBe(0)
  disk.metadataLog.sync()
  await Promise.all(waiting)
  expect(given).toBe(2)
})

test('a refused block of producer ids is an error for those who wait only', async () => {
  const disk = new Disk()
  const cluster = await disk.open()
  disk.metadataLog.failNext = 'STORAGE'
  const refused = await Promise.all([cluster.nextProducerId(), cluster.nextProducerId()])
  expect(refused).toMatchObject([
    { error: 'KAFKA_STORAGE_ERROR' },
    { error: 'KAFKA_STORAGE_ERROR' }
  ])
  expect(await cluster.nextProducerId()).toMatchObject({ ok: true, value: 0 })
})

test('a resource that stands twice in one request is refused both times', async () => {
  const cluster = await new Disk().open()
  await createTopic(cluster, 'a')
  await createTopic(cluster, 'b')
  const outcomes = await cluster.alterConfigs(
    [
      topicChange('a', { 'segment.ms': '1' }),
      topicChange('b', { 'segment.ms': '2' }),
      topicChange('a', { 'retention.ms': '3' })
    ],
    made
  )
  const twice = { error: 'INVALID_REQUEST', detail: 'Each resource must appear at most once.' }
  expect(outcomes).toMatchObject([twice, { ok: true }, twice])
  expect([...cluster.topic('a')!.configOverrides]).toEqual([])
  expect(cluster.topic('b')!.configs.segmentMs).toBe(2)
})

test('closing waits for the changes at work', async () => {
  const disk = new Disk({ metadataDurability: 'manual' })
  const cluster = await disk.open()
  const creation = cluster.createTopics([newTopic('orders')], made)
  const closing = cluster.close()
  await turns()
  disk.metadataLog.sync()
  expect((await creation).get('orders')).toMatchObject({ ok: true })
  await closing
  expect((await disk.open()).topic('orders')).toBeDefined()
})

test('a listener tells its clients the address that was set for it', async () => {
  const cluster = await new Disk().open()
  cluster.setEndpoint('EXTERNAL', 'kafka.example.org', 19092)
  expect(cluster.endpointFor('PLAINTEXT')).toEqual({ nodeId: 1, host: 'broker.test', port: 9092 })
  expect(cluster.endpointFor('EXTERNAL')).toEqual({
    nodeId: 1,
    host: 'kafka.example.org',
    port: 19092
  })
})

/** Lets everything run that waits for nothing but promises. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve()
}

/** Appends the only batch of a topic `x` of one cluster to the metadata log of another. */
async function copyLastBatch(from: Cluster, to: Disk, offset: number): Promise<void> {
  const read = await from.partition('x', 0)!.read({
    fromOffset: 0,
    maxBytes: 1000,
    isolationLevel: 'READ_UNCOMMITTED',
    currentLeaderEpoch: -1,
    minOneBatch: true
  })
  if (!read.ok) throw new Error(read.error)
  const bytes = Buffer.from(read.value.bytes)
  bytes.writeBigInt64BE(BigInt(offset), 0)
  await to.metadataLog.append(0, offset, [
    { bytes, baseOffset: offset, lastOffset: offset, maxTimestampMs: 0, partitionLeaderEpoch: 0 }
  ])
}
