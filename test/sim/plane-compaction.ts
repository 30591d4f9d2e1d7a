import { isDone, presentTopic } from './plane-model.ts'
import { settle, whenAnswered, type World } from './plane-world.ts'
import { demand, Violation } from './violation.ts'

/** What a compaction may answer without a fault of the disk: the log has changed meanwhile. */
const changed = 'INTERRUPTED'

/**
 * Compacts the partitions of a topic, as the broker does when its configs ask for it. Every record
 * has a key of its own, so all of them stay: what is tried is that files are put in the place of
 * others while everything else goes on.
 */
export async function compact(world: World, name: string): Promise<void> {
  const { plane, model, life, clock } = world
  const topic = presentTopic(model, name)
  if (topic === undefined || topic.deletion !== null || !isDone(topic)) return
  for (const index of topic.partitions.keys()) {
    const partition = plane.cluster.partition(name, index)
    if (partition === undefined) throw new Violation('lost', `the topic ${name}`)
    const answer = partition.compaction.run(clock.wallMs(), {
      dedupeBufferSize: 64 * 1024,
      dedupeLoadFactor: 0.9,
      proceed: () => Promise.resolve(true)
    })
    const answered = whenAnswered(world, answer, compacted => {
      const isFull = !compacted.ok && compacted.error === 'NO_SPACE'
      const isFine =
        compacted.ok ||
        compacted.error === changed ||
        life.files.faults.met.size > 0 ||
        (isFull && life.files.sizeMax !== Infinity)
      demand(isFine || plane.failure !== null, 'damaged', () => {
        return `${name}-${index} is not compacted: ${compacted.ok ? '' : compacted.detail}`
      })
    })
    await settle(world, answered)
  }
}
