import type { CommittedOffset } from './group-records.ts'

type PartitionOffsets = Map<number, CommittedOffset>
type TopicOffsets = Map<string, PartitionOffsets>

/**
 * The committed offsets of the groups of one shard: by group, topic and partition. No level is ever
 * empty. Offsets may be removed while they are gone through.
 */
export class Offsets {
  readonly #groups = new Map<string, TopicOffsets>()

  get(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#groups.get(groupId)?.get(topic)?.get(partition)
  }

  /** What a group has committed, topic by topic; empty for a group without. */
  of(groupId: string): ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>> {
    return this.#groups.get(groupId) ?? new Map<string, PartitionOffsets>()
  }

  groupIds(): Iterable<string> {
    return this.#groups.keys()
  }

  put(groupId: string, topic: string, partition: number, committed: CommittedOffset): void {
    let topics = this.#groups.get(groupId)
    if (topics === undefined) this.#groups.set(groupId, (topics = new Map()))
    let partitions = topics.get(topic)
    if (partitions === undefined) topics.set(topic, (partitions = new Map()))
    partitions.set(partition, committed)
  }

  remove(groupId: string, topic: string, partition: number): void {
    const topics = this.#groups.get(groupId)
    const partitions = topics?.get(topic)
    if (topics === undefined || partitions === undefined) return
    partitions.delete(partition)
    if (partitions.size === 0) topics.delete(topic)
    if (topics.size === 0) this.#groups.delete(groupId)
  }
}
