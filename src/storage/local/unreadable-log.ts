import { failure, type Failure } from '../../base/result.ts'
import type { LogSnapshots, PartitionLog } from '../partition-log.ts'

const noSnapshots: LogSnapshots = {
  offsets: [],
  read: () => Promise.resolve(null),
  save: () => Promise.resolve(false)
}

/**
 * Stands for a log that the disk did not give back when it was to be opened: it refuses whatever
 * is asked of it, and leaves on disk what is there.
 */
export function unreadableLog(reason: string): PartitionLog {
  const refuse = (): Promise<Failure<'STORAGE'>> => Promise.resolve(failure('STORAGE', reason))
  return {
    unreadable: reason,
    logStartOffset: 0,
    logEndOffset: 0,
    durableEndOffset: 0,
    size: 0,
    isSpaceLow: false,
    largestTimestamp: null,
    leaderEpochs: [],
    snapshots: noSnapshots,
    append: refuse,
    read: refuse,
    batchForTimestamp: refuse,
    raiseLogStartOffset: refuse,
    applyRetention: refuse,
    compactionNeed: () => ({ isWanted: false, cleanableRatio: 0 }),
    compact: refuse,
    truncate: refuse,
    reconfigure: () => {},
    onDurable: () => {},
    beforeStartRises: () => {},
    close: () => Promise.resolve()
  }
}
