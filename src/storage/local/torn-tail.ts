import { tornTailSavedSizeMax } from '../../limits.ts'
import { isFileError } from './read-steps.ts'
import { lostAndFoundName, partitionFolderName } from './file-names.ts'
import type { LogContext, LogName } from './log-context.ts'
import type { Segment } from './segment.ts'

/** Bytes that are copied at a time. */
const copyChunkSize = 1024 * 1024

export interface TornTail {
  readonly name: LogName
  /** The segment as far as its batches are sound; the tail is what its file has behind them. */
  readonly segment: Segment
  readonly fileSize: number
  readonly durableEndOffset: number
}

/**
 * Keeps what recovery is about to cut off, in `lost-and-found` of the log directory, and says so in
 * the log. Nobody was promised these bytes, but a person may want to look at them.
 */
export async function saveTornTail(context: LogContext, tail: TornTail): Promise<void> {
  const { segment, fileSize } = tail
  const size = fileSize - segment.size
  if (size <= 0) return
  const saved = Math.min(size, tornTailSavedSizeMax)
  const folder = `${context.path}/${lostAndFoundName}`
  const fileName = `${partitionFolderName(tail.name)}-${segment.endOffset}`
  const path = `${folder}/${fileName}-${context.clock.wallMs()}`
  let savedTo: string | null = path
  try {
    context.files.makeDirectory(folder)
    await copyRange(context, segment, saved, path)
  } catch (error) {
    if (!isFileError(error)) throw error
    savedTo = null
  }
  context.logger.warn(
    'a torn tail was cut off: it was written, but never acknowledged as durable',
    {
      topic: tail.name.topic,
      partition: tail.name.partition,
      segment: segment.log.path,
      fromOffset: segment.endOffset,
      durableEndOffset: tail.durableEndOffset,
      position: segment.size,
      size,
      savedTo,
      savedSize: savedTo === null ? 0 : saved
    }
  )
}

async function copyRange(
  context: LogContext,
  segment: Segment,
  size: number,
  path: string
): Promise<void> {
  const target = context.files.open(path, 'create')
  const buffer = context.buffers.take(copyChunkSize)
  segment.log.pin()
  try {
    let copied = 0
    while (copied < size) {
      const piece = buffer.subarray(0, Math.min(buffer.length, size - copied))
      const read = await segment.log.get().read(piece, segment.size + copied)
      if (read === 0) break
      target.writeSync([piece.subarray(0, read)], copied)
      copied += read
    }
    if (context.durability === 'fsync') await target.datasync()
  } finally {
    segment.log.unpin()
    context.buffers.give(buffer)
    target.close()
  }
}
