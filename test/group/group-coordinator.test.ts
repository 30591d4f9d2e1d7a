import { expect, test } from 'vitest'
import { zeroUuid } from '../../src/wire/uuid.ts'
import { caller, GroupBench, joinRequest, settle, syncRequest } from './fixture.ts'

function commit(
  bench: GroupBench,
  topic: string,
  partition: number,
  offset: bigint,
  group = 'g',
  metadata = ''
) {
  return bench.groups.commitOffsets({
    groupId: group,
    memberId: '',
    groupInstanceId: null,
    generationId: -1,
    retentionTimeMs: -1,
    topics: [
      {
        topic,
        topicId: zeroUuid,
        partitions: [
          {
            partition,
            committedOffset: offset,
            committedLeaderEpoch: -1,
            metadata,
            commitTimestampMs: -1
          }
        ]
      }
    ],
    apiVersion: 8
  })
}

function errorOf(result: { readonly ok: boolean; readonly error?: string }) {
  return result.error ?? 'NONE'
}

async function fetched(bench: GroupBench, groupId = 'g'): Promise<unknown> {
  const reply = await bench.groups.fetchOffsets(groupId, null)
  if (!reply.ok) return reply.error
  return reply.value.topics.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, committedOffset }) => [topic, partition, committedOffset])
  )
}

test('the offsets topic is made once, when it is first needed, however many ask', async () => {
  const bench = await GroupBench.start()
  expect(bench.ensureCount).toBe(0)
  expect(await bench.groups.list([], [])).toMatchObject({ ok: true, value: [] })
  expect(bench.ensureCount).toBe(0)
  const ready = await Promise.all([bench.groups.ready(), bench.groups.ready()])
  expect(ready.map(({ ok }) => ok)).toEqual([true, true])
  expect(bench.ensureCount).toBe(1)
})

test('JoinGroup is refused without a group id, or with a session out of bounds', async () => {
  const bench = await GroupBench.start()
  const errors = async (request: Parameters<typeof joinRequest>[0]) =>
    (await bench.groups.join(joinRequest(request), caller(5))).error
  expect(await errors({ groupId: '' })).toBe('INVALID_GROUP_ID')
  expect(await errors({ sessionTimeoutMs: 5_999 })).toBe('INVALID_SESSION_TIMEOUT')
  expect(await errors({ sessionTimeoutMs: 1_800_001 })).toBe('INVALID_SESSION_TIMEOUT')
  expect(await errors({ sessionTimeoutMs: 6_000 })).toBe('MEMBER_ID_REQUIRED')
})

test('requests about no group at all are refused where Kafka refuses them', async () => {
  const bench = await GroupBench.start()
  const nobody = { groupId: '', memberId: 'm', groupInstanceId: null, generationId: 1 }
  expect((await bench.groups.sync(syncRequest({ groupId: '' }))).error).toBe('INVALID_GROUP_ID')
  expect(await bench.groups.heartbeat(nobody)).toBe('INVALID_GROUP_ID')
  expect(await bench.groups.leave('', [])).toMatchObject({ error: 'INVALID_GROUP_ID' })
  expect((await bench.groups.deleteOffsets('', [])).error).toBe('INVALID_GROUP_ID')
  // Old clients commit without a group, and get what they committed.
  expect((await commit(bench, 'orders', 0, 5n, '')).topics[0]?.partitions[0]?.error).toBe('NONE')
  expect(await fetched(bench, '')).toEqual([['orders', 0, 5n]])
})

test('a rebalance timeout of nothing means the session timeout', async () => {
  const bench = await GroupBench.start()
  const first = bench.groups.join(joinRequest({ rebalanceTimeoutMs: 0 }), caller(3))
  await settle()
  bench.clock.advance(0)
  const { memberId } = await first
  // A SyncGroup that comes 9 s later is in time.
  bench.clock.advance(9_000)
  expect((await bench.groups.sync(syncRequest({ memberId }))).error).toBe('NONE')
})

test('commits for partitions that do not exist are refused one by one', async () => {
  const bench = await GroupBench.start()
  const partitions = [0, 7, 1].map(partition => ({
    partition,
    committedOffset: 5n,
    committedLeaderEpoch: -1,
    metadata: '',
    commitTimestampMs: -1
  }))
  const reply = await bench.groups.commitOffsets({
    groupId: 'g',
    memberId: '',
    groupInstanceId: null,
    generationId: -1,
    retentionTimeMs: -1,
    topics: [
      { topic: 'nowhere', topicId: zeroUuid, partitions },
      { topic: 'orders', topicId: zeroUuid, partitions }
    ],
    apiVersion: 8
  })
  expect(reply.topics.map(({ partitions }) => partitions.map(({ error }) => error))).toEqual([
    ['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['NONE', 'UNKNOWN_TOPIC_OR_PARTITION', 'NONE']
  ])
})

test('OffsetFetch does not show a commit that is not durable yet', async () => {
  const bench = await GroupBench.start({ durability: 'manual' })
  await bench.groups.ready()
  const committing = commit(bench, 'orders', 0, 5n)
  let seen: unknown = 'waits'
  void fetched(bench).then(offsets => (seen = offsets))
  await settle()
  expect(seen).toBe('waits')
  bench.sync()
  await settle()
  expect(seen).toEqual([['orders', 0, 5n]])
  expect((await committing).topics[0]?.partitions[0]?.error).toBe('NONE')
})

test('requests to a group wait for a stalled disk as long as offsets.commit.timeout.ms', async () => {
  const configs = { 'offsets.commit.timeout.ms': '3000' }
  const bench = await GroupBench.start({ durability: 'manual', configs })
  const memberId = await bench.formGroup('g')
  const member = { groupId: 'g', memberId, groupInstanceId: null, generationId: 1 }
  const { groups } = bench
  const asked = [
    commit(bench, 'orders', 0, 5n, 'simple').then(each => each.topics[0]?.partitions[0]?.error),
    groups.leave('g', [{ ...member, reason: null }]).then(errorOf),
    groups.heartbeat(member),
    groups.sync(syncRequest({ memberId })).then(({ error }) => error),
    groups.join(joinRequest(), caller(5)).then(({ error }) => error),
    groups.deleteOffsets('g', [{ topic: 'orders', partitions: [0] }]).then(({ error }) => error),
    groups.deleteGroups(['g']).then(([group]) => group?.error),
    groups.describe('g').then(errorOf),
    settle().then(() => groups.list([], []).then(errorOf)),
    groups.fetchOffsets('g', null).then(errorOf)
  ]
  const answers: unknown[] = []
  for (const each of asked) void each.then(answer => answers.push(answer))
  await settle()
  bench.clock.advance(2999)
  await settle()
  expect(answers).toEqual([])
  bench.clock.advance(1)
  await settle()
  expect(await Promise.all(asked)).toEqual([
    ...Array.from({ length: 9 }, () => 'COORDINATOR_NOT_AVAILABLE'),
    'NOT_COORDINATOR'
  ])
  // What was asked has happened all the same, and is seen when the disk is back.
  await bench.settled(Promise.resolve())
  await bench.settled(Promise.resolve())
  expect(await fetched(bench, 'simple')).toEqual([['orders', 0, 5n]])
  expect(await groups.describe('g')).toMatchObject({ value: null })
})

test('the deletion of a topic is over when its offsets are, however long the disk takes', async () => {
  const bench = await GroupBench.start({ durability: 'manual' })
  await bench.settled(commit(bench, 'orders', 0, 5n))
  let isOver = false
  const forgotten = bench.groups.onTopicDeleted('orders').then(() => (isOver = true))
  for (let minute = 0; minute < 3; minute++) {
    await settle()
    bench.clock.advance(60_000)
  }
  await settle()
  expect(isOver).toBe(false)
  await bench.settled(forgotten)
  expect(isOver).toBe(true)
})

test('while a stalled disk has too much to take already, clients are told at once', async () => {
  const bench = await GroupBench.start({ durability: 'manual' })
  await bench.groups.ready()
  const metadata = 'm'.repeat(4096)
  const outcomes: string[] = []
  for (let count = 0; count < 2000 && outcomes.length === 0; count++) {
    void commit(bench, 'orders', 0, 5n, 'g', metadata).then(({ topics }) =>
      outcomes.push(topics[0]!.partitions[0]!.error)
    )
    await settle()
  }
  expect(outcomes).toEqual(['COORDINATOR_NOT_AVAILABLE'])
  // Who writes nothing waits, and a heartbeat counts: nobody is out because the disk is slow.
  const member = { groupId: 'g', memberId: 'm', groupInstanceId: null, generationId: 1 }
  const beat = bench.groups.heartbeat(member)
  await settle()
  expect((await bench.groups.deleteGroups(['g']))[0]?.error).toBe('COORDINATOR_NOT_AVAILABLE')
  bench.sync()
  await settle()
  bench.sync()
  expect(await beat).toBe('UNKNOWN_MEMBER_ID')
  bench.sync()
  await settle()
  const last = await bench.settled(commit(bench, 'orders', 0, 6n))
  expect(last.topics[0]?.partitions[0]?.error).toBe('NONE')
})

test('a commit that cannot be written was never there, and its group goes on', async () => {
  const bench = await GroupBench.start({ durability: 'manual' })
  await bench.settled(commit(bench, 'orders', 0, 5n))
  const failing = commit(bench, 'orders', 0, 6n)
  const fetching = fetched(bench)
  await settle()
  for (const log of bench.logs) log.fail()
  expect((await failing).topics[0]?.partitions[0]?.error).toBe('NOT_COORDINATOR')
  expect(await fetching).toBe('NOT_COORDINATOR')
  await settle()
  expect(await fetched(bench)).toEqual([['orders', 0, 5n]])
  expect(bench.broken).toEqual([])
})

test('a SyncGroup whose generation cannot be written is sent elsewhere', async () => {
  const bench = await GroupBench.start({ durability: 'manual' })
  await bench.groups.ready()
  const joining = bench.groups.join(joinRequest(), caller(3))
  await settle()
  bench.sync()
  await settle()
  bench.clock.advance(0)
  const { memberId } = await joining
  const syncing = bench.groups.sync(syncRequest({ memberId }))
  await settle()
  for (const log of bench.logs) log.fail()
  expect((await syncing).error).toBe('NOT_COORDINATOR')
  await settle()
  // The group is what its records say: empty, as it was when it began.
  expect(await bench.groups.describe('g')).toMatchObject({ value: { state: 'Empty', members: [] } })
})

test('groups are the same after a restart, and members go on without joining again', async () => {
  const bench = await GroupBench.start()
  const memberId = await bench.formGroup('g')
  await bench.formGroup('other')
  await commit(bench, 'orders', 0, 5n, 'simple')
  const before = await described(bench)
  await bench.restart()
  expect(await described(bench)).toEqual(before)
  expect(await fetched(bench, 'simple')).toEqual([['orders', 0, 5n]])
  const member = { groupId: 'g', memberId, groupInstanceId: null, generationId: 1 }
  bench.clock.advance(9_999)
  expect(await bench.groups.heartbeat(member)).toBe('NONE')
  const sync = await bench.groups.sync(syncRequest({ memberId }))
  expect(sync.assignment.toString()).toBe('all')
})

test('the generation goes on counting after a restart', async () => {
  const bench = await GroupBench.start()
  const memberId = await bench.formGroup('g')
  await bench.groups.leave('g', [{ memberId, groupInstanceId: null, reason: null }])
  await bench.restart()
  const joining = bench.groups.join(joinRequest(), caller(3))
  await settle()
  bench.clock.advance(0)
  expect((await joining).generationId).toBe(3)
})

test('members that a restart finds gone are out after their session', async () => {
  const bench = await GroupBench.start()
  await bench.formGroup('g')
  await bench.restart()
  bench.clock.advance(10_000)
  await settle()
  expect(await bench.groups.describe('g')).toMatchObject({ value: { state: 'Empty' } })
})

test('commits for a deleted topic are forgotten, even by a broker that was down', async () => {
  const bench = await GroupBench.start()
  bench.topics.set('payments', 1)
  await commit(bench, 'orders', 0, 5n)
  await commit(bench, 'payments', 0, 6n)
  bench.topics.delete('orders')
  await bench.groups.onTopicDeleted('orders')
  expect(await fetched(bench)).toEqual([['payments', 0, 6n]])
  bench.topics.delete('payments')
  await bench.restart()
  bench.topics.set('payments', 1)
  expect(await fetched(bench)).toEqual([])
})

test('commits for a deleted topic are forgotten durably before the deletion is over', async () => {
  const bench = await GroupBench.start({ durability: 'manual' })
  await bench.settled(commit(bench, 'orders', 0, 5n))
  let isOver = false
  const forgotten = bench.groups.onTopicDeleted('orders').then(() => (isOver = true))
  await settle()
  expect(isOver).toBe(false)
  await bench.settled(forgotten)
  expect(isOver).toBe(true)
})

test('groups of all partitions are listed, and deleted in the order of the request', async () => {
  const bench = await GroupBench.start()
  const names = ['a', 'b', 'c', 'd', 'e']
  for (const name of names) await commit(bench, 'orders', 0, 5n, name)
  await bench.formGroup('busy')
  const listed = await bench.groups.list([], [])
  expect(listed.ok && listed.value.map(({ groupId }) => groupId).sort()).toEqual([
    'a',
    'b',
    'busy',
    'c',
    'd',
    'e'
  ])
  const deleted = await bench.groups.deleteGroups(['busy', 'a', 'missing', 'c', 'a'])
  expect(deleted).toEqual([
    { groupId: 'busy', error: 'NON_EMPTY_GROUP' },
    { groupId: 'a', error: 'NONE' },
    { groupId: 'missing', error: 'GROUP_ID_NOT_FOUND' },
    { groupId: 'c', error: 'NONE' }
  ])
  const left = await bench.groups.list(['empty'], ['classic'])
  expect(left.ok && left.value.map(({ groupId }) => groupId).sort()).toEqual(['b', 'd', 'e'])
})

test('offsets do not expire by a wall clock that has jumped, until it has gone on for an hour', async () => {
  const dayMs = 24 * 3_600_000
  const bench = await GroupBench.start()
  await commit(bench, 'orders', 0, 5n)
  const startMs = bench.clock.wallMs()
  const later = async (minutes: number): Promise<unknown> => {
    bench.clock.advance(minutes * 60_000)
    await settle()
    return fetched(bench)
  }
  bench.clock.setWallMs(startMs + 30 * dayMs)
  expect(await later(20)).toEqual([['orders', 0, 5n]])
  bench.clock.setWallMs(startMs + 20 * 60_000)
  expect(await later(120)).toEqual([['orders', 0, 5n]])
  bench.clock.setWallMs(startMs + 30 * dayMs)
  expect(await later(60)).toEqual([['orders', 0, 5n]])
  expect(await later(10)).toEqual([])
})

test('offsets expire after offsets.retention.minutes', async () => {
  const configs = {
    'offsets.retention.minutes': '1',
    'offsets.retention.check.interval.ms': '10000'
  }
  const bench = await GroupBench.start({ configs })
  await commit(bench, 'orders', 0, 5n)
  bench.clock.advance(59_999)
  await settle()
  expect(await fetched(bench)).toEqual([['orders', 0, 5n]])
  bench.clock.advance(10_001)
  await settle()
  expect(await fetched(bench)).toEqual([])
  expect(await bench.groups.list([], [])).toMatchObject({ value: [] })
})

test('after close nobody waits any more, and whoever comes is sent elsewhere', async () => {
  const bench = await GroupBench.start({ configs: { 'group.initial.rebalance.delay.ms': '3000' } })
  const parked = bench.groups.join(joinRequest(), caller(3))
  await settle()
  await bench.groups.close()
  expect((await parked).error).toBe('NOT_COORDINATOR')
  expect(await fetched(bench)).toBe('COORDINATOR_NOT_AVAILABLE')
  const member = { groupId: 'g', memberId: 'm', groupInstanceId: null, generationId: 1 }
  expect(await bench.groups.heartbeat(member)).toBe('COORDINATOR_NOT_AVAILABLE')
  expect(bench.clock.pendingCount).toBe(0)
})

async function described(bench: GroupBench): Promise<unknown> {
  const names = ['g', 'other', 'simple', 'missing']
  return Promise.all(names.map(name => bench.groups.describe(name)))
}
