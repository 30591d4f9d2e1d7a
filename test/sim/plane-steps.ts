import { unreachable } from '../../src/base/assert.ts'
import type { Partition } from '../../src/partition/partition.ts'
import { consumerOffsetsTopic } from '../../src/cluster/topic-name.ts'
import { spaceCheckIntervalMs } from '../../src/limits.ts'
import { zeroUuid } from '../../src/wire/uuid.ts'
import { changedConfig, checkBatches, readUnlessRefused } from './plane-check.ts'
import {
  batchOf,
  group,
  isDone,
  newPartition,
  presentTopic,
  sentEnd,
  type Action,
  type PartitionModel,
  type Sent,
  type TopicModel
} from './plane-model.ts'
import { compact } from './plane-compaction.ts'
import { joinAndSync, leaveGroup } from './plane-group-steps.ts'
import { retain } from './plane-retention.ts'
import { settle, whenAnswered, type World } from './plane-world.ts'
import { topicIndex, topicName, topicRules } from './plane-topics.ts'
import { demand, Violation } from './violation.ts'

/** What a client does; numbers choose among the few names that there are. */
export type PlaneStep =
  | {
      readonly type: 'produce'
      readonly topic: number
      readonly partition: number
      /** 0 and 1 are idempotent producers, others are plain. */
      readonly producer: number
      readonly count: number
      readonly valueSize: number
    }
  | {
      readonly type: 'retry'
      readonly topic: number
      readonly partition: number
      readonly producer: number
      /** How many batches ago. */
      readonly back: number
    }
  | {
      readonly type: 'createTopic' | 'deleteTopic' | 'alterTopic' | 'retain' | 'compact'
      readonly topic: number
    }
  | {
      readonly type: 'deleteRecords'
      readonly topic: number
      readonly partition: number
      readonly share: number
    }
  | {
      readonly type: 'commit'
      readonly group: number
      readonly topic: number
      readonly partition: number
    }
  | { readonly type: 'join' | 'leave' | 'deleteGroup'; readonly group: number }
  | { readonly type: 'newProducer'; readonly producer: number }
  | { readonly type: 'advance'; readonly ms: number }
  | { readonly type: 'look' }
  /** The broker has to take records now. */
  | { readonly type: 'serve' }
  | { readonly type: 'settle' }

/** Does one step; what it asks for may be answered later. */
export async function doStep(world: World, step: PlaneStep): Promise<void> {
  switch (step.type) {
    case 'produce':
      return produce(world, step)
    case 'retry':
      return retry(world, step)
    case 'createTopic':
      return createTopic(world, topicName(step.topic))
    case 'deleteTopic':
      return deleteTopic(world, topicName(step.topic))
    case 'alterTopic':
      return alterTopic(world, topicName(step.topic))
    case 'retain':
      return retain(world, topicName(step.topic))
    case 'compact':
      return compact(world, topicName(step.topic))
    case 'deleteRecords':
      return deleteRecords(world, step)
    case 'commit':
      return commit(world, step)
    case 'join':
      return joinAndSync(world, groupName(step.group))
    case 'leave':
      return leaveGroup(world, groupName(step.group))
    case 'deleteGroup':
      return deleteGroup(world, groupName(step.group))
    case 'newProducer':
      return newProducer(world, step.producer)
    case 'advance':
      return world.clock.advance(step.ms)
    case 'look':
      return look(world)
    case 'serve':
      return serve(world)
    case 'settle':
      return settle(world)
    default:
      unreachable(step)
  }
}

function groupName(index: number): string {
  return `group-${index % 2}`
}

interface Target {
  readonly topic: TopicModel
  readonly partition: Partition
  readonly model: PartitionModel
}

/** The partition that a step means; null when its topic is not there, or about to go. */
function target(
  { plane, model }: World,
  step: { readonly topic: number; readonly partition: number }
): Target | null {
  const topic = presentTopic(model, topicName(step.topic))
  if (topic === undefined || topic.deletion !== null || !isDone(topic)) return null
  const index = step.partition % topic.partitions.length
  const partition = plane.cluster.partition(topic.name, index)
  if (partition === undefined) throw new Violation('lost', `the topic ${topic.name}`)
  return { topic, partition, model: topic.partitions[index]! }
}

function produce(world: World, step: PlaneStep & { type: 'produce' }): void {
  const { life, clock, producers, plane } = world
  const to = target(world, step)
  if (to === null) return
  const producerId = producers.get(step.producer) ?? null
  const hasFailed = plane.failure !== null
  const sent: Sent = {
    started: life.now,
    done: null,
    id: world.nextId(),
    count: step.count,
    valueSize: step.valueSize,
    timestampMs: clock.wallMs(),
    appendTimeMs: topicRules(to.topic.name).stampsTime ? clock.wallMs() : null,
    producerId,
    baseSequence: producerId === null ? -1 : nextSequence(to.model, producerId),
    baseOffset: to.partition.logEndOffset
  }
  const answer = to.partition.append(batchOf(sent), { acks: -1, produceVersion: 11 })
  if (hasFailed || to.partition.logEndOffset === sent.baseOffset) {
    // Nothing was taken: the disk is full, or has failed.
    void whenAnswered(world, answer, result => {
      demand(!result.ok, 'wrong answer', () => 'an append is acknowledged and not there')
    })
    return
  }
  to.model.sent.push(sent)
  void whenAnswered(world, answer, result => {
    if (!result.ok) return
    const { baseOffset } = result.value
    demand(baseOffset === sent.baseOffset, 'wrong answer', () => {
      return `what went to ${sent.baseOffset} is acknowledged at ${baseOffset}`
    })
    sent.done = life.now
  })
}

function nextSequence({ sent }: PartitionModel, producerId: number): number {
  const last = sent.findLast(each => each.producerId === producerId)
  return last === undefined ? 0 : last.baseSequence + last.count
}

/** Sends again what was sent before, as a client does that has not heard of it. */
function retry(world: World, step: PlaneStep & { type: 'retry' }): void {
  const to = target(world, step)
  if (to === null) return
  const producerId = world.producers.get(step.producer)
  const mine = to.model.sent.filter(each => each.producerId === producerId)
  const sent = mine.at(-1 - (step.back % 4))
  if (producerId === undefined || sent === undefined) return
  // What DeleteRecords took is not remembered across a start.
  const deleted = Math.max(0, ...to.model.deletions.map(({ offset }) => offset))
  if (sent.baseOffset < deleted) return
  const end = to.partition.logEndOffset
  const answer = to.partition.append(batchOf(sent), { acks: -1, produceVersion: 11 })
  demand(to.partition.logEndOffset === end, 'duplicated', () => `batch ${sent.id} by a retry`)
  void whenAnswered(world, answer, result => {
    if (!result.ok) {
      const isKnown = result.error !== 'OUT_OF_ORDER_SEQUENCE_NUMBER'
      demand(isKnown, 'forgotten', () => `batch ${sent.id}, which is sent again`)
      return
    }
    demand(result.value.baseOffset === sent.baseOffset, 'duplicated', () => `batch ${sent.id}`)
    sent.done ??= world.life.now
  })
}

function createTopic(world: World, name: string): void {
  const { life, model, plane } = world
  if (presentTopic(model, name) !== undefined) return
  const topic: TopicModel = {
    name,
    started: life.now,
    done: null,
    topicId: null,
    deletion: null,
    partitions: [newPartition(), newPartition()],
    configs: []
  }
  model.topics.push(topic)
  const wanted = {
    name,
    numPartitions: topic.partitions.length,
    replicationFactor: -1,
    assignments: [],
    configs: Object.entries(topicRules(name).configs).map(([key, value]) => ({ name: key, value }))
  }
  const answer = plane.cluster.createTopics([wanted], { validateOnly: false })
  void whenAnswered(world, answer, created => {
    const plan = created.get(name)
    if (plan?.ok !== true) return
    topic.topicId = plan.value.topicId
    topic.done = life.now
  })
}

function deleteTopic(world: World, name: string): void {
  const { life, model, plane } = world
  const topic = presentTopic(model, name)
  if (topic === undefined || topic.deletion !== null || topic.topicId === null) return
  const deletion: Action = { started: life.now, done: null }
  topic.deletion = deletion
  const forgotten = Object.values(model.groups).flatMap(each => {
    const keys = Object.keys(each.commits).filter(key => key.startsWith(`${name}/`))
    return keys.map(key => {
      const commit = { started: life.now, done: null as number | null, value: null }
      each.commits[key]!.push(commit)
      return commit
    })
  })
  void whenAnswered(world, plane.cluster.deleteTopics([topic.topicId]), answers => {
    if (![...answers.values()].every(answer => answer.ok)) return
    const done = life.now
    deletion.done = done
    // A group that cannot be read keeps what was committed to a topic of that name.
    if (life.files.faults.hasHit(`/${consumerOffsetsTopic}-`)) return
    for (const action of forgotten) action.done = done
  })
}

function alterTopic(world: World, name: string): void {
  const { life, model, plane } = world
  const topic = presentTopic(model, name)
  if (topic === undefined || topic.deletion !== null || topic.topicId === null) return
  const value = String(1_000_000 + world.nextId())
  const change = { started: life.now, done: null as number | null, value }
  topic.configs.push(change)
  const answer = plane.cluster.alterConfigs(
    [
      {
        resourceType: 'TOPIC',
        resourceName: name,
        replacesAll: false,
        operations: [{ name: changedConfig, type: 'SET', value }]
      }
    ],
    { validateOnly: false }
  )
  void whenAnswered(world, answer, ([altered]) => {
    if (altered?.ok === true) change.done = life.now
  })
}

function deleteRecords(world: World, step: PlaneStep & { type: 'deleteRecords' }): void {
  const to = target(world, step)
  if (to === null) return
  const { logStartOffset, highWatermark } = to.partition
  const offset = logStartOffset + Math.ceil((highWatermark - logStartOffset) * step.share)
  const started = world.life.now
  const deletion = { started, done: null as number | null, offset, byClient: true }
  to.model.deletions.push(deletion)
  void whenAnswered(world, to.partition.deleteRecords(offset), deleted => {
    if (deleted.ok) deletion.done = world.life.now
  })
}

function commit(world: World, step: PlaneStep & { type: 'commit' }): void {
  const { life, model, plane } = world
  const to = target(world, step)
  if (to === null) return
  const name = groupName(step.group)
  const members = group(model, name)
  // A group with a member takes the offsets of that member only.
  const generationId = members.memberId === '' ? -1 : (members.generations.at(-1)?.generation ?? -1)
  const offset = sentEnd(to.model)
  const metadata = `commit ${world.nextId()}`
  const change = { started: life.now, done: null as number | null, value: `${offset} ${metadata}` }
  const partition = to.partition.partition
  const commits = (members.commits[`${to.topic.name}/${partition}`] ??= [])
  commits.push(change)
  members.everCommitted.push(change.value)
  const answer = plane.groups.commitOffsets({
    groupId: name,
    memberId: members.memberId,
    groupInstanceId: null,
    generationId,
    retentionTimeMs: -1,
    apiVersion: 9,
    topics: [
      {
        topic: to.topic.name,
        topicId: zeroUuid,
        partitions: [
          {
            partition,
            committedOffset: BigInt(offset),
            committedLeaderEpoch: -1,
            metadata,
            commitTimestampMs: -1
          }
        ]
      }
    ]
  })
  void whenAnswered(world, answer, reply => {
    if (reply.topics[0]?.partitions[0]?.error === 'NONE') change.done = life.now
    else if (life.files.faults.met.size === 0) commits.splice(commits.indexOf(change), 1)
  })
}

async function deleteGroup(world: World, name: string): Promise<void> {
  const { life, model, plane } = world
  const known = group(model, name)
  if (known.memberId !== '') return
  await settle(world)
  const forgotten = Object.values(known.commits).map(commits => {
    const change = { started: life.now, done: null as number | null, value: null }
    commits.push(change)
    return { commits, change }
  })
  const answer = whenAnswered(world, plane.groups.deleteGroups([name]), ([deleted]) => {
    for (const { commits, change } of forgotten) {
      if (deleted?.error === 'NONE') change.done = life.now
      else if (life.files.faults.met.size === 0) commits.splice(commits.indexOf(change), 1)
    }
    if (deleted?.error === 'NONE') known.generations = []
  })
  await settle(world, answer)
}

function newProducer(world: World, producer: number): void {
  const { life, model, plane, producers } = world
  void whenAnswered(world, plane.cluster.nextProducerId(), answer => {
    if (!answer.ok) return
    const producerId = answer.value
    const isNew = model.producerIds.every(each => each.producerId !== producerId)
    demand(isNew, 'duplicated', () => `producer id ${producerId}`)
    model.producerIds.push({ moment: life.now, producerId })
    producers.set(producer, producerId)
  })
}

/** Sends records everywhere once the broker has had time to notice that nothing is in its way. */
async function serve(world: World): Promise<void> {
  const { model, plane, clock, life } = world
  const { faults } = life.files
  clock.advance(spaceCheckIntervalMs)
  for (const topic of model.topics) {
    if (topic.deletion !== null || !isDone(topic)) continue
    for (const partition of topic.partitions.keys()) {
      if (plane.storage.unreadable.includes(`/data/${topic.name}-${partition}`)) continue
      const { sent } = topic.partitions[partition]!
      const refused = faults.refusals.length
      const count = sent.length
      const index = topicIndex(topic.name)
      produce(world, {
        type: 'produce',
        topic: index,
        partition,
        producer: 2,
        count: 1,
        valueSize: 9
      })
      await settle(world)
      // What is refused in this very moment is another matter.
      if (plane.failure !== null || faults.refusals.length > refused) return
      const isTaken = sent.length > count && isDone(sent.at(-1)!)
      demand(isTaken, 'stuck', () => `${topic.name}-${partition} takes no records any more`)
    }
  }
}

/** Reads as consumers do; what they have seen must stay. */
async function look(world: World): Promise<void> {
  const { life, model, plane } = world
  for (const topic of model.topics) {
    if (topic.deletion !== null || !isDone(topic)) continue
    for (const [index, known] of topic.partitions.entries()) {
      const partition = plane.cluster.partition(topic.name, index)
      if (partition === undefined) throw new Violation('lost', `the topic ${topic.name}`)
      const { logStartOffset, highWatermark } = partition
      known.seen.push({ moment: life.now, start: logStartOffset, end: highWatermark })
      known.leaderEpochs.push({ moment: life.now, leaderEpoch: partition.leaderEpoch })
      const found = await readUnlessRefused(partition, life.files.faults)
      if (found === null) continue
      const name = `${topic.name}-${index}`
      checkBatches(name, found, { sent: known.sent, fromOffset: partition.logStartOffset })
    }
  }
}
