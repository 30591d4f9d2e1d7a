import { assert } from '../base/assert.ts'
import type { BrokerConfig } from '../config/broker-config.ts'
import { resolveTopicConfigs, type TopicConfigs } from '../config/topic-configs.ts'
import type { Partition } from '../partition/partition.ts'
import { isInternalTopic } from './topic-name.ts'

/**
 * A topic that exists, with its open partitions. A changed topic is a new object; this one stays as
 * it was.
 */
export interface Topic {
  readonly name: string
  readonly topicId: string
  /** By partition index. */
  readonly partitions: readonly Partition[]
  /** The broker's own: __consumer_offsets and the like. */
  readonly isInternal: boolean
  /** The configs of its own, as text. */
  readonly configOverrides: ReadonlyMap<string, string>
  /** The configs in force. */
  readonly configs: TopicConfigs
}

/**
 * The topics that can be used now, by name and by id. Each partition acts on the configs of its
 * topic.
 */
export class Topics {
  readonly #byName = new Map<string, Topic>()
  readonly #byId = new Map<string, Topic>()

  /** In the order they were created. */
  all(): Iterable<Topic> {
    return this.#byName.values()
  }

  byName(name: string): Topic | undefined {
    return this.#byName.get(name)
  }

  byId(topicId: string): Topic | undefined {
    return this.#byId.get(topicId)
  }

  add(
    identity: Pick<Topic, 'name' | 'topicId'>,
    partitions: readonly Partition[],
    configOverrides: ReadonlyMap<string, string>,
    config: BrokerConfig
  ): Topic {
    const { name, topicId } = identity
    assert(!this.#byName.has(name) && !this.#byId.has(topicId), `the topic ${name} is new`)
    return this.#put({
      name,
      topicId,
      partitions,
      isInternal: isInternalTopic(name),
      configOverrides,
      configs: resolveTopicConfigs(configOverrides, config)
    })
  }

  remove(topicId: string): Topic {
    const topic = this.#byId.get(topicId)
    assert(topic !== undefined, `the topic ${topicId} exists`)
    this.#byId.delete(topicId)
    this.#byName.delete(topic.name)
    return topic
  }

  grow(name: string, partitions: readonly Partition[]): void {
    const topic = this.#known(name)
    this.#put({ ...topic, partitions: [...topic.partitions, ...partitions] })
  }

  /** Gives a topic other configs, from this moment on. */
  reconfigure(
    name: string,
    configOverrides: ReadonlyMap<string, string>,
    config: BrokerConfig
  ): void {
    const configs = resolveTopicConfigs(configOverrides, config)
    const topic = this.#put({ ...this.#known(name), configOverrides, configs })
    for (const partition of topic.partitions) partition.reconfigure(configs)
  }

  #known(name: string): Topic {
    const topic = this.#byName.get(name)
    assert(topic !== undefined, `the topic ${name} exists`)
    return topic
  }

  #put(topic: Topic): Topic {
    this.#byName.set(topic.name, topic)
    this.#byId.set(topic.topicId, topic)
    return topic
  }
}
