import { unreachable } from '../../base/assert.ts'
import type { DamagedBytes } from '../../storage/local/batch-walk.ts'
import type { JournalEntry } from '../../storage/local/sidecar-format.ts'
import { counted } from './counted.ts'
import { faultMeanings } from './findings.ts'
import type { InspectSink, SegmentTotals, SegmentView, SnapshotView } from './inspect.ts'
import type { LogTarget } from './log-target.ts'
import { damagedParts } from '../../storage/local/sidecar.ts'
import type { PartitionFolder } from './partition-folder.ts'
import { toJson, type BatchView, type BytesView, type RecordView } from './views.ts'

/** Columns of a line, at most: records are cut to it, `--json` has them whole. */
const lineWidth = 100

type Column = readonly [title: string, width: number, align: 'left' | 'right']

const batchColumns: readonly Column[] = [
  ['offsets', 16, 'left'],
  ['position', 10, 'right'],
  ['size', 8, 'right'],
  ['codec', 6, 'left'],
  ['records', 7, 'right'],
  ['producer', 15, 'left'],
  ['epoch', 5, 'right'],
  ['largest timestamp', 20, 'left'],
  ['flags', 5, 'left']
]

const partitionColumns: readonly Column[] = [
  ['partition', 34, 'left'],
  ['segments', 8, 'right'],
  ['bytes', 14, 'right'],
  ['offsets', 20, 'left'],
  ['batches', 8, 'right'],
  ['damage', 6, 'right']
]

/** Shows a log to people; a data directory as one line for each partition. */
export function textSink(write: (text: string) => void, showsRecords: boolean): InspectSink {
  let kind: LogTarget['kind'] = 'partition'
  let folder: PartitionFolder | null = null
  let totals: SegmentTotals[] = []
  let isTableOpen = false
  const line = (text: string): void => write(`${text}\n`)
  const isOverview = (): boolean => kind === 'dataDirectory' && !showsRecords
  return {
    begin(target) {
      kind = target.kind
      line(introduction(target))
      if (isOverview()) line(`\n${row(partitionColumns, titles(partitionColumns))}`)
    },
    partition(found, snapshots) {
      folder = found
      totals = []
      if (!isOverview()) for (const text of partitionLines(found, snapshots)) line(text)
    },
    segment(segment) {
      isTableOpen = false
      if (!isOverview()) for (const text of segmentLines(segment, kind === 'segment')) line(text)
    },
    batch(view) {
      if (isOverview()) return
      if (!isTableOpen) line(row(batchColumns, titles(batchColumns)))
      isTableOpen = !showsRecords
      line(row(batchColumns, batchCells(view)))
    },
    records(views) {
      if (typeof views === 'string') line(`  cannot be read: ${views}`)
      else for (const view of views) line(recordLine(view))
    },
    segmentEnd(found) {
      totals.push(found)
      if (isOverview()) return
      for (const damage of found.damage) line(`! ${damageText(damage)}`)
      line(totalsLine(found))
    },
    partitionEnd() {
      if (isOverview() && folder !== null) line(row(partitionColumns, overview(folder, totals)))
    },
    end() {
      if (isOverview()) return
      line('\nflags: t transactional, c control, a LogAppendTime, h delete horizon; every batch')
      line('shown has a CRC that holds. producer: id/epoch/first sequence. epoch: of the leader.')
    }
  }
}

function introduction({ path, kind, identity, isClean }: LogTarget): string {
  const what = { dataDirectory: 'data directory', partition: 'partition', segment: 'segment' }[kind]
  const whose = identity === null ? '' : `\ncluster ${identity.clusterId}, node ${identity.nodeId}`
  const state = isClean
    ? 'shut down in order'
    : 'not shut down in order, or in use: what is written meanwhile may be missing here'
  return `${what} ${path}${whose}\n${state}`
}

function partitionLines(
  folder: PartitionFolder,
  snapshots: readonly SnapshotView[]
): readonly string[] {
  const { name, topicId, state, leaderEpochCheckpoint: epochs } = folder
  const title = name === null ? folder.path : `${name.topic}-${name.partition}`
  const lines = [`\n${title}${topicId === null ? '' : `  topic id ${topicId}`}`]
  if (state !== null) {
    lines.push(`durable to offset ${state.durableEndOffset}, log start ${state.logStartOffset}`)
  }
  if (Array.isArray(epochs)) {
    const starts = epochs.map(epoch => `${epoch.leaderEpoch} from ${epoch.startOffset}`)
    lines.push(...wrapped('leader epochs: ', starts))
  } else if (epochs === 'damaged') lines.push('leader epochs: the checkpoint is damaged')
  for (const { file, fault, producers } of snapshots) {
    lines.push(`producers in ${baseName(file)}: ${fault ?? producers.length}`)
    for (const each of producers) {
      const open = each.currentTxnFirstOffset
      lines.push(
        `  ${each.producerId}/${each.producerEpoch} last sequence ${each.lastSequence} at offset ` +
          `${each.lastOffset}${open < 0 ? '' : `, transaction open from ${open}`}`
      )
    }
  }
  return lines
}

function segmentLines(segment: SegmentView, isDetailed: boolean): readonly string[] {
  const { files, offsetIndex, timeIndex, abortedTransactions } = segment
  const { sidecar } = files
  const lines = [`\n${baseName(files.logPath)}  ${files.size ?? 'no file,'} bytes`]
  if (sidecar === null) lines.push('no sidecar: offsets may have gaps, and headers are not checked')
  else lines.push(...sidecarLines(sidecar))
  lines.push(
    `${offsetIndex.length} offset index entries, ${timeIndex.length} time index entries` +
      `, ${abortedTransactions.length} aborted transactions`
  )
  if (!isDetailed) return lines
  const positions = offsetIndex.map(entry => `${entry.lastOffset}@${entry.position}`)
  const times = timeIndex.map(entry => `${moment(entry.timestampMs)} to ${entry.lastOffset}`)
  const aborted = abortedTransactions.map(
    entry => `${entry.producerId} ${entry.firstOffset}-${entry.lastOffset}`
  )
  if (positions.length > 0) lines.push(...wrapped('offset index: ', positions))
  if (times.length > 0) lines.push(...wrapped('time index: ', times))
  if (aborted.length > 0) lines.push(...wrapped('aborted: ', aborted))
  for (const entry of sidecar?.journal ?? []) {
    lines.push(`journal: ${journalText(entry)}`)
  }
  return lines
}

function journalText(entry: JournalEntry): string {
  switch (entry.kind) {
    case 'mark':
      return `mark at ${entry.position}, offsets below ${entry.endOffset}`
    case 'leaderEpoch':
      return `leader epoch ${entry.leaderEpoch} from ${entry.startOffset}`
    case 'compaction':
      return `compacted below ${entry.firstDirtyOffset}`
    default:
      return unreachable(entry)
  }
}

function sidecarLines(sidecar: NonNullable<SegmentView['files']['sidecar']>): readonly string[] {
  const { identity, state, journal } = sidecar
  const damaged = damagedParts(sidecar)
  const whose =
    typeof identity === 'object'
      ? `created ${moment(identity.createdMs)}, partition ${identity.partition} of topic id ` +
        identity.topicId.toString('base64url')
      : `identity ${identity}`
  const noted =
    state === null
      ? 'no state that holds'
      : `durable to ${state.durableEndOffset}, log start ${state.logStartOffset}`
  return [
    `sidecar: ${whose}`,
    `sidecar: ${noted}, ${journal.length} journal entries`,
    ...(damaged.length === 0
      ? []
      : [`! sidecar: its ${damaged.join(', ')} ${damaged.length === 1 ? 'does' : 'do'} not hold`])
  ]
}

function batchCells(view: BatchView): readonly string[] {
  const { producerId, producerEpoch, baseSequence } = view
  const flags = [
    view.isTransactional ? 't' : '',
    view.isControl ? 'c' : '',
    view.timestampType === 'LogAppendTime' ? 'a' : '',
    view.deleteHorizonMs === null ? '' : 'h'
  ]
  return [
    `${view.baseOffset}-${view.lastOffset}`,
    String(view.position),
    String(view.size),
    view.compression,
    String(view.recordCount),
    producerId < 0 ? '-' : `${producerId}/${producerEpoch}/${baseSequence}`,
    String(view.partitionLeaderEpoch),
    moment(view.maxTimestampMs),
    flags.join('') || '-'
  ]
}

function overview(folder: PartitionFolder, totals: readonly SegmentTotals[]): readonly string[] {
  const { name, path, segments } = folder
  const bytes = segments.reduce((sum, { size }) => sum + (size ?? 0), 0)
  const first = folder.state?.logStartOffset ?? segments[0]?.baseOffset ?? 0
  const end = totals.at(-1)?.endOffset ?? first
  return [
    name === null ? path : `${name.topic}-${name.partition}`,
    String(segments.length),
    String(bytes),
    end > first ? `${first} to ${end - 1}` : 'none',
    String(totals.reduce((sum, { batchCount }) => sum + batchCount, 0)),
    String(totals.reduce((sum, { damage }) => sum + damage.length, 0))
  ]
}

function totalsLine({ batchCount, recordCount, endOffset, damage }: SegmentTotals): string {
  const damaged = damage.length === 0 ? '' : `, ${counted(damage.length, 'damaged range')}`
  return (
    `the segment has ${counted(batchCount, 'batch')}, ${counted(recordCount, 'record')}, ` +
    `ends before ${endOffset}${damaged}`
  )
}

/** What stands in place of sound batches, on one line. */
export function damageText(damage: DamagedBytes): string {
  const { fromOffset, toOffset, fromPosition, toPosition, fault } = damage
  const offsets = `offsets ${fromOffset}-${toOffset > fromOffset ? toOffset - 1 : '?'}`
  return `${offsets} bytes ${fromPosition}-${toPosition} ${fault}: ${faultMeanings[fault]}`
}

function recordLine(view: RecordView): string {
  const { offset, timestampMs, key, value, headers, control, decoded } = view
  const named = headers.map(header => `${header.key}=${shown(header.value)}`)
  const content =
    control !== undefined
      ? `control ${control}`
      : decoded !== undefined
        ? `${decoded.type} ${toJson(decoded.key ?? {})} ${toJson(decoded.value)}`
        : `key ${shown(key)} value ${shown(value)}`
  const all = `  ${offset}  ${moment(timestampMs)}  ${content}`
  return cut(named.length === 0 ? all : `${all} headers ${named.join(' ')}`)
}

function shown(bytes: BytesView): string {
  return bytes !== null && typeof bytes === 'object'
    ? `base64:${bytes.base64}`
    : JSON.stringify(bytes)
}

/** A timestamp, to the second; `-` for none. */
export function moment(timestampMs: number): string {
  if (timestampMs < 0) return '-'
  if (timestampMs > 8.64e15) return String(timestampMs)
  return `${new Date(timestampMs).toISOString().slice(0, -5)}Z`
}

function titles(columns: readonly Column[]): readonly string[] {
  return columns.map(([title]) => title)
}

function row(columns: readonly Column[], cells: readonly string[]): string {
  const padded = columns.map(([, width, align], index) =>
    align === 'left' ? cells[index]!.padEnd(width) : cells[index]!.padStart(width)
  )
  return padded.join(' ').trimEnd()
}

function wrapped(title: string, items: readonly string[]): readonly string[] {
  const lines: string[] = []
  let text = title
  for (const [index, item] of items.entries()) {
    const piece = index === items.length - 1 ? item : `${item}, `
    if (text.length + piece.trimEnd().length > lineWidth) {
      lines.push(text.trimEnd())
      text = '  '
    }
    text += piece
  }
  return [...lines, text]
}

function cut(text: string): string {
  return text.length <= lineWidth ? text : `${text.slice(0, lineWidth - 1)}…`
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
