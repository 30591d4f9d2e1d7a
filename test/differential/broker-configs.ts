/**
 * Broker configs for the conversations, the same for Kafka and for odradek: no waiting for more
 * members, and sessions that may end soon.
 */
export const brokerConfigs: Readonly<Record<string, string>> = {
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '100'
}

/**
 * What Kafka alone gets: no clean-up in the background. It would delete the records of the
 * conversations, whose timestamps are long ago, and groups that are empty.
 */
export const kafkaOnlyConfigs: Readonly<Record<string, string>> = {
  'log.initial.task.delay.ms': '3600000',
  'offsets.retention.check.interval.ms': '3600000'
}
