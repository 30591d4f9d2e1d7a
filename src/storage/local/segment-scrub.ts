import { scrubChunkSize } from '../../limits.ts'
import type { Clock } from '../../io/clock.ts'
import { encodeBatchTable, readBatchTable } from './batch-table.ts'
import { walkBatches, type DamagedBytes } from './batch-walk.ts'
import { replaceFile } from './checkpoint.ts'
import { batchTableSuffix, segmentPath } from './file-names.ts'
import type { LocalLog } from './local-log.ts'
import type { LogContext } from './log-context.ts'
import { ScanWindow } from './log-scan.ts'
import type { ReadSteps } from './read-steps.ts'
import { firstScrubPace, nextScrubPace, type ScrubPace } from './scrub-pace.ts'
import { readIndexes } from './segment-indexes.ts'
import type { Segment } from './segment.ts'
import { sealKey } from './sidecar-format.ts'
import type { Sidecar } from './sidecar.ts'

/** How fast a scrub may go, and how it waits. */
export interface ScrubPacing {
  readonly clock: Clock
  readonly bytesPerSecond: number
  /** Waits; false when the scrub has to end. */
  readonly pause: (delayMs: number) => Promise<boolean>
}

/**
 * Reads a sealed segment and checks every batch of it.
 *
 * @returns what is damaged; null when the scrub was stopped on the way
 * @throws FileError when the segment cannot be opened
 */
export async function scrubBatches(
  context: LogContext,
  log: LocalLog,
  segment: Segment,
  pacing: ScrubPacing
): Promise<readonly DamagedBytes[] | null> {
  const damage: DamagedBytes[] = []
  const batches = segment.isSparse ? (await log.indexesOf(segment)).batches : null
  const window = new ScanWindow(segment.log, segment.size, context.buffers, scrubChunkSize)
  try {
    const steps = walkBatches(window, {
      baseOffset: segment.baseOffset,
      size: segment.size,
      endOffset: segment.endOffset,
      isContiguous: !segment.isSparse,
      batches,
      epochs: log.epochs,
      newEpochsFrom: Infinity,
      onBatch: () => {},
      onDamage: found => void damage.push(found)
    })
    return (await runPaced(steps, pacing)) ? damage : null
  } finally {
    window.release()
  }
}

/** Runs steps a read at a time, with pauses between; false when they were stopped. */
async function runPaced<T>(
  steps: ReadSteps<T>,
  { clock, bytesPerSecond, pause }: ScrubPacing
): Promise<boolean> {
  let pace: ScrubPace = firstScrubPace
  let next = steps.next()
  while (next.done !== true) {
    const { file, target, position } = next.value
    const pausedMs = clock.monotonicMs()
    if (!(await pause(pace.delayMs))) return false
    const startedMs = clock.monotonicMs()
    file.pin()
    try {
      const size = await file.get().read(target, position)
      const readMs = clock.monotonicMs() - startedMs
      const lateMs = startedMs - pausedMs - pace.delayMs
      pace = nextScrubPace(pace, { size, readMs, lateMs }, bytesPerSecond)
      next = steps.next(size)
    } catch (error) {
      next = steps.throw(error)
    } finally {
      file.unpin()
    }
  }
  return true
}

/**
 * Holds the sidecar of a segment on disk against what is known of it in memory, and writes again
 * what does not hold, durably.
 *
 * @returns whether something had to be written
 * @throws FileError when it cannot be written
 */
export async function scrubSidecar(
  context: LogContext,
  log: LocalLog,
  segment: Segment
): Promise<boolean> {
  const { createdMs, isSparse, owner, sidecar } = segment
  const identity = { ...owner, createdMs, isSparse }
  const { path } = sidecar.file
  const isThere = context.files.exists(path)
  const isMended = isThere
    ? sidecar.mend(identity)
    : await log.structure.run(() => sidecar.restore(context.files, identity))
  if (!isMended) return false
  context.logger.warn('a sidecar is damaged on disk and is written anew from memory', { path })
  if (isThere && context.durability !== 'memory') await synced(context, sidecar)
  return true
}

/** A sync that fails stops the log directory, whoever asked for it. */
async function synced(context: LogContext, sidecar: Sidecar): Promise<void> {
  try {
    await sidecar.sync()
  } catch (error) {
    context.fail(error)
    throw error
  }
}

/**
 * Holds the index files of a sealed segment against its sidecar, and makes them anew if they do not
 * agree.
 *
 * @throws FileError when the segment cannot be read
 */
export async function scrubIndexes(
  context: LogContext,
  log: LocalLog,
  folder: string,
  segment: Segment
): Promise<void> {
  const { marks } = segment.sidecar
  if ((await readIndexes(context.files, folder, segment.baseOffset, marks)) !== null) return
  if (!log.segments.has(segment) || segment === log.segments.active) return
  context.indexes.forget(segment)
  segment.dropIndexes()
  await log.indexesOf(segment)
}

/**
 * Looks at the table of a compacted segment in which no batch is damaged, and writes one that does
 * not hold anew, durably. Where a batch is damaged, only the table on disk can tell that there was
 * one: then a repair decides.
 *
 * @throws FileError when a file cannot be read or written
 */
export async function scrubTable(
  context: LogContext,
  log: LocalLog,
  folder: string,
  segment: Segment
): Promise<void> {
  const { files, logger } = context
  const { baseOffset, endOffset, owner, size } = segment
  const path = segmentPath(folder, baseOffset, batchTableSuffix)
  if (!segment.isSparse || (await readBatchTable(files, path, owner)).isWhole) return
  const { batches } = await log.indexesOf(segment)
  if (batches === null || !log.segments.has(segment)) return
  logger.warn('the table of a compacted segment is damaged on disk and is written anew', { path })
  const bytes = encodeBatchTable(batches, { endOffset, size }, sealKey(owner))
  await log.structure.run(async () => {
    if (log.segments.has(segment)) await replaceFile(files, path, bytes)
  })
}
