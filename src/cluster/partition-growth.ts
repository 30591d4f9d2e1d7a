import { failure, success, type Result } from '../base/result.ts'
import { partitionsPerRequestMax } from '../limits.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import { validateReplicas } from './replica-assignment.ts'
import { noRoom, type TopicSurroundings } from './topic-creation.ts'

/** A topic that somebody wants to have more partitions. */
export interface TopicGrowth {
  readonly name: string
  /** Partitions that the topic shall have in all. */
  readonly count: number
  /** Brokers of each new partition; null leaves the choice to the broker. */
  readonly assignments: ReadonlyArray<{ readonly brokerIds: readonly number[] }> | null
}

/** Partitions that may be added: those from `fromCount` up to `toCount`, exclusive. */
export interface GrowthPlan {
  readonly name: string
  readonly topicId: string
  readonly fromCount: number
  readonly toCount: number
}

/**
 * Decides which topics of one request can grow (Kafka: ReplicationControlManager.createPartitions).
 * Every name is answered once, in the order of the request.
 *
 * @returns for each topic UNKNOWN_TOPIC_OR_PARTITION, INVALID_PARTITIONS when it would not be an
 *   increase, INVALID_REPLICA_ASSIGNMENT for brokers that are wrong, POLICY_VIOLATION when the
 *   request wants too much
 */
export function planGrowths(
  growths: readonly TopicGrowth[],
  surroundings: TopicSurroundings
): ReadonlyMap<string, Result<GrowthPlan, ErrorName>> {
  const plans = new Map<string, Result<GrowthPlan, ErrorName>>()
  for (const growth of growths) {
    const duplicate = plans.has(growth.name)
    const detail = 'Duplicate topic name.'
    plans.set(
      growth.name,
      duplicate ? failure('INVALID_REQUEST', detail) : planGrowth(growth, surroundings)
    )
  }
  let additional = 0
  for (const plan of plans.values()) {
    if (plan.ok) additional += plan.value.toCount - plan.value.fromCount
  }
  if (additional <= partitionsPerRequestMax) return plans
  const tooMany = failure(
    'POLICY_VIOLATION',
    'Unable to perform excessively large batch operation.'
  )
  return new Map([...plans.keys()].map(name => [name, tooMany]))
}

function planGrowth(
  growth: TopicGrowth,
  { image, brokers, isSpaceLow }: TopicSurroundings
): Result<GrowthPlan, ErrorName> {
  const topic = image.topic(growth.name)
  if (topic === undefined) return failure('UNKNOWN_TOPIC_OR_PARTITION')
  const fromCount = topic.partitions.length
  if (growth.count === fromCount) {
    return failure('INVALID_PARTITIONS', `Topic already has ${fromCount} partition(s).`)
  }
  if (growth.count < fromCount) {
    return failure(
      'INVALID_PARTITIONS',
      `The topic ${growth.name} currently has ${fromCount} partition(s); ${growth.count} ` +
        'would not be an increase.'
    )
  }
  if (growth.assignments !== null) {
    const valid = validateAssignments(growth.assignments, growth.count - fromCount, brokers)
    if (!valid.ok) return valid
  }
  if (isSpaceLow) return noRoom
  return success({ name: growth.name, topicId: topic.topicId, fromCount, toCount: growth.count })
}

function validateAssignments(
  assignments: ReadonlyArray<{ readonly brokerIds: readonly number[] }>,
  additional: number,
  brokers: readonly number[]
): Result<void, ErrorName> {
  if (assignments.length !== additional) {
    return failure(
      'INVALID_REPLICA_ASSIGNMENT',
      `Attempted to add ${additional} additional partition(s), but only ${assignments.length} ` +
        'assignment(s) were specified.'
    )
  }
  for (const { brokerIds } of assignments) {
    const valid = validateReplicas(brokerIds, 1, brokers)
    if (!valid.ok) return valid
  }
  return success(undefined)
}
