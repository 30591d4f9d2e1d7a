import type { Result } from '../base/result.ts'
import { fetchSizeMax } from '../limits.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type { AwaitedPartition, FetchWaiters } from './fetch-waiters.ts'
import type { IsolationLevel, Partition, PartitionRead } from './partition.ts'

/** One partition that a fetch asks for and may read. */
export interface PartitionToRead {
  readonly partition: Partition
  readonly fetchOffset: number
  readonly maxBytes: number
  /** -1 when the client sends none. */
  readonly currentLeaderEpoch: number
}

/** What one pass over the partitions of a fetch has found, in the order asked for. */
export interface FetchReads {
  readonly results: readonly Result<PartitionRead, ErrorName>[]
  /** Bytes found, over all partitions. */
  readonly size: number
  readonly hasErrors: boolean
  /** Gives all buffers back. */
  release(): void
  /** How the partitions stood, for those who wait for more. */
  readonly awaited: readonly AwaitedPartition[]
}

/**
 * Reads partitions one after the other until `maxBytes` are found. The first batch of the first partition that has
 * any is returned whole even if it exceeds the limits, or the client would never get past it (KIP-74).
 */
export async function readPartitions(
  partitions: readonly PartitionToRead[],
  maxBytes: number,
  isolationLevel: IsolationLevel
): Promise<FetchReads> {
  const results: Result<PartitionRead, ErrorName>[] = []
  const awaited: AwaitedPartition[] = []
  let size = 0
  let hasErrors = false
  for (const each of partitions) {
    const { partition, fetchOffset } = each
    const { visibleSize, highWatermark, lastStableOffset } = partition
    const request = {
      fromOffset: fetchOffset,
      maxBytes: Math.min(each.maxBytes, maxBytes - size),
      isolationLevel,
      currentLeaderEpoch: each.currentLeaderEpoch,
      minOneBatch: size === 0
    }
    const result = partition.readNothing(request) ?? (await partition.read(request))
    results.push(result)
    const readSize = result.ok ? result.value.bytes.length : 0
    size += readSize
    hasErrors ||= !result.ok
    awaited.push({
      partition,
      fetchOffset,
      isolationLevel,
      maxBytes: each.maxBytes,
      readSize,
      visibleSize,
      highWatermark,
      lastStableOffset
    })
  }
  const release = (): void => {
    for (const result of results) if (result.ok) result.value.release()
  }
  return { results, size, hasErrors, release, awaited }
}

export interface FetchLimits {
  readonly minBytes: number
  readonly maxBytes: number
  readonly maxWaitMs: number
  readonly isolationLevel: IsolationLevel
}

/**
 * Reads partitions, and once more when they have brought `minBytes` together or `maxWaitMs` is over: what the second
 * pass finds is the answer, whatever it is. An error is answered at once (Kafka: ReplicaManager.fetchMessages).
 *
 * @param signal aborted when nobody waits for the answer any more
 */
export async function readOrWait(
  partitions: readonly PartitionToRead[],
  limits: FetchLimits,
  waiters: FetchWaiters,
  signal: AbortSignal
): Promise<FetchReads> {
  const { maxWaitMs, isolationLevel } = limits
  const maxBytes = Math.min(limits.maxBytes, fetchSizeMax)
  const minBytes = Math.min(limits.minBytes, maxBytes)
  const reads = await readPartitions(partitions, maxBytes, isolationLevel)
  const isEnough = reads.size >= minBytes || reads.hasErrors || partitions.length === 0
  if (isEnough || maxWaitMs <= 0) return reads
  reads.release()
  await waiters.wait({ partitions: reads.awaited, minBytes, maxWaitMs, signal })
  return readPartitions(partitions, maxBytes, isolationLevel)
}
