import type { Files } from '../../io/files.ts'
import { batchSize, lastOffset, recordCount } from '../../record/batch.ts'
import type { DamagedBytes } from '../../storage/local/batch-walk.ts'
import { parsePartitionFolderName } from '../../storage/local/file-names.ts'
import { indexedBatch, readIndexes } from '../../storage/local/segment-indexes.ts'
import { damagedParts } from '../../storage/local/sidecar.ts'
import type { Mark } from '../../storage/local/sidecar-format.ts'
import { faultMeanings, fileFinding, type Finding } from './findings.ts'
import { offsetIndexEntries, timeIndexEntries } from './index-entries.ts'
import type { LogTarget } from './log-target.ts'
import { bytesOf, type PartitionFolder, type SegmentFiles } from './partition-folder.ts'
import { lostOfTable, scanSegment, type SegmentScan } from './segment-scan.ts'

export interface SegmentToVerify {
  readonly files: Files
  readonly target: LogTarget
  readonly folder: PartitionFolder
  readonly segment: SegmentFiles
  /** The log must reach this offset: it was promised. */
  readonly endOffsetMin: number
  readonly report: (finding: Finding) => void
}

export interface VerifiedSegment extends SegmentScan {
  readonly batchCount: number
  readonly recordCount: number
}

/** Checks the batches of a segment, and its sidecar and indexes against them. */
export async function verifySegment(segment: SegmentToVerify): Promise<VerifiedSegment> {
  const checks = [offsetIndexCheck(segment), timeIndexCheck(segment), markCheck(segment)]
  let batchCount = 0
  let recordsCounted = 0
  const scan = scanSegment(
    segment.files,
    segment.folder,
    segment.segment,
    (buffer, at, position) => {
      batchCount++
      recordsCounted += recordCount(buffer, at)
      const seen: SeenBatch = {
        position,
        end: position + batchSize(buffer, at),
        lastOffset: lastOffset(buffer, at),
        maxTimestampMs: indexedBatch(buffer, at).maxTimestampMs
      }
      for (const check of checks) check.batch(seen)
    },
    damage => {
      for (const check of checks) check.damage(damage)
    }
  )
  for (const damage of scan.damage) segment.report(damageFinding(segment, damage))
  reportLostEnd(segment, scan)
  for (const check of checks) check.end()
  await verifySidecar(segment)
  return { ...scan, batchCount, recordCount: recordsCounted }
}

interface SeenBatch {
  readonly position: number
  /** The position behind it. */
  readonly end: number
  readonly lastOffset: number
  readonly maxTimestampMs: number
}

interface Check {
  batch(seen: SeenBatch): void
  /** What cannot be held against anything, since the batches are not known. */
  damage(damage: DamagedBytes): void
  end(): void
}

/** Once is enough to say that a file is in doubt. */
function once(segment: SegmentToVerify, file: string, fault: string): (meaning: string) => void {
  let isSaid = false
  return meaning => {
    if (!isSaid) segment.report(fileFinding('derived', file, fault, meaning))
    isSaid = true
  }
}

/**
 * Entries name the position of a batch and its last offset. Kafka's may name the last offset of a
 * later batch: of the last one that was written together with the first.
 */
function offsetIndexCheck(segment: SegmentToVerify): Check {
  const { files, folder } = segment
  const { offsetIndexPath, baseOffset } = segment.segment
  const doubt = once(segment, offsetIndexPath, 'OFFSET_INDEX')
  const entries = offsetIndexEntries(bytesOf(files, offsetIndexPath) ?? Buffer.alloc(0), baseOffset)
  let positions = 0
  let offsets = 0
  return {
    batch({ position, lastOffset: offset }) {
      const begun = entries[positions]
      if (begun !== undefined && begun.position <= position) {
        positions++
        const holds = folder.hasSidecars ? begun.lastOffset === offset : begun.lastOffset >= offset
        if (begun.position < position || !holds) {
          doubt(
            `its entry ${positions} names offset ${begun.lastOffset} at ${begun.position}, wrongly`
          )
        }
      }
      const ended = entries[offsets]
      if (ended === undefined || ended.lastOffset > offset) return
      offsets++
      if (ended.lastOffset < offset) {
        doubt(`its entry ${offsets} names offset ${ended.lastOffset}, where no batch ends`)
      }
    },
    damage({ toPosition, toOffset }) {
      while ((entries[positions]?.position ?? Infinity) < toPosition) positions++
      while ((entries[offsets]?.lastOffset ?? Infinity) < toOffset) offsets++
    },
    end() {
      const entry = entries[Math.min(positions, offsets)]
      if (entry === undefined) return
      doubt(`its entry for offset ${entry.lastOffset} at ${entry.position} is behind the batches`)
    }
  }
}

/** No batch up to the one that an entry names has a larger timestamp. */
function timeIndexCheck(segment: SegmentToVerify): Check {
  const { files, folder } = segment
  const { timeIndexPath, baseOffset } = segment.segment
  const doubt = once(segment, timeIndexPath, 'TIME_INDEX')
  const entries = timeIndexEntries(bytesOf(files, timeIndexPath) ?? Buffer.alloc(0), baseOffset)
  let next = 0
  let largest = -1
  let isWhole = true
  const settle = (upTo: number): void => {
    for (let entry = entries[next]; entry !== undefined; entry = entries[++next]) {
      if (entry.lastOffset >= upTo) return
      const holds =
        folder.hasSidecars && isWhole ? entry.timestampMs === largest : entry.timestampMs >= largest
      if (!holds) doubt(`its entry ${next + 1} says ${entry.timestampMs}, the batches ${largest}`)
    }
  }
  return {
    batch({ lastOffset: offset, maxTimestampMs: timestampMs }) {
      settle(offset)
      largest = Math.max(largest, timestampMs)
    },
    damage: () => void (isWhole = false),
    end: () => settle(Infinity)
  }
}

/** A mark stands where a batch ends. */
function markCheck(segment: SegmentToVerify): Check {
  const { sidecar, sidecarPath, batchTable } = segment.segment
  const doubt = once(segment, sidecarPath, 'MARK')
  const marks = marksOf(sidecar)
  let next = 0
  let lastEnd = -1
  return {
    batch({ end, lastOffset: offset }) {
      lastEnd = end
      const mark = marks[next]
      if (mark === undefined || mark.position > end) return
      next++
      const endsThere =
        batchTable === null ? mark.endOffset === offset + 1 : mark.endOffset > offset
      const holds = mark.position === end && endsThere
      if (!holds) doubt(`its mark at ${mark.position} is where no batch ends`)
    },
    damage({ toPosition }) {
      lastEnd = toPosition
      while ((marks[next]?.position ?? Infinity) <= toPosition) next++
    },
    end() {
      const mark = marks[next]
      if (mark !== undefined)
        doubt(`its mark at ${mark.position} is behind the batches (${lastEnd})`)
    }
  }
}

function marksOf(sidecar: SegmentFiles['sidecar']): readonly Mark[] {
  return (sidecar?.journal ?? []).filter(entry => entry.kind === 'mark')
}

/** What follows the durable end after a crash was never promised: recovery cuts it off. */
function damageFinding(
  { target, folder, segment, endOffsetMin }: SegmentToVerify,
  damage: DamagedBytes
): Finding {
  const isLast = segment === folder.segments.at(-1)
  const reachesEnd = isLast && damage.toPosition === segment.size
  const isTail = !target.isClean && reachesEnd && damage.fromOffset >= endOffsetMin
  const { fault, fromOffset, toOffset, fromPosition, toPosition } = damage
  const tail = 'a torn tail, or an append under way: it was never acknowledged as durable'
  return {
    severity: isTail ? 'note' : 'damage',
    file: segment.logPath,
    fault: isTail ? 'TAIL' : fault,
    fromOffset,
    toOffset: toOffset > fromOffset ? toOffset : null,
    fromPosition,
    toPosition,
    meaning: isTail ? tail : faultMeanings[fault]
  }
}

function reportLostEnd(segment: SegmentToVerify, scan: SegmentScan): void {
  const { folder, endOffsetMin } = segment
  const lost = lostOfTable(segment.segment, scan)
  if (lost !== null) {
    segment.report({
      ...fileFinding('damage', segment.segment.logPath, 'MISSING', faultMeanings.MISSING),
      ...lost,
      fromPosition: scan.size,
      toPosition: scan.size
    })
  }
  const isLast = segment.segment === folder.segments.at(-1)
  if (!isLast || scan.endOffset >= endOffsetMin) return
  if (scan.damage.some(({ toPosition }) => toPosition === scan.size)) return
  segment.report({
    ...fileFinding('damage', segment.segment.logPath, 'MISSING', faultMeanings.MISSING),
    fromOffset: scan.endOffset,
    toOffset: endOffsetMin,
    fromPosition: scan.size,
    toPosition: scan.size
  })
}

async function verifySidecar(segment: SegmentToVerify): Promise<void> {
  const { files, folder, report } = segment
  const { sidecar, sidecarPath, baseOffset, batchTable, batchTablePath } = segment.segment
  if (!folder.hasSidecars) return
  if (batchTable?.isWhole === false) {
    const meaning = 'it is missing or damaged: nothing vouches for the offsets of the batches'
    report(fileFinding('derived', batchTablePath, 'BATCH_TABLE', meaning))
  }
  if (sidecar === null) {
    const meaning = 'it is missing or cannot be read: the broker writes it anew from the batches'
    report(fileFinding('derived', sidecarPath, 'SIDECAR', meaning))
    return
  }
  const { identity } = sidecar
  const parts = damagedParts(sidecar)
  if (parts.length > 0) {
    const verb = parts.length === 1 ? 'does' : 'do'
    const meaning = `its ${parts.join(' and ')} ${verb} not hold`
    report(fileFinding('derived', sidecarPath, 'SIDECAR', meaning))
  }
  if (identity === 'newer') {
    report(fileFinding('damage', sidecarPath, 'NEWER', 'a newer version of odradek wrote it'))
  } else if (typeof identity === 'object' && isForeign(segment, identity)) {
    const meaning = 'it belongs to another log: the broker does not start'
    report(fileFinding('damage', sidecarPath, 'FOREIGN', meaning))
  }
  const indexes = await readIndexes(files, folder.path, baseOffset, marksOf(sidecar))
  if (indexes !== null) return
  const meaning =
    'its index files are not those it vouches for: they are made anew from the batches'
  report(fileFinding('derived', sidecarPath, 'INDEX_CHECKSUM', meaning))
}

function isForeign(
  { target, folder, segment }: SegmentToVerify,
  identity: { readonly [key in 'partition' | 'baseOffset']: number } & {
    readonly clusterId: string
    readonly topicId: Buffer
  }
): boolean {
  const name = parsePartitionFolderName(folder.path.slice(folder.path.lastIndexOf('/') + 1))
  const topicId = identity.topicId.toString('base64url')
  return (
    identity.baseOffset !== segment.baseOffset ||
    (name !== null && name.partition !== identity.partition) ||
    topicId !== (folder.sidecarTopicId ?? folder.topicId ?? topicId) ||
    (target.identity !== null && target.identity.clusterId !== identity.clusterId)
  )
}
