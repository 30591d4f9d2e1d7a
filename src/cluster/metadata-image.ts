import { assert, unreachable } from '../base/assert.ts'
import { failure, success, type Result } from '../base/result.ts'
import { configResourceTypes, type MetadataRecord } from './metadata-records.ts'
import { hasCollisionCharacters, unifyCollisionCharacters } from './topic-name.ts'

/** A topic as the metadata log tells it. */
export interface TopicImage {
  readonly name: string
  readonly topicId: string
  /** By partition index, without gaps. */
  readonly partitions: readonly PartitionImage[]
}

export interface PartitionImage {
  readonly replicas: readonly number[]
  readonly leader: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
}

/** A change of a partition keeps the leader: the value of `leader` that says so. */
const leaderUnchanged = -2
const noConfigs: ReadonlyMap<string, string> = new Map()

interface MutableTopic extends TopicImage {
  readonly partitions: PartitionImage[]
}

/**
 * What the metadata log says, after the records that have been applied: a fold of the log and of
 * nothing else, so the same records always give the same image.
 */
export class MetadataImage {
  readonly #topics = new Map<string, MutableTopic>()
  readonly #topicsById = new Map<string, MutableTopic>()
  /** Topics with a '.' or '_', by what their names have in common. */
  readonly #colliding = new Map<string, Set<string>>()
  /** Configs by kind of resource, then by its name. */
  readonly #configs = new Map<number, Map<string, Map<string, string>>>()
  #nextProducerId = 0
  #partitionCount = 0

  get topicCount(): number {
    return this.#topics.size
  }

  get partitionCount(): number {
    return this.#partitionCount
  }

  /** First producer id that no block holds. */
  get nextProducerId(): number {
    return this.#nextProducerId
  }

  /** In the order they were created. */
  topics(): Iterable<TopicImage> {
    return this.#topics.values()
  }

  topic(name: string): TopicImage | undefined {
    return this.#topics.get(name)
  }

  topicById(topicId: string): TopicImage | undefined {
    return this.#topicsById.get(topicId)
  }

  /** The configs that a resource has of its own, by `configResourceTypes`. */
  configs(resourceType: number, resourceName: string): ReadonlyMap<string, string> {
    return this.#configs.get(resourceType)?.get(resourceName) ?? noConfigs
  }

  /** Names of the resources of a kind that have configs of their own. */
  configuredResources(resourceType: number): Iterable<string> {
    return this.#configs.get(resourceType)?.keys() ?? []
  }

  /** A topic whose name differs only in '.' and '_'; undefined when there is none. */
  collidingTopic(name: string): string | undefined {
    if (!hasCollisionCharacters(name)) return undefined
    const [first] = this.#colliding.get(unifyCollisionCharacters(name)) ?? []
    return first
  }

  /**
   * Takes one record in.
   *
   * @returns INCONSISTENT when it contradicts the records before it; the image is as before then
   */
  apply(record: MetadataRecord): Result<void, 'INCONSISTENT'> {
    switch (record.type) {
      case 'TopicRecord':
        return this.#applyTopic(record.name, record.topicId)
      case 'PartitionRecord':
        return this.#applyPartition(record)
      case 'PartitionChangeRecord':
        return this.#applyPartitionChange(record)
      case 'ConfigRecord':
        return this.#applyConfig(record)
      case 'RemoveTopicRecord':
        return this.#applyRemoveTopic(record.topicId)
      case 'ProducerIdsRecord':
        if (record.nextProducerId < this.#nextProducerId) {
          return inconsistent(`the next producer id falls to ${record.nextProducerId}`)
        }
        this.#nextProducerId = record.nextProducerId
        return success(undefined)
      default:
        return unreachable(record)
    }
  }

  /** The fewest records that give this image. */
  *records(): Iterable<MetadataRecord> {
    for (const { name, topicId, partitions } of this.#topics.values()) {
      yield { type: 'TopicRecord', name, topicId }
      yield* this.#configRecords(configResourceTypes.TOPIC, name)
      for (const [partitionId, partition] of partitions.entries()) {
        yield partitionRecord(topicId, partitionId, partition)
      }
    }
    for (const resourceType of this.#configs.keys()) {
      if (resourceType === configResourceTypes.TOPIC) continue
      for (const name of this.configuredResources(resourceType)) {
        yield* this.#configRecords(resourceType, name)
      }
    }
    if (this.#nextProducerId > 0) {
      yield {
        type: 'ProducerIdsRecord',
        brokerId: -1,
        brokerEpoch: -1,
        nextProducerId: this.#nextProducerId
      }
    }
  }

  *#configRecords(resourceType: number, resourceName: string): Iterable<MetadataRecord> {
    for (const [name, value] of this.configs(resourceType, resourceName)) {
      yield { type: 'ConfigRecord', resourceType, resourceName, name, value }
    }
  }

  #applyTopic(name: string, topicId: string): Result<void, 'INCONSISTENT'> {
    if (this.#topics.has(name)) return inconsistent(`the topic ${name} exists twice`)
    if (this.#topicsById.has(topicId)) return inconsistent(`two topics have the id ${topicId}`)
    const topic: MutableTopic = { name, topicId, partitions: [] }
    this.#topics.set(name, topic)
    this.#topicsById.set(topicId, topic)
    if (hasCollisionCharacters(name)) {
      const unified = unifyCollisionCharacters(name)
      const names = this.#colliding.get(unified)
      if (names === undefined) this.#colliding.set(unified, new Set([name]))
      else names.add(name)
    }
    return success(undefined)
  }

  #applyPartition(
    record: MetadataRecord & { type: 'PartitionRecord' }
  ): Result<void, 'INCONSISTENT'> {
    const { topicId, partitionId, replicas, leader, leaderEpoch, partitionEpoch } = record
    const topic = this.#topicsById.get(topicId)
    if (topic === undefined) return inconsistent(`a partition of the unknown topic ${topicId}`)
    if (partitionId !== topic.partitions.length) {
      return inconsistent(`partition ${partitionId} follows ${topic.partitions.length} others`)
    }
    topic.partitions.push({ replicas, leader, leaderEpoch, partitionEpoch })
    this.#partitionCount += 1
    return success(undefined)
  }

  #applyPartitionChange(
    record: MetadataRecord & { type: 'PartitionChangeRecord' }
  ): Result<void, 'INCONSISTENT'> {
    const topic = this.#topicsById.get(record.topicId)
    const partition = topic?.partitions[record.partitionId]
    if (topic === undefined || partition === undefined) {
      return inconsistent(
        `a change of the unknown partition ${record.topicId}-${record.partitionId}`
      )
    }
    const elected = record.leader !== leaderUnchanged
    topic.partitions[record.partitionId] = {
      replicas: record.replicas ?? partition.replicas,
      leader: elected ? record.leader : partition.leader,
      leaderEpoch: partition.leaderEpoch + (elected ? 1 : 0),
      partitionEpoch: partition.partitionEpoch + 1
    }
    return success(undefined)
  }

  #applyConfig(record: MetadataRecord & { type: 'ConfigRecord' }): Result<void, 'INCONSISTENT'> {
    const { resourceType, resourceName, name, value } = record
    if (resourceType === configResourceTypes.TOPIC && !this.#topics.has(resourceName)) {
      return inconsistent(`a config of the unknown topic ${resourceName}`)
    }
    const resources = this.#configs.get(resourceType) ?? new Map<string, Map<string, string>>()
    const configs = new Map(resources.get(resourceName))
    if (value === null) configs.delete(name)
    else configs.set(name, value)
    if (configs.size === 0) resources.delete(resourceName)
    else resources.set(resourceName, configs)
    this.#configs.set(resourceType, resources)
    return success(undefined)
  }

  #applyRemoveTopic(topicId: string): Result<void, 'INCONSISTENT'> {
    const topic = this.#topicsById.get(topicId)
    if (topic === undefined) return inconsistent(`the removal of the unknown topic ${topicId}`)
    this.#topicsById.delete(topicId)
    this.#topics.delete(topic.name)
    this.#configs.get(configResourceTypes.TOPIC)?.delete(topic.name)
    this.#partitionCount -= topic.partitions.length
    assert(this.#partitionCount >= 0, 'the image counts each partition once')
    if (hasCollisionCharacters(topic.name)) {
      const unified = unifyCollisionCharacters(topic.name)
      const names = this.#colliding.get(unified)
      names?.delete(topic.name)
      if (names?.size === 0) this.#colliding.delete(unified)
    }
    return success(undefined)
  }
}

/** The record of a partition whose replicas are all in sync. */
export function partitionRecord(
  topicId: string,
  partitionId: number,
  partition: PartitionImage
): MetadataRecord {
  const { replicas, leader, leaderEpoch, partitionEpoch } = partition
  return {
    type: 'PartitionRecord',
    partitionId,
    topicId,
    replicas,
    isr: replicas,
    removingReplicas: [],
    addingReplicas: [],
    leader,
    leaderRecoveryState: 0,
    leaderEpoch,
    partitionEpoch,
    directories: []
  }
}

function inconsistent(detail: string): Result<never, 'INCONSISTENT'> {
  return failure('INCONSISTENT', detail)
}
