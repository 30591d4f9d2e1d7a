import { unreachable } from '../base/assert.ts'
import { failure } from '../base/result.ts'
import type { Failure, Success } from '../base/result.ts'
import type { RecordError } from '../record/validate.ts'
import type { AppendError, PartitionLog, ReadError } from '../storage/partition-log.ts'
import type { ErrorName } from '../wire/generated/errors.ts'

export type { RecordError } from '../record/validate.ts'

/** Where a batch went. */
export interface AppendInfo {
  readonly baseOffset: number
  readonly lastOffset: number
  /** The time that the topic stamped, ms; -1 for CreateTime. */
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
}

/** Why a batch was not appended. */
export interface AppendFailure extends Failure<ErrorName> {
  readonly recordErrors: readonly RecordError[]
}

export type AppendResult = Success<AppendInfo> | AppendFailure

/** A batch that was refused. */
export function refused(error: ErrorName, detail: string | null): AppendFailure {
  return { ...failure(error, detail), recordErrors: [] }
}

/**
 * A batch that was refused before anything was written, with the records at fault if the fault is
 * in records.
 */
export function refusal(
  { error, detail }: Failure<ErrorName>,
  recordErrors: readonly RecordError[] = []
): AppendFailure {
  return { ...failure(error, detail), recordErrors }
}

/**
 * The Kafka error of a write that the storage engine refused. A fenced owner, and one that finds
 * the log's end elsewhere, has lost the partition to another: clients look for the new leader.
 */
export function appendErrorName(error: AppendError): ErrorName {
  switch (error) {
    case 'FENCED':
    case 'UNEXPECTED_OFFSET':
      return 'NOT_LEADER_OR_FOLLOWER'
    case 'STORAGE':
    case 'NO_SPACE':
      return 'KAFKA_STORAGE_ERROR'
    default:
      return unreachable(error)
  }
}

/** The Kafka error of a read that the storage engine refused. */
export function readErrorName(error: ReadError): ErrorName {
  switch (error) {
    case 'OFFSET_OUT_OF_RANGE':
      return 'OFFSET_OUT_OF_RANGE'
    case 'CORRUPT':
      return 'CORRUPT_MESSAGE'
    case 'STORAGE':
      return 'KAFKA_STORAGE_ERROR'
    default:
      return unreachable(error)
  }
}

/** Why no records of clients are taken just now: they try again, and will be let in. */
export function lowSpaceFault(log: PartitionLog): Failure<ErrorName> | null {
  return log.isSpaceLow ? failure('KAFKA_STORAGE_ERROR', 'the disk of the broker is full') : null
}
