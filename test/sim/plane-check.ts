import {
  baseOffset,
  batchPositions,
  batchSize,
  lastOffset,
  partitionLeaderEpoch
} from '../../src/record/batch.ts'
import type { Partition } from '../../src/partition/partition.ts'
import { consumerOffsetsTopic } from '../../src/cluster/topic-name.ts'
import type { DiskFaults } from './disk-faults.ts'
import type { Plane } from './plane.ts'
import {
  candidates,
  earlier,
  isDone,
  promisedEnd,
  sentEnd,
  storedBatchOf,
  type Action,
  type PartitionModel,
  type PlaneModel,
  type Sent,
  type TopicModel
} from './plane-model.ts'
import { demand, Violation } from './violation.ts'

/** A batch as a consumer gets it. */
export interface FoundBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly leaderEpoch: number
  readonly bytes: Buffer
}

/** Reads what a consumer may see of a partition, from its start on. */
export async function readAll(partition: Partition): Promise<readonly FoundBatch[]> {
  const found: FoundBatch[] = []
  let fromOffset = partition.logStartOffset
  while (fromOffset < partition.highWatermark) {
    const read = await partition.read({
      fromOffset,
      maxBytes: 16 * 1024,
      isolationLevel: 'READ_UNCOMMITTED',
      currentLeaderEpoch: -1,
      minOneBatch: true
    })
    const name = `${partition.topic}-${partition.partition}`
    if (!read.ok && read.error === 'OFFSET_OUT_OF_RANGE' && fromOffset < partition.logStartOffset) {
      // DeleteRecords came in between.
      fromOffset = partition.logStartOffset
      found.length = 0
      continue
    }
    if (!read.ok) {
      throw new Violation('damaged', `${name} at ${fromOffset}: ${read.error} ${read.detail}`)
    }
    const { bytes } = read.value
    demand(bytes.length > 0, 'stuck', () => `${name} gives nothing at ${fromOffset}`)
    for (const at of batchPositions(bytes)) {
      found.push({
        baseOffset: baseOffset(bytes, at),
        lastOffset: lastOffset(bytes, at),
        leaderEpoch: partitionLeaderEpoch(bytes, at),
        bytes: Buffer.from(bytes.subarray(at, at + batchSize(bytes, at)))
      })
      fromOffset = lastOffset(bytes, at) + 1
    }
    read.value.release()
  }
  return found
}

/** The part of a batch that its producer wrote: all but the offset and the leader epoch. */
const producedAt = 16

/**
 * Compares what is found in a partition with what was sent.
 *
 * @param found what a consumer gets that reads from `fromOffset` on
 * @throws Violation
 */
export function checkBatches(
  name: string,
  found: readonly FoundBatch[],
  { sent, fromOffset }: { readonly sent: readonly Sent[]; readonly fromOffset: number }
): void {
  const first = found[0]
  if (first === undefined) return
  demand(first.baseOffset <= fromOffset, 'lost', () => `${name} from ${fromOffset} on`)
  const skipped = sent.findIndex(each => each.baseOffset === first.baseOffset)
  demand(skipped !== -1, 'foreign', () => `${name} begins with a batch at ${first.baseOffset}`)
  let leaderEpoch = -1
  for (const [index, batch] of found.entries()) {
    const expected = sent[skipped + index]
    const place = `${name} at ${batch.baseOffset}`
    if (expected === undefined) throw new Violation('foreign', `${place}: nobody sent it`)
    demand(batch.baseOffset === expected.baseOffset, 'reordered', () => {
      return `${place} is found what was sent to ${expected.baseOffset}`
    })
    const isSame = batch.bytes
      .subarray(producedAt)
      .equals(storedBatchOf(expected).subarray(producedAt))
    if (!isSame) throw new Violation(whatIs(batch, sent, expected), `${place}, not ${expected.id}`)
    demand(batch.leaderEpoch >= leaderEpoch, 'wrong answer', () => `${place}: epochs fall`)
    leaderEpoch = batch.leaderEpoch
  }
}

/** Why another batch than expected is found. */
function whatIs(batch: FoundBatch, sent: readonly Sent[], expected: Sent): Violation['kind'] {
  const produced = batch.bytes.subarray(producedAt)
  const other = sent.find(each => storedBatchOf(each).subarray(producedAt).equals(produced))
  if (other === undefined) return 'foreign'
  return other.baseOffset < expected.baseOffset ? 'duplicated' : 'reordered'
}

/** What is checked at a start. */
export interface StartCheck {
  /**
   * Whether acknowledged things must be there: always, but after a power cut in the mode `os`.
   */
  readonly keepsPromises: boolean
  /** How many acknowledged batches were found missing where they may be. */
  lostCount: number
  /** What the disk refuses in this life. */
  readonly faults: DiskFaults
}

/**
 * Holds a broker that has just started against what clients were told in its earlier lives, and
 * brings the model to what is there: from here on that is what clients see.
 *
 * @throws Violation
 */
export async function checkStart(
  plane: Plane,
  model: PlaneModel,
  check: StartCheck
): Promise<void> {
  checkCleanStart(plane, model, check)
  for (const name of new Set(model.topics.map(topic => topic.name))) {
    checkTopic(plane, model, name, check)
  }
  for (const topic of model.topics) {
    if (topic.deletion !== null) continue
    const { partitions } = plane.cluster.topic(topic.name)!
    for (const [index, partition] of topic.partitions.entries()) {
      await checkPartition(plane, partitions[index]!, partition, check)
    }
  }
  await checkCommits(plane, model, check)
  for (const group of Object.values(model.groups)) {
    const known = check.keepsPromises ? group.generations : []
    group.generations = known.map(each => ({ ...each, moment: earlier }))
  }
  model.producerIds = model.producerIds.map(each => ({ ...each, moment: earlier }))
  model.opened = null
  model.closing = null
}

function checkCleanStart(
  { storage }: Plane,
  { opened, closing, wasEverOpen }: PlaneModel,
  { faults }: StartCheck
): void {
  if (!wasEverOpen) return
  // A mark that cannot be read does not count: then all is checked.
  if (isDone(closing) && !faults.hasHit('/.kafka_cleanshutdown')) {
    demand(storage.cleanStart, 'forgotten', () => 'a shutdown in order is taken for a crash')
  }
  if (opened !== null && closing === null) {
    demand(!storage.cleanStart, 'returned', () => 'a crash is taken for a shutdown in order')
  }
}

function checkTopic(plane: Plane, model: PlaneModel, name: string, check: StartCheck): void {
  const topics = model.topics.filter(topic => topic.name === name)
  const found = plane.cluster.topic(name)
  const last = topics.at(-1)!
  const earlierTopics = topics.slice(0, -1)
  if (check.keepsPromises) {
    const isMissing = found === undefined && last.deletion === null && last.done !== null
    demand(!isMissing, 'lost', () => `the topic ${name}`)
    const isBack = found !== undefined && isDone(last.deletion)
    demand(!isBack, 'returned', () => `the topic ${name}`)
    const isOld = earlierTopics.some(({ topicId }) => topicId === found?.topicId)
    demand(!isOld, 'returned', () => `an earlier topic ${name}`)
    const isOther = last.topicId !== null && found !== undefined && found.topicId !== last.topicId
    demand(!isOther, 'foreign', () => `the topic ${name} has another id`)
  }
  const present = topics.findLast(topic => topic.topicId === found?.topicId) ?? last
  for (const topic of topics) {
    if (topic !== present || found === undefined)
      topic.deletion = { started: earlier, done: earlier }
  }
  if (found === undefined) return
  // Without promises an earlier topic may be back; those after it never were, then.
  const gone = new Set(topics.slice(topics.indexOf(present) + 1))
  model.topics = model.topics.filter(topic => !gone.has(topic))
  present.deletion = null
  present.started = earlier
  present.done = earlier
  present.topicId = found.topicId
  checkConfigs(found.configOverrides.get(changedConfig) ?? null, present, check)
}

/** The topic config that the workload changes: it has no effect on what is kept. */
export const changedConfig = 'max.message.bytes'

function checkConfigs(value: string | null, topic: TopicModel, check: StartCheck): void {
  const possible = candidates(topic.configs, null)
  const isPossible = !check.keepsPromises || possible.includes(value)
  demand(isPossible, 'lost', () => {
    return `${changedConfig} of ${topic.name} is ${value}, none of ${possible.join()}`
  })
  topic.configs = [{ started: earlier, done: earlier, value }]
}

async function checkPartition(
  plane: Plane,
  partition: Partition,
  model: PartitionModel,
  check: StartCheck
): Promise<void> {
  const name = `${partition.topic}-${partition.partition}`
  const { logStartOffset, highWatermark, logEndOffset } = partition
  checkLeaderEpoch(plane, partition, model, check)
  model.leaderEpochs = [{ moment: earlier, leaderEpoch: partition.leaderEpoch }]
  if (plane.storage.unreadable.includes(`/data/${name}`)) {
    demand(check.faults.hasHit(`/${name}`), 'damaged', () => `${name} is set apart`)
    return keepUnread(model, check)
  }
  demand(
    partition.opening.damage === null || check.faults.hasHit(`/${name}`),
    'damaged',
    () => `${name}: ${partition.opening.damage?.detail}`
  )
  demand(highWatermark === logEndOffset, 'lost', () => `${name} hides what it recovered`)
  const endMax = Math.max(sentEnd(model), model.seen.at(-1)?.end ?? 0)
  demand(logEndOffset <= endMax, 'foreign', () => {
    return `${name} ends at ${logEndOffset}, and ${endMax} was sent`
  })
  const promised = promisedEnd(model)
  if (check.keepsPromises) {
    demand(logEndOffset >= promised, 'lost', () => `${name} ends at ${logEndOffset} < ${promised}`)
    if (promised > 0) checkLogStart(name, logStartOffset, model)
  }
  const found = await readUnlessRefused(partition, check.faults)
  if (found !== null) {
    const isWhole = (found.at(-1)?.lastOffset ?? logStartOffset - 1) === logEndOffset - 1
    demand(isWhole, 'lost', () => `${name} ends before its end`)
    checkBatches(name, found, { sent: model.sent, fromOffset: logStartOffset })
  }
  const kept = model.sent.filter(sent => sent.baseOffset + sent.count <= logEndOffset)
  check.lostCount += model.sent.filter(isDone).length - kept.filter(isDone).length
  model.sent = kept.map(sent => ({ ...sent, started: earlier, done: earlier }))
  model.deletions = [{ started: earlier, done: earlier, offset: logStartOffset }]
  model.seen = [{ moment: earlier, start: logStartOffset, end: logEndOffset }]
}

/** What was known stays so through a life in which the disk does not give the partition back. */
function keepUnread(model: PartitionModel, check: StartCheck): void {
  for (const action of [...model.sent, ...model.deletions]) keepUntold(action, check)
  const seen = check.keepsPromises ? model.seen : []
  model.seen = seen.map(each => ({ ...each, moment: earlier }))
}

/** As it was when the life before ended: acknowledged, if that still counts, or open. */
function keepUntold(action: Action, { keepsPromises }: StartCheck): void {
  action.started = earlier
  if (action.done !== null) action.done = keepsPromises ? earlier : null
}

/**
 * What `readAll` gives; null where the disk refuses to give it back, which the partition has to
 * say.
 */
export async function readUnlessRefused(
  partition: Partition,
  faults: DiskFaults
): Promise<readonly FoundBatch[] | null> {
  try {
    return await readAll(partition)
  } catch (error) {
    const isRefused =
      error instanceof Violation &&
      error.kind === 'damaged' &&
      faults.hasHit(`/${partition.topic}-${partition.partition}/`)
    if (!isRefused) throw error
    return null
  }
}

function checkLogStart(name: string, logStartOffset: number, model: PartitionModel): void {
  const { deletions, seen } = model
  const lowest = Math.max(
    0,
    ...deletions.filter(isDone).map(({ offset }) => offset),
    ...seen.map(({ start }) => start)
  )
  const highest = Math.max(0, ...deletions.map(({ offset }) => offset))
  demand(logStartOffset >= lowest, 'returned', () => `${name} begins at ${logStartOffset} again`)
  demand(logStartOffset <= highest, 'lost', () => `${name} begins at ${logStartOffset}`)
}

function checkLeaderEpoch(
  { storage }: Plane,
  partition: Partition,
  model: PartitionModel,
  check: StartCheck
): void {
  const known = model.leaderEpochs.at(-1)?.leaderEpoch
  if (known === undefined || !check.keepsPromises) return
  const { leaderEpoch } = partition
  const fits = storage.cleanStart ? leaderEpoch === known : leaderEpoch > known
  demand(fits, 'forgotten', () => {
    const start = storage.cleanStart ? 'a start in order' : 'a crash'
    return `${partition.topic}-${partition.partition}: ${known}, then ${leaderEpoch} after ${start}`
  })
}

async function checkCommits(plane: Plane, model: PlaneModel, check: StartCheck): Promise<void> {
  for (const [name, group] of Object.entries(model.groups)) {
    if (await isRefused(plane, name, check)) {
      for (const commit of Object.values(group.commits).flat()) keepUntold(commit, check)
      continue
    }
    const found = await committed(plane, name)
    for (const key of new Set([...Object.keys(group.commits), ...found.keys()])) {
      const commits = group.commits[key] ?? []
      const value = found.get(key) ?? null
      const possible = candidates(commits, null)
      const kind = possible.every(each => each === null) ? 'returned' : 'lost'
      demand(!check.keepsPromises || possible.includes(value), kind, () => {
        return `the offset of ${name} in ${key} is ${value}, none of ${possible.join()}`
      })
      const wasSent = value === null || group.everCommitted.includes(value)
      demand(wasSent, 'foreign', () => `the offset of ${name} in ${key} is ${value}`)
      group.commits[key] = [{ started: earlier, done: earlier, value }]
    }
  }
}

/** Whether a group says that the disk does not give its offsets back. */
async function isRefused(plane: Plane, name: string, { faults }: StartCheck): Promise<boolean> {
  const fetched = await plane.groups.fetchOffsets(name, null)
  // A topic that was never made is made now, which the disk may refuse.
  const isMissing = plane.cluster.topic(consumerOffsetsTopic) === undefined
  return (
    !fetched.ok &&
    (faults.hasHit(`/${consumerOffsetsTopic}-`) || (isMissing && faults.met.size > 0))
  )
}

/** Everything that a group has committed, by `topic/partition`. */
export async function committed(plane: Plane, group: string): Promise<ReadonlyMap<string, string>> {
  const fetched = await plane.groups.fetchOffsets(group, null)
  if (!fetched.ok) throw new Violation('no start', `offsets of ${group}: ${fetched.error}`)
  const found = new Map<string, string>()
  for (const { topic, partitions } of fetched.value.topics) {
    for (const { partition, committedOffset, metadata } of partitions) {
      if (committedOffset < 0n) continue
      found.set(`${topic}/${partition}`, `${committedOffset} ${metadata}`)
    }
  }
  return found
}
