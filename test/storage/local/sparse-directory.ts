import { silentLogger } from '../../../src/telemetry/logger.ts'
import { seededRandom } from '../../../src/io/seeded-random.ts'
import { batchTableSuffix, sidecarSuffix } from '../../../src/storage/local/file-names.ts'
import { CompactedSegment } from '../../../src/storage/local/compacted-segment.ts'
import { DirectoryContext } from '../../../src/storage/local/directory-context.ts'
import { segmentIdentity } from '../../../src/storage/local/log-folder.ts'
import { decideSwap } from '../../../src/storage/local/segment-swap.ts'
import type { AppendedBatch } from '../../../src/storage/partition-log.ts'
import { batchesOf } from '../batches.ts'
import { openOrders, orders, type TestDirectory } from './directory.ts'

export const folder = '/data/orders-0'
export const sparseConfigs = { segmentBytes: 600, indexIntervalBytes: 150 }

export function fileOf(baseOffset: number, suffix: string): string {
  return `${folder}/${String(baseOffset).padStart(20, '0')}${suffix}`
}

export const tableFile = fileOf(0, batchTableSuffix)
export const sidecarFile = fileOf(0, sidecarSuffix)

/** Batches of two and three records, with a timestamp each that rises. */
export function sparseBatches(count = 40): readonly AppendedBatch[] {
  const counts = Array.from({ length: count }, (_, index) => 2 + (index % 2))
  let baseOffset = 0
  return counts.map(each => {
    const [batch] = batchesOf([each], { baseOffset, timestampMs: 1000 + baseOffset })
    baseOffset += each
    return batch!
  })
}

/**
 * Fills a log and closes it, and leaves it as a crash does that comes when a compaction has decided
 * that one segment takes the place of all but the last two: it has every fifth batch of theirs.
 *
 * @returns what the log holds once that compaction is finished
 */
export async function swapBegun(directory: TestDirectory): Promise<readonly AppendedBatch[]> {
  const opened = await openOrders(directory, sparseConfigs)
  const batches = sparseBatches()
  for (const batch of batches) await opened.log.append(1, batch.baseOffset, [batch])
  const endOffset = opened.log.segments.all.at(-2)!.baseOffset
  await opened.directory.close()
  const { files, clock, durability, path } = directory
  const random = seededRandom(1)
  const means = { files, clock, durability, path, random, logger: silentLogger }
  const context = new DirectoryContext(means, () => {})
  context.clusterId = 'test-cluster'
  const identity = { ...segmentIdentity(context, orders, 0), isSparse: true }
  const compacted = new CompactedSegment(context, folder, identity)
  const kept = batches.filter(({ lastOffset }, index) => lastOffset < endOffset && index % 5 === 3)
  await compacted.append(
    kept.map(({ bytes }) => bytes),
    sparseConfigs.indexIntervalBytes
  )
  const note = { logStartOffset: 0, durableEndOffset: endOffset, durablePosition: 0 }
  const journal = [{ kind: 'leaderEpoch' as const, leaderEpoch: 0, startOffset: 0 }]
  await compacted.finish({ endOffset, note, journal })
  await decideSwap(context, folder, 0)
  return [...kept, ...batches.filter(({ baseOffset }) => baseOffset >= endOffset)]
}
