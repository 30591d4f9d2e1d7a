import { failure, success, type Result } from '../base/result.ts'

/** Which brokers hold a partition, as a client demands it. */
export interface ReplicaAssignment {
  readonly partitionIndex: number
  readonly brokerIds: readonly number[]
}

/**
 * Checks the replicas that a client chose for one partition (Kafka:
 * ReplicationControlManager.validateManualPartitionAssignment).
 *
 * @param replicationFactor what the partitions before it have; null for the first
 * @returns INVALID_REPLICA_ASSIGNMENT with Kafka's sentence
 */
export function validateReplicas(
  brokerIds: readonly number[],
  replicationFactor: number | null,
  registeredBrokers: readonly number[]
): Result<void, 'INVALID_REPLICA_ASSIGNMENT'> {
  if (brokerIds.length === 0) {
    return refused('The manual partition assignment includes an empty replica list.')
  }
  const sorted = [...brokerIds].sort((a, b) => a - b)
  for (const [index, brokerId] of sorted.entries()) {
    if (!registeredBrokers.includes(brokerId)) {
      return refused(
        `The manual partition assignment includes broker ${brokerId}, ` +
          'but no such broker is registered.'
      )
    }
    if (index > 0 && sorted[index - 1] === brokerId) {
      return refused(
        `The manual partition assignment includes the broker ${brokerId} more than once.`
      )
    }
  }
  if (replicationFactor !== null && brokerIds.length !== replicationFactor) {
    return refused(
      `The manual partition assignment includes a partition with ${brokerIds.length} replica(s), ` +
        'but this is not consistent with previous partitions, which have ' +
        `${replicationFactor} replica(s).`
    )
  }
  return success(undefined)
}

function refused(detail: string): Result<never, 'INVALID_REPLICA_ASSIGNMENT'> {
  return failure('INVALID_REPLICA_ASSIGNMENT', detail)
}
