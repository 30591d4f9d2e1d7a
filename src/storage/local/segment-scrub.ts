import { scrubChunkSize } from '../../limits.ts'
import type { Clock } from '../../io/clock.ts'
import { readBatchTable } from './batch-table.ts'
import { walkBatches, type DamagedBytes } from './batch-walk.ts'
import { batchTableSuffix, segmentPath } from './file-names.ts'
import type { LocalLog } from './local-log.ts'
import type { LogContext } from './log-context.ts'
import { ScanWindow } from './log-scan.ts'
import type { ReadSteps } from './read-steps.ts'
import { firstScrubPace, nextScrubPace, type ScrubPace } from './scrub-pace.ts'
import { readIndexes } from './segment-indexes.ts'
import type { Segment } from './segment.ts'
import { Sidecar } from './sidecar.ts'

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
 * Holds the sidecar of a sealed segment on disk against what is known of it in memory, and writes
 * it again if it does not hold.
 *
 * @returns whether it had to be written
 * @throws FileError when it cannot be written
 */
export function scrubSidecar(context: LogContext, log: LocalLog, segment: Segment): boolean {
  const { createdMs, isSparse, owner: whose } = segment
  const owner = { ...whose, createdMs, isSparse }
  const { path } = segment.sidecar.file
  const found = context.files.exists(path) ? Sidecar.read(context.files, path, owner) : null
  const holds =
    found !== null &&
    typeof found.identity === 'object' &&
    found.state !== null &&
    !found.stateDamaged &&
    !found.journalDamaged &&
    segment.sidecar.isJournal(found.journal)
  if (holds) return false
  // What is behind the durable end of the log is for the next start to check, and a note must not
  // say otherwise.
  if (log.durableEndOffset < segment.endOffset) return false
  context.logger.warn('a sidecar is damaged on disk and is written anew from memory', { path })
  segment.sidecar.rewrite(owner, {
    logStartOffset: log.logStartOffset,
    durableEndOffset: segment.endOffset,
    durablePosition: segment.size
  })
  return true
}

/**
 * Holds the index files of a sealed segment against its sidecar, and makes them anew if they do not
 * agree. The table of a compacted segment is looked at as well; one that is damaged is told of when
 * it is read from the batches.
 *
 * @throws FileError when the segment cannot be read
 */
export async function scrubIndexes(
  context: LogContext,
  log: LocalLog,
  folder: string,
  segment: Segment
): Promise<void> {
  const { baseOffset, isSparse, owner } = segment
  const { marks } = segment.sidecar
  const path = segmentPath(folder, baseOffset, batchTableSuffix)
  const found = isSparse ? await readBatchTable(context.files, path, owner) : null
  const holds = found === null || found.isWhole
  const batches = found?.table ?? null
  if (holds && (await readIndexes(context.files, folder, baseOffset, marks, batches)) !== null)
    return
  if (!log.segments.has(segment) || segment === log.segments.active) return
  context.indexes.forget(segment)
  segment.dropIndexes()
  await log.indexesOf(segment)
}
