import type { Partition } from '../../src/partition/partition.ts'
import {
  batchOf,
  isDone,
  maxTimestampOf,
  presentTopic,
  type PartitionModel,
  type Sent
} from './plane-model.ts'
import { topicRules, type TopicRules } from './plane-topics.ts'
import { whenAnswered, type World } from './plane-world.ts'
import { demand, Violation } from './violation.ts'

/** Partitions whose retention is under way: the broker does one of a partition at a time. */
const underWay = new WeakSet<Partition>()

/** Lets the partitions of a topic delete what its configs no longer want, as the broker does. */
export function retain(world: World, name: string): void {
  const topic = presentTopic(world.model, name)
  if (topic === undefined || topic.deletion !== null || !isDone(topic)) return
  for (const [index, model] of topic.partitions.entries()) {
    const partition = world.plane.cluster.partition(name, index)
    if (partition === undefined) throw new Violation('lost', `the topic ${name}`)
    retainPartition(world, partition, model, topicRules(name))
  }
}

function retainPartition(
  world: World,
  partition: Partition,
  model: PartitionModel,
  rules: TopicRules
): void {
  if (underWay.has(partition)) return
  underWay.add(partition)
  const started = world.life.now
  const from = partition.logStartOffset
  const wallMs = world.clock.wallMs()
  const sent = [...model.sent]
  const { highWatermark } = partition
  const answer = partition.applyRetention(wallMs)
  // How far it goes is known when it is done; nothing that consumers have not seen goes.
  const deletion = { started, done: null as number | null, offset: highWatermark }
  model.deletions.push(deletion)
  void whenAnswered(world, answer, applied => {
    underWay.delete(partition)
    if (!applied.ok) return
    deletion.offset = applied.value.logStartOffset
    deletion.done = world.life.now
    const cut = { from, to: deletion.offset, highWatermark, wallMs }
    checkRetention(`${partition.topic}-${partition.partition}`, sent, cut, { model, rules })
  })
}

/** Only what is too old, or too much, may go; unless a client deletes records meanwhile. */
function checkRetention(
  name: string,
  sent: readonly Sent[],
  cut: { from: number; to: number; highWatermark: number; wallMs: number },
  { model, rules }: { model: PartitionModel; rules: TopicRules }
): void {
  const { from, to, highWatermark, wallMs } = cut
  const deleted = Math.max(0, ...model.deletions.filter(isDone).map(each => each.offset))
  if (deleted > to || to === from) return
  demand(to <= highWatermark, 'lost', () => `retention of ${name} up to ${to}`)
  const { retentionMs, retentionBytes } = rules
  let size = 0
  for (const each of sent) if (each.baseOffset >= to) size += batchOf(each).length
  const isTooMuch = retentionBytes >= 0 && size >= retentionBytes
  const isDeleted = (offset: number): boolean =>
    model.deletions.some(each => each.byClient === true && each.offset > offset)
  for (const each of sent) {
    if (isTooMuch || each.baseOffset < from || each.baseOffset >= to) continue
    const isOld = retentionMs !== null && wallMs - maxTimestampOf(each) > retentionMs
    const mayGo = isOld || isDeleted(each.baseOffset)
    demand(mayGo, 'lost', () => `retention took batch ${each.id} of ${name}`)
  }
}
