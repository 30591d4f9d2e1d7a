import { failure, type Failure } from '../base/result.ts'
import type { LeaderEpochStart } from '../storage/partition-log.ts'
import type { ErrorName } from '../wire/generated/errors.ts'

/** The largest known epoch up to one that was asked for, and the offset behind its last record. */
export interface EpochEndOffset {
  /** -1 when nothing is known. */
  readonly leaderEpoch: number
  readonly endOffset: number
}

/** What asks for no epoch; Kafka takes any other number below zero for one before all others. */
const noLeaderEpoch = -1

/**
 * Where the records of a leader epoch end. Kafka: LeaderEpochFileCache.endOffsetFor.
 *
 * @param epochs ascending
 */
export function endOffsetForEpoch(
  epochs: readonly LeaderEpochStart[],
  leaderEpoch: number,
  logEndOffset: number
): EpochEndOffset {
  const next = epochs.findIndex(each => each.leaderEpoch > leaderEpoch)
  if (next === -1) {
    const latest = epochs.at(-1)?.leaderEpoch
    // An epoch that is still to come is not known, the latest ends with the log.
    if (latest === undefined || latest < leaderEpoch) return { leaderEpoch: -1, endOffset: -1 }
    return { leaderEpoch, endOffset: logEndOffset }
  }
  if (leaderEpoch === noLeaderEpoch) return { leaderEpoch: -1, endOffset: -1 }
  const endOffset = epochs[next]!.startOffset
  // Before the first epoch of the log there was nothing of it: it ends where the log begins.
  if (next === 0) return { leaderEpoch, endOffset }
  return { leaderEpoch: epochs[next - 1]!.leaderEpoch, endOffset }
}

/** The leader epoch in which the record at `offset` was written, -1 when it is not known. */
export function epochAt(epochs: readonly LeaderEpochStart[], offset: number): number {
  return epochs.findLast(each => each.startOffset <= offset)?.leaderEpoch ?? -1
}

/**
 * Why a client that believes in another leader epoch is refused; null when it believes in the
 * present one, or in none (-1).
 */
export function epochFault(
  currentLeaderEpoch: number,
  leaderEpoch: number
): Failure<ErrorName> | null {
  if (currentLeaderEpoch === noLeaderEpoch || currentLeaderEpoch === leaderEpoch) return null
  const detail = `the leader epoch is ${leaderEpoch}, not ${currentLeaderEpoch}`
  return currentLeaderEpoch < leaderEpoch
    ? failure('FENCED_LEADER_EPOCH', detail)
    : failure('UNKNOWN_LEADER_EPOCH', detail)
}

/**
 * The epochs of a log and, as Kafka's leader does at its election, the present one from where it
 * began.
 */
export function withPresentEpoch(
  epochs: readonly LeaderEpochStart[],
  leaderEpoch: number,
  startOffset: number
): readonly LeaderEpochStart[] {
  return epochs.at(-1)?.leaderEpoch === leaderEpoch
    ? epochs
    : [...epochs, { leaderEpoch, startOffset }]
}
