import type { Clock } from '../../io/clock.ts'
import type { Files, OpenFile } from '../../io/files.ts'
import { nodeRandom } from '../../io/node-random.ts'
import { batchHeaderSize, batchSize } from '../../record/batch.ts'
import { CompactedSegment } from '../../storage/local/compacted-segment.ts'
import { DirectoryContext } from '../../storage/local/directory-context.ts'
import { completeSwap, decideSwap, replaceFiles } from '../../storage/local/segment-swap.ts'
import type { JournalEntry, SegmentIdentity } from '../../storage/local/sidecar-format.ts'
import type { StateNote } from '../../storage/local/sidecar.ts'
import { silentLogger } from '../../telemetry/logger.ts'
import type { SegmentRepair } from './repair-plan.ts'

/** Bytes between two entries of an index. Kafka: index.interval.bytes, its default. */
const indexIntervalBytes = 4096
/** Bytes of batches that are written together. */
const appendSizeMin = 1024 * 1024

export interface SparseRepair {
  readonly files: Files
  readonly clock: Clock
  /** The log directory. */
  readonly directory: string
  readonly folder: string
  readonly logPath: string
  readonly repair: SegmentRepair
  readonly identity: SegmentIdentity
  /** The offset up to which the segment stands for the log. */
  readonly endOffset: number
  readonly note: StateNote
  readonly journal: readonly JournalEntry[]
}

/**
 * Writes a segment of compaction again without what is damaged, with a table and indexes of what is
 * left, and lets it take the place of the old one the way that compaction does: a crash at any
 * moment leaves one of them, or what the next start makes one of them.
 *
 * @throws FileError when a file cannot be written
 */
export async function writeSparseRepair(work: SparseRepair): Promise<void> {
  const { files, clock, directory: path, folder, identity, endOffset, note, journal } = work
  let failure: Error | null = null
  const context = new DirectoryContext(
    { files, clock, random: nodeRandom, logger: silentLogger, durability: 'fsync', path },
    error => (failure = error)
  )
  context.clusterId = identity.clusterId
  const segment = new CompactedSegment(context, folder, identity)
  const source = files.open(work.logPath, 'read')
  try {
    await copyBatches(source, work.repair, segment)
  } finally {
    source.close()
  }
  await segment.finish({ endOffset, note, journal })
  await decideSwap(context, folder, identity.baseOffset)
  replaceFiles(context, folder, identity.baseOffset, [])
  await completeSwap(context, folder, identity.baseOffset)
  if (failure !== null) throw failure
}

async function copyBatches(
  source: OpenFile,
  repair: SegmentRepair,
  segment: CompactedSegment
): Promise<void> {
  let batches: Buffer[] = []
  let size = 0
  const flush = async (): Promise<void> => {
    await segment.append(batches, indexIntervalBytes)
    batches = []
    size = 0
  }
  for (const piece of repair.pieces) {
    if (piece.kind === 'gap') continue
    const pieceBatches =
      piece.kind === 'header'
        ? [piece.bytes]
        : batchesBetween(source, piece.fromPosition, piece.toPosition)
    for (const batch of pieceBatches) {
      batches.push(batch)
      size += batch.length
      if (size >= appendSizeMin) await flush()
    }
  }
  await flush()
}

/** The batches of a stretch that was found sound. */
function* batchesBetween(source: OpenFile, from: number, to: number): Generator<Buffer> {
  const header = Buffer.alloc(batchHeaderSize)
  for (let position = from; position < to;) {
    source.readSync(header, position)
    const batch = Buffer.alloc(batchSize(header, 0))
    source.readSync(batch, position)
    yield batch
    position += batch.length
  }
}
