import { stampLogAppendTime } from '../../src/record/batch.ts'
import { buildBatch } from '../../src/record/records.ts'

// What clients asked of a broker and what they were told, in plain data and plain words: the other
// half of every check. Moments are counts of steps on the disk (`Life.now`).

/** Stands for every moment of the lives before the present one. */
export const earlier = -1

/** Something that a client asked for. */
export interface Action {
  started: number
  /** When it was acknowledged; null: not yet, or never. */
  done: number | null
}

/** A batch on its way into a partition, or there. */
export interface Sent extends Action {
  /** Unique in a run; the content follows from it. */
  readonly id: number
  readonly count: number
  readonly valueSize: number
  readonly timestampMs: number
  /** When the broker took it, in a topic that keeps that time; null in others. */
  readonly appendTimeMs: number | null
  readonly producerId: number | null
  readonly baseSequence: number
  readonly baseOffset: number
}

export interface PartitionModel {
  /** Those that may be in the log, in the order of their offsets. */
  sent: Sent[]
  /** By DeleteRecords and by retention: the records before an offset. */
  deletions: (Action & { offset: number; readonly byClient?: boolean })[]
  /** Where consumers saw the log begin and end. */
  seen: { readonly moment: number; readonly start: number; readonly end: number }[]
  leaderEpochs: { readonly moment: number; readonly leaderEpoch: number }[]
}

/** One topic in its time: another one of the same name is another one. */
export interface TopicModel extends Action {
  readonly name: string
  /** Null until the creation is acknowledged. */
  topicId: string | null
  deletion: Action | null
  readonly partitions: PartitionModel[]
  /** Values of the config that the workload changes. */
  configs: (Action & { readonly value: string | null })[]
}

/** A committed offset, or null where it was taken away. */
export type Commit = Action & { readonly value: string | null }

export interface GroupModel {
  memberId: string
  /** Generations that a member was told with its assignment. */
  generations: { readonly moment: number; readonly generation: number }[]
  /** By `topic/partition`. */
  commits: Record<string, Commit[]>
  /** Every offset that was ever committed: in the mode `os` the power may bring old ones back. */
  readonly everCommitted: string[]
}

export interface PlaneModel {
  /** Of each name the present incarnation, and those before it. */
  topics: TopicModel[]
  groups: Record<string, GroupModel>
  producerIds: { readonly moment: number; readonly producerId: number }[]
  /** When the present life was open for clients; null while it is not. */
  opened: number | null
  closing: Action | null
  /** Whether any life was ever open: from then on there is something to recover. */
  wasEverOpen: boolean
}

export function newModel(): PlaneModel {
  return {
    topics: [],
    groups: {},
    producerIds: [],
    opened: null,
    closing: null,
    wasEverOpen: false
  }
}

export function newPartition(): PartitionModel {
  return { sent: [], deletions: [], seen: [], leaderEpochs: [] }
}

/** The last topic of this name that was asked for, unless its deletion was acknowledged. */
export function presentTopic(model: PlaneModel, name: string): TopicModel | undefined {
  const last = model.topics.findLast(topic => topic.name === name)
  return last !== undefined && isDone(last.deletion) ? undefined : last
}

export function group(model: PlaneModel, name: string): GroupModel {
  return (model.groups[name] ??= {
    memberId: '',
    generations: [],
    commits: {},
    everCommitted: []
  })
}

export function isDone(action: Action | null): boolean {
  return action !== null && action.done !== null
}

/** The offset behind the last batch that may be there. */
export function sentEnd(partition: PartitionModel): number {
  const last = partition.sent.at(-1)
  return last === undefined ? 0 : last.baseOffset + last.count
}

/** The offset below which everything was acknowledged, or shown to a consumer. */
export function promisedEnd(partition: PartitionModel): number {
  let end = 0
  for (const sent of partition.sent) if (isDone(sent)) end = sent.baseOffset + sent.count
  for (const seen of partition.seen) end = Math.max(end, seen.end)
  return end
}

/** Takes back what happened after `moment` of the present life: it came to an end there. */
export function rollBack(model: PlaneModel, moment: number): void {
  const undo = (action: Action): void => {
    if (action.done !== null && action.done > moment) action.done = null
  }
  const begun = <T extends Action>(actions: readonly T[]): T[] => {
    const kept = actions.filter(({ started }) => started < moment)
    for (const action of kept) undo(action)
    return kept
  }
  const past = <T extends { readonly moment: number }>(events: readonly T[]): T[] =>
    events.filter(event => event.moment <= moment)
  model.topics = begun(model.topics)
  for (const topic of model.topics) {
    if (topic.done === null) topic.topicId = null
    if (topic.deletion !== null && topic.deletion.started >= moment) topic.deletion = null
    if (topic.deletion !== null) undo(topic.deletion)
    topic.configs = begun(topic.configs)
    for (const partition of topic.partitions) {
      partition.sent = begun(partition.sent)
      partition.deletions = begun(partition.deletions)
      partition.seen = past(partition.seen)
      partition.leaderEpochs = past(partition.leaderEpochs)
    }
  }
  for (const each of Object.values(model.groups)) {
    each.generations = past(each.generations)
    for (const [key, commits] of Object.entries(each.commits)) each.commits[key] = begun(commits)
  }
  model.producerIds = past(model.producerIds)
  if (model.opened !== null && model.opened > moment) model.opened = null
  if (model.closing !== null && model.closing.started >= moment) model.closing = null
  if (model.closing !== null) undo(model.closing)
}

/**
 * What may be found of something that changes: what the last acknowledged change made of it, or any
 * later one that was begun.
 */
export function candidates<T>(
  changes: readonly (Action & { readonly value: T })[],
  initial: T
): readonly T[] {
  const last = changes.findLastIndex(isDone)
  const values = changes.slice(Math.max(last, 0)).map(({ value }) => value)
  return last === -1 ? [initial, ...values] : values
}

/** The batch that a client sends. Its records tell whose they are. */
export function batchOf(sent: Sent): Buffer {
  const { id, count, valueSize, timestampMs, producerId, baseSequence } = sent
  const records = Array.from({ length: count }, (_, index) => ({
    key: Buffer.from(`${id}/${index}`),
    value: Buffer.alloc(valueSize, `${id}/${index} `),
    timestampMs: timestampMs + index
  }))
  const sequence = producerId === null ? {} : { producerId, producerEpoch: 0, baseSequence }
  return buildBatch({ records, ...sequence })
}

/** The batch that consumers get, but for its offset and leader epoch. */
export function storedBatchOf(sent: Sent): Buffer {
  const batch = batchOf(sent)
  if (sent.appendTimeMs !== null) stampLogAppendTime(batch, 0, sent.appendTimeMs)
  return batch
}

/** The largest timestamp of its records, ms. */
export function maxTimestampOf({ appendTimeMs, timestampMs, count }: Sent): number {
  return appendTimeMs ?? timestampMs + count - 1
}
