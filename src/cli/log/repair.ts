import type { Clock } from '../../io/clock.ts'
import type { Files } from '../../io/files.ts'
import { batchHeaderSize, batchSize, lastOffsetDelta } from '../../record/batch.ts'
import { crcHolds } from '../../storage/local/batch-check.ts'
import type { BatchFault, DamagedBytes } from '../../storage/local/batch-walk.ts'
import { clusterMetadataTopic } from '../../cluster/topic-name.ts'
import { replaceFile } from '../../storage/local/checkpoint.ts'
import { metaPropertiesName, swapSuffix } from '../../storage/local/file-names.ts'
import { relativeOffsetMax } from '../../storage/local/offset-index.ts'
import { isFileError } from '../../storage/local/read-steps.ts'
import { promisedEnd } from './verify.ts'
import { LogTargetError, type LogTarget } from './log-target.ts'
import { lostSidecars, withSidecars, type LostSidecar } from './lost-sidecars.ts'
import { readPartitionFolder, type PartitionFolder, type SegmentFiles } from './partition-folder.ts'
import {
  planRepair,
  restoredBatch,
  type RepairableDamage,
  type SegmentRepair
} from './repair-plan.ts'
import { lostOfTable, scanSegment, type SegmentScan } from './segment-scan.ts'
import { writeRepair } from './write-repair.ts'

export interface RepairOptions {
  readonly files: Files
  readonly clock: Clock
  /** Says what is found and what is done, a line at a time. */
  readonly say: (line: string) => void
}

/** What a repair comes to. */
export interface RepairOutcome {
  readonly gaps: number
  readonly restored: number
  /** Of compacted segments. */
  readonly tables: number
  readonly lostOffsets: number
}

/** What of a partition is damaged or missing. */
export interface RepairPlan {
  /** As it is with the sidecars that are missing. */
  readonly folder: PartitionFolder
  readonly sidecars: readonly LostSidecar[]
  readonly repairs: readonly SegmentRepair[]
}

/**
 * Finds what of a partition is damaged and was promised, and what a repair would make of it.
 * Nothing is changed.
 *
 * @throws LogTargetError when the partition is none that can be repaired, FileError when it cannot
 *   be read
 */
export function planRepairs(given: Files, target: LogTarget, wallMs: number): RepairPlan {
  const [path] = target.folders
  if (target.kind !== 'partition' || path === undefined) {
    throw new LogTargetError(
      target.kind === 'dataDirectory'
        ? `${target.path} is a data directory: --topic and --partition say which one is meant`
        : `${target.path} is not the folder of a partition`
    )
  }
  const found = readPartitionFolder(given, path)
  checkRepairable(target, found)
  const sidecars = lostSidecars(given, target, found, wallMs)
  const files = sidecars.length === 0 ? given : withSidecars(given, sidecars)
  const folder = sidecars.length === 0 ? found : readPartitionFolder(files, path)
  if (files.list(path).some(({ name }) => name.endsWith(swapSuffix))) {
    throw new LogTargetError(
      `${path} has a compaction half done: start the broker once, then repair`
    )
  }
  const endOffsetMin = promisedEnd(files, target, folder)
  const repairs: SegmentRepair[] = []
  for (const segment of folder.segments) {
    const damages = damagesOf(files, target, folder, segment, endOffsetMin)
    const writesTable = segment.batchTable?.isWhole === false
    if (damages.length === 0 && !writesTable) continue
    const repair = planRepair(segment.baseOffset, segment.size ?? 0, damages)
    repairs.push({ ...repair, writesTable })
  }
  return { folder, sidecars, repairs }
}

function checkRepairable(target: LogTarget, { path, name }: PartitionFolder): void {
  if (!target.isOurs) {
    throw new LogTargetError(
      `${path} is not in a data directory of odradek: its own program has to repair it, or a ` +
        'broker of odradek takes it over with odradek log import'
    )
  }
  if (target.identity === null || name === null) {
    throw new LogTargetError(
      `${target.directory}/${metaPropertiesName} is damaged, so that nothing says whose the logs ` +
        'are: restore it from a backup first'
    )
  }
  if (name.topic !== clusterMetadataTopic) return
  throw new LogTargetError(
    `${path} cannot do without any of its records: topics, configs and ids would be forgotten. ` +
      'Restore the folder from a backup; without one, start a broker on a new data directory, ' +
      'create the topics, stop it, and take each partition over with odradek log import'
  )
}

/**
 * Writes the sidecars that are missing, each in one step.
 *
 * @throws FileError when a file cannot be written
 */
export async function writeSidecars(files: Files, sidecars: readonly LostSidecar[]): Promise<void> {
  for (const { path, bytes } of sidecars) await replaceFile(files, path, bytes)
}

/** A line for each sidecar that is missing. */
export function describeSidecars(
  sidecars: readonly LostSidecar[],
  say: (line: string) => void
): void {
  for (const { baseOffset } of sidecars) {
    say(
      `sidecar: that of the segment ${baseOffset} is missing, and written anew: what is in the ` +
        'segment counts as acknowledged'
    )
  }
}

/**
 * Makes gaps of what is damaged, and puts headers right where only they are. The bytes that go are
 * kept in `lost-and-found` first.
 *
 * @throws FileError when a file cannot be written
 */
export async function applyRepairs(
  { files, clock, say }: RepairOptions,
  target: LogTarget,
  folder: PartitionFolder,
  repairs: readonly SegmentRepair[]
): Promise<void> {
  for (const repair of repairs) {
    const segment = folder.segments.find(({ baseOffset }) => baseOffset === repair.baseOffset)!
    await writeRepair({
      files,
      clock,
      target,
      folder,
      segment,
      repair,
      wallMs: clock.wallMs(),
      say
    })
  }
}

/** What the repairs of a partition come to, and a line for each of their parts. */
export function describeRepairs(
  repairs: readonly SegmentRepair[],
  say: (line: string) => void
): RepairOutcome {
  let gaps = 0
  let restored = 0
  let tables = 0
  let lostOffsets = 0
  for (const { baseOffset, pieces, writesTable } of repairs) {
    if (writesTable) tables++
    if (writesTable) say(`table: that of the segment ${baseOffset} is damaged, and written anew`)
    for (const piece of pieces) {
      if (piece.kind === 'copy') continue
      const { fromOffset, toOffset, fromPosition, toPosition } = piece
      const place =
        `offsets ${fromOffset} to ${toOffset - 1}, bytes ${fromPosition} to ${toPosition} of the ` +
        `segment ${baseOffset}`
      if (piece.kind === 'gap') {
        gaps++
        lostOffsets += toOffset - fromOffset
        say(`gap: ${place}: their records are given up`)
      } else {
        restored++
        say(`header: ${place}: only the header is wrong, and is put right; no record is lost`)
      }
    }
  }
  return { gaps, restored, tables, lostOffsets }
}

function damagesOf(
  files: Files,
  target: LogTarget,
  folder: PartitionFolder,
  segment: SegmentFiles,
  endOffsetMin: number
): readonly RepairableDamage[] {
  const scan = scanSegment(files, folder, segment, () => {})
  if (segment.batchTable !== null) return sparseDamages(files, folder, segment, scan)
  const isLast = segment === folder.segments.at(-1)
  const damages: RepairableDamage[] = []
  for (const found of scan.damage) {
    // Behind the durable end nothing was promised, and the next start cuts it off.
    const reachesEnd = isLast && found.toPosition === scan.size
    if (reachesEnd && !target.isClean && found.fromOffset >= endOffsetMin) continue
    const toOffset = reachesEnd ? Math.max(found.toOffset, endOffsetMin) : found.toOffset
    if (toOffset <= found.fromOffset) continue
    damages.push({
      damage: { ...found, toOffset },
      restored: restorable(files, folder, segment, { ...found, toOffset })
    })
  }
  const end = Math.max(scan.endOffset, damages.at(-1)?.damage.toOffset ?? 0)
  if (isLast && end < endOffsetMin) damages.push(lostAt(scan.size, end, endOffsetMin))
  const first = folder.segments[0]
  const start = folder.state?.logStartOffset ?? segment.baseOffset
  if (segment === first && start < segment.baseOffset) {
    throw new LogTargetError(
      `${folder.path} has no segment for the offsets ${start} to ${segment.baseOffset - 1}: ` +
        'restore it, or delete records up to there once the broker runs'
    )
  }
  if (end - segment.baseOffset > relativeOffsetMax) {
    throw new LogTargetError(`${segment.logPath} cannot hold a gap up to offset ${end}`)
  }
  return damages
}

/** Where compaction has taken records out, a table says which batches there are. */
function sparseDamages(
  files: Files,
  folder: PartitionFolder,
  segment: SegmentFiles,
  scan: SegmentScan
): readonly RepairableDamage[] {
  const damages = scan.damage.map(damage => ({
    damage,
    restored: restorableSparse(files, folder, segment, damage)
  }))
  const lost = lostOfTable(segment, scan)
  return lost === null ? damages : [...damages, lostAt(scan.size, lost.fromOffset, lost.toOffset)]
}

function lostAt(position: number, fromOffset: number, toOffset: number): RepairableDamage {
  const damage = { fromPosition: position, toPosition: position, fromOffset, toOffset }
  return { damage, restored: null }
}

/** What may be wrong with a batch whose checksum holds. */
const headerFaults: ReadonlySet<BatchFault> = new Set(['BASE_OFFSET', 'LEADER_EPOCH', 'MAGIC'])

/** The batch as it was, when its checksum holds and it fits between its neighbours. */
function restorable(
  files: Files,
  folder: PartitionFolder,
  segment: SegmentFiles,
  damage: DamagedBytes
): Buffer | null {
  const { fromPosition, toPosition, fromOffset, toOffset, fault } = damage
  if (!headerFaults.has(fault)) return null
  const bytes = readRange(files, segment.logPath, fromPosition, toPosition)
  if (bytes === null || bytes.length < batchHeaderSize) return null
  if (batchSize(bytes, 0) !== bytes.length || !crcHolds(bytes, 0)) return null
  if (fromOffset + lastOffsetDelta(bytes, 0) + 1 !== toOffset) return null
  return restoredBatch(bytes, fromOffset, folder.epochs?.at(fromOffset) ?? -1)
}

function restorableSparse(
  files: Files,
  folder: PartitionFolder,
  { logPath, batchTable }: SegmentFiles,
  damage: DamagedBytes
): Buffer | null {
  const { fromPosition, toPosition, toOffset, fault } = damage
  const fromOffset = batchTable?.isWhole === true ? batchTable.table.offsetOf(fromPosition) : -1
  if (fromOffset < 0 || !headerFaults.has(fault)) return null
  const bytes = readRange(files, logPath, fromPosition, toPosition)
  if (bytes === null || bytes.length < batchHeaderSize) return null
  if (batchSize(bytes, 0) !== bytes.length || !crcHolds(bytes, 0)) return null
  if (fromOffset + lastOffsetDelta(bytes, 0) >= toOffset) return null
  return restoredBatch(bytes, fromOffset, folder.epochs?.at(fromOffset) ?? -1)
}

/** Bytes of a file; null when the disk does not give them back. */
export function readRange(files: Files, path: string, from: number, to: number): Buffer | null {
  const file = files.open(path, 'read')
  try {
    const bytes = Buffer.alloc(to - from)
    return bytes.subarray(0, file.readSync(bytes, from))
  } catch (error) {
    if (isFileError(error)) return null
    throw error
  } finally {
    file.close()
  }
}
