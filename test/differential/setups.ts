/** A way to start a broker for conversations, Kafka and odradek alike. */
export interface Setup {
  readonly name: SetupName
  readonly nodes: number
  /** Whether there is a second listener whose clients authenticate, and an authorizer. */
  readonly secured: boolean
  /** Broker configs, the same for Kafka and for odradek. */
  readonly configs: Readonly<Record<string, string>>
  /** What Kafka alone gets. */
  readonly kafkaConfigs: Readonly<Record<string, string>>
  /** Levels of Kafka's features that are not the newest. */
  readonly kafkaFeatures: Readonly<Record<string, number>>
  /** What odradek cannot be set up with yet; null: nothing. */
  readonly missing: string | null
}

export type SetupName = 'plain' | 'restricted' | 'secured' | 'cluster'

/** No waiting for more members, and sessions that may end soon. */
const quick: Readonly<Record<string, string>> = {
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '100'
}

/**
 * No clean-up in the background: it would delete the records of the conversations, whose timestamps
 * are long ago, and groups that are empty. What cannot be provoked in seconds by default, can.
 */
const still: Readonly<Record<string, string>> = {
  'log.initial.task.delay.ms': '3600000',
  'offsets.retention.check.interval.ms': '3600000',
  'group.consumer.min.session.timeout.ms': '500',
  'group.consumer.min.heartbeat.interval.ms': '100',
  'group.consumer.max.size': '3',
  'group.share.min.session.timeout.ms': '500',
  'group.share.min.heartbeat.interval.ms': '100',
  'group.share.max.size': '3',
  'group.streams.min.session.timeout.ms': '500',
  'group.streams.min.heartbeat.interval.ms': '100',
  'group.streams.max.size': '3',
  'group.consumer.assignment.interval.ms': '0',
  'group.share.assignment.interval.ms': '0',
  'group.streams.assignment.interval.ms': '0',
  'group.streams.initial.rebalance.delay.ms': '0'
}

/**
 * One broker has no replicas whose eligibility could be kept (KIP-966). With the feature Kafka
 * keeps min.insync.replicas for the whole cluster, so that no topic has it by default any more.
 */
const oneBroker: Readonly<Record<string, number>> = { 'eligible.leader.replicas.version': 0 }

/** Who may log in to the second listener, with `<name>-secret`. */
export const users = ['admin', 'alice', 'bob', 'carol', 'nobody'] as const

const plainUsers = users.map(name => `user_${name}="${name}-secret"`).join(' ')
const plainModule = 'org.apache.kafka.common.security.plain.PlainLoginModule'
const scramModule = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'

/** All ways in which brokers are started for conversations. */
export const setups: { readonly [S in SetupName]: Setup } = {
  plain: {
    name: 'plain',
    nodes: 1,
    secured: false,
    configs: quick,
    kafkaConfigs: still,
    kafkaFeatures: oneBroker,
    missing: null
  },
  restricted: {
    name: 'restricted',
    nodes: 1,
    secured: false,
    configs: {
      ...quick,
      'auto.create.topics.enable': 'false',
      'delete.topic.enable': 'false',
      'group.max.size': '2',
      'group.max.session.timeout.ms': '60000',
      'offset.metadata.max.bytes': '10',
      'message.max.bytes': '1000',
      'transaction.max.timeout.ms': '5000'
    },
    kafkaConfigs: still,
    kafkaFeatures: oneBroker,
    missing: null
  },
  secured: {
    name: 'secured',
    nodes: 1,
    secured: true,
    configs: {
      ...quick,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS;User:admin',
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
      'delegation.token.secret.key': 'secret'
    },
    kafkaConfigs: {
      ...still,
      'listener.name.secured.plain.sasl.jaas.config': `${plainModule} required ${plainUsers};`,
      'listener.name.secured.scram-sha-256.sasl.jaas.config': scramModule,
      'listener.name.secured.scram-sha-512.sasl.jaas.config': scramModule
    },
    kafkaFeatures: oneBroker,
    missing: 'SASL and an authorizer'
  },
  cluster: {
    name: 'cluster',
    nodes: 3,
    secured: false,
    configs: quick,
    kafkaConfigs: {
      ...still,
      'default.replication.factor': '4',
      'leader.imbalance.check.interval.seconds': '3600'
    },
    kafkaFeatures: {},
    missing: 'several nodes'
  }
}
