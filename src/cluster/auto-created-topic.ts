import type { BrokerConfig } from '../config/broker-config.ts'
import type { NewTopic } from './topic-creation.ts'
import { consumerOffsetsTopic, transactionStateTopic } from './topic-name.ts'

/**
 * How a topic is made that nobody described: the broker's own topics as their coordinators need
 * them (Kafka: AutoTopicCreationManager), every other one with the broker's defaults.
 */
export function autoCreatedTopic(name: string, config: BrokerConfig): NewTopic {
  switch (name) {
    case consumerOffsetsTopic:
      return newTopic(name, config.offsetsTopicNumPartitions, [
        ['cleanup.policy', 'compact'],
        ['compression.type', 'producer'],
        ['segment.bytes', String(config.offsetsTopicSegmentBytes)]
      ])
    case transactionStateTopic:
      return newTopic(name, config.transactionStateLogNumPartitions, [
        ['cleanup.policy', 'compact'],
        ['compression.type', 'uncompressed'],
        ['segment.bytes', String(config.transactionStateLogSegmentBytes)],
        ['min.insync.replicas', '1'],
        ['unclean.leader.election.enable', 'false']
      ])
    default:
      return newTopic(name, -1, [])
  }
}

function newTopic(
  name: string,
  numPartitions: number,
  configs: ReadonlyArray<readonly [name: string, value: string]>
): NewTopic {
  return {
    name,
    numPartitions,
    replicationFactor: -1,
    assignments: [],
    configs: configs.map(([configName, value]) => ({ name: configName, value }))
  }
}
