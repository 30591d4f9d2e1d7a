import type { Cancellation } from '../base/cancellation.ts'
import type { Failure } from '../base/result.ts'
import { logReadSizeMax } from '../limits.ts'
import type { AbortedTransaction } from '../storage/producer-state.ts'
import type { ErrorName } from '../wire/generated/errors.ts'
import type { AwaitedPartition, FetchWaiters, WaitRequest } from './fetch-waiters.ts'
import { endOffsetOf } from './log-reading.ts'
import type {
  IsolationLevel,
  Partition,
  PartitionBounds,
  PartitionRead,
  PartitionReadRequest
} from './partition.ts'

/** One partition that a fetch asks for and may read. */
export interface PartitionToRead {
  readonly partition: Partition
  readonly fetchOffset: number
  readonly maxBytes: number
  /** -1 when the client sends none. */
  readonly currentLeaderEpoch: number
}

/** What a fetch has found in one partition. */
export interface FetchedRecords extends PartitionBounds {
  readonly ok: true
  /** Whole batches, one after the other over all pieces: views until `FetchReads.release`. */
  readonly pieces: readonly Buffer[]
  /** Bytes of all pieces. */
  readonly size: number
  /**
   * Those that overlap the pieces, ascending by first offset; null when uncommitted records are
   * read.
   */
  readonly abortedTransactions: readonly AbortedTransaction[] | null
}

/** What one pass over the partitions of a fetch has found, in the order asked for. */
export interface FetchReads {
  readonly results: readonly (FetchedRecords | Failure<ErrorName>)[]
  /** Bytes found, over all partitions. */
  readonly size: number
  readonly hasErrors: boolean
  /** Gives all buffers back. */
  release(): void
}

/** A pass after which its reader may wait. */
interface FirstReads extends FetchReads {
  /** How the partitions stood. */
  readonly awaited: readonly AwaitedPartition[]
}

export interface FetchLimits extends PassLimits {
  readonly maxWaitMs: number
}

/** Of one pass over the partitions. */
interface PassLimits {
  readonly minBytes: number
  readonly maxBytes: number
  readonly isolationLevel: IsolationLevel
}

/**
 * Reads partitions, and once more when they have brought `minBytes` together or `maxWaitMs` is
 * over: what the second pass finds is the answer, whatever it is. An error is answered at once
 * (Kafka: ReplicaManager.fetchMessages).
 *
 * @param cancellation comes when nobody waits for the answer any more
 */
export function readOrWait(
  partitions: readonly PartitionToRead[],
  asked: FetchLimits,
  waiters: FetchWaiters,
  cancellation: Cancellation
): Promise<FetchReads> {
  const { maxBytes, maxWaitMs, isolationLevel } = asked
  const minBytes = Math.min(asked.minBytes, maxBytes)
  const limits = { minBytes, maxBytes, isolationLevel }
  const mayWait = partitions.length > 0 && minBytes > 0 && maxWaitMs > 0
  const wait = { minBytes, maxWaitMs, cancellation }
  const awaited = mayWait ? awaitedAtEnd(partitions, limits) : null
  if (awaited !== null)
    return waitAndRead(partitions, limits, waiters, { ...wait, partitions: awaited })
  const reads = readPartitions(partitions, limits)
  if (!mayWait) return reads
  return reads.then(async found => {
    if (found.size >= minBytes || found.hasErrors) return found
    const awaited = await withLeftOut(partitions, limits, found)
    if (awaited.reduce((size, each) => size + each.readSize, 0) >= minBytes) return found
    found.release()
    return waitAndRead(partitions, limits, waiters, { ...wait, partitions: awaited })
  })
}

/**
 * How the partitions stood, with what their limits have room for and no whole batch fits into. It
 * is there, so nobody waits for it: Kafka reads such a batch in part, and counts the part.
 */
async function withLeftOut(
  partitions: readonly PartitionToRead[],
  limits: PassLimits,
  found: FirstReads
): Promise<readonly AwaitedPartition[]> {
  const awaited: AwaitedPartition[] = []
  let size = 0
  for (const [index, each] of partitions.entries()) {
    const stood = found.awaited[index]!
    const result = found.results[index]!
    const leftOut = result.ok ? await sizeLeftOut(each, limits, size, result) : 0
    size += stood.readSize
    awaited.push({ ...stood, readSize: stood.readSize + leftOut })
  }
  return awaited
}

/** @param size bytes that were found before `read`, over all partitions */
async function sizeLeftOut(
  asked: PartitionToRead,
  limits: PassLimits,
  size: number,
  read: FetchedRecords
): Promise<number> {
  const request = readRequest(asked, limits, size)
  const room = request.maxBytes - read.size
  if (room <= 0) return 0
  const fromOffset = endOffsetOf(read.pieces.at(-1) ?? noBytes, asked.fetchOffset)
  const next = { ...request, fromOffset, maxBytes: 1, minOneBatch: true }
  if (asked.partition.readNothing(next) !== null) return 0
  const batches = await asked.partition.read(next)
  if (!batches.ok) return 0
  const leftOut = Math.min(room, batches.value.bytes.length)
  batches.value.release()
  return leftOut
}

function waitAndRead(
  partitions: readonly PartitionToRead[],
  limits: PassLimits,
  waiters: FetchWaiters,
  wait: WaitRequest
): Promise<FetchReads> {
  const waited = waiters.wait(wait)
  return waited.then(() => nothingIn(partitions, limits) ?? readPartitions(partitions, limits))
}

/** What a pass finds where nothing has come; null when the logs have to be asked. */
function nothingIn(partitions: readonly PartitionToRead[], limits: PassLimits): FetchReads | null {
  const results: FetchedRecords[] = []
  for (const each of partitions) {
    const nothing = each.partition.readNothing(readRequest(each, limits, 0))
    if (nothing === null || !nothing.ok) return null
    const { highWatermark, lastStableOffset, logStartOffset, abortedTransactions } = nothing.value
    results.push({
      ok: true,
      pieces: noPieces,
      size: 0,
      highWatermark,
      lastStableOffset,
      logStartOffset,
      abortedTransactions
    })
  }
  return { results, size: 0, hasErrors: false, release: nothingToRelease }
}

/**
 * How partitions stand whose reader has seen all that there is; null when one of them has
 * something for it, or refuses it. That is how a consumer waits, so nothing is made for an answer:
 * it would be held as often as there are consumers, until they have waited.
 */
function awaitedAtEnd(
  partitions: readonly PartitionToRead[],
  limits: PassLimits
): readonly AwaitedPartition[] | null {
  for (const each of partitions) {
    const nothing = each.partition.readNothing(readRequest(each, limits, 0))
    if (nothing === null || !nothing.ok) return null
  }
  return partitions.map(each => standing(each, limits.isolationLevel))
}

/** @param size bytes that the fetch has found already */
function readRequest(
  { fetchOffset, maxBytes, currentLeaderEpoch }: PartitionToRead,
  limits: PassLimits,
  size: number
): PartitionReadRequest {
  return {
    fromOffset: fetchOffset,
    maxBytes: Math.min(maxBytes, limits.maxBytes - size),
    isolationLevel: limits.isolationLevel,
    currentLeaderEpoch,
    minOneBatch: size === 0
  }
}

/** How a partition stands for a reader that has found nothing yet. */
function standing(
  { partition, fetchOffset, maxBytes }: PartitionToRead,
  isolationLevel: IsolationLevel
): AwaitedPartition {
  return {
    partition,
    visibleSize: partition.visibleSize,
    highWatermark: partition.highWatermark,
    lastStableOffset: partition.lastStableOffset,
    fetchOffset,
    isolationLevel,
    maxBytes,
    readSize: 0
  }
}

/**
 * Reads partitions one after the other until `maxBytes` are found. The first batch of the first
 * partition that has any is returned whole even if it exceeds the limits, or the client would never
 * get past it (KIP-74).
 */
export async function readPartitions(
  partitions: readonly PartitionToRead[],
  limits: PassLimits
): Promise<FirstReads> {
  const { minBytes, isolationLevel } = limits
  const results: (FetchedRecords | Failure<ErrorName>)[] = []
  const awaited: AwaitedPartition[] = []
  const reads: PartitionRead[] = []
  let size = 0
  let hasErrors = false
  for (const each of partitions) {
    const { partition } = each
    const stood = standing(each, isolationLevel)
    const request = readRequest(each, limits, size)
    const result = partition.readNothing(request) ?? (await partition.read(request))
    let readSize = 0
    if (result.ok) {
      const own = [result.value]
      if (result.value.bytes.length > 0) await readOn(partition, request, own, minBytes - size)
      reads.push(...own)
      const fetched = joined(own)
      readSize = fetched.size
      results.push(fetched)
    } else {
      hasErrors = true
      results.push(result)
    }
    size += readSize
    awaited.push({ ...stood, readSize })
  }
  const release = (): void => reads.forEach(each => each.release())
  return { results, size, hasErrors, release, awaited }
}

/**
 * Goes on where a first read has stopped short of what was asked: a log gives `logReadSizeMax` at a
 * time, and may stop at the end of a segment. Nobody is made to wait for bytes that are there.
 */
async function readOn(
  partition: Partition,
  request: PartitionReadRequest,
  reads: PartitionRead[],
  minBytes: number
): Promise<void> {
  let size = reads[0]!.bytes.length
  let fromOffset = request.fromOffset
  while (request.maxBytes > logReadSizeMax || size < minBytes) {
    const last = reads.at(-1)!
    if (last.bytes.length === 0 || size >= request.maxBytes) return
    fromOffset = endOffsetOf(last.bytes, fromOffset)
    const rest = { ...request, fromOffset, maxBytes: request.maxBytes - size, minOneBatch: false }
    const next = partition.readNothing(rest) ?? (await partition.read(rest))
    // What is unreadable there is told when the client comes to ask for it.
    if (!next.ok) return
    reads.push(next.value)
    size += next.value.bytes.length
  }
}

/**
 * The pieces of one partition as one; the bounds are those of the latest read, which saw the most.
 */
function joined(reads: readonly PartitionRead[]): FetchedRecords {
  const { highWatermark, lastStableOffset, logStartOffset } = reads.at(-1)!
  const pieces = reads.map(each => each.bytes).filter(each => each.length > 0)
  let { abortedTransactions } = reads[0]!
  if (abortedTransactions !== null && reads.length > 1) {
    const byFirstOffset = new Map<number, AbortedTransaction>()
    for (const each of reads) {
      for (const aborted of each.abortedTransactions ?? []) {
        byFirstOffset.set(aborted.firstOffset, aborted)
      }
    }
    abortedTransactions = [...byFirstOffset.values()].sort((a, b) => a.firstOffset - b.firstOffset)
  }
  return {
    ok: true,
    pieces,
    size: pieces.reduce((sum, each) => sum + each.length, 0),
    highWatermark,
    lastStableOffset,
    logStartOffset,
    abortedTransactions
  }
}

const noPieces: readonly Buffer[] = []
const noBytes = Buffer.alloc(0)

function nothingToRelease(): void {}
