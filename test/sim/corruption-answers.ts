import type { Partition } from '../../src/partition/partition.ts'
import { baseOffset, batchSize, lastOffset } from '../../src/record/batch.ts'
import { committed } from './plane-check.ts'
import type { Plane } from './plane.ts'

/** Everything that clients can learn of a broker, as text; an error stands for what it hides. */
export type Answers = ReadonlyMap<string, string>

export const errorMark = 'error '

export async function answersOf(plane: Plane, known: Answers | null): Promise<Answers> {
  const answers = new Map<string, string>()
  for (const topic of plane.cluster.topics()) {
    const configs = JSON.stringify([...topic.configOverrides])
    answers.set(`topic ${topic.name}`, `${topic.topicId} ${topic.partitions.length} ${configs}`)
    for (const partition of topic.partitions) await readPartition(partition, known, answers)
  }
  await readPartition(plane.storage.metadata, known, answers)
  for (const group of ['group-0', 'group-1']) {
    try {
      const offsets = [...(await committed(plane, group))].map(pair => pair.join(' ')).sort()
      answers.set(`commits ${group}`, offsets.join())
    } catch (error) {
      answers.set(`commits ${group}`, errorMark + String(error))
    }
  }
  return answers
}

/** Reads batch after batch; where one is hidden, from where the next one is known to begin. */
async function readPartition(
  partition: Partition,
  known: Answers | null,
  answers: Map<string, string>
): Promise<void> {
  const name = `${partition.topic}-${partition.partition}`
  const { logStartOffset, logEndOffset } = partition
  answers.set(`${name} bounds`, `${logStartOffset} to ${logEndOffset}`)
  const nextKnown = knownOffsets(known, name)
  for (let offset = logStartOffset; offset < logEndOffset;) {
    const read = await partition.read({
      fromOffset: offset,
      maxBytes: 1,
      isolationLevel: 'READ_UNCOMMITTED',
      currentLeaderEpoch: -1,
      minOneBatch: true
    })
    if (!read.ok || read.value.bytes.length === 0) {
      answers.set(`${name} ${offset}`, errorMark + (read.ok ? 'nothing' : read.error))
      offset = nextKnown.find(each => each > offset) ?? logEndOffset
      continue
    }
    const { bytes } = read.value
    const at = baseOffset(bytes, 0)
    answers.set(`${name} ${Math.max(at, offset)}`, bytes.toString('latin1', 0, batchSize(bytes, 0)))
    offset = lastOffset(bytes, 0) + 1
    read.value.release()
  }
  for (const timestamp of [0, 1_700_000_000_000, 1_700_000_000_150, -3]) {
    const listed = await partition.listOffset(timestamp, 'READ_UNCOMMITTED', -1)
    const text = listed.ok ? `${listed.value.offset} ${listed.value.timestampMs}` : errorMark
    answers.set(`${name} at ${timestamp}`, text)
  }
}

function knownOffsets(known: Answers | null, name: string): readonly number[] {
  const offsets: number[] = []
  for (const key of known?.keys() ?? []) {
    const match = /^(.+) (\d+)$/.exec(key)
    if (match?.[1] === name) offsets.push(Number(match[2]))
  }
  return offsets
}
