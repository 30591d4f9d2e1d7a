import type { Files } from '../../io/files.ts'
import { batchSize, lastOffset, maxTimestampMs, recordCount } from '../../record/batch.ts'
import * as batch from '../../record/batch.ts'
import type { DamagedBytes } from '../../storage/local/batch-walk.ts'
import { segmentPath, snapshotSuffix } from '../../storage/local/file-names.ts'
import {
  offsetIndexEntries,
  timeIndexEntries,
  txnIndexEntries,
  type AbortedTransactionEntry,
  type OffsetIndexEntry,
  type TimeIndexEntry
} from './index-entries.ts'
import { foldersOf, segmentsOf, type LogTarget } from './log-target.ts'
import {
  bytesOf,
  txnIndexSuffix,
  type PartitionFolder,
  type SegmentFiles
} from './partition-folder.ts'
import { decodeProducerSnapshot, type ProducerSnapshot } from './producer-snapshot.ts'
import { scanSegment } from './segment-scan.ts'
import { batchView, recordViews, type BatchView, type RecordView } from './views.ts'

/** What is to be shown of a log; offsets are those of records. */
export interface InspectOptions {
  readonly records: boolean
  readonly fromOffset: number
  /** Exclusive. */
  readonly toOffset: number
}

export interface SnapshotView extends ProducerSnapshot {
  readonly file: string
}

/** What is known of a segment without looking at its batches. */
export interface SegmentView {
  readonly files: SegmentFiles
  readonly offsetIndex: readonly OffsetIndexEntry[]
  readonly timeIndex: readonly TimeIndexEntry[]
  readonly abortedTransactions: readonly AbortedTransactionEntry[]
}

/** What the batches of a segment add up to. */
export interface SegmentTotals {
  /** The offset after the last sound batch. */
  readonly endOffset: number
  readonly batchCount: number
  readonly recordCount: number
  readonly firstTimestampMs: number
  /** -1: no batch has a timestamp. */
  readonly largestTimestampMs: number
  readonly damage: readonly DamagedBytes[]
}

/** Takes what is found, in the order of the log, and shows it. */
export interface InspectSink {
  begin(target: LogTarget): void
  partition(folder: PartitionFolder, snapshots: readonly SnapshotView[]): void
  segment(segment: SegmentView): void
  batch(view: BatchView): void
  /** A sentence instead of records when they cannot be read. */
  records(views: readonly RecordView[] | string, batch: BatchView): void
  segmentEnd(totals: SegmentTotals): void
  partitionEnd(): void
  end(): void
}

/**
 * Shows what a log holds. Nothing is locked and nothing is written, so a broker may be running;
 * what it appends meanwhile is not seen.
 *
 * @throws FileError when a file cannot be opened
 */
export function inspectLog(
  files: Files,
  target: LogTarget,
  options: InspectOptions,
  sink: InspectSink
): void {
  sink.begin(target)
  for (const folder of foldersOf(files, target)) {
    sink.partition(folder, snapshotsOf(files, folder))
    for (const segment of segmentsOf(target, folder)) {
      if (isWanted(folder, segment, options)) inspectSegment(files, folder, segment, options, sink)
    }
    sink.partitionEnd()
  }
  sink.end()
}

function snapshotsOf(files: Files, folder: PartitionFolder): readonly SnapshotView[] {
  return folder.snapshots.map(offset => {
    const file = segmentPath(folder.path, offset, snapshotSuffix)
    return { file, ...decodeProducerSnapshot(bytesOf(files, file) ?? Buffer.alloc(0)) }
  })
}

function isWanted(
  folder: PartitionFolder,
  segment: SegmentFiles,
  { fromOffset, toOffset }: InspectOptions
): boolean {
  const next = folder.segments[folder.segments.indexOf(segment) + 1]?.baseOffset ?? Infinity
  return segment.baseOffset < toOffset && next > fromOffset
}

function inspectSegment(
  files: Files,
  folder: PartitionFolder,
  segment: SegmentFiles,
  { records, fromOffset, toOffset }: InspectOptions,
  sink: InspectSink
): void {
  const { baseOffset } = segment
  const txnIndexPath = segmentPath(folder.path, baseOffset, txnIndexSuffix)
  const nothing = Buffer.alloc(0)
  sink.segment({
    files: segment,
    offsetIndex: offsetIndexEntries(bytesOf(files, segment.offsetIndexPath) ?? nothing, baseOffset),
    timeIndex: timeIndexEntries(bytesOf(files, segment.timeIndexPath) ?? nothing, baseOffset),
    abortedTransactions: txnIndexEntries(bytesOf(files, txnIndexPath) ?? nothing)
  })
  const place = { topic: folder.name?.topic ?? null, partition: folder.name?.partition ?? null }
  const totals = { batchCount: 0, recordCount: 0, firstTimestampMs: -1, largestTimestampMs: -1 }
  const scan = scanSegment(files, folder, segment, (buffer, at, position) => {
    const timestampMs = maxTimestampMs(buffer, at)
    if (totals.batchCount === 0) totals.firstTimestampMs = timestampMs
    totals.batchCount++
    totals.recordCount += recordCount(buffer, at)
    totals.largestTimestampMs = Math.max(totals.largestTimestampMs, timestampMs)
    if (lastOffset(buffer, at) < fromOffset || batch.baseOffset(buffer, at) >= toOffset) return
    const view = batchView(buffer, at, position)
    sink.batch(view)
    if (!records) return
    const views = recordViews(place, buffer.subarray(at, at + batchSize(buffer, at)), 0)
    const isWithin = ({ offset }: RecordView): boolean => offset >= fromOffset && offset < toOffset
    sink.records(typeof views === 'string' ? views : views.filter(isWithin), view)
  })
  sink.segmentEnd({ ...totals, endOffset: scan.endOffset, damage: scan.damage })
}
